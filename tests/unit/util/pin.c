#include "util/pin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define B64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define COLONS "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:" \
	"10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"
#define SHA1 "000102030405060708090a0b0c0d0e0f10111213"

static const struct {
	const char *text;
	enum pin_kind kind;
	enum pin_word word;
} rows[] = {
	{ "", PIN_KEY, PIN_END },
	{ " ,\t,", PIN_CERT, PIN_END },
	{ "sha256:" B64, PIN_KEY, PIN_OK },
	{ "SHA256:" B64, PIN_KEY, PIN_OK },
	{ "sha256//" B64, PIN_KEY, PIN_OK },
	{ "pin-sha256:" B64, PIN_KEY, PIN_OK },
	{ B64, PIN_KEY, PIN_BAD },
	{ "sha256:", PIN_KEY, PIN_BAD },
	{ "sha256:" HEX, PIN_KEY, PIN_OTHER },
	{ HEX, PIN_KEY, PIN_OTHER },
	{ COLONS, PIN_KEY, PIN_OTHER },
	{ "sha256//" HEX, PIN_KEY, PIN_BAD },
	{ "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", PIN_KEY,
	  PIN_BAD },
	/* Bits that nothing uses are set; the padding is elsewhere. */
	{ "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", PIN_KEY,
	  PIN_BAD },
	{ "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH===", PIN_KEY,
	  PIN_BAD },
	{ "sha1:" B64, PIN_KEY, PIN_WEAK },
	{ "sha1//AAECAwQFBgcICQoLDA0ODxAREhM=", PIN_KEY, PIN_WEAK },
	{ "sha512:" B64, PIN_KEY, PIN_BAD },
	{ "sha256:" HEX, PIN_CERT, PIN_OK },
	{ HEX, PIN_CERT, PIN_OK },
	{ COLONS, PIN_CERT, PIN_OK },
	{ "sha256:" COLONS, PIN_CERT, PIN_OK },
	{ COLONS ":", PIN_CERT, PIN_BAD },
	{ HEX "00", PIN_CERT, PIN_BAD },
	{ HEX "0", PIN_CERT, PIN_BAD },
	{ "00:0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  PIN_CERT, PIN_BAD },
	{ "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  PIN_CERT, PIN_BAD },
	{ SHA1, PIN_CERT, PIN_WEAK },
	{ "sha1:" SHA1, PIN_CERT, PIN_WEAK },
	{ "SHA-1:" SHA1, PIN_CERT, PIN_WEAK },
	{ "000102030405060708090a0b0c0d0e0f", PIN_CERT, PIN_WEAK },
	{ "md5:000102030405060708090a0b0c0d0e0f", PIN_CERT, PIN_WEAK },
	{ "sha256:" B64, PIN_CERT, PIN_OTHER },
	{ "sha256//" B64, PIN_CERT, PIN_OTHER },
};

static void words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str list = str_of(rows[i].text);
		unsigned char sum[PIN_SIZE] = { 9 };
		enum pin_word got = pin_next(&list, rows[i].kind, sum);

		if (got != rows[i].word)
			fail_msg("'%s': %d", rows[i].text, got);
		assert_int_equal(list.n, 0);
		for (unsigned k = 0; got == PIN_OK && k < PIN_SIZE; k++)
			assert_int_equal(sum[k], k);
		if (got != PIN_OK)
			assert_int_equal(sum[0], 9);
	}
}

/* Cut at every offset, nothing but the whole is ever one. */
static void cuts(void **state)
{
	static const char *const whole[] = {
		"sha256:" B64, "sha256:" HEX, "sha256:" COLONS, "sha256//" B64
	};

	(void)state;
	for (size_t w = 0; w < 4; w++)
		for (size_t n = 0; n < strlen(whole[w]); n++) {
			struct str list = { whole[w], n };
			unsigned char sum[PIN_SIZE];

			if (pin_next(&list, PIN_KEY, sum) == PIN_OK)
				fail_msg("key %zu of %s", n, whole[w]);
			list = (struct str){ whole[w], n };
			if (pin_next(&list, PIN_CERT, sum) == PIN_OK)
				fail_msg("certificate %zu of %s", n, whole[w]);
		}
}

static void lists(void **state)
{
	struct str list = STR(" sha256:" B64 ",sha256//" B64 " , x\t" B64 ",");
	unsigned char sum[PIN_SIZE];

	(void)state;
	assert_int_equal(pin_next(&list, PIN_KEY, sum), PIN_OK);
	assert_int_equal(pin_next(&list, PIN_KEY, sum), PIN_OK);
	assert_int_equal(pin_next(&list, PIN_KEY, sum), PIN_BAD);
	assert_int_equal(pin_next(&list, PIN_KEY, sum), PIN_BAD);
	assert_int_equal(pin_next(&list, PIN_KEY, sum), PIN_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(cuts),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
