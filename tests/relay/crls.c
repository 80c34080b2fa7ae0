/*
 * Revocation lists for the tests: fresh, empty, out of date, not yet issued,
 * of somebody else, and with a forged signature.
 */
#include <stdio.h>
#include <time.h>

#include "relay/certs.h"

static const struct list {
	const char *name;
	enum signer signer;
	enum signer named;		/* whose name it bears */
	int from, until;		/* days from now */
	unsigned bits;			/* what it revokes: 1 leaf, 2 signer */
} lists[] = {
	{ "empty", BY_CA, BY_CA, -1, 30, 0 },
	{ "revoked", BY_CA, BY_CA, -1, 30, 3 },
	{ "stale", BY_CA, BY_CA, -60, -2, 0 },
	{ "future", BY_CA, BY_CA, 2, 60, 0 },
	{ "foreign", BY_OTHER, BY_OTHER, -1, 30, 0 },
	{ "forged", BY_IMPOSTOR, BY_CA, -1, 30, 0 },
};

static int revoke(gnutls_x509_crl_t crl, gnutls_x509_crt_t crt)
{
	return gnutls_x509_crl_set_crt(crl, crt, time(NULL) - 3 * DAY);
}

static int fill(gnutls_x509_crl_t crl, const struct list *l,
		const struct pair signers[SIGNERS], gnutls_x509_crt_t revoked)
{
	static const unsigned char number[] = { 1 };
	time_t now = time(NULL);
	int ret = gnutls_x509_crl_set_version(crl, 2);

	if (ret >= 0)
		ret = gnutls_x509_crl_set_this_update(crl, now + l->from * DAY);
	if (ret >= 0)
		ret = gnutls_x509_crl_set_next_update(crl, now + l->until * DAY);
	if (ret >= 0)
		ret = gnutls_x509_crl_set_number(crl, number, sizeof(number));
	if (ret >= 0 && l->bits & 1)
		ret = revoke(crl, revoked);
	if (ret >= 0 && l->bits & 2)
		ret = revoke(crl, signers[BY_REVOKED].crt);
	if (ret >= 0)
		ret = gnutls_x509_crl_sign2(crl, signers[l->named].crt,
					    signers[l->signer].key,
					    GNUTLS_DIG_SHA256, 0);
	return ret;
}

static int make(const char *dir, const struct list *l,
		const struct pair signers[SIGNERS], gnutls_x509_crt_t revoked)
{
	gnutls_datum_t pem = { NULL, 0 };
	gnutls_x509_crl_t crl = NULL;
	int ret = gnutls_x509_crl_init(&crl);

	if (ret >= 0)
		ret = fill(crl, l, signers, revoked);
	if (ret >= 0)
		ret = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem);
	if (ret < 0)
		certs_fail(l->name, ret);
	else
		ret = certs_save(dir, l->name, "crl", &pem);
	gnutls_free(pem.data);
	if (crl)
		gnutls_x509_crl_deinit(crl);
	return ret < 0 ? -1 : 0;
}

int crls_make(const char *dir, const struct pair signers[SIGNERS],
	      gnutls_x509_crt_t revoked)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (make(dir, &lists[i], signers, revoked))
			return -1;
	return 0;
}
