#include "sasl/scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LONG "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	const char *name, *text;
	enum error_kind kind;
	const char *says;
} firsts[] = {
	{ "good", "r=abcXYZ,s=QSXC,i=4096", ERROR_NONE, "" },
	{ "most", "r=abcXYZ,s=QSXC,i=10000000", ERROR_NONE, "" },
	{ "extension", "r=abcXYZ,s=QSXC,i=4096,x=y", ERROR_NONE, "" },
	{ "one", "r=abcXYZ,s=QSXC,i=1", ERROR_AUTH,
	  "iteration count 1 is below 4096" },
	{ "none", "r=abcXYZ,s=QSXC,i=0", ERROR_AUTH, "below" },
	{ "4095", "r=abcXYZ,s=QSXC,i=4095", ERROR_AUTH, "below" },
	{ "one too many", "r=abcXYZ,s=QSXC,i=10000001", ERROR_AUTH,
	  "above 10000000" },
	{ "2^31", "r=abcXYZ,s=QSXC,i=2147483648", ERROR_AUTH, "2147483648" },
	{ "2^32 + 4096", "r=abcXYZ,s=QSXC,i=4294971392", ERROR_AUTH, "above" },
	{ "2^64 + 4096", "r=abcXYZ,s=QSXC,i=18446744073709555712",
	  ERROR_PROTOCOL, "not a number" },
	{ "negative", "r=abcXYZ,s=QSXC,i=-5000", ERROR_PROTOCOL, "number" },
	{ "blank", "r=abcXYZ,s=QSXC,i= 5000", ERROR_PROTOCOL, "number" },
	{ "empty count", "r=abcXYZ,s=QSXC,i=", ERROR_PROTOCOL, "number" },
	{ "two counts", "r=abcXYZ,s=QSXC,i=1,i=4096", ERROR_AUTH, "below" },
	{ "no count", "r=abcXYZ,s=QSXC", ERROR_PROTOCOL, "lacks" },
	{ "no salt", "r=abcXYZ,i=4096", ERROR_PROTOCOL, "lacks" },
	{ "empty salt", "r=abcXYZ,s=,i=4096", ERROR_PROTOCOL, "lacks" },
	{ "our nonce back", "r=abc,s=QSXC,i=4096", ERROR_AUTH, "extend" },
	{ "shorter nonce", "r=ab,s=QSXC,i=4096", ERROR_AUTH, "extend" },
	{ "other nonce", "r=abdXYZ,s=QSXC,i=4096", ERROR_AUTH, "extend" },
	{ "nonce in other case", "r=ABCXYZ,s=QSXC,i=4096", ERROR_AUTH, "extend" },
	{ "no nonce", "s=QSXC,i=4096", ERROR_PROTOCOL, "nonce" },
	{ "mandatory extension", "m=x,r=abcXYZ,s=QSXC,i=4096", ERROR_PROTOCOL,
	  "nonce" },
	{ "nothing", "", ERROR_PROTOCOL, "nonce" },
	{ "refusal", "e=unknown-user", ERROR_AUTH, "'unknown-user'" },
	{ "refusal with escapes", "e=\x1b[2J,x", ERROR_AUTH, "'\\x1b[2J'" },
	{ "long refusal", "e=" LONG LONG LONG, ERROR_AUTH, "refuses" },
};

static void first(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		struct error err = { ERROR_NONE, "" };
		int ret = scram_check_first(str_of(firsts[i].text), STR("abc"),
					    &err);

		if (err.kind != firsts[i].kind ||
		    !strstr(err.text, firsts[i].says))
			print_error("row '%s': %s\n", firsts[i].name, err.text);
		assert_int_equal(err.kind, firsts[i].kind);
		assert_int_equal(ret, err.kind ? -1 : 0);
		assert_non_null(strstr(err.text, firsts[i].says));
		assert_true(strlen(err.text) < 300);
	}
}

static void no_nonce_of_ours(void **state)
{
	struct error err = { ERROR_NONE, "" };

	(void)state;
	assert_int_equal(scram_check_first(STR("r=abcd,s=QS\0C,i=4096"),
					   STR("abc"), &err), -1);
	assert_non_null(strstr(err.text, "NUL"));
	assert_int_equal(scram_check_first(STR("r=a,s=QSXC,i=4096"), STR(""),
					   &err), -1);
	assert_int_equal(err.kind, ERROR_AUTH);
}

static void final(void **state)
{
	struct error err = { ERROR_NONE, "" };

	(void)state;
	assert_int_equal(scram_check_final(STR("v=abcd"), &err), 0);
	assert_int_equal(scram_check_final(STR("e=invalid-proof"), &err), -1);
	assert_int_equal(err.kind, ERROR_AUTH);
	assert_non_null(strstr(err.text, "'invalid-proof'"));
	assert_int_equal(scram_check_final(STR(""), &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_int_equal(scram_check_final(STR("x=1,v=abcd"), &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
}

static void attributes(void **state)
{
	static const struct {
		const char *text;
		char name;
		const char *want;
	} rows[] = {
		{ "n,,n=u,r=abc", 'r', "abc" },
		{ "n,a=r=2C,n=u,r=abc", 'r', "abc" },
		{ "c=biws,r=x,p=AA==", 'p', "AA==" },
		{ "c=biws", 'p', "" },
		{ "r=", 'r', "" },
		{ "r", 'r', "" },
		{ "", 'r', "" },
		{ "i=1,i=2", 'i', "1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(str_eq(scram_attribute(str_of(rows[i].text),
						   rows[i].name),
				   str_of(rows[i].want)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first),
		cmocka_unit_test(no_nonce_of_ours),
		cmocka_unit_test(final),
		cmocka_unit_test(attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
