/*
 * Addresses: the address lists of RFC 5322 s3.4, with the obsolete syntax of
 * s4.4 and the UTF-8 of RFC 6532, as header fields and command lines hold
 * them.
 *
 * Taken as people write them: empty elements, ";" for ",", a group without
 * its ";" at the end, display names with unquoted dots, brackets and "@".
 * Never taken: control bytes other than blanks and folds, what is not UTF-8
 * in an address, text nobody closes.  Time is linear and nothing recurses.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum { ADDRESS_MAX = 900 };	/* octets; RFC 5321 says 254, relays vary */

struct address {
	/*
	 * As it goes in an SMTP path: no comments, no white space, the local
	 * part quoted only if it must be.  "" is "<>"; no "@" is unqualified.
	 */
	struct str spec;
	struct str name;	/* display name, quotes decoded; or "" */
	struct str source;	/* where in the text the address stands */
};

/* A list being read; the fields are private. */
struct address_iter {
	struct str text;
	size_t at;		/* what is read next */
	size_t start;		/* where the element began */
	size_t end;		/* after the last token of the address */
	const char *wrong;	/* NULL, or why reading stopped */
	bool in_group;
	struct buf spec, name, word;
};

/*
 * Read a list:
 *
 *	address_begin(&it, text);
 *	while (address_next(&it, &a))
 *		... a is valid until the next call; source lives with text
 *	if (address_end(&it, err))
 *		... the text is no address list; what came before it was good
 *
 * Folds (CRLF and a blank) are white space.  Members of groups are given like
 * the others.  ERROR_DATA names the element and what is wrong with it.
 */
void address_begin(struct address_iter *it, struct str text);
bool address_next(struct address_iter *it, struct address *a);
int address_end(struct address_iter *it, struct error *err);

/*
 * Append the one address of text, a command-line argument: "" and "<>" are
 * the null path and append nothing.  ERROR_DATA if it is none, or several, or
 * has a control byte.
 */
int address_one(struct buf *out, struct str text, struct error *err);

/* The domain without "@", or empty at the end of spec if unqualified. */
struct str address_domain(struct str spec);

/* Append spec, with "@mailname" if it has no domain and is not null. */
void address_qualify(struct buf *out, struct str spec, const char *mailname);

/* Same address?  Local parts by octet, domains without regard to case. */
bool address_same(struct str a, struct str b);

#endif
