/*
 * Base 64, RFC 4648 s4.
 */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include "util/buf.h"
#include "util/str.h"

void base64_encode(struct buf *out, struct str in);	/* no line breaks */

enum { BASE64_LINE_IN = 57, BASE64_LINE_OUT = 78 };	/* octets a line */

/*
 * Write `in` as lines of 76 characters and CRLF, RFC 2045 s6.8, the last one
 * perhaps shorter.  `to` has BASE64_LINE_OUT octets for each line.  Returns
 * how many were written.
 */
size_t base64_lines(char *to, struct str in);

/*
 * Append what all of `in` encodes.  Strict: the padding is there, unused bits
 * are zero, and nothing else stands between the characters.  0, or -1 with
 * out as it was.  Whether it fitted, out->over says.
 */
int base64_decode(struct buf *out, struct str in);

/* The value 0..63 of a character of the alphabet, -1 for any other. */
int base64_value(char c);

#endif
