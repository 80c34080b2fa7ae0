/*
 * The queue as its operator sees it: -bp and the --queue-* options.
 */
#ifndef CMD_QUEUE_H
#define CMD_QUEUE_H

#include <stdbool.h>

#include "cmd/request.h"
#include "conf/config.h"
#include "spool/store.h"
#include "util/error.h"

/* Open the spool that the configuration means; as store_open(). */
int queue_open(struct store *s, const struct config *c, bool create,
	       struct error *err);

/* The front end of each MODE_QUEUE_* here; returns the exit status. */
int front_queue(const struct request *r);

#endif
