/*
 * The spool directory: one flat directory of queue files, private to its
 * owner, and everything done in it by name.
 *
 *	t.ID	being written, locked by its writer
 *	m.ID	committed; its time of modification is when it is due next
 *	s.ID	what is good to know about it (spool/state.h); may be missing
 *	failed/	what could be neither delivered nor returned
 *	corrupt/	what is no queue file of ours
 *
 * A committed file's lock (flock(2)) is the right to deliver and to change it.
 */
#ifndef SPOOL_STORE_H
#define SPOOL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spool/retry.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	STORE_ID = 18,			/* characters of an id of ours */
	STORE_ID_MIN = 16, STORE_ID_MAX = 20,	/* ...of one that is taken */
	STORE_ID_ROOM = STORE_ID_MAX + 1,
	STORE_NAME_ROOM = STORE_ID_MAX + 3	/* "m.ID" */
};

struct store {
	int fd;			/* of the directory; -1 if it is missing */
	char *path;		/* for messages */
	bool in_memory;		/* what is in it is lost with the power */
};

/*
 * Append where the spool is unless the configuration says: for root
 * $localstatedir/spool/posthaste, for others $XDG_STATE_HOME/posthaste/spool,
 * ~/.local/state/posthaste/spool.
 */
void store_default(struct buf *out);

/*
 * Open the spool; with `create`, make it if it is missing, else a missing one
 * is empty: fd is -1 and every listing ends at once.  0, or -1: ERROR_PERM
 * (a link, no directory, another owner, open to others), ERROR_CREATE,
 * ERROR_SPACE, ERROR_IO.  store_close() is due after either.
 */
int store_open(struct store *s, const char *path, bool create,
	       struct error *err);
void store_close(struct store *s);

/* ---- ids ---- */

/* A new id: those made later sort later; the rest of it is chance. */
void store_id(char id[STORE_ID_ROOM]);
bool store_id_valid(struct str id);

/* "m.ID" and the like.  kind is a letter; the id must be valid. */
void store_name(char name[STORE_NAME_ROOM], char kind, const char *id);

/* ---- what is there ---- */

struct store_item {
	const char *name;	/* of the file; borrowed */
	char id[STORE_ID_ROOM];	/* "" if it is none of ours */
	int64_t due;		/* wall clock, seconds; STORE_HELD */
	int64_t planned;	/* when that was decided */
	uint64_t size;		/* octets of the file */
	bool odd;		/* no queue file of ours: to be quarantined */
};

/* As a due time: held until released. */
#define STORE_HELD INT64_C(2147483647)

/*
 * Call each() with every committed entry, in no order, in constant memory, one
 * fstatat(2) an entry and nothing opened.  A result other than 0 ends it and
 * is returned.  The entry may be gone, or removed by each().
 */
int store_each(const struct store *s,
	       int (*each)(void *ctx, const struct store_item *item,
			   struct error *err),
	       void *ctx, struct error *err);
int store_each_failed(const struct store *s,
		      int (*each)(void *ctx, const struct store_item *item,
				  struct error *err),
		      void *ctx, struct error *err);

bool store_due(const struct store_item *item, const struct retry_policy *p,
	       int64_t now);

/* One entry.  False if there is none of that id. */
bool store_look(const struct store *s, const char *id,
		struct store_item *item);

/*
 * Remove t. files that no writer holds and nothing was written to for a day,
 * and s. files without their entry.  Counts what went.
 */
size_t store_sweep(const struct store *s, int64_t now);

/* ---- changes: they need the entry's lock (entry_open) ---- */

/* Plan the next attempt; works on a full disk. */
int store_plan(const struct store *s, const char *id, int64_t due,
	       struct error *err);

/*
 * Remove an entry and its state.  A missing one is no error.  Not synced: if
 * the name comes back after a loss of power, what was recorded in it says that
 * it is settled; store_sync() where nothing was recorded.
 */
int store_remove(const struct store *s, const char *id, struct error *err);
int store_sync(const struct store *s, struct error *err);

/* Move an entry and its state to failed/, for good. */
int store_fail(const struct store *s, const char *id, struct error *err);

/*
 * From failed/ back to the queue, due at once and without a past; who calls
 * has the lock and has marked its recipients (entry_requeue).
 */
int store_unfail(const struct store *s, const char *id, struct error *err);
int store_remove_failed(const struct store *s, const char *id,
			struct error *err);

/*
 * Move what stands under a name in the spool, whatever it is, to corrupt/.
 * Takes no lock: a thing that cannot be opened cannot be locked.
 */
int store_quarantine(const struct store *s, const char *name,
		     struct error *err);

/* An error of the spool from errno: its kind, and "what 'PATH/name': why". */
int store_error(const struct store *s, const char *what, const char *name,
		struct error *err);

#endif
