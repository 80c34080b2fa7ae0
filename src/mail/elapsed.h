/*
 * What counts from a message's submission, when it goes out later: the times of
 * BY= (RFC 2852 s4) and HOLDFOR= (RFC 4865 s4) are what is left of them.
 */
#ifndef MAIL_ELAPSED_H
#define MAIL_ELAPSED_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/envelope.h"

struct elapsed {
	const char *given_by;	/* env's BY= as it was; borrowed */
	char by[24], hold[24];	/* private */
};

/*
 * Change env, which borrows from e from then on: it waited for `age` seconds,
 * and the wall clock says `now`.  A BY= to be returned has a second left at
 * least: elapsed_overdue() is to be asked.  One to be notified of may be below
 * zero.  A hold that is over is not asked for any more.
 */
void elapsed_apply(struct elapsed *e, struct envelope *env, uint64_t age,
		   int64_t now);

/* Was it to be delivered within less than `age`, and else to come back? */
bool elapsed_overdue(const struct elapsed *e, uint64_t age);

#endif
