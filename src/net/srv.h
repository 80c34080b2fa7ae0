/*
 * Which hosts take a domain's mail for submission, and in what order to try
 * them: SRV records (RFC 2782, RFC 6186 s3.1, RFC 8314 s5.1).
 */
#ifndef NET_SRV_H
#define NET_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dns.h"
#include "util/error.h"

enum { SRV_TARGETS = 24 };		/* further ones are left out */

enum srv_services {
	SRV_SUBMISSIONS = 1u << 0,	/* _submissions._tcp: TLS at once */
	SRV_SUBMISSION = 1u << 1	/* _submission._tcp: STARTTLS */
};

struct srv_target {
	char host[DNS_NAME_MAX + 1];
	unsigned port, priority, weight;
	bool implicit;			/* TLS at once */
};

struct srv_targets {
	struct srv_target at[SRV_TARGETS];
	size_t n;
};

struct srv_query {
	const char *domain;	/* ASCII: A-labels */
	unsigned services;	/* of enum srv_services */
	int64_t deadline;	/* clock_ms() instant */
};

/*
 * Ask, for all services at once and beside us, so that the deadline holds.  0
 * with at least one target, in the order to try them; or -1: ERROR_HOST when
 * there are no such records, or they say that there is no such service;
 * ERROR_NET when the name servers have no answer, none in time or none that
 * makes sense; ERROR_CONFIG for what cannot be a domain.
 */
int srv_find(const struct srv_query *q, struct srv_targets *out,
	     struct error *err);

/*
 * The order to try n targets in: by priority, TLS at once first, and by chance
 * among equals so that each comes first as often as its weight says.  draw()
 * gives a number from 0 up to and including max.
 */
void srv_order(struct srv_target *t, size_t n,
	       uint32_t (*draw)(void *ctx, uint32_t max), void *ctx);

/* Is host the domain, or below it?  Both ASCII, a dot at the end ignored. */
bool srv_is_within(const char *host, const char *domain);

#endif
