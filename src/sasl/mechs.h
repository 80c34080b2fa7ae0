/*
 * The mechanisms we know, strongest first, and which one to take.
 */
#ifndef SASL_MECHS_H
#define SASL_MECHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sasl/sasl.h"
#include "util/error.h"
#include "util/str.h"

enum {
	MECH_INITIAL = 1u << 0,	/* the client speaks first */
	MECH_SCRAM = 1u << 1,
	MECH_PLUS = 1u << 2,	/* with channel binding (RFC 5802 s6) */
	MECH_CLEAR = 1u << 3,	/* the relay gets to see the secret itself, or
				   what gives it away */
	MECH_TOKEN = 1u << 4,	/* the secret is an OAuth 2 token */
	MECH_AUTHZID = 1u << 5,	/* can ask to act for someone else */
	MECH_NAMED = 1u << 6,	/* only taken when named */
	MECH_CERT = 1u << 7,	/* the proof is the connection's: a client
				   certificate, or a local socket's peer */
	MECH_FREE = 1u << 8,	/* the proof is a ticket's, or there is none:
				   no secret, no user */
	MECH_PROOF = 1u << 9,	/* the relay must prove itself too */
	MECH_MAYBE = 1u << 10	/* not in every build of the libraries */
};

enum { MECHS_MAX = 32 };	/* mechanisms that a set has room for */

struct mech {
	const char *name;
	unsigned flags;
};

/* The table, strongest first; NULL after the last. */
const struct mech *mechs_at(size_t i);

/* ERROR_CONFIG if value names what we do not know. */
int mechs_check(const char *value, struct error *err);

/*
 * Does value allow any of the mechanisms in `have` (bits by place in the
 * table)?  If none, *first, unless NULL, is the first that it names.
 */
bool mechs_any(const char *value, uint32_t have, const struct mech **first);

/* What the connection and the libraries make possible. */
struct mech_facts {
	bool bound;		/* there is a channel binding */
	uint32_t have;		/* bits by place in the table */
};

/*
 * The first mechanism of config->mechs, as mechs_check() passed it, that
 * `offered` (names, blanks between) has and that the credentials and the
 * connection allow.  "auto" and "scram" stand for the rest and for the SCRAM
 * family, strongest first; "-NAME" anywhere takes out.  NULL with ERROR_AUTH.
 */
const struct mech *mechs_choose(const struct sasl_config *config,
				struct str offered, struct mech_facts facts,
				struct error *err);

/* Does offered have any mechanism with channel binding? */
bool mechs_plus_offered(struct str offered);

#endif
