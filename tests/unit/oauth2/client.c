#include "oauth2/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void set_up(struct client *c, struct oauth2_profile *p)
{
	*p = (struct oauth2_profile){
		.name = (char *)(uintptr_t)"work",
		.client_secret = (char *)(uintptr_t)"client-secret-1",
	};
	*c = (struct client){ .profile = p, .user = "" };
	client_hide(c, str_of(p->client_secret));
}

static void shown(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" }, { "  plain  ", "plain" },
		{ "a\x1b[31mb\nc", "a\\x1b[31mb\\x0ac" },
		{ "id client-secret-1!", "id [secret]!" },
		{ "refresh%2Dtoken-2", "[secret]" },
		{ "cmVmcmVzaC10b2tlbi0y", "[secret]" },	/* refresh-token-2 */
		{ "7265667265 refresh-token-", "7265667265 refresh-token-" },
		{ "sch\xc3\xb6n \xe2\x80\xae", "sch\xc3\xb6n \\xe2\\x80\\xae" },
	};
	struct oauth2_profile p;
	struct client c;

	(void)state;
	set_up(&c, &p);
	client_hide(&c, STR(""));
	client_hide(&c, STR("refresh-token-2"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		client_show(&c, &out, str_of(rows[i].text));
		assert_string_equal(buf_cstr(&out), rows[i].want);
		buf_release(&out);
	}
}

static void not_endless(void **state)
{
	char text[REFUSAL_TEXT_MAX + 1];
	struct oauth2_profile p;
	struct client c;
	struct buf out;

	(void)state;
	set_up(&c, &p);
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xb6", 2);
	buf_init(&out, 1000);
	client_show(&c, &out, (struct str){ text, REFUSAL_TEXT_MAX });
	assert_true(out.len < 310);
	assert_string_equal(out.p + out.len - 5, "\xc3\xb6...");
	buf_release(&out);
}

/* The client's own secret is never forgotten, whatever else is hidden. */
static void many_secrets(void **state)
{
	char names[2 * CLIENT_SECRETS][24];
	struct oauth2_profile p;
	struct client c;
	struct buf out;

	(void)state;
	set_up(&c, &p);
	for (int i = 0; i < 2 * CLIENT_SECRETS; i++) {
		snprintf(names[i], sizeof(names[i]), "secret-%04d", i);
		client_hide(&c, str_of(names[i]));
	}
	buf_init(&out, 1000);
	client_show(&c, &out, STR("client-secret-1 secret-0015 secret-0009"));
	assert_string_equal(buf_cstr(&out), "[secret] [secret] [secret]");
	buf_release(&out);
}

static void refusals(void **state)
{
	static const struct {
		long status;
		const char *body;
		bool anew;
		enum error_kind kind;
		const char *want;
	} rows[] = {
		{ 400, "{\"error\":\"invalid_grant\",\"error_description\":"
		  "\"gone: client-secret-1\"}", true, ERROR_AUTH,
		  "the provider refused to renew the token (invalid_grant: "
		  "gone: [secret]); run posthaste --oauth2-login=work" },
		{ 400, "{\"error\":\"invalid_grant\"}", false, ERROR_AUTH,
		  "the provider refused to renew the token (invalid_grant)" },
		{ 401, "{\"error\":\"invalid_client\"}", true, ERROR_AUTH,
		  "the provider refused to renew the token (invalid_client); "
		  "check the settings of [oauth2 work]" },
		{ 404, "", true, ERROR_CONFIG,
		  "the provider refused to renew the token (HTTP status 404); "
		  "check the settings of [oauth2 work]" },
		{ 503, "", true, ERROR_NET, "the provider does not renew the "
		  "token now (HTTP status 503; it asks for 30 s of patience)" },
	};
	struct oauth2_profile p;
	struct client c;

	(void)state;
	set_up(&c, &p);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err;
		struct refusal r;

		assert_true(refusal_read(&r, rows[i].status,
					 str_of(rows[i].body)));
		r.retry_after = rows[i].kind == ERROR_NET ? 30 : 0;
		assert_int_equal(client_refused(&c, &r, "renew the token",
						rows[i].anew, &err), -1);
		assert_int_equal(err.kind, rows[i].kind);
		assert_string_equal(err.text, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shown),
		cmocka_unit_test(not_endless),
		cmocka_unit_test(many_secrets),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
