/*
 * Base 64, RFC 4648 s4, without line breaks.
 */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include "util/buf.h"
#include "util/str.h"

void base64_encode(struct buf *out, struct str in);

/*
 * Append what all of `in` encodes.  Strict: the padding is there, unused bits
 * are zero, and nothing else stands between the characters.  0, or -1 with
 * out as it was.  Whether it fitted, out->over says.
 */
int base64_decode(struct buf *out, struct str in);

/* The value 0..63 of a character of the alphabet, -1 for any other. */
int base64_value(char c);

#endif
