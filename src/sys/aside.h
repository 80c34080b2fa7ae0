/*
 * Work that may take longer than anybody will wait: a lookup, say.  It is done
 * in a thread, which a deadline leaves behind.
 */
#ifndef SYS_ASIDE_H
#define SYS_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

struct aside;

struct aside_work {
	void (*run)(void *ctx);
	void (*release)(void *ctx);	/* ctx, if it was left behind */
	void *ctx;
};

/*
 * Begin it.  Until aside_wait(), ctx is the thread's alone.  Where there is no
 * thread to be had it is done here and now.
 */
struct aside *aside_start(const struct aside_work *work);

/*
 * Wait until it is done: true, and ctx is the caller's again.  False at the
 * deadline: then ctx is the thread's for good.  a is freed either way.
 */
bool aside_wait(struct aside *a, int64_t deadline);

#endif
