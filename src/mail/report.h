/*
 * What happened to a submission, as JSON or text (DESIGN: outcomes).
 */
#ifndef MAIL_REPORT_H
#define MAIL_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "util/buf.h"

/* A relay that was given up for another. */
struct report_tried {		/* all text is borrowed */
	const char *account, *relay;
	const struct verdict *verdict;
};

struct report {			/* all text is borrowed; "" when absent */
	const char *message_id;	/* with its angle brackets */
	const char *account;
	const char *relay;	/* "smtp.example.org:465": the last one used */
	/* Those before it, as verdicts number them (via). */
	struct report_tried *tried;
	size_t n_tried;
	const char *tls;	/* "TLS1.3" */
	bool resumed;		/* that session began in an earlier process */
	const char *mech;	/* SASL mechanism */
	const char *queue_id;
	const struct verdict *final;	/* the relay's last word; NULL if none */
	const struct envelope *env;
	const char *error;	/* why it was not tried; "" if it was */
	int status;		/* the exit status */
	uint64_t bytes;		/* octets of the message */
	uint64_t elapsed_ms;
	unsigned trips;		/* round trips waited for, connecting included */
	int64_t delay;		/* seconds since it was queued */
};

/* Whose word recipient i has: account and relay. */
struct report_tried report_by(const struct report *r, size_t i);

/* "sent", "partial", "queued", "failed" or "unknown". */
const char *report_result(const struct report *r);

/*
 * A report is a head, a piece for each recipient in order, and a tail, so that
 * 100,000 recipients need not stand in memory.  JSON is one line with its LF.
 */
void report_json_head(struct buf *out, const struct report *r);
void report_json_rcpt(struct buf *out, const struct report *r, size_t i);
void report_json_tail(struct buf *out, const struct report *r);
void report_text_head(struct buf *out, const struct report *r);
void report_text_rcpt(struct buf *out, const struct report *r, size_t i);

/* A recipient's line for the log, with LF (mail/logline.h). */
void report_log_rcpt(struct buf *out, const struct report *r, size_t i,
		     bool json);

/* Append s as a JSON string with its quotes; what is not UTF-8 is escaped. */
void report_json_string(struct buf *out, struct str s);

/*
 * One line on a verdict that is not SENT, without LF, safe to show:
 * "RCPT TO:<b@example.org>: 550 5.1.1 no such user".
 */
void report_verdict(struct buf *out, const struct verdict *v,
		    const char *addr);

#endif
