/*
 * Any message, as scan makes it: what is written does not depend on the cuts,
 * has no long line, needs no recoding again, and decodes to what it was.
 */
#include "mail/recode.h"

#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "mail/scan.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct result {
	struct buf head, body;
	bool needed;
	int ret;
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static struct str body_of(const struct message *m)
{
	return m->piece[0].text;
}

static void feed(struct recode *r, struct str in, size_t step, bool write,
		 struct buf *out)
{
	while (in.n) {
		size_t n = in.n < step ? in.n : step;

		if (write)
			recode_feed(r, (struct str){ in.p, n }, out);
		else
			recode_look(r, (struct str){ in.p, n });
		in.p += n;
		in.n -= n;
	}
}

static void run(struct result *t, const struct message *m, bool eightbit,
		size_t look, size_t write)
{
	struct recode r;
	struct error err;

	t->needed = false;
	buf_init(&t->head, MESSAGE_HEAD_MAX);
	buf_init(&t->body, 4 * body_of(m).n + RECODE_ROOM);
	buf_add(&t->head, buf_str(&m->head));
	recode_init(&r, buf_str(&m->head), &m->body_facts, eightbit);
	feed(&r, body_of(m), look, false, NULL);
	t->ret = recode_decide(&r, &t->needed, &err);
	if (!t->ret && t->needed) {
		recode_head(&r, &t->head);
		feed(&r, body_of(m), write, true, &t->body);
		recode_end(&r, &t->body);
		require(!t->body.over);
	}
	recode_release(&r);
}

static void release(struct result *t)
{
	buf_release(&t->head);
	buf_release(&t->body);
}

/* The message that was written, as the next reader sees it. */
static void reread(struct message *m, struct piece *piece, struct buf *body,
		   const struct result *t)
{
	struct scan scan;
	struct error err;

	buf_init(&m->head, 2 * MESSAGE_HEAD_MAX);
	buf_init(body, 64 << 20);
	scan_init(&scan, 0);
	require(!scan_feed(&scan, buf_str(&t->head), &m->head, body, &err));
	require(!scan_feed(&scan, STR("\r\n"), &m->head, body, &err));
	require(!scan_feed(&scan, buf_str(&t->body), &m->head, body, &err));
	require(!scan_end(&scan, &m->head, body, &err));
	*piece = piece_text(buf_str(body));
	m->piece = piece;
	m->n_piece = 1;
	m->body_facts = scan.body;
	require(str_eq(body_of(m), buf_str(&t->body)));
	require(!scan.head.bare_cr && !scan.body.bare_cr);
}

static void check(const struct message *m, const struct result *t,
		  bool eightbit)
{
	struct message new = { .n_piece = 0 };
	struct piece piece;
	struct entity top;
	struct result again;
	struct buf body, back;

	reread(&new, &piece, &body, t);
	require(new.body_facts.longest <= MESSAGE_LINE_MAX);
	run(&again, &new, eightbit, 100, 100);
	require(!again.ret && !again.needed);
	release(&again);
	entity_read(&top, buf_str(&m->head), false);
	if (top.kind == ENTITY_LEAF && top.coding == CODING_NONE) {
		buf_init(&back, 64 << 20);
		require(!qp_decode(&back, body_of(&new)));
		require(str_eq(buf_str(&back), body_of(m)));
		buf_release(&back);
	}
	buf_release(&body);
	buf_release(&new.head);
}

static void both(const struct message *m, bool eightbit, size_t step)
{
	struct result whole, cut;

	run(&whole, m, eightbit, body_of(m).n, body_of(m).n);
	run(&cut, m, eightbit, step, step);
	require(whole.ret == cut.ret && whole.needed == cut.needed);
	if (whole.needed && !whole.ret) {
		require(str_eq(buf_str(&whole.head), buf_str(&cut.head)));
		require(str_eq(buf_str(&whole.body), buf_str(&cut.body)));
		check(m, &whole, eightbit);
	}
	release(&whole);
	release(&cut);
}

/* "@" makes lines long, which the fuzzer would not. */
static void expand(struct buf *out, struct str in)
{
	for (size_t i = 0; i < in.n; i++)
		for (int n = in.p[i] == '@' ? 600 : 1; n; n--)
			buf_addch(out, in.p[i] == '@' ? 'x' : in.p[i]);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct message m = { .n_piece = 0 };
	struct piece piece;
	struct buf in, body;
	struct scan scan;
	struct error err;

	if (size < 2)
		return 0;
	buf_init(&in, 64 << 20);
	buf_init(&body, 64 << 20);
	buf_init(&m.head, 2 * MESSAGE_HEAD_MAX);
	expand(&in, (struct str){ (const char *)data + 2, size - 2 });
	scan_init(&scan, 0);
	if (!scan_feed(&scan, buf_str(&in), &m.head, &body, &err) &&
	    !scan_end(&scan, &m.head, &body, &err)) {
		piece = piece_text(buf_str(&body));
		m.piece = &piece;
		m.n_piece = 1;
		m.body_facts = scan.body;
		both(&m, data[0] & 1, 1 + data[1] % 64);
	}
	buf_release(&in);
	buf_release(&body);
	buf_release(&m.head);
	return 0;
}
