/*
 * Proof of who began a login: PKCE (RFC 7636), and what identifies a token
 * without giving it away.
 */
#ifndef OAUTH2_PKCE_H
#define OAUTH2_PKCE_H

#include "util/buf.h"
#include "util/str.h"

/* Append base64url(SHA-256(verifier)) without padding: the method S256. */
void pkce_challenge(struct buf *out, struct str verifier);

/* Append n octets (at most 32) of SHA-256(s) as lower-case hex. */
void pkce_digest(struct buf *out, struct str s, size_t n);

#endif
