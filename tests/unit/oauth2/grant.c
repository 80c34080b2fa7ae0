#include "oauth2/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oauth2/object.h"
#include "util/buf.h"

#define OK "\"access_token\":\"a\",\"token_type\":\"Bearer\""

static const struct {
	const char *body;
	const char *why;	/* NULL: it is good */
	const char *access, *refresh, *scope;
	int64_t lifetime;	/* -1: not said */
} rows[] = {
	{ "{" OK "}", NULL, "a", "", "", -1 },
	{ " {" OK ",\"expires_in\":3600,\"refresh_token\":\"r\","
	  "\"scope\":\"x y\",\"more\":{\"a\":[1,null]}}\r\n", NULL,
	  "a", "r", "x y", 3600 },
	{ "{\"access_token\":\"aZ09-._~+/==\",\"token_type\":\"bEARER\","
	  "\"expires_in\":\" 7 \"}", NULL, "aZ09-._~+/==", "", "", 7 },
	{ "{" OK ",\"expires_in\":0}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":null}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":12.9}", NULL, "a", "", "", 12 },
	{ "{" OK ",\"expires_in\":3.6e3}", NULL, "a", "", "", 3600 },
	{ "{" OK ",\"expires_in\":316224000}", NULL, "a", "", "", 316224000 },
	{ "{" OK ",\"refresh_token\":null}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"refresh_token\":\"!~\"}", NULL, "a", "!~", "", -1 },

	{ "", "JSON", NULL, NULL, NULL, 0 },
	{ "[]", "JSON", NULL, NULL, NULL, 0 },
	{ "null", "JSON", NULL, NULL, NULL, 0 },
	{ "\"x\"", "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK, "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK "}}", "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK "}<html>", "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK ",\"access_token\":\"b\"}", "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK ",\"x\":\"\\u0000\"}", "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK ",\"x\":\"\xff\"}", "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK ",\"x\":\"\xed\xa0\x80\"}", "JSON", NULL, NULL, NULL, 0 },
	{ "{" OK ",\"x\":\"\n\"}", "JSON", NULL, NULL, NULL, 0 },
	{ "{'access_token':'a'}", "JSON", NULL, NULL, NULL, 0 },
	{ "access_token=a&token_type=bearer", "JSON", NULL, NULL, NULL, 0 },
	{ "{}", "access_token", NULL, NULL, NULL, 0 },
	{ "{\"token_type\":\"Bearer\"}", "access_token", NULL, NULL, NULL, 0 },
	{ "{\"access_token\":1,\"token_type\":\"Bearer\"}", "access_token",
	  NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"\",\"token_type\":\"Bearer\"}", "access_token",
	  NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"==\",\"token_type\":\"Bearer\"}",
	  "access_token", NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"a=b\",\"token_type\":\"Bearer\"}",
	  "access_token", NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}",
	  "access_token", NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"a\\nb\",\"token_type\":\"Bearer\"}",
	  "access_token", NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"a\\u0001b\",\"token_type\":\"Bearer\"}",
	  "access_token", NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"\xc3\xb6\",\"token_type\":\"Bearer\"}",
	  "access_token", NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"a\"}", NULL, "a", "", "", -1 },
	{ "{\"access_token\":\"a\",\"token_type\":null}", NULL, "a", "", "",
	  -1 },
	/* What came beside it is not lost. */
	{ "{\"refresh_token\":\"r\"}", "access_token", "", "r", NULL, 0 },
	{ "{\"access_token\":\"a b\",\"refresh_token\":\"r\"}",
	  "access_token", "", "r", NULL, 0 },
	{ "{\"access_token\":\"a\",\"token_type\":\"mac\","
	  "\"refresh_token\":\"r\"}", "token_type", "", "r", NULL, 0 },
	{ "{" OK ",\"refresh_token\":\"a b\"}", "refresh_token", "", "", NULL,
	  0 },
	{ "{\"access_token\":\"a\",\"token_type\":\"mac\"}", "token_type",
	  NULL, NULL, NULL, 0 },
	{ "{\"access_token\":\"a\",\"token_type\":7}", "token_type",
	  NULL, NULL, NULL, 0 },
	{ "{" OK ",\"refresh_token\":\"a b\"}", "refresh_token",
	  NULL, NULL, NULL, 0 },
	{ "{" OK ",\"refresh_token\":\"a\\nend\"}", "refresh_token",
	  NULL, NULL, NULL, 0 },
	{ "{" OK ",\"expires_in\":-1}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":-0.5}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":316224001}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":1e300}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":\"soon\"}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":\"\"}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":\"-1\"}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":\"99999999999999999999\"}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":true}", NULL, "a", "", "", -1 },
	{ "{" OK ",\"expires_in\":[]}", NULL, "a", "", "", -1 },
};

static void grants(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct grant g;
		int ret = grant_read(&g, str_of(rows[i].body), &err);

		if (rows[i].why) {
			if (!ret || err.kind != ERROR_PROTOCOL ||
			    !strstr(err.text, rows[i].why) || g.access.n ||
			    !str_eq(g.refresh, rows[i].refresh ?
				    str_of(rows[i].refresh) : STR("")))
				fail_msg("row %zu: %d %s", i, ret, err.text);
		} else if (ret || !str_eq(g.access, str_of(rows[i].access)) ||
			   !str_eq(g.refresh, str_of(rows[i].refresh)) ||
			   !str_eq(g.scope, str_of(rows[i].scope)) ||
			   g.timed != (rows[i].lifetime >= 0) ||
			   (g.timed && g.lifetime != rows[i].lifetime)) {
			fail_msg("row %zu: %d %s", i, ret, err.text);
		}
		grant_release(&g);
	}
}

/* However a good answer is cut, it is none. */
static void cut_anywhere(void **state)
{
	static const char body[] = "{\"access_token\":\"abc\",\"token_type\":"
		"\"Bearer\",\"expires_in\":3600,\"refresh_token\":\"def\"}";

	(void)state;
	for (size_t n = 0; n < sizeof(body); n++) {
		char *exact = malloc(n ? n : 1);
		struct error err;
		struct grant g;

		assert_non_null(exact);
		memcpy(exact, body, n);
		assert_int_equal(grant_read(&g, (struct str){ exact, n }, &err),
				 n == sizeof(body) - 1 ? 0 : -1);
		grant_release(&g);
		free(exact);
	}
}

static void sizes(void **state)
{
	static const size_t tokens[] = { GRANT_TOKEN_MAX, GRANT_TOKEN_MAX + 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct error err;
		struct grant g;
		struct buf b;

		buf_init(&b, 1 << 20);
		buf_addz(&b, "{\"token_type\":\"Bearer\",\"access_token\":\"");
		for (size_t k = 0; k < tokens[i]; k++)
			buf_addch(&b, 'x');
		buf_addz(&b, "\"}");
		assert_int_equal(grant_read(&g, buf_str(&b), &err),
				 i ? -1 : 0);
		grant_release(&g);
		buf_release(&b);
	}
}

/* Deep nesting must end in a refusal, not in the stack. */
static void deep(void **state)
{
	struct error err;
	struct grant g;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (size_t k = 0; k < 500000; k++)
		buf_addch(&b, '[');
	assert_int_equal(grant_read(&g, buf_str(&b), &err), -1);
	grant_release(&g);
	buf_release(&b);
}

static const struct {
	long status;
	const char *body;
	bool refused;
	enum error_kind kind;
	const char *code, *text;
} refusals[] = {
	{ 400, "{\"error\":\"invalid_grant\",\"error_description\":\"gone\"}",
	  true, ERROR_AUTH, "invalid_grant", "gone" },
	{ 401, "{\"error\":\"invalid_client\"}", true, ERROR_AUTH,
	  "invalid_client", "" },
	{ 400, "{\"error\":\"unauthorized_client\"}", true, ERROR_AUTH,
	  "unauthorized_client", "" },
	{ 400, "{\"error\":\"interaction_required\"}", true, ERROR_AUTH,
	  "interaction_required", "" },
	{ 403, "{\"error\":\"access_denied\"}", true, ERROR_AUTH,
	  "access_denied", "" },
	{ 400, "{\"error\":\"what_is_this\"}", true, ERROR_AUTH,
	  "what_is_this", "" },
	{ 400, "{\"error\":\"invalid_scope\"}", true, ERROR_CONFIG,
	  "invalid_scope", "" },
	{ 400, "{\"error\":\"invalid_request\"}", true, ERROR_CONFIG,
	  "invalid_request", "" },
	{ 400, "{\"error\":\"unsupported_grant_type\"}", true, ERROR_CONFIG,
	  "unsupported_grant_type", "" },
	{ 400, "{\"error\":\"temporarily_unavailable\"}", true, ERROR_NET,
	  "temporarily_unavailable", "" },
	{ 400, "{\"error\":\"server_error\"}", true, ERROR_NET,
	  "server_error", "" },
	{ 400, "{\"error\":\"slow_down\"}", true, ERROR_NET, "slow_down", "" },
	/* A provider in trouble has not judged the token. */
	{ 503, "{\"error\":\"invalid_grant\"}", true, ERROR_NET,
	  "invalid_grant", "" },
	{ 429, "{\"error\":\"invalid_grant\"}", true, ERROR_NET,
	  "invalid_grant", "" },
	{ 500, "", true, ERROR_NET, "", "" },
	{ 429, "<html>", true, ERROR_NET, "", "" },
	{ 302, "", true, ERROR_NET, "", "" },
	{ 403, "<html>", true, ERROR_NET, "", "" },
	{ 404, "<html>", true, ERROR_CONFIG, "", "" },
	{ 204, "", true, ERROR_NET, "", "" },
	{ 400, "{\"error\":{\"code\":1}}", true, ERROR_NET, "", "" },
	{ 400, "{\"error\":\"\"}", true, ERROR_NET, "", "" },
	{ 400, "{\"error\":\"a b\"}", true, ERROR_NET, "", "" },
	{ 400, "{\"error\":\"a\\u001b\"}", true, ERROR_NET, "", "" },
	{ 400, "{\"error\":\"\xc3\xb6\"}", true, ERROR_NET, "", "" },
	{ 400, "{\"error\":\"invalid_grant\",\"error_description\":7}", true,
	  ERROR_AUTH, "invalid_grant", "" },
	{ 200, "{\"error\":\"invalid_grant\"}", true, ERROR_AUTH,
	  "invalid_grant", "" },
	{ 200, "{" OK "}", false, ERROR_NONE, "", "" },
	{ 200, "", false, ERROR_NONE, "", "" },
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct refusal r;
		bool is = refusal_read(&r, refusals[i].status,
				       str_of(refusals[i].body));

		if (is != refusals[i].refused || (is &&
		    (refusal_kind(&r) != refusals[i].kind ||
		     strcmp(r.code, refusals[i].code) ||
		     strcmp(r.text, refusals[i].text))))
			fail_msg("row %zu: %d %d '%s' '%s'", i, is,
				 refusal_kind(&r), r.code, r.text);
	}
}

/* A text that is cut could end in half a secret, so it is left out. */
static void long_texts(void **state)
{
	(void)state;
	for (size_t n = REFUSAL_TEXT_MAX; n <= REFUSAL_TEXT_MAX + 1; n++) {
		struct refusal r;
		struct buf b;

		buf_init(&b, 1 << 16);
		buf_addz(&b, "{\"error\":\"x\",\"error_description\":\"");
		for (size_t k = 0; k < n; k++)
			buf_addch(&b, 'y');
		buf_addz(&b, "\"}");
		assert_true(refusal_read(&r, 400, buf_str(&b)));
		assert_int_equal(strlen(r.text), n == REFUSAL_TEXT_MAX ? n : 0);
		buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grants),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(sizes),
		cmocka_unit_test(deep),
		cmocka_unit_test(refused),
		cmocka_unit_test(long_texts),
	};

	object_wipe_memory();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
