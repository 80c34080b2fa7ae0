#include "util/str.h"

#include <string.h>

struct str str_of(const char *cstr)
{
	return (struct str){ cstr, strlen(cstr) };
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_caseeq(struct str a, struct str b)
{
	return a.n == b.n && str_casestarts(a, b);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq((struct str){ s.p, prefix.n }, prefix);
}

bool str_casestarts(struct str s, struct str prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (ascii_lower(s.p[i]) != ascii_lower(prefix.p[i]))
			return false;
	return true;
}

bool str_has_ctl(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

bool str_has_8bit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return true;
	return false;
}

struct str str_cut(struct str *s, char sep)
{
	const char *end = s->n ? memchr(s->p, sep, s->n) : NULL;
	struct str head = { s->p, end ? (size_t)(end - s->p) : s->n };
	size_t used = head.n + (end ? 1 : 0);

	s->p += used;
	s->n -= used;
	return head;
}

static bool is_gap(char c, const char *gaps)
{
	return c && strchr(gaps, c);
}

struct str str_word(struct str *s, const char *gaps)
{
	struct str word;

	while (s->n && is_gap(*s->p, gaps)) {
		s->p++;
		s->n--;
	}
	word = (struct str){ s->p, 0 };
	while (word.n < s->n && !is_gap(word.p[word.n], gaps))
		word.n++;
	s->p += word.n;
	s->n -= word.n;
	return word;
}

struct str str_trim(struct str s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool str_u64(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(s.p[i] - '0');

		if (d > 9 || d > max || v > (max - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int str_hex(struct str s)
{
	int high = s.n >= 2 ? hex_digit(s.p[0]) : -1;
	int low = s.n >= 2 ? hex_digit(s.p[1]) : -1;

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}
