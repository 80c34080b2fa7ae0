/*
 * session_step(): a transaction whose every command waits for the driver.
 * In each row the relay's replies stand where they are said; what the client
 * said is compared at each of the driver's turns.
 */
#include "smtp/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FULL "250-r\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n" \
	"250 SIZE 100\r\n"
#define BARE "250 r\r\n"

static const char content[] = "S: x\r\n\r\n.y\r\n";

enum { TURNS = 10 };

/* m: MAIL; r: the next recipient; c: content; d: drop; "" ends. */
struct turn {
	const char *what;
	const char *says;	/* what the client then says */
	const char *reply;	/* and hears; "" is the end of the connection */
	const char *word;	/* "code outcome" afterwards; NULL: not looked at */
};

static const struct row {
	const char *name, *ehlo;
	struct turn turn[TURNS];
	const char *outcomes;	/* of the last envelope's recipients */
} rows[] = {
	{ "accepted", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 2.1.0 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<1@x>\r\n", "550 5.1.1 no\r\n", "550 failed" },
		{ "r", "RCPT TO:<2@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "c", "BDAT 12 LAST\r\nS: x\r\n\r\n.y\r\n", "250 ok\r\n",
		  NULL } },
	  "sent failed sent " },
	{ "DATA", BARE, {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "c", "DATA\r\n", "354 go\r\n", NULL },
		{ "", "S: x\r\n\r\n..y\r\n.\r\n", "554 5.7.1 no\r\n", NULL } },
	  "failed " },
	{ "DATA refused, then another", BARE, {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "c", "DATA\r\n", "451 4.3.0 no\r\n", NULL },
		{ "m", "RSET\r\n", "250 ok\r\n", NULL },
		{ "", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" } },
	  "" },
	{ "MAIL refused, then another", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "550 5.7.1 no\r\n", "550 failed" },
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" } },
	  "" },
	{ "login wanted", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "530 5.7.0 no\r\n",
		  "530 deferred" } },
	  "" },
	{ "dropped", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "d", "", NULL, NULL },
		{ "m", "RSET\r\nMAIL FROM:<f@x>\r\n", "250 ok\r\n250 ok\r\n",
		  "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "450 4.2.1 ok\r\n",
		  "450 deferred" } },
	  "deferred " },
	{ "too many is passed on", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<1@x>\r\n", "452 4.5.3 many\r\n",
		  "452 deferred" },
		{ "c", "BDAT 12 LAST\r\nS: x\r\n\r\n.y\r\n", "250 ok\r\n",
		  NULL },
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" } },
	  "" },
	{ "421 at RCPT", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<1@x>\r\n", "421 4.3.2 bye\r\n",
		  "421 deferred" } },
	  "deferred deferred " },
	{ "gone at MAIL", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "", "0 deferred" } }, "" },
	{ "gone after content", FULL, {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<1@x>\r\n", "550 no\r\n", "550 failed" },
		{ "c", "BDAT 12 LAST\r\nS: x\r\n\r\n.y\r\n", "", NULL } },
	  "unknown failed " },
	{ "too large after all", "250-r\r\n250 SIZE 11\r\n", {
		{ "m", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "r", "RCPT TO:<0@x>\r\n", "250 ok\r\n", "250 sent" },
		{ "c", "", NULL, NULL },
		{ "m", "RSET\r\n", "250 ok\r\n", NULL },
		{ "", "MAIL FROM:<f@x>\r\n", "250 ok\r\n", "250 sent" } },
	  "" },
};

struct play {
	const struct row *row;
	struct session s;
	struct envelope env;
	struct buf said;
	size_t step;		/* octets of reply at a time */
	char addr[TURNS][8];
};

static void flush(struct play *p)
{
	struct session *s = &p->s;

	for (;;) switch (session_want(s)) {
	case WANT_SEND:
		buf_add(&p->said, (struct str){ session_output(s).p, 1 });
		session_sent(s, 1);
		break;
	case WANT_BODY:
		session_body(s, (struct str){ content + session_body_at(s),
			     session_body_room(s) });
		break;
	default:
		return;
	}
}

static void hear(struct play *p, const char *reply)
{
	struct str r = str_of(reply);

	if (!r.n)
		session_recv(&p->s, r);
	while (r.n && session_want(&p->s) != WANT_DONE) {
		size_t n = r.n < p->step ? r.n : p->step;

		session_recv(&p->s, (struct str){ r.p, n });
		r.p += n;
		r.n -= n;
	}
}

static void act(struct play *p, char what)
{
	switch (what) {
	case 'm':
		assert_int_equal(session_want(&p->s), WANT_NEXT);
		envelope_release(&p->env);
		envelope_init(&p->env);
		p->env.from = "f@x";
		session_step(&p->s, &p->env);
		break;
	case 'r':
		assert_int_equal(session_want(&p->s), WANT_STEP);
		snprintf(p->addr[p->env.n_rcpt], sizeof(p->addr[0]), "%u@x",
			 (unsigned)p->env.n_rcpt % 100);
		envelope_add(&p->env, p->addr[p->env.n_rcpt], "", "");
		session_rcpt(&p->s);
		break;
	case 'c':
		assert_int_equal(session_want(&p->s), WANT_STEP);
		p->env.size = sizeof(content) - 1;
		session_content(&p->s);
		break;
	case 'd':
		session_drop(&p->s);
		break;
	default:
		break;
	}
}

static void check_turn(struct play *p, const struct turn *t)
{
	const struct verdict *v;
	char word[40];

	act(p, *t->what);
	flush(p);
	if (strcmp(buf_cstr(&p->said), t->says))
		fail_msg("%s: at '%s' it said '%s', not '%s'", p->row->name,
			 t->what, buf_cstr(&p->said), t->says);
	buf_reset(&p->said);
	if (t->reply)
		hear(p, t->reply);
	v = session_want(&p->s) == WANT_DONE ? &p->s.verdict : &p->s.word;
	snprintf(word, sizeof(word), "%d %s", v->code, outcome_name(v->outcome));
	if (t->word && strcmp(word, t->word))
		fail_msg("%s: at '%s' the word is '%s', not '%s'",
			 p->row->name, t->what, word, t->word);
}

static void run(const struct row *row, size_t step)
{
	static const struct session_config config = { .helo = "h" };
	struct play p = { .row = row, .step = step };
	struct buf outcomes;

	buf_init(&p.said, 10000);
	buf_init(&outcomes, 1000);
	envelope_init(&p.env);
	session_init(&p.s, &config);
	hear(&p, "220 r\r\n");
	flush(&p);
	hear(&p, row->ehlo);
	buf_reset(&p.said);
	for (size_t i = 0; i < TURNS && row->turn[i].what; i++)
		check_turn(&p, &row->turn[i]);
	for (size_t i = 0; i < p.env.n_rcpt; i++)
		buf_addf(&outcomes, "%s ", outcome_name(
			 envelope_verdict(&p.env, i)->outcome));
	if (strcmp(buf_cstr(&outcomes), row->outcomes))
		fail_msg("%s: '%s', not '%s'", row->name, buf_cstr(&outcomes),
			 row->outcomes);
	session_release(&p.s);
	envelope_release(&p.env);
	buf_release(&p.said);
	buf_release(&outcomes);
}

static void steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t step = 1; step < 40; step++)
			run(&rows[i], step);
}

/* What cannot be asked of this relay is said without asking it. */
static void not_offered(void **state)
{
	static const struct session_config config = { .helo = "h" };
	struct play p = { .step = 100 };

	(void)state;
	buf_init(&p.said, 10000);
	envelope_init(&p.env);
	session_init(&p.s, &config);
	hear(&p, "220 r\r\n");
	flush(&p);
	hear(&p, BARE);
	p.env.require_tls = true;
	session_step(&p.s, &p.env);
	assert_int_equal(session_want(&p.s), WANT_NEXT);
	assert_int_not_equal(p.s.word.outcome, OUTCOME_SENT);
	assert_int_equal(p.s.word.stage, STAGE_LOCAL);
	assert_non_null(strstr(buf_cstr(&p.s.word_text), "TLS"));
	session_release(&p.s);
	envelope_release(&p.env);
	buf_release(&p.said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps), cmocka_unit_test(not_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
