#include "sys/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void runs_forward(void **state)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t a = clock_ms(), b;

	(void)state;
	nanosleep(&pause, NULL);
	b = clock_ms();
	assert_true(b - a >= 19);
	assert_true(b - a < 5000);
}

static void deadlines(void **state)
{
	int left;

	(void)state;
	assert_true(clock_after(0) == CLOCK_NEVER);
	assert_int_equal(clock_left(CLOCK_NEVER), -1);
	left = clock_left(clock_after(100));
	assert_in_range(left, 95000, 100000);
	assert_int_equal(clock_left(clock_ms()), 0);
	assert_int_equal(clock_left(clock_ms() - 100000), 0);
	assert_int_equal(clock_left(0), 0);
	/* More than poll(2) can be told: as much as it can. */
	assert_int_equal(clock_left(clock_ms() + (1LL << 40)), INT_MAX);
	assert_int_equal(clock_left(clock_after(UINT_MAX)), INT_MAX);
}

static void wall(void **state)
{
	int64_t now = (int64_t)time(NULL);

	(void)state;
	assert_in_range(clock_wall() - now, 0, 5);
}

static void zones(void **state)
{
	static const struct {
		const char *tz;
		int64_t wall;
		int minutes;
	} rows[] = {
		{ "UTC0",             1000000000, 0 },
		{ "XXX-5:30",         1000000000, 330 },
		{ "XXX3:30",          1000000000, -210 },
		{ "AAA-1BBB,M3.5.0,M10.5.0/3", 1704067200, 60 },   /* January */
		{ "AAA-1BBB,M3.5.0,M10.5.0/3", 1719792000, 120 },  /* July */
		{ "XXX-5:30",         INT64_MAX, 0 },	/* no such year */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		setenv("TZ", rows[i].tz, 1);
		tzset();
		if (clock_zone(rows[i].wall) != rows[i].minutes)
			fail_msg("%s: %d", rows[i].tz, clock_zone(rows[i].wall));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_forward),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(wall),
		cmocka_unit_test(zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
