/*
 * What a submission leaves to the queue: all of it, or the recipients that
 * could not be settled now.
 */
#ifndef CMD_POSTPONE_H
#define CMD_POSTPONE_H

#include <stdbool.h>

#include "cmd/submission.h"
#include "spool/store.h"
#include "util/error.h"

/* Open the spool that the configuration names; see store_open(). */
int postpone_open(struct store *store, const struct config *c, bool create,
		  struct error *err);

/* Never, what fails temporarily, or always: by name, account and options. */
enum account_queue postpone_policy(const struct submission *s);

/*
 * Commit the recipients that are pending, deferred or unknown to the queue;
 * they are QUEUED then, and s->queue_id names the entry.  From a success on
 * signals are held until the process ends, for 0 is to be its exit status.
 * 0, or -1: nothing is in the queue; but with all_or_nothing, and a recipient
 * FAILED, 0 without doing anything.
 */
int postpone(struct submission *s, struct error *err);

#endif
