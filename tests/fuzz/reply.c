/* However a reply is cut, the same comes out of it, within its ceilings. */
#include "smtp/reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void note(const struct reply *r, struct buf *log)
{
	struct str text = buf_str(&r->text);
	char code[12];

	require(r->code >= 200 && r->code <= 599);
	require(text.n <= REPLY_TEXT_MAX);
	require(!text.n || !memchr(text.p, '\0', text.n));
	reply_enhanced(r->code, text, code);
	require(strlen(code) < sizeof(code));
	require(!*code || (code[0] == '0' + r->code / 100 &&
			   str_starts(text, str_of(code))));
	buf_addf(log, "%d %s ", r->code, code);
	buf_add(log, text);
	buf_addch(log, '\0');
}

/* All replies in `in`, fed `step` octets at a time. */
static void parse(struct str in, size_t step, struct buf *log)
{
	enum reply_status status = REPLY_MORE;
	struct reply r;

	reply_init(&r);
	while (in.n && status != REPLY_BAD) {
		struct str part = { in.p, in.n < step ? in.n : step };
		size_t fed = part.n;

		while (part.n && status != REPLY_BAD) {
			status = reply_feed(&r, &part);
			require(status != REPLY_MORE || !part.n);
			require(status != REPLY_DONE || !reply_begun(&r));
			if (status == REPLY_DONE)
				note(&r, log);
			if (status == REPLY_BAD)
				buf_addz(log, r.why);
		}
		in.p += fed;
		in.n -= fed;
	}
	if (status != REPLY_BAD && reply_begun(&r))
		buf_addz(log, "...");
	reply_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct buf whole, cut;

	buf_init(&whole, 1 << 24);
	buf_init(&cut, 1 << 24);
	parse(in, size, &whole);
	for (size_t step = 1; step < 8; step += 3) {
		buf_reset(&cut);
		parse(in, step, &cut);
		require(str_eq(buf_str(&whole), buf_str(&cut)));
	}
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
