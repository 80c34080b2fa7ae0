#include "mail/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/utf8.h"

/* s as a JSON string. */
static const struct {
	const char *name;
	struct str s;
	const char *json;
} strings[] = {
	{ "empty",        { "", 0 },             "\"\"" },
	{ "plain",        { "a b/c", 5 },        "\"a b/c\"" },
	{ "quotes",       { "\"a\\", 3 },        "\"\\\"a\\\\\"" },
	{ "line end",     { "a\r\nb", 4 },       "\"a\\u000d\\nb\"" },
	{ "NUL",          { "a\0b", 3 },         "\"a\\u0000b\"" },
	{ "escape, DEL",  { "\x1b[0m\x7f", 5 },  "\"\\u001b[0m\\u007f\"" },
	{ "UTF-8",        { "\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80", 9 },
	  "\"\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80\"" },
	{ "C1",           { "\xc2\x9b" "a", 3 }, "\"\\u009ba\"" },
	{ "separators",   { "\xe2\x80\xa8\xe2\x80\xa9", 6 },
	  "\"\\u2028\\u2029\"" },
	{ "bidi",         { "\xe2\x80\xae" "a\xe2\x81\xa9", 7 },
	  "\"\\u202ea\\u2069\"" },
	{ "zero width",   { "\xe2\x80\x8b\xef\xbb\xbf", 6 },
	  "\"\\u200b\\ufeff\"" },
	{ "tag",          { "\xf3\xa0\x80\xa0\xf4\x8f\xbf\xbf", 8 },
	  "\"\\udb40\\udc20\\udbff\\udfff\"" },
	{ "latin-1",      { "caf\xe9!", 5 },     "\"caf\\\\xe9!\"" },
	{ "overlong",     { "\xc0\xaf", 2 },     "\"\\\\xc0\\\\xaf\"" },
	{ "surrogate",    { "\xed\xa0\x80", 3 },
	  "\"\\\\xed\\\\xa0\\\\x80\"" },
	{ "cut",          { "a\xe2\x82", 3 },    "\"a\\\\xe2\\\\x82\"" },
};

static void json_strings(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		report_json_string(&out, strings[i].s);
		if (strcmp(buf_cstr(&out), strings[i].json) != 0)
			fail_msg("%s: %s", strings[i].name, buf_cstr(&out));
		buf_reset(&out);
	}
	buf_release(&out);
}

/* Every pair of octets makes a string that a parser takes. */
static void json_of_any_octets(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (unsigned i = 0; i < 65536; i++) {
		char text[] = { (char)(i >> 8), (char)i };
		struct str s;

		buf_reset(&out);
		report_json_string(&out, (struct str){ text, 2 });
		s = buf_str(&out);
		if (!utf8_valid(s) || str_has_ctl(s))
			fail_msg("%04x: %s", i, buf_cstr(&out));
	}
	buf_release(&out);
}

static const struct verdict ok = {
	OUTCOME_SENT, STAGE_CONTENT, ERROR_NONE, 250, 0, "2.0.0",
	{ "2.0.0 queued as 7", 17 }
};
static const struct verdict no_user = {
	OUTCOME_FAILED, STAGE_RCPT, ERROR_NONE, 550, 0, "5.1.1",
	{ "5.1.1 no such user\nsee \"help\"", 29 }
};
static const struct verdict lost = {
	OUTCOME_UNKNOWN, STAGE_CONTENT, ERROR_NET, 0, 0, "", { "lost", 4 }
};
static const struct verdict late = {
	OUTCOME_DEFERRED, STAGE_RCPT, ERROR_NONE, 450, 0, "", { "later", 5 }
};

static const struct verdict *by_letter(char c)
{
	return c == 's' ? &ok : c == 'f' ? &no_user : c == 'd' ? &late : &lost;
}

static void results(void **state)
{
	static const struct { const char *rcpts, *queue_id, *result; } rows[] = {
		{ "",    "",   "failed" },
		{ "s",   "",   "sent" },
		{ "ss",  "Q1", "sent" },
		{ "sf",  "",   "partial" },
		{ "sd",  "",   "partial" },
		{ "su",  "",   "partial" },
		{ "sd",  "Q1", "queued" },
		{ "d",   "Q1", "queued" },
		{ "d",   "",   "failed" },
		{ "f",   "",   "failed" },
		{ "fu",  "",   "unknown" },
		{ "sfd", "Q1", "partial" },
		{ "fu",  "Q1", "partial" },
		{ "u",   "Q1", "queued" },
		{ "u",   "",   "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct envelope e;
		struct report r = { .queue_id = rows[i].queue_id, .env = &e };

		envelope_init(&e);
		for (const char *p = rows[i].rcpts; *p; p++) {
			envelope_add(&e, "a@example.org", "", "");
			envelope_settle_one(&e, e.n_rcpt - 1, by_letter(*p));
		}
		if (*rows[i].queue_id)
			envelope_queued(&e);
		if (strcmp(report_result(&r), rows[i].result) != 0)
			fail_msg("'%s' '%s': %s", rows[i].rcpts,
				 rows[i].queue_id, report_result(&r));
		envelope_release(&e);
	}
}

/* Two recipients, of which one was taken. */
static void partial(struct envelope *e, struct report *r)
{
	envelope_init(e);
	e->from = "me@example.net";
	envelope_add(e, "a@example.org", "", "");
	envelope_add(e, "\"b\tc\"@example.org", "", "");
	envelope_settle_one(e, 0, &ok);
	envelope_settle_one(e, 1, &no_user);
	*r = (struct report){
		.message_id = "<1@example.net>", .account = "work",
		.relay = "smtp.example.org:465", .tls = "TLS1.3",
		.mech = "PLAIN", .queue_id = "", .final = &ok, .env = e,
		.error = "", .status = 210, .bytes = 5000000000,
		.elapsed_ms = 78, .trips = 6,
	};
}

/* It did not come to a connection. */
static void refused(struct envelope *e, struct report *r)
{
	envelope_init(e);
	*r = (struct report){
		.message_id = "", .account = "", .relay = "", .tls = "",
		.mech = "", .queue_id = "", .env = e, .error = "no 'host'",
		.status = 78,
	};
}

static void add_json(struct buf *out, const struct report *r)
{
	report_json_head(out, r);
	for (size_t i = 0; i < r->env->n_rcpt; i++)
		report_json_rcpt(out, r, i);
	report_json_tail(out, r);
}

static void json(void **state)
{
	struct envelope e;
	struct report r;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	partial(&e, &r);
	add_json(&out, &r);
	assert_string_equal(buf_cstr(&out),
		"{\"message_id\":\"<1@example.net>\",\"account\":\"work\","
		"\"relay\":\"smtp.example.org:465\",\"tls\":\"TLS1.3\","
		"\"tls_resumed\":false,\"sasl\":\"PLAIN\",\"result\":\"partial\","
		"\"exit_status\":210,\"error\":null,\"queue_id\":null,"
		"\"reply\":{\"code\":250,\"enhanced\":\"2.0.0\","
		"\"text\":\"2.0.0 queued as 7\"},\"bytes\":5000000000,"
		"\"elapsed_ms\":78,\"round_trips\":6,\"recipients\":["
		"{\"address\":\"a@example.org\",\"outcome\":\"sent\","
		"\"stage\":\"message\",\"code\":250,\"enhanced\":\"2.0.0\","
		"\"text\":\"2.0.0 queued as 7\"},"
		"{\"address\":\"\\\"b\\u0009c\\\"@example.org\","
		"\"outcome\":\"failed\",\"stage\":\"RCPT TO\",\"code\":550,"
		"\"enhanced\":\"5.1.1\",\"text\":\"5.1.1 no such user\\n"
		"see \\\"help\\\"\"}]}\n");
	envelope_release(&e);

	buf_reset(&out);
	refused(&e, &r);
	add_json(&out, &r);
	assert_string_equal(buf_cstr(&out),
		"{\"message_id\":null,\"account\":null,\"relay\":null,"
		"\"tls\":null,\"tls_resumed\":false,\"sasl\":null,\"result\":\"failed\","
		"\"exit_status\":78,\"error\":\"no 'host'\","
		"\"queue_id\":null,\"reply\":null,\"bytes\":0,"
		"\"elapsed_ms\":0,\"round_trips\":0,\"recipients\":[]}\n");
	envelope_release(&e);

	/* Without a code the last word is none, and a text is no reply. */
	buf_reset(&out);
	refused(&e, &r);
	r.final = &lost;
	envelope_add(&e, "a@example.org", "", "");
	envelope_settle(&e, &lost);
	add_json(&out, &r);
	assert_non_null(strstr(buf_cstr(&out), "\"reply\":null,"));
	assert_non_null(strstr(buf_cstr(&out), "\"outcome\":\"unknown\","
			       "\"stage\":\"message\",\"code\":null,"
			       "\"enhanced\":null,\"text\":\"lost\"}]}\n"));
	envelope_release(&e);
	buf_release(&out);
}

static void text(void **state)
{
	struct envelope e;
	struct report r;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	partial(&e, &r);
	report_text_head(&out, &r);
	report_text_rcpt(&out, &r, 0);
	report_text_rcpt(&out, &r, 1);
	assert_string_equal(buf_cstr(&out),
		"partial: <1@example.net> by smtp.example.org:465, TLS1.3, "
		"PLAIN, 5000000000 octets, 78 ms, 6 round trips\n"
		"sent: a@example.org: 250 2.0.0 queued as 7\n"
		"failed: \"b\\x09c\"@example.org: 550 5.1.1 no such user / "
		"see \"help\"\n");
	envelope_release(&e);

	buf_reset(&out);
	refused(&e, &r);
	r.error = "no 'host' \\ \xe2\x80\xae";
	envelope_add(&e, "a@example.org", "", "");
	envelope_settle(&e, &lost);
	report_text_head(&out, &r);
	report_text_rcpt(&out, &r, 0);
	assert_string_equal(buf_cstr(&out),
		"unknown: 0 octets, 0 ms, 0 round trips\n"
		"no 'host' \\ \\xe2\\x80\\xae\n"
		"unknown: a@example.org: lost\n");
	envelope_release(&e);
	buf_release(&out);
}

static void log_line(void **state)
{
	struct envelope e;
	struct report r;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	partial(&e, &r);
	report_log_rcpt(&out, &r, 1, false);
	assert_string_equal(buf_cstr(&out),
		"message_id=\"<1@example.net>\" from=\"me@example.net\" "
		"to=\"\\\"b\\u0009c\\\"@example.org\" "
		"account=work relay=smtp.example.org:465 outcome=failed "
		"stage=\"RCPT TO\" "
		"code=550 elapsed_ms=78 text=\"5.1.1 no such user\\n"
		"see \\\"help\\\"\"\n");
	envelope_release(&e);

	buf_reset(&out);
	refused(&e, &r);
	envelope_add(&e, "a@example.org", "", "");
	envelope_settle(&e, &lost);
	report_log_rcpt(&out, &r, 0, false);
	assert_string_equal(buf_cstr(&out),
		"message_id=\"\" from=\"\" to=\"a@example.org\" relay=none "
		"outcome=unknown stage=\"message\" code=0 elapsed_ms=0 "
		"text=\"lost\"\n");
	buf_reset(&out);
	r.queue_id = "abc";
	r.delay = 7;
	report_log_rcpt(&out, &r, 0, true);
	assert_string_equal(buf_cstr(&out),
		"{\"queue_id\":\"abc\",\"message_id\":\"\",\"delay\":7,"
		"\"from\":\"\",\"to\":\"a@example.org\",\"relay\":\"none\","
		"\"outcome\":\"unknown\",\"stage\":\"message\",\"code\":0,"
		"\"elapsed_ms\":0,\"text\":\"lost\"}\n");
	envelope_release(&e);
	buf_release(&out);
}

static const struct {
	enum stage stage;
	int code;
	const char *text, *addr, *line;
} verdicts[] = {
	{ STAGE_RCPT, 550, "5.1.1 no such user", "b@example.org",
	  "RCPT TO:<b@example.org>: 550 5.1.1 no such user" },
	{ STAGE_RCPT, 450, "later", "", "RCPT TO: 450 later" },
	{ STAGE_MAIL, 501, "bad", "", "MAIL FROM: 501 bad" },
	{ STAGE_CONTENT, 554, "no", "b@example.org",
	  "message for <b@example.org>: 554 no" },
	{ STAGE_AUTH, 0, "bad login", "", "AUTH: bad login" },
	{ STAGE_LOCAL, 0, "not ASCII", "b@example.org",
	  "<b@example.org>: not ASCII" },
	{ STAGE_LOCAL, 0, "too large", "", "too large" },
	{ STAGE_CONNECT, 0, "cannot connect", "", "cannot connect" },
	{ STAGE_CONNECT, 0, "cannot connect", "b@example.org",
	  "<b@example.org>: cannot connect" },
	{ STAGE_GREETING, 554, "one\ntwo \n three", "",
	  "greeting: 554 one / two / three" },
	{ STAGE_GREETING, 554, "one\n\ntwo\n", "", "greeting: 554 one /  / two" },
	{ STAGE_GREETING, 421, "", "", "greeting: 421" },
	{ STAGE_RCPT, 550, "\x1b[2J\xe2\x80\xae\\", "a\x9b@b",
	  "RCPT TO:<a\\x9b@b>: 550 \\x1b[2J\\xe2\\x80\\xae\\\\" },
};

static void lines_on_verdicts(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		struct verdict v = { .outcome = OUTCOME_FAILED,
			.stage = verdicts[i].stage, .code = verdicts[i].code,
			.text = str_of(verdicts[i].text) };

		report_verdict(&out, &v, verdicts[i].addr);
		if (strcmp(buf_cstr(&out), verdicts[i].line) != 0)
			fail_msg("'%s' is not '%s'", buf_cstr(&out),
				 verdicts[i].line);
		buf_reset(&out);
	}
	buf_release(&out);
}

/* Two relays had their say: whose word each recipient has is told. */
static void others(void **state)
{
	struct report_tried tried[] = { { "own", "a.example:465", &late } };
	struct envelope e;
	struct report r;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	partial(&e, &r);
	assert_string_equal(report_by(&r, 1).relay, "smtp.example.org:465");
	e.verdicts[e.rcpt[0].verdict].via = 1;
	r.tried = tried;
	r.n_tried = 1;
	assert_string_equal(report_by(&r, 0).account, "work");
	assert_string_equal(report_by(&r, 1).account, "own");
	report_json_head(&out, &r);
	report_json_rcpt(&out, &r, 1);
	assert_non_null(strstr(buf_cstr(&out), "\"tried\":[{\"account\":"
		"\"own\",\"relay\":\"a.example:465\",\"error\":"
		"\"RCPT TO: 450 later\"}],"));
	assert_non_null(strstr(buf_cstr(&out), "\"account\":\"own\","
		"\"relay\":\"a.example:465\",\"code\":550"));
	buf_reset(&out);
	report_log_rcpt(&out, &r, 1, false);
	assert_non_null(strstr(buf_cstr(&out),
			       " account=own relay=a.example:465 "));
	envelope_release(&e);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_strings),
		cmocka_unit_test(json_of_any_octets),
		cmocka_unit_test(results),
		cmocka_unit_test(json),
		cmocka_unit_test(text),
		cmocka_unit_test(log_line),
		cmocka_unit_test(lines_on_verdicts),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
