#include "sys/locked.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "util/xalloc.h"

/* Only what is used: a buffer is as large as a secret may be, and most are not. */
static int lock(void *p, size_t n)
{
#ifdef MLOCK_ONFAULT
	if (!mlock2(p, n, MLOCK_ONFAULT))
		return 0;
#endif
	return mlock(p, n);
}

void *locked_alloc(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(EX_TEMPFAIL);
	/* Both may be refused (RLIMIT_MEMLOCK); mail goes out all the same. */
	(void)lock(p, n);
#ifdef MADV_DONTDUMP
	(void)madvise(p, n, MADV_DONTDUMP);
#endif
	return p;
}

void locked_free(void *p, size_t n)
{
	if (!p)
		return;
	wipe(p, n);
	munmap(p, n);
}

char *locked_strndup(const char *p, size_t n)
{
	return memcpy(locked_alloc(n + 1), p, n);
}

void locked_buf(struct buf *b, size_t max)
{
	buf_init(b, max);
	b->cap = max + 1;
	b->p = locked_alloc(b->cap);
}

void locked_buf_release(struct buf *b)
{
	locked_free(b->p, b->cap);
	buf_init(b, b->max);
}
