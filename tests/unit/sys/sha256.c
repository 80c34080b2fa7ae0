#include "sys/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* FIPS 180-2 appendix B.1, and nothing. */
static void known(void **state)
{
	char hex[SHA256_HEX];
	unsigned char raw[SHA256_SIZE];

	(void)state;
	sha256_hex(STR("abc"), hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
			    "b00361a396177a9cb410ff61f20015ad");
	sha256_hex((struct str){ NULL, 0 }, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
			    "27ae41e4649b934ca495991b7852b855");
	sha256(STR("abc"), raw);
	assert_int_equal(raw[0], 0xba);
	assert_int_equal(raw[31], 0xad);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
