/*
 * The certificates between a relay and whom we trust, for net/trust.c to
 * explain what GnuTLS has judged.
 */
#ifndef NET_CHAIN_H
#define NET_CHAIN_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stddef.h>

enum { CHAIN_MAX = 16 };

struct chain {
	gnutls_x509_crt_t at[CHAIN_MAX + 1];	/* [0] is the relay's own */
	size_t n;

	/* Private from here on: what was sent, in whatever order. */
	gnutls_x509_crt_t sent[CHAIN_MAX];
	size_t n_sent;
	gnutls_x509_crt_t anchor;
};

/*
 * Fill c with what the relay has sent and, if one of cred's authorities has
 * issued the last of it, that one.  -1 if the relay's own cannot be read.
 */
int chain_init(struct chain *c, gnutls_session_t session,
	       gnutls_certificate_credentials_t cred);
void chain_release(struct chain *c);

#endif
