#include "net/chain.h"

#include <stdbool.h>
#include <string.h>

static void take_sent(struct chain *c, const gnutls_datum_t *list, unsigned n)
{
	for (unsigned i = 0; i < n && i < CHAIN_MAX; i++) {
		gnutls_x509_crt_t crt;

		if (gnutls_x509_crt_init(&crt))
			return;
		if (gnutls_x509_crt_import(crt, &list[i],
					   GNUTLS_X509_FMT_DER)) {
			gnutls_x509_crt_deinit(crt);
			return;
		}
		c->sent[c->n_sent++] = crt;
	}
}

static bool is_issuer(gnutls_x509_crt_t of, gnutls_x509_crt_t crt)
{
	unsigned status = 0;

	/* By name and signature: two may have one name. */
	return gnutls_x509_crt_check_issuer(of, crt) &&
	       !gnutls_x509_crt_verify(of, &crt, 1,
				       GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
				       GNUTLS_VERIFY_ALLOW_BROKEN,
				       &status) &&
	       !(status & GNUTLS_CERT_SIGNATURE_FAILURE);
}

static gnutls_x509_crt_t find_sent(struct chain *c, gnutls_x509_crt_t of)
{
	for (size_t i = 1; i < c->n_sent; i++)
		if (is_issuer(of, c->sent[i]))
			return c->sent[i];
	return NULL;
}

static bool on_chain(const struct chain *c, gnutls_x509_crt_t crt)
{
	for (size_t i = 0; i < c->n; i++)
		if (gnutls_x509_crt_equals(c->at[i], crt))
			return true;
	return false;
}

/* Trusted ones first, as GnuTLS does. */
static gnutls_x509_crt_t find_trusted(struct chain *c, gnutls_x509_crt_t of,
				      gnutls_certificate_credentials_t cred)
{
	gnutls_x509_trust_list_t trusted = NULL;

	gnutls_certificate_get_trust_list(cred, &trusted);
	if (!trusted || gnutls_x509_trust_list_get_issuer(trusted, of,
			&c->anchor, GNUTLS_TL_GET_COPY) < 0)
		c->anchor = NULL;
	return c->anchor;
}

int chain_init(struct chain *c, gnutls_session_t session,
	       gnutls_certificate_credentials_t cred)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(session, &n);

	memset(c, 0, sizeof(*c));
	take_sent(c, list, list ? n : 0);
	if (!c->n_sent)
		return -1;
	c->at[c->n++] = c->sent[0];
	while (!c->anchor && c->n < CHAIN_MAX) {
		gnutls_x509_crt_t last = c->at[c->n - 1];
		gnutls_x509_crt_t next = find_trusted(c, last, cred);

		if (!next)
			next = find_sent(c, last);
		if (!next || on_chain(c, next))
			break;
		c->at[c->n++] = next;
	}
	return 0;
}

void chain_release(struct chain *c)
{
	for (size_t i = 0; i < c->n_sent; i++)
		gnutls_x509_crt_deinit(c->sent[i]);
	if (c->anchor)
		gnutls_x509_crt_deinit(c->anchor);
	memset(c, 0, sizeof(*c));
}
