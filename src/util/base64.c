#include "util/base64.h"

#include <stdint.h>

static const char digits[64] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct str in)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t size = (in.n + 2) / 3 * 4;
	char *to = buf_room(out, size);

	if (!to)
		return;
	for (size_t n = in.n; n; n -= n < 3 ? n : 3, p += 3) {
		uint32_t w = (uint32_t)p[0] << 16;

		if (n > 1)
			w |= (uint32_t)p[1] << 8;
		if (n > 2)
			w |= p[2];
		*to++ = digits[w >> 18];
		*to++ = digits[w >> 12 & 63];
		*to++ = n > 1 ? digits[w >> 6 & 63] : '=';
		*to++ = n > 2 ? digits[w & 63] : '=';
	}
	buf_grew(out, size);
}

int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters, the last `pad` of them "=": 3 - pad octets, or -1. */
static int quad(char *to, const char *p, size_t pad)
{
	uint32_t w = 0;

	for (size_t i = 0; i < 4; i++) {
		int v = i < 4 - pad ? base64_value(p[i]) : 0;

		if (v < 0)
			return -1;
		w = w << 6 | (uint32_t)v;
	}
	if (w & ((1u << 8 * pad) - 1))
		return -1;
	for (size_t i = 0; i < 3 - pad; i++)
		to[i] = (char)(w >> (16 - 8 * i));
	return 0;
}

int base64_decode(struct buf *out, struct str in)
{
	size_t pad = 0, size;
	char *to;

	if (in.n % 4)
		return -1;
	if (in.n && in.p[in.n - 1] == '=')
		pad = in.p[in.n - 2] == '=' ? 2 : 1;
	size = in.n / 4 * 3 - pad;
	if (!(to = buf_room(out, size)))
		return 0;
	for (size_t i = 0; i < in.n; i += 4)
		if (quad(to + i / 4 * 3, in.p + i, i + 4 == in.n ? pad : 0)) {
			buf_grew(out, 0);
			return -1;
		}
	buf_grew(out, size);
	return 0;
}
