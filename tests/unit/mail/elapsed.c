#include "mail/elapsed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { NOW = 1900000000 };		/* 2030-03-17T17:46:40Z */

static const struct {
	const char *by, *hold;
	uint64_t age;
	const char *by_left, *hold_left;
	bool overdue;
} rows[] = {
	{ "", "", 100, "", "", false },
	{ "60;R", "HOLDFOR=60", 0, "60;R", "HOLDFOR=60", false },
	{ "60;R", "HOLDFOR=60", 59, "1;R", "HOLDFOR=1", false },
	{ "60;R", "HOLDFOR=60", 60, "1;R", "", true },
	{ "60;R", "HOLDFOR=60", UINT64_MAX, "1;R", "", true },
	{ "60;N", "", 59, "1;N", "", false },
	{ "60;N", "", 60, "0;N", "", false },
	{ "60;N", "", 100, "-40;N", "", false },
	{ "60;NT", "", 100, "-40;NT", "", false },
	{ "60;RT", "", 100, "1;RT", "", true },
	{ "60;N", "", UINT64_MAX, "-999999999;N", "", false },
	{ "999999999;R", "HOLDFOR=999999999", 999999998, "1;R", "HOLDFOR=1",
	  false },
	/* What we did not write stays as it is. */
	{ "x;R", "HOLDFOR=x", 100, "x;R", "HOLDFOR=x", false },
	{ "60", "HOLD=60", 100, "60", "HOLD=60", false },
	/* An instant is one. */
	{ "", "HOLDUNTIL=2030-03-17T17:46:40Z", 0, "", "", false },
	{ "", "HOLDUNTIL=2030-03-17T17:46:41Z", 9999, "",
	  "HOLDUNTIL=2030-03-17T17:46:41Z", false },
	{ "", "HOLDUNTIL=2030-03-17T18:46:40+01:00", 0, "", "", false },
	{ "", "HOLDUNTIL=2030-03-17T18:46:41+01:00", 0, "",
	  "HOLDUNTIL=2030-03-17T18:46:41+01:00", false },
	{ "", "HOLDUNTIL=2030-03-17T12:16:40-05:30", 0, "", "", false },
	{ "", "HOLDUNTIL=2030-03-17T12:16:41-05:30", 0, "",
	  "HOLDUNTIL=2030-03-17T12:16:41-05:30", false },
	{ "", "HOLDUNTIL=2028-02-29T00:00:00Z", 0, "", "", false },
	{ "", "HOLDUNTIL=2030-03-18T00:00:00Z", 0, "",
	  "HOLDUNTIL=2030-03-18T00:00:00Z", false },
	{ "", "HOLDUNTIL=2030-04-01T00:00:00Z", 0, "",
	  "HOLDUNTIL=2030-04-01T00:00:00Z", false },
	{ "", "HOLDUNTIL=2031-01-01T00:00:00Z", 0, "",
	  "HOLDUNTIL=2031-01-01T00:00:00Z", false },
	{ "", "HOLDUNTIL=2030-03-17", 0, "", "HOLDUNTIL=2030-03-17", false },
	{ "", "HOLDUNTIL=2030-03-17 17:46:40Z", 0, "",
	  "HOLDUNTIL=2030-03-17 17:46:40Z", false },
};

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct envelope env;
		struct elapsed e;

		envelope_init(&env);
		env.deliver_by = rows[i].by;
		env.hold = rows[i].hold;
		elapsed_apply(&e, &env, rows[i].age, NOW);
		if (strcmp(env.deliver_by, rows[i].by_left) ||
		    strcmp(env.hold, rows[i].hold_left))
			fail_msg("%zu: '%s' '%s'", i, env.deliver_by, env.hold);
		if (elapsed_overdue(&e, rows[i].age) != rows[i].overdue)
			fail_msg("%zu: overdue", i);
		envelope_release(&env);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
