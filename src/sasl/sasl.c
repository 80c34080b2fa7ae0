#include "sasl/sasl.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#include "sasl/mask.h"
#include "sasl/mechs.h"
#include "sasl/oauth.h"
#include "sasl/salted.h"
#include "sasl/scram.h"
#include "util/base64.h"
#include "util/xalloc.h"

enum {
	CHALLENGE_MAX = 12288,	/* octets of base64: RFC 4954 s4 */
	SENT_MAX = 1 << 20	/* octets of responses remembered */
};

/*
 * tls-exporter came with libgsasl 2.0.  An older one never asks for it, so
 * its number is all we need to build with either.
 */
static const Gsasl_property CB_EXPORTER = (Gsasl_property)25;

struct sasl {
	const struct sasl_config *config;
	struct auth auth;
	const struct mech *mech;	/* NULL before start */
	Gsasl *lib;
	Gsasl_session *session;		/* NULL with the OAuth mechanisms */
	struct str binding;		/* what libgsasl may know of the two */
	Gsasl_property binding_kind;
	struct buf nonce;		/* ours, SCRAM */
	struct buf sent;		/* lines that mask() looks for */
	struct buf status;		/* a refusal's "status", OAuth */
	unsigned steps;			/* challenges answered */
	bool done;			/* the mechanism wants nothing more */
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

static void free_wiped(char *p, size_t n)
{
	if (p)
		wipe(p, n);
	gsasl_free(p);
}

/* ---- what libgsasl asks of us ---- */

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
	bool sha256 = !strncmp(s->mech->name, "SCRAM-SHA-256", 13);
	char *password = xstrndup(s->config->secret.p, s->config->secret.n);
	char *prepared = NULL;
	char hex[SALTED_HEX];
	int rc = GSASL_NO_CALLBACK;

	if (iterations && salt &&
	    gsasl_saslprep(password, GSASL_ALLOW_UNASSIGNED, &prepared,
			   NULL) == GSASL_OK &&
	    !salted_password(sha256 ? SALTED_SHA256 : SALTED_SHA1,
			     str_of(prepared), str_of(salt),
			     str_of(iterations), hex))
		rc = put(session, GSASL_SCRAM_SALTED_PASSWORD, str_of(hex));
	wipe(hex, sizeof(hex));
	wipe(password, s->config->secret.n);
	free(password);
	if (prepared)
		free_wiped(prepared, strlen(prepared));
	return rc;
}

static int provide(Gsasl *lib, Gsasl_session *session, Gsasl_property prop)
{
	const struct sasl *s = gsasl_callback_hook_get(lib);

	if (prop == GSASL_AUTHID)
		return put(session, prop, str_of(s->config->user));
	if (prop == GSASL_AUTHZID && *s->config->authzid)
		return put(session, prop, str_of(s->config->authzid));
	if (prop == GSASL_SCRAM_SALTED_PASSWORD)
		return put_salted(s, session);
	if (prop == GSASL_PASSWORD)
		return put(session, prop, s->config->secret);
	if (s->binding.n && prop == s->binding_kind)
		return put_binding(session, prop, s->binding);
	return GSASL_NO_CALLBACK;
}

/* libgsasl frees its copies as they are; so first make them worthless. */
static void close_session(struct sasl *s)
{
	static const Gsasl_property secrets[] = {
		GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD
	};

	if (!s->session)
		return;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		const char *p = gsasl_property_fast(s->session, secrets[i]);

		if (p)
			wipe((char *)p, strlen(p));
	}
	gsasl_finish(s->session);
	s->session = NULL;
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
		s->binding_kind = CB_EXPORTER;
	}
	return s->binding.n > 0;
}

static int choose(struct sasl *s, struct str offered, struct error *err)
{
	bool bound = find_binding(s);

	s->mech = mechs_choose(s->config, offered, bound, err);
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
	case GSASL_UNKNOWN_MECHANISM:
		return error_set(err, ERROR_AUTH, "%s: this libgsasl was built "
				 "without it; name another with auth", mech);
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
	if (!strcmp(s->mech->name, "CRAM-MD5") && plain.n > 32)
		return (struct str){ plain.p + plain.n - 32, 32 };
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

static int start_gsasl(struct sasl *s, struct buf *initial, struct error *err)
{
	char *out = NULL;
	size_t n = 0;
	int rc = open_session(s, &out, &n);

	/* libgsasl 2.2.0 trips over its own 'y'.  Then it has to be 'n'. */
	if (rc == GSASL_AUTHENTICATION_ERROR && s->binding.n &&
	    !(s->mech->flags & MECH_PLUS)) {
		close_session(s);
		s->binding.n = 0;
		rc = open_session(s, &out, &n);
	}
	if (rc != GSASL_OK)
		return explain(s, rc, err);
	if (s->mech->flags & MECH_SCRAM)
		buf_add(&s->nonce,
			scram_attribute((struct str){ out, n }, 'r'));
	encode(s, (struct str){ out, n }, initial);
	free_wiped(out, n);
	return 0;
}

static void start_oauth(struct sasl *s, struct buf *initial)
{
	struct buf plain;

	buf_init(&plain, SENT_MAX);
	if (!strcmp(s->mech->name, "XOAUTH2"))
		oauth_xoauth2(&plain, s->config);
	else
		oauth_bearer(&plain, s->config);
	encode(s, buf_str(&plain), initial);
	s->done = true;
	buf_wipe(&plain);
	buf_release(&plain);
}

static int sasl_start(void *ctx, struct str offered, const char **mech,
		      bool *has_initial, struct buf *initial,
		      struct error *err)
{
	struct sasl *s = ctx;

	close_session(s);
	buf_wipe(&s->nonce);
	buf_reset(&s->status);
	s->steps = 0;
	s->done = false;
	if (choose(s, offered, err))
		return -1;
	*mech = s->mech->name;
	*has_initial = s->mech->flags & MECH_INITIAL;
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
	if (!strcmp(s->mech->name, "OAUTHBEARER"))
		encode(s, STR("\001"), response);
}

static int check_challenge(const struct sasl *s, struct str in,
			   struct error *err)
{
	if (s->mech->flags & MECH_SCRAM)
		return s->steps == 0 ?
			scram_check_first(in, buf_str(&s->nonce), err) :
			scram_check_final(in, err);
	/* CRAM-MD5 of nothing is a digest to be replayed elsewhere. */
	if (!in.n && !strcmp(s->mech->name, "CRAM-MD5"))
		return error_set(err, ERROR_PROTOCOL, "CRAM-MD5: the relay's "
				 "challenge is empty");
	return 0;
}

static int step_gsasl(struct sasl *s, struct str in, struct buf *response,
		      struct error *err)
{
	char *out = NULL;
	size_t n = 0;
	int rc;

	if (check_challenge(s, in, err))
		return -1;
	rc = gsasl_step(s->session, in.p, in.n, &out, &n);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		return explain(s, rc, err);
	s->done = rc == GSASL_OK;
	encode(s, (struct str){ out, n }, response);
	free_wiped(out, n);
	return 0;
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
	else
		ret = step_gsasl(s, buf_str(&plain), response, err);
	buf_release(&plain);
	s->steps++;
	return ret;
}

static int sasl_finish(void *ctx, struct error *err)
{
	const struct sasl *s = ctx;

	if (s->done)
		return 0;
	if (s->mech->flags & MECH_SCRAM)
		return error_set(err, ERROR_AUTH, "%s: the relay did not prove "
				 "that it knows the password: it said yes too "
				 "early", s->mech->name);
	if (s->mech->flags & MECH_TOKEN)
		return error_set(err, ERROR_PROTOCOL, "%s: the relay refused "
				 "the token and then accepted it",
				 s->mech->name);
	return error_set(err, ERROR_PROTOCOL, "%s: the relay said yes before "
			 "it had seen all", s->mech->name);
}

/* ---- life ---- */

static int check_config(const struct sasl_config *c, struct error *err)
{
	struct str user = str_of(c->user);

	if (mechs_check(c->mechs, err))
		return -1;
	if (!user.n)
		return error_set(err, ERROR_CONFIG,
				 "authentication needs a user name; set user");
	/* They would end a field in the OAuth mechanisms and in PLAIN. */
	if (str_has_ctl(user) || str_has_ctl(str_of(c->authzid)))
		return error_set(err, ERROR_CONFIG,
				 "user or authzid has a control character");
	if (!c->secret.n)
		return error_set(err, ERROR_CONFIG, "the %s is empty",
				 c->is_token ? "token" : "password");
	if (memchr(c->secret.p, '\0', c->secret.n))
		return error_set(err, ERROR_CONFIG, "the %s has a NUL in it",
				 c->is_token ? "token" : "password");
	if (c->is_token && (str_has_ctl(c->secret) || str_has_8bit(c->secret)))
		return error_set(err, ERROR_CONFIG, "the token has characters "
				 "that no token has (RFC 6750 s2.1)");
	return 0;
}

struct sasl *sasl_new(const struct sasl_config *config, struct error *err)
{
	struct sasl *s;

	if (check_config(config, err))
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->config = config;
	s->auth = (struct auth){ .ctx = s, .start = sasl_start,
				 .step = sasl_step, .finish = sasl_finish,
				 .mask = sasl_mask };
	buf_init(&s->nonce, CHALLENGE_MAX);
	buf_init(&s->sent, SENT_MAX);
	buf_init(&s->status, OAUTH_STATUS_MAX);
	if (gsasl_init(&s->lib) != GSASL_OK) {
		sasl_free(s);
		error_set(err, ERROR_OS, "cannot start libgsasl");
		return NULL;
	}
	gsasl_callback_hook_set(s->lib, s);
	gsasl_callback_set(s->lib, provide);
	return s;
}

void sasl_free(struct sasl *s)
{
	if (!s)
		return;
	close_session(s);
	if (s->lib)
		gsasl_done(s->lib);
	buf_wipe(&s->sent);
	buf_release(&s->sent);
	buf_release(&s->nonce);
	buf_release(&s->status);
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

int sasl_check_mechs(const char *mechs, struct error *err)
{
	return mechs_check(mechs, err);
}
