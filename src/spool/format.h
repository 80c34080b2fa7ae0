/*
 * What a queue file holds, as octets; nothing here reads or writes one.
 *
 *	posthaste 1 TIME UID ACCOUNT\n
 *	F REVERSE-PATH [KEY=VALUE]...\n
 *	P RECIPIENT [notify=VALUE] [orcpt=VALUE]\n	(one line each)
 *	\n
 *	the message as it goes out, lines in CRLF
 *	\nend HEADER MESSAGE RECIPIENTS CRC\n		(FORMAT_TRAILER octets)
 *
 * Values are xtext (RFC 3461 s4), so none holds a blank or a line end.  The
 * first octet of a recipient's line is its status and changes in place; for
 * the checksum it is taken to be P.  HEADER and MESSAGE are octets, in hex.
 */
#ifndef SPOOL_FORMAT_H
#define SPOOL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "mail/message.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/error.h"
#include "util/str.h"

enum {
	FORMAT_LINE_MAX = 4 << 10,	/* octets, with the line end */
	FORMAT_HEADER_MAX = 16 << 20,	/* octets, with the blank line */
	FORMAT_TRAILER = 57		/* octets */
};

/* A recipient's status, as it stands in the file. */
enum {
	FORMAT_PENDING = 'P', FORMAT_DELIVERED = 'D', FORMAT_FAILED = 'F',
	FORMAT_UNKNOWN = 'U'
};

/* What an outcome is recorded as; all that may be tried again is pending. */
char format_status(enum outcome o);

enum format_fault {
	FORMAT_GOOD,
	FORMAT_CORRUPT,		/* never written by any version like this */
	FORMAT_FUTURE		/* of a version, or with a key, we do not know */
};

/* What the first two lines say beside the envelope. */
struct format_head {
	int64_t created;	/* seconds since 1970 */
	uint64_t uid;		/* who submitted */
	const char *account;
	uint64_t head_len;	/* octets of the message's header block */
	bool binary;		/* struct message.binary */
	struct facts facts;	/* of the body */
};

/*
 * Append the first two lines, and a recipient's line.  0, or -1 with
 * ERROR_DATA: control characters, or longer than a line may be.
 */
int format_head(struct buf *out, const struct format_head *h,
		const struct envelope *env, struct error *err);
int format_rcpt(struct buf *out, const struct rcpt *r, char status,
		struct error *err);

/*
 * Parse a whole header, its blank line included: n octets at p, which are
 * changed (values are decoded where they stand) and lent to h and to env, which
 * the caller has initialised.  A recipient's status is the octet two before its
 * addr.  On a fault *why is a constant text; release env after that too.
 */
enum format_fault format_parse(char *p, size_t n, struct format_head *h,
			       struct envelope *env, const char **why);

/*
 * Decode a value where it stands and end it with a NUL, for which the octet
 * after it gives the room.  False if it is not what xtext_encode() makes of
 * text without control characters.
 */
bool format_decode(char *p, size_t n);

/* Which version does a file that begins like this claim?  -1: none at all. */
int format_version(struct str beginning);

/*
 * Add a run of the header to a checksum, with each status as P.  *in_line is
 * false at first and carries from run to run whether a line has begun.
 */
void format_sum_header(struct crc32c *c, struct str run, bool *in_line);

struct format_trailer {
	uint64_t header, message;	/* octets */
	uint32_t rcpts;
	uint32_t crc;
};

/*
 * Append the trailer.  The checksum covers it too, up to the checksum: c has
 * all before it and is changed.
 */
void format_trailer(struct buf *out, struct format_trailer *t,
		    struct crc32c *c);

/* Parse the last FORMAT_TRAILER octets of a file; false if they are none. */
bool format_trailer_parse(struct str s, struct format_trailer *t);

/* The checksum t should have, c having seen everything before the trailer. */
uint32_t format_trailer_sum(const struct format_trailer *t, struct crc32c *c);

#endif
