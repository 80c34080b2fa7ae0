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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
