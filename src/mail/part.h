/*
 * struct part: one thing that a composed message is to hold, a text or a
 * file, and what its octets are like.
 */
#ifndef MAIL_PART_H
#define MAIL_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	PART_UNIQUE_MIN = 8,	/* octets of a boundary's random text */
	PART_UNIQUE_MAX = 40,
	PART_MARK_MAX = PART_UNIQUE_MAX + 4,
	PART_METHOD_MAX = 32	/* octets of an iTIP method, with its NUL */
};

/*
 * What is known of some content, as it stands.  After a NUL only size, nul,
 * marked and ends_line are kept up: nothing depends on the others then.
 */
struct part_facts {
	uint64_t size;		/* octets */
	uint64_t lines;		/* line ends: CRLF, LF or CR */
	uint64_t longest;	/* octets of the longest line without its end */
	uint64_t bad_line;	/* first line that is not UTF-8, from 1; or 0 */
	bool eightbit;		/* an octet over 0x7f */
	bool nul;
	bool control;		/* one that text has no use for, NUL too */
	bool bare_cr;		/* a CR without LF */
	bool bare_lf;		/* a LF without CR */
	bool ends_line;		/* the last octet is LF */
	bool marked;		/* our boundary occurs: it must be encoded */
};

enum part_role {
	PART_TEXT,		/* the message as plain text */
	PART_HTML,		/* the message as HTML */
	PART_CALENDAR,		/* an invitation, text/calendar */
	PART_ATTACH,		/* a file */
	PART_INLINE		/* a file that the HTML shows */
};

/* All text is borrowed, and may be empty unless said. */
struct part {
	enum part_role role;
	/*
	 * The content: `text` when fd is -1, else len octets of a file from
	 * offset at.  The three text roles are UTF-8, or of `charset`, and
	 * their line ends may be LF in memory; in a file they must be CRLF.
	 */
	struct str text;
	int fd;
	uint64_t at, len;
	/*
	 * Of the whole content, if scanned.  What is in memory is looked at
	 * when it is composed.  A file that was not scanned goes as base64.
	 */
	struct part_facts facts;
	bool scanned;
	struct str name;	/* of the file, UTF-8, no directories */
	struct str type;	/* "type/subtype; a=b"; "": by name, content */
	struct str cid;		/* Content-ID without <>; "": made up */
	struct str charset;	/* "": utf-8 */
	struct str method;	/* calendar; "": from text, see below */
};

/* Facts of content cut anywhere: a push parser. */
struct part_scan {
	struct part_facts facts;

	/* Private. */
	uint64_t col;		/* octets in the line so far */
	bool cr;		/* the last octet was CR */
	int left;		/* octets the character lacks */
	unsigned char low, high;	/* bounds of the next one */
	char mark[PART_MARK_MAX];	/* what a boundary's line begins with */
	size_t n_mark;
	unsigned char skip[256];	/* by octet: how far it is from the end */
	char tail[2 * PART_MARK_MAX];	/* end of what came before */
	size_t n_tail;
};

/* unique: the one that compose will be given, or "" to look for none. */
void part_scan_init(struct part_scan *s, const char *unique);
void part_scan_feed(struct part_scan *s, struct str in);
/* The content has ended: s->facts is complete. */
void part_scan_end(struct part_scan *s);

/* A fresh part: a role, no content, no text. */
void part_init(struct part *p, enum part_role role);

/* Octets of content as it stands. */
uint64_t part_size(const struct part *p);

/*
 * Append text with every line end as CRLF (a CR alone stays what it is) and
 * one at the end of the last line.
 */
void part_canonical(struct buf *out, struct str text);

/*
 * The METHOD property of a calendar (RFC 5545 s3.7.2), in upper case; "" if
 * there is none.
 */
void part_calendar_method(char out[PART_METHOD_MAX], struct str text);

#endif
