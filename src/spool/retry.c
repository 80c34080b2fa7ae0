#include "spool/retry.h"

#include <stddef.h>

enum {
	MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR,
	SLACK = 2 * MINUTE	/* clocks that are being adjusted */
};

struct retry_policy retry_default(void)
{
	return (struct retry_policy){
		.step = { MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR },
		.n_step = 5,
		.max = 4 * HOUR,
		.jitter = 10,
		.unknown = 15 * MINUTE,
		.lifetime = 5 * DAY,
		.notice = 4 * HOUR,
		.attempts = 3,
	};
}

/* Seconds to wait after so many attempts. */
static uint64_t wait_after(const struct retry_policy *p, uint32_t attempts)
{
	uint64_t wait;
	uint32_t i = attempts ? attempts - 1 : 0;

	if (i < p->n_step)
		return p->step[i];
	wait = p->n_step ? p->step[p->n_step - 1] : MINUTE;
	for (i -= p->n_step; wait < p->max; i--) {
		wait = wait ? 2 * wait : 1;
		if (!i)
			break;
	}
	/* Steps longer than max are as they were set. */
	if (wait > p->max && (!p->n_step || p->step[p->n_step - 1] < p->max))
		wait = p->max;
	return wait;
}

/*
 * The most that may have passed since the last attempt: twice the wait, or a
 * day in which the machine was off, but a small part of the lifetime.
 */
static uint64_t believable(const struct retry_policy *p, uint32_t attempts)
{
	uint64_t off = p->lifetime / 4 < DAY ? p->lifetime / 4 : DAY;
	uint64_t twice = 2 * wait_after(p, attempts) + MINUTE;

	return twice > off ? twice : off;
}

/* From one instant to another, as far as that can be believed. */
static uint64_t gap_between(const struct retry_policy *p, uint32_t attempts,
			    int64_t from, int64_t to)
{
	uint64_t most = believable(p, attempts);
	uint64_t gap = to > from ? (uint64_t)to - (uint64_t)from : 0;

	return gap < most ? gap : most;
}

uint64_t retry_age(const struct retry_past *past, const struct retry_policy *p,
		   int64_t created, int64_t now)
{
	if (!past->attempts)
		return gap_between(p, 0, created, now);
	return gap_between(p, 0, created, past->first) + past->waited +
	       gap_between(p, past->attempts, past->last, now);
}

void retry_attempted(struct retry_past *past, const struct retry_policy *p,
		     int64_t now, bool relay)
{
	uint64_t gap = 0;

	if (past->attempts)
		gap = gap_between(p, past->attempts, past->last, now);
	else
		past->first = now;
	past->last = now;
	past->waited += gap;
	if (past->attempts < UINT32_MAX)
		past->attempts++;
	if (relay)
		return;
	past->tried += gap;
	if (past->tries < UINT32_MAX)
		past->tries++;
}

int64_t retry_next(const struct retry_past *past, const struct retry_policy *p,
		   int64_t now, bool unknown, uint32_t random)
{
	uint64_t wait = wait_after(p, past->attempts);
	uint64_t spread = wait * p->jitter / 100;

	wait = wait - spread + (2 * spread * random >> 32);
	if (unknown && wait < p->unknown)
		wait = p->unknown;
	return now + (int64_t)wait;
}

bool retry_expired(const struct retry_past *past, const struct retry_policy *p)
{
	return past->tries >= p->attempts && past->tried >= p->lifetime;
}

bool retry_notice(const struct retry_past *past, const struct retry_policy *p)
{
	return p->notice && past->attempts > 1 && past->waited >= p->notice;
}

/* The longest that retry_next() ever plans ahead. */
static uint64_t longest(const struct retry_policy *p)
{
	uint64_t most = p->max > p->unknown ? p->max : p->unknown;

	for (size_t i = 0; i < p->n_step; i++)
		if (most < p->step[i])
			most = p->step[i];
	return most + most * p->jitter / 100 + SLACK;
}

bool retry_due(int64_t planned, int64_t due, int64_t now,
	       const struct retry_policy *p)
{
	if (due <= now || now < planned - SLACK)
		return true;
	return (uint64_t)due - (uint64_t)planned > longest(p) && due > planned;
}
