#include "mail/part.h"

#include <string.h>

void part_init(struct part *p, enum part_role role)
{
	*p = (struct part){ .role = role, .text = STR(""), .fd = -1,
			    .name = STR(""), .type = STR(""), .cid = STR(""),
			    .charset = STR(""), .method = STR("") };
}

uint64_t part_size(const struct part *p)
{
	return p->fd < 0 ? p->text.n : p->len;
}

/* -- our boundary ------------------------------------------------------------ */

/* Horspool's search: look at every n_mark-th octet, mostly. */
static void set_mark(struct part_scan *s, const char *unique)
{
	struct str u = str_of(unique);

	if (!u.n || u.n > PART_UNIQUE_MAX)
		return;
	memcpy(s->mark, "--=_", 4);
	memcpy(s->mark + 4, u.p, u.n);
	s->n_mark = u.n + 4;
	memset(s->skip, (int)s->n_mark, sizeof(s->skip));
	for (size_t i = 0; i + 1 < s->n_mark; i++)
		s->skip[(unsigned char)s->mark[i]] =
			(unsigned char)(s->n_mark - 1 - i);
}

static bool has_mark(const struct part_scan *s, struct str in)
{
	size_t last = s->n_mark - 1;

	for (size_t i = last; i < in.n;
	     i += s->skip[(unsigned char)in.p[i]])
		if (in.p[i] == s->mark[last] &&
		    !memcmp(in.p + i - last, s->mark, last))
			return true;
	return false;
}

/* The mark may begin in one piece of content and end in a later one. */
static void find_mark(struct part_scan *s, struct str in)
{
	size_t keep = s->n_mark - 1;
	size_t n = in.n < keep ? in.n : keep;

	memcpy(s->tail + s->n_tail, in.p, n);
	s->n_tail += n;
	if (has_mark(s, (struct str){ s->tail, s->n_tail }) ||
	    has_mark(s, in))
		s->facts.marked = true;
	if (in.n >= keep) {
		memcpy(s->tail, in.p + in.n - keep, keep);
		s->n_tail = keep;
	} else if (s->n_tail > keep) {
		memmove(s->tail, s->tail + s->n_tail - keep, keep);
		s->n_tail = keep;
	}
}

/* -- lines and characters ---------------------------------------------------- */

void part_scan_init(struct part_scan *s, const char *unique)
{
	*s = (struct part_scan){ .cr = false };
	set_mark(s, unique);
}

static void bad_utf8(struct part_scan *s)
{
	s->left = 0;
	if (!s->facts.bad_line)
		s->facts.bad_line = s->facts.lines + 1;
}

static void end_line(struct part_scan *s)
{
	s->facts.lines++;
	if (s->col > s->facts.longest)
		s->facts.longest = s->col;
	s->col = 0;
}

/* The first octet of a character, RFC 3629 s4. */
static void lead(struct part_scan *s, unsigned char c)
{
	s->low = 0x80;
	s->high = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		s->left = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		s->left = 2;
		s->low = c == 0xe0 ? 0xa0 : 0x80;
		s->high = c == 0xed ? 0x9f : 0xbf;
	} else if (c >= 0xf0 && c <= 0xf4) {
		s->left = 3;
		s->low = c == 0xf0 ? 0x90 : 0x80;
		s->high = c == 0xf4 ? 0x8f : 0xbf;
	} else {
		bad_utf8(s);
	}
}

static void high(struct part_scan *s, unsigned char c)
{
	s->facts.eightbit = true;
	s->col++;
	if (s->facts.bad_line)
		return;
	if (!s->left) {
		lead(s, c);
	} else if (c < s->low || c > s->high) {
		bad_utf8(s);
	} else {
		s->left--;
		s->low = 0x80;
		s->high = 0xbf;
	}
}

static void low(struct part_scan *s, char c)
{
	if (s->left)
		bad_utf8(s);
	if (c == '\n') {
		if (!s->cr) {
			s->facts.bare_lf = true;
			end_line(s);
		}
		s->cr = false;
		return;
	}
	s->cr = c == '\r';
	if (c == '\r') {
		end_line(s);
		return;
	}
	s->col++;
	if (!c)
		s->facts.nul = true;
	if ((unsigned char)c < ' ' && c != '\t' && c != '\f')
		s->facts.control = true;
}

static void one(struct part_scan *s, char c)
{
	if (s->cr && c != '\n')
		s->facts.bare_cr = true;
	if (c & 0x80) {
		s->cr = false;
		high(s, (unsigned char)c);
	} else {
		low(s, c);
	}
}

/*
 * How many octets are text without line ends and control bytes: those over
 * 0x7f too, if `all`.  Eight at a time, as in scan.c.
 */
static inline size_t run(const char *p, size_t n, bool all)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t stop, w;
	size_t i = 0;

	for (; n - i >= 8; i += 8) {
		memcpy(&w, p + i, 8);
		stop = all ? (w - ones * ' ') & ~w : (w - ones * ' ') | w;
		if (stop & ones * 128)
			break;
	}
	while (i < n && ((unsigned char)p[i] >= ' ' || p[i] == '\t') &&
	       (all || !(p[i] & 0x80)))
		i++;
	return i;
}

static inline bool follows(char c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Octets of the whole character that s begins with, for those of two and
 * three octets without bounds of their own; 0 for others.
 */
static inline size_t common(const char *p, size_t n)
{
	unsigned char c = (unsigned char)*p;

	if (c >= 0xc2 && c <= 0xdf && n > 1 && follows(p[1]))
		return 2;
	if (c >= 0xe1 && c <= 0xec && n > 2 && follows(p[1]) && follows(p[2]))
		return 3;
	return 0;
}

static size_t high_run(struct part_scan *s, const char *p, size_t n)
{
	size_t i = 0, more;

	while (i < n && p[i] & 0x80) {
		more = s->left || s->facts.bad_line ? 0 : common(p + i, n - i);
		if (more)
			s->col += more;
		else
			high(s, (unsigned char)p[i]);
		i += more ? more : 1;
	}
	s->facts.eightbit = s->facts.eightbit || i;
	return i;
}

/* A line end that is all there, between whole characters; 0 for others. */
static inline size_t line_end(struct part_scan *s, const char *p, size_t n)
{
	size_t len = *p == '\n' ? 1 : n > 1 && *p == '\r' && p[1] == '\n' ? 2 : 0;

	if (!len)
		return 0;
	s->facts.bare_lf = s->facts.bare_lf || len == 1;
	end_line(s);
	return len;
}

static void look(struct part_scan *s, struct str in)
{
	size_t i = 0;

	while (i < in.n && !s->facts.nul) {
		size_t n;

		if (s->cr || s->left) {
			one(s, in.p[i++]);
			continue;
		}
		n = line_end(s, in.p + i, in.n - i);
		if (!n) {
			n = run(in.p + i, in.n - i,
				s->facts.eightbit && s->facts.bad_line);
			s->col += n;
			if (i + n < in.n && in.p[i + n] & 0x80)
				n += high_run(s, in.p + i + n, in.n - i - n);
		}
		if (!n)
			one(s, in.p[i++]);
		i += n;
	}
}

void part_scan_feed(struct part_scan *s, struct str in)
{
	if (!in.n)
		return;
	s->facts.size += in.n;
	s->facts.ends_line = in.p[in.n - 1] == '\n';
	if (s->n_mark && !s->facts.marked)
		find_mark(s, in);
	look(s, in);
}

void part_scan_end(struct part_scan *s)
{
	if (s->cr)
		s->facts.bare_cr = true;
	if (s->left)
		bad_utf8(s);
	if (s->col)
		end_line(s);
	s->cr = false;
}

/* -- texts ------------------------------------------------------------------- */

void part_canonical(struct buf *out, struct str text)
{
	bool ended = !text.n || text.p[text.n - 1] == '\n';

	while (text.n) {
		const char *lf = memchr(text.p, '\n', text.n);
		size_t n = lf ? (size_t)(lf - text.p) : text.n;
		size_t bare = lf && n && text.p[n - 1] == '\r' ? n - 1 : n;

		buf_add(out, (struct str){ text.p, bare });
		if (lf)
			buf_addz(out, "\r\n");
		text.p += lf ? n + 1 : n;
		text.n -= lf ? n + 1 : n;
	}
	if (!ended)
		buf_addz(out, "\r\n");
}

void part_calendar_method(char out[PART_METHOD_MAX], struct str text)
{
	static const struct str name = { "METHOD:", 7 };

	*out = '\0';
	while (text.n) {
		struct str line = str_trim(str_cut(&text, '\n'));
		size_t n = 0;

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!str_casestarts(line, name))
			continue;
		line.p += name.n;
		line.n -= name.n;
		for (; n < line.n && n + 1 < PART_METHOD_MAX; n++) {
			char c = ascii_lower(line.p[n]);

			if ((c < 'a' || c > 'z') && c != '-')
				break;
			out[n] = c == '-' ? c : (char)(c - 'a' + 'A');
		}
		if (n < line.n)		/* no method of iTIP */
			n = 0;
		out[n] = '\0';
		return;
	}
}
