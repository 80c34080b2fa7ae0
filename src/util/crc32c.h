/*
 * CRC-32C (Castagnoli; RFC 3720 appendix B.4): finds every error in up to 32
 * adjacent bits.  It is no protection against intent.
 */
#ifndef UTIL_CRC32C_H
#define UTIL_CRC32C_H

#include <stdint.h>

#include "util/str.h"

struct crc32c {			/* 8 KiB, as fast as eight tables make it */
	uint32_t table[8][256];
	uint32_t state;
};

void crc32c_init(struct crc32c *c);
void crc32c_add(struct crc32c *c, struct str s);
uint32_t crc32c_value(const struct crc32c *c);	/* of all added so far */

#endif
