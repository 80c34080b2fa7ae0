/*
 * What the relay offers, from the text of its EHLO reply (RFC 5321 s4.1.1.1).
 */
#ifndef SMTP_EHLO_H
#define SMTP_EHLO_H

#include <stdint.h>

#include "util/buf.h"
#include "util/str.h"

enum ehlo_cap {
	CAP_STARTTLS    = 1u << 0,	/* RFC 3207 */
	CAP_PIPELINING  = 1u << 1,	/* RFC 2920 */
	CAP_SIZE        = 1u << 2,	/* RFC 1870 */
	CAP_8BITMIME    = 1u << 3,	/* RFC 6152 */
	CAP_SMTPUTF8    = 1u << 4,	/* RFC 6531 */
	CAP_DSN         = 1u << 5,	/* RFC 3461 */
	CAP_AUTH        = 1u << 6,	/* RFC 4954 */
	CAP_CHUNKING    = 1u << 7,	/* RFC 3030 */
	CAP_BINARYMIME  = 1u << 8,	/* RFC 3030 */
	CAP_ENHANCED    = 1u << 9,	/* RFC 2034 */
	CAP_LIMITS      = 1u << 10,	/* RFC 9422 */
	CAP_REQUIRETLS  = 1u << 11,	/* RFC 8689 */
	CAP_DELIVERBY   = 1u << 12,	/* RFC 2852 */
	CAP_HOLD        = 1u << 13,	/* FUTURERELEASE, RFC 4865 */
	CAP_PRIORITY    = 1u << 14,	/* MT-PRIORITY, RFC 6710 */
};

enum { EHLO_LINES_MAX = 128 };		/* keywords looked at */

struct ehlo {
	unsigned caps;		/* enum ehlo_cap, or'd */
	uint64_t size_max;	/* octets; 0 is no declared limit */
	uint64_t rcpt_max;	/* LIMITS RCPTMAX; 0 is none */
	uint64_t mail_max;	/* LIMITS MAILMAX; 0 is none */
	uint64_t hold_max;	/* FUTURERELEASE: most seconds; 0 is none */
	uint64_t by_min;	/* DELIVERBY: least seconds */
	struct buf auth;	/* mechanism names, one blank between; owned */
};

void ehlo_init(struct ehlo *e);
void ehlo_release(struct ehlo *e);

/*
 * Replace *e by what text (reply lines joined by LF) says.  Unknown keywords
 * and malformed parameters are ignored, never an error.
 */
void ehlo_parse(struct ehlo *e, struct str text);

/* Overlook what a list of keywords (blanks or commas between) names. */
void ehlo_ignore(struct ehlo *e, const char *list);

/* The keyword of one capability bit: "PIPELINING". */
const char *ehlo_keyword(enum ehlo_cap cap);

#endif
