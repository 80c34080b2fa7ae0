#include "sasl/mechs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ALL "LOGIN PLAIN CRAM-MD5 DIGEST-MD5 NTLM GSSAPI EXTERNAL XOAUTH2 " \
	"OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS " \
	"SCRAM-SHA-256-PLUS"

enum { TOKEN = 1, OPEN = 2, BOUND = 4, AUTHZID = 8 };

/* want NULL: ERROR_AUTH, with `says` in it. */
static const struct {
	const char *mechs, *offered;
	unsigned how;
	const char *want, *says;
} rows[] = {
	{ "auto", ALL, BOUND, "SCRAM-SHA-256-PLUS", "" },
	{ "auto", ALL, 0, "SCRAM-SHA-256", "" },
	{ "auto", ALL, TOKEN, "OAUTHBEARER", "" },
	{ "auto", ALL, TOKEN | BOUND, "OAUTHBEARER", "" },
	{ "auto", "XOAUTH2 PLAIN", TOKEN, "XOAUTH2", "" },
	{ "auto", "SCRAM-SHA-1-PLUS SCRAM-SHA-256", BOUND,
	  "SCRAM-SHA-1-PLUS", "" },
	{ "auto", "SCRAM-SHA-1-PLUS SCRAM-SHA-256", 0, "SCRAM-SHA-256", "" },
	{ "auto", "SCRAM-SHA-1 PLAIN", 0, "SCRAM-SHA-1", "" },
	{ "auto", "PLAIN LOGIN CRAM-MD5", 0, "CRAM-MD5", "" },
	{ "auto", "LOGIN PLAIN", 0, "PLAIN", "" },
	{ "auto", "LOGIN", 0, "LOGIN", "" },
	{ "auto", "login", 0, "LOGIN", "" },
	{ "AUTO", "  LOGIN   PLAIN ", 0, "PLAIN", "" },
	{ "auto", "LOGIN PLAIN", OPEN, NULL, "PLAIN shows the secret" },
	{ "auto", "LOGIN PLAIN CRAM-MD5", OPEN, "CRAM-MD5", "" },
	{ "auto", "XOAUTH2", OPEN | TOKEN, NULL, "never used without TLS" },
	{ "auto", "XOAUTH2", 0, NULL, "not a password" },
	{ "auto", "PLAIN", TOKEN, NULL, "not an OAuth 2 token" },
	{ "auto", "SCRAM-SHA-1-PLUS", 0, NULL, "channel binding" },
	{ "auto", "DIGEST-MD5 NTLM", 0, NULL, "'DIGEST-MD5 NTLM'" },
	{ "auto", "", 0, NULL, "offers ''" },
	{ "auto", "PLAINX XPLAIN PLAI", 0, NULL, "no usable mechanism" },
	{ "auto", "PLAIN\033[31m", 0, NULL, "PLAIN\\x1b[31m" },
	{ "plain", "LOGIN", 0, NULL, "offers 'LOGIN', auth allows 'plain'" },
	{ "plain", ALL, 0, "PLAIN", "" },
	{ "plain", ALL, OPEN, NULL, "PLAIN shows the secret" },
	{ "login", ALL, OPEN, NULL, "LOGIN shows the secret" },
	{ "xoauth2", ALL, 0, NULL, "not a password" },
	{ "xoauth2", ALL, TOKEN, "XOAUTH2", "" },
	{ "xoauth2 plain", ALL, 0, "PLAIN", "" },
	{ "login,plain", ALL, 0, "LOGIN", "" },
	{ " ,login, \tplain", "PLAIN", 0, "PLAIN", "" },
	{ "scram", ALL, 0, "SCRAM-SHA-256", "" },
	{ "scram", ALL, BOUND, "SCRAM-SHA-256-PLUS", "" },
	{ "scram", "PLAIN LOGIN", 0, NULL, "allows 'scram'" },
	{ "scram plain", "PLAIN LOGIN", 0, "PLAIN", "" },
	{ "SCRAM-SHA-1", ALL, BOUND, "SCRAM-SHA-1", "" },
	{ "auto", ALL, AUTHZID, "SCRAM-SHA-256", "" },
	{ "auto", "LOGIN CRAM-MD5 PLAIN", AUTHZID, "PLAIN", "" },
	{ "auto", "LOGIN CRAM-MD5", AUTHZID, NULL, "authzid" },
	{ "auto", "LOGIN", AUTHZID | OPEN, NULL, "shows the secret" },
	{ "xoauth2", ALL, AUTHZID | TOKEN, NULL, "authzid" },
};

static void choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct sasl_config c = {
			.mechs = rows[i].mechs, .user = "alice", .host = "h",
			.authzid = rows[i].how & AUTHZID ? "boss" : "",
			.is_token = rows[i].how & TOKEN,
			.secure = !(rows[i].how & OPEN),
		};
		const struct mech *m = mechs_choose(&c,
						    str_of(rows[i].offered),
						    rows[i].how & BOUND, &err);

		if (!m != !rows[i].want || (m && strcmp(m->name, rows[i].want)) ||
		    !strstr(err.text, rows[i].says))
			print_error("row %zu, '%s' of '%s': %s %s\n", i,
				    rows[i].mechs, rows[i].offered,
				    m ? m->name : "-", err.text);
		assert_int_equal(err.kind, m ? ERROR_NONE : ERROR_AUTH);
		assert_int_equal(!m, !rows[i].want);
		if (m)
			assert_string_equal(m->name, rows[i].want);
		assert_non_null(strstr(err.text, rows[i].says));
	}
}

/* A relay that offers very much still leaves room for what we have to say. */
static void long_offer(void **state)
{
	struct sasl_config c = { .mechs = "plain", .user = "u", .authzid = "",
				 .host = "h" };
	struct error err = { ERROR_NONE, "" };
	struct buf offer;

	(void)state;
	buf_init(&offer, 100000);
	for (int i = 0; i < 5000; i++)
		buf_addz(&offer, "X-\001ODD ");
	buf_addz(&offer, "PLAIN");
	assert_null(mechs_choose(&c, buf_str(&offer), false, &err));
	assert_non_null(strstr(err.text, "PLAIN shows the secret"));
	buf_release(&offer);
}

static void checks(void **state)
{
	static const struct {
		const char *value, *says;
	} values[] = {
		{ "auto", NULL }, { "none", NULL }, { "None ", NULL },
		{ "scram", NULL }, { "Plain", NULL },
		{ "SCRAM-SHA-256-PLUS,login xoauth2", NULL },
		{ "", "no SASL mechanism" }, { " , ", "no SASL mechanism" },
		{ "plane", "unknown SASL mechanism 'plane'" },
		{ "plane", "CRAM-MD5, PLAIN, LOGIN, OAUTHBEARER, XOAUTH2" },
		{ "plain none", "unknown SASL mechanism 'none'" },
		{ "plain gssapi", "'GSSAPI' is not in this version" },
		{ "digest-md5", "'DIGEST-MD5' is not in this version" },
		{ "EXTERNAL", "not in this version" },
		{ "ntlm", "not in this version" },
		{ "PLAINPLAINPLAINPLAINPLAINPLAINPLAINPLAINPLAIN",
		  "'PLAINPLAINPLAINPLAINPLAINPLAINPLAINPLAIN'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct error err = { ERROR_NONE, "" };
		int ret = sasl_check_mechs(values[i].value, &err);

		if (!ret != !values[i].says)
			print_error("value '%s': %s\n", values[i].value,
				    err.text);
		assert_int_equal(ret, values[i].says ? -1 : 0);
		if (!ret)
			continue;
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_non_null(strstr(err.text, values[i].says));
	}
}

static void plus(void **state)
{
	(void)state;
	assert_true(mechs_plus_offered(STR("PLAIN scram-sha-1-plus")));
	assert_true(mechs_plus_offered(STR(ALL)));
	assert_false(mechs_plus_offered(STR("SCRAM-SHA-1 SCRAM-SHA-256")));
	assert_false(mechs_plus_offered(STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices),
		cmocka_unit_test(long_offer),
		cmocka_unit_test(checks),
		cmocka_unit_test(plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
