#include "mail/address.h"

#include <string.h>

#include "util/utf8.h"

enum { END = -1, SHOWN_MAX = 60, PHRASE_MAX = 8 << 20 };

static int peek(const struct address_iter *it)
{
	return it->at < it->text.n ? (unsigned char)it->text.p[it->at] : END;
}

static bool fail(struct address_iter *it, const char *wrong)
{
	if (!it->wrong)
		it->wrong = wrong;
	return false;
}

static bool control(int c)
{
	return (c >= 0 && c < 0x20) || c == 0x7f;
}

/* Atoms, RFC 5322 s3.2.3; bytes over 0x7f as RFC 6532 s3.2 adds them. */
static bool atext(int c)
{
	return c > 0x7f || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') ||
	       (c > 0 && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Octets of white space here: a blank is one, a fold before a blank two. */
static size_t blank(const struct address_iter *it)
{
	const char *p = it->text.p + it->at;
	size_t n = it->text.n - it->at;

	if (n && (*p == ' ' || *p == '\t'))
		return 1;
	if (n > 2 && p[0] == '\r' && p[1] == '\n' &&
	    (p[2] == ' ' || p[2] == '\t'))
		return 2;
	return 0;
}

/*
 * One character of a comment or quoted string, its backslash taken off; a
 * fold gives 0.  END when the text ends or holds what it may not.
 */
static int inner(struct address_iter *it)
{
	size_t n = blank(it);
	int c = peek(it);

	if (n == 2) {
		it->at += 2;
		return 0;
	}
	if (c == '\\') {
		it->at++;
		c = peek(it);
	}
	if (c == END) {
		fail(it, "a quote or comment is not closed");
		return END;
	}
	if (control(c) && c != '\t') {
		fail(it, "it has a control byte");
		return END;
	}
	it->at++;
	return c;
}

static bool skip_comment(struct address_iter *it)
{
	size_t depth = 0;

	do {
		int c = peek(it);

		if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		if (inner(it) == END)
			return false;
	} while (depth);
	return true;
}

/* Comments and white space, RFC 5322 s3.2.2. */
static bool skip(struct address_iter *it)
{
	for (;;) {
		size_t n = blank(it);

		if (n)
			it->at += n;
		else if (peek(it) != '(')
			break;
		else if (!skip_comment(it))
			return false;
	}
	if (control(peek(it)))
		return fail(it, "it has a control byte");
	return true;
}

/* A quoted string, decoded to the end of `out`. */
static bool quoted(struct address_iter *it, struct buf *out)
{
	it->at++;
	while (peek(it) != '"') {
		int c = inner(it);

		if (c == END)
			return false;
		if (c)
			buf_addch(out, (char)c);
	}
	it->at++;
	return true;
}

static void atom(struct address_iter *it, struct buf *out)
{
	size_t from = it->at;

	while (atext(peek(it)))
		it->at++;
	buf_add(out, (struct str){ it->text.p + from, it->at - from });
}

static bool dot_atom(struct str s)
{
	char before = '.';

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? before == '.'
				  : !atext((unsigned char)s.p[i]))
			return false;
		before = s.p[i];
	}
	return before != '.';
}

/* Put a decoded local part the one way SMTP takes it, RFC 5321 s4.1.2. */
static bool add_local(struct address_iter *it)
{
	struct str s = buf_str(&it->word);

	if (it->word.over)
		return fail(it, "it is too long");
	if (str_has_ctl(s))
		return fail(it, "its local part has a control byte");
	if (!utf8_valid(s))
		return fail(it, "it is not UTF-8");
	if (dot_atom(s)) {
		buf_add(&it->spec, s);
		return true;
	}
	buf_addch(&it->spec, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addch(&it->spec, '\\');
		buf_addch(&it->spec, s.p[i]);
	}
	buf_addch(&it->spec, '"');
	return true;
}

/* Words and dots, white space between them (s4.4 obs-local-part). */
static bool local_part(struct address_iter *it)
{
	bool any = false, after_word = false;

	buf_reset(&it->word);
	for (;;) {
		int c = peek(it);

		if (c != '.' && c != '"' && !atext(c))
			break;
		if (c != '.' && after_word)
			return fail(it, "two words stand where one address or "
				    "a comma was expected");
		if (c == '"') {
			if (!quoted(it, &it->word))
				return false;
		} else if (c == '.') {
			buf_addch(&it->word, '.');
			it->at++;
		} else {
			atom(it, &it->word);
		}
		after_word = c != '.';
		any = true;
		it->end = it->at;
		if (!skip(it))
			return false;
	}
	if (!any)
		return fail(it, "there is nothing before '@'");
	return add_local(it);
}

static bool literal(struct address_iter *it)
{
	for (;;) {
		size_t n = blank(it);
		int c = peek(it);

		it->at += n ? n : 1;
		if (n)
			continue;
		if (c == END || control(c) || c > 0x7f || strchr("\\<>", c))
			return fail(it, "its domain literal is broken");
		buf_addch(&it->spec, (char)c);
		if (c == ']')
			break;
		if (c == '[' && it->spec.p[it->spec.len - 2] != '@')
			return fail(it, "its domain literal is broken");
	}
	it->end = it->at;
	return true;
}

/* A domain, appended to spec; what ends it is for the caller to judge. */
static bool domain(struct address_iter *it)
{
	size_t from = it->spec.len;
	struct str s;

	if (peek(it) == '[')
		return literal(it) && skip(it);
	while (peek(it) == '.' || atext(peek(it))) {
		if (peek(it) == '.')
			buf_addch(&it->spec, it->text.p[it->at++]);
		else if (it->spec.len > from &&
			 it->spec.p[it->spec.len - 1] != '.')
			return fail(it, "its domain has a blank in it; "
				    "is a comma missing?");
		else
			atom(it, &it->spec);
		if (it->spec.over)
			return fail(it, "it is too long");
		it->end = it->at;
		if (!skip(it))
			return false;
	}
	if (it->spec.len > from + 1 && it->spec.p[it->spec.len - 1] == '.')
		it->spec.p[--it->spec.len] = '\0';	/* the root's own dot */
	s = buf_str(&it->spec);
	s.p += from;
	s.n -= from;
	if (!s.n)
		return fail(it, "there is no domain after '@'");
	if (!dot_atom(s))
		return fail(it, "its domain has an empty label");
	if (!utf8_valid(s))
		return fail(it, "it is not UTF-8");
	return true;
}

/* local-part, and "@" domain if it is there. */
static bool addr_spec(struct address_iter *it, struct address *a)
{
	size_t from = it->at;

	buf_reset(&it->spec);
	if (!local_part(it))
		return false;
	if (peek(it) == '@') {
		buf_addch(&it->spec, '@');
		it->at++;
		if (!skip(it) || !domain(it))
			return false;
	}
	if (it->spec.over || it->spec.len > ADDRESS_MAX)
		return fail(it, "it is too long");
	a->spec = buf_str(&it->spec);
	a->source = (struct str){ it->text.p + from, it->end - from };
	return true;
}

/* "@a,@b:" before an address (s4.4 obs-route) says nothing any more. */
static bool skip_route(struct address_iter *it)
{
	if (peek(it) != '@')
		return true;
	for (;;) {
		int c = peek(it);

		if (c == '@') {
			buf_reset(&it->spec);
			buf_addch(&it->spec, '@');
			it->at++;
			if (!skip(it) || !domain(it))
				return false;
		} else if (c == ',') {
			it->at++;
			if (!skip(it))
				return false;
		} else {
			break;
		}
	}
	if (peek(it) != ':')
		return fail(it, "there is nothing before '@'");
	it->at++;
	return skip(it);
}

static bool angle_addr(struct address_iter *it, struct address *a)
{
	it->at++;
	if (!skip(it) || !skip_route(it))
		return false;
	if (peek(it) == '>') {
		a->spec = (struct str){ "", 0 };
		a->source = (struct str){ it->text.p + it->at, 0 };
	} else if (!addr_spec(it, a)) {
		return false;
	}
	if (peek(it) != '>')
		return fail(it, "'<' has no '>'");
	it->at++;
	return skip(it);
}

/* What comes before "<" or ":", decoded to it->name, blanks made one. */
static bool phrase(struct address_iter *it, int stop)
{
	size_t from = it->at;

	buf_reset(&it->name);
	while (peek(it) != stop) {
		size_t before = it->at;

		if (!skip(it))
			return false;
		if (it->at > before && before > from && peek(it) != stop)
			buf_addch(&it->name, ' ');
		if (peek(it) == '"' && !quoted(it, &it->name))
			return false;
		if (peek(it) == ')' || peek(it) == END)
			return fail(it, "')' has no '('");
		before = it->at;
		while (peek(it) > ' ' && peek(it) != stop && peek(it) != 0x7f &&
		       !strchr("\"()", peek(it)))
			it->at++;
		buf_add(&it->name, (struct str){ it->text.p + before,
						 it->at - before });
	}
	return true;
}

/*
 * Look ahead, moving nothing: what ends the words that begin here?  One of
 * "<:,;>" or END; 0 after failing.  *at says whether an "@" was among them.
 */
static int shape(struct address_iter *it, bool *at)
{
	size_t back = it->at;
	int before = 0, c;

	*at = false;
	for (;;) {
		if (!skip(it))
			return 0;
		c = peek(it);
		if (c == END || strchr("<:,;>", c))
			break;
		buf_reset(&it->word);
		if (c == '"') {
			if (!quoted(it, &it->word))
				return 0;
		} else if (c == '[' && before == '@') {
			while (peek(it) != ']' && peek(it) != END)
				it->at++;
		} else {
			it->at++;
		}
		*at = *at || c == '@';
		before = c;
	}
	it->at = back;
	return c;
}

static bool mailbox(struct address_iter *it, struct address *a, int ends)
{
	buf_reset(&it->name);
	if (ends == '<') {
		if (!phrase(it, '<') || !angle_addr(it, a))
			return false;
	} else if (!addr_spec(it, a)) {
		return false;
	}
	a->name = buf_str(&it->name);
	switch (peek(it)) {
	case END:
	case ',':
	case ';':
		return true;
	case '>':
		return fail(it, "'>' has no '<'");
	case '@':
		return fail(it, "it has two '@'");
	}
	return fail(it, "what follows the address is not a comma");
}

static bool group(struct address_iter *it, bool at)
{
	if (it->in_group)
		return fail(it, "a group stands in a group");
	if (at)
		return fail(it, "':' cannot follow '@'");
	if (!phrase(it, ':'))
		return false;
	if (!it->name.len)
		return fail(it, "a group has no name");
	it->at++;
	it->in_group = true;
	return true;
}

void address_begin(struct address_iter *it, struct str text)
{
	*it = (struct address_iter){ .text = text };
	buf_init(&it->spec, 2 * ADDRESS_MAX + 4);
	buf_init(&it->name, PHRASE_MAX);
	buf_init(&it->word, ADDRESS_MAX);
}

bool address_next(struct address_iter *it, struct address *a)
{
	while (!it->wrong && skip(it)) {
		int c = peek(it);
		bool at;

		it->start = it->at;
		if (c == END)
			return false;
		if (c == ',' || c == ';') {
			it->in_group = it->in_group && c != ';';
			it->at++;
			continue;
		}
		c = shape(it, &at);
		if (!c)
			return false;
		if (c != ':')
			return mailbox(it, a, c);
		if (!group(it, at))
			return false;
	}
	return false;
}

int address_end(struct address_iter *it, struct error *err)
{
	struct str shown = { it->text.p + it->start, it->text.n - it->start };
	bool cut = shown.n > SHOWN_MAX;

	if (it->wrong) {
		if (cut)
			shown.n = SHOWN_MAX;
		while (cut && shown.n && ((unsigned char)shown.p[shown.n] &
					  0xc0) == 0x80)
			shown.n--;
		buf_reset(&it->name);
		utf8_escape(&it->name, shown);
		error_set(err, ERROR_DATA, "bad address '%s%s': %s",
			  buf_cstr(&it->name), cut ? "..." : "", it->wrong);
	}
	buf_release(&it->spec);
	buf_release(&it->name);
	buf_release(&it->word);
	return it->wrong ? -1 : 0;
}

int address_one(struct buf *out, struct str text, struct error *err)
{
	struct address_iter it;
	struct address a;
	size_t n = 0;

	if (!text.n)
		return 0;
	if (str_has_ctl(text))
		return error_set(err, ERROR_DATA,
				 "bad address: it has a control byte");
	address_begin(&it, text);
	while (address_next(&it, &a))
		if (n++ == 0)
			buf_add(out, a.spec);
	if (address_end(&it, err))
		return -1;
	if (n != 1)
		return error_set(err, ERROR_DATA, n ? "several addresses "
				 "where one was expected" : "no address "
				 "where one was expected");
	return 0;
}

struct str address_domain(struct str spec)
{
	bool in_quotes = false;

	for (size_t i = 0; i < spec.n; i++) {
		if (in_quotes && spec.p[i] == '\\')
			i++;
		else if (spec.p[i] == '"')
			in_quotes = !in_quotes;
		else if (spec.p[i] == '@' && !in_quotes)
			return (struct str){ spec.p + i + 1, spec.n - i - 1 };
	}
	return (struct str){ spec.p + spec.n, 0 };
}

void address_qualify(struct buf *out, struct str spec, const char *mailname)
{
	buf_add(out, spec);
	if (!spec.n || !*mailname || address_domain(spec).n)
		return;
	buf_addch(out, '@');
	buf_addz(out, mailname);
}

bool address_same(struct str a, struct str b)
{
	size_t n = a.n - address_domain(a).n;

	return a.n == b.n && address_domain(b).n == a.n - n &&
	       str_eq((struct str){ a.p, n }, (struct str){ b.p, n }) &&
	       str_caseeq((struct str){ a.p + n, a.n - n },
			  (struct str){ b.p + n, b.n - n });
}
