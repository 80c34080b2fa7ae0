/*
 * When to try again, when to say that it takes long, and when to give up.
 * Pure: the caller brings time and chance.
 *
 * Wall clocks jump, so no decision is made from two instants alone.  Between
 * two attempts no more is taken to have passed than a plan can explain, and
 * that sum, not the calendar, is what a lifetime is compared to: a clock ten
 * years ahead makes everything due and nothing old.
 */
#ifndef SPOOL_RETRY_H
#define SPOOL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum { RETRY_STEPS = 16 };

struct retry_policy {			/* times in seconds */
	unsigned step[RETRY_STEPS];	/* waits after the first attempts... */
	unsigned n_step;		/* ...at least one of them */
	unsigned max;			/* then the wait doubles up to this */
	unsigned jitter;		/* per cent, more or less; up to 50 */
	unsigned unknown;		/* at least, after an unknown outcome */
	unsigned lifetime;		/* tried for so long: give up */
	unsigned notice;		/* waited so long: say so; 0 is never */
	unsigned attempts;		/* never give up before so many */
};

/* 1, 5, 15, 30, 60 minutes, then to 4 hours; 10 %; 15 min; 5 days; 4 hours; 3 */
struct retry_policy retry_default(void);

/* What became of an entry so far: all zero when nothing did. */
struct retry_past {
	uint32_t attempts;	/* all of them */
	uint32_t tries;		/* that got as far as the message itself */
	int64_t first, last;	/* wall clock, seconds; 0 is never */
	uint64_t waited;	/* seconds believed to have passed since first */
	uint64_t tried;		/* the part that counts for the lifetime */
};

/*
 * Record an attempt at `now`.  `relay`: the trouble was the relay's (connect,
 * greeting, TLS, AUTH), so the entry grows no older by it.
 */
void retry_attempted(struct retry_past *past, const struct retry_policy *p,
		     int64_t now, bool relay);

/*
 * Seconds believed to have passed since the entry was made, `created` by the
 * wall clock: as `waited`, with what came before the first attempt and after
 * the last.
 */
uint64_t retry_age(const struct retry_past *past, const struct retry_policy *p,
		   int64_t created, int64_t now);

/* The next attempt's time; random is any 32 bits. */
int64_t retry_next(const struct retry_past *past, const struct retry_policy *p,
		   int64_t now, bool unknown, uint32_t random);

bool retry_expired(const struct retry_past *past, const struct retry_policy *p);
bool retry_notice(const struct retry_past *past, const struct retry_policy *p);

/*
 * Is an entry due that was planned at `planned` for `due`?  A plan made in
 * the future, or for longer than any wait, is a clock's error: due at once.
 */
bool retry_due(int64_t planned, int64_t due, int64_t now,
	       const struct retry_policy *p);

#endif
