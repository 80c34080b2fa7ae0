/*
 * What we ask of a SCRAM relay (RFC 5802) before libgsasl hashes a thing:
 * its messages say how much work we do.
 */
#ifndef SASL_SCRAM_H
#define SASL_SCRAM_H

#include "util/error.h"
#include "util/str.h"

enum {
	SCRAM_ITERATIONS_MIN = 4096,		/* RFC 7677 s4 */
	SCRAM_ITERATIONS_MAX = 10000000		/* some seconds of work */
};

/* The value of the first attribute `name` (a letter) in message, or empty. */
struct str scram_attribute(struct str message, char name);

/*
 * Is the server-first-message in order: its nonce begins with ours and goes
 * on, its iteration count is neither careless nor an attack?
 */
int scram_check_first(struct str message, struct str nonce,
		      struct error *err);

/* The server-final-message; its signature is libgsasl's to verify. */
int scram_check_final(struct str message, struct error *err);

#endif
