/*
 * What is told of relays that were given up for others.
 */
#ifndef CMD_MOVED_H
#define CMD_MOVED_H

#include "deliver/attempt.h"
#include "mail/report.h"

/*
 * struct attempt_setup.moved, whose ctx is the request: one line on stderr,
 * and in the log.  Success under the old name is silent, and another host of
 * the same account's is no news: those are told of under -v.
 */
void moved_say(void *request, const struct attempt *a,
	       const struct attempt_tried *given_up);

/*
 * Fill in r's account, relay, tried and n_tried.  The caller frees r->tried;
 * the rest is borrowed from a.
 */
void moved_report(struct report *r, const struct attempt *a);

#endif
