#include "util/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What s begins with: so many octets, saying so much. */
static const struct {
	const char *name, *s;
	size_t n;
	unsigned long cp;
} firsts[] = {
	{ "ASCII",              "az",               1, 'a' },
	{ "DEL",                "\x7f",             1, 0x7f },
	{ "least of two",       "\xc2\x80z",        2, 0x80 },
	{ "most of two",        "\xdf\xbf",         2, 0x7ff },
	{ "least of three",     "\xe0\xa0\x80",     3, 0x800 },
	{ "before surrogates",  "\xed\x9f\xbf",     3, 0xd7ff },
	{ "after surrogates",   "\xee\x80\x80",     3, 0xe000 },
	{ "most of three",      "\xef\xbf\xbf",     3, 0xffff },
	{ "least of four",      "\xf0\x90\x80\x80", 4, 0x10000 },
	{ "most of all",        "\xf4\x8f\xbf\xbf", 4, 0x10ffff },

	{ "empty",              "",                 0, 0 },
	{ "lone continuation",  "\x80",             0, 0 },
	{ "overlong NUL",       "\xc0\x80",         0, 0 },
	{ "overlong slash",     "\xc0\xaf",         0, 0 },
	{ "overlong c1",        "\xc1\xbf",         0, 0 },
	{ "overlong three",     "\xe0\x9f\xbf",     0, 0 },
	{ "overlong four",      "\xf0\x8f\xbf\xbf", 0, 0 },
	{ "high surrogate",     "\xed\xa0\x80",     0, 0 },
	{ "low surrogate",      "\xed\xbf\xbf",     0, 0 },
	{ "past the last",      "\xf4\x90\x80\x80", 0, 0 },
	{ "f5",                 "\xf5\x80\x80\x80", 0, 0 },
	{ "five octets",        "\xf8\x88\x80\x80\x80", 0, 0 },
	{ "fe",                 "\xfe",             0, 0 },
	{ "ff",                 "\xff",             0, 0 },
	{ "cut, then ASCII",    "\xc3z",            0, 0 },
	{ "cut, then a lead",   "\xe2\x82\xc3\xa4", 0, 0 },
	{ "cut at the third",   "\xf0\x9f\x98z",    0, 0 },
};

static void first_character(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		struct str s = str_of(firsts[i].s);
		unsigned long cp = 0;
		size_t n = utf8_next(s, &cp);

		if (n != firsts[i].n || (n && cp != firsts[i].cp))
			fail_msg("%s: %zu, %lx", firsts[i].name, n, cp);
		/* Cut anywhere before its end it is no character. */
		for (s.n = n; s.n-- > 0;)
			if (utf8_next(s, &cp))
				fail_msg("%s cut to %zu", firsts[i].name, s.n);
	}
}

static size_t encode(char *to, unsigned long cp)
{
	if (cp < 0x80) {
		to[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		to[0] = (char)(0xc0 | cp >> 6);
		to[1] = (char)(0x80 | (cp & 63));
		return 2;
	}
	if (cp < 0x10000) {
		to[0] = (char)(0xe0 | cp >> 12);
		to[1] = (char)(0x80 | (cp >> 6 & 63));
		to[2] = (char)(0x80 | (cp & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | cp >> 18);
	to[1] = (char)(0x80 | (cp >> 12 & 63));
	to[2] = (char)(0x80 | (cp >> 6 & 63));
	to[3] = (char)(0x80 | (cp & 63));
	return 4;
}

static void every_code_point(void **state)
{
	(void)state;
	for (unsigned long cp = 0; cp < 0x120000; cp++) {
		bool good = cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
		unsigned long got = 0;
		char text[4];
		size_t n = encode(text, cp);
		struct str s = { text, n };

		if (utf8_next(s, &got) != (good ? n : 0) ||
		    (good && got != cp) || utf8_valid(s) != good)
			fail_msg("U+%04lX", cp);
	}
}

/* RFC 3629 s4: what may follow which first octet. */
static const struct {
	unsigned first, last, low, high;	/* of the first, of the second */
	size_t n;
} grammar[] = {
	{ 0x00, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static size_t by_grammar(unsigned first, unsigned second)
{
	for (size_t i = 0; i < sizeof(grammar) / sizeof(*grammar); i++)
		if (first >= grammar[i].first && first <= grammar[i].last &&
		    second >= grammar[i].low && second <= grammar[i].high)
			return grammar[i].n;
	return 0;
}

static void every_two_octets(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		char text[] = { (char)(i >> 8), (char)i, '\x80', '\xbf' };
		unsigned long cp;

		if (utf8_next((struct str){ text, 4 }, &cp) !=
		    by_grammar(i >> 8, i & 255))
			fail_msg("%04x", i);
	}
}

static void validity(void **state)
{
	static const struct { const char *s; bool valid; } rows[] = {
		{ "", true }, { "abc", true }, { "caf\xc3\xa9", true },
		{ "caf\xc3\xa9!", true }, { "caf\xc3", false },
		{ "caf\xe9", false }, { "\xe2\x82\xac\xf0\x9f\x98\x80", true },
		{ "a\x80", false }, { "\xff" "a", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (utf8_valid(str_of(rows[i].s)) != rows[i].valid)
			fail_msg("row %zu", i);
	assert_true(utf8_valid((struct str){ NULL, 0 }));
}

/* escaped: what utf8_escape() makes; NULL is as it came. */
static const struct {
	const char *name;
	struct str s;
	const char *escaped;
} shown[] = {
	{ "empty",            { "", 0 },                 NULL },
	{ "ASCII",            { "a ~!\"'", 6 },          NULL },
	{ "letters",          { "J\xc3\xb6rg", 5 },      NULL },
	{ "CJK, emoji",       { "\xe6\xbc\xa2\xf0\x9f\x98\x80", 7 }, NULL },
	{ "backslash",        { "a\\b", 3 },             "a\\\\b" },
	{ "NUL",              { "a\0b", 3 },             "a\\x00b" },
	{ "line ends",        { "a\r\nb", 4 },           "a\\x0d\\x0ab" },
	{ "tab",              { "a\tb", 3 },             "a\\x09b" },
	{ "terminal escape",  { "\x1b[31m", 5 },         "\\x1b[31m" },
	{ "DEL",              { "\x7f", 1 },             "\\x7f" },
	{ "C1: CSI",          { "\xc2\x9b", 2 },         "\\xc2\\x9b" },
	{ "no-break space",   { "\xc2\xa0", 2 },         "\\xc2\\xa0" },
	{ "soft hyphen",      { "\xc2\xad", 2 },         "\\xc2\\xad" },
	{ "right to left",    { "\xe2\x80\xae", 3 },     "\\xe2\\x80\\xae" },
	{ "isolate",          { "\xe2\x81\xa6", 3 },     "\\xe2\\x81\\xa6" },
	{ "arabic mark",      { "\xd8\x9c", 2 },         "\\xd8\\x9c" },
	{ "zero width",       { "\xe2\x80\x8b", 3 },     "\\xe2\\x80\\x8b" },
	{ "line separator",   { "\xe2\x80\xa8", 3 },     "\\xe2\\x80\\xa8" },
	{ "byte order mark",  { "\xef\xbb\xbf", 3 },     "\\xef\\xbb\\xbf" },
	{ "private use",      { "\xee\x80\x80", 3 },     "\\xee\\x80\\x80" },
	{ "tag",              { "\xf3\xa0\x80\xa0", 4 }, "\\xf3\\xa0\\x80\\xa0" },
	{ "latin-1",          { "caf\xe9!", 5 },         "caf\\xe9!" },
	{ "cut at the end",   { "\xe2\x82", 2 },         "\\xe2\\x82" },
	{ "overlong",         { "\xc0\xaf", 2 },         "\\xc0\\xaf" },
	{ "surrogate",        { "\xed\xa0\x80", 3 },     "\\xed\\xa0\\x80" },
};

static void escaping(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		const char *want = shown[i].escaped ? shown[i].escaped :
			shown[i].s.p;
		struct buf out, again;

		buf_init(&out, 100);
		buf_init(&again, 100);
		utf8_escape(&out, shown[i].s);
		if (strcmp(buf_cstr(&out), want) != 0)
			fail_msg("%s: '%s'", shown[i].name, buf_cstr(&out));
		utf8_ensure(&again, buf_str(&out));
		if (strcmp(buf_cstr(&again), want) != 0)
			fail_msg("%s, ensured: '%s'", shown[i].name,
				 buf_cstr(&again));
		buf_reset(&again);
		utf8_ensure(&again, shown[i].s);
		if (!strchr(want, '\\') || !strchr(shown[i].s.p, '\\'))
			assert_string_equal(buf_cstr(&again), want);
		else
			assert_string_equal(buf_cstr(&again), shown[i].s.p);
		buf_release(&out);
		buf_release(&again);
	}
}

/* Whatever comes in, what goes out is UTF-8 without a control character. */
static void pairs_are_safe(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		char text[] = { (char)(i >> 8), (char)i };
		struct buf out;

		buf_init(&out, 100);
		utf8_escape(&out, (struct str){ text, 2 });
		if (!utf8_valid(buf_str(&out)) || str_has_ctl(buf_str(&out)) ||
		    !out.len)
			fail_msg("%04x", i);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_character),
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(every_two_octets),
		cmocka_unit_test(validity),
		cmocka_unit_test(escaping),
		cmocka_unit_test(pairs_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
