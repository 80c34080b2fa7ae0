/*
 * Certificates taken back: by lists in a file (CRL, RFC 5280 s5), and by the
 * OCSP status that a relay sends along (RFC 6066 s8, RFC 7633).
 */
#ifndef NET_REVOKE_H
#define NET_REVOKE_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

struct crls;			/* the lists of one file */

/*
 * Read the lists in a file: any number as PEM, or one as DER.  NULL with
 * ERROR_CONFIG, or ERROR_PERM if it may not be read; the file is named.
 */
struct crls *crls_load(const char *file, struct error *err);
void crls_free(struct crls *c);			/* NULL is fine */

/*
 * Append to `why` each reason by which `chain` has been revoked, or by which
 * nobody can tell.  chain: the relay's certificate, then who issued each, as
 * far as known.  The relay's own issuer must have a list in the file; the
 * others are looked up if they have one.  `now`: seconds since 1970.
 */
struct revoke_case {
	const gnutls_x509_crt_t *chain;
	size_t n;
	int64_t now;
};
void crls_judge(const struct crls *c, struct buf *why,
		const struct revoke_case *rc);

/*
 * The same for the OCSP status sent in the handshake.  `status` is GnuTLS's
 * finding (GNUTLS_CERT_*), which decides; the response only explains it.
 */
void ocsp_judge(gnutls_session_t session, unsigned status, struct buf *why,
		int64_t now);

#endif
