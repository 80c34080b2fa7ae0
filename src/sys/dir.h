/*
 * Directories of ours: made private, found private or refused, and listed
 * without holding the list.  And signals held back while a step must not be
 * cut in two.
 */
#ifndef SYS_DIR_H
#define SYS_DIR_H

#include <signal.h>
#include <stdbool.h>

#include "util/error.h"

/*
 * Make `path` and what is missing of the way there, 0700, each known to the
 * disk under its parent.  What is there already is not looked at.
 * 0, or -1 with ERROR_CREATE (ERROR_PERM, ERROR_SPACE if that is why).
 */
int dir_make(const char *path, struct error *err);

/*
 * Open a directory that nobody else can read or write.  `at` is a descriptor
 * or AT_FDCWD; `shown` names it in errors.  *missing says that it is not
 * there, which is no error: then the result is -1 and *err is left alone.
 * The descriptor, or -1: ERROR_PERM for a symbolic link, something that is no
 * directory, another owner, or a mode open to group or others.
 */
int dir_open(int at, const char *name, const char *shown, bool *missing,
	     struct error *err);

/* Is what fd is on lost with the power (tmpfs, ramfs)? */
bool dir_volatile(int fd);

/*
 * Call each() with every name in the directory, in no order, but "." and
 * "..".  It may remove and rename.  A result other than 0 ends the listing
 * and is returned; -1 with ERROR_IO if the directory cannot be read.
 */
int dir_each(int fd, const char *shown,
	     int (*each)(void *ctx, const char *name, struct error *err),
	     void *ctx, struct error *err);

/*
 * From hold to release no signal of those that can be held is delivered.  They
 * nest.  Hold fails only when the kernel refuses; then nothing is held.
 */
int signals_hold(sigset_t *old);
void signals_release(const sigset_t *old);

#endif
