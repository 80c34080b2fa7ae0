#include "mail/recode.h"

#include <string.h>

#include "mail/header.h"

/* Where in the body we are. */
enum state {
	STATE_HEAD,	/* in the header of a part */
	STATE_LEAF,	/* in content */
	STATE_SEALED,	/* in what must not be altered */
	STATE_LOOSE	/* before, between or after parts */
};

/* What is in the way. */
enum need {
	NEED_SHORT = 1u << 0,	/* a line is over 998 octets */
	NEED_7BIT  = 1u << 1	/* an octet is over 0x7f */
};

/* What is done to a leaf. */
enum mode {
	MODE_COPY,
	MODE_ENCODE,		/* to quoted-printable */
	MODE_WRAP_QP,		/* shorter lines of quoted-printable */
	MODE_WRAP_BASE64	/* shorter lines of base64 */
};

enum {
	LINE_LEN = 76,			/* RFC 2045 s6.7, s6.8 */
	DELIMITER_MAX = 512		/* octets; boundary and blanks */
};

bool recode_wanted(const struct facts *body, bool eightbit)
{
	return body->longest > MESSAGE_LINE_MAX ||
	       (body->eightbit && !eightbit);
}

/* -- first pass: what the lines need ----------------------------------------- */

/* RFC 3629 s4, an octet at a time. */
static void check_utf8(struct recode *r, struct str s)
{
	for (size_t i = 0; i < s.n && r->utf8_left >= 0; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (r->utf8_left) {
			r->utf8_left = c >= r->utf8_low && c <= r->utf8_high ?
				       r->utf8_left - 1 : -1;
			r->utf8_low = 0x80;
			r->utf8_high = 0xbf;
		} else if (c >= 0x80) {
			r->utf8_left = c < 0xc2 || c > 0xf4 ? -1 :
				       c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
			r->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 :
				      0x80;
			r->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f :
				       0xbf;
		}
	}
}

/* A piece of a line, or its end. */
static void note(struct recode *r, struct str s)
{
	bool end = s.n && s.p[s.n - 1] == '\n';

	r->col += s.n;
	if (r->col > MESSAGE_LINE_MAX + (end ? 2 : 1))
		r->need |= NEED_SHORT;
	if (end)
		r->col = 0;
	if (str_has_8bit(s))
		r->need |= NEED_7BIT;
	if (!r->top.typed)
		check_utf8(r, s);
}

static unsigned wanted(const struct recode *r)
{
	return r->convert ? NEED_SHORT | NEED_7BIT : NEED_SHORT;
}

/* How to get rid of what is in the leaf's way. */
static int choose(struct recode *r)
{
	unsigned need = r->need & wanted(r);

	if (!need)
		return MODE_COPY;
	if (r->leaf.kind != ENTITY_FIXED) {
		if (r->leaf.coding == CODING_NONE)
			return MODE_ENCODE;
		if (r->leaf.coding == CODING_QP)
			return MODE_WRAP_QP;
		if (r->leaf.coding == CODING_BASE64 && need & NEED_SHORT)
			return MODE_WRAP_BASE64;
	}
	r->stuck |= need;
	return MODE_COPY;
}

/* -- second pass: what is done to them --------------------------------------- */

/* n octets that must stay together, in quoted-printable. */
static void put_qp(struct recode *r, const char *p, size_t n, struct buf *out)
{
	char coded[3];

	if (r->out_col + n >= LINE_LEN) {
		buf_add(out, STR("=\r\n"));
		r->out_col = 0;
		if (qp_guarded(*p)) {
			qp_octet(coded, *p);
			p = coded;
			n = 3;
		}
	}
	buf_add(out, (struct str){ p, n });
	r->out_col += n;
}

static void end_qp_line(struct recode *r, struct buf *out)
{
	if (r->n_held == 1)	/* a soft line break: it always fits */
		buf_addch(out, '=');
	else if (r->n_held)
		put_qp(r, r->held, r->n_held, out);
	buf_add(out, STR("\r\n"));
	r->n_held = 0;
	r->out_col = 0;
}

/*
 * What was held does not begin "=XX": an 8-bit octet follows.  Its "=" must
 * not meet that of the octet's "=XX", so it stands for itself, as the robust
 * readers of RFC 2045 s6.7 have it.
 */
static void release_qp(struct recode *r, struct buf *out)
{
	put_qp(r, "=3D", 3, out);
	for (size_t i = 1; i < r->n_held; i++)
		put_qp(r, r->held + i, 1, out);
	r->n_held = 0;
}

static void wrap_qp(struct recode *r, struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i], coded[3];

		if (c == '\n') {
			end_qp_line(r, out);
		} else if (c == '\r') {
			continue;
		} else if (r->n_held && (unsigned char)c > 0x7f) {
			release_qp(r, out);
			qp_octet(coded, c);
			put_qp(r, coded, 3, out);
		} else if (r->n_held || c == '=') {
			r->held[r->n_held++] = c;
			if (r->n_held < 3)
				continue;
			put_qp(r, r->held, 3, out);
			r->n_held = 0;
		} else if ((unsigned char)c > 0x7f) {
			qp_octet(coded, c);
			put_qp(r, coded, 3, out);
		} else {
			put_qp(r, &c, 1, out);
		}
	}
}

static void wrap_base64(struct recode *r, struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\r' || in.p[i] == '\n')
			continue;
		/* A line that a boundary could begin like is not made. */
		if (r->out_col >= (in.p[i] == '-' ? 900 : LINE_LEN)) {
			buf_add(out, STR("\r\n"));
			r->out_col = 0;
		}
		buf_addch(out, in.p[i]);
		r->out_col++;
	}
}

static void write_leaf(struct recode *r, struct str in, struct buf *out)
{
	switch (r->mode) {
	case MODE_ENCODE:
		qp_feed(&r->qp, in, out);
		break;
	case MODE_WRAP_QP:
		wrap_qp(r, in, out);
		break;
	case MODE_WRAP_BASE64:
		wrap_base64(r, in, out);
		break;
	default:
		buf_add(out, in);
	}
}

static void end_leaf(struct recode *r, struct buf *out)
{
	if (r->mode == MODE_ENCODE)
		qp_end(&r->qp, out);
	if (r->mode == MODE_WRAP_BASE64 && r->out_col)
		buf_add(out, STR("\r\n"));
	r->out_col = 0;
	r->n_held = 0;
}

/* The fields of an entity, as they fit what is done to its body. */
static void edit(const struct recode *r, const struct entity *e,
		 struct buf *head)
{
	const struct str name = STR("Content-Transfer-Encoding");
	bool leaf = r->state == STATE_LEAF;

	if (leaf && r->mode == MODE_ENCODE)
		header_replace(head, name, STR("quoted-printable"));
	else if ((e->kind == ENTITY_MULTIPART || e->kind == ENTITY_MESSAGE) &&
		 e->eightbit && r->convert && !(r->stuck & NEED_7BIT))
		header_replace(head, name, STR("7bit"));
}

/* -- the structure, in both passes ------------------------------------------- */

/* Begin what e says comes next. */
static void enter(struct recode *r, const struct entity *e)
{
	struct recode_level *l = &r->level[r->depth];

	r->need = 0;
	r->mode = MODE_COPY;
	if (e->kind == ENTITY_SEALED) {
		r->state = STATE_SEALED;
		return;
	}
	if ((e->kind != ENTITY_MULTIPART && e->kind != ENTITY_MESSAGE) ||
	    (e->kind == ENTITY_MESSAGE && e->coding != CODING_NONE)) {
		r->state = STATE_LEAF;
		r->leaf = *e;
		if (r->writing)
			r->mode = r->modes.p[r->n_leaf++];
		return;
	}
	if (r->depth == RECODE_DEPTH_MAX || e->coding != CODING_NONE ||
	    (e->kind == ENTITY_MULTIPART && !*e->boundary)) {
		r->malformed = true;
		return;
	}
	memcpy(l->text, e->boundary, sizeof(l->text));
	l->boundary = str_of(l->text);
	l->digest = e->digest;
	r->depth++;
	r->state = e->kind == ENTITY_MESSAGE ? STATE_HEAD : STATE_LOOSE;
}

/* A part's header is complete; fold it if it needs that. */
static void head_done(struct recode *r, struct str blank_line,
		      struct buf *out)
{
	bool digest = r->depth && r->level[r->depth - 1].digest;
	struct error err;
	struct entity e;

	if (r->need & NEED_SHORT) {
		r->folded = true;
		if (header_fold(&r->head, &err))
			r->stuck |= NEED_SHORT;
	}
	entity_read(&e, buf_str(&r->head), digest);
	enter(r, &e);
	if (r->writing) {
		edit(r, &e, &r->head);
		buf_add(out, buf_str(&r->head));
		buf_add(out, blank_line);
	}
	buf_reset(&r->head);
	r->head_line = 0;
}

static void in_head(struct recode *r, struct str in, struct buf *out)
{
	note(r, in);
	buf_add(&r->head, in);
	if (r->head.over) {
		r->malformed = true;
		return;
	}
	if (in.p[in.n - 1] != '\n')
		return;
	if (r->head.len - r->head_line == 2) {
		r->head.len = r->head_line;
		head_done(r, STR("\r\n"), out);
	} else {
		r->head_line = r->head.len;
	}
}

/* A piece of a line that is no boundary. */
static void text(struct recode *r, struct str in, struct buf *out)
{
	if (!in.n || r->malformed)
		return;
	if (r->state == STATE_HEAD)
		in_head(r, in, out);
	else if (!r->writing)
		note(r, in);
	else if (r->state == STATE_LEAF)
		write_leaf(r, in, out);
	else
		buf_add(out, in);
}

/* A boundary, or the end of the body, ends whatever there is. */
static void leave(struct recode *r, struct buf *out)
{
	while (r->state == STATE_HEAD && !r->malformed) {
		bool empty = !r->head.len;

		head_done(r, STR(""), out);
		if (r->state == STATE_HEAD && empty)
			break;
	}
	if (r->writing) {
		if (r->state == STATE_LEAF)
			end_leaf(r, out);
		return;
	}
	if (r->state == STATE_LEAF)
		buf_addch(&r->modes, (char)choose(r));
	else if (r->state == STATE_SEALED)
		r->sealed |= r->need & wanted(r);
	else
		r->stuck |= r->need & wanted(r);
	if (r->modes.over)
		r->malformed = true;
	r->need = 0;
}

/*
 * Whose boundary is the line, RFC 2046 s5.1.1?  Returns the level's number
 * counted from 1, or 0; *last if it is the closing one.
 */
static size_t find_level(const struct recode *r, struct str line, bool *last)
{
	line.p += 2;
	line.n -= 4;
	while (line.n && (line.p[line.n - 1] == ' ' ||
			  line.p[line.n - 1] == '\t'))
		line.n--;
	for (size_t i = r->depth; i; i--) {
		struct str b = r->level[i - 1].boundary;

		*last = line.n == b.n + 2 && line.p[b.n] == '-' &&
			line.p[b.n + 1] == '-';
		if (b.n && (*last || line.n == b.n) && str_starts(line, b))
			return i;
	}
	return 0;
}

/* True if the line, which is whole, is a boundary; then all is done. */
static bool delimiter(struct recode *r, struct str line, struct buf *out)
{
	bool last;
	size_t level;

	if (line.n < 4 || !(level = find_level(r, line, &last)))
		return false;
	leave(r, out);
	for (size_t i = level; i < r->depth; i++)
		if (r->level[i].boundary.n)
			r->malformed = true;
	r->depth = last ? level - 1 : level;
	r->state = last ? STATE_LOOSE : STATE_HEAD;
	r->need = 0;
	if (r->writing)
		buf_add(out, line);
	return true;
}

/* Can a line that begins so be a boundary? */
static bool may_delimit(const struct recode *r, struct str begin,
			struct str more)
{
	if (!r->depth || begin.n + more.n > DELIMITER_MAX)
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (i < begin.n ? begin.p[i] != '-' :
		    i - begin.n < more.n && more.p[i - begin.n] != '-')
			return false;
	}
	return true;
}

/* A piece that has no line end but perhaps its last octet. */
static void piece(struct recode *r, struct str in, struct buf *out)
{
	bool end = in.p[in.n - 1] == '\n';

	if (!r->mid_line && may_delimit(r, buf_str(&r->line), in)) {
		buf_add(&r->line, in);
		if (!end)
			return;
		if (!delimiter(r, buf_str(&r->line), out))
			text(r, buf_str(&r->line), out);
		buf_reset(&r->line);
		return;
	}
	text(r, buf_str(&r->line), out);
	buf_reset(&r->line);
	text(r, in, out);
	r->mid_line = !end;
}

void recode_feed(struct recode *r, struct str in, struct buf *out)
{
	while (in.n && !r->malformed) {
		const char *lf = memchr(in.p, '\n', in.n);
		size_t n = lf ? (size_t)(lf - in.p) + 1 : in.n;

		piece(r, (struct str){ in.p, n }, out);
		in.p += n;
		in.n -= n;
	}
}

void recode_end(struct recode *r, struct buf *out)
{
	text(r, buf_str(&r->line), out);
	buf_reset(&r->line);
	leave(r, out);
}

/* -- what callers see -------------------------------------------------------- */

static void begin(struct recode *r)
{
	r->depth = 0;
	r->mid_line = false;
	r->col = 0;
	r->n_leaf = 0;
	buf_reset(&r->line);
	buf_reset(&r->head);
	r->head_line = 0;
	enter(r, &r->top);
}

void recode_init(struct recode *r, struct str head, const struct facts *body,
		 bool eightbit)
{
	*r = (struct recode){ .convert = !eightbit };
	if (body->longest > MESSAGE_LINE_MAX)
		r->all |= NEED_SHORT;
	if (body->eightbit)
		r->all |= NEED_7BIT;
	buf_init(&r->line, DELIMITER_MAX);
	buf_init(&r->head, RECODE_HEAD_MAX);
	buf_init(&r->modes, RECODE_PARTS_MAX);
	entity_read(&r->top, head, false);
	begin(r);
}

void recode_release(struct recode *r)
{
	buf_release(&r->line);
	buf_release(&r->head);
	buf_release(&r->modes);
}

void recode_look(struct recode *r, struct str in)
{
	recode_feed(r, in, NULL);
}

static int refuse(struct error *err, unsigned need, const char *why)
{
	return error_set(err, ERROR_DATA, "%s, and it cannot be re-encoded: %s",
			 need & NEED_SHORT ?
			 "a line of the body is longer than 998 octets" :
			 "the body has 8-bit content that the relay does not "
			 "take (no 8BITMIME)", why);
}

int recode_decide(struct recode *r, bool *needed, struct error *err)
{
	recode_end(r, NULL);
	for (size_t i = 0; i < r->depth; i++)
		if (r->level[i].boundary.n)
			r->malformed = true;
	if (r->sealed)
		return refuse(err, r->sealed,
			      "its part is signed or encrypted");
	if (r->malformed && r->all & NEED_SHORT)
		return refuse(err, NEED_SHORT,
			      "the MIME structure is broken or too deep");
	if (r->stuck & NEED_SHORT)
		return refuse(err, NEED_SHORT,
			      "it is not in a part that has an encoding");
	*needed = r->folded;
	for (size_t i = 0; i < r->modes.len; i++)
		if (r->modes.p[i] != MODE_COPY)
			*needed = true;
	if (r->malformed)
		*needed = false;
	return 0;
}

static struct str charset(const struct recode *r)
{
	if (!(r->all & NEED_7BIT))
		return STR("text/plain; charset=us-ascii");
	if (!r->utf8_left)
		return STR("text/plain; charset=utf-8");
	return STR("text/plain; charset=unknown-8bit");	/* RFC 1428 s3 */
}

void recode_head(struct recode *r, struct buf *head)
{
	struct header_field f;

	r->writing = true;
	begin(r);
	if (!header_find(buf_str(head), STR("MIME-Version"), &f))
		header_append(head, STR("MIME-Version"), STR("1.0"));
	if (!r->top.typed && r->mode == MODE_ENCODE)
		header_append(head, STR("Content-Type"), charset(r));
	edit(r, &r->top, head);
}
