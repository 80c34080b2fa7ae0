#include "deliver/policy.h"

#include <stddef.h>
#include <stdlib.h>

#include "conf/duration.h"
#include "spool/store.h"
#include "sys/entropy.h"
#include "util/buf.h"
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

static uint32_t chance(void)
{
	struct buf hex;
	uint32_t n;

	buf_init(&hex, 16);
	entropy_hex(&hex, 4);
	n = (uint32_t)strtoul(buf_cstr(&hex), NULL, 16);
	buf_release(&hex);
	return n;
}

/*
 * Connecting, greeting, TLS, AUTH; or a 5yz that put the message off and did
 * not refuse it (530: log in first).
 */
static bool of_relay(const struct verdict *v)
{
	return v->outcome == OUTCOME_DEFERRED && (v->code >= 500 ||
		(v->stage >= STAGE_CONNECT && v->stage <= STAGE_AUTH));
}

bool queue_relay_trouble(const struct queue_tried *t)
{
	for (size_t i = 0; i < t->env->n_rcpt && !t->untried; i++) {
		const struct verdict *v = envelope_verdict(t->env, i);

		if (v->outcome != OUTCOME_SENT &&
		    v->outcome != OUTCOME_FAILED && !of_relay(v))
			return false;
	}
	return envelope_count(t->env, OUTCOME_DEFERRED) > 0;
}

/*
 * A refused login must not be tried as fast: relays lock accounts out, and so
 * do providers of tokens.
 */
static bool login_refused(const struct envelope *e)
{
	for (size_t i = 0; i < e->n_rcpt; i++) {
		const struct verdict *v = envelope_verdict(e, i);

		if (v->stage == STAGE_AUTH &&
		    (v->code >= 500 || (!v->code && v->kind == ERROR_AUTH)))
			return true;
	}
	return false;
}

void queue_attempted(const struct queue_tried *t, struct retry_past *past)
{
	retry_attempted(past, t->policy, t->now, queue_relay_trouble(t));
}

int64_t queue_next(const struct queue_tried *t, const struct retry_past *past)
{
	bool unknown = envelope_count(t->env, OUTCOME_UNKNOWN);

	if (unknown && t->account && t->account->unknown == UNKNOWN_HOLD)
		return STORE_HELD;
	return retry_next(past, t->policy, t->now,
			  unknown || login_refused(t->env), chance());
}
