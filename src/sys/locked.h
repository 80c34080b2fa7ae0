/*
 * Memory for secrets: kept in RAM and out of core dumps as far as the system
 * allows, wiped when given back.
 */
#ifndef SYS_LOCKED_H
#define SYS_LOCKED_H

#include <stddef.h>

#include "util/buf.h"

/* n zeroed bytes, whole pages of their own; ends the process if there are none. */
void *locked_alloc(size_t n);
void locked_free(void *p, size_t n);		/* wipes; NULL is fine */

/* n octets and a NUL; goes back by locked_free(p, n + 1). */
char *locked_strndup(const char *p, size_t n);

/*
 * A buffer that has all its memory from the start, so that growing leaves no
 * copy behind.  Not for buf_release().
 */
void locked_buf(struct buf *b, size_t max);
void locked_buf_release(struct buf *b);		/* wipes; a zeroed one is fine */

#endif
