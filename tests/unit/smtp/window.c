#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/session.h"

enum { MESSAGES = 150 };

/* A queue of messages and what becomes of them. */
struct game {
	struct session s;
	struct session_config config;
	struct envelope env[MESSAGES];
	char rcpt[MESSAGES][32];
	size_t n, begun, settled;
	struct envelope *again;		/* more recipients than it takes at once */
	struct buf said;		/* by us, since it was last looked at */
};

static void on_settled(void *ctx, struct envelope *env)
{
	struct game *g = ctx;

	assert_true(env >= g->env && env < g->env + g->begun);
	if (envelope_count(env, OUTCOME_PENDING))
		g->again = env;
	else
		g->settled++;
}

static void game_init(struct game *g, size_t n, size_t rcpts, uint64_t size)
{
	*g = (struct game){ .n = n };
	g->config = (struct session_config){ .helo = "me",
		.timeout = { 1, 1, 1 }, .settled = on_settled,
		.settled_ctx = g };
	buf_init(&g->said, 1 << 24);
	for (size_t i = 0; i < n; i++) {
		envelope_init(&g->env[i]);
		snprintf(g->rcpt[i], sizeof(g->rcpt[i]), "r%zu@x", i);
		for (size_t k = 0; k < rcpts; k++)
			envelope_add(&g->env[i], g->rcpt[i], "", "");
		g->env[i].from = "f@x";
		g->env[i].size = size;
	}
	session_init(&g->s, &g->config);
}

static void game_release(struct game *g)
{
	for (size_t i = 0; i < g->n; i++)
		envelope_release(&g->env[i]);
	session_release(&g->s);
	buf_release(&g->said);
}

/* Do what is wanted until a reply is; `hold` leaves output unsent. */
static void run(struct game *g, bool hold)
{
	static const char octets[1 << 18];

	for (;;) switch (session_want(&g->s)) {
	case WANT_NEXT:
		if (g->again) {
			struct envelope *env = g->again;

			g->again = NULL;
			session_begin(&g->s, env);
		} else if (g->begun < g->n)
			session_begin(&g->s, &g->env[g->begun++]);
		else if (session_in_flight(&g->s))
			session_await(&g->s);
		else
			session_quit(&g->s);
		break;
	case WANT_BODY:
		session_body(&g->s, (struct str){ octets,
			     session_body_room(&g->s) });
		break;
	case WANT_SEND:
		if (hold)
			return;
		buf_add(&g->said, session_output(&g->s));
		session_sent(&g->s, session_output(&g->s).n);
		break;
	default:
		return;
	}
}

static void hear(struct game *g, const char *text)
{
	session_recv(&g->s, str_of(text));
	run(g, false);
}

static size_t count(const struct game *g, const char *word)
{
	size_t n = 0;

	for (size_t i = 0; i + strlen(word) <= g->said.len; i++)
		n += !memcmp(g->said.p + i, word, strlen(word));
	return n;
}

static enum outcome outcome(const struct game *g, size_t i)
{
	return envelope_verdict(&g->env[i], 0)->outcome;
}

static const char chunking[] =
	"220 mx\r\n250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n";

static void a_window_goes_at_once(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 50, 1, 20000);
	hear(&g, chunking);
	/* 20 of them are over 256 KiB: no more than 20 are in flight. */
	assert_int_equal(count(&g, "BDAT"), 20);
	assert_int_equal(session_in_flight(&g.s), 20);
	hear(&g, "250 ok\r\n250 ok\r\n250 taken\r\n");
	assert_int_equal(g.settled, 1);
	assert_int_equal(outcome(&g, 0), OUTCOME_SENT);
	assert_int_equal(count(&g, "BDAT"), 21);
	while (g.settled < 50)
		hear(&g, "250 rset\r\n250 ok\r\n250 ok\r\n250 taken\r\n");
	assert_int_equal(count(&g, "RSET"), 49);
	assert_int_equal(count(&g, "QUIT"), 1);
	assert_int_equal(session_want(&g.s), WANT_DONE);
	game_release(&g);
}

static void small_ones_fill_the_octets(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 60, 1, 2000);
	hear(&g, chunking);
	assert_int_equal(count(&g, "BDAT"), 60);
	game_release(&g);
}

static void refusals_stay_with_their_message(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 4, 2, 100);
	hear(&g, chunking);
	assert_int_equal(count(&g, "BDAT"), 4);
	hear(&g, "250 ok\r\n250 ok\r\n550 no\r\n250 first\r\n");
	assert_int_equal(envelope_verdict(&g.env[0], 1)->code, 550);
	assert_int_equal(outcome(&g, 0), OUTCOME_SENT);
	hear(&g, "250 rset\r\n452 later\r\n503 no\r\n503 no\r\n503 no\r\n");
	assert_int_equal(envelope_verdict(&g.env[1], 0)->code, 452);
	assert_int_equal(envelope_verdict(&g.env[1], 1)->code, 452);
	hear(&g, "250 rset\r\n250 ok\r\n550 a\r\n551 b\r\n554 nobody\r\n");
	assert_int_equal(envelope_verdict(&g.env[2], 1)->code, 551);
	hear(&g, "250 rset\r\n250 ok\r\n250 ok\r\n450 full\r\n552 large\r\n");
	assert_int_equal(envelope_verdict(&g.env[3], 0)->code, 552);
	assert_int_equal(envelope_verdict(&g.env[3], 1)->code, 450);
	assert_int_equal(g.settled, 4);
	assert_int_equal(session_want(&g.s), WANT_DONE);
	game_release(&g);
}

static void a_lost_connection_leaves_doubt(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 5, 1, 100);
	hear(&g, chunking);
	hear(&g, "250 ok\r\n250 ok\r\n250 first\r\n250 rset\r\n550 no\r\n");
	session_recv(&g.s, STR(""));
	assert_int_equal(g.settled, 5);
	assert_int_equal(outcome(&g, 0), OUTCOME_SENT);
	assert_int_equal(outcome(&g, 1), OUTCOME_FAILED);
	assert_int_equal(outcome(&g, 2), OUTCOME_UNKNOWN);
	assert_int_equal(outcome(&g, 4), OUTCOME_UNKNOWN);
	assert_int_equal(session_want(&g.s), WANT_DONE);
	game_release(&g);
}

/* The end of the last one is not sent: the relay cannot have that one. */
static void an_unsent_end_is_no_doubt(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 3, 1, 100);
	session_recv(&g.s, STR("220 mx\r\n"));
	run(&g, false);
	session_recv(&g.s, STR("250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"));
	run(&g, true);
	session_recv(&g.s, STR(""));
	assert_int_equal(g.settled, 3);
	assert_int_equal(outcome(&g, 0), OUTCOME_UNKNOWN);
	assert_int_equal(outcome(&g, 1), OUTCOME_UNKNOWN);
	assert_int_equal(outcome(&g, 2), OUTCOME_DEFERRED);
	game_release(&g);
}

static void an_answer_before_the_end_ends_it(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 1, 1, 100);
	session_recv(&g.s, STR("220 mx\r\n"));
	run(&g, false);
	session_recv(&g.s, STR("250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"));
	run(&g, true);
	session_recv(&g.s, STR("250 ok\r\n250 ok\r\n250 already\r\n"));
	assert_int_equal(session_want(&g.s), WANT_DONE);
	assert_int_equal(outcome(&g, 0), OUTCOME_DEFERRED);
	assert_int_equal(g.settled, 1);
	game_release(&g);
}

static void leaving_defers_all(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 3, 1, 100);
	hear(&g, chunking);
	hear(&g, "250 ok\r\n250 ok\r\n421 going down\r\n");
	assert_int_equal(g.settled, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(envelope_verdict(&g.env[i], 0)->code, 421);
	game_release(&g);
}

static void nonsense_settles_all(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 3, 1, 100);
	hear(&g, chunking);
	hear(&g, "354 go\r\n");
	assert_int_equal(g.settled, 3);
	assert_int_equal(session_want(&g.s), WANT_DONE);
	game_release(&g);
}

static void data_takes_one_turn_a_message(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 3, 1, 100);
	hear(&g, "220 mx\r\n250-mx\r\n250 PIPELINING\r\n");
	assert_int_equal(count(&g, "DATA"), 1);
	hear(&g, "250 ok\r\n250 ok\r\n354 go\r\n");
	/* The content of the first and all of the second but its content. */
	assert_int_equal(count(&g, "\r\n.\r\n"), 1);
	assert_int_equal(count(&g, "DATA"), 2);
	hear(&g, "250 first\r\n250 rset\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	assert_int_equal(g.settled, 1);
	assert_int_equal(count(&g, "DATA"), 3);
	hear(&g, "554 spam\r\n250 rset\r\n250 ok\r\n450 wait\r\n354 go\r\n");
	assert_int_equal(outcome(&g, 1), OUTCOME_FAILED);
	hear(&g, "554 nobody\r\n");
	assert_int_equal(envelope_verdict(&g.env[2], 0)->code, 450);
	assert_int_equal(g.settled, 3);
	assert_int_equal(count(&g, "QUIT"), 1);
	game_release(&g);
}

static void lockstep_stays_lockstep(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 2, 1, 100);
	hear(&g, "220 mx\r\n250-mx\r\n250 CHUNKING\r\n");
	hear(&g, "250 ok\r\n");
	hear(&g, "250 ok\r\n");
	assert_int_equal(session_in_flight(&g.s), 0);
	assert_int_equal(count(&g, "MAIL"), 1);
	hear(&g, "250 first\r\n");
	assert_int_equal(count(&g, "MAIL"), 2);
	game_release(&g);
}

static void a_large_one_goes_alone(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 3, 1, 100);
	g.env[1].size = 300000;
	hear(&g, chunking);
	assert_int_equal(count(&g, "BDAT"), 1);
	assert_int_equal(count(&g, "MAIL"), 2);
	hear(&g, "250 ok\r\n250 ok\r\n250 first\r\n");
	hear(&g, "250 rset\r\n250 ok\r\n250 ok\r\n");
	assert_int_equal(count(&g, "BDAT"), 2);
	assert_int_equal(count(&g, "MAIL"), 2);
	hear(&g, "250 large\r\n");
	assert_int_equal(g.settled, 2);
	assert_int_equal(count(&g, "MAIL"), 3);
	game_release(&g);
}

/* "Too many recipients" to a message in flight: they go next, not later. */
static void too_many_go_in_a_further_one(void **state)
{
	struct game g;

	(void)state;
	game_init(&g, 2, 3, 100);
	hear(&g, chunking);
	assert_int_equal(count(&g, "BDAT"), 2);
	hear(&g, "250 ok\r\n250 ok\r\n452 many\r\n452 many\r\n250 first\r\n");
	assert_int_equal(g.settled, 0);
	assert_int_equal(outcome(&g, 0), OUTCOME_SENT);
	/* Now it is known how many it takes: one at a time. */
	assert_int_equal(count(&g, "BDAT"), 3);
	assert_int_equal(count(&g, "RCPT"), 7);
	hear(&g, "250 r\r\n250 ok\r\n250 ok\r\n550 no\r\n550 no\r\n250 b\r\n");
	assert_int_equal(g.settled, 1);
	hear(&g, "250 r\r\n250 ok\r\n250 ok\r\n250 second\r\n");
	hear(&g, "250 r\r\n250 ok\r\n250 ok\r\n250 third\r\n");
	assert_int_equal(g.settled, 2);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(envelope_verdict(&g.env[0], i)->outcome,
				 OUTCOME_SENT);
	assert_int_equal(session_want(&g.s), WANT_DONE);
	game_release(&g);
}

/* Each has its file open, and there are not so many descriptors. */
static void tiny_ones_are_counted(void **state)
{
	struct game *g = test_malloc(sizeof(*g));

	(void)state;
	game_init(g, MESSAGES, 1, 100);
	hear(g, chunking);
	assert_int_equal(count(g, "BDAT"), SESSION_WINDOW_MAX);
	assert_int_equal(session_in_flight(&g->s), SESSION_WINDOW_MAX);
	game_release(g);
	test_free(g);
}

/* However long the queue, replies to come are all that is remembered. */
static void what_was_answered_is_forgotten(void **state)
{
	struct game *g = test_malloc(sizeof(*g));

	(void)state;
	game_init(g, MESSAGES, 1, 20000);
	hear(g, chunking);
	hear(g, "250 ok\r\n250 ok\r\n250 taken\r\n");
	while (g->begun < MESSAGES)
		hear(g, "250 rset\r\n250 ok\r\n250 ok\r\n250 taken\r\n");
	assert_true(g->s.expect_cap < 256);
	game_release(g);
	test_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_goes_at_once),
		cmocka_unit_test(small_ones_fill_the_octets),
		cmocka_unit_test(refusals_stay_with_their_message),
		cmocka_unit_test(a_lost_connection_leaves_doubt),
		cmocka_unit_test(an_unsent_end_is_no_doubt),
		cmocka_unit_test(an_answer_before_the_end_ends_it),
		cmocka_unit_test(leaving_defers_all),
		cmocka_unit_test(nonsense_settles_all),
		cmocka_unit_test(data_takes_one_turn_a_message),
		cmocka_unit_test(lockstep_stays_lockstep),
		cmocka_unit_test(a_large_one_goes_alone),
		cmocka_unit_test(too_many_go_in_a_further_one),
		cmocka_unit_test(tiny_ones_are_counted),
		cmocka_unit_test(what_was_answered_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
