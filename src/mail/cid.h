/*
 * "cid:" URLs in HTML (RFC 2392): which inline part answers each.
 */
#ifndef MAIL_CID_H
#define MAIL_CID_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/roster.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/* An inline part, as references know it.  Text is borrowed. */
struct cid {
	struct str name;	/* of its file, or "" */
	struct str id;		/* its Content-ID without <> */
	bool shown;		/* something refers to it */
};

/*
 * Append html.  A reference to an id stays; one to a file's name becomes one
 * to the id of that file; those that nothing answers stay and are added, as
 * they stand there, to `missing`.
 */
void cid_resolve(struct buf *out, struct str html, struct cid *cid, size_t n,
		 struct roster *missing);

/*
 * Append an id for part number i of the message that `unique` marks: the
 * name's plain characters, and what makes it the only one in the world.
 */
void cid_make(struct buf *out, struct str name, size_t i, const char *unique,
	      const char *mailname);

/* Append an id as given, with or without <>.  ERROR_DATA if it is none. */
int cid_check(struct buf *out, struct str given, struct error *err);

#endif
