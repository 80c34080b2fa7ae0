/*
 * Allocation that succeeds or ends the process with EX_TEMPFAIL (75): nothing
 * is acknowledged before it is on the relay or on disk, so dying between two
 * steps loses nothing and the caller of sendmail(1) knows to try again.
 */
#ifndef UTIL_XALLOC_H
#define UTIL_XALLOC_H

#include <stddef.h>

void *xrealloc(void *p, size_t n, size_t size);	/* caller frees */
void *xcalloc(size_t n, size_t size);		/* caller frees */
char *xstrndup(const char *p, size_t n);	/* caller frees */
char *xstrdup(const char *cstr);		/* caller frees */

/* Overwrite n bytes so that no compiler leaves it out: for secrets. */
void wipe(void *p, size_t n);

/*
 * Overwrite what free() holds back of blocks of up to n octets, for libraries
 * that free secrets as they are.  As good as malloc() lets it: it is given the
 * same blocks again.
 */
void wipe_freed(size_t n);

#endif
