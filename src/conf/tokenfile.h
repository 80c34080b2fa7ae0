/*
 * The directory of OAuth 2 tokens, $XDG_STATE_HOME/posthaste/oauth2 (0700): a
 * file NAME for each profile; beside it .NAME.lock, which is held by who
 * renews it, and .NAME.new, which is to take its place.  For conf/token.
 */
#ifndef CONF_TOKENFILE_H
#define CONF_TOKENFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct tokenfile {
	const char *name;	/* of the profile; borrowed */
	char *path;		/* of the directory */
	int dir, lock, spare;	/* descriptors; -1: none */
};

/* Append the directory's path.  ERROR_CONFIG: there is no home. */
int tokenfile_where(struct buf *out, struct error *err);

/*
 * Open the directory; `make` makes it.  0, with f->dir -1 if it is not there;
 * -1 with ERROR_CONFIG (no home), ERROR_PERM (not private), ERROR_CREATE...
 * tokenfile_close() is due after either.
 */
int tokenfile_open(struct tokenfile *f, const char *name, bool make,
		   struct error *err);
/* Gives back what was reserved and not used, and the lock. */
void tokenfile_close(struct tokenfile *f);

/*
 * Read the file into text (max octets).  Their number, 0 with *missing if it is
 * not there, or -1: ERROR_PERM for what others own, read or redirect,
 * ERROR_CONFIG for what is too large or no file, ERROR_IO.
 */
ptrdiff_t tokenfile_read(const struct tokenfile *f, char *text, size_t max,
			 bool *missing, struct error *err);

/* Get the lock, or ERROR_NET when the deadline (clock_ms()) comes first. */
int tokenfile_lock(struct tokenfile *f, int64_t deadline, struct error *err);

/*
 * With the lock: leave a word for those who wait for it, in its file; what
 * cannot be written is not.  The other reads it: the octets of it that fit.
 */
void tokenfile_note(const struct tokenfile *f, struct str text);
size_t tokenfile_noted(const struct tokenfile *f, char *text, size_t max);

/* With the lock: have n octets of disk ready.  ERROR_SPACE, ERROR_CREATE... */
int tokenfile_reserve(struct tokenfile *f, size_t n, struct error *err);

/* Put text in the place of the file: atomic, and on the disk after 0. */
int tokenfile_replace(struct tokenfile *f, struct str text,
		      struct error *err);

#endif
