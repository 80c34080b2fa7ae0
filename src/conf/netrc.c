#include "conf/netrc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sys/file.h"
#include "util/xalloc.h"

enum { NETRC_MAX = 1 << 20, WORD_LIMIT = 64 << 10 };	/* octets */

struct reader {
	struct str rest;
	struct buf word;
	bool quoted;		/* the word was: it is no keyword */
};

/* The entry being read. */
struct entry {
	bool match;		/* its host is ours */
	bool has_login, has_password;
	struct buf login, password;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char take(struct reader *r)
{
	r->rest.n--;
	return *r->rest.p++;
}

/* To the next keyword: where one stands, '#' begins a comment. */
static void skip_space(struct reader *r)
{
	while (r->rest.n) {
		if (*r->rest.p == '#')
			str_cut(&r->rest, '\n');
		else if (is_space(*r->rest.p))
			take(r);
		else
			return;
	}
}

static char unescaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	}
	return c;
}

/* False at the end. */
static bool next_word(struct reader *r, bool value)
{
	buf_reset(&r->word);
	/* A value may begin with '#'. */
	if (value)
		while (r->rest.n && is_space(*r->rest.p))
			take(r);
	else
		skip_space(r);
	if (!r->rest.n)
		return false;
	r->quoted = *r->rest.p == '"';
	if (!r->quoted) {
		while (r->rest.n && !is_space(*r->rest.p))
			buf_addch(&r->word, take(r));
		return true;
	}
	take(r);
	while (r->rest.n) {
		char c = take(r);

		if (c == '"')
			break;
		if (c == '\\' && r->rest.n)
			c = unescaped(take(r));
		buf_addch(&r->word, c);
	}
	return true;
}

static bool is_keyword(const struct reader *r, struct str word)
{
	return !r->quoted && str_caseeq(buf_str(&r->word), word);
}

/* A macro ends at an empty line. */
static void skip_macro(struct reader *r)
{
	while (r->rest.n) {
		struct str line = str_cut(&r->rest, '\n');

		if (!line.n || str_eq(line, STR("\r")))
			return;
	}
}

static void take_value(struct reader *r, bool *has, struct buf *to)
{
	buf_reset(to);
	*has = next_word(r, true);
	if (*has)
		buf_add(to, buf_str(&r->word));
	to->over |= r->word.over;	/* never one that was cut */
}

static bool is_wanted(const struct entry *e, const struct netrc_query *q)
{
	if (!e->match || (q->password && !e->has_password) ||
	    (q->login && !e->has_login))
		return false;
	return !*q->user || !e->has_login ||
	       str_eq(buf_str(&e->login), str_of(q->user));
}

static void begin(struct entry *e, bool match)
{
	e->match = match;
	e->has_login = e->has_password = false;
}

/* Read up to the end of the entry that is wanted. */
static int search(struct reader *r, struct entry *e,
		  const struct netrc_query *q)
{
	while (next_word(r, false)) {
		if (is_keyword(r, STR("machine"))) {
			if (is_wanted(e, q))
				return 1;
			next_word(r, true);
			begin(e, str_caseeq(buf_str(&r->word),
					    str_of(q->host)));
		} else if (is_keyword(r, STR("default"))) {
			if (is_wanted(e, q))
				return 1;
			begin(e, true);
		} else if (is_keyword(r, STR("login"))) {
			take_value(r, &e->has_login, &e->login);
		} else if (is_keyword(r, STR("password"))) {
			take_value(r, &e->has_password, &e->password);
		} else if (is_keyword(r, STR("account"))) {
			next_word(r, true);
		} else if (is_keyword(r, STR("macdef"))) {
			skip_macro(r);
		}
	}
	return is_wanted(e, q);
}

static void open_buf(struct buf *b, size_t max)
{
	buf_init(b, max);
	buf_room(b, max);	/* all of it now: no copies left by growing */
	buf_add(b, STR(""));
}

static void close_buf(struct buf *b)
{
	buf_wipe(b);
	buf_release(b);
}

int netrc_find(struct str text, const struct netrc_query *query)
{
	size_t max = text.n < WORD_LIMIT ? text.n : WORD_LIMIT;
	struct reader r = { .rest = text };
	struct entry e = { 0 };
	int found;

	open_buf(&r.word, max);
	open_buf(&e.login, max);
	open_buf(&e.password, max);
	found = search(&r, &e, query);
	if (found && query->login)
		buf_add(query->login, buf_str(&e.login));
	if (found && query->password) {
		buf_add(query->password, buf_str(&e.password));
		query->password->over |= e.password.over;
	}
	close_buf(&r.word);
	close_buf(&e.login);
	close_buf(&e.password);
	return found;
}

int netrc_read(const struct account *a, const struct netrc_query *query,
	       struct error *err)
{
	struct file_facts facts;
	struct buf text;
	int ret = -1;

	buf_init(&text, NETRC_MAX);
	if (file_slurp(a->netrc, &text, &facts, err))
		goto out;
	if (facts.missing) {
		error_set(err, ERROR_CONFIG, "netrc file '%s' of account '%s' "
			  "does not exist", a->netrc, a->name);
		goto out;
	}
	if (file_check_private(a->netrc, &facts, err))
		goto out;
	ret = netrc_find(buf_str(&text), query) ? 0 : -1;
	if (ret)
		error_set(err, ERROR_CONFIG, "netrc file '%s' has no %s for "
			  "machine '%s'%s%s%s", a->netrc,
			  query->password ? "password" : "login", query->host,
			  *query->user ? " login '" : "", query->user,
			  *query->user ? "'" : "");
out:
	buf_wipe(&text);
	buf_release(&text);
	return ret;
}

int netrc_fill_user(struct account *a, struct error *err)
{
	struct netrc_query query = { .host = account_host(a), .user = "" };
	struct buf login;
	int ret;

	if (*a->user || !*a->netrc)
		return 0;
	buf_init(&login, WORD_LIMIT);
	query.login = &login;
	ret = netrc_read(a, &query, err);
	if (!ret && (!login.len || str_has_ctl(buf_str(&login))))
		ret = error_set(err, ERROR_CONFIG, "netrc file '%s' has no "
				"usable login for machine '%s'", a->netrc,
				query.host);
	if (!ret) {
		free(a->user);
		a->user = xstrdup(buf_cstr(&login));
	}
	buf_release(&login);
	return ret;
}
