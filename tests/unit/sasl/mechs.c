#include "sasl/mechs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <gsasl.h>

#define ALL "LOGIN PLAIN CRAM-MD5 DIGEST-MD5 NTLM GSSAPI EXTERNAL XOAUTH2 " \
	"OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS " \
	"SCRAM-SHA-256-PLUS ANONYMOUS"

enum {
	TOKEN = 1, OPEN = 2, BOUND = 4, AUTHZID = 8, CERT = 16, NOTHING = 32,
	NOBODY = 64, OLD = 128		/* OLD: libraries without the new ones */
};

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
	{ "auto", "DIGEST-MD5 NTLM GSSAPI ANONYMOUS", 0, NULL,
	  "'DIGEST-MD5 NTLM GSSAPI ANONYMOUS'" },
	{ "scram", "DIGEST-MD5 NTLM", 0, NULL, "no usable" },
	{ "digest-md5", ALL, 0, "DIGEST-MD5", "" },
	{ "digest-md5", ALL, AUTHZID, "DIGEST-MD5", "" },
	{ "ntlm", ALL, 0, "NTLM", "" },
	{ "ntlm", ALL, OPEN, NULL, "NTLM shows the secret" },
	{ "ntlm", ALL, AUTHZID, NULL, "authzid" },
	{ "gssapi", ALL, NOTHING | NOBODY, "GSSAPI", "" },
	{ "gssapi", ALL, 0, "GSSAPI", "" },
	{ "gssapi", "PLAIN", NOTHING, NULL, "allows 'gssapi'" },
	{ "gssapi, plain", "PLAIN", 0, "PLAIN", "" },
	{ "gssapi plain", "PLAIN GSSAPI", OLD, "PLAIN", "" },
	{ "gssapi", "PLAIN GSSAPI", OLD, NULL, "not in the libraries" },
	{ "anonymous", ALL, NOTHING | NOBODY, "ANONYMOUS", "" },
	{ "plain", ALL, NOTHING, NULL, "account has none" },
	{ "plain", ALL, NOBODY, NULL, "set user" },

	{ "auto", ALL, CERT | NOTHING | NOBODY, "EXTERNAL", "" },
	{ "auto", ALL, CERT | NOTHING | AUTHZID, "EXTERNAL", "" },
	{ "auto", ALL, CERT, "SCRAM-SHA-256", "" },
	{ "auto", ALL, CERT | TOKEN, "OAUTHBEARER", "" },
	{ "auto", "EXTERNAL", CERT, NULL, "offers 'EXTERNAL'" },
	{ "auto", "EXTERNAL", NOTHING, NULL, "no usable" },
	{ "auto", "PLAIN", CERT | NOTHING, NULL, "account has none" },
	{ "external", ALL, 0, NULL, "set tls_cert" },
	{ "external", ALL, CERT, "EXTERNAL", "" },
	{ "external plain", ALL, 0, "PLAIN", "" },
	{ "external plain", ALL, CERT, "EXTERNAL", "" },

	{ "auto", "SCRAM-SHA-512 SCRAM-SHA-256-PLUS", 0, "SCRAM-SHA-512", "" },
	{ "auto", "SCRAM-SHA-512 SCRAM-SHA-256-PLUS", BOUND,
	  "SCRAM-SHA-256-PLUS", "" },
	{ "auto", "SCRAM-SHA-512 SCRAM-SHA-1", OLD, "SCRAM-SHA-1", "" },
	{ "scram", "SCRAM-SHA-512-PLUS SCRAM-SHA-256-PLUS", BOUND,
	  "SCRAM-SHA-512-PLUS", "" },

	{ "auto, -plain", "PLAIN LOGIN", 0, "LOGIN", "" },
	{ "-PLAIN auto -login", "PLAIN LOGIN", 0, NULL, "no usable" },
	{ "auto -scram", ALL, BOUND, "CRAM-MD5", "" },
	{ "scram -SCRAM-SHA-1", "SCRAM-SHA-1 SCRAM-SHA-256", 0,
	  "SCRAM-SHA-256", "" },
	{ "login auto", ALL, 0, "LOGIN", "" },
	{ "xoauth2 auto", "XOAUTH2 PLAIN", 0, "PLAIN", "" },
	{ "ntlm auto", "PLAIN LOGIN", 0, "PLAIN", "" },
	{ "auto ntlm", "NTLM LOGIN", 0, "LOGIN", "" },
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

static uint32_t old(void)
{
	uint32_t have = 0;

	for (size_t i = 0; mechs_at(i); i++)
		have |= (uint32_t)!(mechs_at(i)->flags & MECH_MAYBE) << i;
	return have;
}

static void choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct sasl_config c = {
			.mechs = rows[i].mechs, .host = "h",
			.user = rows[i].how & NOBODY ? "" : "alice",
			.authzid = rows[i].how & AUTHZID ? "boss" : "",
			.secret = str_of(rows[i].how & NOTHING ? "" : "pw"),
			.has_cert = rows[i].how & CERT,
			.is_token = rows[i].how & TOKEN,
			.secure = !(rows[i].how & OPEN),
		};
		struct mech_facts facts = {
			rows[i].how & BOUND, rows[i].how & OLD ? old() : ~0u
		};
		const struct mech *m = mechs_choose(&c,
						    str_of(rows[i].offered),
						    facts, &err);

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
				 .host = "h", .secret = STR("pw") };
	struct error err = { ERROR_NONE, "" };
	struct buf offer;

	(void)state;
	buf_init(&offer, 100000);
	for (int i = 0; i < 5000; i++)
		buf_addz(&offer, "X-\001ODD ");
	buf_addz(&offer, "PLAIN");
	assert_null(mechs_choose(&c, buf_str(&offer),
				 (struct mech_facts){ false, ~0u }, &err));
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
		{ "plain gssapi", NULL }, { "digest-md5", NULL },
		{ "EXTERNAL", NULL }, { "ntlm", NULL }, { "anonymous", NULL },
		{ "auto, -LOGIN", NULL }, { "-LOGIN auto", NULL },
		{ "plain auto", NULL }, { "scram-sha-512 plain", NULL },
		{ "-LOGIN", "no SASL mechanism" },
		{ "auto -", "unknown SASL mechanism ''" },
		{ "auto --login", "unknown SASL mechanism '-login'" },
		{ "plain -PLAIN", "also excluded" },
		{ "scram, -auto", "also excluded" },
		{ "auto, -rot13", "unknown SASL mechanism 'rot13'" },
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

/* What this libgsasl lacks is an error only if nothing else is named. */
static void lacking(void **state)
{
	struct error err = { ERROR_NONE, "" };
	Gsasl *lib;
	bool has;

	(void)state;
	assert_int_equal(gsasl_init(&lib), GSASL_OK);
	has = gsasl_client_support_p(lib, "SCRAM-SHA-512");
	gsasl_done(lib);
	if (has)
		skip();
	assert_int_equal(sasl_check_mechs("SCRAM-SHA-512", &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "'SCRAM-SHA-512' is not in the"));
	assert_int_equal(sasl_check_mechs("SCRAM-SHA-512 LOGIN", &err), 0);
	assert_int_equal(sasl_check_mechs("scram", &err), 0);
}

static void allowed(void **state)
{
	static const struct {
		const char *value;
		unsigned want;
	} values[] = {
		{ "auto", SASL_AUTO | SASL_SECRET | SASL_CERT },
		{ "AUTO, -login", SASL_AUTO | SASL_SECRET | SASL_CERT },
		{ "auto, -EXTERNAL", SASL_AUTO | SASL_SECRET },
		{ "scram", SASL_SECRET },
		{ "plain auto", SASL_SECRET | SASL_CERT },
		{ "EXTERNAL", SASL_CERT },
		{ "external login", SASL_CERT | SASL_SECRET },
		{ "GSSAPI", SASL_FREE }, { "anonymous", SASL_FREE },
		{ "XOAUTH2", SASL_SECRET },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (sasl_allows(values[i].value) != values[i].want)
			print_error("value '%s'\n", values[i].value);
		assert_int_equal(sasl_allows(values[i].value), values[i].want);
	}
}

/* The manual has all of them, in the order of the table. */
static void manual(void **state)
{
	FILE *f = fopen(TESTS "/../man/posthaste.5", "r");
	size_t at = 0;
	char line[200];

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) &&
	       strcmp(line, ".Sh MECHANISMS\n") != 0)
		;
	while (fgets(line, sizeof(line), f) && strncmp(line, ".Sh ", 4) != 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, ".It Cm ", 7) != 0)
			continue;
		assert_non_null(mechs_at(at));
		assert_string_equal(line + 7, mechs_at(at)->name);
		at++;
	}
	fclose(f);
	assert_null(mechs_at(at));
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
		cmocka_unit_test(lacking),
		cmocka_unit_test(allowed),
		cmocka_unit_test(manual),
		cmocka_unit_test(plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
