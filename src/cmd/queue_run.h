/*
 * Running the queue: -q, and what goes along with a message that was sent.
 */
#ifndef CMD_QUEUE_RUN_H
#define CMD_QUEUE_RUN_H

#include "cmd/request.h"
#include "conf/config.h"
#include "deliver/attempt.h"

int front_queue_run(const struct request *r);	/* the exit status */

/*
 * flush_on_send: what is due for the account goes out on the attempt, which
 * is alive.  Trouble is logged and changes nothing.
 */
void queue_flush(const struct request *r, struct config *c,
		 struct account *account, struct attempt *a);

#endif
