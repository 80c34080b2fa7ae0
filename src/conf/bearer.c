#include "conf/bearer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/helper.h"
#include "sys/locked.h"

#define HELPER "posthaste-oauth2"

enum {
	PATH_LIMIT = 4096,		/* octets */
	LINE_MAX_OCTETS = (64 << 10) + 16,	/* a token, and what is said of it */
	PROFILE_FD = 3
};

/* ---- the helper ---- */

int bearer_helper(struct buf *out, struct error *err)
{
	return helper_find(HELPER, out, err);
}

static int start_helper(struct bearer *b, const char *stale,
			struct error *err)
{
	char option[sizeof("--stale=") + TOKEN_DIGEST];
	const char *argv[] = { NULL, "refresh", *stale ? option : NULL, NULL };
	struct process_input input = { .at = PROFILE_FD, .speaks = true };
	struct buf path, text;
	int ret = -1;

	snprintf(option, sizeof(option), "--stale=%s", stale);
	buf_init(&path, PATH_LIMIT);
	locked_buf(&text, PROFILE_TEXT_MAX);
	profile_write(b->profile, b->user, &text);
	if (text.over) {
		error_set(err, ERROR_CONFIG, "the profile [oauth2 %s] is too "
			  "long", b->profile->name);
	} else if (!bearer_helper(&path, err)) {
		argv[0] = buf_cstr(&path);
		input.text = buf_str(&text);
		ret = process_start_input(&b->helper, argv, &input, err);
		b->helper.left = true;
		b->issued = true;
	}
	locked_buf_release(&text);
	buf_release(&path);
	return ret;
}

/* "error WORD TEXT" */
static int failed(struct str rest, struct error *err)
{
	static const struct {
		struct str word;
		enum error_kind kind;
	} kinds[] = {
		{ { "auth", 4 }, ERROR_AUTH },	/* somebody has to log in */
		{ { "net", 3 }, ERROR_NET },
		{ { "perm", 4 }, ERROR_PERM },
		{ { "io", 2 }, ERROR_IO },
		{ { "space", 5 }, ERROR_SPACE },
		{ { "os", 2 }, ERROR_OS },
		{ { "config", 6 }, ERROR_CONFIG },
	};
	struct str word = str_cut(&rest, ' ');

	for (size_t i = 0; rest.n && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (str_eq(word, kinds[i].word))
			return error_set(err, kinds[i].kind, "%.*s",
					 (int)rest.n, rest.p);
	return error_set(err, ERROR_CONFIG, "'" HELPER "' gives an answer that "
			 "is not understood: is it of this version?");
}

int bearer_answer(struct str line, struct str *token, struct error *err)
{
	struct str rest = line;
	struct str word = str_cut(&rest, ' ');

	if (str_has_ctl(line))
		rest.n = 0;
	if (str_eq(word, STR("token")) && rest.n) {
		*token = rest;
		return 0;
	}
	if (!str_eq(word, STR("error")))
		rest.n = 0;
	return failed(rest, err);
}

static int finish_helper(struct bearer *b, int64_t deadline, struct buf *out,
			 struct error *err)
{
	struct error why = { 0 };
	struct str rest, line, token;
	struct buf text;
	int ret;

	locked_buf(&text, LINE_MAX_OCTETS);
	ret = process_finish(&b->helper, &text, deadline, &why);
	rest = buf_str(&text);
	/* A line without its end is cut: half a token is none. */
	line = rest.n && memchr(rest.p, '\n', rest.n) ?
	       str_cut(&rest, '\n') : STR("");
	if (ret && !line.n) {
		/* Killed, or out of time: the next one may fare better. */
		ret = error_set(err, ERROR_NET, "'" HELPER "', which renews "
				"the token of '%s', %s", b->profile->name,
				why.text);
	} else {
		ret = bearer_answer(line, &token, err);
		if (!ret)
			buf_add(out, token);
	}
	locked_buf_release(&text);
	return ret;
}

/* ---- the token ---- */

static int log_in(const struct bearer *b, struct error *err)
{
	struct buf how;

	buf_init(&how, 200);
	buf_addf(&how, "; run posthaste --oauth2-login=%s", b->profile->name);
	err->kind = ERROR_AUTH;
	error_add(err, buf_cstr(&how));
	buf_release(&how);
	return -1;
}

/* Where it was looked for: that may well be another's home. */
static int none_yet(const struct bearer *b, struct error *err)
{
	struct buf where;

	buf_init(&where, PATH_LIMIT);
	token_where(b->profile, &where);
	error_set(err, ERROR_AUTH, "there is no token for the profile '%s' in "
		  "%.300s yet", b->profile->name, buf_cstr(&where));
	buf_release(&where);
	return log_in(b, err);
}

/* What is kept has been read, or that failed. */
static int consider(struct bearer *b, int ret, struct error *err)
{
	if (ret && err->kind == ERROR_AUTH)
		return log_in(b, err);
	if (ret)
		return -1;
	if (!b->token.text)
		return none_yet(b, err);
	if (token_is_fresh(&b->token, clock_wall()))
		return 0;
	token_release(&b->token);
	return start_helper(b, "", err);
}

int bearer_begin(struct bearer *b, struct oauth2_profile *p, const char *user,
		 const char *stale, struct error *err)
{
	*b = (struct bearer){ .profile = p, .user = user };
	if (profile_resolve(p, err))
		return -1;
	if (*stale)
		return start_helper(b, stale, err);
	if (token_begin(&b->look, p, err))
		return -1;
	if (b->look.pid)
		return 0;
	return consider(b, token_finish(&b->token, p, &b->look, CLOCK_NEVER,
					err), err);
}

int bearer_finish(struct bearer *b, int64_t deadline, struct buf *out,
		  struct error *err)
{
	if (b->look.pid &&
	    consider(b, token_finish(&b->token, b->profile, &b->look, deadline,
				     err), err))
		return -1;
	if (b->issued)
		return finish_helper(b, deadline, out, err);
	buf_add(out, b->token.access);
	return 0;
}

void bearer_release(struct bearer *b)
{
	process_release(&b->look);
	process_release(&b->helper);
	token_release(&b->token);
	*b = (struct bearer){ 0 };
}
