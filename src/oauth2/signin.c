#include "oauth2/signin.h"

#include "oauth2/browser.h"
#include "oauth2/device.h"
#include "oauth2/held.h"
#include "oauth2/say.h"
#include "sys/clock.h"
#include "util/utf8.h"

enum { LOCK_PATIENCE = 90 };	/* seconds */

/* A login that could not be kept would be for nothing: ask first. */
static int check_store(const struct client *c, struct error *err)
{
	struct token_lock *l = token_lock(c->profile,
					  clock_after(LOCK_PATIENCE), err);
	int ret = l ? token_reserve(l, err) : -1;

	token_unlock(l);
	return ret;
}

static int store(const struct client *c, const struct grant *g,
		 struct error *err)
{
	struct token_lock *l = token_lock(c->profile,
					  clock_after(LOCK_PATIENCE), err);
	int ret = l ? client_keep(c, l, g, NULL, err) : -1;

	token_unlock(l);
	return ret;
}

static int lacks(const struct client *c, const char *what, struct error *err)
{
	return error_set(err, ERROR_CONFIG, "[oauth2 %s] has no %s, and %s",
			 c->profile->name, what, *c->profile->issuer ?
			 "its issuer names none" : "no issuer to ask for it");
}

static int choose(const struct client *c, enum flow *flow, struct error *err)
{
	if (*flow == FLOW_AUTO)
		*flow = *c->auth && (browser_display() || !*c->device) ?
			FLOW_BROWSER : FLOW_DEVICE;
	if (!*c->token)
		return lacks(c, "token_endpoint", err);
	if (*flow == FLOW_BROWSER && !*c->auth)
		return lacks(c, "auth_endpoint, which a browser needs", err);
	if (*flow == FLOW_DEVICE && !*c->device)
		return lacks(c, "device_endpoint", err);
	return 0;
}

/* Scopes that were asked for and not granted; some are never named again. */
static void warn_scope(const struct client *c, const struct grant *g)
{
	static const struct str unnamed[] = {
		{ "offline_access", 14 }, { "openid", 6 }, { "email", 5 },
		{ "profile", 7 },
	};
	struct str wanted = str_of(c->profile->scope);

	while (g->scope.n && wanted.n) {
		struct str one = str_cut(&wanted, ' ');
		struct str granted = g->scope;
		bool found = !one.n;

		while (!found && granted.n)
			found = str_caseeq(str_cut(&granted, ' '), one);
		for (size_t i = 0; i < sizeof(unnamed) / sizeof(*unnamed); i++)
			found = found || str_eq(one, unnamed[i]);
		if (!found)
			say("the provider did not grant the scope '%.*s': the "
			    "relay may refuse the token", (int)one.n, one.p);
	}
}

static void report(const struct client *c, const struct grant *g)
{
	struct buf where;

	warn_scope(c, g);
	if (!g->refresh.n)
		say("the provider gave no refresh token: you will have to log "
		    "in again when this one ends%s", c->profile->scope[0] ?
		    "" : "; some want a scope for that, like offline_access");
	buf_init(&where, 8192);
	token_where(c->profile, &where);
	say("logged in; the tokens are kept in %s", buf_cstr(&where));
	say("an account uses them with the setting: oauth2 = %s",
	    c->profile->name);
	buf_release(&where);
}

int signin(struct client *c, enum flow flow, unsigned patience,
	   struct error *err)
{
	struct held held = { 0 };
	struct grant g = { 0 };
	int ret;

	if (check_store(c, err) || client_discover(c, err) ||
	    choose(c, &flow, err))
		return -1;
	if (flow == FLOW_DEVICE)
		ret = device_login(c, patience, &held, &g, err);
	else
		ret = browser_login(c, patience ? patience : BROWSER_PATIENCE,
				    &held, &g, err);
	if (!ret)
		ret = store(c, &g, err);
	held_end(&held);
	if (!ret)
		report(c, &g);
	grant_release(&g);
	return ret;
}
