/*
 * DANE (RFC 6698, RFC 7671, RFC 7673): the relay's TLSA records, asked for by
 * the helper posthaste-dane beside all else, and what they say of it.
 */
#ifndef NET_DANE_H
#define NET_DANE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum dane_mode { DANE_MODE_OFF, DANE_MODE_ON, DANE_MODE_REQUIRE };	/* tls_config.dane */

struct dane;

/* Can it be asked for?  0, or ERROR_CONFIG: not built, or not installed. */
int dane_check(struct error *err);

/*
 * Begin to ask for the records of `port` at `host` (ASCII; an address has
 * none).  srv: the name of the SRV records that led there, to be proved as
 * well, or "".  NULL with ERROR_CONFIG or ERROR_OS.
 */
struct dane *dane_begin(const char *host, unsigned port, const char *srv,
			struct error *err);
void dane_free(struct dane *d);		/* ends the lookup; NULL is fine */

#endif
