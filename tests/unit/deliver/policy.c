#include "deliver/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/option.h"

static void put(struct queue_settings *q, const char *key, const char *value)
{
	const struct option *o = option_find(str_of(key));
	struct error err = { 0 };

	if (!o || !(o->flags & OPTION_QUEUE) ||
	    option_set(o, q, str_of(value), &err))
		fail_msg("%s = %s: %s", key, value, err.text);
}

static void same(const struct retry_policy *a, const struct retry_policy *b)
{
	assert_int_equal(a->n_step, b->n_step);
	for (unsigned i = 0; i < a->n_step; i++)
		assert_int_equal(a->step[i], b->step[i]);
	assert_int_equal(a->max, b->max);
	assert_int_equal(a->jitter, b->jitter);
	assert_int_equal(a->unknown, b->unknown);
	assert_int_equal(a->lifetime, b->lifetime);
	assert_int_equal(a->notice, b->notice);
	assert_int_equal(a->attempts, b->attempts);
}

/* The documented defaults are in two tables: they agree. */
static void defaults_are_the_modules_own(void **state)
{
	struct retry_policy p, want = retry_default();
	struct queue_settings q;
	struct bounce a, b;

	(void)state;
	queue_settings_init(&q);
	queue_policy(&q, &p);
	same(&p, &want);
	bounce_init(&a, NULL, "m.example");
	bounce_init(&b, NULL, "m.example");
	queue_bounces(&q, &b);
	assert_int_equal(b.sender_max, a.sender_max);
	assert_int_equal(b.hour_max, a.hour_max);
	assert_int_equal(b.return_max, a.return_max);
	queue_settings_release(&q);
}

static void each_setting_arrives(void **state)
{
	struct retry_policy p, want = retry_default();
	struct queue_settings q;

	(void)state;
	queue_settings_init(&q);
	put(&q, "retry", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 1h");
	put(&q, "retry_max", "2h");
	put(&q, "jitter", "0");
	put(&q, "lifetime", "1d");
	put(&q, "delay_notice", "0");
	put(&q, "unknown_wait", "20m");
	for (unsigned i = 0; i < 15; i++)
		want.step[i] = i + 1;
	want.step[15] = 3600;
	want.n_step = 16;
	want.max = 7200;
	want.jitter = 0;
	want.lifetime = 86400;
	want.notice = 0;
	want.unknown = 1200;
	queue_policy(&q, &p);
	same(&p, &want);

	put(&q, "retry", "30s");
	want.step[0] = 30;
	want.n_step = 1;
	queue_policy(&q, &p);
	same(&p, &want);
	queue_settings_release(&q);
}

static void bounces_are_capped_as_set(void **state)
{
	struct queue_settings q;
	struct bounce b;

	(void)state;
	queue_settings_init(&q);
	put(&q, "bounces_per_sender", "3");
	put(&q, "bounces_per_hour", "0");
	put(&q, "bounce_return", "10M");
	bounce_init(&b, NULL, "m.example");
	queue_bounces(&q, &b);
	assert_int_equal(b.sender_max, 3);
	assert_int_equal(b.hour_max, 0);
	assert_int_equal(b.return_max, 10 << 20);
	assert_string_equal(b.mailname, "m.example");
	queue_settings_release(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_modules_own),
		cmocka_unit_test(each_setting_arrives),
		cmocka_unit_test(bounces_are_capped_as_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
