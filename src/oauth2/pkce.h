/*
 * Proof of who began a login: PKCE (RFC 7636).
 */
#ifndef OAUTH2_PKCE_H
#define OAUTH2_PKCE_H

#include "util/buf.h"
#include "util/str.h"

/* Append base64url(SHA-256(verifier)) without padding: the method S256. */
void pkce_challenge(struct buf *out, struct str verifier);

#endif
