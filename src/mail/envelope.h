/*
 * struct envelope: who sends to whom, what is asked of the relay (RFC 5321
 * s2.3.1), and what became of each recipient.
 *
 * Text fields are borrowed: whoever fills the envelope keeps them alive for
 * as long as it.  Absent text is "", never NULL.  The verdicts are owned.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/str.h"

enum outcome {
	OUTCOME_PENDING,	/* nothing final said yet */
	OUTCOME_SENT,		/* the relay took responsibility */
	OUTCOME_DEFERRED,	/* 4yz, or trouble on the way: try again */
	OUTCOME_FAILED,		/* 5yz, or the message cannot be sent as it is */
	OUTCOME_UNKNOWN,	/* lost between the last byte and its reply */
	OUTCOME_QUEUED		/* was one of the two above, and is in the queue */
};

/* Where in the dialogue a verdict fell. */
enum stage {
	STAGE_LOCAL, STAGE_CONNECT, STAGE_TLS, STAGE_GREETING, STAGE_EHLO,
	STAGE_STARTTLS, STAGE_AUTH, STAGE_MAIL, STAGE_RCPT, STAGE_DATA,
	STAGE_CONTENT, STAGE_QUIT
};

struct verdict {
	enum outcome outcome;
	enum stage stage;
	enum error_kind kind;	/* why, when there was no reply; else NONE */
	int code;		/* reply code 200..599, 0 if there was none */
	unsigned via;		/* whose word it is: struct envelope.via then */
	char enhanced[12];	/* "5.1.1", or "" (RFC 2034, RFC 3463) */
	struct str text;	/* reply text or reason; raw, escape to show */
};

struct rcpt {
	const char *addr;	/* as it goes in the path, no angle brackets */
	const char *notify;	/* NOTIFY=, RFC 3461 s4.1 */
	const char *orcpt;	/* ORCPT=, already xtext, RFC 3461 s4.2 */
	uint32_t verdict;	/* private: index into envelope.verdicts */
	uint32_t before;	/* private: the verdict of a relay before */
};

enum body_kind { BODY_7BIT, BODY_8BIT, BODY_BINARY };	/* RFC 6152, 3030 */

struct envelope {
	const char *from;	/* reverse-path; "" is the null one */
	const char *ret;	/* RET=, RFC 3461 s4.3 */
	const char *envid;	/* ENVID=, already xtext, RFC 3461 s4.4 */
	struct rcpt *rcpt;	/* owned array */
	size_t n_rcpt;
	uint64_t size;		/* exact octets of the message, CRLF lines */
	enum body_kind body;
	bool utf8;		/* an address needs SMTPUTF8, RFC 6531 */
	bool all_or_nothing;	/* one refused recipient stops the message */
	bool require_tls;	/* REQUIRETLS, RFC 8689 */
	const char *deliver_by;	/* BY=, RFC 2852: "3600;R" */
	const char *hold;	/* "HOLDFOR=60" or "HOLDUNTIL=...", RFC 4865 */
	const char *priority;	/* MT-PRIORITY=, RFC 6710: "-9".."9" */
	unsigned via;		/* number of the relay being tried, from 0 */
	bool begun;		/* octets of the message were on their way */

	struct verdict *verdicts;	/* private: what was said, shared */
	size_t n_verdicts;
	size_t rcpt_cap;		/* private */
};

void envelope_init(struct envelope *e);		/* all text "", no recipients */
void envelope_release(struct envelope *e);

/* Append a recipient; addr, notify and orcpt are borrowed. */
void envelope_add(struct envelope *e, const char *addr, const char *notify,
		  const char *orcpt);

/*
 * Remember a verdict (its text is copied) and return its number, so that any
 * number of recipients can share it; then settle recipients with it.  The
 * first word is final: a recipient that is settled stays so.
 */
uint32_t envelope_say(struct envelope *e, const struct verdict *v);
void envelope_settle_as(struct envelope *e, size_t rcpt, uint32_t number);

void envelope_settle_one(struct envelope *e, size_t rcpt,
			 const struct verdict *v);
void envelope_settle(struct envelope *e, const struct verdict *v); /* the rest */

/*
 * Another relay is to be tried: DEFERRED recipients are pending again.  If it
 * defers them as well, the first relay's word stands.
 */
void envelope_retry(struct envelope *e);

/* DEFERRED and UNKNOWN recipients are in the queue now. */
void envelope_queued(struct envelope *e);

bool envelope_pending(const struct envelope *e, size_t rcpt);
const struct verdict *envelope_verdict(const struct envelope *e, size_t rcpt);
size_t envelope_count(const struct envelope *e, enum outcome o);

/* A verdict from an error of ours: transient kinds defer, the others fail. */
struct verdict verdict_of_error(const struct error *err, enum stage stage);

const char *outcome_name(enum outcome o);	/* "sent", "deferred", ... */
const char *stage_name(enum stage s);		/* "greeting", "RCPT TO", ... */

#endif
