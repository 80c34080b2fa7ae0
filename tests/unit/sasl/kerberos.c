/*
 * What can be said without a KDC: tests/e2e/test_sasl.py has one.
 */
#include "sasl/kerberos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* MIT's library keeps a few octets to itself when there is no ticket. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:libgssapi_krb5\nleak:libgssglue\n";
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void refused(const struct kerberos_config *config,
		    enum error_kind kind, const char *says)
{
	struct error err = { ERROR_NONE, "" };
	struct buf out;

	buf_init(&out, 100000);
	assert_null(kerberos_start(config, &out, &err));
	if (err.kind != kind || !strstr(err.text, says))
		print_error("%d '%s'\n", err.kind, err.text);
	assert_int_equal(err.kind, kind);
	assert_non_null(strstr(err.text, says));
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void no_ticket(void **state)
{
	struct kerberos_config c = { "localhost", "", "", now() + 20000 };

	(void)state;
	if (!kerberos_available())
		skip();
	setenv("KRB5_CONFIG", "/dev/null", 1);
	setenv("KRB5CCNAME", "FILE:/nonexistent/cache", 1);
	refused(&c, ERROR_AUTH, "GSSAPI: ");
	c.user = "alice@EXAMPLE.ORG";
	refused(&c, ERROR_AUTH, "GSSAPI: ");
	c.deadline = INT64_MAX;
	refused(&c, ERROR_AUTH, "GSSAPI: ");
}

static void names_have_an_end(void **state)
{
	static char name[600];
	struct kerberos_config c = { name, "", "", now() + 20000 };

	(void)state;
	if (!kerberos_available())
		skip();
	memset(name, 'a', sizeof(name) - 1);
	refused(&c, ERROR_CONFIG, "longer than 511");
	c.host = "localhost";
	c.authzid = name;
	refused(&c, ERROR_CONFIG, "longer than 511");
	c.authzid = "";
	c.user = name;
	refused(&c, ERROR_CONFIG, "longer than 511");
}

static void nothing_to_free(void **state)
{
	(void)state;
	kerberos_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_ticket),
		cmocka_unit_test(names_have_an_end),
		cmocka_unit_test(nothing_to_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
