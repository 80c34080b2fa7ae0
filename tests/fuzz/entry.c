/* A queue file's parts: whatever is taken can be written, and reads the same. */
#include "spool/format.h"
#include "spool/state.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a, b) && !str_has_ctl(str_of(a));
}

static void print(struct buf *out, const struct format_head *h,
		  const struct envelope *e)
{
	struct error err;

	if (format_head(out, h, e, &err))
		out->over = true;
	for (size_t i = 0; i < e->n_rcpt && !out->over; i++)
		if (format_rcpt(out, &e->rcpt[i], e->rcpt[i].addr[-2], &err))
			out->over = true;
	buf_addch(out, '\n');
}

static void compare(const struct envelope *a, const struct envelope *b)
{
	require(a->n_rcpt == b->n_rcpt && same(a->from, b->from));
	require(same(a->envid, b->envid) && same(a->ret, b->ret));
	require(same(a->hold, b->hold) && same(a->deliver_by, b->deliver_by));
	for (size_t i = 0; i < a->n_rcpt; i++)
		require(same(a->rcpt[i].addr, b->rcpt[i].addr) &&
			a->rcpt[i].addr[-2] == b->rcpt[i].addr[-2] &&
			same(a->rcpt[i].notify, b->rcpt[i].notify) &&
			same(a->rcpt[i].orcpt, b->rcpt[i].orcpt));
}

static void header(struct str in)
{
	char *text = xstrndup(in.p, in.n);
	struct format_head h, h2;
	struct envelope e, e2;
	const char *why = NULL;
	struct buf again;

	buf_init(&again, 1 << 24);
	envelope_init(&e);
	if (format_parse(text, in.n, &h, &e, &why) != FORMAT_GOOD) {
		require(why != NULL);
	} else {
		require(e.n_rcpt > 0);
		print(&again, &h, &e);
		/* Written out it may be longer than a line may be. */
		if (!again.over) {
			envelope_init(&e2);
			require(format_parse(again.p, again.len, &h2, &e2,
					     &why) == FORMAT_GOOD);
			compare(&e, &e2);
			require(h.head_len == h2.head_len &&
				same(h.account, h2.account) &&
				h.created == h2.created && h.uid == h2.uid);
			envelope_release(&e2);
		}
	}
	envelope_release(&e);
	buf_release(&again);
	free(text);
}

static void state(struct str in)
{
	struct state st, back;
	struct buf out, twice;

	state_init(&st);
	state_init(&back);
	buf_init(&out, 1 << 24);
	buf_init(&twice, 1 << 24);
	if (state_parse(&st, in, 1000)) {
		state_print(&st, &out);
		require(state_parse(&back, buf_str(&out), 1000));
		state_print(&back, &twice);
		require(str_eq(buf_str(&out), buf_str(&twice)));
	}
	state_release(&st);
	state_release(&back);
	buf_release(&out);
	buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct format_trailer t;

	header(in);
	state(in);
	format_version(in);
	format_trailer_parse(in, &t);
	return 0;
}
