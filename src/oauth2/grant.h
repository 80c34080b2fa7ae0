/*
 * What a token endpoint says: a grant of tokens (RFC 6749 s5.1), or a refusal
 * (s5.2).
 */
#ifndef OAUTH2_GRANT_H
#define OAUTH2_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/str.h"

enum {
	GRANT_TOKEN_MAX = 64 << 10,		/* octets of a token */
	GRANT_LIFE_MAX = 10 * 366 * 86400	/* seconds */
};

struct json_t;

struct grant {			/* the text belongs to root */
	struct json_t *root;
	struct str access;
	struct str refresh;	/* empty: none came */
	struct str scope;	/* empty: what was asked for */
	int64_t lifetime;	/* seconds; 0: the provider did not say,
				   or nothing that makes sense */
	bool timed;		/* it did */
};

/*
 * Read the body of an answer with status 200.  ERROR_PROTOCOL, never with text
 * of the body in it; g->refresh is then what it has all the same, as the one
 * before may be worth nothing any more.  grant_release() after either.
 */
int grant_read(struct grant *g, struct str body, struct error *err);
void grant_release(struct grant *g);

enum { REFUSAL_CODE_MAX = 64, REFUSAL_TEXT_MAX = 4096 };	/* octets */

struct refusal {
	long status;		/* of HTTP */
	bool plain;		/* no word of OAuth's in it: only the status */
	char code[REFUSAL_CODE_MAX + 1];	/* "invalid_grant", "" if plain */
	char text[REFUSAL_TEXT_MAX + 1];	/* as it came: to be masked, escaped;
					   "" if it is longer */
	long retry_after;	/* seconds, 0: not said */
};

/* Is the answer a refusal?  One with status 200 is if it has `error`. */
bool refusal_read(struct refusal *r, long status, struct str body);

/*
 * The kind that it is as an error: ERROR_AUTH where a person must log in anew
 * or the provider wants somebody else, ERROR_NET where it may pass,
 * ERROR_CONFIG where the request is not to the provider's liking.
 */
enum error_kind refusal_kind(const struct refusal *r);

#endif
