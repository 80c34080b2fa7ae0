/*
 * struct buf: a growing byte string with a ceiling.
 *
 * The owner calls buf_init() once and buf_release() at the end.  b->p is NULL
 * or NUL-terminated; bytes may contain NUL.  Appending never fails in the
 * caller's face: past the ceiling the bytes are dropped and b->over stays
 * set, so a writer composes freely and asks once, at the end.
 */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/str.h"

struct buf {
	char *p;
	size_t len;
	size_t cap;		/* bytes allocated, counting the final NUL */
	size_t max;		/* ceiling for len, bytes */
	bool over;		/* something did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_reset(struct buf *b);			/* len = 0; keeps the memory */
void buf_wipe(struct buf *b);			/* overwrite, then as reset */
void buf_drop(struct buf *b, size_t n);		/* forget the first n bytes */

void buf_addch(struct buf *b, char c);
void buf_add(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *cstr);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Room for n more bytes, to be written by the caller, who then says with
 * buf_grew() how many it wrote.  NULL, and b->over, if that passes the ceiling.
 */
char *buf_room(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

struct str buf_str(const struct buf *b);	/* valid until b next changes */
const char *buf_cstr(const struct buf *b);	/* "" when empty; the same life */

#endif
