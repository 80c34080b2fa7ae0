#include "mail/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void keeps_first_order(void **state)
{
	static const char *const in[] = { "a@example.org", "a@EXAMPLE.ORG",
		"a@example.org", "A@example.org", "b@x", "a@example.org" };
	struct roster to;
	struct error err;

	(void)state;
	roster_init(&to);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(roster_add(&to, str_of(in[i]), &err), 0);
	assert_int_equal(to.n, 3);
	assert_string_equal(roster_get(&to, 0), "a@example.org");
	assert_string_equal(roster_get(&to, 1), "A@example.org");
	assert_string_equal(roster_get(&to, 2), "b@x");
	roster_release(&to);
	assert_int_equal(to.n, 0);
	roster_release(&to);
}

static void is_fast(void **state)
{
	char addr[64];
	struct roster to;
	struct error err;

	(void)state;
	roster_init(&to);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 200000; i++) {
			snprintf(addr, sizeof(addr), "user%d@%s", i,
				 round ? "EXAMPLE.org" : "example.org");
			assert_int_equal(roster_add(&to, str_of(addr), &err),
					 0);
		}
	assert_int_equal(to.n, 200000);
	assert_string_equal(roster_get(&to, 199999), "user199999@example.org");
	roster_release(&to);
}

/* All spellings of one local part: different, whatever they hash to. */
static void case_variants(void **state)
{
	struct roster to;
	struct error err;

	(void)state;
	roster_init(&to);
	for (unsigned i = 0; i < 1u << 16; i++) {
		char addr[] = "abcdefghijklmnop@x";

		for (int k = 0; k < 16; k++)
			if (i >> k & 1)
				addr[k] = (char)(addr[k] - 32);
		assert_int_equal(roster_add(&to, str_of(addr), &err), 0);
	}
	assert_int_equal(to.n, 1 << 16);
	roster_release(&to);
}

static const struct {
	const char *text, *want;	/* joined by blanks; NULL: refused */
	bool arg;
} rows[] = {
	{ "root, Root@h, root@H, B <b@x>", "root@h Root@h b@x", true },
	{ "Full Name <a@x>, b@x", "a@x b@x", true },
	{ "g: a@x;", "a@x", true },
	{ "undisclosed-recipients:;", "", true },
	{ "\"a@b\"", "\"a@b\"@h", true },
	{ "a@x,\r\n b@x", "a@x b@x", false },
	{ "a@x,\r\n b@x", NULL, true },
	{ "a@example.org\nRCPT TO:<evil@example.org>", NULL, true },
	{ "a@x\t", NULL, true },
	{ "<>", NULL, true },
	{ "a@x, N <>", NULL, false },
	{ "b@c> NOTIFY=NEVER", NULL, true },
	{ "a@x, foo bar", NULL, true },
};

static void lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct roster to;
		struct buf got;
		int bad;

		roster_init(&to);
		buf_init(&got, 1000);
		bad = (rows[i].arg ? roster_arg : roster_list)(
			&to, str_of(rows[i].text), "h", &err);
		for (size_t k = 0; k < to.n; k++)
			buf_addf(&got, "%s%s", k ? " " : "",
				 roster_get(&to, k));
		if (bad != (rows[i].want ? 0 : -1) ||
		    (bad && err.kind != ERROR_DATA))
			fail_msg("'%s' gives %d", rows[i].text, bad);
		if (!bad && strcmp(buf_cstr(&got), rows[i].want))
			fail_msg("'%s' is '%s'", rows[i].text, buf_cstr(&got));
		buf_release(&got);
		roster_release(&to);
	}
}

static void error_is_one_short_line(void **state)
{
	char arg[5000];
	struct roster to;
	struct error err;

	(void)state;
	memset(arg, '\x1b', sizeof(arg));
	roster_init(&to);
	assert_int_equal(roster_arg(&to, (struct str){ arg, sizeof(arg) }, "h",
				    &err), -1);
	assert_null(strchr(err.text, '\x1b'));
	assert_non_null(strstr(err.text, "\\x1b\\x1b"));
	roster_release(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_first_order),
		cmocka_unit_test(is_fast),
		cmocka_unit_test(case_variants),
		cmocka_unit_test(lists),
		cmocka_unit_test(error_is_one_short_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
