#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct str nothing;	/* no bytes, and a NULL for them */

static void equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool eq, caseeq, starts, casestarts;	/* a starts with b */
	} rows[] = {
		{ "",      "",      true,  true,  true,  true },
		{ "a",     "",      false, false, true,  true },
		{ "",      "a",     false, false, false, false },
		{ "abc",   "abc",   true,  true,  true,  true },
		{ "abc",   "abd",   false, false, false, false },
		{ "abc",   "ab",    false, false, true,  true },
		{ "ab",    "abc",   false, false, false, false },
		{ "SIZE",  "size",  false, true,  false, true },
		{ "Size5", "sIZE",  false, false, false, true },
		{ "[",     "{",     false, false, false, false },
		{ "@",     "`",     false, false, false, false },
		{ "\xc4",  "\xe4",  false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str a = str_of(rows[i].a), b = str_of(rows[i].b);

		if (str_eq(a, b) != rows[i].eq ||
		    str_caseeq(a, b) != rows[i].caseeq ||
		    str_starts(a, b) != rows[i].starts ||
		    str_casestarts(a, b) != rows[i].casestarts)
			fail_msg("'%s' and '%s'", rows[i].a, rows[i].b);
	}
	assert_true(str_eq(nothing, STR("")));
	assert_true(str_eq(STR("a\0b"), (struct str){ "a\0b", 3 }));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_true(str_starts(nothing, nothing));
}

static void lower(void **state)
{
	(void)state;
	for (int c = -128; c < 128; c++) {
		bool upper = c >= 'A' && c <= 'Z';

		assert_int_equal(ascii_lower((char)c), upper ? c + 32 : c);
	}
}

/* Each of the 256 octets, alone and last. */
static void control_and_8bit(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[] = { 'a', (char)c };
		struct str s = { text, 2 };

		if (str_has_ctl(s) != (c < 32 || c == 127) ||
		    str_has_8bit(s) != (c > 127))
			fail_msg("octet %d", c);
		assert_false(str_has_ctl((struct str){ text, 1 }));
		assert_false(str_has_8bit((struct str){ text, 1 }));
	}
	assert_false(str_has_ctl(nothing));
	assert_false(str_has_8bit(nothing));
}

static void cutting(void **state)
{
	static const struct { const char *s, *head, *rest; } rows[] = {
		{ "",      "",    "" },
		{ "a",     "a",   "" },
		{ "a,",    "a",   "" },
		{ ",a",    "",    "a" },
		{ "a,b,c", "a",   "b,c" },
		{ ",",     "",    "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str s = str_of(rows[i].s);
		struct str head = str_cut(&s, ',');

		if (!str_eq(head, str_of(rows[i].head)) ||
		    !str_eq(s, str_of(rows[i].rest)))
			fail_msg("'%s'", rows[i].s);
	}
	struct str none = nothing;
	assert_int_equal(str_cut(&none, ',').n, 0);
	assert_int_equal(none.n, 0);
}

static void trimming(void **state)
{
	static const struct { const char *s, *trimmed; } rows[] = {
		{ "", "" }, { " ", "" }, { "\t \t", "" }, { "a", "a" },
		{ " a", "a" }, { "a\t", "a" }, { "\t a b \t", "a b" },
		{ "\na\r", "\na\r" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (!str_eq(str_trim(str_of(rows[i].s)),
			    str_of(rows[i].trimmed)))
			fail_msg("'%s'", rows[i].s);
	assert_int_equal(str_trim(nothing).n, 0);
}

static void numbers(void **state)
{
	static const struct {
		const char *s;
		uint64_t max;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "7", 7, true, 7 },
		{ "8", 7, false, 0 },
		{ "007", 7, true, 7 },
		{ "255", 255, true, 255 },
		{ "256", 255, false, 0 },
		{ "260", 255, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "99999999999999999999", UINT64_MAX, false, 0 },
		{ "184467440737095516150", UINT64_MAX, false, 0 },
		{ "", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ "1a", 10, false, 0 },
		{ "\xb2", 10, false, 0 },
		{ ":", 100, false, 0 },		/* after '9' */
		{ "/", 100, false, 0 },		/* before '0' */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t v = 4711;
		bool good = str_u64(str_of(rows[i].s), rows[i].max, &v);

		if (good != rows[i].good ||
		    v != (good ? rows[i].value : 4711))
			fail_msg("'%s': %llu", rows[i].s,
				 (unsigned long long)v);
	}
}

static void words(void **state)
{
	static const struct { const char *s, *gaps, *want; } lists[] = {
		{ "", STR_LIST, "" }, { " ,\t", STR_LIST, "" },
		{ "a", STR_LIST, "a|" }, { "a, b\tc,,d ", STR_LIST, "a|b|c|d|" },
		{ "a,b c", " ", "a,b|c|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct str s = str_of(lists[i].s), w;
		char got[32] = "";

		while ((w = str_word(&s, lists[i].gaps)).n) {
			strncat(got, w.p, w.n);
			strcat(got, "|");
		}
		assert_string_equal(got, lists[i].want);
		assert_int_equal(s.n, 0);
	}
	/* A NUL is part of a word, whatever ends the list of gaps. */
	assert_int_equal(str_word(&(struct str){ "a\0b", 3 }, " ").n, 3);
}

static void hex(void **state)
{
	(void)state;
	assert_int_equal(str_hex(STR("00")), 0);
	assert_int_equal(str_hex(STR("fF1")), 255);
	assert_int_equal(str_hex(STR("9a")), 0x9a);
	assert_int_equal(str_hex(STR("f")), -1);
	assert_int_equal(str_hex(STR("")), -1);
	assert_int_equal(str_hex(STR("fg")), -1);
	assert_int_equal(str_hex(STR("/0")), -1);
	assert_int_equal(str_hex(STR(":0")), -1);
	assert_int_equal(str_hex((struct str){ "0\0", 2 }), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(hex),
		cmocka_unit_test(equality),
		cmocka_unit_test(lower),
		cmocka_unit_test(control_and_8bit),
		cmocka_unit_test(cutting),
		cmocka_unit_test(trimming),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
