/*
 * A queue run: every entry that is due goes to its account's relay, one login
 * a relay, many messages in flight.  Any number of runs may be at it at once;
 * an entry's lock decides who delivers it.
 */
#ifndef DELIVER_RUN_H
#define DELIVER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/config.h"
#include "deliver/attempt.h"
#include "deliver/bounce.h"
#include "deliver/downs.h"
#include "mail/envelope.h"
#include "spool/entry.h"
#include "spool/retry.h"
#include "spool/store.h"
#include "util/error.h"

/* Which entries a run takes; all text is borrowed, "" for any. */
struct run_filter {
	bool all;		/* those not due as well, but not the held */
	const char *id, *sender, *rcpt;	/* parts of them, case ignored */
};

struct run_news;

struct run_setup {			/* borrowed */
	struct config *config;
	const struct store *store;
	const struct retry_policy *policy;
	const struct bounce *bounce;
	struct run_filter filter;
	struct attempt_setup attempt;	/* account and several are set by run */
	/* True ends the run when what is in flight is settled. */
	bool (*stop)(void *ctx);
	/*
	 * Told of each entry after its attempt, and of trouble: with a relay
	 * (once), an entry that is no good, the spool.
	 */
	void (*tell)(void *ctx, const struct run_news *news);
	void *ctx;
};

struct run_news {			/* all borrowed; absent is NULL */
	const struct entry *entry;	/* its envelope has the verdicts */
	const char *message_id;
	const struct account *account;	/* whose mail it is */
	const struct account *used;	/* by whose relay it went */
	const struct account *next;	/* whose relay is tried now */
	const char *relay;
	const struct verdict *verdict;	/* trouble with the relay */
	const struct bounce_told *told;
	enum bounce_end end;
	const struct error *error;	/* trouble here */
	uint64_t elapsed_ms;
};

struct run {
	size_t tried, sent, left;	/* entries: attempted, done, remaining */
	struct verdict worst;		/* PENDING: nothing went wrong */

	/* Private from here on. */
	const struct run_setup *setup;
	struct run_todo *todo;
	size_t n_todo, at;		/* at: the next one to look at */
	struct account *account;	/* whose mail is delivered */
	struct downs downs;
	size_t passed;			/* of the accounts by which it may go */
	bool spare;			/* there are further ones */
	struct attempt *attempt;
	struct run_job *jobs;
	bool relay_down;
	size_t on_connection, answered, most;
	int64_t last_start;
};

void run_init(struct run *r, const struct run_setup *setup);
void run_release(struct run *r);

/* All of it.  0, or -1 when the spool cannot be read. */
int run_queue(struct run *r, struct error *err);

/*
 * What is due for one account, on a connection that is there (its setup says
 * `several`) after a message was sent on it: flush_on_send.
 */
int run_flush(struct run *r, struct attempt *a, struct account *account,
	      struct error *err);

#endif
