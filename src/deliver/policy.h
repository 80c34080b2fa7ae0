/*
 * The section [queue] of the configuration as those want it who act on it.
 */
#ifndef DELIVER_POLICY_H
#define DELIVER_POLICY_H

#include "conf/account.h"
#include "deliver/bounce.h"
#include "spool/retry.h"

/* When to try again; what q does not know is as in retry_default(). */
void queue_policy(const struct queue_settings *q, struct retry_policy *p);

/* The caps on notifications; after bounce_init(), nothing else is touched. */
void queue_bounces(const struct queue_settings *q, struct bounce *b);

#endif
