/*
 * The mechanisms we know, strongest first, and which one to take.
 */
#ifndef SASL_MECHS_H
#define SASL_MECHS_H

#include <stdbool.h>

#include "sasl/sasl.h"
#include "util/error.h"
#include "util/str.h"

enum {
	MECH_INITIAL = 1u << 0,	/* the client speaks first */
	MECH_SCRAM = 1u << 1,
	MECH_PLUS = 1u << 2,	/* with channel binding (RFC 5802 s6) */
	MECH_CLEAR = 1u << 3,	/* the relay gets to see the secret itself */
	MECH_TOKEN = 1u << 4,	/* the secret is an OAuth 2 token */
	MECH_AUTHZID = 1u << 5,	/* can ask to act for someone else */
	MECH_LATER = 1u << 6	/* a name we know, and no more */
};

struct mech {
	const char *name;
	unsigned flags;
};

/* ERROR_CONFIG if value names what we do not know or do not have yet. */
int mechs_check(const char *value, struct error *err);

/*
 * The first mechanism of config->mechs, as mechs_check() passed it, that
 * `offered` (names, blanks between) has and that the credentials and the
 * connection allow; `bound` says that channel binding is possible.  "auto"
 * and "scram" stand for all and for the SCRAM family, strongest first.  NULL
 * with ERROR_AUTH.
 */
const struct mech *mechs_choose(const struct sasl_config *config,
				struct str offered, bool bound,
				struct error *err);

/* Does offered have any mechanism with channel binding? */
bool mechs_plus_offered(struct str offered);

#endif
