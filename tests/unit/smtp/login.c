/* Unusual turns of AUTH; the usual ones are transcripts in tests/smtp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/session.h"

/* A mechanism that answers every challenge with `length` octets. */
static int start(void *ctx, struct str offered, const char **mech,
		 bool *has_initial, struct buf *initial, struct error *err)
{
	(void)ctx;
	(void)initial;
	(void)err;
	assert_true(str_eq(offered, STR("ONE TWO")));
	*mech = "TWO";
	*has_initial = false;
	return 0;
}

static int step(void *ctx, struct str challenge, struct buf *response,
		struct error *err)
{
	(void)challenge;
	(void)err;
	for (size_t i = 0; i < *(size_t *)ctx; i++)
		buf_addch(response, 'x');
	return 0;
}

static int finish(void *ctx, struct error *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static void mask(void *ctx, struct buf *text)
{
	(void)ctx;
	(void)text;
}

static void say(struct session *s, const char *text)
{
	session_recv(s, str_of(text));
}

/* Up to the reply to AUTH. */
static void begin(struct session *s, const struct session_config *config,
		  const struct auth *auth)
{
	session_init(s, config);
	say(s, "220 mx\r\n");
	session_sent(s, session_output(s).n);
	say(s, "250-mx\r\n250 AUTH ONE TWO\r\n");
	assert_int_equal(session_want(s), WANT_AUTH);
	session_auth(s, auth);
	assert_true(str_eq(session_output(s), STR("AUTH TWO\r\n")));
	session_sent(s, session_output(s).n);
}

/* RFC 4954 s4: a challenge may be 12288 octets, which we do not read. */
static void long_challenge(void **state)
{
	const struct session_config config = { .helo = "h", .auth = true };
	size_t length = 10;
	const struct auth auth = { &length, start, step, finish, mask };
	char *text = malloc(REPLY_LINE_MAX + 2);
	struct session s;

	(void)state;
	begin(&s, &config, &auth);
	memset(text, 'x', REPLY_LINE_MAX + 1);
	memcpy(text, "334 ", 4);
	text[REPLY_LINE_MAX + 1] = '\0';
	say(&s, text);
	assert_int_equal(session_want(&s), WANT_SEND);
	assert_true(str_eq(session_output(&s), STR("*\r\n")));
	assert_int_equal(s.verdict.kind, ERROR_PROTOCOL);
	assert_int_equal(s.verdict.stage, STAGE_AUTH);
	session_sent(&s, 3);
	assert_int_equal(session_want(&s), WANT_DONE);
	session_release(&s);
	free(text);
}

/* A response that no command line holds is not sent cut short. */
static void long_response(void **state)
{
	const struct session_config config = { .helo = "h", .auth = true };
	size_t length = 20000;
	const struct auth auth = { &length, start, step, finish, mask };
	struct session s;

	(void)state;
	begin(&s, &config, &auth);
	say(&s, "334 \r\n");
	assert_int_not_equal(session_want(&s), WANT_NEXT);
	assert_true(str_eq(session_output(&s), STR("*\r\n")));
	session_sent(&s, 3);
	say(&s, "501 cancelled\r\n");
	assert_int_equal(s.verdict.outcome, OUTCOME_DEFERRED);
	assert_int_equal(s.verdict.stage, STAGE_AUTH);
	session_release(&s);
}

static int start_long(void *ctx, struct str offered, const char **mech,
		      bool *has_initial, struct buf *initial, struct error *err)
{
	start(ctx, offered, mech, has_initial, initial, err);
	*has_initial = true;
	return step(ctx, offered, initial, err);
}

/* Nor is such an initial response: the login does not even begin. */
static void long_initial(void **state)
{
	const struct session_config config = { .helo = "h", .auth = true };
	size_t length = 20000;
	const struct auth auth = { &length, start_long, step, finish, mask };
	struct session s;

	(void)state;
	session_init(&s, &config);
	say(&s, "220 mx\r\n");
	session_sent(&s, session_output(&s).n);
	say(&s, "250-mx\r\n250 AUTH ONE TWO\r\n");
	session_auth(&s, &auth);
	assert_true(str_eq(session_output(&s), STR("QUIT\r\n")));
	assert_int_equal(s.verdict.kind, ERROR_AUTH);
	assert_string_equal(s.mech, "");
	session_release(&s);
}

/* An empty response is an empty line. */
static void empty_response(void **state)
{
	const struct session_config config = { .helo = "h", .auth = true };
	size_t length = 0;
	const struct auth auth = { &length, start, step, finish, mask };
	struct session s;

	(void)state;
	begin(&s, &config, &auth);
	say(&s, "334 \r\n");
	assert_true(str_eq(session_output(&s), STR("\r\n")));
	session_sent(&s, 2);
	say(&s, "235 in\r\n");
	assert_int_equal(session_want(&s), WANT_NEXT);
	assert_string_equal(s.mech, "TWO");
	session_quit(&s);
	session_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_challenge),
		cmocka_unit_test(long_response),
		cmocka_unit_test(long_initial),
		cmocka_unit_test(empty_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
