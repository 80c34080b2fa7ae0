/*
 * Many messages over one attempt, several in flight at a time.
 */
#ifndef DELIVER_FLIGHT_H
#define DELIVER_FLIGHT_H

#include "deliver/attempt.h"

struct flight_source {
	void *ctx;
	/*
	 * The next message to submit and its envelope, which must live until
	 * settled() is told of it.  NULL: none now; asked again when one that
	 * is in flight is settled, and if there is none, that is the end.
	 */
	struct envelope *(*next)(void *ctx, struct message **message);
	/* Every recipient of env has its verdict. */
	void (*settled)(void *ctx, struct envelope *env);
};

/*
 * Submit what source gives, on an attempt whose setup says `several`.  0 when
 * source has no more, -1 when the connection is of no more use.
 */
int flight_run(struct attempt *a, const struct flight_source *source);

#endif
