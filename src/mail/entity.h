/*
 * What the header of a message or of a part of one says about its body: MIME,
 * RFC 2045 and RFC 2046.
 */
#ifndef MAIL_ENTITY_H
#define MAIL_ENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "util/str.h"

enum entity_kind {
	ENTITY_LEAF,		/* content */
	ENTITY_MULTIPART,	/* parts between boundaries */
	ENTITY_MESSAGE,		/* a header and a body */
	ENTITY_SEALED,		/* signed or encrypted: not to be altered */
	ENTITY_FIXED		/* of a type that allows no encoding */
};

enum entity_coding {
	CODING_NONE,		/* 7bit, 8bit, binary, or not said */
	CODING_QP,
	CODING_BASE64,
	CODING_OTHER
};

enum { ENTITY_BOUNDARY_MAX = 200 };	/* octets; RFC 2046 s5.1.1 says 70 */

struct entity {
	enum entity_kind kind;
	enum entity_coding coding;
	bool typed;		/* there is a Content-Type */
	bool eightbit;		/* the encoding is said to be 8bit or binary */
	bool digest;		/* multipart/digest: its parts are messages */
	char boundary[ENTITY_BOUNDARY_MAX + 1];	/* "": none, or too long */
};

/*
 * head: canonical header fields.  Without a Content-Type it is a text, or in
 * a multipart/digest a message (RFC 2046 s5.1.5).
 */
void entity_read(struct entity *e, struct str head, bool in_digest);

#endif
