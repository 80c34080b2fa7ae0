#include "sasl/salted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* want NULL: must fail. */
static const struct {
	const char *name;
	enum salted_hash hash;
	const char *password, *salt, *iterations, *want;
} rows[] = {
	/* RFC 6070 s2; "salt" is c2FsdA== */
	{ "RFC 6070, 1", SALTED_SHA1, "password", "c2FsdA==", "1",
	  "0c60c80f961f0e71f3a9b524af6012062fe037a6" },
	{ "RFC 6070, 2", SALTED_SHA1, "password", "c2FsdA==", "2",
	  "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957" },
	{ "RFC 6070, 4096", SALTED_SHA1, "password", "c2FsdA==", "4096",
	  "4b007901b765489abead49d926f721d065a429c1" },
	{ "SHA-256, 4096", SALTED_SHA256, "password", "c2FsdA==", "4096",
	  "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a" },
	/* Python's hashlib says the same */
	{ "SHA-512, 4096", SALTED_SHA512, "password", "c2FsdA==", "4096",
	  "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
	  "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5" },
	{ "salt not base64", SALTED_SHA1, "password", "c2FsdA", "4096", NULL },
	{ "no salt", SALTED_SHA1, "password", "", "4096", NULL },
	{ "no iterations", SALTED_SHA1, "password", "c2FsdA==", "0", NULL },
	{ "not a number", SALTED_SHA1, "password", "c2FsdA==", "x", NULL },
	{ "too many", SALTED_SHA1, "password", "c2FsdA==", "10000001", NULL },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char hex[SALTED_HEX];
		int ret = salted_password(rows[i].hash,
					  str_of(rows[i].password),
					  str_of(rows[i].salt),
					  str_of(rows[i].iterations), hex);
		const char *want = rows[i].want ? rows[i].want : "";

		if ((ret == 0) != (rows[i].want != NULL) || strcmp(hex, want))
			print_error("row '%s'\n", rows[i].name);
		assert_int_equal(ret, rows[i].want ? 0 : -1);
		assert_string_equal(hex, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
