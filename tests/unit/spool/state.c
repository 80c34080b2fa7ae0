#include "spool/state.h"

#include "spool.h"

#include <sys/resource.h>

static struct error err;

static struct verdict say(int code, const char *enhanced, const char *text)
{
	struct verdict v = { .outcome = OUTCOME_DEFERRED, .stage = STAGE_RCPT,
			     .code = code, .text = str_of(text) };

	snprintf(v.enhanced, sizeof(v.enhanced), "%s", enhanced);
	return v;
}

static void check_reply(const struct state *st, size_t i, int code,
			const char *enhanced, const char *text)
{
	const struct verdict *v = state_reply(st, i);

	assert_non_null(v);
	assert_int_equal(v->code, code);
	assert_string_equal(v->enhanced, enhanced);
	assert_true(str_eq(v->text, str_of(text)));
}

static void fill(struct state *st, struct envelope *env)
{
	struct verdict a = say(450, "4.2.0", "grey = listed +\xc3\xa4\r\nnow");
	struct verdict b = say(0, "", "no route");

	st->past = (struct retry_past){ 7, 3, -5, 1700000000, 90000, 80000 };
	st->noticed = true;
	envelope_init(env);
	for (int i = 0; i < 6; i++)
		envelope_add(env, "x@y", "", "");
	envelope_settle_one(env, 1, &a);
	b.kind = ERROR_NET;
	b.stage = STAGE_CONNECT;
	envelope_settle_as(env, 4, envelope_say(env, &b));
	envelope_settle_as(env, 5, (uint32_t)env->n_verdicts - 1);
	state_take(st, env);
}

static void check_filled(const struct state *st)
{
	assert_int_equal(st->past.attempts, 7);
	assert_int_equal(st->past.tries, 3);
	assert_int_equal(st->past.first, -5);
	assert_int_equal(st->past.last, 1700000000);
	assert_int_equal(st->past.waited, 90000);
	assert_int_equal(st->past.tried, 80000);
	assert_true(st->noticed);
	assert_int_equal(st->n_reply, 2);
	assert_null(state_reply(st, 0));
	check_reply(st, 1, 450, "4.2.0", "grey = listed +\xc3\xa4  now");
	assert_null(state_reply(st, 2));
	check_reply(st, 4, 0, "", "no route");
	check_reply(st, 5, 0, "", "no route");
	assert_int_equal(state_reply(st, 5)->kind, ERROR_NET);
	assert_int_equal(state_reply(st, 5)->stage, STAGE_CONNECT);
	assert_int_equal(state_reply(st, 1)->outcome, OUTCOME_DEFERRED);
	assert_null(state_reply(st, 6));
	assert_null(state_reply(st, SIZE_MAX));
}

static void round_trip(void **state)
{
	char id[STORE_ID_ROOM];
	struct envelope env;
	struct state st, back;

	(void)state;
	state_init(&st);
	state_init(&back);
	sample_queue(id);
	fill(&st, &env);
	envelope_release(&env);
	check_filled(&st);
	assert_int_equal(state_save(&st, &spool, id, &err), 0);
	assert_int_equal(state_save(&st, &spool, id, &err), 0);
	assert_int_equal(names("", "s."), 1);
	state_load(&back, &spool, id, 6);
	check_filled(&back);
	state_load(&back, &spool, id, 5);	/* not of this entry */
	assert_int_equal(back.past.attempts, 0);
	assert_int_equal(back.n_reply, 0);
	state_release(&back);
	state_release(&st);
}

/* What a later attempt says replaces, what it does not say stays. */
static void taking(void **state)
{
	struct verdict again = say(451, "4.3.0", "later");
	struct verdict silent = { .outcome = OUTCOME_SENT };
	struct envelope env, next;
	struct state st;

	(void)state;
	state_init(&st);
	fill(&st, &env);
	envelope_release(&env);
	envelope_init(&next);
	for (int i = 0; i < 6; i++)
		envelope_add(&next, "x@y", "", "");
	envelope_settle_one(&next, 1, &silent);
	envelope_settle_one(&next, 2, &again);
	envelope_settle_one(&next, 5, &again);
	state_take(&st, &next);
	envelope_release(&next);
	assert_null(state_reply(&st, 0));
	check_reply(&st, 1, 450, "4.2.0", "grey = listed +\xc3\xa4  now");
	check_reply(&st, 2, 451, "4.3.0", "later");
	assert_null(state_reply(&st, 3));
	check_reply(&st, 4, 0, "", "no route");
	check_reply(&st, 5, 451, "4.3.0", "later");
	state_release(&st);
}

/* Cut anywhere, or with any octet changed, it is whole or as none. */
static void damage(void **state)
{
	struct envelope env;
	struct state st, back;
	struct buf text;

	(void)state;
	state_init(&st);
	state_init(&back);
	buf_init(&text, 1 << 20);
	fill(&st, &env);
	envelope_release(&env);
	state_print(&st, &text);
	assert_true(state_parse(&back, buf_str(&text), 6));
	check_filled(&back);
	for (size_t cut = 0; cut < text.len; cut++) {
		if (state_parse(&back, (struct str){ text.p, cut }, 6))
			fail_msg("cut at %zu", cut);
		assert_int_equal(back.past.attempts, 0);
		assert_int_equal(back.n_reply, 0);
	}
	for (size_t i = 0; i < text.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			text.p[i] = (char)(text.p[i] ^ 1 << bit);
			state_parse(&back, buf_str(&text), 6);
			text.p[i] = (char)(text.p[i] ^ 1 << bit);
		}
	state_release(&back);
	state_release(&st);
	buf_release(&text);
}

static void refused(void **state)
{
	static const char *const rows[] = {
		"", "end\n", "state 1 0 0 0 0 0 0 0\n",
		"state 2 0 0 0 0 0 0 0\nend\n",
		"state 1 0 0 0 0 0 0\nend\n",
		"state 1 0 0 0 0 0 0 0 0\nend\n",
		"state 1 0 0 0 0 0 0 2\nend\n",
		"state 1 0 1 0 0 0 0 0\nend\n",
		"state 1 1 -1 0 0 0 0 0\nend\n",
		"state 1 4294967296 0 0 0 0 0 0\nend\n",
		"state 1 1 1 0 0 5 6 0\nend\n",
		"state 1 1 1 9223372036854775807 0 0 0 0\nend\n",
		"state 1 0 0 0 0 0 0 0\nend\nend\n",
		"state 1 0 0 0 0 0 0 0\nQ\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 4 0 0 0 0  x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 1 1 0 0 0 0  x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 9 0 0 0  x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 0 99 0 0  x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 0 0 99 0  x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 0 0 0 600  x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 0 0 0 10  x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 0 0 0 250 123456789012 x\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 0 0 0 250 2.0.0 a b\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 0 1 0 0 0 250 2.0.0 +0A\nend\n",
		"state 1 0 0 0 0 0 0 0\nR 1 2 0 0 0 0  \nR 0 1 0 0 0 0  \nend\n",
	};
	struct state st;

	(void)state;
	state_init(&st);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (state_parse(&st, str_of(rows[i]), 3))
			fail_msg("%s", rows[i]);
	assert_true(state_parse(&st, STR("state 1 2 1 0 9 6 5 1\n"
		"R 0 3 2 8 0 250 2.0.0 a+20b\nend\n"), 3));
	check_reply(&st, 2, 250, "2.0.0", "a b");
	state_release(&st);
}

/* Strange files and failures are a fresh state and an error, no more. */
static void files(void **state)
{
	char id[STORE_ID_ROOM], name[STORE_NAME_ROOM];
	struct rlimit old, none;
	struct envelope env;
	struct state st;
	int ret;

	(void)state;
	state_init(&st);
	sample_queue(id);
	store_name(name, 's', id);
	state_load(&st, &spool, id, 6);
	assert_int_equal(st.past.attempts, 0);
	assert_int_equal(symlinkat("/etc/passwd", spool.fd, name), 0);
	state_load(&st, &spool, id, 6);
	assert_int_equal(st.past.attempts, 0);
	unlinkat(spool.fd, name, 0);
	assert_int_equal(mkfifoat(spool.fd, name, 0600), 0);
	state_load(&st, &spool, id, 6);
	fill(&st, &env);
	envelope_release(&env);
	assert_int_equal(state_save(&st, &spool, id, &err), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	none = old;
	none.rlim_cur = 10;
	st.past.attempts = 8;
	setrlimit(RLIMIT_FSIZE, &none);
	ret = state_save(&st, &spool, id, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(ret, -1);
	assert_int_equal(err.kind, ERROR_SPACE);
	state_load(&st, &spool, id, 6);
	check_filled(&st);
	assert_int_equal(names("", "s."), 1);
	state_release(&st);
}

/* So many different replies that they do not fit: the past is kept. */
static void too_much_said(void **state)
{
	enum { MANY = 50000 };
	static char text[STATE_TEXT_MAX + 100];
	char id[STORE_ID_ROOM];
	struct envelope env;
	struct state st;

	(void)state;
	memset(text, '=', sizeof(text) - 1);
	state_init(&st);
	envelope_init(&env);
	for (size_t i = 0; i < MANY; i++) {
		struct verdict v = say(450, "", text);

		envelope_add(&env, "x@y", "", "");
		envelope_settle_one(&env, i, &v);
	}
	st.past.attempts = 5;
	st.noticed = true;
	state_take(&st, &env);
	assert_int_equal(st.past.attempts, 5);
	assert_true(st.noticed);
	assert_int_equal(st.n_reply, 0);
	sample_queue(id);
	assert_int_equal(state_save(&st, &spool, id, &err), 0);
	state_load(&st, &spool, id, MANY);
	assert_int_equal(st.past.attempts, 5);
	state_release(&st);
	envelope_release(&env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(round_trip), SPOOL_TEST(taking),
		SPOOL_TEST(damage), SPOOL_TEST(refused), SPOOL_TEST(files),
		SPOOL_TEST(too_much_said),
	};

	return cmocka_run_group_tests(tests, NULL, spool_end);
}
