#include "smtp/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	int code;
	const char *enhanced, *text;
	bool utf8;
	const char *want;
} adds[] = {
	{ 250, "", "ok", false, "250 2.0.0 ok\r\n" },
	{ 250, "", "", false, "250 2.0.0\r\n" },
	{ 450, "", "a", false, "450 4.0.0 a\r\n" },
	{ 550, "5.1.1", "5.1.1 no\n5.1.1 user", false,
	  "550-5.1.1 no\r\n550 5.1.1 user\r\n" },
	{ 550, "5.1.1", "no", false, "550 5.1.1 no\r\n" },
	{ 550, "5.1.1", "5.1.10 no", false, "550 5.1.1 5.1.10 no\r\n" },
	{ 550, "5.1.1", "5.1.1", false, "550 5.1.1\r\n" },
	{ 554, "", "a\r\x1b[1m\nb", false,
	  "554-5.0.0 a\\x0d\\x1b[1m\r\n554 5.0.0 b\r\n" },
	{ 554, "", "n\xc3\xa9", true, "554 5.0.0 n\xc3\xa9\r\n" },
	{ 554, "", "n\xc3\xa9", false, "554 5.0.0 n??\r\n" },
	{ 554, "", "n\xe9", false, "554 5.0.0 n\\xe9\r\n" },
};

static void add(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(adds) / sizeof(*adds); i++) {
		struct buf out;

		buf_init(&out, 1000);
		answer_add(&out, adds[i].code, adds[i].enhanced,
			   str_of(adds[i].text), adds[i].utf8);
		if (strcmp(buf_cstr(&out), adds[i].want))
			fail_msg("row %zu: '%s'", i, buf_cstr(&out));
		buf_release(&out);
	}
}

/* However long the text, a line is no longer than a client must take. */
static void long_text(void **state)
{
	char text[3000];
	struct buf out;

	(void)state;
	for (char c = 'x'; c; c = c == 'x' ? '\x01' : '\0') {
		memset(text, c, sizeof(text));
		buf_init(&out, 5000);
		answer_add(&out, 550, "5.1.1",
			   (struct str){ text, sizeof(text) }, false);
		assert_true(out.len > 300 && out.len <= 512);
		assert_memory_equal(out.p + out.len - 2, "\r\n", 2);
		buf_release(&out);
	}
}

static const struct {
	enum outcome outcome;
	enum stage stage;
	enum error_kind kind;
	int code;
	const char *enhanced, *text, *want;
} verdicts[] = {
	/* What the relay said to the message. */
	{ OUTCOME_SENT, STAGE_RCPT, ERROR_NONE, 250, "2.1.5", "2.1.5 fine",
	  "250 2.1.5 fine\r\n" },
	{ OUTCOME_SENT, STAGE_RCPT, ERROR_NONE, 251, "", "will forward",
	  "250 2.0.0 will forward\r\n" },
	{ OUTCOME_FAILED, STAGE_RCPT, ERROR_NONE, 550, "5.1.1", "5.1.1 no",
	  "550 5.1.1 no\r\n" },
	{ OUTCOME_FAILED, STAGE_MAIL, ERROR_NONE, 553, "", "bad",
	  "553 5.0.0 bad\r\n" },
	{ OUTCOME_DEFERRED, STAGE_RCPT, ERROR_NONE, 452, "4.5.3",
	  "4.5.3 too many", "452 4.5.3 too many\r\n" },
	{ OUTCOME_FAILED, STAGE_CONTENT, ERROR_NONE, 554, "5.7.1",
	  "5.7.1 spam", "554 5.7.1 spam\r\n" },
	/* The relay's own trouble. */
	{ OUTCOME_DEFERRED, STAGE_RCPT, ERROR_NONE, 421, "4.3.2",
	  "4.3.2 going", "451 4.3.2 RCPT TO: 421 4.3.2 going\r\n" },
	{ OUTCOME_DEFERRED, STAGE_MAIL, ERROR_NONE, 530, "5.7.0",
	  "5.7.0 log in", "451 4.7.0 MAIL FROM: 530 5.7.0 log in\r\n" },
	{ OUTCOME_DEFERRED, STAGE_GREETING, ERROR_NONE, 554, "", "no",
	  "451 4.7.0 greeting: 554 no\r\n" },
	{ OUTCOME_DEFERRED, STAGE_GREETING, ERROR_NONE, 450, "", "later",
	  "451 4.4.1 greeting: 450 later\r\n" },
	{ OUTCOME_DEFERRED, STAGE_AUTH, ERROR_NONE, 535, "5.7.8",
	  "5.7.8 no", "451 4.7.0 AUTH: 535 5.7.8 no\r\n" },
	{ OUTCOME_FAILED, STAGE_AUTH, ERROR_AUTH, 0, "", "no password",
	  "451 4.7.0 AUTH: no password\r\n" },
	{ OUTCOME_FAILED, STAGE_TLS, ERROR_CERT, 0, "", "expired",
	  "451 4.7.0 TLS: expired\r\n" },
	{ OUTCOME_DEFERRED, STAGE_CONNECT, ERROR_NET, 0, "", "refused",
	  "451 4.4.1 connect: refused\r\n" },
	{ OUTCOME_FAILED, STAGE_CONNECT, ERROR_HOST, 0, "", "no such host",
	  "451 4.4.1 connect: no such host\r\n" },
	{ OUTCOME_UNKNOWN, STAGE_CONTENT, ERROR_NET, 0, "", "timed out",
	  "451 4.4.2 message: timed out\r\n" },
	{ OUTCOME_FAILED, STAGE_CONTENT, ERROR_PROTOCOL, 0, "", "babble",
	  "451 4.3.0 message: babble\r\n" },
	/* Ours. */
	{ OUTCOME_FAILED, STAGE_LOCAL, ERROR_DATA, 0, "", "does not fit",
	  "554 5.6.0 does not fit\r\n" },
	{ OUTCOME_FAILED, STAGE_LOCAL, ERROR_CONFIG, 0, "", "no account",
	  "451 4.3.5 local: no account\r\n" },
	{ OUTCOME_DEFERRED, STAGE_LOCAL, ERROR_SPACE, 0, "", "disk full",
	  "451 4.3.0 local: disk full\r\n" },
};

static void passed_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		struct verdict v = {
			.outcome = verdicts[i].outcome,
			.stage = verdicts[i].stage, .kind = verdicts[i].kind,
			.code = verdicts[i].code,
			.text = str_of(verdicts[i].text),
		};
		struct buf out;
		int code;

		snprintf(v.enhanced, sizeof(v.enhanced), "%s",
			 verdicts[i].enhanced);
		buf_init(&out, 1000);
		code = answer_verdict(&out, &v, false);
		if (strcmp(buf_cstr(&out), verdicts[i].want))
			fail_msg("row %zu: '%s', not '%s'", i, buf_cstr(&out),
				 verdicts[i].want);
		assert_int_equal(code, strtol(verdicts[i].want, NULL, 10));
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add), cmocka_unit_test(long_text),
		cmocka_unit_test(passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
