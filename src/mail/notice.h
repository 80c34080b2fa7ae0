/*
 * The part of a delivery status notification that people read, and the care
 * that text from relays needs before it stands in a message of ours.  For
 * mail/dsn.
 */
#ifndef MAIL_NOTICE_H
#define MAIL_NOTICE_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/dsn.h"
#include "mail/envelope.h"
#include "util/buf.h"
#include "util/str.h"

/*
 * Append s on one line: blanks and line ends as one blank each run, what is
 * no visible character as \xNN; not what is beyond ASCII either, if `ascii`.
 */
void notice_flat(struct buf *out, struct str s, bool ascii);

/*
 * Append flat text as lines of 76 columns, as far as its blanks allow that,
 * and of 990 octets at most, CRLF at the end of each.  `col` columns stand on
 * the first already, the others begin with `indent`.
 */
void notice_fold(struct buf *out, struct str flat, size_t col,
		 const char *indent);

/* The beginning of s: at most max octets, and no character in two. */
struct str notice_cut(struct str s, size_t max);

/* What is to be repeated of a verdict's text for the i-th recipient. */
struct str notice_reply(const struct verdict *v, size_t i);

/* Can this be told as the name or address of a host?  No path of a socket. */
bool notice_host(const char *relay);

/*
 * Append the text, in UTF-8 and lines in CRLF.  whole: the original comes
 * back whole.
 */
void notice_text(struct buf *out, const struct dsn *d, bool whole);

#endif
