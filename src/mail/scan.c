#include "mail/scan.h"

#include <string.h>

/* What the header line is that is being read. */
enum part {
	PART_START,	/* nothing of it yet */
	PART_MARK,	/* in a byte order mark */
	PART_NAME,	/* in what may be a field's name */
	PART_BLANK,	/* in blanks after such a name */
	PART_FIELD,	/* it is a field or the continuation of one */
	PART_DROP	/* it is an mbox separator */
};

void scan_init(struct scan *s, unsigned flags)
{
	*s = (struct scan){ .flags = flags, .fresh = true, .first = true };
}

/*
 * Copy octets up to the first NUL, LF or CR; returns how many and collects
 * in *high whether one is over 0x7f.  Eight at a time: the subtraction
 * borrows into the top bit of each octet under 14 and, above the first of
 * these, of some others, so a word without such a bit has no such octet.
 */
static size_t copy_run(char *to, const char *p, size_t n, uint64_t *high)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t seen = 0, w;
	size_t i = 0;

	for (;;) {
		for (; n - i >= 8; i += 8) {
			memcpy(&w, p + i, 8);
			if ((w - ones * 14) & ~w & ones * 128)
				break;
			memcpy(to + i, &w, 8);
			seen |= w;
		}
		for (int k = 0; k < 8; k++, i++) {
			if (i == n || p[i] == '\n' || p[i] == '\r' || !p[i]) {
				*high |= seen & ones * 128;
				return i;
			}
			to[i] = p[i];
			seen |= (unsigned char)p[i];
		}
	}
}

static void odd(struct scan *s, struct facts *f, uint64_t line, bool nul)
{
	if (nul)
		f->nul = true;
	else
		f->bare_cr = true;
	if (!s->odd_line) {
		s->odd_line = line;
		s->odd_nul = nul;
	}
}

static void count_line(struct scan *s, struct facts *f)
{
	f->lines++;
	f->size += s->at + 2;
	if (s->at > f->longest) {
		f->longest = s->at;
		f->longest_line = f->lines;
	}
	s->at = 0;
}

/* -- the body ---------------------------------------------------------------- */

static void end_line(struct scan *s)
{
	memcpy(s->to, "\r\n", 2);
	s->to += 2;
	count_line(s, &s->body);
}

/* The dot is text after all. */
static void keep_dot(struct scan *s)
{
	if (!s->dot)
		return;
	*s->to++ = '.';
	s->at = 1;
	s->dot = false;
}

/* No LF follows the CRs that were held: each of them ended a line. */
static void settle(struct scan *s)
{
	keep_dot(s);
	for (; s->held; s->held--) {
		odd(s, &s->body, s->above + s->body.lines + 1, false);
		end_line(s);
	}
}

static void body_lf(struct scan *s)
{
	if (s->dot && s->held <= 1) {
		s->done = true;
		return;
	}
	keep_dot(s);
	s->held = 0;
	s->fresh = true;
	end_line(s);
}

static void body_special(struct scan *s, char c)
{
	if (c == '\n') {
		body_lf(s);
		return;
	}
	s->fresh = false;
	if (c == '\r') {
		if (s->held == SCAN_CR_MAX)
			settle(s);
		s->held++;
		return;
	}
	keep_dot(s);
	odd(s, &s->body, s->above + s->body.lines + 1, true);
}

static void body_feed(struct scan *s, struct str in)
{
	const char *p = in.p, *end = in.p + in.n;
	uint64_t high = 0;

	while (p < end && !s->done) {
		size_t n;

		if (s->fresh && *p == '.' && s->flags & SCAN_DOT) {
			s->fresh = false;
			s->dot = true;
			p++;
			continue;
		}
		if ((s->held || s->dot) && *p != '\n' && *p != '\r' && *p)
			settle(s);
		n = copy_run(s->to, p, (size_t)(end - p), &high);
		if (n) {
			s->to += n;
			s->at += n;
			s->fresh = false;
			p += n;
		}
		if (p < end)
			body_special(s, *p++);
	}
	if (high)
		s->body.eightbit = true;
}

/* -- the header -------------------------------------------------------------- */

/* The line that was begun is not the header's: it is the body's first. */
static void begin_body(struct scan *s)
{
	size_t held = s->held;

	s->in_body = true;
	s->held = 0;
	s->at = 0;
	body_feed(s, (struct str){ s->raw, s->raw_len });
	s->held += held;
}

/* The line is a field: what was kept of it can go out, repaired. */
static void begin_field(struct scan *s, struct buf *head)
{
	s->part = PART_FIELD;
	for (size_t i = 0; i < s->raw_len; i++) {
		char c = s->raw[i];

		if (!c || c == '\r')
			odd(s, &s->head, s->above + 1, !c);
		if (!c || (unsigned char)c > 0x7f)
			continue;	/* the latter is the mark */
		buf_addch(head, c == '\r' ? ' ' : c);
		s->at++;
	}
}

/* Is the first line, up to its first blank, ">From" with any number of ">"? */
static bool is_mbox(const struct scan *s)
{
	const char *want = "From ";

	for (size_t i = 0; s->first && i < s->raw_len; i++) {
		char c = s->raw[i];

		if (!c || (unsigned char)c > 0x7f ||
		    (c == '>' && *want == 'F'))
			continue;
		if (c != *want)
			return false;
		if (!*++want)
			return true;
	}
	return false;
}

/* The marks of UTF-8 and both orders of UTF-16; which, is all the same. */
static bool is_mark(const struct scan *s, unsigned char c)
{
	return s->first && s->raw_len <= 5 &&
	       (c == 0xef || c == 0xbb || c == 0xbf || c == 0xfe || c == 0xff);
}

/* What the line is now that c, the last in raw, was seen; -1: the body's. */
static int classify(const struct scan *s, char c)
{
	bool blank = c == ' ' || c == '\t' || c == '\r';
	bool name = c > 32 && c < 127;

	switch (s->part) {
	case PART_START:
		if (blank)
			return s->after_field ? PART_FIELD : -1;
		/* fall through */
	case PART_MARK:
		if (is_mark(s, (unsigned char)c))
			return PART_MARK;
		return name && c != ':' ? PART_NAME : -1;
	case PART_NAME:
		if (name)
			return c == ':' ? PART_FIELD : PART_NAME;
		return blank ? PART_BLANK : -1;
	default:
		if (blank)
			return PART_BLANK;
		if (c == ':')
			return PART_FIELD;
		return is_mbox(s) ? PART_DROP : -1;
	}
}

static bool undecided(const struct scan *s)
{
	return !s->in_body && s->part < PART_FIELD;
}

static void push(struct scan *s, char c, struct buf *head)
{
	int part;

	s->raw[s->raw_len++] = c;
	part = classify(s, c);
	if (part < 0)
		begin_body(s);
	else if (part == PART_FIELD)
		begin_field(s, head);
	else
		s->part = part;
}

/* No LF follows the CRs that were held: they are blanks. */
static void head_settle(struct scan *s, struct buf *head)
{
	while (s->held && undecided(s)) {
		s->held--;
		push(s, '\r', head);
	}
	for (; s->held && !s->in_body; s->held--) {
		odd(s, &s->head, s->above + 1, false);
		if (s->part != PART_FIELD)
			continue;
		buf_addch(head, ' ');
		s->at++;
	}
}

static void next_line(struct scan *s, bool after_field)
{
	s->above++;
	s->after_field = after_field;
	s->first = false;
	s->part = PART_START;
	s->raw_len = 0;
	s->held = 0;
	s->at = 0;
}

/*
 * The end, by LF or else by that of the input, of a line that is no field.
 * False if it is the body's.
 */
static bool end_other(struct scan *s, bool lf)
{
	if (s->flags & SCAN_DOT && s->held <= lf && s->raw_len == 1 &&
	    s->raw[0] == '.') {
		s->done = true;
		return true;
	}
	if (s->part > PART_START && s->part < PART_DROP && !is_mbox(s))
		return false;
	if (s->part == PART_START && s->raw_len)
		odd(s, &s->head, s->above + 1, true);
	if (s->held && !lf)
		odd(s, &s->head, s->above + 1, false);
	s->in_body = s->part == PART_START;
	next_line(s, false);
	return true;
}

static void end_field(struct scan *s, struct buf *head)
{
	buf_add(head, STR("\r\n"));
	count_line(s, &s->head);
	next_line(s, true);
}

static void head_lf(struct scan *s, struct buf *head)
{
	if (s->part == PART_FIELD) {
		end_field(s, head);
	} else if (!end_other(s, true)) {
		begin_body(s);
		body_lf(s);
	}
}

static void head_nul(struct scan *s)
{
	if (!undecided(s))
		odd(s, &s->head, s->above + 1, true);
	else if (!s->raw_len || s->raw[s->raw_len - 1])
		s->raw[s->raw_len++] = '\0';
}

/* Octets of a field, up to what is special; returns how many. */
static size_t field_run(struct scan *s, const char *p, size_t n,
			struct buf *head)
{
	const char *lf = memchr(p, '\n', n);
	uint64_t high = 0;
	char *to;

	if (lf)
		n = (size_t)(lf - p);
	if (!(to = buf_room(head, n)))
		return n;
	n = copy_run(to, p, n, &high);
	buf_grew(head, n);
	s->at += n;
	if (high)
		s->head.eightbit = true;
	return n;
}

/* One octet that is neither LF nor plain text of a field. */
static void head_octet(struct scan *s, char c, struct buf *head)
{
	if (!c)
		head_nul(s);
	else if (c == '\r')
		s->held++;
	else if (undecided(s))
		push(s, c, head);
}

/* Returns how much of `in` was the header's. */
static size_t head_feed(struct scan *s, struct str in, struct buf *head)
{
	size_t i = 0;

	while (i < in.n && !s->in_body && !s->done) {
		char c = in.p[i];

		if (c == '\n') {
			head_lf(s, head);
			i++;
		} else if (undecided(s) &&
			   s->raw_len + s->held + 2 > sizeof(s->raw)) {
			begin_body(s);
		} else if (s->held && c &&
			   (c != '\r' || s->held == SCAN_CR_MAX)) {
			head_settle(s, head);
		} else if (s->part == PART_FIELD && c && c != '\r') {
			i += field_run(s, in.p + i, in.n - i, head);
		} else {
			head_octet(s, c, head);
			i++;
		}
	}
	return i;
}

/* -- both -------------------------------------------------------------------- */

static int check(const struct scan *s, const struct buf *head,
		 struct error *err)
{
	if (head->over || head->len > MESSAGE_HEAD_MAX)
		return error_set(err, ERROR_DATA,
				 "the header is longer than %d octets",
				 (int)MESSAGE_HEAD_MAX);
	if (s->flags & SCAN_STRICT && s->odd_line)
		return error_set(err, ERROR_DATA, "line %llu has %s",
				 (unsigned long long)s->odd_line, s->odd_nul ?
				 "a NUL" : "a carriage return that ends no line");
	return 0;
}

/* Let the body's part write what n octets of input can become. */
static int make_room(struct scan *s, size_t n, struct buf *body,
		     struct error *err)
{
	s->to = buf_room(body, 2 * n + SCAN_ROOM);
	if (!s->to)
		return error_set(err, ERROR_BUG,
				 "no room to scan %zu octets into", n);
	return 0;
}

int scan_feed(struct scan *s, struct str in, struct buf *head,
	      struct buf *body, struct error *err)
{
	char *start;
	size_t n;

	if (!in.n || s->done)
		return 0;
	if (make_room(s, in.n, body, err))
		return -1;
	start = s->to;
	n = head_feed(s, in, head);
	if (n < in.n)
		body_feed(s, (struct str){ in.p + n, in.n - n });
	buf_grew(body, (size_t)(s->to - start));
	return check(s, head, err);
}

static void body_end(struct scan *s)
{
	if (s->dot && !s->held) {
		s->done = true;
		return;
	}
	settle(s);
	if (s->at)
		end_line(s);
}

int scan_end(struct scan *s, struct buf *head, struct buf *body,
	     struct error *err)
{
	char *start;

	if (s->done)
		return 0;
	if (make_room(s, 0, body, err))
		return -1;
	start = s->to;
	if (!s->in_body && s->part == PART_FIELD) {
		if (s->held)
			odd(s, &s->head, s->above + 1, false);
		end_field(s, head);
	} else if (!s->in_body && !end_other(s, false)) {
		begin_body(s);
	}
	if (s->in_body)
		body_end(s);
	buf_grew(body, (size_t)(s->to - start));
	return check(s, head, err);
}
