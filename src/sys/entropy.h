/*
 * Unpredictable text, for Message-IDs and file names.
 */
#ifndef SYS_ENTROPY_H
#define SYS_ENTROPY_H

#include "util/buf.h"

/* Append n octets of the kernel's randomness as 2n lower-case hex digits. */
void entropy_hex(struct buf *out, size_t n);

#endif
