#include "oauth2/client.h"

#include <stdlib.h>
#include <string.h>

#include "oauth2/form.h"
#include "oauth2/url.h"
#include "sasl/mask.h"
#include "sys/clock.h"
#include "sys/locked.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum { SHOWN_MAX = 300 };	/* octets of the provider's words in an error */

int client_init(struct client *c, const struct oauth2_profile *p,
		const char *user, unsigned timeout, struct error *err)
{
	*c = (struct client){ .profile = p, .user = user };
	c->auth = xstrdup(p->auth_endpoint);
	c->token = xstrdup(p->token_endpoint);
	c->device = xstrdup(p->device_endpoint);
	client_hide(c, str_of(p->client_secret));
	if ((*c->auth && url_check(str_of(c->auth), "auth_endpoint", err)) ||
	    (*c->token && url_check(str_of(c->token), "token_endpoint", err)) ||
	    (*c->device &&
	     url_check(str_of(c->device), "device_endpoint", err)))
		return -1;
	c->http = http_open(p->ca_file, timeout, err);
	return c->http ? 0 : -1;
}

void client_release(struct client *c)
{
	http_close(c->http);
	free(c->auth);
	free(c->token);
	free(c->device);
	*c = (struct client){ 0 };
}

void client_hide(struct client *c, struct str s)
{
	if (!s.n)
		return;
	if (c->n_secrets == CLIENT_SECRETS) {
		memmove(c->secrets + 1, c->secrets + 2,
			(CLIENT_SECRETS - 2) * sizeof(*c->secrets));
		c->n_secrets--;
	}
	c->secrets[c->n_secrets++] = s;
}

void client_show(const struct client *c, struct buf *out, struct str text)
{
	struct buf plain, safe;
	struct str shown;

	buf_init(&plain, 4 * REFUSAL_TEXT_MAX);
	buf_init(&safe, 16 * REFUSAL_TEXT_MAX);
	buf_add(&plain, text);
	for (size_t i = 0; i < c->n_secrets; i++)
		mask_text(&plain, c->secrets[i], c->secrets[i]);
	utf8_escape(&safe, str_trim(buf_str(&plain)));
	shown = buf_str(&safe);
	if (shown.n > SHOWN_MAX) {
		shown.n = SHOWN_MAX;
		while (shown.n && (shown.p[shown.n] & 0xc0) == 0x80)
			shown.n--;
	}
	buf_add(out, shown);
	if (shown.n < safe.len)
		buf_addz(out, "...");
	buf_wipe(&plain);
	buf_release(&plain);
	buf_release(&safe);
}

/* ---- who we are: RFC 6749 s2.3.1 ---- */

static int post_basic(struct client *c, const char *url, struct str form,
		      struct http_answer *a, struct error *err)
{
	struct buf id, secret;
	const char *basic[2];
	int ret;

	buf_init(&id, CLIENT_FORM_MAX);
	locked_buf(&secret, CLIENT_FORM_MAX);
	form_encode(&id, str_of(c->profile->client_id));
	form_encode(&secret, str_of(c->profile->client_secret));
	basic[0] = buf_cstr(&id);
	basic[1] = buf_cstr(&secret);
	ret = http_post(c->http, url, form, basic, a, err);
	locked_buf_release(&secret);
	buf_release(&id);
	return ret;
}

static int post_plain(struct client *c, const char *url, struct str form,
		      struct http_answer *a, struct error *err)
{
	struct buf full;
	int ret;

	locked_buf(&full, CLIENT_FORM_MAX);
	buf_add(&full, form);
	form_add(&full, "client_id", str_of(c->profile->client_id));
	if (*c->profile->client_secret)
		form_add(&full, "client_secret",
			 str_of(c->profile->client_secret));
	ret = full.over ? error_set(err, ERROR_CONFIG, "the request is larger "
				    "than %d octets", CLIENT_FORM_MAX) :
	      http_post(c->http, url, buf_str(&full), NULL, a, err);
	locked_buf_release(&full);
	return ret;
}

/* Some take the secret in the form only, some in the header only. */
static bool wants_basic(const struct client *c, const struct http_answer *a)
{
	struct refusal r;

	return *c->profile->client_secret &&
	       (a->status == 400 || a->status == 401) &&
	       refusal_read(&r, a->status, buf_str(&a->body)) &&
	       !strcmp(r.code, "invalid_client");
}

int client_post(struct client *c, const char *url, struct str form,
		struct http_answer *a, struct error *err)
{
	if (!c->basic) {
		if (post_plain(c, url, form, a, err))
			return -1;
		if (!wants_basic(c, a))
			return 0;
		http_answer_release(a);
	}
	c->basic = true;
	return post_basic(c, url, form, a, err);
}

enum ask client_ask(struct client *c, struct str form, struct grant *g,
		    struct refusal *r, struct error *err)
{
	struct http_answer a = { 0 };
	enum ask ret = ASK_FAILED;

	*g = (struct grant){ 0 };

	if (client_post(c, c->token, form, &a, err))
		goto out;
	if (refusal_read(r, a.status, buf_str(&a.body))) {
		r->retry_after = a.retry_after;
		ret = ASK_REFUSED;
	} else if (!grant_read(g, buf_str(&a.body), err)) {
		ret = ASK_GRANTED;
	}
out:
	http_answer_release(&a);
	return ret;
}

/* ---- what came of it ---- */

static void say_refusal(const struct client *c, const struct refusal *r,
			struct buf *out)
{
	if (r->plain) {
		buf_addf(out, "HTTP status %ld", r->status);
	} else {
		buf_addz(out, r->code);
		if (*r->text) {
			buf_addz(out, ": ");
			client_show(c, out, str_of(r->text));
		}
	}
	if (r->retry_after)
		buf_addf(out, "; it asks for %ld s of patience",
			 r->retry_after);
}

int client_refused(const struct client *c, const struct refusal *r,
		   const char *what, bool anew, struct error *err)
{
	const char *name = c->profile->name;
	enum error_kind kind = refusal_kind(r);
	struct buf why;

	buf_init(&why, sizeof(err->text));
	say_refusal(c, r, &why);
	if (kind == ERROR_NET)
		error_set(err, kind, "the provider does not %s now (%s)", what,
			  buf_cstr(&why));
	else if (kind == ERROR_CONFIG || !strcmp(r->code, "invalid_client") ||
		 !strcmp(r->code, "unauthorized_client"))
		error_set(err, kind, "the provider refused to %s (%s); check "
			  "the settings of [oauth2 %s]", what, buf_cstr(&why),
			  name);
	else if (anew)
		error_set(err, kind, "the provider refused to %s (%s); run "
			  "posthaste --oauth2-login=%s", what, buf_cstr(&why),
			  name);
	else
		error_set(err, kind, "the provider refused to %s (%s)", what,
			  buf_cstr(&why));
	buf_release(&why);
	return -1;
}

int client_keep(const struct client *c, struct token_lock *l,
		const struct grant *g, const struct token *old,
		struct error *err)
{
	struct token t = {
		.access = g->access,
		.refresh = g->refresh,
		.token_endpoint = str_of(c->token),
		.lifetime = g->lifetime,
		.expires = g->timed ? clock_wall() + g->lifetime : 0,
	};

	if (!t.refresh.n && old)
		t.refresh = old->refresh;
	return token_save(l, &t, err);
}
