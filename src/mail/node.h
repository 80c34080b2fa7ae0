/*
 * struct node: a part of a message being composed, or a multipart of such;
 * how it is encoded and what its header says.  For mail/compose.
 */
#ifndef MAIL_NODE_H
#define MAIL_NODE_H

#include <stdbool.h>

#include "mail/part.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/* Content-Transfer-Encoding, RFC 2045 s6.1. */
enum node_coding { NODE_7BIT, NODE_8BIT, NODE_BINARY, NODE_QP, NODE_BASE64 };

struct node {
	const struct part *part;	/* NULL: a multipart... */
	const char *subtype;		/* ...of this kind */
	struct node *first, *last, *next;	/* its parts; beside it */
	unsigned number;		/* its boundary's */

	struct str text;		/* the content when part's fd is -1 */
	struct part_facts facts;	/* of it */
	bool scanned;
	struct str type;		/* with parameters */
	bool guessed;			/* the content said so */
	struct buf cid;			/* or empty */
	enum node_coding coding;	/* of a multipart: what is in it */
};

bool node_is_text(const struct part *p);	/* one of the text roles */
bool node_is_message(const struct node *n);	/* of a type message/... */

/* Put "attachment 'name'" before an error; returns -1. */
int node_wrap(struct error *err, const struct part *p);

/*
 * Choose how n and all in it are encoded; returns what a multipart around it
 * has to declare.  *encoded becomes true if anything is.
 */
enum node_coding node_choose(struct node *n, bool binary, bool *encoded);

/* Append the boundary of a multipart, without its hyphens. */
void node_boundary(struct buf *out, const struct node *n, const char *unique);

/*
 * Append the fields: type, encoding, disposition, id.  ERROR_DATA if the type
 * that was given is none.
 */
int node_fields(struct buf *out, const struct node *n, const char *unique,
		struct error *err);

#endif
