/*
 * Parameters of MIME header fields, RFC 2045 s5.1 and RFC 2231: written so
 * that every reader gets the value back and no line is over 78 octets.
 */
#ifndef MAIL_PARAM_H
#define MAIL_PARAM_H

#include "util/buf.h"
#include "util/str.h"

enum { PARAM_LINE_MAX = 78 };	/* octets, RFC 5322 s2.1.1 */

/*
 * Append "; name=value" to a field that out ends with, on a line of its own
 * if it does not fit this one.  The value is a token or a quoted string; one
 * that is not ASCII, or too long for a line, goes as RFC 2231 has it, in as
 * many sections as it takes, none of which splits a character.  It is UTF-8
 * and has no control bytes.
 */
void param_add(struct buf *out, struct str name, struct str value);

/*
 * The same for readers that do not know RFC 2231: characters beyond ASCII
 * become "_", and what is too long loses its middle, not its extension.
 */
void param_add_plain(struct buf *out, struct str name, struct str value);

#endif
