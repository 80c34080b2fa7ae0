#include "oauth2/grant.h"

#include <stdio.h>
#include <string.h>

#include "oauth2/object.h"

/* RFC 6750 s2.1, b64token: what may stand in OAUTHBEARER and XOAUTH2. */
static bool is_bearer(struct str s)
{
	size_t i = 0;

	while (i < s.n && ((s.p[i] >= 'a' && s.p[i] <= 'z') ||
			   (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
			   (s.p[i] >= '0' && s.p[i] <= '9') ||
			   (s.p[i] && strchr("-._~+/", s.p[i]))))
		i++;
	if (!i)
		return false;
	while (i < s.n && s.p[i] == '=')
		i++;
	return i == s.n && s.n <= GRANT_TOKEN_MAX;
}

/* RFC 6749 app. A.17, without the blank: it is kept as a word of a line. */
static bool is_refresh(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n <= GRANT_TOKEN_MAX;
}

static int wrong(struct error *err, const char *why)
{
	return error_set(err, ERROR_PROTOCOL, "the provider's answer is of no "
			 "use: %s", why);
}

/* Some leave out the type, though they must not; null is as good as that. */
static bool is_of_type(const struct json_t *root)
{
	struct str type;

	return object_lacks(root, "token_type") ||
	       (object_text(root, "token_type", &type) &&
		str_caseeq(type, STR("Bearer")));
}

static const char *flaw(struct grant *g)
{
	bool refresh;

	object_text(g->root, "refresh_token", &g->refresh);
	refresh = is_refresh(g->refresh);
	if (!refresh)
		g->refresh = STR("");
	if (!object_text(g->root, "access_token", &g->access))
		return "it has no access_token";
	if (!is_bearer(g->access))
		return "its access_token is not a bearer token of RFC 6750";
	if (!is_of_type(g->root))
		return "its token_type is not Bearer";
	if (!refresh)
		return "its refresh_token has characters that none can have, "
		       "or too many";
	return NULL;
}

int grant_read(struct grant *g, struct str body, struct error *err)
{
	const char *why;

	*g = (struct grant){ .root = object_parse(body) };
	if (!g->root)
		return wrong(err, "it is not a JSON object");
	why = flaw(g);
	if (why) {
		g->access = STR("");
		return wrong(err, why);
	}
	object_text(g->root, "scope", &g->scope);
	/*
	 * One that was rotated is not thrown away over a time that makes no
	 * sense; none has no life at all.  The relay will tell.
	 */
	g->timed = object_number(g->root, "expires_in", GRANT_LIFE_MAX,
				 &g->lifetime) == OBJECT_COUNT_OK &&
		   g->lifetime;
	return 0;
}

void grant_release(struct grant *g)
{
	object_drop(g->root);
	*g = (struct grant){ 0 };
}

/* A code is shown as it is, so it is one only if RFC 6749 app. A.7 lets it. */
static bool is_code(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '"' ||
		    s.p[i] == '\\')
			return false;
	return s.n && s.n <= REFUSAL_CODE_MAX;
}

bool refusal_read(struct refusal *r, long status, struct str body)
{
	struct json_t *o = object_parse(body);
	struct str code, text;

	*r = (struct refusal){ .status = status, .plain = true };
	object_text(o, "error", &code);
	if (is_code(code)) {
		r->plain = false;
		snprintf(r->code, sizeof(r->code), "%.*s", (int)code.n, code.p);
		object_text(o, "error_description", &text);
		/* Cut, a secret in it could not be told any more. */
		if (text.n && text.n <= REFUSAL_TEXT_MAX)
			memcpy(r->text, text.p, text.n);
	}
	object_drop(o);
	return status != 200 || !r->plain;
}

static const struct {
	const char *code;
	enum error_kind kind;
} kinds[] = {
	/* RFC 6749 s5.2 and s4.1.2.1 */
	{ "invalid_request", ERROR_CONFIG },
	{ "invalid_scope", ERROR_CONFIG },
	{ "unsupported_grant_type", ERROR_CONFIG },
	{ "unsupported_response_type", ERROR_CONFIG },
	{ "server_error", ERROR_NET },
	{ "temporarily_unavailable", ERROR_NET },
	/* RFC 8628 s3.5: asked at the wrong time */
	{ "slow_down", ERROR_NET },
	{ "authorization_pending", ERROR_NET },
};

enum error_kind refusal_kind(const struct refusal *r)
{
	if (r->status == 429 || r->status >= 500)
		return ERROR_NET;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(r->code, kinds[i].code))
			return kinds[i].kind;
	/* invalid_grant, invalid_client, interaction_required, ... */
	if (!r->plain)
		return ERROR_AUTH;
	if (r->status == 404 || r->status == 405 || r->status == 410)
		return ERROR_CONFIG;
	/* A page of somebody's between us and the provider: it may go away. */
	return ERROR_NET;
}
