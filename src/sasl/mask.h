/*
 * Blotting secrets out of text that came from outside: a relay may repeat
 * what we said, plain or encoded, in a reply that ends up on a screen.
 */
#ifndef SASL_MASK_H
#define SASL_MASK_H

#include "util/buf.h"
#include "util/str.h"

enum {
	MASK_SECRET_MIN = 3,	/* octets; a shorter one would mask language */
	MASK_PIECE_MIN = 16	/* octets of a response that give it away */
};

/*
 * Replace in text, by "[secret]", every occurrence of
 * - secret: as it is, with any of its octets percent-encoded (RFC 3986),
 *   in hex, in base64 or base64url (RFC 4648) by itself or as part of
 *   something longer;
 * - any MASK_PIECE_MIN octets in a row, or all, of a line of `sent` (lines
 *   end with LF).
 * Text may be of several lines (LF between), and what goes on in the next one
 * is found as well.
 * To be called before text is escaped for a terminal: afterwards a secret
 * with octets that get escaped would not be found.
 */
void mask_text(struct buf *text, struct str secret, struct str sent);

#endif
