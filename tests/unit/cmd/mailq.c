#include "cmd/mailq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "util/xalloc.h"

enum { OUT_MAX = 1 << 16 };

static const int64_t then = 1763757332;		/* 2025-11-21T20:35:32Z */

/*
 * An entry with recipients r0, r1, ... of these statuses: what entry_open()
 * leaves, of which a status is the octet two before the address.
 */
struct made {
	struct entry e;
	struct state state;
	struct mailq_item item;
};

static void made_init(struct made *m, const char *statuses)
{
	static char end[] = "P ";
	size_t n = strlen(statuses);

	*m = (struct made){ .e.text = xcalloc(n + 1, 8) };
	m->e.head = (struct format_head){ .created = then, .uid = 1000,
					  .account = "work" };
	envelope_init(&m->e.env);
	m->e.env.from = "a@b";
	for (size_t i = 0; i < n; i++) {
		char *p = m->e.text + 8 * i;

		memcpy(p, end, 2);
		p[0] = statuses[i];
		p[2] = 'r';
		p[3] = (char)('0' + i);
		envelope_add(&m->e.env, p + 2, "", "");
	}
	state_init(&m->state);
	m->item = (struct mailq_item){
		.id = "0123456789abcdefgh", .size = 1234, .due = then + 60,
		.fault = "", .entry = &m->e, .state = &m->state };
}

static void made_release(struct made *m)
{
	state_release(&m->state);
	envelope_release(&m->e.env);
	free(m->e.text);
}

static void made_state(struct made *m, const char *lines)
{
	struct buf text;

	buf_init(&text, OUT_MAX);
	buf_addf(&text, "state 1 7 2 100 200 50 50 0\n%send\n", lines);
	assert_true(state_parse(&m->state, buf_str(&text), m->e.env.n_rcpt));
	buf_release(&text);
}

static void text(struct buf *out, const struct mailq_item *m)
{
	mailq_text_head(out, m);
	for (size_t i = 0; m->entry && i < m->entry->env.n_rcpt; i++)
		mailq_text_rcpt(out, m, i);
	mailq_text_tail(out, m);
}

static void json(struct buf *out, const struct mailq_item *m)
{
	mailq_json_head(out, m);
	for (size_t i = 0; m->entry && i < m->entry->env.n_rcpt; i++)
		mailq_json_rcpt(out, m, i);
	mailq_json_tail(out, m);
}

static void full(struct buf *out, const struct mailq_item *m)
{
	mailq_full_head(out, m);
	for (size_t i = 0; i < m->entry->env.n_rcpt; i++)
		mailq_full_rcpt(out, m, i);
}

#define FIRST "0123456789abcdefgh"
#define ADDR  "                                                 "
#define A "R 0 1 2 8 0 450 4.2.0 full\n"	/* deferred at RCPT */
#define AB "R 0 2 2 8 0 450 4.2.0 full\n"
#define B "R 1 2 2 1 0 0  down\n"		/* deferred at connecting */

static const struct {
	const char *name, *statuses, *state, *want;
	bool failed;
} text_rows[] = {
	{ "no state", "PP", "", ADDR "r0\n" ADDR "r1\n", false },
	{ "one reason, two recipients", "PP", AB,
	  "     (RCPT TO: 450 full)\n" ADDR "r0\n" ADDR "r1\n", false },
	{ "the same words twice", "PP", A "R 1 2 2 8 0 450 4.2.0 full\n",
	  "     (RCPT TO: 450 full)\n" ADDR "r0\n" ADDR "r1\n", false },
	{ "other words", "PP", A "R 1 2 2 8 0 450 4.2.0 Full\n",
	  "     (RCPT TO: 450 full)\n" ADDR "r0\n"
	  "     (RCPT TO: 450 Full)\n" ADDR "r1\n", false },
	{ "another code", "PP", A "R 1 2 2 8 0 451 4.2.0 full\n",
	  "     (RCPT TO: 450 full)\n" ADDR "r0\n"
	  "     (RCPT TO: 451 full)\n" ADDR "r1\n", false },
	{ "another stage", "PP", A "R 1 2 2 7 0 450 4.2.0 full\n",
	  "     (RCPT TO: 450 full)\n" ADDR "r0\n"
	  "     (MAIL FROM: 450 full)\n" ADDR "r1\n", false },
	{ "two reasons", "PP", A B, "     (RCPT TO: 450 full)\n" ADDR "r0\n"
	  "     (down)\n" ADDR "r1\n", false },
	{ "a reason, then none", "PPP", A, "     (RCPT TO: 450 full)\n"
	  ADDR "r0\n" ADDR "r1\n" ADDR "r2\n", false },
	{ "none, then a reason", "PP", B, ADDR "r0\n     (down)\n"
	  ADDR "r1\n", false },
	{ "first is settled", "DP", AB, "     (RCPT TO: 450 full)\n"
	  ADDR "r1\n", false },
	{ "failed is settled", "FP", "", ADDR "r1\n", false },
	{ "but not in failed/", "FDU", "", ADDR "r0\n"
	  "     (outcome unknown)\n" ADDR "r2\n", true },
	{ "unknown", "UU", "", "     (outcome unknown)\n" ADDR "r0\n"
	  ADDR "r1\n", false },
	{ "unknown with a reason", "PU", AB, "     (RCPT TO: 450 full)\n"
	  ADDR "r0\n     (outcome unknown: RCPT TO: 450 full)\n" ADDR "r1\n",
	  false },
	{ "all settled", "DF", AB, "", false },
};

static void recipients_in_text(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (size_t i = 0; i < sizeof(text_rows) / sizeof(*text_rows); i++) {
		struct made m;
		const char *got;

		made_init(&m, text_rows[i].statuses);
		made_state(&m, text_rows[i].state);
		m.item.failed = text_rows[i].failed;
		text(&out, &m.item);
		got = strchr(buf_cstr(&out), '\n') + 1;
		if (strncmp(got, text_rows[i].want,
			    strlen(text_rows[i].want)) != 0 ||
		    strcmp(got + strlen(text_rows[i].want), "\n") != 0)
			fail_msg("%s:\n%s", text_rows[i].name, got);
		buf_reset(&out);
		made_release(&m);
	}
	buf_release(&out);
}

static const struct {
	const char *name, *want, *flags;
	int64_t due;
	bool busy, failed;
} mark_rows[] = {
	{ "plain", FIRST "      1234 ", "\"due\":\"2025-11-21T20:36:32Z\","
	  "\"held\":false,\"active\":false,\"failed\":false", 0, 0, 0 },
	{ "held", FIRST "!     1234 ", "\"due\":null,\"held\":true,"
	  "\"active\":false,\"failed\":false", STORE_HELD, 0, 0 },
	{ "busy", FIRST "*     1234 ", "\"held\":false,\"active\":true,"
	  "\"failed\":false", 0, true, 0 },
	{ "busy and held", FIRST "*     1234 ", "\"held\":true,"
	  "\"active\":true", STORE_HELD, true, 0 },
	{ "failed", FIRST "#     1234 ", "\"due\":null,\"held\":false,"
	  "\"active\":false,\"failed\":true", 0, 0, true },
	{ "failed when it was held", FIRST "#     1234 ", "\"due\":null,"
	  "\"held\":false,\"active\":false,\"failed\":true", STORE_HELD, 0,
	  true },
};

static void marks(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	for (size_t i = 0; i < sizeof(mark_rows) / sizeof(*mark_rows); i++) {
		struct made m;

		made_init(&m, "P");
		if (mark_rows[i].due)
			m.item.due = mark_rows[i].due;
		m.item.busy = mark_rows[i].busy;
		m.item.failed = mark_rows[i].failed;
		text(&out, &m.item);
		if (!str_starts(buf_str(&out), str_of(mark_rows[i].want)))
			fail_msg("%s: %s", mark_rows[i].name, buf_cstr(&out));
		buf_reset(&out);
		json(&out, &m.item);
		if (!strstr(buf_cstr(&out), mark_rows[i].flags))
			fail_msg("%s: %s", mark_rows[i].name, buf_cstr(&out));
		buf_reset(&out);
		made_release(&m);
	}
	buf_release(&out);
}

static void expect(struct buf *out, const char *want)
{
	assert_string_equal(buf_cstr(out), want);
	buf_reset(out);
}

static void first_line(void **state)
{
	struct made m;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	made_init(&m, "");
	text(&out, &m.item);
	expect(&out, FIRST "      1234 Fri Nov 21 20:35:32 a@b\n\n");
	m.e.env.from = "";
	text(&out, &m.item);
	expect(&out, FIRST "      1234 Fri Nov 21 20:35:32 MAILER-DAEMON\n\n");
	m.e.env.from = "\x1b[2J\\\xe2\x80\xae@b";
	m.e.head.created = INT64_MAX;
	m.item.id = "m.\n";
	text(&out, &m.item);
	expect(&out, "m.\\x0a                  1234 ? "
	       "\\x1b[2J\\\\\\xe2\\x80\\xae@b\n\n");
	made_release(&m);
	buf_release(&out);
}

static void ends(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	mailq_text_end(&out, 0, 0);
	expect(&out, "-- 0 Kbytes in 0 Requests.\n");
	mailq_text_end(&out, 1, 1);
	expect(&out, "-- 1 Kbytes in 1 Request.\n");
	mailq_text_end(&out, 2048, 2);
	expect(&out, "-- 2 Kbytes in 2 Requests.\n");
	mailq_text_end(&out, UINT64_MAX, 3);
	expect(&out, "-- 18014398509481984 Kbytes in 3 Requests.\n");
	mailq_text_begin(&out);
	assert_true(str_starts(buf_str(&out), STR("-Queue ID- ")));
	buf_release(&out);
}

static void faults(void **state)
{
	const struct mailq_item m = { .id = "m.\"", .size = 5, .due = 7,
		.fault = "'/spool/m.x' is bad: \\x1b" };
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	text(&out, &m);
	expect(&out, "m.\"                        5                     "
	       "('/spool/m.x' is bad: \\x1b)\n\n");
	json(&out, &m);
	expect(&out, "{\"id\":\"m.\\\"\",\"size\":5,\"arrival\":null,"
	       "\"sender\":null,\"account\":null,\"attempts\":null,"
	       "\"due\":null,\"held\":false,\"active\":false,"
	       "\"failed\":false,\"error\":\"'/spool/m.x' is bad: \\\\x1b\","
	       "\"recipients\":[]}\n");
	buf_release(&out);
}

static void as_json(void **state)
{
	struct made m;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	made_init(&m, "PDFU");
	made_state(&m, A B);
	json(&out, &m.item);
	expect(&out, "{\"id\":\"" FIRST "\",\"size\":1234,"
	       "\"arrival\":\"2025-11-21T20:35:32Z\",\"sender\":\"a@b\","
	       "\"account\":\"work\",\"attempts\":7,"
	       "\"due\":\"2025-11-21T20:36:32Z\",\"held\":false,"
	       "\"active\":false,\"failed\":false,\"error\":null,"
	       "\"recipients\":[{\"address\":\"r0\",\"status\":\"pending\","
	       "\"code\":450,\"enhanced\":\"4.2.0\",\"text\":\"full\"},"
	       "{\"address\":\"r1\",\"status\":\"delivered\",\"code\":null,"
	       "\"enhanced\":null,\"text\":\"down\"},"
	       "{\"address\":\"r2\",\"status\":\"failed\",\"code\":null,"
	       "\"enhanced\":null,\"text\":null},"
	       "{\"address\":\"r3\",\"status\":\"unknown\",\"code\":null,"
	       "\"enhanced\":null,\"text\":null}]}\n");
	made_release(&m);
	buf_release(&out);
}

static void at_length(void **state)
{
	struct made m;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_MAX);
	made_init(&m, "PD");
	full(&out, &m.item);
	expect(&out, "id: " FIRST "\naccount: work\n"
	       "arrival: Fri, 21 Nov 2025 20:35:32 +0000\nuid: 1000\n"
	       "size: 1234\ndue: Fri, 21 Nov 2025 20:36:32 +0000\n"
	       "attempts: 0\nsender: a@b\nrecipient: pending: r0\n"
	       "recipient: delivered: r1\n");
	made_state(&m, A);
	m.item.due = STORE_HELD;
	m.e.env.from = "";
	m.e.env.ret = "FULL";
	m.e.env.envid = "x";
	m.e.env.deliver_by = "60;R";
	m.e.env.hold = "HOLDFOR=60";
	m.e.env.priority = "3";
	m.e.env.require_tls = true;
	m.e.env.rcpt[1].notify = "NEVER";
	full(&out, &m.item);
	expect(&out, "id: " FIRST "\naccount: work\n"
	       "arrival: Fri, 21 Nov 2025 20:35:32 +0000\nuid: 1000\n"
	       "size: 1234\nstate: held\nattempts: 7\n"
	       "last attempt: Thu,  1 Jan 1970 00:03:20 +0000\nsender: <>\n"
	       "dsn return: FULL\nenvid: x\ndeliver by: 60;R\n"
	       "hold: HOLDFOR=60\npriority: 3\nrequire tls: yes\n"
	       "recipient: pending: r0: RCPT TO: 450 full\n"
	       "recipient: delivered: r1, notify NEVER\n");
	made_release(&m);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_in_text),
		cmocka_unit_test(marks),
		cmocka_unit_test(first_line),
		cmocka_unit_test(ends),
		cmocka_unit_test(faults),
		cmocka_unit_test(as_json),
		cmocka_unit_test(at_length),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
