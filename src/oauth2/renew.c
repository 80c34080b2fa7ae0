#include "oauth2/renew.h"

#include <stdlib.h>

#include "oauth2/form.h"
#include "oauth2/url.h"
#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/locked.h"
#include "util/xalloc.h"

static bool will_do(const struct token *t, const char *stale)
{
	char digest[TOKEN_DIGEST];

	if (!token_is_fresh(t, clock_wall()))
		return false;
	token_digest(t->access, digest);
	return !str_caseeq(str_of(digest), str_of(stale));
}

/* The profile's endpoint, else the one that gave the token, else metadata. */
static int find_endpoint(struct client *c, const struct token *t,
			 struct error *err)
{
	if (*c->token)
		return 0;
	if (t->token_endpoint.n) {
		free(c->token);
		c->token = xstrndup(t->token_endpoint.p, t->token_endpoint.n);
		return url_check(str_of(c->token), "token's endpoint", err);
	}
	if (client_discover(c, err))
		return -1;
	return *c->token ? 0 : error_set(err, ERROR_CONFIG, "the issuer names "
					 "no token_endpoint");
}

/* A moment's trouble with the disk must not cost the login. */
static int keep(struct client *c, struct token_lock *l, const struct grant *g,
		const struct token *old, struct error *err)
{
	int ret = client_keep(c, l, g, old, err);

	for (int i = 0; ret && i < 3; i++) {
		clock_sleep(clock_after(1));
		ret = client_keep(c, l, g, old, err);
	}
	return ret;
}

static int ask(struct client *c, struct token_lock *l, const struct token *t,
	       struct buf *out, struct error *warn, struct error *err)
{
	struct refusal r;
	struct grant g;
	struct buf form;
	sigset_t old;
	bool held;
	int ret = -1;

	locked_buf(&form, CLIENT_FORM_MAX);
	form_add(&form, "grant_type", STR("refresh_token"));
	form_add(&form, "refresh_token", t->refresh);
	/* From the question on, what is kept may be worth nothing any more. */
	held = !signals_hold(&old);
	switch (client_ask(c, buf_str(&form), &g, &r, err)) {
	case ASK_GRANTED:
		if (keep(c, l, &g, t, warn))
			error_wrap(warn, "the renewed token cannot be kept");
		buf_add(out, g.access);
		ret = 0;
		break;
	case ASK_REFUSED:
		client_refused(c, &r, "renew the token", true, err);
		break;
	case ASK_FAILED:
		/* Rotated it may be even so; the old one would be the end. */
		if (g.refresh.n && keep(c, l, &g, t, warn))
			error_wrap(warn, "the new refresh token cannot be "
				   "kept");
		break;
	}
	grant_release(&g);
	if (held)
		signals_release(&old);
	locked_buf_release(&form);
	return ret;
}

static int renew(struct client *c, struct token_lock *l, struct token *t,
		 struct buf *out, struct error *warn, struct error *err)
{
	client_hide(c, t->refresh);
	client_hide(c, t->access);
	if (!t->refresh.n)
		return error_set(err, ERROR_AUTH, "the token has ended, and "
				 "there is none to renew it with; run "
				 "posthaste --oauth2-login=%s",
				 c->profile->name);
	if (find_endpoint(c, t, err) || token_reserve(l, err))
		return -1;
	return ask(c, l, t, out, warn, err);
}

int renew_token(struct client *c, const char *stale, struct buf *out,
		struct error *warn, struct error *err)
{
	struct token_lock *l;
	struct token t = { 0 };
	size_t hidden = c->n_secrets;
	int64_t since = clock_ms();
	int64_t deadline = clock_after(RENEW_PATIENCE);
	int ret = -1;

	l = token_lock(c->profile, deadline, err);
	if (!l)
		return -1;
	if (token_load(&t, c->profile, deadline, err)) {
		;
	} else if (!t.text) {
		error_set(err, ERROR_CONFIG, "there is no token; run posthaste "
			  "--oauth2-login=%s", c->profile->name);
	} else if (will_do(&t, stale)) {
		buf_add(out, t.access);
		ret = 0;
	} else if (!token_has_failed(l, since, err)) {
		ret = renew(c, l, &t, out, warn, err);
		if (ret)
			token_failed(l, err);
	}
	c->n_secrets = hidden;		/* the rest was t's */
	token_release(&t);
	token_unlock(l);
	return ret;
}
