/*
 * The header fields that people give a message: addresses, a subject, fields
 * of their own.  Each is checked, encoded as its kind wants it (RFC 2047, RFC
 * 6532 for addresses) and folded.
 */
#ifndef MAIL_FIELDS_H
#define MAIL_FIELDS_H

#include "mail/compose.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/*
 * Append all fields that c asks for but those of MIME.  ERROR_DATA names the
 * field and what is wrong with it.
 */
int fields_add(struct buf *head, const struct compose *c, struct error *err);

/*
 * Append "name: " and the list, "Jane <jane@example.org>, ..." with names
 * encoded, domains in ASCII, and mailname where there is none unless that is
 * "".  The name of an empty group stays ("undisclosed-recipients:;"), others
 * go.
 */
int fields_addresses(struct buf *head, struct str name, struct str list,
		     const char *mailname, struct error *err);

#endif
