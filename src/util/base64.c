#include "util/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[64] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* All pairs of digits, so that twelve bits are one lookup. */
#define AFTER(a) a "A" a "B" a "C" a "D" a "E" a "F" a "G" a "H" a "I" a "J" \
	a "K" a "L" a "M" a "N" a "O" a "P" a "Q" a "R" a "S" a "T" a "U" \
	a "V" a "W" a "X" a "Y" a "Z" a "a" a "b" a "c" a "d" a "e" a "f" \
	a "g" a "h" a "i" a "j" a "k" a "l" a "m" a "n" a "o" a "p" a "q" \
	a "r" a "s" a "t" a "u" a "v" a "w" a "x" a "y" a "z" a "0" a "1" \
	a "2" a "3" a "4" a "5" a "6" a "7" a "8" a "9" a "+" a "/"
static const char pairs[2 * 4096 + 1] =
	AFTER("A") AFTER("B") AFTER("C") AFTER("D") AFTER("E") AFTER("F")
	AFTER("G") AFTER("H") AFTER("I") AFTER("J") AFTER("K") AFTER("L")
	AFTER("M") AFTER("N") AFTER("O") AFTER("P") AFTER("Q") AFTER("R")
	AFTER("S") AFTER("T") AFTER("U") AFTER("V") AFTER("W") AFTER("X")
	AFTER("Y") AFTER("Z") AFTER("a") AFTER("b") AFTER("c") AFTER("d")
	AFTER("e") AFTER("f") AFTER("g") AFTER("h") AFTER("i") AFTER("j")
	AFTER("k") AFTER("l") AFTER("m") AFTER("n") AFTER("o") AFTER("p")
	AFTER("q") AFTER("r") AFTER("s") AFTER("t") AFTER("u") AFTER("v")
	AFTER("w") AFTER("x") AFTER("y") AFTER("z") AFTER("0") AFTER("1")
	AFTER("2") AFTER("3") AFTER("4") AFTER("5") AFTER("6") AFTER("7")
	AFTER("8") AFTER("9") AFTER("+") AFTER("/");

/* Returns where writing ended. */
static char *encode(char *to, struct str in)
{
	const unsigned char *p = (const unsigned char *)in.p;
	uint32_t w;

	for (; in.n >= 3; in.n -= 3, p += 3, to += 4) {
		w = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		memcpy(to, &pairs[2 * (w >> 12)], 2);
		memcpy(to + 2, &pairs[2 * (w & 4095)], 2);
	}
	if (!in.n)
		return to;
	w = (uint32_t)p[0] << 16 | (in.n > 1 ? (uint32_t)p[1] << 8 : 0);
	*to++ = digits[w >> 18];
	*to++ = digits[w >> 12 & 63];
	*to++ = in.n > 1 ? digits[w >> 6 & 63] : '=';
	*to++ = '=';
	return to;
}

void base64_encode(struct buf *out, struct str in)
{
	size_t size = (in.n + 2) / 3 * 4;
	char *to = buf_room(out, size);

	if (!to)
		return;
	encode(to, in);
	buf_grew(out, size);
}

size_t base64_lines(char *to, struct str in)
{
	char *start = to;

	while (in.n) {
		size_t n = in.n < BASE64_LINE_IN ? in.n : BASE64_LINE_IN;

		to = encode(to, (struct str){ in.p, n });
		*to++ = '\r';
		*to++ = '\n';
		in.p += n;
		in.n -= n;
	}
	return (size_t)(to - start);
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
