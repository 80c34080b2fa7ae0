#include "sys/entropy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void hex(void **state)
{
	struct buf a, b;

	(void)state;
	buf_init(&a, 10000);
	buf_init(&b, 10000);
	entropy_hex(&a, 0);
	assert_int_equal(a.len, 0);
	buf_addch(&a, '<');
	entropy_hex(&a, 1000);
	entropy_hex(&b, 1000);
	assert_int_equal(a.len, 2001);
	assert_int_equal(b.len, 2000);
	assert_int_equal(strspn(b.p, "0123456789abcdef"), 2000);
	assert_int_equal(strspn(a.p + 1, "0123456789abcdef"), 2000);
	assert_string_not_equal(a.p + 1, b.p);
	/* Each digit in both places: fails once in 10^26 runs. */
	for (const char *d = "0123456789abcdef"; *d; d++)
		for (int odd = 0; odd < 2; odd++) {
			int seen = 0;

			for (int i = odd; i < 2000; i += 2)
				seen += b.p[i] == *d;
			assert_true(seen > 0);
		}
	buf_release(&a);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
