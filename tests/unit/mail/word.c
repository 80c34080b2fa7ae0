#include "mail/word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/utf8.h"

static const struct {
	void (*f)(struct buf *out, struct str s, size_t column);
	const char *text, *want;
} rows[] = {
	{ word_encode, "", "" },
	{ word_encode, "J\xc3\xb6rg", "=?UTF-8?B?SsO2cmc=?=" },
	{ word_encode, "J\xc3\xb6rgen", "=?UTF-8?Q?J=C3=B6rgen?=" },
	{ word_encode, "caf\xc3\xa9 au lait_", "=?UTF-8?Q?caf=C3=A9_au_lait=5F?=" },
	{ word_encode, "\xc3\xb6\xc3\xb6", "=?UTF-8?B?w7bDtg==?=" },
	{ word_encode, "\xc3\xb6\xc3\xb6\xc3\xb6", "=?UTF-8?B?w7bDtsO2?=" },
	{ word_encode, "J\xf6rg", "=?unknown-8bit?Q?J=F6rg?=" },
	{ word_encode, "\xc3\xb6 09AZaz!*+-/abcdefghijkl@[",
	  "=?UTF-8?Q?=C3=B6_09AZaz!*+-/abcdefghijkl=40=5B?=" },
	{ word_encode, "\xc3\xb6 09AZaz!*+-/abcdefghijkl`{",
	  "=?UTF-8?Q?=C3=B6_09AZaz!*+-/abcdefghijkl=60=7B?=" },
	{ word_encode, "\xc3\xb6 09AZaz!*+-/abcdefghijkl:,",
	  "=?UTF-8?Q?=C3=B6_09AZaz!*+-/abcdefghijkl=3A=2C?=" },
	{ word_encode, "\xc3\xb6" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "=?UTF-8?Q?=C3=B6aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?=" },
	{ word_encode, "a\r\nb", "=?UTF-8?Q?a=0D=0Ab?=" },
	{ word_phrase, "CronDaemon", "CronDaemon" },
	{ word_phrase, "Test User", "Test User" },
	{ word_phrase, "Doe, Jane", "\"Doe, Jane\"" },
	{ word_phrase, "J. Doe", "\"J. Doe\"" },
	{ word_phrase, "a  b", "\"a  b\"" },
	{ word_phrase, "a\"b\\", "\"a\\\"b\\\\\"" },
	{ word_phrase, "", "\"\"" },
	{ word_phrase, "=?x?=", "=?UTF-8?B?PT94Pz0=?=" },
	{ word_phrase, "Doe, J\xc3\xb6rg", "=?UTF-8?Q?Doe=2C_J=C3=B6rg?=" },
	{ word_text, "", "" },
	{ word_text, "plain text", "plain text" },
	{ word_text, "Re: [list]  gr\xc3\xbc\xc3\x9f mich  bitte",
	  "Re: [list]  =?UTF-8?B?Z3LDvMOf?= mich  bitte" },
	{ word_text, "\xc3\xb6 and \xc3\xb6 b",
	  "=?UTF-8?B?w7YgYW5kIMO2?= b" },
	{ word_text, "\xc3\xb6 aaaa b c d e f g h i j k l m n o p q r s t u v w x y",
	  "=?UTF-8?B?w7Y=?= aaaa b c d e f g h i j k l m n o p q r s t u v w x y" },
	{ word_text, "\xc3\xb6 aaaa b c d e f g h i j k l m n o p q r s t u v w x y z",
	  "=?UTF-8?B?w7Y=?= aaaa b c d e f g h i j k l m n o p q r s t u v w x y\r\n"
	  " z" },
	{ word_text, "see =?this?=", "see =?UTF-8?B?PT90aGlzPz0=?=" },
};

static void encodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out, back;

		buf_init(&out, 1000);
		buf_init(&back, 1000);
		rows[i].f(&out, str_of(rows[i].text), 9);
		if (strcmp(buf_cstr(&out), rows[i].want))
			fail_msg("'%s' is '%s', not '%s'", rows[i].text,
				 buf_cstr(&out), rows[i].want);
		word_decode(&back, buf_str(&out));
		if (rows[i].f == word_text &&
		    strcmp(buf_cstr(&back), rows[i].text))
			fail_msg("'%s' comes back as '%s'", rows[i].text,
				 buf_cstr(&back));
		buf_release(&out);
		buf_release(&back);
	}
}

/* Every line and word within bounds, every word whole characters. */
static void check_lines(struct str s, size_t column)
{
	while (s.n) {
		struct str line = str_cut(&s, '\n');

		if (s.n) {
			assert_int_equal(line.p[--line.n], '\r');
			assert_true(*s.p == ' ');
		}
		assert_in_range(column + line.n, 1, WORD_LINE_MAX);
		column = 0;
		while (line.n) {
			struct str word = str_cut(&line, ' ');
			struct buf got;

			assert_true(word.n <= WORD_MAX);
			buf_init(&got, 100);
			word_decode(&got, word);
			assert_true(utf8_valid(buf_str(&got)));
			buf_release(&got);
		}
	}
}

static const char *const pieces[] = { "\xc3\xb6", "a\xe2\x82\xac",
	"\xf0\x9f\x98\x80", "wort \xc3\xb6 ", "plain words only ",
	"x \xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6\xc3\xb6 plain and plain " };

/* Words are as long as the limits allow, and no longer. */
static void fills_the_line(void **state)
{
	struct buf text, out;

	(void)state;
	buf_init(&text, 1000);
	buf_init(&out, 1000);
	buf_addz(&text, "\xc3\xb6");
	while (text.len < 2 + 57)
		buf_addch(&text, 'a');
	word_encode(&out, buf_str(&text), 3);
	assert_int_equal(out.len, WORD_MAX);
	buf_reset(&out);
	word_encode(&out, buf_str(&text), 4);
	assert_int_equal(out.len, WORD_MAX + 3 + 12);
	buf_reset(&out);
	buf_addch(&text, 'a');
	word_encode(&out, buf_str(&text), 0);
	assert_int_equal(out.len, WORD_MAX + 3 + 13);
	buf_release(&text);
	buf_release(&out);
}

/* Any length and any column: it comes back as it was. */
static void long_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		for (size_t n = 1; n < 60; n++) {
			struct buf text, out, back;
			size_t column = n * 7 % 77;

			buf_init(&text, 10000);
			buf_init(&out, 10000);
			buf_init(&back, 10000);
			for (size_t k = 0; k < n; k++)
				buf_addz(&text, pieces[i]);
			buf_addch(&text, 'x');
			word_text(&out, buf_str(&text), column);
			if (column < 60)
				check_lines(buf_str(&out), column);
			word_decode(&back, buf_str(&out));
			if (*back.p == ' ')	/* folded at once */
				buf_drop(&back, 1);
			if (strcmp(buf_cstr(&back), buf_cstr(&text)))
				fail_msg("piece %zu x %zu at %zu:\n%s", i, n,
					 column, buf_cstr(&out));
			buf_release(&text);
			buf_release(&out);
			buf_release(&back);
		}
}

static const struct {
	const char *text, *want;
} decodings[] = {
	{ "=?utf-8?q?a?= =?UTF-8?B?Yg==?=", "ab" },
	{ "=?utf-8?q?a?=\r\n =?us-ascii?q?=5F?= c", "a_ c" },
	{ "x =?utf-8?q?a?= y", "x a y" },
	{ "=?utf-8?q?=c3=b6?=", "\xc3\xb6" },
	{ "=?koi8-r?q?a?=", "=?koi8-r?q?a?=" },
	{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
	{ "=?utf-8?q?a=4?=", "=?utf-8?q?a=4?=" },
	{ "=?utf-8?q?a=xx?=", "=?utf-8?q?a=xx?=" },
	{ "=?utf-8?b?a*?=", "=?utf-8?b?a*?=" },
	{ "=?utf-8?b?YQ==", "=?utf-8?b?YQ==" },
	{ "=? =", "=? =" },
};

static void decodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(decodings) / sizeof(*decodings); i++) {
		struct buf out;

		buf_init(&out, 1000);
		word_decode(&out, str_of(decodings[i].text));
		assert_string_equal(buf_cstr(&out), decodings[i].want);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes),
		cmocka_unit_test(fills_the_line),
		cmocka_unit_test(long_text),
		cmocka_unit_test(decodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
