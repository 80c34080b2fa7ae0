/*
 * What is good to know about an entry and may be lost: how often it was
 * tried, and what was said of each recipient last.  s.ID is replaced as a
 * whole and never synced; one that is missing or damaged is as none.
 */
#ifndef SPOOL_STATE_H
#define SPOOL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "spool/retry.h"
#include "spool/store.h"
#include "util/buf.h"
#include "util/error.h"

enum { STATE_TEXT_MAX = 400 };		/* octets of a reply that are kept */

struct state_reply {			/* the same for a run of recipients */
	size_t from, to;		/* indices in the entry; to is not in it */
	struct verdict verdict;		/* text borrowed from the state */
};

struct state {
	struct retry_past past;
	bool noticed;			/* a delay notice was sent */
	struct state_reply *reply;	/* owned; in order */
	size_t n_reply;
	struct buf text;		/* private */
};

void state_init(struct state *st);
void state_release(struct state *st);

/* Never fails: without a good s.ID for n_rcpt recipients, st is fresh. */
void state_load(struct state *st, const struct store *s, const char *id,
		size_t n_rcpt);

/* What was said of a recipient last; NULL if nothing is known. */
const struct verdict *state_reply(const struct state *st, size_t rcpt);

/* Take over what an attempt said of env's recipients; the rest is kept. */
void state_take(struct state *st, const struct envelope *env);

/* 0, or -1: then the old one stays. */
int state_save(const struct state *st, const struct store *s, const char *id,
	       struct error *err);

/* Pure parts of these, as text. */
void state_print(const struct state *st, struct buf *out);
bool state_parse(struct state *st, struct str text, size_t n_rcpt);

#endif
