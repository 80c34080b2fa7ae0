#include "oauth2/browser.h"

#include <stdint.h>

#include "conf/option.h"
#include "oauth2/form.h"
#include "oauth2/pkce.h"
#include "oauth2/url.h"

/*
 * What providers want beside the standard, by the host where the login begins:
 * a profile may name its endpoints itself.
 */
static const struct habit {
	struct str host;
	const char *redirect;	/* what programs register there; "": 127.0.0.1 */
	const char *extra;	/* of the query, encoded */
} habits[] = {
	/* Google gives a refresh token only if it is asked to, each time. */
	{ { "accounts.google.com", 19 }, "",
	  "access_type=offline&prompt=consent" },
	{ { "login.microsoftonline.com", 25 }, "http://localhost/", "" },
	{ { "api.fastmail.com", 16 }, "http://localhost/", "" },
	/* Yahoo takes https: only, so its address has to be pasted. */
	{ { "api.login.yahoo.com", 19 }, "https://localhost/", "" },
};

static const struct habit *habit_of(const struct client *c)
{
	static const struct habit none = { { "", 0 }, "", "" };
	struct url url;

	if (url_split(str_of(c->auth), &url))
		for (size_t i = 0; i < sizeof(habits) / sizeof(*habits); i++)
			if (str_caseeq(url.host, habits[i].host))
				return &habits[i];
	return &none;
}

void journey_init(struct journey *j)
{
	*j = (struct journey){ 0 };
	buf_init(&j->redirect, OPTION_TEXT_MAX);
	buf_init(&j->path, OPTION_TEXT_MAX);
	buf_init(&j->url, CLIENT_FORM_MAX);
	buf_init(&j->state, 128);
	buf_init(&j->verifier, 128);
	buf_room(&j->verifier, 128);
}

void journey_release(struct journey *j)
{
	buf_release(&j->redirect);
	buf_release(&j->path);
	buf_release(&j->url);
	buf_release(&j->state);
	buf_wipe(&j->verifier);
	buf_release(&j->verifier);
}

static const char *redirect_of(const struct client *c)
{
	const char *said = c->profile->redirect_uri;

	if (!*said)
		said = habit_of(c)->redirect;
	return *said ? said : "http://127.0.0.1/";
}

int journey_redirect(const struct client *c, bool *here, unsigned *port,
		     struct journey *j, struct error *err)
{
	uint64_t n = 0;
	struct url url;

	if (!url_split(str_of(redirect_of(c)), &url))
		return error_set(err, ERROR_CONFIG, "redirect_uri is no http "
				 "or https address");
	*here = !url.https && url.loopback && !url.query.n;
	*port = c->profile->redirect_port;
	if (url.port.n && str_u64(url.port, 65535, &n))
		*port = (unsigned)n;
	if (*here && url.path.n)
		buf_add(&j->path, url.path);
	else if (*here)
		buf_addch(&j->path, '/');
	return 0;
}

/* As it was registered, with the port that we listen on. */
static void plan_redirect(const struct client *c, unsigned port,
			  struct journey *j)
{
	const char *text = redirect_of(c);
	struct url url;

	if (!j->path.len || !url_split(str_of(text), &url)) {
		buf_addz(&j->redirect, text);
		return;
	}
	buf_addz(&j->redirect, "http://");
	buf_add(&j->redirect, url.host);
	buf_addf(&j->redirect, ":%u", port);
	buf_add(&j->redirect, url.path);
}

static void add_unless_empty(struct buf *url, const char *name,
			     const char *value)
{
	if (*value)
		form_add(url, name, str_of(value));
}

int journey_plan(const struct client *c, unsigned port, struct journey *j,
		 struct error *err)
{
	const struct habit *habit = habit_of(c);
	struct buf challenge;
	struct url url;

	plan_redirect(c, port, j);
	if (!url_split(str_of(c->auth), &url))
		return error_set(err, ERROR_CONFIG, "the auth_endpoint is no "
				 "URL that can be used");
	buf_init(&challenge, 128);
	pkce_challenge(&challenge, buf_str(&j->verifier));
	buf_addz(&j->url, c->auth);
	if (!url.query.n)
		buf_addch(&j->url, '?');
	form_add(&j->url, "response_type", STR("code"));
	form_add(&j->url, "client_id", str_of(c->profile->client_id));
	form_add(&j->url, "redirect_uri", buf_str(&j->redirect));
	add_unless_empty(&j->url, "scope", c->profile->scope);
	form_add(&j->url, "state", buf_str(&j->state));
	form_add(&j->url, "code_challenge", buf_str(&challenge));
	form_add(&j->url, "code_challenge_method", STR("S256"));
	add_unless_empty(&j->url, "login_hint", c->user);
	if (*habit->extra)
		buf_addf(&j->url, "&%s", habit->extra);
	buf_release(&challenge);
	return j->url.over ? error_set(err, ERROR_CONFIG, "the address of the "
				       "login would be too long") : 0;
}
