/*
 * Which word was meant?  For messages about what is not known.
 */
#ifndef CONF_NEAREST_H
#define CONF_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/str.h"

/* The best candidate so far; begin with a zeroed one. */
struct nearest {
	const char *name;	/* NULL: none was near enough */
	size_t distance;
};

/*
 * Consider name for word: changes, insertions, deletions and swapped
 * neighbours count one each, '-' is '_', case is ignored.  A third of the
 * word may differ, at least one and at most three.  The first of equals stays.
 */
void nearest_try(struct nearest *best, struct str word, const char *name);

#endif
