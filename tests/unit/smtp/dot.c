#include "smtp/dot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *in, *want;
} rows[] = {
	{ "", ".\r\n" },
	{ "a", "a\r\n.\r\n" },
	{ "a\n", "a\r\n.\r\n" },
	{ "a\r\n", "a\r\n.\r\n" },
	{ "a\r", "a\r\n.\r\n" },
	{ "\n", "\r\n.\r\n" },
	{ "\r\n", "\r\n.\r\n" },
	{ "\r", "\r\n.\r\n" },
	{ ".", "..\r\n.\r\n" },
	{ ".\n", "..\r\n.\r\n" },
	{ ".\r\n", "..\r\n.\r\n" },
	{ ".\r", "..\r\n.\r\n" },
	{ "..\n", "...\r\n.\r\n" },
	{ "a.\n.b\n", "a.\r\n..b\r\n.\r\n" },
	{ "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
	/* What would end the message at a relay that is not strict. */
	{ "a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r.\rb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
	{ "a\r\r\nb", "a\r\n\r\nb\r\n.\r\n" },
	{ "a\r\r\r.b", "a\r\n\r\n\r\n..b\r\n.\r\n" },
	{ "a\n\rb", "a\r\n\r\nb\r\n.\r\n" },
	{ "a\n\n\nb\n", "a\r\n\r\n\r\nb\r\n.\r\n" },
	{ "\xff.\n", "\xff.\r\n.\r\n" },
};

static void every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].in);

		for (size_t a = 0; a <= n; a++)
			for (size_t b = a; b <= n; b++) {
				struct dot d = { .mid_line = false };
				const char *in = rows[i].in;
				struct buf out;

				buf_init(&out, 1000);
				dot_feed(&d, (struct str){ in, a }, &out);
				dot_feed(&d, (struct str){ in + a, b - a }, &out);
				dot_feed(&d, (struct str){ in + b, n - b }, &out);
				dot_end(&d, &out);
				if (strcmp(buf_cstr(&out), rows[i].want))
					fail_msg("row %zu cut at %zu, %zu: '%s'",
						 i, a, b, buf_cstr(&out));
				buf_release(&out);
			}
	}
}

/* NUL is an octet like others: C strings are no measure here. */
static void nul(void **state)
{
	struct dot d = { .mid_line = false };
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	dot_feed(&d, (struct str){ "a\0b\n.\0\n", 7 }, &out);
	dot_end(&d, &out);
	assert_true(str_eq(buf_str(&out),
			   (struct str){ "a\0b\r\n..\0\r\n.\r\n", 13 }));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut),
		cmocka_unit_test(nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
