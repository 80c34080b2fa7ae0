/*
 * What a DIGEST-MD5 relay says (RFC 2831), read strictly and said again in a
 * plain form: libgsasl's own reader does not survive all that can be sent.
 */
#ifndef SASL_DIGEST_H
#define SASL_DIGEST_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum { DIGEST_MAX = 2048 };		/* octets of a challenge, s2.1.1 */

/*
 * Append the challenge (s2.1.1) with no more in it than one realm, the nonce,
 * qop="auth", the character set and the algorithm.  Of several realms it is
 * the one that is the domain of `user`, else the first.  user and password
 * that are not ASCII need a relay that knows UTF-8: ascii says that they are.
 * ERROR_PROTOCOL; ERROR_AUTH if the relay wants what we cannot do.
 */
int digest_challenge(struct buf *out, struct str challenge, struct str user,
		     bool ascii, struct error *err);

/* The same for the relay's own proof (s2.1.3), "rspauth=...". */
int digest_proof(struct buf *out, struct str message, struct error *err);

/* The 32 digits of our answer that prove the password, or empty. */
struct str digest_response(struct str answer);

#endif
