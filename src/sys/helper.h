/*
 * Programs of ours that posthaste starts, so that what they link is not in it.
 */
#ifndef SYS_HELPER_H
#define SYS_HELPER_H

#include "util/buf.h"
#include "util/error.h"

/*
 * Append the path of helper `name`: beside this program, in ../libexec of
 * that, or where it was to be installed.  ERROR_CONFIG if it is nowhere.
 */
int helper_find(const char *name, struct buf *out, struct error *err);

#endif
