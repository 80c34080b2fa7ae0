/*
 * From texts and files to a message: RFC 5322 fields and MIME structure (RFC
 * 2045 to 2047, 2183, 2231, 2387, 2392).
 *
 *	multipart/mixed
 *		multipart/alternative
 *			text/plain
 *			multipart/related
 *				text/html
 *				what the HTML shows
 *			text/calendar
 *		attachments
 *
 * with only the levels that are needed.  Texts are 7bit if they can be, else
 * quoted-printable or base64, whichever is smaller; files are base64; those
 * of a message/ type stay as they are, or become application/octet-stream
 * when no line of mail can hold them.  In the binary variant, for relays with
 * BINARYMIME (RFC 3030), nothing is encoded.
 *
 * Nothing is copied that need not be: the body is a list of pieces, of which
 * those from files name the file.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "mail/message.h"
#include "mail/part.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/* All text is UTF-8 and borrowed; empty means there is none. */
struct compose {
	struct str subject;
	struct str to, cc, reply_to;	/* address lists, RFC 5322 s3.4 */
	struct str in_reply_to;		/* message ids, with or without <> */
	/*
	 * More fields, "Name: value".  One that we would write is written as
	 * given instead; Bcc and Resent-Bcc are not written.
	 */
	const struct str *header;
	size_t n_header;
	/* At most one text, one HTML, one calendar; none at all is no text. */
	const struct part *part;
	size_t n_part;
	/* PART_UNIQUE_MIN to _MAX random letters and digits, as scanned for. */
	const char *unique;
	const char *mailname;		/* for addresses without a domain */
	struct str mime_types;		/* text of the system's mime.types */
};

struct composed {
	/*
	 * Fields, CRLF each, no blank line; complete_message() adds From, Date
	 * and Message-ID.
	 */
	struct buf head;
	struct piece *piece;	/* the body; owned */
	size_t n_piece;
	struct facts facts;	/* of the body; lines is 0 */
	enum body_kind body;	/* what it takes of the relay */
	bool encoded;		/* something is: a binary variant saves octets */
	/*
	 * Lines (LF) for the user, safe to print: references of the HTML that
	 * no part answers, and inline parts that it does not show.
	 */
	struct buf warnings;

	struct buf own;		/* private: what pieces of ours point into */
	struct buf *text;	/* private: texts that had to be changed */
	size_t n_text;
};

/*
 * Compose, into *out, which it initialises; release it in any case.  Pieces
 * borrow from the parts.  The HTML must be in memory for its references to be
 * checked: those to a file's name ("cid:logo.png") are rewritten to the id of
 * its part.  Groups in address lists lose their names.
 *
 * ERROR_DATA names the field or file.
 */
int compose(const struct compose *c, bool binary, struct composed *out,
	    struct error *err);
void composed_release(struct composed *out);

/*
 * The media type that compose gives a part, without parameters; for reports
 * and for deciding what to scan.  Borrowed from the part or constant.
 */
struct str compose_type(const struct compose *c, const struct part *p);

#endif
