#include "mail/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct verdict sent = {
	OUTCOME_SENT, STAGE_CONTENT, ERROR_NONE, 250, 0, "2.0.0", { "ok", 2 }
};
static const struct verdict refused = {
	OUTCOME_FAILED, STAGE_RCPT, ERROR_NONE, 550, 0, "5.1.1", { "who?", 4 }
};

static void fresh(void **state)
{
	struct envelope e;

	(void)state;
	envelope_init(&e);
	assert_string_equal(e.from, "");
	assert_string_equal(e.ret, "");
	assert_string_equal(e.envid, "");
	assert_string_equal(e.deliver_by, "");
	assert_string_equal(e.hold, "");
	assert_string_equal(e.priority, "");
	assert_int_equal(e.n_rcpt, 0);
	for (int o = 0; o <= OUTCOME_UNKNOWN; o++)
		assert_int_equal(envelope_count(&e, o), 0);
	envelope_settle(&e, &sent);	/* nobody to settle */
	envelope_release(&e);
	envelope_release(&e);
}

static void recipients_in_order(void **state)
{
	static char addr[1000][32];
	struct envelope e;

	(void)state;
	envelope_init(&e);
	for (int i = 0; i < 1000; i++) {
		snprintf(addr[i], sizeof(addr[i]), "u%d@example.org", i);
		envelope_add(&e, addr[i], i % 2 ? "NEVER" : "", "rfc822;x");
	}
	assert_int_equal(e.n_rcpt, 1000);
	for (size_t i = 0; i < 1000; i++) {
		const struct verdict *v = envelope_verdict(&e, i);

		assert_ptr_equal(e.rcpt[i].addr, addr[i]);
		assert_string_equal(e.rcpt[i].notify, i % 2 ? "NEVER" : "");
		assert_string_equal(e.rcpt[i].orcpt, "rfc822;x");
		assert_true(envelope_pending(&e, i));
		assert_int_equal(v->outcome, OUTCOME_PENDING);
		assert_int_equal(v->text.n, 0);
	}
	assert_int_equal(envelope_count(&e, OUTCOME_PENDING), 1000);
	envelope_release(&e);
}

static void the_first_word_is_final(void **state)
{
	struct envelope e;
	uint32_t number;

	(void)state;
	envelope_init(&e);
	for (int i = 0; i < 4; i++)
		envelope_add(&e, "a@example.org", "", "");
	envelope_settle_one(&e, 1, &refused);
	number = envelope_say(&e, &sent);
	envelope_settle_as(&e, 1, number);
	envelope_settle_one(&e, 1, &sent);
	envelope_settle_as(&e, 2, number);
	envelope_settle_one(&e, 2, &refused);
	assert_true(envelope_pending(&e, 0));
	assert_false(envelope_pending(&e, 1));
	envelope_settle(&e, &sent);
	envelope_settle(&e, &refused);
	assert_int_equal(envelope_verdict(&e, 0)->outcome, OUTCOME_SENT);
	assert_int_equal(envelope_verdict(&e, 1)->outcome, OUTCOME_FAILED);
	assert_int_equal(envelope_verdict(&e, 1)->code, 550);
	assert_string_equal(envelope_verdict(&e, 1)->enhanced, "5.1.1");
	assert_int_equal(envelope_verdict(&e, 2)->outcome, OUTCOME_SENT);
	assert_int_equal(envelope_verdict(&e, 3)->outcome, OUTCOME_SENT);
	assert_int_equal(envelope_count(&e, OUTCOME_SENT), 3);
	assert_int_equal(envelope_count(&e, OUTCOME_FAILED), 1);
	assert_int_equal(envelope_count(&e, OUTCOME_PENDING), 0);
	envelope_release(&e);
}

/* The reply buffer it came from is used again at once. */
static void texts_are_kept(void **state)
{
	char text[2000];
	struct envelope e;

	(void)state;
	envelope_init(&e);
	for (int i = 0; i < 100; i++) {
		struct verdict v = refused;

		envelope_add(&e, "a@example.org", "", "");
		memset(text, 'a' + i % 26, sizeof(text));
		v.text = (struct str){ text, (size_t)i * 20 };
		envelope_settle_one(&e, (size_t)i, &v);
	}
	memset(text, '!', sizeof(text));
	for (int i = 0; i < 100; i++) {
		struct str t = envelope_verdict(&e, (size_t)i)->text;

		assert_int_equal(t.n, i * 20 < 1024 ? i * 20 : 1024);
		for (size_t k = 0; k < t.n; k++)
			assert_int_equal(t.p[k], 'a' + i % 26);
	}
	envelope_release(&e);
}

/* Many that share one verdict cost one. */
static void verdicts_are_shared(void **state)
{
	struct envelope e;
	size_t before;

	(void)state;
	envelope_init(&e);
	for (int i = 0; i < 1000; i++)
		envelope_add(&e, "a@example.org", "", "");
	envelope_settle_one(&e, 500, &refused);
	before = e.n_verdicts;
	envelope_settle(&e, &sent);
	assert_int_equal(e.n_verdicts, before + 1);
	assert_ptr_equal(envelope_verdict(&e, 0), envelope_verdict(&e, 999));
	envelope_settle(&e, &refused);	/* nobody is left: nothing is kept */
	assert_int_equal(e.n_verdicts, before + 1);
	envelope_release(&e);
}

static void verdicts_from_errors(void **state)
{
	(void)state;
	for (int k = ERROR_NONE + 1; k < ERROR_KINDS; k++) {
		struct error err = { 0 };
		struct verdict v;

		error_set(&err, k, "no %d", k);
		v = verdict_of_error(&err, STAGE_TLS);
		if (v.outcome != (error_kind_transient(k) ? OUTCOME_DEFERRED :
				  OUTCOME_FAILED) || v.kind != (unsigned)k ||
		    v.stage != STAGE_TLS || v.code || *v.enhanced ||
		    !str_eq(v.text, str_of(err.text)))
			fail_msg("kind %d", k);
	}
}

static void names(void **state)
{
	static const char *const outcomes[] = {
		[OUTCOME_PENDING] = "pending", [OUTCOME_SENT] = "sent",
		[OUTCOME_DEFERRED] = "deferred", [OUTCOME_FAILED] = "failed",
		[OUTCOME_UNKNOWN] = "unknown",
	};
	static const char *const stages[] = {
		[STAGE_LOCAL] = "local", [STAGE_CONNECT] = "connect",
		[STAGE_TLS] = "TLS", [STAGE_GREETING] = "greeting",
		[STAGE_EHLO] = "EHLO", [STAGE_STARTTLS] = "STARTTLS",
		[STAGE_AUTH] = "AUTH", [STAGE_MAIL] = "MAIL FROM",
		[STAGE_RCPT] = "RCPT TO", [STAGE_DATA] = "DATA",
		[STAGE_CONTENT] = "message", [STAGE_QUIT] = "QUIT",
	};

	(void)state;
	for (int o = 0; o <= OUTCOME_UNKNOWN; o++)
		assert_string_equal(outcome_name(o), outcomes[o]);
	for (int s = 0; s <= STAGE_QUIT; s++)
		assert_string_equal(stage_name(s), stages[s]);
}

/* Who was put off is tried again; the first word stands unless that helps. */
static void retried(void **state)
{
	static const struct verdict grey = { .outcome = OUTCOME_DEFERRED,
		.stage = STAGE_RCPT, .code = 450, .text = { "grey", 4 } };
	static const struct verdict later = { .outcome = OUTCOME_DEFERRED,
		.stage = STAGE_CONNECT, .text = { "later", 5 } };
	struct envelope e;

	(void)state;
	envelope_init(&e);
	for (size_t i = 0; i < 4; i++)
		envelope_add(&e, "a@example.org", "", "");
	envelope_settle_one(&e, 0, &refused);
	envelope_settle(&e, &grey);
	e.via = 1;
	envelope_retry(&e);
	assert_int_equal(envelope_count(&e, OUTCOME_PENDING), 3);
	assert_int_equal(envelope_verdict(&e, 0)->via, 0);
	envelope_settle_one(&e, 1, &sent);
	envelope_settle_one(&e, 2, &refused);
	envelope_settle(&e, &later);
	assert_int_equal(envelope_count(&e, OUTCOME_PENDING), 0);
	assert_int_equal(envelope_verdict(&e, 1)->outcome, OUTCOME_SENT);
	assert_int_equal(envelope_verdict(&e, 1)->via, 1);
	assert_int_equal(envelope_verdict(&e, 2)->via, 1);
	assert_int_equal(envelope_verdict(&e, 3)->code, 450);
	assert_int_equal(envelope_verdict(&e, 3)->via, 0);
	e.via = 2;
	envelope_retry(&e);
	envelope_settle_as(&e, 3, envelope_say(&e, &later));
	assert_int_equal(envelope_verdict(&e, 3)->code, 450);
	envelope_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh),
		cmocka_unit_test(recipients_in_order),
		cmocka_unit_test(the_first_word_is_final),
		cmocka_unit_test(texts_are_kept),
		cmocka_unit_test(verdicts_are_shared),
		cmocka_unit_test(verdicts_from_errors),
		cmocka_unit_test(names),
		cmocka_unit_test(retried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
