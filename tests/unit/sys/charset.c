#include "sys/charset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A "\xc3\xa4"

static const struct {
	const char *name;
	const char *set;
	struct str in;
	const char *want;	/* NULL: not valid; line says where */
	int line;
} rows[] = {
	{ "nothing", "UTF-8", { "", 0 }, "", 0 },
	{ "UTF-8", "UTF-8", { A "\n\xf0\x9f\x98\x80x", 8 },
	  A "\n\xf0\x9f\x98\x80x", 0 },
	{ "Latin-1", "ISO-8859-1", { "\xe4\r\n\xdf", 4 },
	  A "\r\n\xc3\x9f", 0 },
	{ "the euro", "windows-1252", { "\x80", 1 }, "\xe2\x82\xac", 0 },
	{ "UTF-16", "UTF-16", { "\xff\xfe\xe4\0=\xd8\0\xde", 8 },
	  A "\xf0\x9f\x98\x80", 0 },
	{ "Japanese, with escapes", "ISO-2022-JP",
	  { "a\x1b$B\x24\x22\x1b(Bb\n", 11 }, "a\xe3\x81\x82" "b\n", 0 },
	{ "an accent that may follow", "CP1258", { "xa", 2 }, "xa", 0 },
	{ "one that does", "CP1258", { "xa\xec", 3 }, "x\xc3\xa1", 0 },
	{ "a stray octet", "UTF-8", { "a\nb\n\xe4z\n", 7 }, NULL, 3 },
	{ "overlong", "UTF-8", { "\xc0\x80", 2 }, NULL, 1 },
	{ "a surrogate", "UTF-8", { "\n\xed\xa0\x80", 4 }, NULL, 2 },
	{ "cut short", "UTF-8", { "a\n\xf0\x9f\x98", 5 }, NULL, 2 },
	{ "half of a UTF-16 pair", "UTF-16LE", { "\n\0=\xd8", 4 }, NULL, 2 },
	{ "8-bit", "US-ASCII", { "\n\n\xe4", 3 }, NULL, 3 },
};

/* Cut at two places, the second call with nothing if they are the same. */
static int convert(size_t i, size_t a, size_t b, struct buf *out,
		   struct error *err)
{
	struct str in = rows[i].in;
	struct charset *c = charset_open(rows[i].set, err);
	int ret;

	if (!c)
		fail_msg("'%s': %s", rows[i].name, err->text);
	ret = charset_feed(c, (struct str){ in.p, a }, false, out, err) ||
	      charset_feed(c, (struct str){ in.p + a, b - a }, false, out,
			   err) ||
	      charset_feed(c, (struct str){ in.p + b, in.n - b }, true, out,
			   err);
	charset_close(c);
	return ret;
}

static void check_row(size_t i, size_t a, size_t b)
{
	struct error err = { 0 };
	struct buf out;
	char line[32];
	int ret;

	buf_init(&out, 100000);
	ret = convert(i, a, b, &out, &err);
	snprintf(line, sizeof(line), "line %d is not valid", rows[i].line);
	if (ret != (rows[i].want ? 0 : 1) ||
	    (!ret && strcmp(buf_cstr(&out), rows[i].want)) ||
	    (ret && (err.kind != ERROR_DATA || !strstr(err.text, line) ||
		     !strstr(err.text, rows[i].set))))
		fail_msg("'%s' cut at %zu and %zu: '%s' %s", rows[i].name, a,
			 b, buf_cstr(&out), err.text);
	buf_release(&out);
}

static void every_row_cut_every_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t a = 0; a <= rows[i].in.n; a++)
			for (size_t b = a; b <= rows[i].in.n; b++)
				check_row(i, a, b);
}

/* More than is converted at once, characters on every border. */
static void much(void **state)
{
	enum { N = 100001 };
	struct error err = { 0 };
	struct charset *c = charset_open("ISO-8859-1", &err);
	struct buf in, out;

	(void)state;
	buf_init(&in, N);
	buf_init(&out, (size_t)2 * N + 5000);
	buf_addch(&in, 'x');
	while (in.len < N)
		buf_addch(&in, '\xe4');
	assert_non_null(c);
	assert_int_equal(charset_feed(c, buf_str(&in), true, &out, &err), 0);
	assert_int_equal(out.len, 2 * N - 1);
	for (size_t i = 1; i < out.len; i += 2)
		if (memcmp(out.p + i, A, 2))
			fail_msg("at %zu", i);
	charset_close(c);
	buf_release(&in);
	buf_release(&out);
}

static void too_long(void **state)
{
	struct error err = { 0 };
	struct charset *c = charset_open("UTF-8", &err);
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	assert_non_null(c);
	assert_int_equal(charset_feed(c, STR("hello"), false, &out, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	assert_string_equal(err.text, "the text is too long");
	assert_int_equal(charset_feed(c, STR(""), true, &out, &err), -1);
	charset_close(c);
	buf_release(&out);
}

static void unknown_sets(void **state)
{
	static const char *const sets[] = {
		"no-such-set", "", " ", "//", "\xff", "latin1//IGNORE",
		"a-name-of-more-than-sixty-three-octets-which-no-set-has-at-all-x"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		struct error err = { 0 };

		if (charset_open(sets[i], &err))
			fail_msg("'%s'", sets[i]);
		assert_int_equal(err.kind, ERROR_USAGE);
		assert_non_null(strstr(err.text, "is not known"));
	}
	charset_close(NULL);
}

/* cron gives no locale; what it runs writes UTF-8. */
static void without_a_locale(void **state)
{
	static const char *const names[] = { "C", "POSIX", "C.UTF-8" };

	(void)state;
	unsetenv("LC_CTYPE");
	unsetenv("LANG");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		setenv("LC_ALL", names[i], 1);
		if (strcmp(charset_of_locale(), "UTF-8"))
			fail_msg("'%s'", names[i]);
	}
	unsetenv("LC_ALL");
	assert_string_equal(charset_of_locale(), "UTF-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_cut_every_way),
		cmocka_unit_test(much),
		cmocka_unit_test(too_long),
		cmocka_unit_test(unknown_sets),
		cmocka_unit_test(without_a_locale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
