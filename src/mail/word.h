/*
 * Encoded words, RFC 2047: text beyond ASCII in header fields.
 *
 * Text is UTF-8; what is not is labelled "unknown-8bit" (RFC 1428), byte for
 * byte.  A word is at most 75 octets and never splits a character; lines fold
 * (CRLF and a blank) at 78.
 */
#ifndef MAIL_WORD_H
#define MAIL_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/str.h"

enum { WORD_MAX = 75, WORD_LINE_MAX = 78 };	/* octets, RFC 2047 s2 */

/* Must s be encoded: bytes over 0x7f, or text that looks encoded already? */
bool word_needed(struct str s);

/*
 * Append s as encoded words, base64 or quoted-printable, whichever is
 * shorter, where `column` octets stand on the line already.  Control bytes
 * are encoded too.  The alphabet is that of s5 (3), which suits every place.
 */
void word_encode(struct buf *out, struct str s, size_t column);

/*
 * Append s as unstructured text (Subject): ASCII words stay, the stretch from
 * the first to the last word in need is encoded, long lines fold at blanks.
 * s must hold no control bytes.
 */
void word_text(struct buf *out, struct str s, size_t column);

/*
 * Append s as a phrase (display name, RFC 5322 s3.2.5): as it is when made of
 * atoms, else as a quoted string, else encoded.  No control bytes.
 */
void word_phrase(struct buf *out, struct str s, size_t column);

/*
 * Append s with encoded words of UTF-8 and US-ASCII decoded; blanks and folds
 * between two such words vanish (s6.2).  Other words stay as they are.
 */
void word_decode(struct buf *out, struct str s);

#endif
