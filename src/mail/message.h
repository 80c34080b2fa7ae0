/*
 * struct message: a message ready to go out (RFC 5322): an edited header
 * block in memory and a body that stays where it was read to.
 *
 * Both parts are canonical: every line ends in CRLF, no bare CR or LF, no
 * NUL (but for binary content, RFC 3030).
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
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

/*
 * A message's body is a run of pieces, each of them read from memory (fd is
 * -1) or from a file (pread(2), so the descriptor's offset does not matter).
 */
enum piece_kind {
	PIECE_PLAIN,		/* octets as they are */
	PIECE_BASE64		/* encoded on the way: lines of 76 and CRLF */
};

struct piece {
	enum piece_kind kind;
	struct str text;	/* the source when fd is -1; borrowed */
	int fd;			/* else the file (borrowed)... */
	uint64_t at;		/* ...from this offset */
	uint64_t len;		/* octets of the source */
};

struct message {
	struct buf head;	/* header fields, CRLF each; no blank line */
	const struct piece *piece;	/* borrowed */
	size_t n_piece;
	uint64_t body_len;	/* octets on the wire */
	struct facts body_facts;
	bool binary;		/* lines mean nothing: BODY=BINARYMIME by BDAT */
	/*
	 * What makes another form of it for a relay that takes binary content;
	 * NULL if there is none.  *out borrows from ctx.
	 */
	int (*make_binary)(void *ctx, struct message *out, struct error *err);
	void *ctx;
};

struct piece piece_text(struct str text);	/* plain, in memory */
uint64_t piece_size(const struct piece *p);	/* octets on the wire */

/* Octets on the wire: header block, blank line, body. */
uint64_t message_size(const struct message *m);

#endif
