/*
 * Time.  Deadlines are instants of the monotonic clock in milliseconds, so
 * that a clock that is set neither ends nor prolongs a wait.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_ms(void);				/* CLOCK_MONOTONIC */
int64_t clock_after(unsigned seconds);		/* a deadline; 0 is CLOCK_NEVER */
void clock_sleep(int64_t until);		/* or until a signal */
int clock_left(int64_t deadline);		/* for poll(2): ms, -1 never, 0 past */
int64_t clock_wall(void);			/* seconds since 1970 */
int clock_zone(int64_t wall);			/* local minutes east of UTC then */

#endif
