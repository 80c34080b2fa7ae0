#include "smtp/undot.h"

#include <string.h>

enum place {
	AT_START,		/* of a line */
	AT_MIDDLE,
	AT_CR,			/* after a CR amid a line */
	AT_DOT,			/* after a dot at the start, which is held */
	AT_DOT_CR		/* after such a dot and CR */
};

void undot_init(struct undot *u, bool lf)
{
	*u = (struct undot){ .lf = lf, .at = AT_START };
}

/* Copy the rest of a line, or what there is of it. */
static void copy_line(struct undot *u, struct str *in, struct buf *out)
{
	const char *lf = memchr(in->p, '\n', in->n);
	size_t n = lf ? (size_t)(lf - in->p) + 1 : in->n;
	size_t last = lf ? n - 1 : n;	/* octets before the LF */
	bool cr = last ? in->p[last - 1] == '\r' : u->at == AT_CR;

	buf_add(out, (struct str){ in->p, n });
	if (lf)
		u->at = cr || u->lf ? AT_START : AT_MIDDLE;
	else
		u->at = cr ? AT_CR : AT_MIDDLE;
	in->p += n;
	in->n -= n;
}

/* The octet after a dot that began a line.  True: the dot stands alone. */
static bool after_dot(struct undot *u, struct str *in, struct buf *out)
{
	char c = *in->p;

	if (c == '\n' && (u->lf || u->at == AT_DOT_CR)) {
		in->p++;
		in->n--;
		return true;
	}
	if (c == '\r' && u->at == AT_DOT) {
		in->p++;
		in->n--;
		u->at = AT_DOT_CR;
		return false;
	}
	/* Text: the dot was there to be taken away. */
	if (u->at == AT_DOT_CR)
		buf_addch(out, '\r');
	u->at = AT_MIDDLE;	/* after a CR too: no LF follows this one */
	return false;
}

bool undot_feed(struct undot *u, struct str *in, struct buf *out)
{
	while (in->n) {
		if (u->at == AT_DOT || u->at == AT_DOT_CR) {
			if (after_dot(u, in, out))
				return true;
		} else if (u->at == AT_START && *in->p == '.') {
			u->at = AT_DOT;
			in->p++;
			in->n--;
		} else {
			copy_line(u, in, out);
		}
	}
	return false;
}
