/*
 * `posthaste-oauth2 refresh`: an access token that will do, for the sender.
 */
#ifndef OAUTH2_RENEW_H
#define OAUTH2_RENEW_H

#include "oauth2/client.h"
#include "util/buf.h"

enum { RENEW_PATIENCE = 90 };	/* seconds for another process that renews */

/*
 * Append the access token to out.  One that is kept and fresh will do, unless
 * `stale` (token_digest(), or "") names it: the relay has refused it.  Else the provider
 * is asked, once however many processes want it, and also if that fails: they
 * share its error.  What it answers is kept before it is used; warn is filled
 * (kind is set) if that failed.
 * ERROR_CONFIG, ERROR_AUTH: somebody must log in; ERROR_NET; token.h's.
 */
int renew_token(struct client *c, const char *stale, struct buf *out,
		struct error *warn, struct error *err);

#endif
