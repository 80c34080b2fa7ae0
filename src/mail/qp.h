/*
 * Quoted-printable for text, RFC 2045 s6.7: CRLF stays a line end, all else
 * that does not travel is "=XX".  Lines are at most 76 octets.  So that no
 * relay or mailbox on the way takes text for its own, no line begins with
 * "From " or a dot.
 */
#ifndef MAIL_QP_H
#define MAIL_QP_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/str.h"

enum { QP_LINE_MAX = 76 };	/* octets in a line, without CRLF */

struct qp {
	size_t col;		/* private: octets in the output line */
	size_t from;		/* octets of "From " held back */
	char blank;		/* a blank held back, or NUL */
	bool cr;		/* a CR held back */
};

/*
 * A filter; start from a zeroed struct.  Feed text cut anywhere, the result
 * is the same.  A CR or LF that is not CRLF is encoded.
 */
void qp_feed(struct qp *q, struct str in, struct buf *out);

/* The text has ended, in mid-line or not; q is as new. */
void qp_end(struct qp *q, struct buf *out);

/* Should an octet that comes first after a soft line break be "=XX"? */
bool qp_guarded(char c);

/* Write the "=XX" for an octet. */
void qp_octet(char to[3], char c);

/*
 * Append what `in` encodes.  Blanks at the end of a line are not its (RFC
 * 2045 s6.7 rule 3).  0, or -1 if it is malformed: a "=" before neither two
 * hexadecimal digits nor a line end, or an octet that must be encoded.
 */
int qp_decode(struct buf *out, struct str in);

#endif
