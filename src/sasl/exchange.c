#include "sasl/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "sasl/salted.h"
#include "util/base64.h"
#include "util/xalloc.h"

enum { PREPARED = 256 };	/* octets that SASLprep takes beside its text */

bool exchange_is(const struct sasl *s, const char *mech)
{
	return !strcmp(s->mech->name, mech);
}

void exchange_free(char *p, size_t n)
{
	if (p)
		wipe(p, n);
	gsasl_free(p);
}

static int put(Gsasl_session *session, Gsasl_property prop, struct str value)
{
	gsasl_property_set_raw(session, prop, value.p, value.n);
	return GSASL_OK;
}

/* libgsasl wants bindings in base64. */
static int put_binding(Gsasl_session *session, Gsasl_property prop,
		       struct str raw)
{
	struct buf text;

	buf_init(&text, 2 * raw.n + 4);
	base64_encode(&text, raw);
	put(session, prop, buf_str(&text));
	buf_release(&text);
	return GSASL_OK;
}

/*
 * The salted password, as hex.  libgsasl would compute it itself, five times
 * slower; left to it should anything go wrong here.
 */
static int put_salted(const struct sasl *s, Gsasl_session *session)
{
	const char *iterations = gsasl_property_fast(session, GSASL_SCRAM_ITER);
	const char *salt = gsasl_property_fast(session, GSASL_SCRAM_SALT);
	const char *name = s->mech->name;
	enum salted_hash hash = str_starts(str_of(name), STR("SCRAM-SHA-512")) ?
		SALTED_SHA512 : str_starts(str_of(name), STR("SCRAM-SHA-256")) ?
		SALTED_SHA256 : SALTED_SHA1;
	char *password = xstrndup(s->config->secret.p, s->config->secret.n);
	char *prepared = NULL;
	char hex[SALTED_HEX];
	int rc = GSASL_NO_CALLBACK;

	if (iterations && salt &&
	    gsasl_saslprep(password, GSASL_ALLOW_UNASSIGNED, &prepared,
			   NULL) == GSASL_OK &&
	    !salted_password(hash, str_of(prepared), str_of(salt),
			     str_of(iterations), hex))
		rc = put(session, GSASL_SCRAM_SALTED_PASSWORD, str_of(hex));
	wipe(hex, sizeof(hex));
	wipe(password, s->config->secret.n);
	free(password);
	if (prepared)
		exchange_free(prepared, strlen(prepared));
	return rc;
}

int exchange_provide(Gsasl *lib, Gsasl_session *session, Gsasl_property prop)
{
	const struct sasl *s = gsasl_callback_hook_get(lib);
	const struct sasl_config *c = s->config;

	switch (prop) {
	case GSASL_AUTHID:
		return put(session, prop, exchange_is(s, "NTLM") ?
			   buf_str(&s->login) : str_of(c->user));
	case GSASL_AUTHZID:
		return *c->authzid ? put(session, prop, str_of(c->authzid)) :
				     GSASL_NO_CALLBACK;
	case GSASL_ANONYMOUS_TOKEN:
		return put(session, prop, str_of(c->user));
	case GSASL_PASSWORD:
		return put(session, prop, c->secret);
	case GSASL_SCRAM_SALTED_PASSWORD:
		return put_salted(s, session);
	case GSASL_SERVICE:
		return put(session, prop, STR("smtp"));
	case GSASL_HOSTNAME:
		/* An address without its interface. */
		return put(session, prop, (struct str){
			c->host, strcspn(c->host, "%") });
	default:
		return s->binding.n && prop == s->binding_kind ?
			put_binding(session, prop, s->binding) :
			GSASL_NO_CALLBACK;
	}
}

/* libgsasl frees its copies as they are; so first make them worthless. */
void exchange_close(struct sasl *s)
{
	static const Gsasl_property secrets[] = {
		GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD
	};

	kerberos_free(s->kerberos);
	s->kerberos = NULL;
	if (!s->session)
		return;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		const char *p = gsasl_property_fast(s->session, secrets[i]);

		if (p)
			wipe((char *)p, strlen(p));
	}
	gsasl_finish(s->session);
	s->session = NULL;
	/* It has freed some of them before, and what it prepared of them. */
	wipe_freed(4 * s->config->secret.n + PREPARED);
}
