#include "oauth2/redirect.h"

#include <stdint.h>
#include <string.h>

#include "oauth2/form.h"
#include "util/utf8.h"

enum { FIELDS = 5 };

static struct buf *field(struct redirect *r, size_t i)
{
	struct buf *all[FIELDS] = { &r->code, &r->state, &r->error,
				    &r->description, &r->iss };

	return all[i];
}

void redirect_init(struct redirect *r)
{
	for (size_t i = 0; i < FIELDS; i++)
		buf_init(field(r, i), REDIRECT_MAX);
}

void redirect_release(struct redirect *r)
{
	for (size_t i = 0; i < FIELDS; i++) {
		buf_wipe(field(r, i));
		buf_release(field(r, i));
	}
}

static bool take(struct redirect *r, struct str name, struct str value,
		 unsigned *seen)
{
	static const char *const names[FIELDS] = {
		"code", "state", "error", "error_description", "iss",
	};

	for (size_t i = 0; i < FIELDS; i++) {
		struct buf *to = field(r, i);

		if (!str_eq(name, str_of(names[i])))
			continue;
		if (*seen & 1u << i)
			return false;
		*seen |= 1u << i;
		/* At once, so that no copy of a code stays behind. */
		if (!buf_room(to, value.n) || !form_decode(to, value))
			return false;
		/* A description may be anything: it is escaped when shown. */
		return i == 3 || !str_has_ctl(buf_str(to));
	}
	return true;
}

bool redirect_query(struct redirect *r, struct str query)
{
	struct str name, value;
	unsigned seen = 0;

	for (size_t i = 0; i < FIELDS; i++)
		buf_wipe(field(r, i));
	while (form_next(&query, &name, &value))
		if (!take(r, name, value, &seen))
			return false;
	return !r->code.len != !r->error.len;
}

/* The head, if it is whole: up to the blank line, LF alone being enough. */
static bool head_of(struct str bytes, struct str *head)
{
	for (size_t i = 0; i + 1 < bytes.n; i++) {
		size_t lf = bytes.p[i + 1] == '\r' ? i + 2 : i + 1;

		if (bytes.p[i] != '\n' || lf >= bytes.n || bytes.p[lf] != '\n')
			continue;
		*head = (struct str){ bytes.p, i + 1 };
		return true;
	}
	return false;
}

static struct str line_of(struct str *head)
{
	struct str line = str_cut(head, '\n');

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool is_ours(struct str host, unsigned port)
{
	static const char *const names[] = { "127.0.0.1", "localhost",
					     "[::1]" };
	uint64_t n = 80;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct str name = str_of(names[i]);
		struct str rest = host;

		if (!str_casestarts(host, name))
			continue;
		rest.p += name.n;
		rest.n -= name.n;
		if (rest.n && (*rest.p != ':' ||
			       !str_u64((struct str){ rest.p + 1, rest.n - 1 },
					65535, &n)))
			return false;
		return n == port;
	}
	return false;
}

/* Exactly one Host field, and it is ours. */
static bool host_is_ours(struct str head, unsigned port, bool *twice)
{
	bool ours = false;
	unsigned n = 0;

	while (head.n) {
		struct str value = line_of(&head);
		struct str name = str_cut(&value, ':');

		if (!str_caseeq(name, STR("Host")))
			continue;
		n++;
		ours = is_ours(str_trim(value), port);
	}
	*twice = n > 1;
	return n == 1 && ours;
}

enum redirect_kind redirect_request(struct redirect *r, struct str bytes,
				    struct str path, unsigned port)
{
	struct str head, line, method, target, where;
	bool twice;

	if (!head_of(bytes, &head))
		return bytes.n < REDIRECT_MAX ? REDIRECT_MORE : REDIRECT_BAD;
	line = line_of(&head);
	method = str_cut(&line, ' ');
	target = str_cut(&line, ' ');
	if (!str_starts(line, STR("HTTP/1.")) || !target.n ||
	    *target.p != '/' || str_has_ctl(target) ||
	    memchr(head.p ? head.p : "", '\0', head.n))
		return REDIRECT_BAD;
	if (!str_eq(method, STR("GET")))
		return REDIRECT_METHOD;
	if (!host_is_ours(head, port, &twice))
		return twice ? REDIRECT_BAD : REDIRECT_ELSEWHERE;
	where = str_cut(&target, '?');
	if (!str_eq(where, path) || !target.n)
		return REDIRECT_ELSEWHERE;
	return redirect_query(r, target) ? REDIRECT_ANSWER : REDIRECT_BAD;
}

bool redirect_pasted(struct redirect *r, struct str line)
{
	struct str query = str_trim(line);

	if (memchr(query.p ? query.p : "", '?', query.n))
		str_cut(&query, '?');
	query = str_cut(&query, '#');
	return redirect_query(r, query);
}
