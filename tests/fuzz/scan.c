/* Input cut as the fuzzer likes: the same message, and a canonical one. */
#include "mail/scan.h"

#include <stdlib.h>
#include <string.h>

#include "mail/header.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct run {
	struct scan scan;
	struct buf head, body;
	int ret;
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void run(struct run *r, struct str in, unsigned flags, size_t step)
{
	struct error err;

	buf_init(&r->head, 2 * MESSAGE_HEAD_MAX);
	buf_init(&r->body, 64 << 20);
	scan_init(&r->scan, flags);
	r->ret = 0;
	while (in.n && !r->ret) {
		size_t n = in.n < step ? in.n : step;

		r->ret = scan_feed(&r->scan, (struct str){ in.p, n }, &r->head,
				   &r->body, &err);
		in.p += n;
		in.n -= n;
	}
	if (!r->ret)
		r->ret = scan_end(&r->scan, &r->head, &r->body, &err);
}

/* Whole lines that end in CRLF, as the facts say. */
static void canonical(struct str text, const struct facts *f)
{
	struct facts is = { .size = text.n, .eightbit = str_has_8bit(text) };

	require(!memchr(text.p, '\0', text.n));
	while (text.n) {
		const char *cr = memchr(text.p, '\r', text.n);
		uint64_t n;

		require(cr && !memchr(text.p, '\n', (size_t)(cr - text.p)));
		n = (uint64_t)(cr - text.p);
		require(text.n >= n + 2 && cr[1] == '\n');
		is.lines++;
		if (n > is.longest) {
			is.longest = n;
			is.longest_line = is.lines;
		}
		text.p += n + 2;
		text.n -= n + 2;
	}
	require(is.size == f->size && is.lines == f->lines &&
		is.longest == f->longest && is.eightbit == f->eightbit &&
		is.longest_line == f->longest_line);
}

static bool has_lone_dot(struct str in)
{
	while (in.n) {
		bool lf = memchr(in.p, '\n', in.n) != NULL;
		struct str line = str_cut(&in, '\n');

		if (str_eq(line, STR(".")) || (lf && str_eq(line, STR(".\r"))))
			return true;
	}
	return false;
}

static bool all_fields(struct str head)
{
	struct header_field f;

	while (header_next(&head, &f))
		if (!f.name.n)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct run whole, cut;
	struct str in;
	unsigned flags;

	if (size < 2)
		return 0;
	flags = data[0] & (SCAN_DOT | SCAN_STRICT);
	in = (struct str){ (const char *)data + 2, size - 2 };
	run(&whole, in, flags, in.n);
	run(&cut, in, flags, 1 + data[1] % 64);
	require(whole.ret == cut.ret);
	if (!whole.ret) {
		require(str_eq(buf_str(&whole.head), buf_str(&cut.head)));
		require(str_eq(buf_str(&whole.body), buf_str(&cut.body)));
		canonical(buf_str(&whole.head), &whole.scan.head);
		canonical(buf_str(&whole.body), &whole.scan.body);
		canonical(buf_str(&cut.body), &cut.scan.body);
		require(all_fields(buf_str(&whole.head)));
		require(whole.scan.done ==
			(flags & SCAN_DOT && has_lone_dot(in)));
		require(!(flags & SCAN_STRICT) || !(whole.scan.body.nul ||
						    whole.scan.head.nul));
	}
	buf_release(&whole.head);
	buf_release(&whole.body);
	buf_release(&cut.head);
	buf_release(&cut.body);
	return 0;
}
