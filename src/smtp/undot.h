/*
 * The reverse of smtp/dot, RFC 5321 s4.5.2: from what follows DATA to the
 * content, up to the dot that ends it.  Cut the input anywhere.
 *
 * What ends a line must be known beforehand.  After a client that writes CRLF
 * only CRLF counts, so that no LF in the content can make an end of message,
 * or take a dot from its text, that the client did not mean (SMTP smuggling).
 * A client that ended the DATA command with LF alone writes LF.
 *
 * Nothing but dots is changed: mail/scan makes the lines canonical.
 */
#ifndef SMTP_UNDOT_H
#define SMTP_UNDOT_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/str.h"

struct undot {
	bool lf;		/* a bare LF ends lines, too */
	unsigned char at;	/* private: enum place in undot.c */
};

void undot_init(struct undot *u, bool lf);

/*
 * Take octets off the front of *in and append the content to out.  True once
 * the dot was there: *in is then what follows it.
 */
bool undot_feed(struct undot *u, struct str *in, struct buf *out);

#endif
