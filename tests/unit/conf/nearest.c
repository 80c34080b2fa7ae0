#include "conf/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What of these names is nearest; NULL: none. */
static const char *const names[] = {
	"port", "host", "tls_trust", "tls_name", "password", "user",
};

static const struct { const char *word, *want; } rows[] = {
	{ "prot", "port" },		/* swapped neighbours count one */
	{ "por", "port" },
	{ "hots", "host" },
	{ "PORT", "port" },
	{ "tls-trust", "tls_trust" },
	{ "tls_trsut", "tls_trust" },
	{ "tls_nane", "tls_name" },
	{ "passwrd", "password" },
	{ "pasword", "password" },
	{ "usr", "user" },
	{ "passwordxxx", "password" },
	{ "passwordxxxx", NULL },	/* four differ */
	{ "x", NULL },
	{ "", NULL },
	{ "quite_another", NULL },
	{ "passwordxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL },
	{ "pxxx", NULL },
};

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct nearest best = { 0 };

		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			nearest_try(&best, str_of(rows[i].word), names[k]);
		if (!best.name != !rows[i].want ||
		    (best.name && strcmp(best.name, rows[i].want)))
			fail_msg("%s: %s", rows[i].word,
				 best.name ? best.name : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_row) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
