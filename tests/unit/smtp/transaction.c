/*
 * What a transcript cannot say of transactions: large messages, a relay that
 * answers while it is still being sent to, and very many recipients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "smtp/session.h"

struct game {
	struct session_config config;
	struct session s;
	struct envelope env;
	struct buf wrote;
};

/* A session that wants to know what comes next. */
static void open_session(struct game *g, const char *caps, uint64_t size,
			 size_t rcpts)
{
	static char names[10000][24];
	struct buf hello;

	g->config = (struct session_config){ .helo = "h" };
	buf_init(&g->wrote, 1 << 24);
	buf_init(&hello, 1000);
	buf_addf(&hello, "220 mx\r\n");
	session_init(&g->s, &g->config);
	session_recv(&g->s, buf_str(&hello));
	session_sent(&g->s, session_output(&g->s).n);
	buf_reset(&hello);
	buf_addf(&hello, "250-mx\r\n250-%s\r\n250 HELP\r\n", caps);
	session_recv(&g->s, buf_str(&hello));
	buf_release(&hello);
	assert_int_equal(session_want(&g->s), WANT_NEXT);
	envelope_init(&g->env);
	g->env.from = "a@x";
	g->env.size = size;
	for (size_t i = 0; i < rcpts; i++) {
		snprintf(names[i], sizeof(names[i]), "r%zu", i);
		envelope_add(&g->env, names[i], "", "");
	}
	session_begin(&g->s, &g->env);
}

static void close_session(struct game *g)
{
	assert_int_equal(envelope_count(&g->env, OUTCOME_PENDING), 0);
	session_release(&g->s);
	envelope_release(&g->env);
	buf_release(&g->wrote);
}

static void say(struct game *g, const char *text)
{
	session_recv(&g->s, str_of(text));
}

static void give(struct game *g, size_t n)
{
	char *text = malloc(n);

	memset(text, 'x', n);
	session_body(&g->s, (struct str){ text, n });
	free(text);
}

/* Give and take until the relay is needed, or `most` octets are taken. */
static void run(struct game *g, size_t most)
{
	for (;;) switch (session_want(&g->s)) {
	case WANT_SEND:
		if (session_output(&g->s).n > most) {
			session_sent(&g->s, most);
			return;
		}
		most -= session_output(&g->s).n;
		buf_add(&g->wrote, session_output(&g->s));
		session_sent(&g->s, session_output(&g->s).n);
		break;
	case WANT_BODY:
		give(g, session_body_room(&g->s));
		break;
	default:
		return;
	}
}

static bool wrote(const struct game *g, const char *text)
{
	return g->wrote.len && memmem(g->wrote.p, g->wrote.len, text,
				      strlen(text));
}

/* 256 KiB go unasked; one octet more waits for the verdicts. */
static void what_goes_unasked(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct game g;

		open_session(&g, "PIPELINING\r\n250-CHUNKING",
			     SESSION_FLIGHT_MAX + more, 1);
		run(&g, -1);
		assert_int_equal(session_want(&g.s), WANT_RECV);
		assert_int_equal(wrote(&g, "BDAT"), !more);
		say(&g, "250 ok\r\n250 ok\r\n");
		run(&g, -1);
		assert_true(wrote(&g, "LAST\r\nx"));
		assert_true(g.wrote.len > SESSION_FLIGHT_MAX);
		say(&g, "250 ok\r\n");
		assert_int_equal(session_want(&g.s), WANT_NEXT);
		assert_int_equal(envelope_count(&g.env, OUTCOME_SENT), 1);
		close_session(&g);
	}
}

/* Every octet is asked for once, and in order. */
static void large_in_pieces(void **state)
{
	const size_t size = 3 * SESSION_FLIGHT_MAX + 7;
	struct game g;
	size_t at = 0;

	(void)state;
	open_session(&g, "CHUNKING", size, 1);
	run(&g, -1);
	say(&g, "250 ok\r\n");
	run(&g, -1);
	say(&g, "250 ok\r\n");
	while (session_want(&g.s) == WANT_BODY ||
	       session_want(&g.s) == WANT_SEND) {
		if (session_want(&g.s) == WANT_SEND) {
			session_sent(&g.s, session_output(&g.s).n);
			continue;
		}
		assert_int_equal(session_body_at(&g.s), at);
		assert_true(session_body_room(&g.s) <= size - at);
		at += 1000 < session_body_room(&g.s) ? 1000 :
			session_body_room(&g.s);
		give(&g, at - (size_t)session_body_at(&g.s));
		assert_true(session_output(&g.s).n < 2 * SESSION_FLIGHT_MAX);
	}
	assert_int_equal(at, size);
	say(&g, "250 ok\r\n");
	assert_int_equal(envelope_count(&g.env, OUTCOME_SENT), 1);
	close_session(&g);
}

/* A message of nothing at all asks for nothing. */
static void empty(void **state)
{
	static const char *const caps[] = { "PIPELINING", "CHUNKING" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct game g;

		open_session(&g, caps[i], 0, 1);
		run(&g, -1);
		say(&g, i ? "250 ok\r\n" : "250 ok\r\n250 ok\r\n354 go\r\n");
		run(&g, -1);
		if (i)
			say(&g, "250 ok\r\n");
		assert_int_not_equal(session_want(&g.s), WANT_BODY);
		run(&g, -1);
		assert_true(wrote(&g, i ? "BDAT 0 LAST\r\n" : "DATA\r\n.\r\n"));
		say(&g, "250 ok\r\n");
		assert_int_equal(envelope_count(&g.env, OUTCOME_SENT), 1);
		close_session(&g);
	}
}

/* Nobody to send to: nothing is said, and the next message may come. */
static void nobody(void **state)
{
	struct game g;

	(void)state;
	open_session(&g, "PIPELINING", 10, 0);
	assert_int_equal(session_want(&g.s), WANT_NEXT);
	assert_int_equal(session_output(&g.s).n, 0);
	close_session(&g);
}

/* What a relay says while some of the message waits to be sent. */
static const struct {
	const char *name, *caps;
	size_t size;
	const char *said;	/* "": it hangs up */
	enum outcome outcome;
	int code;
	enum error_kind kind;	/* of the session's verdict */
} amid[] = {
	{ "DATA, refused", "PIPELINING", 1000000, "552 5.3.4 big\r\n",
	  OUTCOME_FAILED, 552, ERROR_NONE },
	{ "BDAT, refused", "CHUNKING", 1000000, "552 5.3.4 big\r\n",
	  OUTCOME_FAILED, 552, ERROR_NONE },
	{ "DATA, 421", "PIPELINING", 1000000, "421 4.3.2 down\r\n",
	  OUTCOME_DEFERRED, 421, ERROR_NONE },
	{ "BDAT, 421", "CHUNKING", 1000000, "421 4.3.2 down\r\n",
	  OUTCOME_DEFERRED, 421, ERROR_NONE },
	{ "DATA, taken", "PIPELINING", 1000000, "250 ok\r\n",
	  OUTCOME_DEFERRED, 0, ERROR_PROTOCOL },
	{ "BDAT, taken", "CHUNKING", 1000000, "250 ok\r\n",
	  OUTCOME_DEFERRED, 0, ERROR_PROTOCOL },
	{ "DATA, lost", "PIPELINING", 1000000, "",
	  OUTCOME_DEFERRED, 0, ERROR_NET },
	{ "BDAT, lost", "CHUNKING", 1000000, "",
	  OUTCOME_DEFERRED, 0, ERROR_NET },
	/* All of it is in the output, and some not sent: the same. */
	{ "small DATA, refused", "PIPELINING", 1000, "552 5.3.4 big\r\n",
	  OUTCOME_FAILED, 552, ERROR_NONE },
	{ "small BDAT, deferred", "CHUNKING", 1000, "451 later\r\n",
	  OUTCOME_DEFERRED, 451, ERROR_NONE },
	{ "small DATA, taken", "PIPELINING", 1000, "250 ok\r\n",
	  OUTCOME_DEFERRED, 0, ERROR_PROTOCOL },
	{ "small BDAT, taken", "CHUNKING", 1000, "250 ok\r\n",
	  OUTCOME_DEFERRED, 0, ERROR_PROTOCOL },
	{ "small DATA, lost", "PIPELINING", 1000, "",
	  OUTCOME_DEFERRED, 0, ERROR_NET },
	{ "small BDAT, lost", "CHUNKING", 1000, "",
	  OUTCOME_DEFERRED, 0, ERROR_NET },
};

/* Up to the content; one extension or the other decides how to get there. */
static void up_to_content(struct game *g)
{
	run(g, -1);
	if (g->s.ehlo.caps & CAP_PIPELINING) {
		say(g, "250 ok\r\n250 ok\r\n354 go\r\n");
	} else {
		say(g, "250 ok\r\n");
		run(g, -1);
		say(g, "250 ok\r\n");
	}
	assert_int_equal(session_want(&g->s), WANT_BODY);
}

static void amid_content(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(amid) / sizeof(*amid); i++) {
		const struct verdict *v;
		struct game g;

		open_session(&g, amid[i].caps, amid[i].size, 1);
		up_to_content(&g);
		run(&g, 900);
		assert_true(session_output(&g.s).n > 0);
		say(&g, amid[i].said);
		v = envelope_verdict(&g.env, 0);
		if (session_want(&g.s) != WANT_DONE ||
		    v->outcome != amid[i].outcome || v->code != amid[i].code ||
		    v->stage != STAGE_CONTENT ||
		    g.s.verdict.outcome != OUTCOME_DEFERRED ||
		    g.s.verdict.kind != amid[i].kind)
			fail_msg("%s: %s, %d, kind %d", amid[i].name,
				 outcome_name(v->outcome), v->code,
				 g.s.verdict.kind);
		close_session(&g);
	}
}

/* Unknown begins with the last octet, not one earlier. */
static void unknown_begins(void **state)
{
	(void)state;
	for (size_t left = 0; left < 3; left++) {
		struct game g;

		open_session(&g, "PIPELINING\r\n250-CHUNKING", 100, 2);
		while (session_want(&g.s) == WANT_BODY)
			give(&g, session_body_room(&g.s));
		session_sent(&g.s, session_output(&g.s).n - left);
		session_recv(&g.s, STR(""));
		assert_int_equal(envelope_count(&g.env, left ? OUTCOME_DEFERRED :
				 OUTCOME_UNKNOWN), 2);
		close_session(&g);
	}
}

/* Replies to a flight that is still being sent are taken as they come. */
static void replies_while_sending(void **state)
{
	struct game g;

	(void)state;
	open_session(&g, "PIPELINING\r\n250-CHUNKING", 100000, 2);
	run(&g, 100);
	say(&g, "250 ok\r\n250 ok\r\n");
	run(&g, 100);
	say(&g, "550 5.1.1 no\r\n");
	run(&g, -1);
	assert_int_equal(session_want(&g.s), WANT_RECV);
	say(&g, "250 ok\r\n");
	assert_int_equal(envelope_count(&g.env, OUTCOME_SENT), 1);
	assert_int_equal(envelope_count(&g.env, OUTCOME_FAILED), 1);
	assert_int_equal(session_want(&g.s), WANT_NEXT);
	close_session(&g);
}

/* -- many recipients ----------------------------------------------------- */

/* A relay that accepts `limit` recipients a transaction. */
struct relay {
	size_t limit, named, accepted, transactions, most;
	unsigned char taken[10000], now[10000];
	bool said_data;
};

static void answer_line(struct relay *r, struct str line, struct buf *to)
{
	if (str_starts(line, STR("MAIL"))) {
		r->named = r->accepted = 0;
		r->transactions++;
		memset(r->now, 0, sizeof(r->now));
		buf_addz(to, "250 ok\r\n");
	} else if (str_starts(line, STR("RCPT TO:<r"))) {
		size_t i = strtoul(line.p + 10, NULL, 10);

		if (++r->named > r->most)
			r->most = r->named;
		if (r->accepted == r->limit) {
			buf_addz(to, "452 4.5.3 too many\r\n");
			return;
		}
		r->accepted++;
		r->now[i] = 1;
		buf_addz(to, "250 ok\r\n");
	} else if (str_starts(line, STR("BDAT"))) {
		for (size_t i = 0; i < sizeof(r->now); i++)
			r->taken[i] = (unsigned char)(r->taken[i] + r->now[i]);
		buf_addz(to, "250 ok\r\n");
	}
}

static void play_many(struct game *g, struct relay *r)
{
	while (session_want(&g->s) != WANT_NEXT) {
		struct str lines;
		struct buf to;

		buf_reset(&g->wrote);
		run(g, -1);
		assert_int_equal(session_want(&g->s), WANT_RECV);
		lines = buf_str(&g->wrote);
		buf_init(&to, 1 << 20);
		while (lines.n)
			answer_line(r, str_cut(&lines, '\n'), &to);
		session_recv(&g->s, buf_str(&to));
		buf_release(&to);
	}
}

/* HOSTILE 36: each exactly once, in as few transactions as can be. */
static void ten_thousand(void **state)
{
	static const struct {
		const char *caps;
		size_t limit, transactions, most;
	} many[] = {
		{ "PIPELINING\r\n250-CHUNKING", 100, 100, 1000 },
		{ "PIPELINING\r\n250-CHUNKING\r\n250-LIMITS RCPTMAX=100", 100,
		  100, 100 },
		{ "PIPELINING\r\n250-CHUNKING", 100000, 10, 1000 },
		{ "PIPELINING\r\n250-CHUNKING", 1, 10000, 1000 },
	};
	static struct relay r;

	(void)state;
	for (size_t k = 0; k < sizeof(many) / sizeof(*many); k++) {
		clock_t start = clock();
		struct game g;

		r = (struct relay){ .limit = many[k].limit };
		open_session(&g, many[k].caps, 10, 10000);
		play_many(&g, &r);
		assert_int_equal(envelope_count(&g.env, OUTCOME_SENT), 10000);
		for (size_t i = 0; i < 10000; i++)
			if (r.taken[i] != 1)
				fail_msg("row %zu: %zu was sent to %d times", k,
					 i, r.taken[i]);
		assert_int_equal(r.transactions, many[k].transactions);
		assert_int_equal(r.most, many[k].most);
		/* A verdict is kept for a transaction, not a recipient. */
		assert_true(g.env.n_verdicts <= many[k].transactions + 1);
		assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
		close_session(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_unasked),
		cmocka_unit_test(large_in_pieces),
		cmocka_unit_test(empty),
		cmocka_unit_test(nobody),
		cmocka_unit_test(amid_content),
		cmocka_unit_test(unknown_begins),
		cmocka_unit_test(replies_while_sending),
		cmocka_unit_test(ten_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
