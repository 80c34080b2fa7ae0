/*
 * Whether to believe a relay: authorities, or trust on first use.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/engine.h"
#include "net/known.h"
#include "sys/clock.h"
#include "util/xalloc.h"

enum { WHY_MAX = 480 };			/* octets of reasons in an error */

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

static int load_file(struct tls *t, const char *file, struct error *err)
{
	int n;

	if (access(file, R_OK))
		return error_set(err, ERROR_CONFIG, "cannot read CA file '%s':"
				 " %s", file, strerror(errno));
	n = gnutls_certificate_set_x509_trust_file(t->cred, file,
						   GNUTLS_X509_FMT_PEM);
	if (n > 0)
		return 0;
	if (!n || n == GNUTLS_E_NO_CERTIFICATE_FOUND)
		return error_set(err, ERROR_CONFIG, "CA file '%s' has no "
				 "certificate in it (PEM)", file);
	return error_set(err, ERROR_CONFIG, "CA file '%s': %s", file,
			 gnutls_strerror(n));
}

int tls_load_trust(struct tls *t, struct error *err)
{
	const char *trust = t->config.trust;
	struct error why = { 0 };
	int r;

	if (t->trust_loaded || is_tofu(t))
		return 0;
	t->trust_loaded = true;
	r = !trust[0] || !strcmp(trust, "system") ? load_system(t, &why)
						  : load_file(t, trust, &why);
	if (!r)
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

static int judge_chain(struct tls *t, gnutls_x509_crt_t crt,
		       struct error *err)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER
	};
	struct cert_case c = {
		.crt = crt, .facts = &t->info.cert, .host = &t->host,
		.now = clock_wall()
	};
	struct buf why;
	int r;

	if (tls_load_trust(t, err))
		return -1;
	r = gnutls_certificate_verify_peers(t->session, &purpose, 1, &c.status);
	buf_init(&why, WHY_MAX);
	cert_judge(&why, &c);
	if (r && !why.len)
		buf_addf(&why, "%s", gnutls_strerror(r));
	if (t->no_trust.kind)
		buf_addf(&why, "; %s", t->no_trust.text);
	if (why.len || why.over)
		error_set(err, ERROR_CERT, "the certificate of '%s' is not to "
			  "be trusted: %s", t->host.name, buf_cstr(&why));
	r = why.len || why.over ? -1 : 0;
	buf_release(&why);
	return r;
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
		ret = is_tofu(t) ? judge_tofu(t, err)
				 : judge_chain(t, crt, err);
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
