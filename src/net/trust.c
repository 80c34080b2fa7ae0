/*
 * Whether to believe a relay: authorities, pins, or trust on first use.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "net/chain.h"
#include "net/engine.h"
#include "net/known.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "util/pin.h"
#include "util/xalloc.h"

enum {
	WHY_MAX = 480,			/* octets of reasons in an error */
	BUNDLE_MAX = 64 << 20		/* of authorities */
};

/* ---- authorities ---- */

static bool is_tofu(const struct tls *t)
{
	return !strcmp(t->config.trust, "tofu");
}

static int load_system(struct tls *t, struct error *err)
{
	int n = gnutls_certificate_set_x509_system_trust(t->cred);

	if (n > 0)
		return 0;
	return error_set(err, ERROR_CONFIG, "the system has no trusted CA "
			 "certificates: install them (ca-certificates), or "
			 "set tls_trust to a PEM file");
}

static int add_file(gnutls_certificate_credentials_t cred, const char *file,
		    const struct buf *text, struct error *err)
{
	gnutls_datum_t d = { (unsigned char *)text->p, (unsigned)text->len };
	int n = text->len ? gnutls_certificate_set_x509_trust_mem(cred, &d,
			GNUTLS_X509_FMT_PEM) : 0;

	if (n > 0)
		return 0;
	if (!n || n == GNUTLS_E_NO_CERTIFICATE_FOUND)
		return error_set(err, ERROR_CONFIG, "CA file '%s' has no "
				 "certificate in it (PEM)", file);
	return error_set(err, ERROR_CONFIG, "CA file '%s': %s", file,
			 gnutls_strerror(n));
}

static int load_file(gnutls_certificate_credentials_t cred, const char *file,
		     struct error *err)
{
	struct file_facts facts;
	struct buf text;
	int ret;

	buf_init(&text, BUNDLE_MAX);
	ret = file_slurp(file, &text, &facts, err);
	if (ret)
		error_wrap(err, "cannot read CA file");
	else if (facts.missing)
		ret = error_set(err, ERROR_CONFIG, "cannot read CA file '%s': "
				"%s", file, strerror(ENOENT));
	else
		ret = add_file(cred, file, &text, err);
	buf_release(&text);
	return ret;
}

static bool is_word(const char *trust)
{
	return !*trust || !strcmp(trust, "system") || !strcmp(trust, "tofu");
}

int tls_check_trust(const char *trust, struct error *err)
{
	gnutls_certificate_credentials_t cred;
	int ret;

	if (is_word(trust))
		return 0;
	if (gnutls_certificate_allocate_credentials(&cred))
		return error_set(err, ERROR_OS, "no memory for certificates");
	ret = load_file(cred, trust, err);
	gnutls_certificate_free_credentials(cred);
	return ret;
}

static int load_authorities(struct tls *t, struct error *err)
{
	const char *trust = t->config.trust;

	if (is_tofu(t) || t->config.only_pins)
		return 0;
	return is_word(trust) ? load_system(t, err) :
				load_file(t->cred, trust, err);
}

static int load_lists(struct tls *t, struct error *err)
{
	if (!*t->config.crl)
		return 0;
	t->crls = crls_load(t->config.crl, err);
	return t->crls ? 0 : -1;
}

int tls_load_trust(struct tls *t, struct error *err)
{
	struct error why = { 0 };

	if (t->trust_loaded)
		return 0;
	t->trust_loaded = true;
	if (!load_authorities(t, &why) && !load_lists(t, &why))
		return 0;
	if (t->config.verify) {
		*err = why;
		return -1;
	}
	t->no_trust = why;
	return 0;
}

int tls_prepare(struct tls *t, struct error *err)
{
	return t->offered ? 0 : tls_load_trust(t, err);
}

static const char *text(const char *s)
{
	return s ? s : "";
}

void trust_configure(struct tls *t)
{
	struct tls_config *c = &t->config;

	c->domain = text(c->domain);
	c->pins = text(c->pins);
	c->fingerprints = text(c->fingerprints);
	c->crl = text(c->crl);
	cert_host_init(&t->host, *c->host ? c->host : c->domain);
}

/* ---- the certificate ---- */

static int refuse_new(struct tls *t, struct error *err)
{
	const char *print = t->info.cert.fingerprint;

	return error_set(err, ERROR_CERT, "'%s' has a certificate not seen "
			 "before: %s (to trust it, add the line '%s %s' to "
			 "'%s')", t->config.known_as, print,
			 t->config.known_as, print, t->config.known_file);
}

/* Trust on first use: the file decides, or the person, who is asked once. */
static int judge_tofu(struct tls *t, struct error *err)
{
	const struct tls_config *c = &t->config;
	struct known_relay r = {
		.key = c->known_as, .pin = t->info.cert.pin,
		.fingerprint = t->info.cert.fingerprint
	};
	enum known k = KNOWN_NEW;
	struct buf stored;
	int ret;

	buf_init(&stored, WHY_MAX);
	ret = known_find(c->known_file, &r, &k, &stored, err);
	if (!ret && k == KNOWN_CHANGED)
		ret = error_set(err, ERROR_CERT, "the certificate of '%s' has "
				"changed: known is %.100s, this one is %s; if "
				"that is right, remove the old line from '%s'",
				r.key, buf_cstr(&stored), r.fingerprint,
				c->known_file);
	buf_release(&stored);
	if (ret || k == KNOWN_SAME)
		return ret;
	if (!c->verify || !c->ask || !c->ask(c->ask_ctx, r.key, r.fingerprint))
		return refuse_new(t, err);
	return known_add(c->known_file, &r, err);
}

/* ---- pins and fingerprints ---- */

static bool listed(const char *list, enum pin_kind kind,
		   const unsigned char sum[PIN_SIZE])
{
	struct str rest = str_of(list);
	unsigned char one[PIN_SIZE];
	enum pin_word w;

	while ((w = pin_next(&rest, kind, one)) != PIN_END)
		if (w == PIN_OK && !memcmp(one, sum, PIN_SIZE))
			return true;
	return false;
}

/* The certificate's own texts are words of the settings' own form. */
static int judge_pin(struct tls *t, enum pin_kind kind, struct error *err)
{
	const struct tls_cert *c = &t->info.cert;
	bool key = kind == PIN_KEY;
	const char *list = key ? t->config.pins : t->config.fingerprints;
	struct str shown = str_of(key ? c->pin : c->fingerprint);
	unsigned char sum[PIN_SIZE];

	if (!*list || (pin_next(&shown, kind, sum) == PIN_OK &&
		       listed(list, kind, sum)))
		return 0;
	return error_set(err, ERROR_CERT, "the %s of '%.100s' is not one of "
			 "%s: expected is %.150s%s, but its key is %s and its "
			 "certificate %s", key ? "key" : "certificate",
			 t->host.name, key ? "tls_pin" : "tls_fingerprint",
			 list, strlen(list) > 150 ? "..." : "", c->pin,
			 c->fingerprint);
}

/* ---- authorities at work ---- */

static unsigned verify(struct tls *t, struct buf *why)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER
	};
	unsigned status = 0;
	int r = gnutls_certificate_verify_peers(t->session, &purpose, 1,
						&status);

	if (r)
		buf_addf(why, "%s", gnutls_strerror(r));
	return status;
}

static void judge_all(struct tls *t, const struct chain *chain,
		      struct buf *why)
{
	int64_t now = clock_wall();
	unsigned status = verify(t, why);
	struct cert_case c = {
		.chain = chain->at, .n = chain->n, .facts = &t->info.cert,
		.host = &t->host, .domain = t->config.domain,
		.status = status, .now = now
	};
	struct revoke_case rc = { .chain = chain->at, .n = chain->n,
				  .now = now };

	cert_judge(why, &c);
	/* Of an issuer that is not trusted no list means anything. */
	if (t->crls && !(status & GNUTLS_CERT_SIGNER_NOT_FOUND))
		crls_judge(t->crls, why, &rc);
	ocsp_judge(t->session, status, why, now);
	if (status && !why->len)
		buf_addz(why, "its chain does not verify");
	if (t->no_trust.kind) {
		cert_also(why);
		buf_addz(why, t->no_trust.text);
	}
}

/* What TLSA records say is right may have been revoked all the same. */
static void judge_lists(struct tls *t, const struct chain *chain,
			struct buf *why)
{
	struct revoke_case rc = { .chain = chain->at, .n = chain->n,
				  .now = clock_wall() };

	if (t->crls)
		crls_judge(t->crls, why, &rc);
	else
		buf_addz(why, t->no_trust.text);
}

static int judge_chain(struct tls *t,
		       void (*judge_it)(struct tls *t, const struct chain *chain,
					struct buf *why), struct error *err)
{
	struct chain chain;
	struct buf why;
	bool bad;

	if (tls_load_trust(t, err))
		return -1;
	if (chain_init(&chain, t->session, t->cred))
		return error_set(err, ERROR_CERT, "'%s' showed a certificate "
				 "that cannot be read", t->host.name);
	buf_init(&why, WHY_MAX);
	judge_it(t, &chain, &why);
	bad = why.len || why.over;
	if (bad)
		error_set(err, ERROR_CERT, "the certificate of '%s' is not to "
			  "be trusted: %s", t->host.name, buf_cstr(&why));
	buf_release(&why);
	chain_release(&chain);
	return bad ? -1 : 0;
}

/* Each that is set has to agree; what is named exactly comes first. */
static int judge_cert(struct tls *t, struct error *err)
{
	if (judge_pin(t, PIN_KEY, err) || judge_pin(t, PIN_CERT, err))
		return -1;
	switch (dane_judge(t, err)) {
	case DANE_REFUSED:
		return -1;
	case DANE_TRUSTED:
		return *t->config.crl ? judge_chain(t, judge_lists, err) : 0;
	case DANE_SILENT:
	case DANE_AGREES:
		break;
	}
	if (t->config.only_pins)
		return 0;
	return is_tofu(t) ? judge_tofu(t, err) :
			    judge_chain(t, judge_all, err);
}

static int judge(struct tls *t, struct error *err)
{
	unsigned n = 0;
	const gnutls_datum_t *list =
		gnutls_certificate_get_peers(t->session, &n);
	gnutls_x509_crt_t crt;
	int ret = -1;

	if (!list || !n)
		return error_set(err, ERROR_CERT, "'%s' showed no certificate",
				 t->host.name);
	if (gnutls_x509_crt_init(&crt))
		return error_set(err, ERROR_OS, "no memory for a certificate");
	if (gnutls_x509_crt_import(crt, list, GNUTLS_X509_FMT_DER))
		error_set(err, ERROR_CERT, "'%s' showed a certificate that "
			  "cannot be read", t->host.name);
	else if (!cert_read(&t->info.cert, crt, err))
		ret = judge_cert(t, err);
	gnutls_x509_crt_deinit(crt);
	return ret;
}

int trust_certificate(gnutls_session_t session)
{
	struct tls *t = gnutls_session_get_ptr(session);
	struct error why = { 0 };

	t->judged = true;
	if (!judge(t, &why))
		return 0;
	free(t->info.trouble);
	t->info.trouble = xstrdup(why.text);
	if (!t->config.verify)
		return 0;
	t->verdict = why;
	return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}
