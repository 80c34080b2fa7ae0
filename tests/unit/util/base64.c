#include "util/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Both ways; a NULL plain text means that decoding must fail. */
static const struct {
	const char *coded;
	const char *plain;
	size_t n;
} rows[] = {
	/* RFC 4648 s10 */
	{ "",         "",       0 },
	{ "Zg==",     "f",      1 },
	{ "Zm8=",     "fo",     2 },
	{ "Zm9v",     "foo",    3 },
	{ "Zm9vYg==", "foob",   4 },
	{ "Zm9vYmE=", "fooba",  5 },
	{ "Zm9vYmFy", "foobar", 6 },
	{ "AP/+Pz4=", "\0\xff\xfe?>", 5 },

	{ "Z",        NULL, 0 },
	{ "Zg",       NULL, 0 },
	{ "Zg=",      NULL, 0 },
	{ "Zm9vZg",   NULL, 0 },
	{ "Zh==",     NULL, 0 },	/* unused bits set */
	{ "Zm9=",     NULL, 0 },
	{ "====",     NULL, 0 },
	{ "Z===",     NULL, 0 },
	{ "Zg==Zg==", NULL, 0 },
	{ "Zg==Zm9v", NULL, 0 },
	{ "Zm9v\n",   NULL, 0 },
	{ "Zm 9v===", NULL, 0 },
	{ "Zm9-",     NULL, 0 },	/* the URL alphabet */
	{ "Zm9_",     NULL, 0 },
	{ "Zm9\xf6",  NULL, 0 },
};

static void rows_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;
		int ret;

		buf_init(&out, 100);
		buf_addch(&out, '!');
		ret = base64_decode(&out, str_of(rows[i].coded));
		if (ret != (rows[i].plain ? 0 : -1) ||
		    out.len != 1 + rows[i].n ||
		    (rows[i].n &&
		     memcmp(out.p + 1, rows[i].plain, rows[i].n)))
			fail_msg("decoding '%s'", rows[i].coded);
		buf_reset(&out);
		if (rows[i].plain) {
			base64_encode(&out, (struct str){ rows[i].plain,
							  rows[i].n });
			assert_string_equal(buf_cstr(&out), rows[i].coded);
		}
		buf_release(&out);
	}
}

static void every_octet_and_length(void **state)
{
	char all[256];
	struct buf out, back;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i * 7);
	for (size_t n = 0; n <= sizeof(all); n++) {
		buf_init(&out, 1000);
		buf_init(&back, 1000);
		base64_encode(&out, (struct str){ all, n });
		assert_int_equal(out.len, (n + 2) / 3 * 4);
		assert_int_equal(base64_decode(&back, buf_str(&out)), 0);
		assert_int_equal(back.len, n);
		assert_memory_equal(buf_str(&back).p, all, n);
		buf_release(&out);
		buf_release(&back);
	}
}

static void too_much_is_said(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4);
	base64_encode(&out, STR("foob"));
	assert_true(out.over);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void values(void **state)
{
	int n = 0;

	(void)state;
	for (int c = 0; c < 256; c++)
		n += base64_value((char)c) >= 0;
	assert_int_equal(n, 64);
	assert_int_equal(base64_value('/'), 63);
	assert_int_equal(base64_value('='), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_both_ways),
		cmocka_unit_test(every_octet_and_length),
		cmocka_unit_test(too_much_is_said),
		cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
