#include "oauth2/pkce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* RFC 7636 appendix B. */
static void the_standards_own(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	pkce_challenge(&out,
		       STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
	assert_string_equal(buf_cstr(&out),
			    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
	buf_release(&out);
}

/* FIPS 180-2 appendix B.1, and nothing. */
static void digests(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	pkce_digest(&out, STR("abc"), 8);
	assert_string_equal(buf_cstr(&out), "ba7816bf8f01cfea");
	buf_reset(&out);
	pkce_digest(&out, (struct str){ NULL, 0 }, 4);
	assert_string_equal(buf_cstr(&out), "e3b0c442");
	buf_reset(&out);
	pkce_digest(&out, STR("abc"), 1000);
	assert_int_equal(out.len, 64);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_own),
		cmocka_unit_test(digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
