#include "oauth2/wiped.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

/* Before each piece stands its size, in room that keeps the piece aligned. */
union head {
	size_t n;
	max_align_t align;
};

void *wiped_alloc(size_t n)
{
	union head *h;

	if (n > SIZE_MAX - sizeof(*h))
		return NULL;
	h = malloc(sizeof(*h) + n);
	if (!h)
		return NULL;
	h->n = n;
	return h + 1;
}

void *wiped_calloc(size_t n, size_t size)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		return NULL;
	p = wiped_alloc(n * size);
	if (p)
		memset(p, 0, n * size);
	return p;
}

void *wiped_realloc(void *p, size_t n)
{
	const union head *h = p ? (union head *)p - 1 : NULL;
	void *fresh = wiped_alloc(n);

	if (!fresh || !h)
		return fresh;
	memcpy(fresh, p, h->n < n ? h->n : n);
	wiped_free(p);
	return fresh;
}

char *wiped_strdup(const char *cstr)
{
	size_t n = strlen(cstr) + 1;
	char *p = wiped_alloc(n);

	return p ? memcpy(p, cstr, n) : NULL;
}

void wiped_free(void *p)
{
	union head *h = p ? (union head *)p - 1 : NULL;

	if (!h)
		return;
	wipe(p, h->n);
	free(h);
}
