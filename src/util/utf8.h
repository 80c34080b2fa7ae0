/*
 * UTF-8 (RFC 3629), and text that is safe on a terminal or in a log.
 */
#ifndef UTIL_UTF8_H
#define UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/str.h"

/*
 * Length in bytes of the character s begins with, its code point in *cp; 0 if
 * s is empty or begins with what is not UTF-8 (overlong, surrogate, cut).
 */
size_t utf8_next(struct str s, unsigned long *cp);
bool utf8_valid(struct str s);

/* False for control, invisible and bidirectional format characters. */
bool utf8_visible(unsigned long cp);

/*
 * Append s so that it can move no cursor and fool no eye: visible characters
 * as they are, what is not visible or not UTF-8 as \xNN a byte; "\" as "\\".
 */
void utf8_escape(struct buf *out, struct str s);
/* The same for text that has been escaped: "\\" stays, the rest is made sure. */
void utf8_ensure(struct buf *out, struct str s);

#endif
