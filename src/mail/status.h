/*
 * Exit statuses from verdicts, in both schemes, and what each one means.
 */
#ifndef MAIL_STATUS_H
#define MAIL_STATUS_H

#include "mail/envelope.h"
#include "util/buf.h"

enum status_scheme {
	STATUS_REPLY,		/* 4yz is yz, 5yz is 160 + yz, else sysexits */
	STATUS_SYSEXITS		/* sysexits(3) only */
};

int status_of_verdict(enum status_scheme scheme, const struct verdict *v);

/*
 * The worst recipient's: permanent before temporary, first in order among
 * equals; one that was only held back by another's refusal comes after it.
 * 0 when every recipient is SENT or QUEUED (there is one), else never 0.
 */
int status_of_envelope(enum status_scheme scheme, const struct envelope *e);
/* The recipient that decides it; n_rcpt if the status is 0. */
size_t status_worst(const struct envelope *e);

/* Append one line on what exit status `status` means; false: no meaning. */
bool status_explain(struct buf *out, int status);

#endif
