#include "util/utf8.h"

/* Lead byte ranges: how many bytes, and the least code point they may say. */
static size_t lead(unsigned char c, unsigned long *cp, unsigned long *least)
{
	if (c < 0x80) {
		*cp = c;
		*least = 0;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		*cp = c & 0x1f;
		*least = 0x80;
		return 2;
	}
	if (c >= 0xe0 && c <= 0xef) {
		*cp = c & 0x0f;
		*least = 0x800;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*cp = c & 0x07;
		*least = 0x10000;
		return 4;
	}
	return 0;
}

size_t utf8_next(struct str s, unsigned long *cp)
{
	unsigned long least;
	size_t n;

	if (!s.n)
		return 0;
	n = lead((unsigned char)s.p[0], cp, &least);
	if (!n || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c & 0xc0) != 0x80)
			return 0;
		*cp = *cp << 6 | (c & 0x3f);
	}
	if (*cp < least || *cp > 0x10ffff || (*cp >= 0xd800 && *cp <= 0xdfff))
		return 0;
	return n;
}

bool utf8_valid(struct str s)
{
	unsigned long cp;

	while (s.n) {
		size_t n = utf8_next(s, &cp);

		if (!n)
			return false;
		s.p += n;
		s.n -= n;
	}
	return true;
}

/* First and last of the ranges that are invisible or reorder what is seen. */
static const struct {
	unsigned long first, last;
} hidden[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x00a0 }, { 0x00ad, 0x00ad },
	{ 0x034f, 0x034f }, { 0x061c, 0x061c }, { 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x2000, 0x200f },
	{ 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x2800, 0x2800 },
	{ 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xd800, 0xf8ff },
	{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
	{ 0xfff0, 0xffff }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
};

bool utf8_visible(unsigned long cp)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (cp >= hidden[i].first && cp <= hidden[i].last)
			return false;
	return true;
}

static void escape(struct buf *out, struct str s, bool backslash)
{
	while (s.n) {
		unsigned long cp;
		size_t n = utf8_next(s, &cp);

		if (n && utf8_visible(cp)) {
			if (*s.p == '\\' && backslash)
				buf_addch(out, '\\');
			buf_add(out, (struct str){ s.p, n });
		} else {	/* what is left of it comes here again */
			buf_addf(out, "\\x%02x", (unsigned char)*s.p);
			n = 1;
		}
		s.p += n;
		s.n -= n;
	}
}

void utf8_escape(struct buf *out, struct str s)
{
	escape(out, s, true);
}

void utf8_ensure(struct buf *out, struct str s)
{
	escape(out, s, false);
}
