/*
 * An OAuth 2 access token on its way to the login: the one that is kept, while
 * it is fresh, and else what the helper posthaste-oauth2 gets for it.  The
 * helper finds the profile (conf/profile.h) on descriptor 3 and answers by one
 * line:
 *
 *	token ACCESS-TOKEN
 *	error WORD TEXT		(auth, net, perm, io, space, os, config)
 */
#ifndef CONF_BEARER_H
#define CONF_BEARER_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/profile.h"
#include "conf/token.h"
#include "sys/process.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct bearer {
	bool issued;		/* by the helper just now, or on its way */

	/* Private from here on. */
	struct oauth2_profile *profile;
	const char *user;
	struct process look, helper;
	struct token token;
};

/*
 * Begin; nothing is started for a fresh token in a file.  The profile gets
 * resolved; it and user (the login name) are borrowed.  stale: token_digest() of a
 * token that the relay has refused and is not to be given again, or "".
 * ERROR_CONFIG; ERROR_AUTH: somebody has to log in, and the text says how;
 * as token_load().  bearer_release() is due after either.
 */
int bearer_begin(struct bearer *b, struct oauth2_profile *p, const char *user,
		 const char *stale, struct error *err);

/*
 * Append the token to out, by the deadline (clock_ms()); ERROR_NET after it.
 * The helper is not killed then: who breaks off between the provider's answer
 * and the disk may have lost the token for good.
 */
int bearer_finish(struct bearer *b, int64_t deadline, struct buf *out,
		  struct error *err);
void bearer_release(struct bearer *b);		/* a zeroed one is fine */

/*
 * Append the helper's path: beside our own program, in ../libexec, or where
 * it was to be installed.  ERROR_CONFIG if it is in none of them.
 */
int bearer_helper(struct buf *out, struct error *err);

/* One line of the helper's, without its end, as above; pure. */
int bearer_answer(struct str line, struct str *token, struct error *err);

#endif
