#include "oauth2/form.h"

#include <string.h>

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

void form_encode(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char coded[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (is_unreserved(s.p[i]))
			buf_addch(out, s.p[i]);
		else
			buf_add(out, (struct str){ coded, 3 });
	}
}

static int coded(struct str s, size_t at)
{
	return str_hex((struct str){ s.p + at + 1, s.n - at - 1 });
}

bool form_decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' && coded(s, i) < 0)
			return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			buf_addch(out, (char)coded(s, i));
			i += 2;
		} else {
			buf_addch(out, s.p[i] == '+' ? ' ' : s.p[i]);
		}
	}
	return true;
}

void form_add(struct buf *out, const char *name, struct str value)
{
	if (out->len && out->p[out->len - 1] != '?')
		buf_addch(out, '&');
	buf_addz(out, name);
	buf_addch(out, '=');
	form_encode(out, value);
}

bool form_next(struct str *rest, struct str *name, struct str *value)
{
	while (rest->n && *rest->p == '&')
		str_cut(rest, '&');
	if (!rest->n)
		return false;
	*value = str_cut(rest, '&');
	*name = str_cut(value, '=');
	return true;
}
