#include "smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LOG_MAX = 1 << 20 };

/* What is fed, and what comes of it: "code text;" each, "!why" at the end. */
static const struct {
	const char *in;
	size_t n;		/* octets, if not up to the NUL */
	const char *want;
} rows[] = {
	{ "250 ok\r\n", 0, "250 ok;" },
	{ "250 ok\n", 0, "250 ok;" },
	{ "250\r\n", 0, "250 ;" },
	{ "250 \r\n", 0, "250 ;" },
	{ "250  two\r\n", 0, "250  two;" },
	{ "250-a\r\n250-b\r\n250 c\r\n", 0, "250 a\nb\nc;" },
	{ "250-a\n250\n", 0, "250 a\n;" },
	{ "250-\r\n250 \r\n", 0, "250 \n;" },
	{ "250-250 x\r\n250 y\r\n", 0, "250 250 x\ny;" },
	{ "220 a\r\n250-b\r\n250 c\r\n354 d\r\n", 0, "220 a;250 b\nc;354 d;" },
	{ "599 x\r\n200 y\r\n", 0, "599 x;200 y;" },
	{ "250 a\rb\r\n", 0, "250 a\rb;" },
	{ "250 a\r\r\n", 0, "250 a\r;" },
	{ "250 \xff\xfe\r\n", 0, "250 \xff\xfe;" },
	{ "250 part", 0, "..." },
	{ "250-a\r\n", 0, "..." },
	{ "2", 0, "..." },
	{ "250 a\r\n2", 0, "250 a;..." },
	{ "", 0, "" },
	{ "250-a\r\n550 b\r\n", 0, "!two different codes" },
	{ "250-a\r\n250\tb\r\n", 0, "!reply code" },
	{ "22 hi\r\n", 0, "!reply code" },
	{ "2200 x\r\n", 0, "!reply code" },
	{ "25a x\r\n", 0, "!reply code" },
	{ "+OK\r\n", 0, "!reply code" },
	{ "\r\n", 0, "!reply code" },
	{ "\n", 0, "!reply code" },
	{ " 250 a\r\n", 0, "!reply code" },
	{ "199 a\r\n", 0, "!reply code" },
	{ "600 a\r\n", 0, "!reply code" },
	{ "000 a\r\n", 0, "!reply code" },
	{ "-50 a\r\n", 0, "!reply code" },
	{ "250_a\r\n", 0, "!reply code" },
	{ "250 a\0b\r\n", 9, "!NUL" },
	{ "\0", 1, "!NUL" },
	{ "250 ok\r\nrubbish\r\n", 0, "250 ok;!reply code" },
};

/* Feed what is in `in`, log what comes; false after something bad. */
static bool feed(struct reply *r, struct str in, struct buf *log)
{
	while (in.n) switch (reply_feed(r, &in)) {
	case REPLY_MORE:
		assert_int_equal(in.n, 0);
		break;
	case REPLY_DONE:
		buf_addf(log, "%d %.*s;", r->code, (int)r->text.len,
			 r->text.len ? r->text.p : "");
		assert_false(reply_begun(r));
		break;
	case REPLY_BAD:
		buf_addf(log, "!%s", r->why);
		return false;
	}
	return true;
}

static bool matches(struct str want, struct str got)
{
	while (want.n && *want.p != '!' && got.n && *want.p == *got.p) {
		want.p++, want.n--;
		got.p++, got.n--;
	}
	if (want.n > 1 && *want.p == '!' && got.n && *got.p == '!')
		return memmem(got.p, got.n, want.p + 1, want.n - 1);
	return !want.n && !got.n;
}

static void every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = rows[i].n ? rows[i].n : strlen(rows[i].in);

		for (size_t cut = 0; cut <= n; cut++) {
			struct reply r;
			struct buf log;

			reply_init(&r);
			buf_init(&log, LOG_MAX);
			if (feed(&r, (struct str){ rows[i].in, cut }, &log) &&
			    feed(&r, (struct str){ rows[i].in + cut, n - cut },
				 &log) && reply_begun(&r))
				buf_addz(&log, "...");
			if (!matches(str_of(rows[i].want), buf_str(&log)))
				fail_msg("row %zu cut at %zu: '%s'", i, cut,
					 buf_cstr(&log));
			reply_release(&r);
			buf_release(&log);
		}
	}
}

/* `lines` lines of `length` octets each without their line end. */
static enum reply_status long_reply(size_t lines, size_t length,
				    const char **why)
{
	static char line[REPLY_LINE_MAX + 10];
	enum reply_status status = REPLY_MORE;
	struct reply r;

	reply_init(&r);
	memset(line, 'x', sizeof(line));
	line[length] = '\n';
	for (size_t i = 0; i < lines && status == REPLY_MORE; i++) {
		struct str in = { line, length + 1 };

		memcpy(line, i + 1 < lines ? "250-" : "250 ", 4);
		status = reply_feed(&r, &in);
	}
	*why = status == REPLY_BAD ? r.why : "";
	reply_release(&r);
	return status;
}

static void ceilings(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(long_reply(1, REPLY_LINE_MAX, &why), REPLY_DONE);
	assert_int_equal(long_reply(1, REPLY_LINE_MAX + 1, &why), REPLY_BAD);
	assert_string_equal(why, "a line is over 4096 octets");
	assert_int_equal(long_reply(REPLY_LINES_MAX, 10, &why), REPLY_DONE);
	assert_int_equal(long_reply(REPLY_LINES_MAX + 1, 10, &why), REPLY_BAD);
	assert_string_equal(why, "a reply has over 128 lines");
	/* 64 lines of 1023 and the LF between them are 65535 octets. */
	assert_int_equal(long_reply(64, 4 + 1023, &why), REPLY_DONE);
	assert_int_equal(long_reply(64, 4 + 1024, &why), REPLY_BAD);
	assert_string_equal(why, "a reply is over 64 KiB");
}

/* The ceilings are for one reply, not for all of them. */
static void many_replies(void **state)
{
	struct reply r;

	(void)state;
	reply_init(&r);
	for (int i = 0; i < 3 * REPLY_LINES_MAX; i++) {
		struct str in = STR("250 ok\r\n");

		assert_int_equal(reply_feed(&r, &in), REPLY_DONE);
		assert_int_equal(r.text.len, 2);
	}
	reply_release(&r);
}

/* A reply stays valid until the next feed; a rest is the caller's. */
static void the_rest(void **state)
{
	struct str in = STR("250-a\r\n250 b\r\n220 c\r\n");
	struct reply r;

	(void)state;
	reply_init(&r);
	assert_int_equal(reply_feed(&r, &in), REPLY_DONE);
	assert_true(str_eq(in, STR("220 c\r\n")));
	assert_string_equal(buf_cstr(&r.text), "a\nb");
	assert_int_equal(reply_feed(&r, &in), REPLY_DONE);
	assert_int_equal(in.n, 0);
	assert_string_equal(buf_cstr(&r.text), "c");
	reply_release(&r);
}

static const struct {
	int code;
	const char *text, *want;
} codes[] = {
	{ 250, "2.1.0 ok", "2.1.0" },
	{ 250, "2.1.0", "2.1.0" },
	{ 250, "2.1.0\nmore", "2.1.0" },
	{ 550, "5.1.1 no", "5.1.1" },
	{ 450, "4.999.999 no", "4.999.999" },
	{ 550, "5.1.1000 no", "" },
	{ 550, "5.1000.1 no", "" },
	{ 550, "4.1.1 another class", "" },
	{ 250, "5.1.1 another class", "" },
	{ 354, "3.0.0 go", "3.0.0" },
	{ 550, "5.1 no", "" },
	{ 550, "5.1. no", "" },
	{ 550, "5..1 no", "" },
	{ 550, "5.1.1.1 no", "" },
	{ 550, "5.1.1:no", "" },
	{ 550, "5.1.", "" },
	{ 550, "5.1", "" },
	{ 550, "5-1.1 no", "" },
	{ 550, "5.12.", "" },
	{ 550, "x5.1.1", "" },
	{ 550, " 5.1.1", "" },
	{ 550, "", "" },
};

static void enhanced(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		char got[12];

		reply_enhanced(codes[i].code, str_of(codes[i].text), got);
		if (strcmp(got, codes[i].want))
			fail_msg("%d %s: '%s'", codes[i].code, codes[i].text,
				 got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut),
		cmocka_unit_test(ceilings),
		cmocka_unit_test(many_replies),
		cmocka_unit_test(the_rest),
		cmocka_unit_test(enhanced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
