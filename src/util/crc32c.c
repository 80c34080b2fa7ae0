#include "util/crc32c.h"

#include <stddef.h>

static const uint32_t polynomial = 0x82f63b78;	/* bits turned round */

void crc32c_init(struct crc32c *c)
{
	c->state = ~UINT32_C(0);
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t r = i;

		for (int bit = 0; bit < 8; bit++)
			r = r & 1 ? r >> 1 ^ polynomial : r >> 1;
		c->table[0][i] = r;
	}
	/* table[k][i]: what octet i does when k more follow it. */
	for (size_t k = 1; k < 8; k++)
		for (size_t i = 0; i < 256; i++) {
			uint32_t r = c->table[k - 1][i];

			c->table[k][i] = r >> 8 ^ c->table[0][r & 0xff];
		}
}

static uint32_t word(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

void crc32c_add(struct crc32c *c, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	uint32_t state = c->state;
	size_t n = s.n;

	for (; n >= 8; n -= 8, p += 8) {
		uint32_t a = state ^ word(p), b = word(p + 4);

		state = c->table[7][a & 0xff] ^ c->table[6][a >> 8 & 0xff] ^
			c->table[5][a >> 16 & 0xff] ^ c->table[4][a >> 24] ^
			c->table[3][b & 0xff] ^ c->table[2][b >> 8 & 0xff] ^
			c->table[1][b >> 16 & 0xff] ^ c->table[0][b >> 24];
	}
	for (; n; n--, p++)
		state = state >> 8 ^ c->table[0][(state ^ *p) & 0xff];
	c->state = state;
}

uint32_t crc32c_value(const struct crc32c *c)
{
	return ~c->state;
}
