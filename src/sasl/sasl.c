#include "sasl/sasl.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "sasl/digest.h"
#include "sasl/exchange.h"
#include "sasl/kerberos.h"
#include "sasl/mask.h"
#include "sasl/mechs.h"
#include "sasl/ntlm.h"
#include "sasl/oauth.h"
#include "sasl/scram.h"
#include "sasl/usable.h"
#include "util/base64.h"
#include "util/xalloc.h"

enum {
	CHALLENGE_MAX = 12288,	/* octets of base64: RFC 4954 s4 */
	SENT_MAX = 1 << 20	/* octets of responses remembered */
};

/* Append to a buffer of secrets; realloc would leave a copy behind. */
static void keep(struct buf *b, struct str line)
{
	struct buf next;

	buf_init(&next, b->max);
	buf_room(&next, b->len + line.n + 1);
	buf_add(&next, buf_str(b));
	buf_add(&next, line);
	buf_addch(&next, '\n');
	buf_wipe(b);
	buf_release(b);
	*b = next;
}

/* ---- choosing ---- */

/*
 * tls-unique exists up to TLS 1.2 only (RFC 9266 s1), and is what relays
 * that speak that know.
 */
static bool find_binding(struct sasl *s)
{
	s->binding = s->config->unique;
	s->binding_kind = GSASL_CB_TLS_UNIQUE;
	if (!s->binding.n && gsasl_check_version("2.0.0")) {
		s->binding = s->config->exporter;
		s->binding_kind = (Gsasl_property)GSASL_EXPORTER;
	}
	return s->binding.n > 0;
}

static int choose(struct sasl *s, struct str offered, struct error *err)
{
	struct mech_facts facts = { find_binding(s), s->have };

	s->mech = mechs_choose(s->config, offered, facts, err);
	if (!s->mech)
		return -1;
	/*
	 * A SCRAM without binding that knows of one says 'y': "I could, but
	 * you did not offer".  A relay that did offer sees by that a meddler,
	 * so when the choice was ours it has to say 'n' (RFC 5802 s6).
	 */
	if (!(s->mech->flags & MECH_PLUS) && mechs_plus_offered(offered))
		s->binding.n = 0;
	return 0;
}

/* ---- what goes wrong, and what was said ---- */

static int explain(const struct sasl *s, int rc, struct error *err)
{
	const char *mech = s->mech->name;

	switch (rc) {
	case GSASL_SASLPREP_ERROR:
		return error_set(err, ERROR_AUTH, "%s: user or password has "
				 "characters that this mechanism forbids "
				 "(SASLprep, RFC 4013), or is not UTF-8", mech);
	case GSASL_AUTHENTICATION_ERROR:
		return error_set(err, ERROR_AUTH, "%s: the relay did not prove "
				 "that it knows the password: its signature is "
				 "wrong", mech);
	case GSASL_MECHANISM_PARSE_ERROR:
	case GSASL_BASE64_ERROR:
	case GSASL_CRYPTO_ERROR:
		return error_set(err, ERROR_PROTOCOL, "%s: the relay's "
				 "challenge makes no sense", mech);
	default:
		return error_set(err, ERROR_AUTH, "%s: %s", mech,
				 gsasl_strerror(rc));
	}
}

/*
 * Of an answer in clear form, what should not come back to a screen.  The
 * secret itself is looked for anyway, and the user's name is none.
 */
static struct str telling_part(const struct sasl *s, struct str plain)
{
	if (s->mech->flags & MECH_SCRAM)
		return scram_attribute(plain, 'p');
	if (exchange_is(s, "CRAM-MD5") && plain.n > 32)
		return (struct str){ plain.p + plain.n - 32, 32 };
	if (exchange_is(s, "NTLM"))
		return plain;
	if (exchange_is(s, "DIGEST-MD5"))
		return digest_response(plain);
	return (struct str){ "", 0 };
}

/* Append plain in base64, and remember it for mask(). */
static void encode(struct sasl *s, struct str plain, struct buf *out)
{
	struct buf text;

	if (!plain.n)
		return;
	buf_init(&text, SENT_MAX);
	base64_encode(&text, plain);
	buf_add(out, buf_str(&text));
	if (!str_eq(plain, str_of(s->config->user)))
		keep(&s->sent, buf_str(&text));
	if (telling_part(s, plain).n)
		keep(&s->sent, telling_part(s, plain));
	buf_wipe(&text);
	buf_release(&text);
}

/* ---- the four words of struct auth ---- */

static void sasl_mask(void *ctx, struct buf *text)
{
	const struct sasl *s = ctx;

	mask_text(text, s->config->secret, buf_str(&s->sent));
}

/* Of an error that has the relay's words in it, among them maybe ours. */
static int hide(struct sasl *s, struct error *err)
{
	enum error_kind kind = err->kind;
	struct buf text;

	buf_init(&text, 4 * sizeof(err->text));
	buf_addz(&text, err->text);
	sasl_mask(s, &text);
	error_set(err, kind, "%s", buf_cstr(&text));
	buf_release(&text);
	return -1;
}

/* Open a session and let it speak first, if it is to. */
static int open_session(struct sasl *s, char **out, size_t *n)
{
	int rc = gsasl_client_start(s->lib, s->mech->name, &s->session);

	if (rc != GSASL_OK) {
		s->session = NULL;
		return rc;
	}
	if (!(s->mech->flags & MECH_INITIAL))
		return GSASL_OK;
	rc = gsasl_step(s->session, "", 0, out, n);
	s->done = rc == GSASL_OK;
	return rc == GSASL_NEEDS_MORE ? GSASL_OK : rc;
}

/* What a mechanism could only send garbled is better not sent. */
static int check_login(struct sasl *s, struct error *err)
{
	const struct sasl_config *c = s->config;

	if (exchange_is(s, "NTLM"))
		return ntlm_user(&s->login, str_of(c->user), c->secret, err);
	/* libgsasl puts them into quotes as they are. */
	if (exchange_is(s, "DIGEST-MD5") && (strpbrk(c->user, "\"\\") ||
					 strpbrk(c->authzid, "\"\\")))
		return error_set(err, ERROR_AUTH, "DIGEST-MD5: user or authzid "
				 "has a quote or a backslash in it");
	return 0;
}

static int start_gsasl(struct sasl *s, struct buf *initial, struct error *err)
{
	char *out = NULL;
	size_t n = 0;
	int rc;

	if (check_login(s, err))
		return -1;
	rc = open_session(s, &out, &n);
	/* libgsasl 2.2.0 trips over its own 'y'.  Then it has to be 'n'. */
	if (rc == GSASL_AUTHENTICATION_ERROR && s->binding.n &&
	    !(s->mech->flags & MECH_PLUS)) {
		exchange_close(s);
		s->binding.n = 0;
		rc = open_session(s, &out, &n);
	}
	if (rc != GSASL_OK)
		return explain(s, rc, err);
	if (s->mech->flags & MECH_SCRAM)
		buf_add(&s->nonce,
			scram_attribute((struct str){ out, n }, 'r'));
	encode(s, (struct str){ out, n }, initial);
	exchange_free(out, n);
	return 0;
}

static void start_oauth(struct sasl *s, struct buf *initial)
{
	struct buf plain;

	buf_init(&plain, SENT_MAX);
	if (exchange_is(s, "XOAUTH2"))
		oauth_xoauth2(&plain, s->config);
	else
		oauth_bearer(&plain, s->config);
	encode(s, buf_str(&plain), initial);
	s->done = true;
	buf_wipe(&plain);
	buf_release(&plain);
}

static int start_kerberos(struct sasl *s, struct buf *initial,
			  struct error *err)
{
	struct kerberos_config config = {
		.host = s->config->host, .user = s->config->user,
		.authzid = s->config->authzid,
		.deadline = s->config->deadline,
	};
	struct buf plain;

	buf_init(&plain, SENT_MAX);
	s->kerberos = kerberos_start(&config, &plain, err);
	encode(s, buf_str(&plain), initial);
	buf_wipe(&plain);
	buf_release(&plain);
	return s->kerberos ? 0 : -1;
}

static int sasl_start(void *ctx, struct str offered, const char **mech,
		      bool *has_initial, struct buf *initial,
		      struct error *err)
{
	struct sasl *s = ctx;

	exchange_close(s);
	buf_wipe(&s->nonce);
	buf_reset(&s->status);
	buf_reset(&s->login);
	s->steps = 0;
	s->done = false;
	if (choose(s, offered, err))
		return hide(s, err);
	*mech = s->mech->name;
	*has_initial = s->mech->flags & MECH_INITIAL;
	if (exchange_is(s, "GSSAPI"))
		return start_kerberos(s, initial, err);
	if (!(s->mech->flags & MECH_TOKEN))
		return start_gsasl(s, initial, err);
	start_oauth(s, initial);
	return 0;
}

/*
 * The relay refuses the token and says why; the mechanism wants a sign that
 * we have heard, and only then comes the 5yz (RFC 7628 s3.2.3).
 */
static void step_oauth(struct sasl *s, struct str in, struct buf *response)
{
	oauth_status(&s->status, in);
	sasl_mask(s, &s->status);
	s->done = false;
	if (exchange_is(s, "OAUTHBEARER"))
		encode(s, STR("\001"), response);
}

/* Extensions may follow the signature (RFC 5802 s7); libgsasl knows of none. */
static int check_final(struct str in, struct buf *clean, struct error *err)
{
	if (scram_check_final(in, err))
		return -1;
	buf_add(clean, str_cut(&in, ','));
	return 0;
}

/*
 * libgsasl reads only what has been looked at: `in` itself, or what is
 * appended to `clean` in its place.
 */
static int check_challenge(const struct sasl *s, struct str in,
			   struct buf *clean, struct error *err)
{
	const struct sasl_config *c = s->config;
	bool ascii = !str_has_8bit(str_of(c->user)) &&
		     !str_has_8bit(str_of(c->authzid)) &&
		     !str_has_8bit(c->secret);

	if (s->mech->flags & MECH_SCRAM)
		return s->steps == 0 ?
			scram_check_first(in, buf_str(&s->nonce), err) :
			check_final(in, clean, err);
	if (exchange_is(s, "DIGEST-MD5"))
		return s->steps == 0 ?
			digest_challenge(clean, in, str_of(c->user), ascii,
					 err) :
			digest_proof(clean, in, err);
	if (exchange_is(s, "NTLM"))
		return ntlm_challenge(clean, in, err);
	/* CRAM-MD5 of nothing is a digest to be replayed elsewhere. */
	if (!in.n && exchange_is(s, "CRAM-MD5"))
		return error_set(err, ERROR_PROTOCOL, "CRAM-MD5: the relay's "
				 "challenge is empty");
	return 0;
}

static int step_gsasl(struct sasl *s, struct str in, struct buf *response,
		      struct error *err)
{
	struct buf clean;
	char *out = NULL;
	size_t n = 0;
	int ret = -1;
	int rc;

	buf_init(&clean, CHALLENGE_MAX);
	if (check_challenge(s, in, &clean, err))
		goto out;
	if (clean.len)
		in = buf_str(&clean);
	rc = gsasl_step(s->session, in.p, in.n, &out, &n);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
		explain(s, rc, err);
		goto out;
	}
	s->done = rc == GSASL_OK;
	encode(s, (struct str){ out, n }, response);
	exchange_free(out, n);
	ret = 0;
out:
	buf_release(&clean);
	return ret;
}

static int step_kerberos(struct sasl *s, struct str in, struct buf *response,
			 struct error *err)
{
	struct buf plain;
	int ret;

	buf_init(&plain, SENT_MAX);
	ret = kerberos_step(s->kerberos, in, &plain, &s->done, err);
	if (!ret)
		encode(s, buf_str(&plain), response);
	buf_wipe(&plain);
	buf_release(&plain);
	return ret;
}

static int sasl_step(void *ctx, struct str challenge, struct buf *response,
		     struct error *err)
{
	struct sasl *s = ctx;
	const char *mech = s->mech->name;
	bool oauth = s->mech->flags & MECH_TOKEN;
	struct buf plain;
	int ret = 0;

	if (challenge.n > CHALLENGE_MAX)
		return error_set(err, ERROR_PROTOCOL, "%s: the relay's "
				 "challenge is longer than %d octets", mech,
				 CHALLENGE_MAX);
	if (oauth ? s->steps > 0 : s->done)
		return error_set(err, ERROR_PROTOCOL, "%s: the relay asks for "
				 "more than the mechanism has", mech);
	buf_init(&plain, CHALLENGE_MAX);
	if (base64_decode(&plain, str_trim(challenge)))
		ret = error_set(err, ERROR_PROTOCOL, "%s: the relay's "
				"challenge is not base64", mech);
	else if (oauth)
		step_oauth(s, buf_str(&plain), response);
	else if (s->kerberos)
		ret = step_kerberos(s, buf_str(&plain), response, err);
	else
		ret = step_gsasl(s, buf_str(&plain), response, err);
	buf_release(&plain);
	s->steps++;
	return ret ? hide(s, err) : 0;
}

static int sasl_finish(void *ctx, struct error *err)
{
	const struct sasl *s = ctx;

	if (s->done)
		return 0;
	if (s->mech->flags & MECH_PROOF)
		return error_set(err, ERROR_AUTH, "%s: the relay did not prove "
				 "%s: it said yes too early", s->mech->name,
				 s->kerberos ? "who it is" :
				 "that it knows the password");
	if (s->mech->flags & MECH_TOKEN)
		return error_set(err, ERROR_PROTOCOL, "%s: the relay refused "
				 "the token and then accepted it",
				 s->mech->name);
	return error_set(err, ERROR_PROTOCOL, "%s: the relay said yes before "
			 "it had seen all", s->mech->name);
}

/* ---- life ---- */

struct sasl *sasl_new(const struct sasl_config *config, struct error *err)
{
	struct sasl *s;

	if (usable_config(config, err))
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->config = config;
	s->auth = (struct auth){ .ctx = s, .start = sasl_start,
				 .step = sasl_step, .finish = sasl_finish,
				 .mask = sasl_mask };
	buf_init(&s->nonce, CHALLENGE_MAX);
	buf_init(&s->sent, SENT_MAX);
	buf_init(&s->status, OAUTH_STATUS_MAX);
	buf_init(&s->login, 2 * NTLM_NAME_MAX);
	if (gsasl_init(&s->lib) != GSASL_OK) {
		sasl_free(s);
		error_set(err, ERROR_OS, "cannot start libgsasl");
		return NULL;
	}
	s->have = usable_mechs(s->lib);
	if (usable_have(config->mechs, s->have, err)) {
		sasl_free(s);
		return NULL;
	}
	gsasl_callback_hook_set(s->lib, s);
	gsasl_callback_set(s->lib, exchange_provide);
	return s;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	exchange_close(s);
	if (s->lib)
		gsasl_done(s->lib);
	buf_wipe(&s->sent);
	buf_release(&s->sent);
	buf_release(&s->nonce);
	buf_release(&s->status);
	buf_release(&s->login);
	free(s);
}

const struct auth *sasl_auth(struct sasl *s)
{
	return &s->auth;
}

const char *sasl_status(const struct sasl *s)
{
	return buf_cstr(&s->status);
}
