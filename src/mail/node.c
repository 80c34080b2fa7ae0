#include "mail/node.h"

#include <string.h>

#include "mail/message.h"
#include "mail/mimetype.h"
#include "mail/param.h"
#include "mail/qp.h"
#include "util/utf8.h"

static const char *const coding_names[] = {
	[NODE_7BIT] = "7bit",
	[NODE_8BIT] = "8bit",
	[NODE_BINARY] = "binary",
	[NODE_QP] = "quoted-printable",
	[NODE_BASE64] = "base64",
};

bool node_is_text(const struct part *p)
{
	return p->role == PART_TEXT || p->role == PART_HTML ||
	       p->role == PART_CALENDAR;
}

bool node_is_message(const struct node *n)
{
	return str_casestarts(n->type, STR("message/"));
}

/* What a message of errors calls a part. */
static const char *role_name(const struct part *p)
{
	static const char *const names[] = {
		[PART_TEXT] = "text", [PART_HTML] = "HTML",
		[PART_CALENDAR] = "calendar", [PART_ATTACH] = "attachment",
		[PART_INLINE] = "inline part",
	};

	return names[p->role];
}

/* Put "attachment 'name'" before an error. */
int node_wrap(struct error *err, const struct part *p)
{
	struct buf shown;

	buf_init(&shown, 300);
	utf8_escape(&shown, p->name);
	if (p->name.n)
		error_wrap(err, "%s '%s'", role_name(p), buf_cstr(&shown));
	else
		error_wrap(err, "%s", role_name(p));
	buf_release(&shown);
	return -1;
}

/* -- encodings --------------------------------------------------------------- */

/* What the content is without encoding; BINARY if no line can hold it. */
static enum node_coding plain_coding(const struct node *n)
{
	const struct part_facts *f = &n->facts;

	if (!n->scanned || f->nul || f->bare_cr || f->bare_lf ||
	    f->longest > MESSAGE_LINE_MAX)
		return NODE_BINARY;
	return f->eightbit ? NODE_8BIT : NODE_7BIT;
}

/* Which of quoted-printable and base64 is the smaller for a text. */
static enum node_coding smaller(const struct node *n)
{
	struct piece piece = { .kind = PIECE_BASE64, .len = n->text.n };
	struct str rest = n->text;
	struct qp qp = { 0 };
	uint64_t size = 0;
	struct buf out;

	buf_init(&out, SIZE_MAX / 4);
	while (rest.n) {
		size_t len = rest.n < 64 << 10 ? rest.n : 64 << 10;

		qp_feed(&qp, (struct str){ rest.p, len }, &out);
		rest.p += len;
		rest.n -= len;
		size += out.len;
		buf_reset(&out);
	}
	qp_end(&qp, &out);
	size += out.len;
	buf_release(&out);
	return size <= piece_size(&piece) ? NODE_QP : NODE_BASE64;
}

static void choose(struct node *n, bool binary)
{
	enum node_coding plain = plain_coding(n);
	bool raw = n->scanned && !n->facts.marked;

	n->coding = NODE_BASE64;
	if (node_is_message(n)) {
		if (raw && plain != NODE_BINARY) {
			n->coding = plain;
			return;
		}
		n->type = STR("application/octet-stream");
	}
	if (!node_is_text(n->part)) {
		if (raw && binary)
			n->coding = NODE_BINARY;
		return;
	}
	if (raw && (plain == NODE_7BIT || binary))
		n->coding = plain;
	else if (n->part->fd < 0)
		n->coding = smaller(n);
}

enum node_coding node_choose(struct node *n, bool binary, bool *encoded)
{
	if (n->part) {
		choose(n, binary);
		if (n->coding <= NODE_BINARY)
			return n->coding;
		*encoded = true;
		return NODE_7BIT;
	}
	n->coding = NODE_7BIT;
	for (struct node *k = n->first; k; k = k->next) {
		enum node_coding inner = node_choose(k, binary, encoded);

		if (inner > n->coding)
			n->coding = inner;
	}
	return n->coding;
}

/* -- fields ------------------------------------------------------------------ */

void node_boundary(struct buf *out, const struct node *n, const char *unique)
{
	buf_addf(out, "=_%s.%u", unique, n->number);
}

/* What RFC 2387 s3 asks of a multipart/related. */
static void add_root(struct buf *out, const struct node *root)
{
	struct buf value;

	buf_init(&value, 1000);
	buf_addf(&value, "<%s>", buf_cstr(&root->cid));
	param_add(out, STR("type"), STR("text/html"));
	param_add(out, STR("start"), buf_str(&value));
	buf_release(&value);
}

static void multipart_fields(struct buf *out, const struct node *n,
			     const char *unique)
{
	struct buf value;

	buf_init(&value, 200);
	node_boundary(&value, n, unique);
	buf_addf(out, "Content-Type: multipart/%s", n->subtype);
	param_add(out, STR("boundary"), buf_str(&value));
	if (!strcmp(n->subtype, "related"))
		add_root(out, n->first);
	buf_addz(out, "\r\n");
	buf_release(&value);
}

static void add_charset(struct buf *out, const struct node *n)
{
	const struct part_facts *f = &n->facts;
	struct str charset = n->part->charset;

	if (!str_casestarts(n->type, STR("text/")) ||
	    mimetype_has(n->type, STR("charset")))
		return;
	if (!charset.n && (node_is_text(n->part) || n->guessed ||
			   (n->scanned && f->eightbit && !f->bad_line &&
			    !f->control)))
		charset = STR("utf-8");
	if (charset.n)
		param_add(out, STR("charset"), charset);
}

static void add_method(struct buf *out, const struct part *p)
{
	char method[PART_METHOD_MAX];
	struct str value = p->method;

	if (!value.n && p->fd < 0) {
		part_calendar_method(method, p->text);
		value = str_of(method);
	}
	if (value.n)
		param_add(out, STR("method"), value);
}

static int leaf_fields(struct buf *out, const struct node *n,
		       struct error *err)
{
	const struct part *p = n->part;

	buf_addz(out, "Content-Type: ");
	if (mimetype_add(out, n->type, err))
		return node_wrap(err, p);
	add_charset(out, n);
	if (p->role == PART_CALENDAR)
		add_method(out, p);
	if (!node_is_text(p) && p->name.n &&
	    !mimetype_has(n->type, STR("name")))
		param_add_plain(out, STR("name"), p->name);
	buf_addz(out, "\r\n");
	if (!node_is_text(p)) {
		buf_addf(out, "Content-Disposition: %s",
			 p->role == PART_INLINE ? "inline" : "attachment");
		if (p->name.n)
			param_add(out, STR("filename"), p->name);
		buf_addz(out, "\r\n");
	}
	if (n->cid.len)
		buf_addf(out, "Content-ID: <%s>\r\n", buf_cstr(&n->cid));
	return 0;
}

int node_fields(struct buf *out, const struct node *n, const char *unique,
		struct error *err)
{
	if (!n->part)
		multipart_fields(out, n, unique);
	else if (leaf_fields(out, n, err))
		return -1;
	if (n->coding != NODE_7BIT)
		buf_addf(out, "Content-Transfer-Encoding: %s\r\n",
			 coding_names[n->coding]);
	return 0;
}
