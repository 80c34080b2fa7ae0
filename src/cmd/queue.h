/*
 * The queue as its operator sees it: -bp and the options --queue-list, -show,
 * -remove, -hold, -release and -retry.
 */
#ifndef CMD_QUEUE_H
#define CMD_QUEUE_H

#include "cmd/request.h"

int front_queue(const struct request *r);	/* the exit status */

#endif
