/*
 * What deliver/run.c and deliver/due.c share, and nobody else.
 */
#ifndef DELIVER_RUNNING_H
#define DELIVER_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/run.h"
#include "mail/elapsed.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "spool/store.h"
#include "util/error.h"

/* An entry that is due; which account's is known once it was opened. */
struct run_todo {
	char id[STORE_ID_ROOM];
	struct account *account;	/* NULL: not known yet, or none */
	bool done;
};

/* An entry that is being delivered, with its lock. */
struct run_job {
	struct entry entry;
	struct state state;
	struct run_todo *todo;
	struct elapsed elapsed;		/* since it was submitted */
	struct run_job *next;
	int64_t started;
};

void run_tell(const struct run *r, const struct run_news *news);
void run_tell_error(const struct run *r, const struct error *err);
bool run_stopped(const struct run *r);	/* by who began it */

/* Fill r->todo, oldest first.  -1 when the spool cannot be read. */
int run_list(struct run *r, struct error *err);

/*
 * Open an entry and say what is the matter if it cannot be.  Bad ones are put
 * aside, so that they are told of once.
 */
bool run_open(struct run *r, struct entry *e, const char *id, unsigned flags);

#endif
