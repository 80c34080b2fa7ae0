/*
 * Certificates in the making, for certs.c and crls.c.
 */
#ifndef RELAY_CERTS_H
#define RELAY_CERTS_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

enum { DAY = 86400 };

/* Who signs: itself, an authority, or what passes for one.  Files of its own. */
enum signer {
	BY_CA, BY_OTHER, BY_IMPOSTOR, BY_INTER, BY_OLD, BY_NARROW, BY_RSA,
	BY_LEAF, BY_REVOKED, SIGNERS, BY_ITSELF = SIGNERS
};

struct pair {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

/* Say on stderr what failed, and return -1. */
int certs_fail(const char *what, int ret);
/* Write pem as DIR/NAME.ENDING; 0 or -1. */
int certs_save(const char *dir, const char *name, const char *ending,
	       const gnutls_datum_t *pem);

/*
 * crls.c: make DIR/NAME.crl, one for each way in which a list can be.  The
 * ones that revoke name `revoked` (of the CA's) and the signer BY_REVOKED.
 */
int crls_make(const char *dir, const struct pair signers[SIGNERS],
	      gnutls_x509_crt_t revoked);

#endif
