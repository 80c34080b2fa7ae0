/*
 * What is owed to the sender of a queued message after an attempt, and what
 * becomes of the message then: RFC 3461 s5, RFC 5321 s6.1.
 *
 * Nothing is lost on the way: deliveries are recorded first, then the
 * notification is committed to the queue as an entry of its own, and only
 * then are failures recorded or the entry is removed.  A failure that cannot
 * be told stays pending, and an entry that holds nothing else goes to
 * failed/, from where it can be queued again.  A failure that is the relay's
 * and not the message's (greeting, TLS, login, broken protocol, 530)
 * is no reason to give up before the time has come.
 */
#ifndef DELIVER_BOUNCE_H
#define DELIVER_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/entry.h"
#include "spool/state.h"
#include "spool/store.h"
#include "util/error.h"

enum {
	BOUNCE_SENDER_MAX = 20,		/* notifications an hour, a sender */
	BOUNCE_HOUR_MAX = 100,		/* and all together */
	BOUNCE_RETURN_MAX = 64 << 10	/* octets of a message returned whole */
};

struct bounce {				/* borrowed */
	const struct store *store;
	const char *mailname;
	unsigned sender_max, hour_max;	/* as above; 0 is none at all */
	uint64_t return_max;
};

void bounce_init(struct bounce *b, const struct store *s, const char *mailname);

/* What the runner knows of the attempt; all of it borrowed. */
struct bounce_attempt {
	const char *relay;	/* host name; "" if none was reached */
	bool dsn;		/* the relay offers DSN: success is its matter */
	bool expired;		/* what is not settled now is given up */
	/*
	 * A delay notice is due.  It goes the way of the message: pointless
	 * while the relay cannot be reached at all.
	 */
	bool notice;
	int64_t now;		/* seconds since 1970 */
	int64_t retry_until;	/* for the notice; 0 if not known */
	const struct state *state;	/* earlier verdicts; may be NULL */
};

enum bounce_end {
	BOUNCE_REMAINS,		/* recipients are left: plan the next attempt */
	BOUNCE_REMOVED,		/* all are settled, and the entry is gone */
	BOUNCE_KEPT		/* it is in failed/ now; told.why says why */
};

struct bounce_told {		/* for the log, and for the state */
	char id[STORE_ID_ROOM];	/* of the notification; "" if there is none */
	size_t failed, delayed, relayed;	/* recipients it is about */
	/*
	 * Why there is none though something was to be told: the null path,
	 * the cap, or the spool's trouble.  kind is NONE otherwise.
	 */
	struct error why;
};

/*
 * Settle e, opened with ENTRY_LOCK and ENTRY_MESSAGE, whose envelope holds the verdicts of an
 * attempt (or is as it was read, if all were settled before).  Replies are
 * recorded in the file, the sender is told, and a finished entry is removed or
 * kept.  0, or -1: the file could not be changed or removed; it is still
 * there, and to be planned again.
 */
int bounce_settle(const struct bounce *b, struct entry *e,
		  const struct bounce_attempt *a, enum bounce_end *end,
		  struct bounce_told *told, struct error *err);

#endif
