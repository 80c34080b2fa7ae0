/*
 * Memory for secrets: kept in RAM and out of core dumps as far as the system
 * allows, wiped when given back.
 */
#ifndef SYS_LOCKED_H
#define SYS_LOCKED_H

#include <stddef.h>

/* n zeroed bytes, whole pages of their own; ends the process if there are none. */
void *locked_alloc(size_t n);
void locked_free(void *p, size_t n);		/* wipes; NULL is fine */

#endif
