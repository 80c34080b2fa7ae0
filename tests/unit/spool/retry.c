#include "spool/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MIN = 60, HOUR = 3600, DAY = 24 * HOUR, YEAR = 365 * DAY };

static const int64_t start = 1700000000;

static void schedule(void **state)
{
	static const int waits[] = { 1, 5, 15, 30, 60, 120, 240, 240, 240 };
	struct retry_policy p = retry_default();
	struct retry_past past = { 0 };
	int64_t now = start;

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		int64_t wait = waits[i] * MIN;

		retry_attempted(&past, &p, now, false);
		p.jitter = 0;
		assert_int_equal(retry_next(&past, &p, now, false, 77),
				 now + wait);
		p.jitter = 10;
		assert_int_equal(retry_next(&past, &p, now, false, 0),
				 now + wait * 9 / 10);
		assert_in_range(retry_next(&past, &p, now, false, UINT32_MAX)
				- now, wait * 11 / 10 - 1, wait * 11 / 10);
		assert_true(retry_next(&past, &p, now, true, 0) - now >=
			    15 * MIN);
		now += wait;
	}
	past.attempts = UINT32_MAX;
	p.jitter = 0;
	assert_int_equal(retry_next(&past, &p, now, false, 0), now + 4 * HOUR);
}

static void odd_policies(void **state)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { .attempts = 40 };

	(void)state;
	p.jitter = 0;
	p.n_step = 1;
	p.step[0] = 0;
	p.max = 8;
	assert_int_equal(retry_next(&past, &p, 0, false, 0), 8);
	past.attempts = 1;
	assert_int_equal(retry_next(&past, &p, 0, false, 0), 0);
	p.step[0] = 100;	/* a step longer than max is as it was set */
	past.attempts = 9;
	assert_int_equal(retry_next(&past, &p, 0, false, 0), 100);
	p.max = 150;
	assert_int_equal(retry_next(&past, &p, 0, false, 0), 150);
}

/* Tried whenever it is due, it lives for five days. */
static void lifetime(void **state)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { 0 };
	int64_t now = start, noticed = 0;

	(void)state;
	while (!retry_expired(&past, &p)) {
		retry_attempted(&past, &p, now, false);
		if (!noticed && retry_notice(&past, &p))
			noticed = now;
		now = retry_next(&past, &p, now, false, 1u << 31);
		assert_true(now < start + 6 * DAY);
	}
	assert_in_range(past.last - start, 5 * DAY, 5 * DAY + 4 * HOUR);
	assert_in_range(noticed - start, 4 * HOUR, 8 * HOUR);
	p.notice = 0;
	assert_false(retry_notice(&past, &p));
}

static void relay_trouble_ages_nobody(void **state)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		retry_attempted(&past, &p, start + i * 4 * HOUR, true);
	assert_false(retry_expired(&past, &p));
	assert_true(retry_notice(&past, &p));
	assert_int_equal(past.attempts, 1000);
	assert_int_equal(past.tries, 0);
}

/* However the clock jumps between two attempts, little time has passed. */
static void jumps_expire_nothing(void **state)
{
	static const int64_t jumps[] = { 10LL * YEAR, -10LL * YEAR, -DAY,
					 6 * DAY };
	struct retry_policy p = retry_default();

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(*jumps); i++)
		for (int n = 0; n < 8; n++) {
			struct retry_past past = { 0 };
			int64_t now = start;

			for (int k = 0; k < 8; k++) {
				retry_attempted(&past, &p, now, false);
				now = retry_next(&past, &p, now, false, 0);
				if (k == n)
					now += jumps[i];
			}
			assert_false(retry_expired(&past, &p));
			assert_true(past.tried < 3 * DAY);
		}
}

/* A machine that is on for one attempt a day gives up after days, not weeks. */
static void off_most_of_the_time(void **state)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { 0 };
	int days = 0;

	(void)state;
	for (; !retry_expired(&past, &p); days++)
		retry_attempted(&past, &p, start + (int64_t)days * DAY, false);
	assert_int_equal(days, 6);
}

static void short_lifetimes_need_attempts(void **state)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { 0 };

	(void)state;
	p.lifetime = 1;
	retry_attempted(&past, &p, start, false);
	retry_attempted(&past, &p, start + 60, false);
	assert_false(retry_expired(&past, &p));
	retry_attempted(&past, &p, start + 120, false);
	assert_true(retry_expired(&past, &p));
}

static void due(void **state)
{
	static const struct {
		const char *name;
		int64_t planned, due, now;
		bool is;
	} rows[] = {
		{ "not yet", 1000, 4600, 4599, false },
		{ "now", 1000, 4600, 4600, true },
		{ "long ago", 1000, 4600, 1u << 30, true },
		{ "just planned", 1000, 4600, 1000, false },
		{ "clock adjusted a little", 1000, 4600, 990, false },
		{ "clock a day back", 1000 + DAY, 4600 + DAY, 1000, true },
		{ "planned ten years ahead", 1000 + 10LL * YEAR,
		  4600 + 10LL * YEAR, 2000, true },
		{ "a wait nobody plans", 1000, 1000 + DAY, 2000, true },
		{ "the longest wait", 1000, 1000 + 4 * HOUR * 11 / 10, 1001,
		  false },
		{ "due before it was planned", 5000, 1000, 6000, true },
	};
	struct retry_policy p = retry_default();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (retry_due(rows[i].planned, rows[i].due, rows[i].now, &p) !=
		    rows[i].is)
			fail_msg("%s", rows[i].name);
}

/* From the entry's making on, and never more than can be believed. */
static void age(void **state)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { 0 };
	int64_t made = 1000000;

	(void)state;
	assert_int_equal(retry_age(&past, &p, made, made), 0);
	assert_int_equal(retry_age(&past, &p, made, made + 70), 70);
	assert_int_equal(retry_age(&past, &p, made, made - 70), 0);
	assert_int_equal(retry_age(&past, &p, made, made + 3650LL * 86400),
			 86400);
	retry_attempted(&past, &p, made + 10, true);
	assert_int_equal(retry_age(&past, &p, made, made + 10), 10);
	assert_int_equal(retry_age(&past, &p, made, made + 25), 25);
	retry_attempted(&past, &p, made + 60, false);
	assert_int_equal(retry_age(&past, &p, made, made + 100), 100);
	assert_int_equal(retry_age(&past, &p, made, made + 50), 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule),
		cmocka_unit_test(odd_policies),
		cmocka_unit_test(lifetime),
		cmocka_unit_test(relay_trouble_ages_nobody),
		cmocka_unit_test(jumps_expire_nothing),
		cmocka_unit_test(off_most_of_the_time),
		cmocka_unit_test(short_lifetimes_need_attempts),
		cmocka_unit_test(due),
		cmocka_unit_test(age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
