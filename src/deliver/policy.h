/*
 * The section [queue] of the configuration as those want it who act on it.
 */
#ifndef DELIVER_POLICY_H
#define DELIVER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/account.h"
#include "deliver/bounce.h"
#include "mail/envelope.h"
#include "spool/retry.h"

/* When to try again; what q does not know is as in retry_default(). */
void queue_policy(const struct queue_settings *q, struct retry_policy *p);

/* The caps on notifications; after bounce_init(), nothing else is touched. */
void queue_bounces(const struct queue_settings *q, struct bounce *b);

/* An attempt that is over: every recipient has its verdict.  Borrowed. */
struct queue_tried {
	const struct envelope *env;
	const struct account *account;	/* NULL if it is not known */
	const struct retry_policy *policy;
	int64_t now;			/* wall clock, seconds */
	bool untried;			/* it did not come to this message */
};

/* Did the trouble concern the relay as such, and not this message? */
bool queue_relay_trouble(const struct queue_tried *t);

/* Add it to an entry's past. */
void queue_attempted(const struct queue_tried *t, struct retry_past *past);

/* When the entry is due next, its past including this attempt. */
int64_t queue_next(const struct queue_tried *t, const struct retry_past *past);

#endif
