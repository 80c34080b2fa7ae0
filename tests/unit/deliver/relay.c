#include "deliver/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/option.h"
#include "deliver/downs.h"
#include "net/srv.h"
#include "sys/clock.h"

static struct srv_query asked;
static char asked_domain[300];
static struct srv_targets answer;

/* In place of the resolver's. */
int srv_find(const struct srv_query *q, struct srv_targets *out,
	     struct error *err)
{
	asked = *q;
	strcpy(asked_domain, q->domain);
	if (!answer.n)
		return error_set(err, ERROR_HOST, "no records");
	*out = answer;
	return 0;
}

bool srv_is_within(const char *host, const char *domain)
{
	return strstr(host, domain) != NULL;
}

static void put(struct account *a, const char *key, const char *value)
{
	struct error err = { 0 };

	if (option_set(option_find(str_of(key)), a, str_of(value), &err))
		fail_msg("%s", err.text);
}

static void add_target(const char *host, unsigned port, bool implicit)
{
	struct srv_target *t = &answer.at[answer.n++];

	*t = (struct srv_target){ .port = port, .implicit = implicit };
	strcpy(t->host, host);
}

static const struct verdict refused = { .outcome = OUTCOME_DEFERRED,
	.stage = STAGE_CONNECT, .kind = ERROR_NET };

static void one_host(void **state)
{
	struct account a;
	struct relays r;
	struct error err;

	(void)state;
	account_init(&a);
	put(&a, "host", "b\xc3\xbc" "cher.example");
	relays_init(&r, &a, NULL);
	assert_null(relays_at(&r));
	assert_int_equal(relays_find(&r, CLOCK_NEVER, &err), 0);
	assert_string_equal(relays_at(&r)->host, "xn--bcher-kva.example");
	assert_string_equal(relays_at(&r)->name,
			    "b\xc3\xbc" "cher.example:465");
	assert_string_equal(relays_at(&r)->domain, "");
	assert_int_equal(relays_at(&r)->port, 465);
	assert_false(relays_at(&r)->foreign);
	assert_false(relays_another(&r, &refused));
	assert_false(relays_fall_back(&r));
	assert_int_equal(relays_find(&r, CLOCK_NEVER, &err), 0);
	assert_null(relays_nth(&r, 1));
	relays_release(&r);
	account_release(&a);
}

static void a_socket(void **state)
{
	struct account a;
	struct relays r;
	struct error err;

	(void)state;
	account_init(&a);
	put(&a, "host", "/run/submit.sock");
	relays_init(&r, &a, NULL);
	assert_int_equal(relays_find(&r, CLOCK_NEVER, &err), 0);
	assert_string_equal(relays_at(&r)->name, "/run/submit.sock");
	relays_release(&r);
	account_release(&a);
}

static void services(void **state)
{
	static const struct {
		const char *tls;
		unsigned services;
		enum account_tls plain, implicit;
	} rows[] = {
		{ NULL, SRV_SUBMISSIONS | SRV_SUBMISSION,
		  ACCOUNT_TLS_STARTTLS, ACCOUNT_TLS_IMPLICIT },
		{ "implicit", SRV_SUBMISSIONS, ACCOUNT_TLS_STARTTLS,
		  ACCOUNT_TLS_IMPLICIT },
		{ "starttls", SRV_SUBMISSION, ACCOUNT_TLS_STARTTLS,
		  ACCOUNT_TLS_IMPLICIT },
		{ "none", SRV_SUBMISSION, ACCOUNT_TLS_NONE,
		  ACCOUNT_TLS_IMPLICIT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct account a;
		struct relays r;
		struct error err;

		account_init(&a);
		put(&a, "host", "srv:b\xc3\xbc" "cher.example");
		if (rows[i].tls)
			put(&a, "tls", rows[i].tls);
		answer.n = 0;
		add_target("mx.xn--bcher-kva.example", 587, false);
		add_target("elsewhere.example", 465, true);
		relays_init(&r, &a, NULL);
		assert_int_equal(relays_find(&r, 77, &err), 0);
		assert_string_equal(asked_domain, "xn--bcher-kva.example");
		assert_int_equal(asked.deadline, 77);
		assert_int_equal(asked.services, rows[i].services);
		assert_int_equal(relays_nth(&r, 0)->tls, rows[i].plain);
		assert_int_equal(relays_nth(&r, 1)->tls, rows[i].implicit);
		assert_false(relays_nth(&r, 0)->foreign);
		assert_true(relays_nth(&r, 1)->foreign);
		assert_string_equal(relays_nth(&r, 1)->domain,
				    "xn--bcher-kva.example");
		assert_string_equal(relays_nth(&r, 1)->name,
				    "elsewhere.example:465");
		relays_release(&r);
		account_release(&a);
	}
}

/* What lets the next host of a domain have a try, and what does not. */
static void hunting(void **state)
{
	static const struct { struct verdict v; bool next; } rows[] = {
		{ { .stage = STAGE_CONNECT, .kind = ERROR_NET }, true },
		{ { .stage = STAGE_CONNECT, .kind = ERROR_HOST }, true },
		{ { .stage = STAGE_CONNECT, .kind = ERROR_CONFIG }, false },
		{ { .stage = STAGE_TLS, .kind = ERROR_NET }, true },
		{ { .stage = STAGE_TLS, .kind = ERROR_TLS }, false },
		{ { .stage = STAGE_TLS, .kind = ERROR_CERT }, false },
		{ { .stage = STAGE_GREETING, .code = 421 }, true },
		{ { .stage = STAGE_GREETING, .code = 554 }, true },
		{ { .stage = STAGE_GREETING, .kind = ERROR_NET }, true },
		{ { .stage = STAGE_GREETING, .kind = ERROR_PROTOCOL }, false },
		{ { .stage = STAGE_EHLO, .code = 421 }, false },
		{ { .stage = STAGE_AUTH, .code = 535 }, false },
		{ { .stage = STAGE_AUTH, .kind = ERROR_NET }, false },
		{ { .stage = STAGE_MAIL, .code = 421 }, false },
		{ { .stage = STAGE_LOCAL, .kind = ERROR_PROTOCOL }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct account a;
		struct relays r;
		struct error err;

		account_init(&a);
		put(&a, "host", "srv:a.example");
		answer.n = 0;
		add_target("a.example", 1, true);
		add_target("b.example", 2, true);
		relays_init(&r, &a, NULL);
		assert_int_equal(relays_find(&r, CLOCK_NEVER, &err), 0);
		if (relays_another(&r, &rows[i].v) != rows[i].next)
			fail_msg("row %zu", i);
		assert_int_equal(relays_at(&r)->port, rows[i].next ? 2 : 1);
		assert_false(relays_another(&r, &refused) && rows[i].next);
		relays_release(&r);
		account_release(&a);
	}
}

static void next_account(void **state)
{
	struct account a, b;
	struct account *further[] = { &b, NULL };
	struct relays r;
	struct error err;

	(void)state;
	account_init(&a);
	account_init(&b);
	put(&a, "host", "srv:a.example");
	put(&b, "host", "b.example");
	answer.n = 0;
	relays_init(&r, &a, further);
	assert_int_equal(relays_find(&r, CLOCK_NEVER, &err), -1);
	assert_int_equal(err.kind, ERROR_HOST);
	assert_null(relays_at(&r));
	assert_false(relays_another(&r, &refused));
	assert_true(relays_fall_back(&r));
	assert_ptr_equal(r.account, &b);
	assert_null(relays_at(&r));
	assert_int_equal(relays_find(&r, CLOCK_NEVER, &err), 0);
	assert_string_equal(relays_at(&r)->host, "b.example");
	assert_false(relays_fall_back(&r));
	relays_release(&r);
	account_release(&a);
	account_release(&b);
}

/* Up to two recipients' verdicts: may the message go elsewhere? */
static void retry(void **state)
{
#define DEFER(...) { .outcome = OUTCOME_DEFERRED, __VA_ARGS__ }
	static const struct verdict
		none = { .outcome = OUTCOME_PENDING },
		sent = { .outcome = OUTCOME_SENT, .stage = STAGE_CONTENT,
			 .code = 250 },
		failed = { .outcome = OUTCOME_FAILED, .stage = STAGE_RCPT,
			   .code = 550 },
		unknown = { .outcome = OUTCOME_UNKNOWN, .stage = STAGE_CONTENT,
			    .kind = ERROR_NET },
		grey = DEFER(.stage = STAGE_RCPT, .code = 450),
		mail = DEFER(.stage = STAGE_MAIL, .code = 421),
		leaves = DEFER(.stage = STAGE_RCPT, .code = 421),
		lost = DEFER(.stage = STAGE_MAIL, .kind = ERROR_NET),
		data = DEFER(.stage = STAGE_DATA, .code = 451),
		dot = DEFER(.stage = STAGE_CONTENT, .code = 451),
		bad = { .outcome = OUTCOME_FAILED, .stage = STAGE_CONTENT,
			.code = 554 },
		doubt = { .outcome = OUTCOME_UNKNOWN, .stage = STAGE_MAIL,
			  .kind = ERROR_NET },
		lacks = DEFER(.stage = STAGE_LOCAL, .kind = ERROR_PROTOCOL),
		disk = DEFER(.stage = STAGE_LOCAL, .kind = ERROR_IO);
	static const struct {
		const struct verdict *a, *b;
		bool begun, all, may;
	} rows[] = {
		{ &refused, &none, false, false, true },
		{ &grey, &none, false, false, true },
		{ &grey, &none, true, false, true },
		{ &mail, &none, true, false, true },
		{ &leaves, &none, false, false, true },
		{ &leaves, &none, true, false, false },
		{ &lost, &none, false, false, true },
		{ &lost, &none, true, false, false },
		{ &data, &none, false, false, true },
		{ &data, &none, true, false, false },
		{ &dot, &none, true, false, false },
		{ &dot, &none, false, false, false },
		{ &lacks, &none, false, false, true },
		{ &disk, &none, false, false, false },
		{ &sent, &none, true, false, false },
		{ &failed, &none, false, false, false },
		{ &unknown, &none, true, false, false },
		{ &doubt, &none, false, false, false },
		{ &grey, &sent, true, false, false },
		{ &grey, &unknown, true, false, false },
		{ &grey, &bad, true, false, false },
		{ &grey, &dot, true, false, false },
		{ &grey, &failed, true, false, true },
		{ &failed, &lost, false, false, true },
		{ &failed, &lost, false, true, false },
		{ &grey, &lacks, false, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct envelope e;

		envelope_init(&e);
		envelope_add(&e, "a@example.org", "", "");
		envelope_settle_one(&e, 0, rows[i].a);
		if (rows[i].b != &none) {
			envelope_add(&e, "b@example.org", "", "");
			envelope_settle_one(&e, 1, rows[i].b);
		}
		e.begun = rows[i].begun;
		e.all_or_nothing = rows[i].all;
		if (relays_may_retry(&e) != rows[i].may)
			fail_msg("row %zu", i);
		envelope_release(&e);
	}
}

/* ---- deliver/downs ---- */

static void downs(void **state)
{
	struct account a, b, c;
	struct account *of_a[] = { &b, &c, NULL };
	struct downs d = { .n = 0 };
	struct account **list;
	struct verdict v = refused;
	char text[] = "gone";

	(void)state;
	account_init(&a);
	account_init(&b);
	account_init(&c);
	a.further = of_a;
	assert_null(downs_find(&d, &a));
	list = downs_spare(&d, &a, 0);
	assert_ptr_equal(list[0], &a);
	assert_ptr_equal(list[2], &c);
	assert_null(list[3]);
	free(list);
	v.text = str_of(text);
	downs_add(&d, &b, &v);
	text[0] = 'X';
	downs_add(&d, &b, &refused);
	assert_true(str_eq(downs_find(&d, &b)->text, STR("gone")));
	list = downs_spare(&d, &a, 0);
	assert_ptr_equal(list[1], &c);
	assert_null(list[2]);
	free(list);
	list = downs_spare(&d, &a, 1);
	assert_ptr_equal(list[0], &c);
	free(list);
	list = downs_spare(&d, &b, 0);
	assert_null(list[0]);
	free(list);
	list = downs_spare(&d, &a, 3);
	assert_null(list[0]);
	free(list);
	assert_int_equal(downs_place(&a, &a), 0);
	assert_int_equal(downs_place(&a, &b), 1);
	assert_int_equal(downs_place(&a, &c), 2);
	assert_int_equal(downs_place(&b, &b), 0);
	downs_release(&d);
	a.further = NULL;
	account_release(&a);
	account_release(&b);
	account_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_host),
		cmocka_unit_test(a_socket),
		cmocka_unit_test(services),
		cmocka_unit_test(hunting),
		cmocka_unit_test(next_account),
		cmocka_unit_test(retry),
		cmocka_unit_test(downs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
