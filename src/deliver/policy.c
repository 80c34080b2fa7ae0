#include "deliver/policy.h"

#include <stddef.h>

#include "conf/duration.h"
#include "util/error.h"
#include "util/str.h"

_Static_assert((int)QUEUE_WAITS <= (int)RETRY_STEPS,
	       "each wait of the list needs its step");

static void steps(const struct queue_settings *q, struct retry_policy *p)
{
	unsigned wait[QUEUE_WAITS];
	struct error never;
	size_t n;

	/* The option table took it, so it is good; else keep the default. */
	if (duration_list(str_of(q->retry), wait, &n, &never))
		return;
	for (size_t i = 0; i < n; i++)
		p->step[i] = wait[i];
	p->n_step = (unsigned)n;
}

void queue_policy(const struct queue_settings *q, struct retry_policy *p)
{
	*p = retry_default();
	steps(q, p);
	p->max = q->retry_max;
	p->jitter = q->jitter;
	p->lifetime = q->lifetime;
	p->notice = q->delay_notice;
	p->unknown = q->unknown_wait;
}

void queue_bounces(const struct queue_settings *q, struct bounce *b)
{
	b->sender_max = q->bounces_per_sender;
	b->hour_max = q->bounces_per_hour;
	b->return_max = q->bounce_return;
}
