/*
 * Delivery status notifications: the message that tells a sender what became
 * of a queued one (RFC 3461, RFC 3464, RFC 6522; RFC 6533 for addresses beyond
 * ASCII).
 *
 *	multipart/report; report-type=delivery-status
 *		text/plain			for people
 *		message/delivery-status		for programs
 *		message/rfc822			what was sent, or its header
 *
 * Parts of ours are 7-bit whatever the relay said; only a message that is
 * returned whole keeps its octets.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "mail/message.h"
#include "util/buf.h"
#include "util/error.h"

/* RFC 3464 s2.3.3; from the least to the most that a sender should know. */
enum dsn_action {
	DSN_RELAYED,		/* taken by a relay that will tell no more */
	DSN_DELAYED,		/* will be tried again */
	DSN_FAILED		/* refused, or given up */
};

/*
 * All text is borrowed, and "" when absent.  FAILED with a verdict of
 * DEFERRED or UNKNOWN is a recipient that was given up after its time.
 */
struct dsn_rcpt {
	enum dsn_action action;
	const char *addr;
	const char *orcpt;	/* ORCPT=, xtext, RFC 3461 s4.2 */
	const char *relay;	/* host name of who said it; "" if nobody */
	const struct verdict *verdict;	/* the last one */
	int64_t last_attempt;	/* seconds since 1970; 0 if there was none */
	int64_t retry_until;	/* DELAYED: when it will be given up; 0 */
};

struct dsn {			/* all text is borrowed */
	const char *mailname;	/* reporting MTA, and domain of From */
	const char *to;		/* reverse-path of the original: not null */
	const char *envid;	/* ENVID=, xtext; or "" */
	const char *ret;	/* RET=: "FULL", "HDRS" or "" */
	int64_t arrival;	/* seconds since 1970: when it was queued */
	int64_t now;
	int zone;		/* minutes east of Greenwich */
	const char *unique;	/* 16 or more random letters and digits, made
				   after the original was complete */
	const struct message *original;
	uint64_t return_max;	/* octets of a message returned whole */
	const struct dsn_rcpt *rcpt;	/* at least one */
	size_t n_rcpt;
};

struct dsn_made {
	struct message message;	/* complete, ready to be queued */
	bool utf8;		/* its recipient or header needs SMTPUTF8 */

	struct buf own;		/* private: what pieces of ours point into */
	struct piece *piece;	/* private */
};

/*
 * Make the notification.  *out is initialised, and to be released in any
 * case; it borrows the original's pieces.  The original comes back whole if a
 * recipient FAILED, RET is not HDRS, it is at most return_max and its lines
 * are fit for mail; else its header.  ERROR_DATA if `to` is no address, or the
 * original's header cannot be sent.
 */
int dsn_make(struct dsn_made *out, const struct dsn *d, struct error *err);
void dsn_release(struct dsn_made *m);

/* What is said of the recipients, at its worst: FAILED before DELAYED. */
enum dsn_action dsn_worst(const struct dsn *d);

/*
 * Write the Status of a recipient (RFC 3463): what the relay said if that
 * agrees with the action, else the nearest there is.
 */
enum { DSN_STATUS_MAX = 12 };
void dsn_status(char out[DSN_STATUS_MAX], const struct dsn_rcpt *r);

#endif
