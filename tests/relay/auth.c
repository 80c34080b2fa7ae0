/*
 * AUTH (RFC 4954) by libgsasl's server side, with the channel bindings of the
 * TLS session; XOAUTH2 and OAUTHBEARER (RFC 7628), which it lacks, by hand.
 */
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/log.h"
#include "relay/smtp.h"
#include "util/xalloc.h"

struct exchange {
	struct session *s;
	char mech[32];
	char *line;		/* the client's last response; owned */
	unsigned rounds;	/* responses, the initial one counted */
	bool initial;
	char gs2[24];		/* "p=tls-exporter", "y", "n" or "" */
	char user[256];
	char authzid[256];
};

/* How an exchange went: finished well or badly, or the reply has been given. */
enum result { AUTH_OK, AUTH_NO, AUTH_BAD, AUTH_ANSWERED, AUTH_GONE };

static char *decode(const char *b64, size_t *n)
{
	char *out = NULL;

	if (gsasl_base64_from(b64, strlen(b64), &out, n) != GSASL_OK)
		return NULL;
	return out;
}

static bool plus_offered(const struct config *conf)
{
	return strstr(conf->auth, "-PLUS") != NULL;
}

static int give_binding(Gsasl_session *g, struct exchange *x, Gsasl_property p)
{
	gnutls_datum_t cb;
	char *b64 = NULL;
	bool exporter = false;

#if GSASL_VERSION_NUMBER >= 0x020000
	exporter = p == GSASL_CB_TLS_EXPORTER;
#endif
	/* A server without -PLUS must let a client say that it saw none ("y"). */
	if (!plus_offered(x->s->c->conf) ||
	    !tls_binding(x->s->c, exporter, &cb))
		return GSASL_NO_CALLBACK;
	if (gsasl_base64_to((char *)cb.data, cb.size, &b64, NULL) == GSASL_OK)
		gsasl_property_set(g, p, b64);
	gsasl_free(b64);
	gnutls_free(cb.data);
	return GSASL_OK;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* EXTERNAL: the CN of the client's certificate, and whom it may act as. */
static int check_external(struct exchange *x, Gsasl_session *g)
{
	const char *as = gsasl_property_fast(g, GSASL_AUTHZID);
	const char *cn = strstr(x->s->c->client, "CN=");
	size_t n = cn ? strcspn(cn + 3, ",+") : 0;

	if (!n || n >= sizeof(x->user))
		return GSASL_AUTHENTICATION_ERROR;
	snprintf(x->user, sizeof(x->user), "%.*s", (int)n, cn + 3);
	return same(as, "nobody") ? GSASL_AUTHENTICATION_ERROR : GSASL_OK;
}

static int callback(Gsasl *ctx, Gsasl_session *g, Gsasl_property p)
{
	struct exchange *x = gsasl_callback_hook_get(ctx);
	const struct config *conf = x->s->c->conf;
	const char *id;

	switch (p) {
	case GSASL_PASSWORD:
		id = gsasl_property_fast(g, GSASL_AUTHID);
		if (!same(id, conf->user))
			return GSASL_NO_PASSWORD;
		gsasl_property_set(g, p, conf->password);
		return GSASL_OK;
	case GSASL_VALIDATE_SIMPLE:
		id = gsasl_property_fast(g, GSASL_AUTHID);
		return same(id, conf->user) &&
		       same(gsasl_property_fast(g, GSASL_PASSWORD),
			    conf->password) ? GSASL_OK :
					      GSASL_AUTHENTICATION_ERROR;
	case GSASL_VALIDATE_EXTERNAL:
		return check_external(x, g);
	case GSASL_VALIDATE_ANONYMOUS:
		id = gsasl_property_fast(g, GSASL_ANONYMOUS_TOKEN);
		snprintf(x->user, sizeof(x->user), "%s", id ? id : "");
		return GSASL_OK;
	case GSASL_VALIDATE_GSSAPI:
		id = gsasl_property_fast(g, GSASL_GSSAPI_DISPLAY_NAME);
		snprintf(x->user, sizeof(x->user), "%s", id ? id : "");
		return GSASL_OK;
	case GSASL_REALM:
		if (!conf->realm)
			return GSASL_NO_CALLBACK;
		gsasl_property_set(g, p, conf->realm);
		return GSASL_OK;
	case GSASL_SCRAM_ITER:
		if (!conf->scram_iter)
			return GSASL_NO_CALLBACK;
		gsasl_property_set(g, p, conf->scram_iter);
		return GSASL_OK;
#if GSASL_VERSION_NUMBER >= 0x020000
	case GSASL_CB_TLS_EXPORTER:
#endif
	case GSASL_CB_TLS_UNIQUE:
		return give_binding(g, x, p);
	default:
		return GSASL_NO_CALLBACK;
	}
}

/* Send a challenge and take the response into x->line. */
static int round_trip(struct exchange *x, const char *b64)
{
	struct session *s = x->s;
	char *text = xrealloc(NULL, strlen(b64) + 5, 1);
	struct str line;
	bool cut;
	int code;

	snprintf(text, strlen(b64) + 5, "334 %s", b64);
	buf_addf(&s->c->out, "%s\r\n", text);
	free(text);
	if (conn_line(s->c, &line, &cut) <= 0)
		return AUTH_GONE;
	line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	free(x->line);
	x->line = xstrndup(line.p, line.n);
	x->rounds++;
	conn_command(s->c, STR("AUTHRESP"));
	if (!answer_peek(s, V_AUTHRESP, x->line)) {
		s->counts[V_AUTHRESP]++;
		return same(x->line, "*") ? AUTH_BAD : AUTH_OK;
	}
	code = answer(s, V_AUTHRESP, x->line, "");
	if (code / 100 == 2)
		s->authed = true;
	return code < 0 ? AUTH_GONE : AUTH_ANSWERED;
}

static void remember_user(struct exchange *x, Gsasl_session *g)
{
	const char *user = gsasl_property_fast(g, GSASL_AUTHID);
	const char *as = gsasl_property_fast(g, GSASL_AUTHZID);

	if (user)
		snprintf(x->user, sizeof(x->user), "%s", user);
	snprintf(x->authzid, sizeof(x->authzid), "%s", as ? as : "");
}

/* The binding a SCRAM client asks for is at the front of its first message. */
static void remember_gs2(struct exchange *x)
{
	size_t n;
	char *text = decode(x->line, &n);
	char *comma = text ? memchr(text, ',', n) : NULL;

	if (comma && !*x->gs2 && !strncmp(x->mech, "SCRAM-", 6))
		snprintf(x->gs2, sizeof(x->gs2), "%.*s", (int)(comma - text),
			 text);
	gsasl_free(text);
}

static int gsasl_exchange(struct exchange *x, Gsasl_session *g)
{
	bool first = strcmp(x->mech, "LOGIN") != 0 || !x->initial;
	int ret = AUTH_OK;

	/* LOGIN's server speaks first, also to who has spoken already. */
	if (!first) {
		char *out = NULL;

		gsasl_step64(g, "", &out);
		gsasl_free(out);
	}
	while (ret == AUTH_OK) {
		char *out = NULL;
		int rc;

		if (x->rounds == 1)
			remember_gs2(x);
		rc = gsasl_step64(g, x->line ? x->line : "", &out);
		if (rc == GSASL_NEEDS_MORE)
			ret = round_trip(x, out ? out : "");
		else if (rc == GSASL_OK && out && *out)
			ret = round_trip(x, out);
		else if (rc == GSASL_BASE64_ERROR)
			ret = AUTH_BAD;
		else if (rc != GSASL_OK)
			ret = AUTH_NO;
		gsasl_free(out);
		if (rc == GSASL_OK)
			break;
	}
	return ret;
}

static int gsasl_auth(struct exchange *x)
{
	Gsasl *ctx = NULL;
	Gsasl_session *g = NULL;
	int ret = AUTH_NO;

	if (gsasl_init(&ctx) != GSASL_OK)
		return AUTH_NO;
	gsasl_callback_set(ctx, callback);
	gsasl_callback_hook_set(ctx, x);
	if (gsasl_server_start(ctx, x->mech, &g) == GSASL_OK) {
		gsasl_property_set(g, GSASL_SERVICE, "smtp");
		gsasl_property_set(g, GSASL_HOSTNAME, x->s->c->conf->name);
		ret = gsasl_exchange(x, g);
		remember_user(x, g);
		gsasl_finish(g);
	}
	gsasl_done(ctx);
	return ret;
}

/* Is text, of n octets, "^Aauth=Bearer T^A^A" in it for this token? */
static bool has_token(const char *text, size_t n, const char *token)
{
	char auth[8192];

	snprintf(auth, sizeof(auth), "\x01" "auth=Bearer %s\x01\x01", token);
	return memmem(text, n, auth, strlen(auth));
}

static bool has_listed(const char *text, size_t n, const char *file)
{
	FILE *f = fopen(file, "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		found = *line && has_token(text, n, line);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* "user=U^Aauth=Bearer T^A^A", or "n,a=U,^A...auth=Bearer T^A^A". */
static bool token_good(struct exchange *x)
{
	const struct config *conf = x->s->c->conf;
	bool bearer = !strcmp(x->mech, "OAUTHBEARER");
	char user[300];
	char *text;
	size_t n = 0;
	bool good;

	text = decode(x->line ? x->line : "", &n);
	if (!text)
		return false;
	snprintf(user, sizeof(user), bearer ? "n,a=%s,\x01" : "user=%s\x01",
		 conf->user);
	good = memmem(text, n, user, strlen(user)) == text && n >= 2 &&
	       !memcmp(text + n - 2, "\x01\x01", 2) &&
	       (conf->token_file ? has_listed(text, n, conf->token_file) :
		has_token(text, n, conf->token));
	gsasl_free(text);
	if (good)
		snprintf(x->user, sizeof(x->user), "%s", conf->user);
	return good;
}

static int token_auth(struct exchange *x)
{
	static const char refused[] =
		"{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}";
	char *b64 = NULL;
	int ret = AUTH_OK;

	if (!x->initial)
		ret = round_trip(x, "");
	if (ret != AUTH_OK)
		return ret;
	if (token_good(x))
		return AUTH_OK;
	gsasl_base64_to(refused, strlen(refused), &b64, NULL);
	ret = round_trip(x, b64);
	gsasl_free(b64);
	return ret == AUTH_OK || ret == AUTH_BAD ? AUTH_NO : ret;
}

static bool mech_offered(const struct config *conf, struct str mech)
{
	struct str all = str_of(conf->auth);

	while (all.n)
		if (str_caseeq(str_cut(&all, ' '), mech))
			return true;
	return false;
}

static void log_auth(struct exchange *x, bool ok)
{
	struct relay *r = x->s->c->relay;
	struct buf b;

	log_begin(r, &b, x->s->c->id, "auth");
	log_str(&b, "mechanism", str_of(x->mech));
	log_str(&b, "user", str_of(x->user));
	log_str(&b, "authzid", str_of(x->authzid));
	log_str(&b, "cb", str_of(x->gs2[0] == 'p' ? x->gs2 + 2 : ""));
	log_str(&b, "gs2", str_of(x->gs2));
	log_bool(&b, "initial", x->initial);
	log_int(&b, "rounds", x->rounds);
	log_bool(&b, "tls", x->s->c->tls != NULL);
	log_bool(&b, "ok", ok);
	log_end(r, &b);
}

static int exchange_run(struct exchange *x)
{
	struct session *s = x->s;
	bool token = !strcmp(x->mech, "XOAUTH2") ||
		     !strcmp(x->mech, "OAUTHBEARER");
	int ret = token ? token_auth(x) : gsasl_auth(x);

	log_auth(x, ret == AUTH_OK);
	if (ret == AUTH_GONE || s->c->ended)
		return -1;
	if (ret == AUTH_ANSWERED)
		return 0;
	s->authed = ret == AUTH_OK;
	return answer(s, V_AUTH, x->mech, ret == AUTH_OK ?
		      "235 2.7.0 welcome" : ret == AUTH_BAD ?
		      "501 5.7.0 exchange broken off" :
		      "535 5.7.8 these credentials are not known here") < 0 ?
		-1 : 0;
}

/* The override of AUTH itself; 334s go on for as long as it says so. */
static int scripted(struct session *s, const char *mech)
{
	int code = answer(s, V_AUTH, mech, "");

	while (code == 334) {
		struct str line;
		bool cut;

		if (conn_line(s->c, &line, &cut) <= 0)
			return -1;
		conn_command(s->c, STR("AUTHRESP"));
		code = answer(s, V_AUTHRESP, "", line.n && *line.p == '*' ?
			      "501 5.7.0 broken off" : "535 5.7.8 no");
	}
	if (code / 100 == 2)
		s->authed = true;
	return code < 0 ? -1 : 0;
}

int auth_run(struct session *s, struct str arg)
{
	struct exchange x = { .s = s };
	struct str mech = str_cut(&arg, ' ');
	const char *no = NULL;
	int ret;

	for (size_t i = 0; i < mech.n && i < sizeof(x.mech) - 1; i++)
		x.mech[i] = mech.p[i] >= 'a' && mech.p[i] <= 'z' ?
			(char)(mech.p[i] - 32) : mech.p[i];
	if (answer_peek(s, V_AUTH, x.mech))
		return scripted(s, x.mech);
	if (!s->esmtp || s->authed || s->from)
		no = "503 5.5.1 not now";
	else if (!s->c->tls && s->c->mode != TLS_NONE &&
		 !s->c->conf->auth_plaintext)
		no = "538 5.7.11 encryption required";
	else if (!mech.n || mech.n >= sizeof(x.mech) ||
		 !mech_offered(s->c->conf, mech))
		no = "504 5.5.4 mechanism not offered";
	if (no)
		return answer(s, V_AUTH, x.mech, no) < 0 ? -1 : 0;
	arg = str_trim(arg);
	x.initial = arg.n > 0;
	x.rounds = x.initial;
	if (x.initial)
		x.line = str_eq(arg, STR("=")) ? xstrdup("") :
						 xstrndup(arg.p, arg.n);
	ret = exchange_run(&x);
	free(x.line);
	return ret;
}
