#include "mail/param.h"

#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

enum { TAIL_MAX = 12 };		/* octets of a long name's end that are kept */

/* Octets on the line that out ends with. */
static size_t column(const struct buf *out)
{
	size_t n = out->len;

	while (n && out->p[n - 1] != '\n')
		n--;
	return out->len - n;
}

/* Begin a parameter that takes `len` octets, where it fits. */
static void begin(struct buf *out, size_t len)
{
	buf_addch(out, ';');
	/* A ";" may follow it. */
	if (column(out) + 1 + len + 1 > PARAM_LINE_MAX)
		buf_addz(out, "\r\n");
	buf_addch(out, ' ');
}

/* attribute-char of RFC 2231 s7. */
static bool attribute(char c)
{
	return c > ' ' && c < 127 && !strchr("*'%()<>@,;:\\\"/[]?=", c);
}

/* Readers decode encoded-words even where RFC 2047 s5 has none. */
static bool like_word(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '=' && s.p[i + 1] == '?')
			return true;
	return false;
}

/* Needs it no quotes, not even before readers that see RFC 2231 in it? */
static bool plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!attribute(s.p[i]))
			return false;
	return s.n > 0;
}

static size_t quoted_len(struct str s)
{
	size_t n = 2;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '"' || s.p[i] == '\\' ? 2 : 1;
	return n;
}

static void quote(struct buf *out, struct str s)
{
	buf_addch(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addch(out, '\\');
		buf_addch(out, s.p[i]);
	}
	buf_addch(out, '"');
}

static size_t percent_len(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += attribute(s.p[i]) ? 1 : 3;
	return n;
}

static void percent(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (attribute(s.p[i]))
			buf_addch(out, s.p[i]);
		else
			buf_addf(out, "%%%02X", (unsigned char)s.p[i]);
}

/* How much of s, in whole characters, is at most `room` octets long. */
static size_t fitting(struct str s, size_t room,
		      size_t (*len)(struct str s))
{
	size_t n = 0;

	while (n < s.n) {
		unsigned long cp;
		size_t more = utf8_next((struct str){ s.p + n, s.n - n }, &cp);

		more = more ? more : 1;
		if (len((struct str){ s.p, n + more }) > room)
			break;
		n += more;
	}
	return n;
}

/*
 * name*0*=UTF-8''...; name*1*=..., or name*0="..." for ASCII.  Programs know
 * a section by its number, which is not to be written when there is but one.
 */
static void add_sections(struct buf *out, struct str name, struct str value)
{
	bool coded = str_has_8bit(value) || like_word(value);
	const char *charset = coded ? "UTF-8''" : "";
	char head[64];
	size_t n;

	if (coded && name.n + strlen("*=UTF-8''") + percent_len(value) + 2 <=
	    PARAM_LINE_MAX) {
		begin(out, name.n + strlen("*=UTF-8''") + percent_len(value));
		buf_add(out, name);
		buf_addz(out, "*=UTF-8''");
		percent(out, value);
		return;
	}
	for (unsigned i = 0; value.n; i++) {
		int len = snprintf(head, sizeof(head), "%.*s*%u%s=%s",
				   (int)name.n, name.p, i, coded ? "*" : "",
				   charset);
		size_t room = PARAM_LINE_MAX - 2 - (size_t)len;

		n = fitting(value, room, coded ? percent_len : quoted_len);
		buf_addf(out, ";\r\n %s", head);
		if (coded)
			percent(out, (struct str){ value.p, n });
		else
			quote(out, (struct str){ value.p, n });
		charset = "";
		value.p += n;
		value.n -= n;
	}
}

void param_add(struct buf *out, struct str name, struct str value)
{
	bool token = plain(value);
	size_t len = name.n + 1 + (token ? value.n : quoted_len(value));

	if (str_has_8bit(value) || like_word(value) || len + 2 > PARAM_LINE_MAX) {
		add_sections(out, name, value);
		return;
	}
	begin(out, len);
	buf_add(out, name);
	buf_addch(out, '=');
	if (token)
		buf_add(out, value);
	else
		quote(out, value);
}

/*
 * A "_" for each other character, and for the "=" of "=?"; nothing of it needs
 * a backslash but what did.
 */
static void flatten(struct buf *out, struct str s)
{
	while (s.n) {
		unsigned long cp;
		size_t n = utf8_next(s, &cp);

		n = n ? n : 1;
		buf_addch(out, *s.p & 0x80 || str_starts(s, STR("=?")) ? '_' :
			  *s.p);
		s.p += n;
		s.n -= n;
	}
}

void param_add_plain(struct buf *out, struct str name, struct str value)
{
	size_t room = PARAM_LINE_MAX - 2 - name.n - 1;
	struct buf flat;
	struct str s;

	buf_init(&flat, value.n + 1);
	flatten(&flat, value);
	s = buf_str(&flat);
	if (quoted_len(s) > room) {
		struct str tail = { s.p + s.n - TAIL_MAX, TAIL_MAX };
		size_t n = fitting(s, room - quoted_len(tail), quoted_len);

		memmove(flat.p + n, tail.p, tail.n);
		s.n = n + tail.n;
	}
	param_add(out, name, s);
	buf_release(&flat);
}
