#include "util/xalloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
	static const char msg[] = "posthaste: out of memory; try again\n";

	(void)!write(2, msg, sizeof(msg) - 1);
	_exit(EX_TEMPFAIL);
}

void *xrealloc(void *p, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		out_of_memory();
	p = realloc(p, n && size ? n * size : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = xrealloc(NULL, n, size);

	return memset(p, 0, n * size);
}

char *xstrndup(const char *p, size_t n)
{
	char *s = xrealloc(NULL, n + 1, 1);

	if (n)
		memcpy(s, p, n);
	s[n] = '\0';
	return s;
}

char *xstrdup(const char *cstr)
{
	return xstrndup(cstr, strlen(cstr));
}

void wipe(void *p, size_t n)
{
	volatile unsigned char *v = p;

	while (n--)
		*v++ = 0;
}

void wipe_freed(size_t n)
{
	enum { STEP = 16, TIMES = 8, MOST = 4096 };
	void **list = NULL;

	for (size_t size = STEP + STEP / 2; size <= n && size <= MOST;
	     size += STEP)
		for (int i = 0; i < TIMES; i++) {
			void **block = xrealloc(NULL, size, 1);

			wipe(block, size);
			*block = list;
			list = block;
		}
	while (list) {
		void **block = list;

		list = *block;
		free(block);
	}
}
