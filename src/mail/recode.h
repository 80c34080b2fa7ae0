/*
 * Re-encode a message that a relay cannot take as it is: 8-bit content
 * without 8BITMIME (RFC 6152 s3), or lines over 998 octets (RFC 5321
 * s4.5.3.1.6).  Nothing is lost: every part decodes to what it was.
 *
 * A text without MIME becomes MIME.  Parts that need it become
 * quoted-printable, those that are base64 or quoted-printable already get
 * shorter lines, all others stay as they are, octet for octet.  What is
 * signed or encrypted is not touched.  8-bit octets in header fields, and
 * between parts, stay.
 *
 * Two passes over the body, each a push parser of canonical text:
 *
 *	recode_init(&r, head, &body_facts, eightbit);
 *	recode_look(&r, piece) for all of the body;
 *	recode_decide(&r, &needed, &err);  if needed:
 *	recode_head(&r, &head);
 *	recode_feed(&r, piece, &out) for all of the body;
 *	recode_end(&r, &out);
 */
#ifndef MAIL_RECODE_H
#define MAIL_RECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/entity.h"
#include "mail/message.h"
#include "mail/qp.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	RECODE_DEPTH_MAX = 50,		/* parts in parts */
	RECODE_PARTS_MAX = 1 << 20,
	RECODE_HEAD_MAX = 256 << 10,	/* octets in a part's header */
	/* What a feed may append: this and four times its input. */
	RECODE_ROOM = 2 * RECODE_HEAD_MAX + 4096
};

struct recode_level {
	struct str boundary;	/* empty: a message, not a multipart */
	char text[ENTITY_BOUNDARY_MAX + 1];
	bool digest;
};

/* All private. */
struct recode {
	bool convert;		/* 8-bit content is to be converted */
	bool writing;		/* the second pass */
	bool malformed;		/* not to be understood as MIME */
	bool folded;		/* a part's header has a line to fold */
	unsigned all;		/* enum need of the whole body */
	unsigned sealed;	/* of what must not be altered */
	unsigned stuck;		/* of what cannot be encoded */

	struct entity top;	/* the message itself */
	struct recode_level level[RECODE_DEPTH_MAX];
	size_t depth;
	int state;		/* enum state, recode.c */
	bool mid_line;		/* the line is not a boundary's */
	struct buf line;	/* a line that may be one */
	struct buf head;	/* of a part, so far */
	size_t head_line;	/* offset of its last line */
	uint64_t col;		/* octets in the line, for the first pass */
	unsigned need;		/* enum need of this part, for the same */
	struct entity leaf;	/* the part */
	int mode;		/* what is done to it: enum mode */
	struct buf modes;	/* an octet a leaf: from first pass to second */
	size_t n_leaf;
	int utf8_left;		/* octets the character lacks; -1: not UTF-8 */
	unsigned char utf8_low, utf8_high;	/* bounds of the next one */

	struct qp qp;		/* second pass: text to quoted-printable */
	size_t out_col;		/* octets in the output line */
	char held[3];		/* the beginning of "=XX" */
	size_t n_held;
};

/*
 * Is anything in the way?  If not there is no need to look.  eightbit: the
 * relay offers 8BITMIME.  Long lines in the header are header_fold()'s.
 */
bool recode_wanted(const struct facts *body, bool eightbit);

/* head: the fields of the message. */
void recode_init(struct recode *r, struct str head, const struct facts *body,
		 bool eightbit);
void recode_release(struct recode *r);

void recode_look(struct recode *r, struct str in);

/*
 * The body has ended.  *needed says whether there is something to write; not,
 * if only 8-bit content is in the way that cannot be told apart, which is
 * then sent as it is.  -1 with ERROR_DATA: the message cannot be sent.
 */
int recode_decide(struct recode *r, bool *needed, struct error *err);

/*
 * Edit the message's own fields and begin to write.  The head was looked at
 * and may have been changed since, but not in its MIME fields.
 */
void recode_head(struct recode *r, struct buf *head);

/* See RECODE_ROOM for the room that out must have. */
void recode_feed(struct recode *r, struct str in, struct buf *out);
void recode_end(struct recode *r, struct buf *out);

#endif
