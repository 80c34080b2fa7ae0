/*
 * A committed queue file, read with suspicion.  Its envelope is in memory,
 * its message's body stays in the file.
 */
#ifndef SPOOL_ENTRY_H
#define SPOOL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "mail/message.h"
#include "spool/format.h"
#include "spool/store.h"
#include "util/error.h"

enum entry_result {
	ENTRY_OPEN,		/* it is whole, and ours while it is open */
	ENTRY_GONE,		/* someone else is done with it */
	ENTRY_BUSY,		/* someone else is at it */
	ENTRY_FUTURE,		/* of a later version: leave it alone */
	ENTRY_CORRUPT,		/* store_quarantine() it */
	ENTRY_UNREADABLE	/* this machine's trouble: try later */
};

enum {
	ENTRY_LOCK = 1u << 0,	/* take the lock; else only look */
	ENTRY_CHECK = 1u << 1,	/* read all of it and compare the checksum */
	ENTRY_MESSAGE = 1u << 2,	/* read the message's header, set message */
	ENTRY_FAILED = 1u << 3	/* the one in failed/ */
};

struct entry {
	char id[STORE_ID_ROOM];
	struct format_head head;	/* time, uid, account */
	/*
	 * Recipients that were delivered to or failed before are settled
	 * here, the others (pending, unknown) pending.
	 */
	struct envelope env;
	struct message message;
	uint64_t size;		/* octets of the message */
	struct piece piece;	/* private, as the rest */
	char *text;
	int fd;
};

/* For delivery; entry_release() is due after any result.  All of it is
 * borrowed from e.  Without ENTRY_OPEN, err says what is wrong. */
enum entry_result entry_open(struct entry *e, const struct store *s,
			     const char *id, unsigned flags,
			     struct error *err);
void entry_release(struct entry *e);	/* gives the lock back */

/* FORMAT_PENDING, ...: what the file says of a recipient. */
char entry_status(const struct entry *e, size_t rcpt);
size_t entry_count(const struct entry *e, char status);

/*
 * Write what the envelope says of its recipients (SENT, FAILED, UNKNOWN;
 * DEFERRED is pending again) into the file, where it differs: one octet each,
 * then one fdatasync(2).  Who is still PENDING was not tried and keeps what
 * he had.  Needs the lock, but no space.  0, or -1 with ERROR_IO.
 */
int entry_record(struct entry *e, struct error *err);

/* The same for one recipient and a status. */
int entry_mark(struct entry *e, size_t rcpt, char status, struct error *err);

/*
 * --queue-retry of what is in failed/: recipients that failed or are unknown
 * are pending again, and it goes back to the queue, due at once.  ERROR_INPUT
 * if there is none, ERROR_DATA if it is damaged, ERROR_IO.
 */
int entry_requeue(const struct store *s, const char *id, struct error *err);

#endif
