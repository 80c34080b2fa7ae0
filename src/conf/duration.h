/*
 * Durations as the configuration writes them: digits and perhaps a unit, s, m,
 * h or d, in either case; without one they are seconds.
 */
#ifndef CONF_DURATION_H
#define CONF_DURATION_H

#include <stddef.h>
#include <stdint.h>

#include "conf/account.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/*
 * Seconds into *out: 0, or -1 with ERROR_CONFIG if text is no duration or not
 * within min and max seconds.  *out is as it was then.
 */
int duration_set(unsigned *out, struct str text, unsigned min, unsigned max,
		 struct error *err);

/*
 * The same for a list with commas or blanks between: 1 to QUEUE_WAITS waits,
 * each from a second to a day.  *n is how many; wait is spoilt after -1.
 */
int duration_list(struct str text, unsigned wait[QUEUE_WAITS], size_t *n,
		  struct error *err);

/* Append it with the largest unit that leaves nothing over: 90m, 36h, 100. */
void duration_print(uint64_t seconds, struct buf *out);

#endif
