#include "mail/xtext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text, *xtext;
} pairs[] = {
	{ "abc", "abc" },
	{ "a+b=c d", "a+2Bb+3Dc+20d" },
	{ "\xc3\xb6\r\n", "+C3+B6+0D+0A" },
	{ "\x7f~!", "+7F~!" },
	{ "\x99\x0a", "+99+0A" },
};

static void both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct buf out;

		buf_init(&out, 100);
		xtext_encode(&out, str_of(pairs[i].text));
		assert_string_equal(buf_cstr(&out), pairs[i].xtext);
		assert_true(xtext_valid(buf_str(&out)));
		buf_reset(&out);
		xtext_decode(&out, str_of(pairs[i].xtext));
		assert_string_equal(buf_cstr(&out), pairs[i].text);
		buf_release(&out);
	}
}

static const struct {
	const char *text;
	bool valid;
} valid[] = {
	{ "abc", true }, { "+2B", true }, { "a+00b", true },
	{ "", false }, { "a b", false }, { "a=b", false }, { "+", false },
	{ "+2", false }, { "+2b", false }, { "+G0", false }, { "a+", false },
	{ "a\x7f", false }, { "\xc3\xb6", false }, { "a\r\nb", false },
};

static void validity(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		struct error err = { ERROR_NONE, "" };
		int want = valid[i].valid ? 0 : -1;

		if (xtext_valid(str_of(valid[i].text)) != valid[i].valid)
			fail_msg("'%s'", valid[i].text);
		if (xtext_envid(str_of(valid[i].text), &err) != want ||
		    (want && err.kind != ERROR_USAGE))
			fail_msg("envelope id '%s'", valid[i].text);
	}
}

static void envid_length(void **state)
{
	char text[101];
	struct error err;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(xtext_envid((struct str){ text, 100 }, &err), 0);
	assert_int_equal(xtext_envid((struct str){ text, 101 }, &err), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
}

static const struct {
	int (*f)(struct str, const char **, struct error *);
	const char *text, *want;	/* NULL: refused */
} words[] = {
	{ xtext_notify, "never", "NEVER" },
	{ xtext_notify, "NeVeR", "NEVER" },
	{ xtext_notify, "failure,delay", "FAILURE,DELAY" },
	{ xtext_notify, "delay,failure", "FAILURE,DELAY" },
	{ xtext_notify, "Success", "SUCCESS" },
	{ xtext_notify, "success, delay", "SUCCESS,DELAY" },
	{ xtext_notify, "success,failure", "SUCCESS,FAILURE" },
	{ xtext_notify, "success,failure,delay,delay",
	  "SUCCESS,FAILURE,DELAY" },
	{ xtext_notify, "delay", "DELAY" },
	{ xtext_notify, "failure", "FAILURE" },
	{ xtext_notify, "", NULL },
	{ xtext_notify, "never,delay", NULL },
	{ xtext_notify, "delay,,failure", NULL },
	{ xtext_notify, "bogus", NULL },
	{ xtext_notify, "success\r\nRSET", NULL },
	{ xtext_ret, "full", "FULL" },
	{ xtext_ret, "HDRS", "HDRS" },
	{ xtext_ret, "", NULL },
	{ xtext_ret, "bogus", NULL },
};

static void parameters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct error err = { ERROR_NONE, "" };
		const char *out = "untouched";
		int bad = words[i].f(str_of(words[i].text), &out, &err);

		if (bad != (words[i].want ? 0 : -1) ||
		    (bad && err.kind != ERROR_USAGE))
			fail_msg("'%s' gives %d", words[i].text, bad);
		assert_string_equal(out, bad ? "untouched" : words[i].want);
	}
}

static void an_error_is_escaped(void **state)
{
	char text[1000];
	struct error err;
	const char *out;

	(void)state;
	assert_int_equal(xtext_ret(STR("a\x1b[2J"), &out, &err), -1);
	assert_non_null(strstr(err.text, "'a\\x1b[2J'"));
	memset(text, '\x1b', sizeof(text));
	assert_int_equal(xtext_ret((struct str){ text, sizeof(text) }, &out,
				   &err), -1);
	assert_non_null(strstr(err.text, "is neither"));
}

static void orcpt(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 200);
	xtext_orcpt(&out, STR("a+b@x"));
	assert_string_equal(buf_cstr(&out), "rfc822;a+2Bb@x");
	buf_reset(&out);
	xtext_orcpt(&out, STR("j\xc3\xb6 \\+@\xf0\x9f\x98\x80\xff"));
	assert_string_equal(buf_cstr(&out),
			    "utf-8;j\\x{F6}\\x{20}\\x{5C}\\x{2B}@\\x{1F600}"
			    "\\x{FF}");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(validity),
		cmocka_unit_test(envid_length),
		cmocka_unit_test(parameters),
		cmocka_unit_test(an_error_is_escaped),
		cmocka_unit_test(orcpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
