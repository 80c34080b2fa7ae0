#include "sasl/oauth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct sasl_config alice = {
	.mechs = "auto", .user = "a,b=c@example.com", .authzid = "",
	.host = "mx.example.com", .port = 587,
	.secret = { "vF9dft4qmT", 10 }, .is_token = true, .secure = true,
};

static void messages(void **state)
{
	struct sasl_config other = alice;
	struct buf out;
	const char *at;

	(void)state;
	buf_init(&out, 4096);
	oauth_xoauth2(&out, &alice);
	assert_string_equal(buf_cstr(&out), "user=a,b=c@example.com\001"
			    "auth=Bearer vF9dft4qmT\001\001");
	buf_release(&out);

	oauth_bearer(&out, &alice);
	assert_string_equal(buf_cstr(&out), "n,a=a=2Cb=3Dc@example.com,\001"
			    "host=mx.example.com\001port=587\001"
			    "auth=Bearer vF9dft4qmT\001\001");
	buf_release(&out);

	other.authzid = "boss,=";
	oauth_bearer(&out, &other);
	at = buf_cstr(&out);
	assert_true(str_starts(buf_str(&out), STR("n,a=boss=2C=3D,\001host=")));
	assert_non_null(strstr(at, "auth=Bearer vF9dft4qmT\001\001"));
	buf_release(&out);

	other.host = "fe80::1%eth0";
	oauth_bearer(&out, &other);
	assert_non_null(strstr(buf_cstr(&out), "\001host=fe80::1\001port="));
	buf_release(&out);
}

/* All memory at once, for the longest escapes too. */
static void never_grows(void **state)
{
	struct sasl_config odd = alice;
	struct buf out;
	size_t cap;

	(void)state;
	odd.user = ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,";
	odd.port = 65535;
	buf_init(&out, 4096);
	buf_room(&out, 3 * strlen(odd.user) + strlen(odd.host) +
		 odd.secret.n + 64);
	cap = out.cap;
	oauth_bearer(&out, &odd);
	assert_int_equal(out.cap, cap);
	assert_true(out.len > 3 * strlen(odd.user));
	buf_release(&out);
}

static void statuses(void **state)
{
	static const struct {
		const char *json, *want;
	} rows[] = {
		{ "{\"status\":\"401\",\"schemes\":\"bearer\"}", "401" },
		{ "{\"schemes\":\"bearer\", \"status\" : \"invalid_token\" }",
		  "invalid_token" },
		{ "{\"status\":400}", "400" },
		{ "{\n\t\"status\":\r\n \"400\"}", "400" },
		{ "{\"status\":\"4\\u0030\"}", "4" },
		{ "{\"status\":\"\x1b[2J\"}", "" },
		{ "{\"status\":\"401", "401" },
		{ "{\"status\":\"", "" },
		{ "{\"status\":", "" },
		{ "{\"status\"", "" },
		{ "{\"error\":\"401\"}", "" },
		{ "401", "" },
		{ "", "" },
		{ "{\"status\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaa\"}",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str json = str_of(rows[i].json);
		struct buf out;

		buf_init(&out, OAUTH_STATUS_MAX);
		oauth_status(&out, json);
		if (strcmp(buf_cstr(&out), rows[i].want))
			print_error("row %zu\n", i);
		assert_string_equal(buf_cstr(&out), rows[i].want);
		assert_false(out.over);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(never_grows),
		cmocka_unit_test(statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
