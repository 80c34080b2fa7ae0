/*
 * X.509 certificates of relays: facts for a person, and the reasons not to
 * trust one (RFC 5280, RFC 9525).
 */
#ifndef NET_CERT_H
#define NET_CERT_H

#include <gnutls/x509.h>

#include "net/tls.h"
#include "util/buf.h"
#include "util/error.h"

/* Who the relay should be: a DNS name, or an address in network order. */
struct cert_host {
	char *name;		/* without brackets and final dot; owned */
	unsigned char ip[16];
	unsigned ip_len;	/* 0: it is a name */
};

void cert_host_init(struct cert_host *h, const char *host);
void cert_host_release(struct cert_host *h);

/* Fill *c, all of it printable.  -1 with ERROR_CERT if crt makes no sense. */
int cert_read(struct tls_cert *c, gnutls_x509_crt_t crt, struct error *err);
void cert_release(struct tls_cert *c);

/*
 * Append to `why` each reason not to trust the first certificate of `chain`
 * as `host` (or as `domain`, by its DNS or SRV names, RFC 4985): its names, its
 * times (against `now`, seconds since 1970), and what GnuTLS found wrong with
 * the chain (`status`, GNUTLS_CERT_*), revocation aside: net/revoke.h.
 * Nothing appended: it is good.
 */
struct cert_case {
	const gnutls_x509_crt_t *chain;	/* then who issued each, as known */
	size_t n;
	const struct tls_cert *facts;
	const struct cert_host *host;
	const char *domain;		/* "" for none */
	unsigned status;
	int64_t now;
};
void cert_judge(struct buf *why, const struct cert_case *c);

/* For reasons: "; " unless this is the first, a date, printable text. */
void cert_also(struct buf *why);
void cert_add_date(struct buf *why, int64_t when);
void cert_add_text(struct buf *why, const char *p, size_t n);

#endif
