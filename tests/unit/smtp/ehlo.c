#include "smtp/ehlo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	unsigned caps;
	uint64_t size, rcpt, mail, hold, by;
	const char *auth;
} rows[] = {
	{ "", 0, 0, 0, 0, 0, 0, "" },
	{ "mx.example.org", 0, 0, 0, 0, 0, 0, "" },
	{ "PIPELINING\nDSN", CAP_DSN, 0, 0, 0, 0, 0, "" },	/* line 1 greets */
	{ "mx\nPIPELINING", CAP_PIPELINING, 0, 0, 0, 0, 0, "" },
	{ "mx\npipelining \nDsn\t", CAP_PIPELINING | CAP_DSN, 0, 0, 0, 0, 0, "" },
	{ "mx\nPIPELININGX\nXPIPELINING\nPIPE\n\n ", 0, 0, 0, 0, 0, 0, "" },
	{ "mx\nSTARTTLS\nPIPELINING\nSIZE\n8BITMIME\nSMTPUTF8\nDSN\nAUTH\n"
	  "CHUNKING\nBINARYMIME\nENHANCEDSTATUSCODES\nLIMITS\nREQUIRETLS\n"
	  "DELIVERBY\nFUTURERELEASE\nMT-PRIORITY",
	  (CAP_PRIORITY << 1) - 1, 0, 0, 0, 0, 0, "" },
	{ "mx\nSIZE 1000", CAP_SIZE, 1000, 0, 0, 0, 0, "" },
	{ "mx\nsize  1000 ", CAP_SIZE, 1000, 0, 0, 0, 0, "" },
	{ "mx\nSIZE 0", CAP_SIZE, 0, 0, 0, 0, 0, "" },
	{ "mx\nSIZE", CAP_SIZE, 0, 0, 0, 0, 0, "" },
	{ "mx\nSIZE x", CAP_SIZE, 0, 0, 0, 0, 0, "" },
	{ "mx\nSIZE -1", CAP_SIZE, 0, 0, 0, 0, 0, "" },
	{ "mx\nSIZE 10MB", CAP_SIZE, 0, 0, 0, 0, 0, "" },
	{ "mx\nSIZE 9223372036854775807", CAP_SIZE, INT64_MAX, 0, 0, 0, 0, "" },
	{ "mx\nSIZE 99999999999999999999999", CAP_SIZE, 0, 0, 0, 0, 0, "" },
	{ "mx\nAUTH PLAIN LOGIN", CAP_AUTH, 0, 0, 0, 0, 0, "PLAIN LOGIN" },
	{ "mx\nAUTH=PLAIN LOGIN", CAP_AUTH, 0, 0, 0, 0, 0, "PLAIN LOGIN" },
	{ "mx\nauth=LOGIN", CAP_AUTH, 0, 0, 0, 0, 0, "LOGIN" },
	{ "mx\nAUTH=", CAP_AUTH, 0, 0, 0, 0, 0, "" },
	{ "mx\nAUTH", CAP_AUTH, 0, 0, 0, 0, 0, "" },
	{ "mx\nAUTH PLAIN\nAUTH=LOGIN\nAUTH  X   Y ", CAP_AUTH, 0, 0, 0, 0, 0,
	  "PLAIN LOGIN X Y" },
	{ "mx\nAUTH PL\x01IN LOGIN", CAP_AUTH, 0, 0, 0, 0, 0, "LOGIN" },
	{ "mx\nAUTHX PLAIN", 0, 0, 0, 0, 0, 0, "" },
	{ "mx\nLIMITS MAILMAX=100 RCPTMAX=20", CAP_LIMITS, 0, 20, 100, 0, 0, "" },
	{ "mx\nLIMITS rcptmax=20 X=1 Y", CAP_LIMITS, 0, 20, 0, 0, 0, "" },
	{ "mx\nLIMITS RCPTMAX=0", CAP_LIMITS, 0, 0, 0, 0, 0, "" },
	{ "mx\nLIMITS RCPTMAX=x MAILMAX=", CAP_LIMITS, 0, 0, 0, 0, 0, "" },
	{ "mx\nLIMITS RCPTMAX=99999999999", CAP_LIMITS, 0, 0, 0, 0, 0, "" },
	{ "mx\nFUTURERELEASE 600 2030-01-01T00:00:00Z", CAP_HOLD, 0, 0, 0, 600,
	  0, "" },
	{ "mx\nFUTURERELEASE soon", CAP_HOLD, 0, 0, 0, 0, 0, "" },
	{ "mx\nDELIVERBY 120", CAP_DELIVERBY, 0, 0, 0, 0, 120, "" },
	{ "mx\nDELIVERBY -1", CAP_DELIVERBY, 0, 0, 0, 0, 0, "" },
};

static void table(void **state)
{
	struct ehlo e;

	(void)state;
	ehlo_init(&e);
	/* One struct for all rows: each must replace the last whole. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ehlo_parse(&e, str_of(rows[i].text));
		if (e.caps != rows[i].caps || e.size_max != rows[i].size ||
		    e.rcpt_max != rows[i].rcpt || e.mail_max != rows[i].mail ||
		    e.hold_max != rows[i].hold || e.by_min != rows[i].by ||
		    strcmp(buf_cstr(&e.auth), rows[i].auth))
			fail_msg("'%s': caps %x, size %llu, auth '%s'",
				 rows[i].text, e.caps,
				 (unsigned long long)e.size_max,
				 buf_cstr(&e.auth));
	}
	ehlo_release(&e);
}

/* HOSTILE 14: a hundred lines are read; what is beyond the limit is not. */
static void many_lines(void **state)
{
	struct buf text;
	struct ehlo e;

	(void)state;
	ehlo_init(&e);
	buf_init(&text, 1 << 16);
	buf_addz(&text, "mx");
	for (int i = 1; i < EHLO_LINES_MAX; i++)
		buf_addf(&text, "\nX-%d", i);
	buf_addz(&text, "\nCHUNKING");
	ehlo_parse(&e, buf_str(&text));
	assert_int_equal(e.caps, CAP_CHUNKING);
	buf_addz(&text, "\nDSN");
	ehlo_parse(&e, buf_str(&text));
	assert_int_equal(e.caps, CAP_CHUNKING);
	buf_release(&text);
	ehlo_release(&e);
}

/* Names without end cost no memory without end. */
static void long_auth(void **state)
{
	struct buf text;
	struct ehlo e;

	(void)state;
	ehlo_init(&e);
	buf_init(&text, 1 << 17);
	buf_addz(&text, "mx\nAUTH PLAIN");
	for (int i = 0; i < 10000; i++)
		buf_addf(&text, " M%d", i);
	ehlo_parse(&e, buf_str(&text));
	assert_true(e.auth.len <= 4096);
	assert_true(str_starts(buf_str(&e.auth), STR("PLAIN M0 M1 ")));
	buf_release(&text);
	ehlo_release(&e);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(ehlo_keyword(CAP_PIPELINING), "PIPELINING");
	assert_string_equal(ehlo_keyword(CAP_PRIORITY), "MT-PRIORITY");
	assert_string_equal(ehlo_keyword(0), "");
	for (unsigned cap = 1; cap <= CAP_PRIORITY; cap <<= 1)
		assert_true(*ehlo_keyword((enum ehlo_cap)cap));
}

static void overlooked(void **state)
{
	struct ehlo e;

	(void)state;
	ehlo_init(&e);
	ehlo_parse(&e, STR("mx\nCHUNKING\nPIPELINING\nDSN\n8BITMIME"));
	ehlo_ignore(&e, "chunking, DSN  X-NONE");
	assert_int_equal(e.caps, CAP_PIPELINING | CAP_8BITMIME);
	ehlo_ignore(&e, "");
	assert_int_equal(e.caps, CAP_PIPELINING | CAP_8BITMIME);
	ehlo_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(many_lines),
		cmocka_unit_test(long_auth),
		cmocka_unit_test(names),
		cmocka_unit_test(overlooked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
