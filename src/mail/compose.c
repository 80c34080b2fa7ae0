#include "mail/compose.h"

#include <stdlib.h>
#include <string.h>

#include "mail/cid.h"
#include "mail/fields.h"
#include "mail/mimetype.h"
#include "mail/node.h"
#include "mail/qp.h"
#include "mail/roster.h"
#include "util/base64.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	MULTIPARTS = 4,		/* nodes besides those of the parts */
	CID_LINE_MAX = 900	/* octets of a Content-ID of any origin */
};

/* Octets of text in memory that can be encoded. */
static const size_t OWN_MAX = SIZE_MAX / 4;

/* The message being made. */
struct maker {
	const struct compose *c;
	struct composed *out;
	struct node *node;		/* one for each part, then others */
	size_t n_node, cap_piece;
	struct node *html;		/* or NULL */
};

static const struct part no_text = {
	.role = PART_TEXT, .text = { "", 0 }, .fd = -1, .name = { "", 0 },
	.type = { "", 0 }, .cid = { "", 0 }, .charset = { "", 0 },
	.method = { "", 0 },
};

/* The first part of a role, or NULL. */
static struct node *only(struct maker *m, enum part_role role)
{
	for (size_t i = 0; i < m->c->n_part; i++)
		if (m->node[i].part->role == role)
			return &m->node[i];
	return NULL;
}

/* -- types ------------------------------------------------------------------- */

/* *guessed, if the content decided. */
static struct str type_of(const struct compose *c, const struct part *p,
			  const struct part_facts *facts, bool *guessed)
{
	struct str type = p->type;

	*guessed = false;
	if (p->role == PART_TEXT)
		return STR("text/plain");
	if (p->role == PART_HTML)
		return STR("text/html");
	if (p->role == PART_CALENDAR)
		return STR("text/calendar");
	if (!type.n)
		type = mimetype_by_name(p->name, c->mime_types);
	if (type.n)
		return type;
	*guessed = facts && !facts->bad_line && !facts->control;
	return *guessed ? STR("text/plain") : STR("application/octet-stream");
}

struct str compose_type(const struct compose *c, const struct part *p)
{
	bool guessed;

	return mimetype_essence(type_of(c, p, p->scanned ? &p->facts : NULL,
					&guessed));
}

/* -- content ----------------------------------------------------------------- */

/* A copy of text that lives as long as the result. */
static struct buf *own_text(struct maker *m, size_t max)
{
	struct buf *b = &m->out->text[m->out->n_text++];

	buf_init(b, max);
	return b;
}

/* Text in memory gets its line ends; n->text is what was borrowed, or ours. */
static void make_canonical(struct maker *m, struct node *n)
{
	struct buf *b;

	if (!n->facts.bare_lf && !n->facts.nul &&
	    (!n->text.n || n->facts.ends_line))
		return;
	b = own_text(m, 2 * n->text.n + 2);
	part_canonical(b, n->text);
	n->text = buf_str(b);
}

static void scan_text(const struct maker *m, struct node *n)
{
	struct part_scan scan;

	part_scan_init(&scan, m->c->unique);
	part_scan_feed(&scan, n->text);
	part_scan_end(&scan);
	n->facts = scan.facts;
	n->scanned = true;
}

static int check_part(const struct part *p, struct error *err)
{
	bool bad = !utf8_valid(p->name);

	if (bad || str_has_ctl(p->name)) {
		error_set(err, ERROR_DATA, bad ? "the name is not UTF-8; give "
			  "another with ';name='" : "the name has a control "
			  "byte or a line break; give another with ';name='");
		return node_wrap(err, p);
	}
	if (p->charset.n && !mimetype_token(p->charset)) {
		error_set(err, ERROR_DATA, "the charset is not a name");
		return node_wrap(err, p);
	}
	if (p->method.n && !mimetype_token(p->method)) {
		error_set(err, ERROR_DATA, "the method is not a name");
		return node_wrap(err, p);
	}
	return 0;
}

static bool is_utf8(struct str charset)
{
	return !charset.n || str_caseeq(charset, STR("utf-8")) ||
	       str_caseeq(charset, STR("us-ascii"));
}

/* Facts, type and canonical text of a part. */
static int prepare(struct maker *m, struct node *n, struct error *err)
{
	const struct part *p = n->part;

	if (check_part(p, err))
		return -1;
	n->text = p->fd < 0 ? p->text : STR("");
	n->facts = p->facts;
	n->scanned = p->scanned;
	if (p->fd < 0)
		scan_text(m, n);
	if (node_is_text(p) && n->scanned && n->facts.bad_line &&
	    is_utf8(p->charset)) {
		error_set(err, ERROR_DATA, "line %llu is not UTF-8; say what "
			  "it is with --charset",
			  (unsigned long long)n->facts.bad_line);
		return node_wrap(err, p);
	}
	n->type = type_of(m->c, p, n->scanned ? &n->facts : NULL,
			  &n->guessed);
	if (p->fd < 0 && (node_is_text(p) || node_is_message(n))) {
		make_canonical(m, n);
		scan_text(m, n);
	}
	return 0;
}

/* -- inline parts ------------------------------------------------------------ */

static int make_cids(struct maker *m, struct error *err)
{
	struct node *shown = only(m, PART_INLINE);

	for (size_t i = 0; i < m->c->n_part; i++) {
		struct node *n = &m->node[i];
		const struct part *p = n->part;

		if (p->role != PART_INLINE && (n != m->html || !shown))
			continue;
		if (!p->cid.n)
			cid_make(&n->cid, p->name, i, m->c->unique,
				 m->c->mailname);
		else if (cid_check(&n->cid, p->cid, err))
			return node_wrap(err, p);
		for (size_t k = 0; k < i; k++)
			if (n->cid.len && str_eq(buf_str(&m->node[k].cid),
						 buf_str(&n->cid))) {
				error_set(err, ERROR_DATA, "another part has "
					  "the same cid");
				return node_wrap(err, p);
			}
	}
	return 0;
}

static void warn(struct maker *m, const char *before, struct str what,
		 const char *after)
{
	buf_addz(&m->out->warnings, before);
	utf8_escape(&m->out->warnings, what);
	buf_addz(&m->out->warnings, after);
	buf_addch(&m->out->warnings, '\n');
}

static void warn_all(struct maker *m, const struct roster *missing,
		     const struct cid *cid, size_t n)
{
	for (size_t i = 0; i < missing->n; i++)
		warn(m, "the HTML refers to 'cid:",
		     str_of(roster_get(missing, i)),
		     "', which no inline part answers");
	for (size_t i = 0; i < n; i++)
		if (!cid[i].shown)
			warn(m, "the HTML does not refer to inline part '",
			     cid[i].name.n ? cid[i].name : cid[i].id, "'");
}

/* Let the references of the HTML meet the parts. */
static void resolve(struct maker *m)
{
	struct cid *cid = xcalloc(m->c->n_part + 1, sizeof(*cid));
	struct roster missing;
	struct buf *html;
	size_t n = 0;

	for (size_t i = 0; i < m->c->n_part; i++)
		if (m->node[i].part->role == PART_INLINE)
			cid[n++] = (struct cid){ m->node[i].part->name,
						 buf_str(&m->node[i].cid),
						 false };
	roster_init(&missing);
	if (!m->html) {
		for (size_t i = 0; i < n; i++)
			warn(m, "there is no HTML to show inline part '",
			     cid[i].name.n ? cid[i].name : cid[i].id, "'");
	} else if (m->html->part->fd < 0) {
		html = own_text(m, OWN_MAX);
		cid_resolve(html, m->html->text, cid, n, &missing);
		m->html->text = buf_str(html);
		scan_text(m, m->html);
		warn_all(m, &missing, cid, n);
	}
	roster_release(&missing);
	free(cid);
}

/* -- structure --------------------------------------------------------------- */

static struct node *multipart(struct maker *m, const char *subtype)
{
	struct node *n = &m->node[m->n_node++];

	n->subtype = subtype;
	n->number = (unsigned)(m->n_node - m->c->n_part);
	return n;
}

static void add_child(struct node *parent, struct node *child)
{
	if (!child)
		return;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

/* A multipart of one is no multipart, of none is nothing. */
static struct node *simplest(struct node *n)
{
	return n->first == n->last ? n->first : n;
}

static void add_files(struct maker *m, struct node *to, bool inlines,
		      bool attachments)
{
	for (size_t i = 0; i < m->c->n_part; i++) {
		enum part_role role = m->node[i].part->role;

		if (role == PART_INLINE ? inlines :
		    role == PART_ATTACH && attachments)
			add_child(to, &m->node[i]);
	}
}

static struct node *build(struct maker *m)
{
	struct node *mixed = multipart(m, "mixed");
	struct node *alternative = multipart(m, "alternative");
	struct node *related = multipart(m, "related");
	struct node *text = &m->node[m->n_node++];

	if (m->html) {
		add_child(related, m->html);
		add_files(m, related, true, false);
	}
	add_child(alternative, only(m, PART_TEXT));
	add_child(alternative, simplest(related));
	add_child(alternative, only(m, PART_CALENDAR));
	add_child(mixed, simplest(alternative));
	add_files(m, mixed, !m->html, true);
	if (!mixed->first) {
		text->part = &no_text;
		text->text = no_text.text;
		text->type = STR("text/plain");
		text->scanned = true;
		return text;
	}
	return mixed->first->part && !node_is_text(mixed->first->part) ? mixed :
	       simplest(mixed);
}

/* -- the body ---------------------------------------------------------------- */

static void add_piece(struct maker *m, struct piece piece)
{
	struct composed *out = m->out;

	if (!piece.len)
		return;
	if (out->n_piece == m->cap_piece) {
		m->cap_piece = 2 * m->cap_piece + 16;
		out->piece = xrealloc(out->piece, m->cap_piece,
				      sizeof(*out->piece));
	}
	out->piece[out->n_piece++] = piece;
}

/*
 * What stands in out->own from `at` on is the next piece, or more of the
 * last.  As own still moves, such a piece has no text but an offset.
 */
static void add_own(struct maker *m, size_t at)
{
	struct composed *out = m->out;
	struct piece *last = out->n_piece ? &out->piece[out->n_piece - 1]
					  : NULL;
	size_t len = out->own.len - at;

	if (last && last->fd < 0 && !last->text.p && last->at + last->len == at)
		last->len += len;
	else
		add_piece(m, (struct piece){ .kind = PIECE_PLAIN, .fd = -1,
					     .at = at, .len = len });
}

static void settle_own(struct composed *out)
{
	for (size_t i = 0; i < out->n_piece; i++) {
		struct piece *p = &out->piece[i];

		if (p->fd < 0 && !p->text.p)
			*p = piece_text((struct str){ out->own.p + p->at,
						      (size_t)p->len });
	}
}

static void put(struct maker *m, const char *text)
{
	size_t at = m->out->own.len;

	buf_addz(&m->out->own, text);
	add_own(m, at);
}

static void note_facts(struct facts *all, const struct part_facts *part)
{
	if (part->longest > all->longest)
		all->longest = part->longest;
	all->eightbit = all->eightbit || part->eightbit;
	all->nul = all->nul || part->nul;
	all->bare_cr = all->bare_cr || part->bare_cr;
}

static void put_qp(struct maker *m, struct str text)
{
	size_t at = m->out->own.len;
	struct qp qp = { 0 };

	qp_feed(&qp, text, &m->out->own);
	qp_end(&qp, &m->out->own);
	add_own(m, at);
}

/* Returns whether it ends in a line end that is not the content's. */
static bool put_content(struct maker *m, const struct node *n)
{
	const struct part *p = n->part;
	struct piece piece = { .kind = PIECE_PLAIN, .text = n->text,
			       .fd = p->fd, .at = p->at, .len = p->len };

	if (p->fd < 0) {
		piece.fd = -1;
		piece.at = 0;
		piece.len = n->text.n;
	}
	if (n->coding == NODE_QP) {
		put_qp(m, n->text);
		return false;
	}
	if (n->coding == NODE_BASE64)
		piece.kind = PIECE_BASE64;
	else
		note_facts(&m->out->facts, &n->facts);
	add_piece(m, piece);
	return n->coding == NODE_BASE64 && piece.len;
}

/* A line of boundary, "--" before it and `after` behind. */
static void put_boundary(struct maker *m, const struct node *n,
			 const char *after)
{
	size_t at = m->out->own.len;

	buf_addz(&m->out->own, "--");
	node_boundary(&m->out->own, n, m->c->unique);
	buf_addz(&m->out->own, after);
	add_own(m, at);
}

static int put_fields(struct maker *m, const struct node *n,
		      struct error *err)
{
	size_t at = m->out->own.len;

	if (node_fields(&m->out->own, n, m->c->unique, err))
		return -1;
	buf_addz(&m->out->own, "\r\n");
	add_own(m, at);
	return 0;
}

/* As deep as build() makes it.  *ended is what put_content returned. */
static int put_node(struct maker *m, const struct node *n, bool *ended,
		    struct error *err)
{
	if (n->part) {
		*ended = put_content(m, n);
		return 0;
	}
	for (const struct node *k = n->first; k; k = k->next) {
		put_boundary(m, n, "\r\n");
		if (put_fields(m, k, err) || put_node(m, k, ended, err))
			return -1;
		if (!*ended)
			put(m, "\r\n");
	}
	put_boundary(m, n, "--\r\n");
	*ended = true;
	return 0;
}

/* A body that is one text ends in a line end, too. */
static void end_body(struct maker *m, const struct node *root)
{
	struct composed *out = m->out;
	struct part_scan scan;

	if (root->part && root->coding <= NODE_BINARY && out->n_piece &&
	    !root->facts.ends_line)
		put(m, "\r\n");
	part_scan_init(&scan, "");
	part_scan_feed(&scan, buf_str(&out->own));
	part_scan_end(&scan);
	note_facts(&out->facts, &scan.facts);
	settle_own(out);
	for (size_t i = 0; i < out->n_piece; i++) {
		out->facts.size += piece_size(&out->piece[i]);
		if (out->piece[i].kind == PIECE_BASE64 &&
		    out->facts.longest < BASE64_LINE_OUT - 2)
			out->facts.longest = BASE64_LINE_OUT - 2;
	}
}

/* -- all of it --------------------------------------------------------------- */

static int check_unique(const char *unique, struct error *err)
{
	struct str s = str_of(unique);
	bool good = s.n >= PART_UNIQUE_MIN && s.n <= PART_UNIQUE_MAX;

	for (size_t i = 0; i < s.n && good; i++)
		good = mimetype_token((struct str){ s.p + i, 1 });
	return good ? 0 : error_set(err, ERROR_BUG,
				    "compose: no text for boundaries");
}

static int check_roles(const struct compose *c, struct error *err)
{
	for (size_t i = 0; i < c->n_part; i++)
		for (size_t k = 0; k < i && node_is_text(&c->part[i]); k++)
			if (c->part[k].role == c->part[i].role) {
				error_set(err, ERROR_DATA, "there can be but "
					  "one; attach the other");
				return node_wrap(err, &c->part[i]);
			}
	return 0;
}

static int make(struct maker *m, bool binary, struct error *err)
{
	static const enum body_kind kinds[] = {
		[NODE_7BIT] = BODY_7BIT, [NODE_8BIT] = BODY_8BIT,
		[NODE_BINARY] = BODY_BINARY,
	};
	struct composed *out = m->out;
	struct node *root;
	bool ended;

	if (check_unique(m->c->unique, err) || check_roles(m->c, err) ||
	    fields_add(&out->head, m->c, err))
		return -1;
	for (size_t i = 0; i < m->c->n_part; i++)
		if (prepare(m, &m->node[i], err))
			return -1;
	m->html = only(m, PART_HTML);
	if (make_cids(m, err))
		return -1;
	resolve(m);
	root = build(m);
	out->body = kinds[node_choose(root, binary, &out->encoded)];
	buf_addz(&out->head, "MIME-Version: 1.0\r\n");
	if (node_fields(&out->head, root, m->c->unique, err) ||
	    put_node(m, root, &ended, err))
		return -1;
	end_body(m, root);
	if (out->head.over || out->own.over)
		return error_set(err, ERROR_DATA, "the header is too long");
	return 0;
}

int compose(const struct compose *c, bool binary, struct composed *out,
	    struct error *err)
{
	struct maker m = { .c = c, .out = out, .n_node = c->n_part };
	int ret;

	*out = (struct composed){ .n_piece = 0 };
	buf_init(&out->head, MESSAGE_HEAD_MAX);
	buf_init(&out->warnings, MESSAGE_HEAD_MAX);
	buf_init(&out->own, OWN_MAX);
	/* One for line ends each, one for references. */
	out->text = xcalloc(c->n_part + 1, sizeof(*out->text));
	m.node = xcalloc(c->n_part + MULTIPARTS, sizeof(*m.node));
	for (size_t i = 0; i < c->n_part + MULTIPARTS; i++)
		buf_init(&m.node[i].cid, CID_LINE_MAX);
	for (size_t i = 0; i < c->n_part; i++)
		m.node[i].part = &c->part[i];
	ret = make(&m, binary, err);
	for (size_t i = 0; i < c->n_part + MULTIPARTS; i++)
		buf_release(&m.node[i].cid);
	free(m.node);
	return ret;
}

void composed_release(struct composed *out)
{
	for (size_t i = 0; i < out->n_text; i++)
		buf_release(&out->text[i]);
	free(out->text);
	free(out->piece);
	buf_release(&out->head);
	buf_release(&out->warnings);
	buf_release(&out->own);
	*out = (struct composed){ .n_piece = 0 };
}
