/*
 * From what came in to a canonical message (RFC 5322 s2.1): a push parser
 * that repairs line ends, splits the header from the body and counts.  Cut
 * the input anywhere, the result is the same.
 *
 * Every line of output ends in CRLF: LF, CRLF and CR CR LF did end it, as
 * does a CR alone in the body and the end of input.  A CR alone in the header
 * is a space, NUL is dropped.  An mbox "From " or ">From " first line is
 * dropped, and a byte order mark before a first header field.  The first line
 * that is no header field and continues none begins the body; a blank line
 * between the two belongs to neither.
 *
 * No repair makes an end of message: a dot that stands alone on its line only
 * because of one is text.
 */
#ifndef MAIL_SCAN_H
#define MAIL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/message.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum scan_flag {
	SCAN_DOT    = 1u << 0,	/* a line that is "." ends the message */
	SCAN_STRICT = 1u << 1	/* NUL and a CR alone are errors */
};

enum {
	SCAN_NAME_MAX = 2048,	/* octets in which a field's colon must come */
	SCAN_CR_MAX = 256,	/* CRs before LF that are one line end with it */
	/* What a feed may append to the body: this and twice its input. */
	SCAN_ROOM = 2 * (SCAN_NAME_MAX + SCAN_CR_MAX + 1)
};

struct scan {
	struct facts head;	/* the header fields */
	struct facts body;
	bool in_body;		/* the header is complete */
	bool done;		/* a dot ended the message: drain the rest */

	unsigned flags;		/* private from here on: enum scan_flag */
	uint64_t at;		/* octets in the output line so far */
	uint64_t above;		/* input lines before the body */
	uint64_t odd_line;	/* where SCAN_STRICT found something, or 0 */
	bool odd_nul;		/* it was a NUL */
	size_t held;		/* CRs that wait for what comes next */
	bool fresh;		/* body: an input line begins here */
	bool dot;		/* body: the line is "." so far, held back */
	bool first;		/* header: no line is complete */
	bool after_field;	/* header: the last line was a field's */
	int part;		/* header: enum part in scan.c */
	char raw[SCAN_NAME_MAX];
	size_t raw_len;		/* the line so far, until we know what it is */
	char *to;		/* body: where to write, during a feed */
};

void scan_init(struct scan *s, unsigned flags);

/*
 * Append to head the header fields and to body the body found in `in`.  body
 * must have room (see SCAN_ROOM); the caller may empty it after each call.
 * After `done` the input is ignored.  0, or -1 with ERROR_DATA: the header is
 * longer than MESSAGE_HEAD_MAX, or what SCAN_STRICT refuses, with its line.
 */
int scan_feed(struct scan *s, struct str in, struct buf *head,
	      struct buf *body, struct error *err);

/* The input has ended: as above, for what was held back. */
int scan_end(struct scan *s, struct buf *head, struct buf *body,
	     struct error *err);

#endif
