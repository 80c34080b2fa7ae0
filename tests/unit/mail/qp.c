#include "mail/qp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LIT(s) { s, sizeof(s) - 1 }
#define X10 "xxxxxxxxxx"
#define X74 X10 X10 X10 X10 X10 X10 X10 "xxxx"

/* Text and what it becomes; decoding gives the text back. */
static const struct {
	struct str text, coded;
} rows[] = {
	{ LIT(""), LIT("") },
	{ LIT("plain\r\ntext\r\n"), LIT("plain\r\ntext\r\n") },
	{ LIT("a=b"), LIT("a=3Db") },
	{ LIT("\xc3\xa4\r\n"), LIT("=C3=A4\r\n") },
	{ LIT("a \r\nb\t\r\nc  \r\n \r\n"),
	  LIT("a=20\r\nb=09\r\nc =20\r\n=20\r\n") },
	{ LIT("a b\tc "), LIT("a b\tc=20") },
	{ LIT("a\rb\nc\r\r\n\n\r"), LIT("a=0Db=0Ac=0D\r\n=0A=0D") },
	{ LIT("a \rb"), LIT("a =0Db") },
	{ LIT("\0\1\x7f\xff"), LIT("=00=01=7F=FF") },
	{ LIT("From me\r\nFrom \r\nFrom\r\nFro m\r\n From x\r\nFFrom y"),
	  LIT("=46rom me\r\n=46rom=20\r\nFrom\r\nFro m\r\n From x\r\nFFrom y") },
	{ LIT(".\r\n..\r\na.\r\n."), LIT("=2E\r\n=2E.\r\na.\r\n=2E") },
	{ LIT(X74 "12"), LIT(X74 "1=\r\n2") },
	{ LIT(X74 "1"), LIT(X74 "1") },
	{ LIT(X74 "1\r\n"), LIT(X74 "1\r\n") },
	{ LIT(X74 "1From x"), LIT(X74 "1=\r\n=46rom x") },
	{ LIT(X74 "1.\r\n"), LIT(X74 "1=\r\n=2E\r\n") },
	{ LIT("--a\r\n" X74 "1--a\r\n"),
	  LIT("--a\r\n" X74 "1=\r\n=2D-a\r\n") },
	{ LIT(X74 "="), LIT(X74 "=\r\n=3D") },
	{ LIT("xx" X10 X10 X10 X10 X10 X10 X10 "="),
	  LIT("xx" X10 X10 X10 X10 X10 X10 X10 "=3D") },
	{ LIT(X74 " \r\n"), LIT(X74 "=\r\n=20\r\n") },
	{ LIT(X74 " x\r\n"), LIT(X74 " =\r\nx\r\n") },
};

static void encode_cut(struct buf *out, struct str text, size_t a, size_t b)
{
	struct qp q = { 0 };

	buf_reset(out);
	qp_feed(&q, (struct str){ text.p, a }, out);
	qp_feed(&q, (struct str){ text.p + a, b - a }, out);
	qp_feed(&q, (struct str){ text.p + b, text.n - b }, out);
	qp_end(&q, out);
}

static void rows_cut_every_way(void **state)
{
	struct buf out, back;

	(void)state;
	buf_init(&out, 10000);
	buf_init(&back, 10000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t b = 0; b <= rows[i].text.n; b++)
			for (size_t a = 0; a <= b; a++) {
				encode_cut(&out, rows[i].text, a, b);
				if (!str_eq(buf_str(&out), rows[i].coded))
					fail_msg("row %zu cut %zu %zu: '%s'",
						 i, a, b, buf_cstr(&out));
			}
		buf_reset(&back);
		if (qp_decode(&back, rows[i].coded) ||
		    !str_eq(buf_str(&back), rows[i].text))
			fail_msg("row %zu decoded: '%s'", i, buf_cstr(&back));
	}
	buf_release(&out);
	buf_release(&back);
}

/* Text of every octet, in lines of every length, comes back. */
static void comes_back(void **state)
{
	struct buf text, out, back;

	(void)state;
	buf_init(&text, 100000);
	buf_init(&out, 400000);
	buf_init(&back, 100000);
	for (unsigned i = 0, len = 0, w = 1; i < 60000; i++) {
		w = w * 1103515245 + 12345;
		buf_addch(&text, w >> 16 & 1 ? (char)(w >> 17) :
			  "F. \tar=="[w >> 17 & 7]);
		if (++len > i / 400) {
			buf_addz(&text, "\r\n");
			len = 0;
		}
	}
	encode_cut(&out, buf_str(&text), text.len / 3, text.len / 2);
	assert_int_equal(qp_decode(&back, buf_str(&out)), 0);
	assert_true(str_eq(buf_str(&back), buf_str(&text)));
	for (struct str s = buf_str(&out); s.n;) {
		struct str line = str_cut(&s, '\n');

		assert_true(line.n <= QP_LINE_MAX + 1);
		assert_true(!line.n || line.p[0] != '.');
		assert_false(str_starts(line, STR("From ")));
		assert_false(str_has_8bit(line));
	}
	buf_release(&text);
	buf_release(&out);
	buf_release(&back);
}

static const struct {
	const char *coded;
	const char *text;	/* NULL: malformed */
} decoded[] = {
	{ "a=\r\nb", "ab" },
	{ "a = \t\r\nb", "a b" },
	{ "a \t\r\nb \t", "a\r\nb" },
	{ "=c3=A4", "\xc3\xa4" },
	{ "a=", "a" },
	{ "a=4", NULL },
	{ "a=4g", NULL },
	{ "a==41", NULL },
	{ "a=\n", NULL },
	{ "\xc3\xa4", NULL },
	{ "\001", NULL },
};

static void decoding_is_strict(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(decoded) / sizeof(*decoded); i++) {
		int ret;

		buf_reset(&out);
		ret = qp_decode(&out, str_of(decoded[i].coded));
		if (ret != (decoded[i].text ? 0 : -1) ||
		    (!ret && strcmp(buf_cstr(&out), decoded[i].text)))
			fail_msg("'%s'", decoded[i].coded);
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_cut_every_way),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(decoding_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
