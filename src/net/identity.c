#include "net/identity.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/engine.h"
#include "sys/file.h"
#include "sys/locked.h"
#include "util/buf.h"
#include "util/xalloc.h"

enum {
	FILE_MAX = 1 << 20,		/* octets of certificates or keys */
	LIST_MAX = 16,			/* of our own certificates */
	ID_SIZE = 32
};

struct identity {
	gnutls_pcert_st chain[LIST_MAX];
	unsigned n;
	gnutls_privkey_t key;
	int (*unlock)(void *ctx, char *to, size_t max, struct error *err);
	void *ctx;
	char *secret;			/* locked memory, once it is known */
	bool refused;			/* it is wrong: never again */
	struct error why;		/* what a token could not be told */
};

static bool is_uri(const char *s)
{
	return !strncmp(s, "pkcs11:", 7);
}

/* ---- the password or PIN ---- */

static int get_secret(struct identity *id, struct error *err)
{
	if (id->secret)
		return 0;
	id->secret = locked_alloc(IDENTITY_SECRET_MAX);
	if (!id->unlock(id->ctx, id->secret, IDENTITY_SECRET_MAX, err))
		return 0;
	locked_free(id->secret, IDENTITY_SECRET_MAX);
	id->secret = NULL;
	return -1;
}

/*
 * GnuTLS asks again and again until it is right, and tokens lock themselves
 * after a few failures: so what was refused once is not said twice, and the
 * last try is left to somebody who can see what he types.
 */
static int on_pin(void *ctx, int attempt, const char *url, const char *label,
		  unsigned flags, char *pin, size_t max)
{
	struct identity *id = ctx;
	size_t n;

	(void)url;
	if (attempt > 0 || flags & GNUTLS_PIN_WRONG)
		id->refused = true;
	if (id->refused)
		error_set(&id->why, ERROR_AUTH, "token '%.64s' refuses the PIN",
			  label);
	else if (flags & GNUTLS_PIN_SO)
		error_set(&id->why, ERROR_CONFIG, "token '%.64s' wants its "
			  "security officer's PIN", label);
	else if (flags & GNUTLS_PIN_FINAL_TRY)
		error_set(&id->why, ERROR_AUTH, "token '%.64s' would be locked "
			  "by one more wrong PIN, so none is tried: log in to "
			  "it by other means first", label);
	else if (!get_secret(id, &id->why)) {
		n = strlen(id->secret);
		if (n < max) {
			memcpy(pin, id->secret, n + 1);
			return 0;
		}
		error_set(&id->why, ERROR_CONFIG, "the PIN for token '%.64s' is "
			  "too long", label);
	}
	return GNUTLS_E_PKCS11_PIN_ERROR;
}

/* ---- files ---- */

struct source {
	const char *setting;		/* "tls_cert" or "tls_key" */
	const char *path;
	bool own;			/* it is the key's own file */
	bool is_key;			/* it holds one, besides or alone */
	bool encrypted;
	struct buf text;
};

static bool holds(const struct source *s, const char *what)
{
	return s->text.len && strstr(buf_cstr(&s->text), what);
}

static int slurp(struct source *s, struct error *err)
{
	struct file_facts facts;

	if (file_slurp(s->path, &s->text, &facts, err))
		return error_wrap(err, "%s", s->setting);
	if (facts.missing)
		return error_set(err, ERROR_CONFIG, "%s: '%s' does not exist",
				 s->setting, s->path);
	s->is_key = holds(s, "PRIVATE KEY-----");
	s->encrypted = holds(s, "-----BEGIN ENCRYPTED PRIVATE KEY") ||
		       holds(s, "Proc-Type: 4,ENCRYPTED");
	if (s->is_key && !s->encrypted &&
	    file_check_private(s->path, &facts, err))
		return error_wrap(err, "%s", s->setting);
	return 0;
}

static void source_release(struct source *s)
{
	buf_wipe(&s->text);
	buf_release(&s->text);
}

static gnutls_datum_t datum(const struct source *s)
{
	return (gnutls_datum_t){ (unsigned char *)s->text.p,
				 (unsigned)s->text.len };
}

static int cert_file(struct identity *id, const struct source *s,
		     struct error *err)
{
	gnutls_datum_t d = datum(s);
	unsigned n = LIST_MAX;
	int r = s->text.len ? gnutls_pcert_list_import_x509_raw(id->chain, &n,
			&d, GNUTLS_X509_FMT_PEM,
			GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED) :
		GNUTLS_E_NO_CERTIFICATE_FOUND;

	if (r >= 0 && n) {
		id->n = n;
		return 0;
	}
	if (r >= 0 || r == GNUTLS_E_NO_CERTIFICATE_FOUND ||
	    r == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR ||
	    r == GNUTLS_E_BASE64_DECODING_ERROR)
		return error_set(err, ERROR_CONFIG, "tls_cert: '%s' has no "
				 "certificate in it (PEM)", s->path);
	if (r == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
		return error_set(err, ERROR_CONFIG, "tls_cert: '%s': our "
				 "certificate has to come first, and then who "
				 "issued each", s->path);
	return error_set(err, ERROR_CONFIG, "tls_cert: '%s': %s", s->path,
			 gnutls_strerror(r));
}

static int key_file(struct identity *id, const struct source *s,
		    struct error *err)
{
	gnutls_datum_t d = datum(s);
	int r;

	if (!s->is_key)
		return error_set(err, ERROR_CONFIG, "%s: '%s' has no private "
				 "key in it (PEM)%s", s->setting, s->path,
				 s->own ? "" : ": set tls_key");
	if (s->encrypted && get_secret(id, err))
		return error_wrap(err, "%s: '%s' is encrypted", s->setting,
				  s->path);
	r = gnutls_privkey_import_x509_raw(id->key, &d, GNUTLS_X509_FMT_PEM,
					   s->encrypted ? id->secret : NULL, 0);
	if (r >= 0)
		return 0;
	/* Deciphered by a wrong password it may be any nonsense. */
	if (s->encrypted && r != GNUTLS_E_UNKNOWN_CIPHER_TYPE)
		return error_set(err, ERROR_AUTH, "%s: the password of '%s' is "
				 "wrong", s->setting, s->path);
	return error_set(err, ERROR_CONFIG, "%s: '%s': %s", s->setting, s->path,
			 gnutls_strerror(r));
}

/* ---- tokens ---- */

/* What the token was not told is the reason, if that is so. */
static int token_error(const struct identity *id, const char *setting, int r,
		       struct error *err)
{
	if (id->why.kind) {
		*err = id->why;
		return error_wrap(err, "%s", setting);
	}
	if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
	    r == GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE)
		return error_set(err, ERROR_CONFIG, "%s: no token has what the "
				 "URI names (p11tool --list-tokens shows "
				 "them)", setting);
	return error_set(err, r == GNUTLS_E_PKCS11_PIN_LOCKED ? ERROR_AUTH :
			 ERROR_CONFIG, "%s: %s", setting, gnutls_strerror(r));
}

static int cert_token(struct identity *id, const char *uri, struct error *err)
{
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0;
	int r;

	/* Certificates are rarely private: the PIN may not be needed here. */
	r = gnutls_x509_crt_list_import_url(&list, &n, uri, on_pin, id, 0);
	if (r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		r = gnutls_x509_crt_list_import_url(&list, &n, uri, on_pin, id,
					GNUTLS_PKCS11_OBJ_FLAG_LOGIN);
	if (r < 0)
		return token_error(id, "tls_cert", r, err);
	for (unsigned i = 0; i < n; i++) {
		if (r >= 0 && id->n < LIST_MAX) {
			r = gnutls_pcert_import_x509(&id->chain[id->n],
						     list[i], 0);
			id->n += r >= 0;
		}
		gnutls_x509_crt_deinit(list[i]);
	}
	gnutls_free(list);
	return id->n ? 0 : token_error(id, "tls_cert", r, err);
}

static int key_token(struct identity *id, const char *setting, const char *uri,
		     struct error *err)
{
	int r;

	gnutls_privkey_set_pin_function(id->key, on_pin, id);
	r = gnutls_privkey_import_url(id->key, uri, 0);
	return r < 0 ? token_error(id, setting, r, err) : 0;
}

/* ---- both ---- */

/* Is what the key signs by the certificate's? */
static bool signs_for(const struct identity *id)
{
	gnutls_pubkey_t pub = id->chain[0].pubkey;
	gnutls_datum_t text = { (unsigned char *)(uintptr_t)"posthaste", 9 };
	gnutls_digest_algorithm_t hash = GNUTLS_DIG_SHA256;
	gnutls_sign_algorithm_t kind;
	gnutls_datum_t sig = { NULL, 0 };
	int r;

	(void)gnutls_pubkey_get_preferred_hash_algorithm(pub, &hash, NULL);
	kind = gnutls_pk_to_sign((gnutls_pk_algorithm_t)
				 gnutls_pubkey_get_pk_algorithm(pub, NULL),
				 hash);
	if (gnutls_privkey_sign_data2(id->key, kind, 0, &text, &sig) < 0)
		return true;		/* then the relay finds out */
	r = gnutls_pubkey_verify_data2(pub, kind, 0, &text, &sig);
	gnutls_free(sig.data);
	return r >= 0;
}

/* To a token a key for RSA-PSS alone is one of RSA. */
static int family(int algorithm)
{
	return algorithm == GNUTLS_PK_RSA_PSS ? GNUTLS_PK_RSA : algorithm;
}

/* A token may not tell a key's public half, and some do not every time. */
static bool belong_together(const struct identity *id)
{
	unsigned char a[ID_SIZE], b[ID_SIZE];
	size_t n = sizeof(a), m = sizeof(b);
	gnutls_pubkey_t pub;
	bool told;

	if (family(gnutls_privkey_get_pk_algorithm(id->key, NULL)) !=
	    family(gnutls_pubkey_get_pk_algorithm(id->chain[0].pubkey, NULL)))
		return false;
	if (gnutls_pubkey_init(&pub))
		return true;
	told = !gnutls_pubkey_import_privkey(pub, id->key, 0, 0) &&
	       !gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, a, &n) &&
	       !gnutls_pubkey_get_key_id(id->chain[0].pubkey,
					 GNUTLS_KEYID_USE_SHA256, b, &m);
	gnutls_pubkey_deinit(pub);
	if (!told)
		return signs_for(id);
	return n == m && !memcmp(a, b, n);
}

static int load_key(struct identity *id, const struct identity_config *c,
		    struct source *cert, struct error *err)
{
	const char *where = *c->key ? c->key : c->cert;
	struct source own = { .setting = "tls_key", .path = where,
			      .own = true };
	struct source *s = *c->key ? &own : cert;
	int ret;

	if (is_uri(where) && !id->unlock)
		return 0;
	if (is_uri(where)) {
		ret = key_token(id, *c->key ? "tls_key" : "tls_cert", where,
				err);
	} else {
		buf_init(&own.text, FILE_MAX);
		ret = s == &own ? slurp(s, err) : 0;
		if (!ret && s->encrypted && !id->unlock) {
			source_release(&own);
			return 0;
		}
		ret = ret ? ret : key_file(id, s, err);
		source_release(&own);
	}
	if (ret || !id->n || belong_together(id))
		return ret;
	return error_set(err, ERROR_CONFIG, "tls_key: the key of '%s' is not "
			 "that of the certificate '%s'", where, c->cert);
}

static int load(struct identity *id, const struct identity_config *c,
		struct error *err)
{
	struct source cert = { .setting = "tls_cert", .path = c->cert };
	int ret = 0;

	buf_init(&cert.text, FILE_MAX);
	if (!is_uri(c->cert))
		ret = slurp(&cert, err) || cert_file(id, &cert, err);
	else if (id->unlock)
		ret = cert_token(id, c->cert, err);
	ret = ret || load_key(id, c, &cert, err);
	source_release(&cert);
	return ret ? -1 : 0;
}

struct identity *identity_new(const struct identity_config *c,
			      struct error *err)
{
	struct identity *id = xcalloc(1, sizeof(*id));

	id->unlock = c->unlock;
	id->ctx = c->ctx;
	if (gnutls_privkey_init(&id->key))
		error_set(err, ERROR_OS, "no memory for a key");
	else if (!load(id, c, err))
		return id;
	identity_free(id);
	return NULL;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	for (unsigned i = 0; i < id->n; i++)
		gnutls_pcert_deinit(&id->chain[i]);
	if (id->key)
		gnutls_privkey_deinit(id->key);
	locked_free(id->secret, IDENTITY_SECRET_MAX);
	free(id);
}

/* ---- the handshake ---- */

/*
 * Whatever authorities the relay names: it was told to be shown to this one,
 * whose own words say more than silence if it will not have it.
 */
static int show(gnutls_session_t session, const gnutls_datum_t *authorities,
		int n, const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
		gnutls_pcert_st **chain, unsigned *n_chain,
		gnutls_privkey_t *key)
{
	struct tls *t = gnutls_session_get_ptr(session);

	(void)authorities;
	(void)n;
	(void)algorithms;
	(void)n_algorithms;
	t->asked = true;
	if (!t->config.identity)
		return 0;
	*chain = t->config.identity->chain;
	*n_chain = t->config.identity->n;
	*key = t->config.identity->key;
	return 0;
}

void identity_offer(struct tls *t)
{
	gnutls_certificate_set_retrieve_function2(t->cred, show);
}
