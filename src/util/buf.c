#include "util/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	free(b->p);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->p)
		wipe(b->p, b->cap);
	b->len = 0;
	b->over = false;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->p)
		b->p[0] = '\0';
}

void buf_drop(struct buf *b, size_t n)
{
	if (!n)
		return;
	memmove(b->p, b->p + n, b->len - n + 1);
	b->len -= n;
}

char *buf_room(struct buf *b, size_t n)
{
	size_t need;

	if (b->over || n > b->max - b->len) {
		b->over = true;
		return NULL;
	}
	need = b->len + n + 1;
	if (need > b->cap) {
		size_t cap = b->cap + b->cap / 2;

		b->cap = cap > need ? cap : need + 32;
		b->p = xrealloc(b->p, b->cap, 1);
	}
	return b->p + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
	b->len += n;
	b->p[b->len] = '\0';
}

void buf_add(struct buf *b, struct str s)
{
	char *to = buf_room(b, s.n);

	if (!to)
		return;
	if (s.n)
		memcpy(to, s.p, s.n);
	buf_grew(b, s.n);
}

void buf_addz(struct buf *b, const char *cstr)
{
	buf_add(b, str_of(cstr));
}

void buf_addch(struct buf *b, char c)
{
	buf_add(b, (struct str){ &c, 1 });
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(to = buf_room(b, (size_t)n)))
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p ? b->p : "", b->len };
}

const char *buf_cstr(const struct buf *b)
{
	return b->p ? b->p : "";
}
