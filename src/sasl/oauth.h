/*
 * The messages of XOAUTH2 and OAUTHBEARER (RFC 7628), raw, not base64.
 */
#ifndef SASL_OAUTH_H
#define SASL_OAUTH_H

#include "sasl/sasl.h"
#include "util/buf.h"
#include "util/str.h"

enum { OAUTH_STATUS_MAX = 48 };		/* octets kept of the relay's word */

/*
 * Append the first message.  out gets all its memory at once, so that no
 * copy of the token is left behind where it grew.
 */
void oauth_xoauth2(struct buf *out, const struct sasl_config *c);
void oauth_bearer(struct buf *out, const struct sasl_config *c);

/*
 * Append the "status" of the JSON object that a relay refuses with (RFC 7628
 * s3.2.2), as far as it is plain text; nothing if it has none.
 */
void oauth_status(struct buf *out, struct str json);

#endif
