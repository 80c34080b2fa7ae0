/*
 * What follows MAIL and RCPT: a path and its parameters, RFC 5321 s4.1.2,
 * RFC 1870, RFC 3461, RFC 6152, RFC 6531.
 *
 * Taken as clients write it: blanks after the colon, a path without its
 * brackets, a source route (which is dropped).
 */
#ifndef SMTP_ARGUMENT_H
#define SMTP_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "util/buf.h"
#include "util/str.h"

struct mail_argument {
	struct buf from;	/* as it goes in a path; "" is the null one */
	struct buf envid;	/* xtext, or "" */
	const char *ret;	/* "FULL", "HDRS" or "" */
	uint64_t size;		/* octets as declared; 0: not declared */
	enum body_kind body;
	bool utf8;		/* SMTPUTF8 was said */
};

struct rcpt_argument {
	struct buf addr;	/* may lack a domain; never "" */
	struct buf orcpt;	/* type ";" xtext, or "" */
	const char *notify;	/* as RFC 3461 writes it, or "" */
};

void mail_argument_init(struct mail_argument *m);
void mail_argument_release(struct mail_argument *m);
void rcpt_argument_init(struct rcpt_argument *r);
void rcpt_argument_release(struct rcpt_argument *r);

/*
 * Parse what follows the verb ("FROM:<a@b> SIZE=100"), without control bytes,
 * in place of what was there.  NULL, or the reply that refuses it: code,
 * enhanced code and text.  utf8: SMTPUTF8 was said with MAIL.
 */
const char *mail_argument_parse(struct mail_argument *m, struct str text);
const char *rcpt_argument_parse(struct rcpt_argument *r, struct str text,
				bool utf8);

#endif
