#include "sys/charset.h"

#include <errno.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

enum { HELD_MAX = 16, ROOM = 4096 };

struct charset {
	iconv_t cd;
	char name[64];
	char held[HELD_MAX];	/* the beginning of a character */
	size_t n_held;
	uint64_t line;
};

const char *charset_of_locale(void)
{
	const char *name;

	setlocale(LC_CTYPE, "");
	name = nl_langinfo(CODESET);
	if (!*name || !strcmp(name, "ANSI_X3.4-1968") ||
	    !strcmp(name, "US-ASCII"))
		return "UTF-8";
	return name;
}

/*
 * iconv would take a name that is none ("", "//") for the locale's, and a
 * suffix after "//" for leave to drop what it cannot read.
 */
static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 127 ||
		    (s.p[i] == '/' && i && s.p[i - 1] == '/'))
			return false;
	return s.n > 0 && s.n < sizeof(((struct charset *)0)->name);
}

struct charset *charset_open(const char *name, struct error *err)
{
	iconv_t cd = is_name(str_of(name)) ? iconv_open("UTF-8", name) :
		(iconv_t)-1;
	struct charset *c;

	if (cd == (iconv_t)-1) {
		error_set(err, ERROR_USAGE, "character set '%.64s' is not known "
			  "on this system (iconv -l lists those that are)",
			  name);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->cd = cd;
	c->line = 1;
	memcpy(c->name, name, strlen(name) + 1);
	return c;
}

void charset_close(struct charset *c)
{
	if (c)
		iconv_close(c->cd);
	free(c);
}

static int bad_text(const struct charset *c, struct error *err)
{
	return error_set(err, ERROR_DATA, "line %llu is not valid %s: say what "
			 "it is with --charset",
			 (unsigned long long)c->line, c->name);
}

/*
 * Convert as much of *in as is whole.  What is left, the beginning of a
 * character, stays in *in.
 */
static int convert(struct charset *c, struct str *in, struct buf *out,
		   struct error *err)
{
	while (in->n) {
		char *from = (char *)(uintptr_t)in->p;
		char *to = buf_room(out, ROOM);
		char *start = to;
		size_t left = in->n, room = ROOM;
		size_t r;

		if (!to)
			return error_set(err, ERROR_DATA, "the text is too long");
		r = iconv(c->cd, &from, &left, &to, &room);
		for (const char *p = start; p < to; p++)
			c->line += *p == '\n';
		buf_grew(out, (size_t)(to - start));
		*in = (struct str){ from, left };
		if (r == (size_t)-1 && errno == EILSEQ)
			return bad_text(c, err);
		if (r == (size_t)-1 && errno == EINVAL)
			return 0;
	}
	return 0;
}

/* Complete the character held from the last call, octet by octet. */
static int finish_held(struct charset *c, struct str *in, struct buf *out,
		       struct error *err)
{
	while (c->n_held && in->n && c->n_held < HELD_MAX) {
		struct str s = { c->held, 0 };

		c->held[c->n_held++] = *in->p++;
		in->n--;
		s.n = c->n_held;
		if (convert(c, &s, out, err))
			return -1;
		c->n_held = s.n;
		memmove(c->held, s.p, s.n);
	}
	return 0;
}

/* Some sets' last character waits in iconv for an accent that may follow. */
static int flush(struct charset *c, struct buf *out, struct error *err)
{
	char *to = buf_room(out, ROOM);
	size_t room = ROOM;

	if (!to)
		return error_set(err, ERROR_DATA, "the text is too long");
	if (iconv(c->cd, NULL, NULL, &to, &room) == (size_t)-1)
		return bad_text(c, err);
	buf_grew(out, ROOM - room);
	return 0;
}

int charset_feed(struct charset *c, struct str in, bool end, struct buf *out,
		 struct error *err)
{
	if (finish_held(c, &in, out, err) || convert(c, &in, out, err))
		return -1;
	if (in.n >= HELD_MAX || c->n_held == HELD_MAX || (end && (in.n || c->n_held)))
		return bad_text(c, err);
	if (in.n) {
		memcpy(c->held, in.p, in.n);
		c->n_held = in.n;
	}
	return end ? flush(c, out, err) : 0;
}
