#include "mail/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIT(s) { s, sizeof(s) - 1 }

/* What becomes of the input; every row is run cut at every offset. */
static const struct {
	const char *name;
	unsigned flags;
	struct str in, head, body;
	bool done;
} rows[] = {
	{ "LF", 0, LIT("A: b\nC: d\n\nx\ny\n"),
	  LIT("A: b\r\nC: d\r\n"), LIT("x\r\ny\r\n"), false },
	{ "CRLF", 0, LIT("A: b\r\n\r\nx\r\n\r\ny\r\n"),
	  LIT("A: b\r\n"), LIT("x\r\n\r\ny\r\n"), false },
	{ "CR CR LF", 0, LIT("A: b\r\r\n\r\r\nx\r\r\n\r\r\ny\r\r\r\r\n"),
	  LIT("A: b\r\n"), LIT("x\r\n\r\ny\r\n"), false },
	{ "bare CR in the body", 0, LIT("\n10%\r20%\r\r30%\r"),
	  LIT(""), LIT("10%\r\n20%\r\n\r\n30%\r\n"), false },
	{ "bare CR in the header", 0, LIT("A: b\rC: d\r\re\n\n"),
	  LIT("A: b C: d  e\r\n"), LIT(""), false },
	{ "bare CR begins a header line", 0, LIT("A: b\n\rc\n\nx"),
	  LIT("A: b\r\n c\r\n"), LIT("x\r\n"), false },
	{ "bare CR in a name", 0, LIT("A\r: b\n"),
	  LIT("A : b\r\n"), LIT(""), false },
	{ "bare CR in what is no name", 0, LIT("A\rb\n"),
	  LIT(""), LIT("A\r\nb\r\n"), false },
	{ "bare CR first of all", 0, LIT("\rA: b\n"),
	  LIT(""), LIT("\r\nA: b\r\n"), false },
	{ "CR ends the header field", 0, LIT("A: b\r"),
	  LIT("A: b\r\n"), LIT(""), false },
	{ "NUL", 0, LIT("\0S\0u\0b: \0x\0\r\0\n\0\r\n\0h\0i\0\r\0\n"),
	  LIT("Sub: x\r\n"), LIT("hi\r\n"), false },
	{ "NUL before a Bcc", 0, LIT("A: b\n\0\0\0Bcc: c\n\n"),
	  LIT("A: b\r\nBcc: c\r\n"), LIT(""), false },
	{ "NUL alone", 0, LIT("\0"), LIT(""), LIT(""), false },
	{ "UTF-16", 0, LIT("\xff\xfe" "A\0:\0b\0\n\0\n\0x\0\n\0"),
	  LIT("A:b\r\n"), LIT("x\r\n"), false },
	{ "UTF-8 mark", 0, LIT("\xef\xbb\xbf" "A: b\n\nx\n"),
	  LIT("A: b\r\n"), LIT("x\r\n"), false },
	{ "UTF-8 mark, no header", 0, LIT("\xef\xbb\xbfhi\n"),
	  LIT(""), LIT("\xef\xbb\xbfhi\r\n"), false },
	{ "a mark alone", 0, LIT("\xef\xbb\xbf\nA: b"),
	  LIT(""), LIT("\xef\xbb\xbf\r\nA: b\r\n"), false },
	{ "a mark later", 0, LIT("A: b\n\xef\xbb\xbf" "C: d\n"),
	  LIT("A: b\r\n"), LIT("\xef\xbb\xbf" "C: d\r\n"), false },
	{ "no last line end", 0, LIT("A: b\n\nx"),
	  LIT("A: b\r\n"), LIT("x\r\n"), false },
	{ "no last line end in the header", 0, LIT("A: b\nC: d"),
	  LIT("A: b\r\nC: d\r\n"), LIT(""), false },
	{ "header only", 0, LIT("A: b\n"), LIT("A: b\r\n"), LIT(""), false },
	{ "nothing", 0, LIT(""), LIT(""), LIT(""), false },
	{ "a blank line", 0, LIT("\n"), LIT(""), LIT(""), false },
	{ "two blank lines", 0, LIT("\n\n"), LIT(""), LIT("\r\n"), false },
	{ "blank line first", 0, LIT("\nA: b\n"),
	  LIT(""), LIT("A: b\r\n"), false },
	{ "no header", 0, LIT("hello world\nA: b\n"),
	  LIT(""), LIT("hello world\r\nA: b\r\n"), false },
	{ "no header, one word", 0, LIT("hello"),
	  LIT(""), LIT("hello\r\n"), false },
	{ "begins with a blank", 0, LIT(" A: b\n"),
	  LIT(""), LIT(" A: b\r\n"), false },
	{ "a line that is no field", 0, LIT("A: b\nhi you\nC: d\n"),
	  LIT("A: b\r\n"), LIT("hi you\r\nC: d\r\n"), false },
	{ "8-bit name", 0, LIT("A: b\n\xc3\xa4: d\n"),
	  LIT("A: b\r\n"), LIT("\xc3\xa4: d\r\n"), false },
	{ "empty name", 0, LIT("A: b\n: d\n"),
	  LIT("A: b\r\n"), LIT(": d\r\n"), false },
	{ "folded", 0, LIT("A: b\n c\n\td\n  \n e\n\nx\n"),
	  LIT("A: b\r\n c\r\n\td\r\n  \r\n e\r\n"), LIT("x\r\n"), false },
	{ "blank before the colon", 0, LIT("Bcc \t: b\n\n"),
	  LIT("Bcc \t: b\r\n"), LIT(""), false },
	{ "mbox", 0, LIT("From a@b Mon Jan  1 00:00:00 2024\nA: b\n\nx\n"),
	  LIT("A: b\r\n"), LIT("x\r\n"), false },
	{ "mbox, quoted", 0, LIT(">>From a@b\nA: b\n"),
	  LIT("A: b\r\n"), LIT(""), false },
	{ "mbox, nothing after it", 0, LIT("From \nA: b\n"),
	  LIT("A: b\r\n"), LIT(""), false },
	{ "mbox, end of input", 0, LIT("From "), LIT(""), LIT(""), false },
	{ "mbox, bare CR and NUL", 0, LIT("From a\rb: c\0\r\nA: b\n"),
	  LIT("A: b\r\n"), LIT(""), false },
	{ "mbox, a continuation", 0, LIT("From a\n A: b\n"),
	  LIT(""), LIT(" A: b\r\n"), false },
	{ "From and a blank is a field too", 0, LIT("From : a@b\n\n"),
	  LIT("From : a@b\r\n"), LIT(""), false },
	{ "From_ later", 0, LIT("A: b\nFrom a@b\n"),
	  LIT("A: b\r\n"), LIT("From a@b\r\n"), false },
	{ "Fromage", 0, LIT("Fromage is cheese\n"),
	  LIT(""), LIT("Fromage is cheese\r\n"), false },
	{ "From_ with a tab", 0, LIT("From\ta\n"),
	  LIT(""), LIT("From\ta\r\n"), false },

	{ "dot", SCAN_DOT, LIT("A: b\n\nx\n.\ny\n"),
	  LIT("A: b\r\n"), LIT("x\r\n"), true },
	{ "dot CRLF", SCAN_DOT, LIT("\nx\r\n.\r\ny\n"),
	  LIT(""), LIT("x\r\n"), true },
	{ "dot at the end", SCAN_DOT, LIT("\nx\n."),
	  LIT(""), LIT("x\r\n"), true },
	{ "dot in the header", SCAN_DOT, LIT("A: b\n.\nC: d\n"),
	  LIT("A: b\r\n"), LIT(""), true },
	{ "dot CRLF in the header", SCAN_DOT, LIT("A: b\r\n.\r\nC: d\n"),
	  LIT("A: b\r\n"), LIT(""), true },
	{ "dot ends the input in the header", SCAN_DOT, LIT("A: b\n."),
	  LIT("A: b\r\n"), LIT(""), true },
	{ "dot first", SCAN_DOT, LIT(".\n"), LIT(""), LIT(""), true },
	{ "dot is text", 0, LIT("\nx\n.\ny\r\n.\r\n."),
	  LIT(""), LIT("x\r\n.\r\ny\r\n.\r\n.\r\n"), false },
	{ "dot is text in the header", 0, LIT("A: b\n.\nC: d\n"),
	  LIT("A: b\r\n"), LIT(".\r\nC: d\r\n"), false },
	{ "dot CR CR LF", SCAN_DOT, LIT("\nx\n.\r\r\ny\n"),
	  LIT(""), LIT("x\r\n.\r\ny\r\n"), false },
	{ "dot CR CR LF in the header", SCAN_DOT, LIT("A: b\n.\r\r\ny\n"),
	  LIT("A: b\r\n"), LIT(".\r\ny\r\n"), false },
	{ "dot CR and no LF", SCAN_DOT, LIT("\n.\r"),
	  LIT(""), LIT(".\r\n"), false },
	{ "dot CR and no LF, header", SCAN_DOT, LIT(".\r"),
	  LIT(""), LIT(".\r\n"), false },
	{ "CR dot CR", SCAN_DOT, LIT("\nx\r.\ry\r.\nz"),
	  LIT(""), LIT("x\r\n.\r\ny\r\n.\r\nz\r\n"), false },
	{ "LF dot CR text", SCAN_DOT, LIT("\n.\ry"),
	  LIT(""), LIT(".\r\ny\r\n"), false },
	{ "NUL dot", SCAN_DOT, LIT("\nx\r\n\0.\r\ny"),
	  LIT(""), LIT("x\r\n.\r\ny\r\n"), false },
	{ "dot NUL", SCAN_DOT, LIT("\nx\n.\0\ny"),
	  LIT(""), LIT("x\r\n.\r\ny\r\n"), false },
	{ "dot CR NUL LF", SCAN_DOT, LIT("\nx\n.\r\0\ny"),
	  LIT(""), LIT("x\r\n.\r\ny\r\n"), false },
	{ "NUL dot in the header", SCAN_DOT, LIT("A: b\n\0.\ny"),
	  LIT("A: b\r\n"), LIT(".\r\ny\r\n"), false },
	{ "dot CR NUL LF in the header", SCAN_DOT, LIT(".\r\0\ny"),
	  LIT(""), LIT(".\r\ny\r\n"), false },
	{ "two dots", SCAN_DOT, LIT("\n..\n..a\n.a\n. \n"),
	  LIT(""), LIT("..\r\n..a\r\n.a\r\n. \r\n"), false },
	{ "dot after CR CR LF", SCAN_DOT, LIT("\nx\r\r\n.\ny"),
	  LIT(""), LIT("x\r\n"), true },
	{ "tabs and controls", 0, LIT("\n\t\1\2\t\v\f\10\t\t\t\t\t\t\t\tx"),
	  LIT(""), LIT("\t\1\2\t\v\f\10\t\t\t\t\t\t\t\tx\r\n"), false },
};

struct run {
	struct scan scan;
	struct buf head, body;
	struct error err;
	int ret;
};

/* Feed in three pieces, cut at a and b. */
static void feed(struct run *r, unsigned flags, struct str in, size_t a,
		 size_t b)
{
	const struct str piece[] = {
		{ in.p, a }, { in.p + a, b - a }, { in.p + b, in.n - b }
	};

	buf_init(&r->head, 2 * MESSAGE_HEAD_MAX);
	buf_init(&r->body, 64 << 20);
	r->ret = 0;
	scan_init(&r->scan, flags);
	for (int i = 0; i < 3 && !r->ret; i++)
		r->ret = scan_feed(&r->scan, piece[i], &r->head, &r->body,
				   &r->err);
	if (!r->ret)
		r->ret = scan_end(&r->scan, &r->head, &r->body, &r->err);
}

static void release(struct run *r)
{
	buf_release(&r->head);
	buf_release(&r->body);
}

/* The facts, counted the plain way from the canonical text. */
static bool facts_right(const struct facts *f, struct str text)
{
	struct facts want = { .size = text.n, .nul = f->nul,
			      .bare_cr = f->bare_cr,
			      .eightbit = str_has_8bit(text) };

	while (text.n) {
		uint64_t n = str_cut(&text, '\n').n - 1;

		want.lines++;
		if (n > want.longest) {
			want.longest = n;
			want.longest_line = want.lines;
		}
	}
	return f->size == want.size && f->lines == want.lines &&
	       f->longest == want.longest && f->eightbit == want.eightbit &&
	       f->longest_line == want.longest_line;
}

static void one_cut(size_t i, size_t a, size_t b)
{
	struct run r;

	feed(&r, rows[i].flags, rows[i].in, a, b);
	if (r.ret || !str_eq(buf_str(&r.head), rows[i].head) ||
	    !str_eq(buf_str(&r.body), rows[i].body) ||
	    r.scan.done != rows[i].done)
		fail_msg("'%s' cut at %zu, %zu: head '%s' body '%s'%s",
			 rows[i].name, a, b, buf_cstr(&r.head),
			 buf_cstr(&r.body), r.scan.done ? " done" : "");
	if (!facts_right(&r.scan.head, rows[i].head) ||
	    !facts_right(&r.scan.body, rows[i].body))
		fail_msg("'%s' cut at %zu, %zu: facts", rows[i].name, a, b);
	release(&r);
}

static void every_row_cut_every_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t b = 0; b <= rows[i].in.n; b++)
			for (size_t a = 0; a <= b; a++)
				one_cut(i, a, b);
}

/* Cut into single octets, too. */
static void octet_by_octet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct run r;

		buf_init(&r.head, 1000);
		buf_init(&r.body, 10000);
		scan_init(&r.scan, rows[i].flags);
		for (size_t k = 0; k < rows[i].in.n; k++)
			assert_int_equal(scan_feed(&r.scan,
				(struct str){ rows[i].in.p + k, 1 }, &r.head,
				&r.body, &r.err), 0);
		assert_int_equal(scan_end(&r.scan, &r.head, &r.body, &r.err),
				 0);
		if (!str_eq(buf_str(&r.head), rows[i].head) ||
		    !str_eq(buf_str(&r.body), rows[i].body))
			fail_msg("'%s'", rows[i].name);
		release(&r);
	}
}

static const struct {
	struct str in;
	const char *say;	/* in strict mode; NULL: nothing wrong */
	bool head_nul, head_cr, body_nul, body_cr;
} oddities[] = {
	{ LIT("A: b\r\n\r\nx\r\n"), NULL, 0, 0, 0, 0 },
	{ LIT("A: b\r\r\n\nx\r\r\n"), NULL, 0, 0, 0, 0 },
	{ LIT("A: b\nC\0: d\n\n"), "line 2 has a NUL", 1, 0, 0, 0 },
	{ LIT("A: b\nC: \0d\n\n"), "line 2 has a NUL", 1, 0, 0, 0 },
	{ LIT("A: b\nC: d\re\n\n"), "line 2 has a carriage", 0, 1, 0, 0 },
	{ LIT("A: b\n\0\r\nx\n"), "line 2 has a NUL", 1, 0, 0, 0 },
	{ LIT("A: b\nC: d\r"), "line 2 has a carriage", 0, 1, 0, 0 },
	{ LIT("A: b\n\nx\ny\rz\n\0"), "line 4 has a carriage", 0, 0, 1, 1 },
	{ LIT("A: b\n\nx\r"), "line 3 has a carriage", 0, 0, 0, 1 },
	{ LIT("From a\nA: b\n\n\0x\r\ny"), "line 4 has a NUL", 0, 0, 1, 0 },
	{ LIT("A: b\nhi\0you\n"), "line 2 has a NUL", 0, 0, 1, 0 },
	{ LIT("From \r"), "line 1 has a carriage", 0, 1, 0, 0 },
};

static void strict_names_the_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(oddities) / sizeof(*oddities); i++)
		for (size_t cut = 0; cut <= oddities[i].in.n; cut++) {
			const char *say = oddities[i].say;
			struct run r;

			feed(&r, SCAN_STRICT, oddities[i].in, cut,
			     oddities[i].in.n);
			if (r.ret != (say ? -1 : 0) ||
			    (say && (r.err.kind != ERROR_DATA ||
				     strncmp(r.err.text, say, strlen(say)))))
				fail_msg("row %zu cut %zu: %s", i, cut,
					 r.ret ? r.err.text : "no error");
			release(&r);
		}
}

static void repairs_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(oddities) / sizeof(*oddities); i++) {
		struct run r;

		feed(&r, 0, oddities[i].in, 1, 2);
		assert_int_equal(r.ret, 0);
		if (r.scan.head.nul != oddities[i].head_nul ||
		    r.scan.head.bare_cr != oddities[i].head_cr ||
		    r.scan.body.nul != oddities[i].body_nul ||
		    r.scan.body.bare_cr != oddities[i].body_cr)
			fail_msg("row %zu", i);
		release(&r);
	}
}

static void fill(struct buf *b, const char *text, size_t times)
{
	while (times--)
		buf_addz(b, text);
}

static void header_has_a_limit(void **state)
{
	struct run r;
	struct buf in;

	(void)state;
	buf_init(&in, 64 << 20);
	fill(&in, "A: bcde\n", MESSAGE_HEAD_MAX / 9);
	feed(&r, 0, buf_str(&in), 1, 2);
	assert_int_equal(r.ret, 0);
	assert_int_equal(r.scan.head.lines, MESSAGE_HEAD_MAX / 9);
	release(&r);
	buf_addz(&in, "A: bcde\n");
	feed(&r, 0, buf_str(&in), 1, 2);
	assert_int_equal(r.ret, -1);
	assert_int_equal(r.err.kind, ERROR_DATA);
	release(&r);
	buf_reset(&in);
	fill(&in, "A: ", MESSAGE_HEAD_MAX);
	feed(&r, 0, buf_str(&in), 1, 2);
	assert_int_equal(r.ret, -1);
	release(&r);
	buf_release(&in);
}

/* What might become a field, but does not for long, is the body's. */
static void no_colon_in_sight(void **state)
{
	static const char *const text[] = { "A", "A ", "A\r", "\r", "A\0", "" };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (int cut = 0; cut < 12; cut++) {
			struct run r;
			struct buf in;

			buf_init(&in, 1 << 20);
			fill(&in, text[i], 3000);
			if (*text[i] == '\r')
				buf_addch(&in, 'x');
			feed(&r, 0, buf_str(&in), in.len * cut / 12, in.len);
			assert_int_equal(r.ret, 0);
			assert_int_equal(r.head.len, 0);
			assert_true(r.body.len > in.len);
			assert_true(facts_right(&r.scan.body,
						buf_str(&r.body)));
			release(&r);
			buf_release(&in);
		}
}

/* Around the limits of what is held back, cuts make no difference. */
static void limits_of_holding(void **state)
{
	(void)state;
	for (size_t name = SCAN_NAME_MAX - SCAN_CR_MAX - 4;
	     name < SCAN_NAME_MAX + 2; name += 3)
		for (size_t crs = SCAN_CR_MAX - 2; crs < SCAN_CR_MAX + 3;
		     crs++) {
			struct run whole, cut;
			struct buf in;

			buf_init(&in, 1 << 20);
			fill(&in, "A", name);
			fill(&in, "\r", crs);
			buf_addz(&in, name & 1 ? ": x\n" : "\n");
			fill(&in, "\r", crs);
			buf_addz(&in, "\nx");
			feed(&whole, 0, buf_str(&in), 0, 0);
			feed(&cut, 0, buf_str(&in), name + crs / 2,
			     name + crs);
			assert_true(str_eq(buf_str(&whole.head),
					   buf_str(&cut.head)));
			assert_true(str_eq(buf_str(&whole.body),
					   buf_str(&cut.body)));
			if (!(name & 1) && crs <= SCAN_CR_MAX)
				assert_int_equal(whole.scan.body.lines, 3);
			release(&whole);
			release(&cut);
			buf_release(&in);
		}
}

/* CRs are not held back for ever: memory is bounded. */
static void endless_crs_are_lines(void **state)
{
	struct run r;
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_addz(&in, "\n");
	fill(&in, "\r", 100 * SCAN_CR_MAX);
	buf_addz(&in, "\n");
	feed(&r, 0, buf_str(&in), 1000, in.len - 1);
	assert_int_equal(r.scan.body.lines, 99 * SCAN_CR_MAX + 1);
	assert_int_equal(r.body.len, 2 * r.scan.body.lines);
	release(&r);
	buf_release(&in);
}

static void many_nuls_hide_no_bcc(void **state)
{
	struct run r;
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_addz(&in, "A: b\n");
	for (int i = 0; i < 10000; i++)
		buf_addch(&in, '\0');
	buf_addz(&in, "Bcc: c\n\n");
	feed(&r, 0, buf_str(&in), 1000, 7000);
	assert_string_equal(buf_cstr(&r.head), "A: b\r\nBcc: c\r\n");
	release(&r);
	buf_release(&in);
}

static void longest_line_is_found(void **state)
{
	struct run r;
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_addz(&in, "A: b\n\nshort\n");
	fill(&in, "x", 70000);
	buf_addz(&in, "\nshort\n");
	feed(&r, 0, buf_str(&in), 1000, 30000);
	assert_int_equal(r.scan.body.longest, 70000);
	assert_int_equal(r.scan.body.longest_line, 2);
	assert_int_equal(r.scan.body.lines, 3);
	assert_int_equal(r.scan.head.longest, 4);
	release(&r);
	buf_release(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_cut_every_way),
		cmocka_unit_test(octet_by_octet),
		cmocka_unit_test(strict_names_the_line),
		cmocka_unit_test(repairs_are_told),
		cmocka_unit_test(header_has_a_limit),
		cmocka_unit_test(no_colon_in_sight),
		cmocka_unit_test(limits_of_holding),
		cmocka_unit_test(endless_crs_are_lines),
		cmocka_unit_test(many_nuls_hide_no_bcc),
		cmocka_unit_test(longest_line_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
