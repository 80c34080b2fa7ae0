/*
 * From a host to its addresses, without waiting past a deadline.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/*
 * An address ("192.0.2.1", "2001:db8::1", "[2001:db8::1]", "fe80::1%eth0") is
 * taken as it is; a name (ASCII only: A-labels) is looked up in a thread, which
 * a deadline leaves behind.  "localhost" and what ends in ".localhost" are the
 * loopback addresses where the resolver has none (RFC 6761 s6.3).  0 with *out
 * for freeaddrinfo(3), never empty; or -1: ERROR_HOST (no such name, or one
 * without addresses), ERROR_NET (the resolver had no answer, or not in time),
 * ERROR_CONFIG (not a host at all).
 */
int resolve(const char *host, unsigned port, int64_t deadline,
	    struct addrinfo **out, struct error *err);

/* The same for addresses only: no lookup.  False if `host` is a name. */
bool resolve_literal(const char *host, unsigned port, struct addrinfo **out);

#endif
