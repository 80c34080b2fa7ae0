#include "mail/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define E "\xc3\xa9"

static const struct flat_row {
	const char *text, *plain, *ascii;
} flats[] = {
	{ "", "", "" },
	{ "a", "a", "a" },
	{ " \r\n\t ", "", "" },
	{ " a  b\r\n c\t", "a b c", "a b c" },
	{ "a\\b~", "a\\b~", "a\\b~" },
	{ "caf" E, "caf" E, "caf\\xc3\\xa9" },
	{ "\xe9", "\\xe9", "\\xe9" },
	{ "\33[0m\x7f", "\\x1b[0m\\x7f", "\\x1b[0m\\x7f" },
	{ "\xe2\x80\xae", "\\xe2\\x80\\xae", "\\xe2\\x80\\xae" },
	{ "a\r\n.\r\nb", "a . b", "a . b" },
};

static void flat_is_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(flats) / sizeof(*flats); i++) {
		const struct flat_row *row = &flats[i / 2];
		const char *want = i % 2 ? row->ascii : row->plain;
		struct buf out;

		buf_init(&out, 1000);
		notice_flat(&out, str_of(row->text), i % 2);
		if (strcmp(buf_cstr(&out), want))
			fail_msg("'%s': '%s', not '%s'", row->text,
				 buf_cstr(&out), want);
		buf_release(&out);
	}
}

static void fold_at_blanks(void **state)
{
	static const struct {
		size_t words, len, col;	/* so many words of that length */
		size_t lines, longest;	/* octets of a line but the first */
	} rows[] = {
		{ 0, 0, 0, 1, 0 }, { 1, 5, 0, 1, 0 }, { 1, 76, 70, 1, 0 },
		{ 2, 38, 0, 2, 39 }, { 2, 37, 0, 1, 0 }, { 2, 37, 1, 1, 0 },
		{ 2, 37, 2, 2, 38 }, { 30, 9, 0, 5, 70 }, { 1, 900, 0, 1, 0 },
		{ 1, 901, 0, 2, 2 }, { 1, 2700, 0, 3, 901 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t lines = 0, longest = 0;
		struct buf text, out;
		struct str rest;

		buf_init(&text, 10000);
		buf_init(&out, 10000);
		for (size_t k = 0; k < rows[i].words * (rows[i].len + 1); k++)
			buf_addch(&text, (k + 1) % (rows[i].len + 1) ? 'w' : ' ');
		notice_fold(&out, str_trim(buf_str(&text)), rows[i].col, " ");
		for (rest = buf_str(&out); rest.n; lines++) {
			struct str line = str_cut(&rest, '\n');

			assert_int_equal(line.n && line.p[line.n - 1] == '\r', 1);
			if (lines && line.n - 1 > longest)
				longest = line.n - 1;
			assert_true(!lines || line.p[0] == ' ');
		}
		if (lines != rows[i].lines || longest != rows[i].longest)
			fail_msg("row %zu: %zu lines, longest %zu:\n%s", i,
				 lines, longest, buf_cstr(&out));
		buf_release(&text);
		buf_release(&out);
	}
}

static void cut_between_characters(void **state)
{
	static const struct { const char *text; size_t max, want; } rows[] = {
		{ "abc", 3, 3 }, { "abc", 2, 2 }, { "abc", 0, 0 },
		{ "a" E "b", 2, 1 }, { "a" E "b", 3, 3 },
		{ "\xf0\x9f\x92\x8c", 3, 0 }, { "a\xf0\x9f\x92\x8c", 4, 1 },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80", 7, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (notice_cut(str_of(rows[i].text), rows[i].max).n !=
		    rows[i].want)
			fail_msg("row %zu: %zu", i,
				 notice_cut(str_of(rows[i].text), rows[i].max).n);
}

static void replies_are_limited(void **state)
{
	static char long_text[5000];
	struct verdict v = { .text = { long_text, sizeof(long_text) } };

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	assert_int_equal(notice_reply(&v, 0).n, 2000);
	assert_int_equal(notice_reply(&v, 99).n, 2000);
	assert_int_equal(notice_reply(&v, 100).n, 200);
}

static void hosts_can_be_told(void **state)
{
	(void)state;
	assert_true(notice_host("smtp.example.org"));
	assert_true(notice_host("192.0.2.1"));
	assert_true(notice_host("[2001:db8::1]:25"));
	assert_false(notice_host(""));
	assert_false(notice_host("/run/x"));
	assert_false(notice_host("a b"));
	assert_false(notice_host("a\r\nStatus:"));
	assert_false(notice_host(E));
}

/* -- advice ------------------------------------------------------------------ */

static void advice_fits(void **state)
{
	static const struct {
		enum outcome outcome;
		enum dsn_action action;
		int code;
		const char *enhanced, *has;
	} rows[] = {
		{ OUTCOME_FAILED, DSN_FAILED, 550, "5.1.1", "right one." },
		{ OUTCOME_FAILED, DSN_FAILED, 550, "5.1.8", "The sender's address is not known" },
		{ OUTCOME_FAILED, DSN_FAILED, 553, "5.1.7", "The sender's address is not valid" },
		{ OUTCOME_FAILED, DSN_FAILED, 550, "5.2.1", "mailbox is closed" },
		{ OUTCOME_FAILED, DSN_FAILED, 552, "5.2.2", "mailbox is full" },
		{ OUTCOME_DEFERRED, DSN_FAILED, 452, "4.2.2", "mailbox is full" },
		{ OUTCOME_FAILED, DSN_FAILED, 552, "5.2.3", "large for the mailbox" },
		{ OUTCOME_FAILED, DSN_FAILED, 552, "5.3.4", "large for the relay" },
		{ OUTCOME_FAILED, DSN_FAILED, 554, "5.6.1", "cannot take: send it" },
		{ OUTCOME_FAILED, DSN_FAILED, 554, "5.7.1", "rules do not allow it" },
		{ OUTCOME_FAILED, DSN_FAILED, 554, "", "quote it." },
		{ OUTCOME_DEFERRED, DSN_FAILED, 451, "", "trouble is over" },
		{ OUTCOME_UNKNOWN, DSN_FAILED, 0, "", "may have arrived" },
		{ OUTCOME_UNKNOWN, DSN_DELAYED, 0, "", "do not send it again" },
		{ OUTCOME_SENT, DSN_RELAYED, 250, "2.0.0", "tell what becomes of it" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct verdict v = { .outcome = rows[i].outcome,
				     .code = rows[i].code, .text = STR("why") };
		struct dsn_rcpt r = { rows[i].action, "b@c", "", "", &v, 0, 0 };
		struct message m = { .n_piece = 0 };
		struct dsn d = { .mailname = "h", .original = &m, .rcpt = &r,
				 .n_rcpt = 1 };
		struct buf text;

		snprintf(v.enhanced, sizeof(v.enhanced), "%s", rows[i].enhanced);
		buf_init(&m.head, 10);
		buf_init(&text, 10000);
		notice_text(&text, &d, false);
		if (!strstr(buf_cstr(&text), rows[i].has))
			fail_msg("row %zu: no '%s' in\n%s", i, rows[i].has,
				 buf_cstr(&text));
		buf_release(&text);
	}
}

/* Failures come first, and the same reason is given once for neighbours. */
static void sections(void **state)
{
	struct verdict no = { .outcome = OUTCOME_FAILED, .code = 550,
			      .text = STR("no") };
	struct verdict late = { .outcome = OUTCOME_DEFERRED, .code = 451,
				.text = STR("later") };
	const struct dsn_rcpt r[] = {
		{ DSN_DELAYED, "d@e", "", "x", &late, 0, 0 },
		{ DSN_FAILED, "a@e", "", "x", &no, 0, 0 },
		{ DSN_FAILED, "b@e", "", "x", &no, 0, 0 },
		{ DSN_FAILED, "c@e", "", "y", &no, 0, 0 },
		{ DSN_DELAYED, "f@e", "", "y", &no, 0, 0 },
	};
	struct message m = { .n_piece = 0 };
	struct dsn d = { .mailname = "h", .original = &m, .rcpt = r, .n_rcpt = 5 };
	struct buf text;

	(void)state;
	buf_init(&m.head, 10);
	buf_init(&text, 10000);
	notice_text(&text, &d, false);
	assert_non_null(strstr(buf_cstr(&text), "\r\n\r\n"
		"Not delivered to:\r\n\r\n"
		"  <a@e>\r\n"
		"  <b@e>\r\n"
		"    was refused, at x:\r\n"
		"        550 no\r\n"
		"    If the reply does not say what to do, ask the operator of the relay, and\r\n"
		"    quote it.\r\n\r\n"
		"  <c@e>\r\n"
		"    was refused, at y:\r\n        550 no\r\n"));
	assert_non_null(strstr(buf_cstr(&text), "\r\n\r\nNot delivered yet to:\r\n\r\n  <d@e>\r\n"
		"    could not be delivered yet, at x:\r\n        451 later\r\n"
		"    There is nothing you need to do: do not send it again.\r\n\r\n"
		"  <f@e>\r\n"
		"    could not be delivered yet, at y:\r\n        550 no\r\n"
		"    There is nothing you need to do: do not send it again.\r\n\r\n"
		"The header of the message is attached.\r\n"));
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flat_is_one_line),
		cmocka_unit_test(fold_at_blanks),
		cmocka_unit_test(cut_between_characters),
		cmocka_unit_test(replies_are_limited),
		cmocka_unit_test(hosts_can_be_told),
		cmocka_unit_test(advice_fits),
		cmocka_unit_test(sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
