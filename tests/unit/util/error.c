#include "util/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = sizeof(((struct error *)0)->text) };

static void kinds(void **state)
{
	static const struct { int status; bool transient; } rows[] = {
		[ERROR_USAGE]       = { 64, false },
		[ERROR_DATA]        = { 65, false },
		[ERROR_INPUT]       = { 66, false },
		[ERROR_HOST]        = { 68, true },
		[ERROR_UNAVAILABLE] = { 69, false },
		[ERROR_BUG]         = { 70, false },
		[ERROR_OS]          = { 71, true },
		[ERROR_CREATE]      = { 73, true },
		[ERROR_IO]          = { 74, true },
		[ERROR_SPACE]       = { 75, true },
		[ERROR_NET]         = { 75, true },
		[ERROR_PROTOCOL]    = { 76, true },
		[ERROR_TLS]         = { 76, true },
		[ERROR_CERT]        = { 77, true },
		[ERROR_AUTH]        = { 77, true },
		[ERROR_PERM]        = { 77, true },
		[ERROR_CONFIG]      = { 78, true },
	};

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(*rows), ERROR_KINDS);
	assert_int_equal(error_kind_status(ERROR_NONE), 0);
	assert_false(error_kind_transient(ERROR_NONE));
	for (int k = ERROR_NONE + 1; k < ERROR_KINDS; k++) {
		if (error_kind_status(k) != rows[k].status ||
		    error_kind_transient(k) != rows[k].transient)
			fail_msg("kind %d: %d", k, error_kind_status(k));
		assert_in_range(error_kind_status(k), 64, 78);
	}
}

static void text_is_one_line(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(&err, ERROR_IO, "cannot %s: %d", "a\nb\tc\r\x1b"
				   "[2J\x7f", 5), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_string_equal(err.text, "cannot a b c  [2J : 5");
	assert_int_equal(error_wrap(&err, "line\n%d", 7), -1);
	assert_string_equal(err.text, "line 7: cannot a b c  [2J : 5");
	assert_int_equal(error_add(&err, "\nmore"), -1);
	assert_string_equal(err.text, "line 7: cannot a b c  [2J : 5 more");
	assert_int_equal(err.kind, ERROR_IO);
	error_set(&err, ERROR_NET, "h\xc3\xb6rt");
	assert_string_equal(err.text, "h\xc3\xb6rt");
}

/* Text of n octets: whole if it fits, else as much as does and "...". */
static void expect(const struct error *err, const char *text, const char *how)
{
	size_t n = strlen(text);

	if (n < ROOM ? strcmp(err->text, text) :
	    strlen(err->text) != ROOM - 1 ||
	    memcmp(err->text, text, ROOM - 4) ||
	    strcmp(err->text + ROOM - 4, "...") != 0)
		fail_msg("%s, %zu octets: '%s'", how, n, err->text);
}

static char *fill(size_t n)
{
	char *p = malloc(n + 1);

	assert_non_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i % 26);
	p[n] = '\0';
	return p;
}

static void what_is_cut_says_so(void **state)
{
	(void)state;
	for (size_t n = ROOM - 9; n < ROOM + 9; n++) {
		char *text = fill(n);
		struct error err = { 0 };

		error_set(&err, ERROR_IO, "%s", text);
		expect(&err, text, "set");
		error_set(&err, ERROR_IO, "%s", text + 6);
		error_wrap(&err, "%.*s", 4, text);
		memcpy(text + 4, ": ", 2);
		expect(&err, text, "wrap");
		error_set(&err, ERROR_IO, "%.*s", 10, text);
		error_add(&err, text + 10);
		expect(&err, text, "add");
		free(text);
	}
}

/* A context that leaves no room for the reason. */
static void long_contexts(void **state)
{
	(void)state;
	for (size_t n = ROOM - 9; n < ROOM + 9; n++) {
		char *text = fill(n + 8);
		struct error err = { 0 };

		error_set(&err, ERROR_IO, "%s", text + n + 2);
		error_wrap(&err, "%.*s", (int)n, text);
		memcpy(text + n, ": ", 2);
		expect(&err, text, "wrap");
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(text_is_one_line),
		cmocka_unit_test(what_is_cut_says_so),
		cmocka_unit_test(long_contexts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
