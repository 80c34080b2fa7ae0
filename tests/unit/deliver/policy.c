#include "deliver/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/option.h"
#include "mail/envelope.h"
#include "spool/store.h"

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

enum { NOW = 1000000 };

/* One recipient's verdict, and one that the relay took. */
static const struct {
	const char *name;
	enum outcome outcome;
	enum stage stage;
	int code;
	bool untried, hold;
	bool ages;		/* it counts for the lifetime */
	int64_t wait;		/* seconds; -1 is held */
	enum error_kind kind;
} attempts[] = {
	{ "put off", OUTCOME_DEFERRED, STAGE_RCPT, 450, false, false, true, 60, ERROR_NONE },
	{ "cut off", OUTCOME_DEFERRED, STAGE_CONTENT, 0, false, false, true, 60, ERROR_NONE },
	{ "not connected", OUTCOME_DEFERRED, STAGE_CONNECT, 0, false, false,
	  false, 60, ERROR_NONE },
	{ "bad certificate", OUTCOME_DEFERRED, STAGE_TLS, 0, false, false,
	  false, 60, ERROR_NONE },
	{ "login put off", OUTCOME_DEFERRED, STAGE_AUTH, 454, false, false,
	  false, 60, ERROR_NONE },
	{ "login refused", OUTCOME_DEFERRED, STAGE_AUTH, 535, false, false,
	  false, 900, ERROR_NONE },
	{ "no token any more", OUTCOME_DEFERRED, STAGE_AUTH, 0, false, false,
	  false, 900, ERROR_AUTH },
	{ "no token just now", OUTCOME_DEFERRED, STAGE_AUTH, 0, false, false,
	  false, 60, ERROR_NET },
	{ "login put off, with a reason", OUTCOME_DEFERRED, STAGE_AUTH, 454,
	  false, false, false, 60, ERROR_AUTH },
	{ "log in first", OUTCOME_DEFERRED, STAGE_MAIL, 530, false, false,
	  false, 60, ERROR_NONE },
	{ "not its turn", OUTCOME_DEFERRED, STAGE_MAIL, 421, true, false,
	  false, 60, ERROR_NONE },
	{ "unknown", OUTCOME_UNKNOWN, STAGE_CONTENT, 0, false, false, true,
	  900, ERROR_NONE },
	{ "unknown, held", OUTCOME_UNKNOWN, STAGE_CONTENT, 0, false, true, true,
	  -1, ERROR_NONE },
	{ "put off, would hold", OUTCOME_DEFERRED, STAGE_RCPT, 450, false, true,
	  true, 60, ERROR_NONE },
	{ "refused", OUTCOME_FAILED, STAGE_RCPT, 550, false, false, true, 60, ERROR_NONE },
};

static void check_attempt(size_t row)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { 0 };
	struct account account;
	struct envelope e;
	struct verdict v = { .outcome = attempts[row].outcome,
		.stage = attempts[row].stage, .code = attempts[row].code,
		.kind = attempts[row].kind,
		.text = STR("text") };
	const struct verdict sent = { .outcome = OUTCOME_SENT,
		.stage = STAGE_CONTENT, .code = 250, .text = STR("ok") };
	struct queue_tried t = { .env = &e, .account = &account, .policy = &p,
		.now = NOW, .untried = attempts[row].untried };
	int64_t due;

	p.jitter = 0;
	account_init(&account);
	account.unknown = attempts[row].hold ? UNKNOWN_HOLD : UNKNOWN_RETRY;
	envelope_init(&e);
	envelope_add(&e, "a@example.org", "", "");
	envelope_add(&e, "b@example.org", "", "");
	envelope_settle_one(&e, 0, &sent);
	envelope_settle_one(&e, 1, &v);
	queue_attempted(&t, &past);
	due = queue_next(&t, &past);
	if (past.attempts != 1 || past.tries != attempts[row].ages ||
	    due != (attempts[row].wait < 0 ? STORE_HELD :
		    NOW + attempts[row].wait))
		fail_msg("%s: %u attempts, %u of them count, due in %lld",
			 attempts[row].name, past.attempts, past.tries,
			 (long long)due - NOW);
	envelope_release(&e);
	account_release(&account);
}

static void what_an_attempt_means(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++)
		check_attempt(i);
}

/* Chance moves the next time, both ways and within its bounds. */
static void chance_has_its_bounds(void **state)
{
	struct retry_policy p = retry_default();
	struct retry_past past = { .attempts = 5 };
	struct envelope e;
	struct queue_tried t = { .env = &e, .policy = &p, .now = NOW };
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	p.jitter = 50;
	envelope_init(&e);
	envelope_add(&e, "a@example.org", "", "");
	for (int i = 0; i < 200; i++) {
		int64_t due = queue_next(&t, &past);

		least = due < least ? due : least;
		most = due > most ? due : most;
	}
	assert_in_range(least, NOW + 1800, NOW + 3000);
	assert_in_range(most, NOW + 4200, NOW + 5400);
	envelope_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_modules_own),
		cmocka_unit_test(each_setting_arrives),
		cmocka_unit_test(bounces_are_capped_as_set),
		cmocka_unit_test(what_an_attempt_means),
		cmocka_unit_test(chance_has_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
