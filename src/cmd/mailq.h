/*
 * An entry of the queue as a listing shows it: in the layout that readers of
 * mailq(1) know, as an object of JSON, or at length.  Pure; all text that is
 * not ours is escaped.
 */
#ifndef CMD_MAILQ_H
#define CMD_MAILQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/entry.h"
#include "spool/state.h"
#include "util/buf.h"

struct mailq_item {			/* all borrowed */
	const char *id;		/* or, of what is no entry of ours, its name */
	uint64_t size;		/* octets of the message; else of the file */
	int64_t due;		/* wall clock, seconds; STORE_HELD */
	bool busy;		/* a runner is at it */
	bool failed;		/* the one in failed/ */
	const char *fault;	/* why it cannot be shown; "" if it can */
	const struct entry *entry;	/* opened; NULL with a fault */
	const struct state *state;	/* NULL with a fault */
};

/* What stands above and below the list. */
void mailq_text_begin(struct buf *out);
void mailq_text_end(struct buf *out, uint64_t octets, size_t entries);

/*
 * An entry is a head, a piece for each recipient in order, and a tail, so that
 * 100,000 recipients need not stand in memory.  Text leaves out recipients
 * that are settled; in failed/ those that were delivered to.  JSON is one line
 * with its LF.  With a fault there is no recipient.
 */
void mailq_text_head(struct buf *out, const struct mailq_item *m);
void mailq_text_rcpt(struct buf *out, const struct mailq_item *m, size_t i);
void mailq_text_tail(struct buf *out, const struct mailq_item *m);
void mailq_json_head(struct buf *out, const struct mailq_item *m);
void mailq_json_rcpt(struct buf *out, const struct mailq_item *m, size_t i);
void mailq_json_tail(struct buf *out, const struct mailq_item *m);

/* --queue-show: everything there is to say, a line each.  No fault. */
void mailq_full_head(struct buf *out, const struct mailq_item *m);
void mailq_full_rcpt(struct buf *out, const struct mailq_item *m, size_t i);

#endif
