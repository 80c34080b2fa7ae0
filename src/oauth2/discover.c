#include "oauth2/client.h"

#include <stdlib.h>

#include "oauth2/object.h"
#include "oauth2/url.h"
#include "util/xalloc.h"

/* What the profile says stays; what it leaves open is taken, if it is safe. */
static int take(char **field, const struct json_t *o, const char *name,
		struct error *err)
{
	struct str value;
	char *copy;

	if (**field || !object_text(o, name, &value))
		return 0;
	copy = xstrndup(value.p, value.n);
	if (url_check(str_of(copy), name, err)) {
		free(copy);
		return -1;
	}
	free(*field);
	*field = copy;
	return 0;
}

/* 0, -1, or 1 for what is no metadata at all: some have a page everywhere. */
static int take_all(struct client *c, struct str body, struct error *err)
{
	struct json_t *o = object_parse(body);
	struct str issuer;
	int ret = -1;

	if (!o) {
		ret = error_set(err, ERROR_CONFIG, "what the issuer says of "
				"itself is no JSON object") + 2;
	} else if (!object_text(o, "issuer", &issuer) ||
		   !str_eq(issuer, str_of(c->profile->issuer))) {
		/* RFC 8414 s3.3: else one could pass itself off as another. */
		error_set(err, ERROR_CONFIG, "the issuer calls itself by "
			  "another name: the setting must be exactly as it "
			  "calls itself");
	} else {
		ret = take(&c->auth, o, "authorization_endpoint", err) ||
		      take(&c->token, o, "token_endpoint", err) ||
		      take(&c->device, o, "device_authorization_endpoint",
			   err) ? -1 : 0;
		c->iss = object_true(o, "authorization_response_iss_"
				     "parameter_supported");
	}
	object_drop(o);
	return ret;
}

/* 0, -1, or 1: there is nothing at that address. */
static int try_one(struct client *c, enum url_metadata kind, struct error *err)
{
	struct http_answer a = { 0 };
	struct url issuer;
	struct buf where;
	int ret = -1;

	if (!url_split(str_of(c->profile->issuer), &issuer) || issuer.query.n)
		return error_set(err, ERROR_CONFIG, "the issuer is no URL that "
				 "can be used");
	buf_init(&where, CLIENT_FORM_MAX);
	url_well_known(&where, &issuer, kind);
	if (http_get(c->http, buf_cstr(&where), &a, err))
		;
	else if (a.status == 200)
		ret = take_all(c, buf_str(&a.body), err);
	else if (a.status >= 500 || a.status == 429)
		error_set(err, ERROR_NET, "%s answers with HTTP status %ld",
			  buf_cstr(&where), a.status);
	else
		ret = error_set(err, ERROR_CONFIG, "%s answers with HTTP "
				"status %ld", buf_cstr(&where), a.status) + 2;
	http_answer_release(&a);
	buf_release(&where);
	return ret;
}

int client_discover(struct client *c, struct error *err)
{
	const char *issuer = c->profile->issuer;
	int ret;

	if (!*issuer || (*c->auth && *c->token && *c->device))
		return 0;
	if (url_check(str_of(issuer), "issuer", err))
		return -1;
	ret = try_one(c, URL_OAUTH, err);
	if (ret == 1)
		ret = try_one(c, URL_OPENID, err);
	if (!ret)
		return 0;
	return error_wrap(err, "no metadata of the issuer");
}
