/*
 * TLSA records (RFC 6698, RFC 7671), as posthaste-dane gives them.
 */
#ifndef NET_TLSA_H
#define NET_TLSA_H

#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/str.h"

enum tlsa_usage {
	TLSA_PKIX_TA, TLSA_PKIX_EE,	/* the authorities have to agree */
	TLSA_DANE_TA, TLSA_DANE_EE	/* they are not asked */
};

enum tlsa_state {
	TLSA_NONE,			/* there are none that count */
	TLSA_SECURE,
	TLSA_BOGUS,			/* they do not verify */
	TLSA_FAILED			/* nobody knows */
};

enum {
	TLSA_RECORDS = 32,		/* more are not looked at */
	TLSA_ANSWER_MAX = 512 << 10	/* octets of an answer */
};

struct tlsa_record {
	unsigned usage, selector, matching;
	size_t at, n;			/* of tlsa.data */
};

struct tlsa {
	enum tlsa_state state;
	struct tlsa_record record[TLSA_RECORDS];	/* usable ones only */
	size_t n;
	struct buf data;		/* of all records */
	struct buf why;			/* not TLSA_SECURE: in words */
};

void tlsa_init(struct tlsa *t);
void tlsa_release(struct tlsa *t);

/*
 * Read an answer into an empty *t.  What cannot be used (RFC 7671 s4: unknown
 * numbers, digests of the wrong length) is left out; with nothing left there
 * are none.  False: this is no answer.
 */
bool tlsa_parse(struct tlsa *t, struct str answer);

/* Is crt what record i speaks of? */
bool tlsa_matches(const struct tlsa *t, size_t i, gnutls_x509_crt_t crt);

#endif
