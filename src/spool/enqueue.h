/*
 * Putting a message into the spool, so that after a crash at any point all of
 * it is there or none:
 *
 *	enqueue_write(&q, &store, &what, &err)	write t.ID, fsync
 *	enqueue_commit(&q, &err)		link it to m.ID, fsync the directory
 *	enqueue_release(&q)			before a commit: nothing remains
 *
 * When exit 0 is to mean "it is queued", hold the signals (sys/dir.h) from
 * before enqueue_commit() to the exit.
 */
#ifndef SPOOL_ENQUEUE_H
#define SPOOL_ENQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "mail/message.h"
#include "spool/store.h"
#include "util/error.h"

struct enqueue_what {			/* all borrowed */
	const struct envelope *env;
	const struct message *message;
	const char *account;
	unsigned outcomes;	/* 1u << OUTCOME_X: recipients to take */
	int64_t due;		/* first attempt; 0 is now */
};

struct enqueue {
	char id[STORE_ID_ROOM];
	const struct store *store;	/* private, as the rest */
	int fd;			/* holds the lock on the file */
	bool named;		/* t.ID exists */
	bool committed;
};

/* What --queue=tempfail takes: PENDING, DEFERRED and UNKNOWN. */
unsigned enqueue_unsettled(void);

/*
 * Write all of it.  An UNKNOWN recipient is marked so, FAILED and SENT too;
 * the others are pending.  0, or -1: ERROR_SPACE (space, quota, limits),
 * ERROR_IO, ERROR_CREATE, ERROR_PERM, ERROR_DATA (an address of control
 * characters or too long); then nothing remains.
 */
int enqueue_write(struct enqueue *q, const struct store *s,
		  const struct enqueue_what *what, struct error *err);

/*
 * Make it visible.  0: it survives a loss of power, unless store.in_memory.
 * -1: it is not visible, and nothing remains.
 */
int enqueue_commit(struct enqueue *q, struct error *err);

/* Gives up what was not committed.  Fine after any of the above. */
void enqueue_release(struct enqueue *q);

/* The three of them. */
int enqueue(const struct store *s, const struct enqueue_what *what,
	    char id[STORE_ID_ROOM], struct error *err);

#endif
