#include "oauth2/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text, *coded;
} pairs[] = {
	{ "", "" },
	{ "abcXYZ019-._~", "abcXYZ019-._~" },
	{ "a b+c", "a%20b%2Bc" },
	{ "https://x.org/?a=b&c#d", "https%3A%2F%2Fx.org%2F%3Fa%3Db%26c%23d" },
	{ "\x01\x7f\xc3\xb6\xff", "%01%7F%C3%B6%FF" },
	{ "100%", "100%25" },
	{ "'\"<>`{}|\\^", "%27%22%3C%3E%60%7B%7D%7C%5C%5E" },
};

static void both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct buf out;

		buf_init(&out, 200);
		form_encode(&out, str_of(pairs[i].text));
		assert_string_equal(buf_cstr(&out), pairs[i].coded);
		buf_reset(&out);
		assert_true(form_decode(&out, str_of(pairs[i].coded)));
		assert_string_equal(buf_cstr(&out), pairs[i].text);
		buf_release(&out);
	}
}

static const struct {
	const char *coded, *text;	/* NULL: must fail */
} decoded[] = {
	{ "a+b", "a b" }, { "%c3%B6", "\xc3\xb6" }, { "%2525", "%25" },
	{ "%", NULL }, { "%2", NULL }, { "a%", NULL }, { "%zz", NULL },
	{ "%2x", NULL }, { "%x2", NULL }, { "%%41", NULL }, { "ok%4", NULL },
};

static void only_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(decoded) / sizeof(*decoded); i++) {
		struct buf out;

		buf_init(&out, 200);
		buf_addz(&out, "=");
		assert_int_equal(form_decode(&out, str_of(decoded[i].coded)),
				 decoded[i].text != NULL);
		assert_string_equal(buf_cstr(&out) + 1,
				    decoded[i].text ? decoded[i].text : "");
		buf_release(&out);
	}
}

static void nul(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 20);
	form_encode(&out, (struct str){ "a\0b", 3 });
	assert_string_equal(buf_cstr(&out), "a%00b");
	buf_reset(&out);
	assert_true(form_decode(&out, STR("a%00b")));
	assert_int_equal(out.len, 3);
	assert_memory_equal(out.p, "a\0b", 3);
	buf_release(&out);
}

static void adding(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 200);
	form_add(&out, "a", STR("1"));
	form_add(&out, "b", STR("x&y=z"));
	form_add(&out, "c", STR(""));
	assert_string_equal(buf_cstr(&out), "a=1&b=x%26y%3Dz&c=");
	buf_reset(&out);
	buf_addz(&out, "https://x/?");
	form_add(&out, "a", STR("1"));
	form_add(&out, "b", STR("2"));
	assert_string_equal(buf_cstr(&out), "https://x/?a=1&b=2");
	buf_release(&out);
}

static void walking(void **state)
{
	struct str rest = STR("&a=1&&b&=x&c==&d=%26&&");
	static const char *const want[][2] = {
		{ "a", "1" }, { "b", "" }, { "", "x" }, { "c", "=" },
		{ "d", "%26" },
	};
	struct str name, value;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		assert_true(form_next(&rest, &name, &value));
		assert_true(str_eq(name, str_of(want[i][0])));
		assert_true(str_eq(value, str_of(want[i][1])));
	}
	assert_false(form_next(&rest, &name, &value));
	assert_false(form_next(&rest, &name, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(only_decoded),
		cmocka_unit_test(nul),
		cmocka_unit_test(adding),
		cmocka_unit_test(walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
