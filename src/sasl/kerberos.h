/*
 * GSSAPI (RFC 4752): Kerberos tickets, by the GSS-API of RFC 2744.  It is
 * done here and not by libgsasl, which cannot tell an expired ticket from a
 * KDC that is down, nor choose among tickets, nor be made to end in time.
 */
#ifndef SASL_KERBEROS_H
#define SASL_KERBEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct kerberos_config {
	const char *host;	/* the relay: the service is smtp/host */
	const char *user;	/* whose ticket; "" for the one there is */
	const char *authzid;	/* "" for none */
	int64_t deadline;	/* for the KDC: ms, CLOCK_MONOTONIC; INT64_MAX:
				   none */
};

struct kerberos;

/* Was this built with a GSS-API library? */
bool kerberos_available(void);

/*
 * Get a ticket for the relay, from the cache or the KDC, and append the first
 * token.  NULL with ERROR_AUTH (no ticket, an expired one, none to be had for
 * that service) or ERROR_NET (no answer from the KDC, or none in time).
 * config is not needed afterwards.
 */
struct kerberos *kerberos_start(const struct kerberos_config *config,
				struct buf *out, struct error *err);

/* Answer the relay; *done once it has proved itself and all is said.
   ERROR_AUTH or ERROR_PROTOCOL. */
int kerberos_step(struct kerberos *k, struct str in, struct buf *out,
		  bool *done, struct error *err);

void kerberos_free(struct kerberos *k);		/* NULL is fine */

#endif
