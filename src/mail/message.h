/*
 * struct message: a message ready to go out (RFC 5322): an edited header
 * block in memory and a body that stays where it was read to.
 *
 * Both parts are canonical: every line ends in CRLF, no bare CR or LF, no
 * NUL.  The body is in memory while it is small and else in a file.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/str.h"

enum {
	MESSAGE_HEAD_MAX = 8 << 20,	/* octets of header block taken */
	MESSAGE_LINE_MAX = 998		/* octets in a line, RFC 5322 s2.1.1 */
};

/* What reading found out, of the whole input or of one part of it. */
struct facts {
	uint64_t size;		/* canonical octets */
	uint64_t lines;
	uint64_t longest;	/* octets of the longest line, without CRLF */
	uint64_t longest_line;	/* which line that is, from 1 */
	bool eightbit;		/* an octet over 0x7f */
	bool nul;		/* a NUL was dropped */
	bool bare_cr;		/* a CR that ended no line was repaired */
};

struct message {
	struct buf head;	/* header fields, CRLF each; no blank line */
	struct str body;	/* the body when fd is -1; borrowed */
	int fd;			/* else the file it is in (borrowed)... */
	uint64_t body_at;	/* ...from this offset */
	uint64_t body_len;	/* octets */
	struct facts body_facts;
};

/* Octets on the wire: header block, blank line, body. */
uint64_t message_size(const struct message *m);

#endif
