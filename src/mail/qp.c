#include "mail/qp.h"

#include <string.h>

static const char hex[] = "0123456789ABCDEF";
static const struct str from_line = { "From ", 5 };

void qp_octet(char to[3], char c)
{
	to[0] = '=';
	to[1] = hex[(unsigned char)c >> 4];
	to[2] = hex[c & 15];
}

bool qp_guarded(char c)
{
	return c == 'F' || c == '.' || c == '-';
}

/* As "=XX" or as it is; after a soft line break if it does not fit. */
static void put(struct qp *q, char c, bool encode, struct buf *out)
{
	char coded[3];

	if (q->col + (encode ? 3 : 1) >= QP_LINE_MAX) {
		buf_add(out, STR("=\r\n"));
		q->col = 0;
		encode = encode || qp_guarded(c);
	}
	qp_octet(coded, c);
	if (encode)
		buf_add(out, (struct str){ coded, 3 });
	else
		buf_addch(out, c);
	q->col += encode ? 3 : 1;
}

static bool is_plain(char c)
{
	return c > ' ' && c < 127 && c != '=';
}

/* Text that has nothing special in it and fits the line: at once. */
static size_t put_run(struct qp *q, struct str in, struct buf *out)
{
	size_t room = QP_LINE_MAX - 1 - q->col;
	size_t n = 0;

	while (n < in.n && n < room && is_plain(in.p[n]))
		n++;
	buf_add(out, (struct str){ in.p, n });
	q->col += n;
	return n;
}

/* What was held back goes out, as it was not what it might have been. */
static void release(struct qp *q, bool at_end, struct buf *out)
{
	size_t from = q->from;

	q->from = 0;
	for (size_t i = 0; i < from; i++)
		put(q, from_line.p[i], false, out);
	if (q->blank)
		put(q, q->blank, at_end, out);
	q->blank = '\0';
	if (q->cr)
		put(q, '\r', true, out);
	q->cr = false;
}

static void end_line(struct qp *q, struct buf *out)
{
	q->cr = false;
	release(q, true, out);
	buf_add(out, STR("\r\n"));
	q->col = 0;
}

/* True if c continues or completes "From " at the start of a line. */
static bool hold_from(struct qp *q, char c, struct buf *out)
{
	if (q->col || q->blank || q->cr || c != from_line.p[q->from])
		return false;
	if (++q->from < from_line.n)
		return true;
	q->from = 0;
	put(q, 'F', true, out);
	for (size_t i = 1; i + 1 < from_line.n; i++)
		put(q, from_line.p[i], false, out);
	q->blank = ' ';
	return true;
}

static void one(struct qp *q, char c, struct buf *out)
{
	if (q->cr && c == '\n') {
		end_line(q, out);
		return;
	}
	if (hold_from(q, c, out))
		return;
	if (c == '\r' && !q->cr) {
		q->cr = true;
		return;
	}
	release(q, false, out);
	if (c == '\r')
		q->cr = true;
	else if (c == ' ' || c == '\t')
		q->blank = c;
	else
		put(q, c, !is_plain(c) || (c == '.' && !q->col), out);
}

void qp_feed(struct qp *q, struct str in, struct buf *out)
{
	while (in.n) {
		size_t n = 0;

		if (q->col && !q->blank && !q->cr)
			n = put_run(q, in, out);
		if (!n) {
			one(q, *in.p, out);
			n = 1;
		}
		in.p += n;
		in.n -= n;
	}
}

void qp_end(struct qp *q, struct buf *out)
{
	release(q, true, out);
	*q = (struct qp){ 0 };
}

/* One line without its CRLF; *soft: the next continues it. */
static int decode_line(struct buf *out, struct str line, bool *soft)
{
	*soft = false;
	for (size_t i = 0; i < line.n; i++) {
		char c = line.p[i];
		int octet;

		if (c != '=') {
			if (!is_plain(c) && c != ' ' && c != '\t')
				return -1;
			buf_addch(out, c);
			continue;
		}
		if (i + 1 == line.n) {
			*soft = true;
			return 0;
		}
		octet = str_hex((struct str){ line.p + i + 1, line.n - i - 1 });
		if (octet < 0)
			return -1;
		buf_addch(out, (char)octet);
		i += 2;
	}
	return 0;
}

int qp_decode(struct buf *out, struct str in)
{
	while (in.n) {
		const char *lf = memchr(in.p, '\n', in.n);
		struct str line = in;
		bool soft;

		if (lf) {
			line.n = (size_t)(lf - in.p);
			if (!line.n || line.p[line.n - 1] != '\r')
				return -1;
			in.n -= line.n + 1;
			in.p = lf + 1;
			line.n--;
		} else {
			in.n = 0;
		}
		while (line.n && (line.p[line.n - 1] == ' ' ||
				  line.p[line.n - 1] == '\t'))
			line.n--;
		if (decode_line(out, line, &soft))
			return -1;
		if (lf && !soft)
			buf_add(out, STR("\r\n"));
	}
	return 0;
}
