/*
 * posthaste-oauth2: gets OAuth 2 tokens for posthaste, which starts it.  A
 * program of its own, so that HTTPS and JSON are not in the sender.
 *
 * The profile comes on descriptor 3 (conf/profile.h); a token goes out on
 * stdout and nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oauth2/client.h"
#include "oauth2/object.h"
#include "oauth2/renew.h"
#include "oauth2/say.h"
#include "oauth2/signin.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/guard.h"
#include "sys/locked.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	PROFILE_FD = 3,
	PROFILE_PATIENCE = 60,	/* seconds for it to arrive */
	TIMEOUT_MAX = 3600
};

struct order {
	bool login;
	enum flow flow;
	const char *stale;	/* hex digits, or "" */
	unsigned timeout;	/* seconds, 0: not said */
};

static int usage(const char *why)
{
	say("%s", why);
	say("posthaste-oauth2 is started by posthaste: see posthaste-oauth2(8)");
	return error_kind_status(ERROR_USAGE);
}

/* The value of --NAME=VALUE, or NULL. */
static const char *value_of(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(arg, name, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

static bool take_flow(struct order *o, const char *value)
{
	static const char *const names[] = { "auto", "browser", "device" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(value, names[i]))
			continue;
		o->flow = (enum flow)i;
		return o->login;
	}
	return false;
}

static bool take_stale(struct order *o, const char *value)
{
	o->stale = value;
	return !o->login && strlen(value) == TOKEN_DIGEST - 1 &&
	       strspn(value, "0123456789abcdefABCDEF") == TOKEN_DIGEST - 1;
}

static bool take_timeout(struct order *o, const char *value)
{
	uint64_t n;

	if (!str_u64(str_of(value), TIMEOUT_MAX, &n) || !n)
		return false;
	o->timeout = (unsigned)n;
	return true;
}

static bool take_option(struct order *o, const char *arg)
{
	const char *value;

	if ((value = value_of(arg, "--flow")))
		return take_flow(o, value);
	if ((value = value_of(arg, "--stale")))
		return take_stale(o, value);
	if ((value = value_of(arg, "--timeout")))
		return take_timeout(o, value);
	return false;
}

static bool parse(struct order *o, int argc, char **argv)
{
	*o = (struct order){ .stale = "" };
	if (argc < 2)
		return false;
	o->login = !strcmp(argv[1], "login");
	if (!o->login && strcmp(argv[1], "refresh"))
		return false;
	for (int i = 2; i < argc; i++)
		if (!take_option(o, argv[i]))
			return false;
	return true;
}

/* ---- the profile ---- */

static int read_profile(struct oauth2_profile *p, char **user,
			struct error *err)
{
	struct buf text;
	int ret;

	locked_buf(&text, PROFILE_TEXT_MAX);
	ret = file_read_fd(PROFILE_FD, &text, clock_after(PROFILE_PATIENCE),
			   "the profile", err);
	if (!ret && text.over)
		ret = error_set(err, ERROR_CONFIG, "the profile is longer than "
				"%d octets", PROFILE_TEXT_MAX);
	if (!ret)
		ret = profile_read(p, user, buf_str(&text), err);
	close(PROFILE_FD);
	locked_buf_release(&text);
	return ret;
}

/* ---- refresh: one line for the sender ---- */

static const char *word_of(enum error_kind kind)
{
	switch (kind) {
	case ERROR_AUTH:
	case ERROR_CERT:
		return "auth";
	case ERROR_NET:
	case ERROR_HOST:
	case ERROR_TLS:
	case ERROR_PROTOCOL:
	case ERROR_UNAVAILABLE:
		return "net";
	case ERROR_PERM:
		return "perm";
	case ERROR_SPACE:
		return "space";
	case ERROR_IO:
	case ERROR_CREATE:
	case ERROR_INPUT:
		return "io";
	case ERROR_OS:
	case ERROR_BUG:
		return "os";
	default:
		return "config";
	}
}

static int write_all(struct str s)
{
	while (s.n) {
		ssize_t n = write(1, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

static int answer(const char *word, struct str text)
{
	struct buf line;
	int ret;

	locked_buf(&line, 2 * GRANT_TOKEN_MAX);
	buf_addf(&line, "%s ", word);
	buf_add(&line, text);
	buf_addch(&line, '\n');
	ret = write_all(buf_str(&line));
	locked_buf_release(&line);
	return ret ? error_kind_status(ERROR_IO) : 0;
}

static int answer_error(const struct error *err)
{
	struct buf text;
	int status;

	buf_init(&text, 8 * sizeof(err->text));
	buf_addf(&text, "%s ", word_of(err->kind));
	utf8_ensure(&text, str_of(err->text));
	status = answer("error", buf_str(&text));
	buf_release(&text);
	return status;
}

static int do_refresh(const struct order *o, const struct oauth2_profile *p,
		      const char *user)
{
	struct error err, warn = { .kind = ERROR_NONE };
	struct client c = { 0 };
	struct buf token;
	int status;

	locked_buf(&token, GRANT_TOKEN_MAX);
	if (client_init(&c, p, user, o->timeout, &err) ||
	    renew_token(&c, o->stale, &token, &warn, &err))
		status = answer_error(&err);
	else if (token.over)
		status = answer("error", STR("config the token that is kept is "
					     "too long to be one"));
	else
		status = answer("token", buf_str(&token));
	/* The mail may go; but the next renewal may fail, so it is said. */
	if (warn.kind)
		say("%s", warn.text);
	client_release(&c);
	locked_buf_release(&token);
	return status;
}

/* ---- login: for a person ---- */

static int do_login(const struct order *o, const struct oauth2_profile *p,
		    const char *user)
{
	struct client c = { 0 };
	struct error err;
	struct buf text;
	int status = 0;

	buf_init(&text, 8 * sizeof(err.text));
	if (client_init(&c, p, user, 0, &err) ||
	    signin(&c, o->flow, o->timeout, &err)) {
		utf8_ensure(&text, str_of(err.text));
		say("%s", buf_cstr(&text));
		status = error_kind_status(err.kind);
	}
	buf_release(&text);
	client_release(&c);
	return status;
}

static int work(const struct order *o)
{
	struct oauth2_profile p;
	struct error err;
	char *user = NULL;
	int status;

	profile_init(&p);
	if (!read_profile(&p, &user, &err)) {
		status = o->login ? do_login(o, &p, user) :
			 do_refresh(o, &p, user);
	} else if (o->login) {
		say("%s", err.text);
		status = error_kind_status(err.kind);
	} else {
		status = answer_error(&err);
	}
	profile_release(&p);
	free(user);
	return status;
}

int main(int argc, char **argv)
{
	struct order o;

	guard_descriptors();
	guard_signals("");
	guard_secrets();
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("posthaste-oauth2 " VERSION);
		return 0;
	}
	if (!parse(&o, argc, argv))
		return usage("that is no command line of posthaste-oauth2's");
	if (fcntl(PROFILE_FD, F_GETFD) < 0)
		return usage("there is no profile on descriptor 3");
	fcntl(PROFILE_FD, F_SETFD, FD_CLOEXEC);
	object_wipe_memory();
	return work(&o);
}
