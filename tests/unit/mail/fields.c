#include "mail/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *list, *want;	/* NULL: refused */
} lists[] = {
	{ "a@example.org", "To: a@example.org\r\n" },
	{ " Jane Doe <a@example.org>;b@example.com ", "To: Jane Doe <a@example.org>, b@example.com\r\n" },
	{ "\"Doe, J.\" <a@example.org>", "To: \"Doe, J.\" <a@example.org>\r\n" },
	{ "J\xc3\xb6rg <j@example.org>", "To: =?UTF-8?B?SsO2cmc=?= <j@example.org>\r\n" },
	{ "=?UTF-8?Q?x?= <j@example.org>", "To: =?UTF-8?B?PT9VVEYtOD9RP3g/PQ==?= <j@example.org>\r\n" },
	{ "root, cron", "To: root@host.example, cron@host.example\r\n" },
	{ "a@b\xc3\xbc" "cher.example", "To: a@xn--bcher-kva.example\r\n" },
	{ "\xc3\xa9@b\xc3\xbc" "cher.example", "To: \xc3\xa9@b\xc3\xbc" "cher.example\r\n" },
	{ "Team: a@b.example, c@d.example;", "To: a@b.example, c@d.example\r\n" },
	{ "undisclosed-recipients:;", "To: undisclosed-recipients:;\r\n" },
	{ "first.long.address@example.org, second.long.address@example.org,c@d.example",
	  "To: first.long.address@example.org, second.long.address@example.org,\r\n"
	  " c@d.example\r\n" },
	{ "a@first.long.domain.example, Someone With A Rather Long Name <b@second.example>",
	  "To: a@first.long.domain.example,\r\n"
	  " Someone With A Rather Long Name <b@second.example>\r\n" },
	{ "Someone With A Name That Is Nearly As Long As A Line Of Mail Can Be <b@second.example>",
	  "To: Someone With A Name That Is Nearly As Long As A Line Of Mail Can Be\r\n"
	  " <b@second.example>\r\n" },
	{ "", NULL }, { ",", NULL }, { "<>", NULL }, { "a@b.example, <>", NULL },
	{ "a b c", NULL }, { "a@b.example\r\n c@d.example", NULL },
	{ "a\x01@b", NULL }, { "\xff <a@b.example>", NULL }, { "a@\xc3\xa9-.example", NULL },
	{ "a@", NULL },
};

static void writes_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int ret;

		buf_init(&out, 10000);
		ret = fields_addresses(&out, STR("To"), str_of(lists[i].list),
				       "host.example", &err);
		if (lists[i].want ? ret || strcmp(buf_cstr(&out), lists[i].want)
				  : !ret || err.kind != ERROR_DATA ||
				    strncmp(err.text, "To", 2))
			fail_msg("'%s': %d '%s' %s", lists[i].list, ret,
				 buf_cstr(&out), err.text);
		buf_release(&out);
	}
}

static void without_mailname(void **state)
{
	struct error err;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(fields_addresses(&out, STR("Cc"), STR("root"), "",
					  &err), 0);
	assert_string_equal(buf_cstr(&out), "Cc: root\r\n");
	buf_release(&out);
}

static const struct {
	const char *header, *want;	/* NULL: refused */
} headers[] = {
	{ "X-Test: a b", "X-Test: a b\r\n" },
	{ "X-Test:a", "X-Test: a\r\n" },
	{ "X-Test :  a ", "X-Test: a\r\n" },
	{ "X-Test:", "X-Test:\r\n" },
	{ "X-Test: \xc3\xb6\xc3\xb6", "X-Test: =?UTF-8?B?w7bDtg==?=\r\n" },
	{ "subject: \xc3\xb6\xc3\xb6", "subject: =?UTF-8?B?w7bDtg==?=\r\n" },
	{ "From: J\xc3\xb6rg <j@example.org>", "From: =?UTF-8?B?SsO2cmc=?= <j@example.org>\r\n" },
	{ "Date: Sat, 21 Nov 2026 20:35:32 +0000", "Date: Sat, 21 Nov 2026 20:35:32 +0000\r\n" },
	{ "Message-ID: a@b", "Message-ID: <a@b>\r\n" },
	{ "References: <a@b>\t<c@d> e@f", "References: <a@b> <c@d> <e@f>\r\n" },
	{ "References: <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b> <ccccccccccccccccccccccccccccccccccccccc@d>",
	  "References: <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@b>\r\n"
	  " <ccccccccccccccccccccccccccccccccccccccc@d>\r\n" },
	{ "Bcc: a@example.org", NULL }, { "resent-bcc: a@example.org", NULL },
	{ "X-Test: a\nBcc: b", NULL }, { "X-Test: a\rb", NULL }, { "X-Test: \x1b", NULL },
	{ "X-Test: \xff", NULL }, { "X Test: a", NULL }, { "X-Test", NULL }, { ": a", NULL },
	{ "\xc3\xa9: a", NULL }, { "", NULL },
	{ "Content-Type: text/html", NULL }, { "mime-version: 2", NULL },
	{ "Content-Transfer-Encoding: 8bit", NULL }, { "Content-ID: <a@b>", NULL },
	{ "Date: \xc3\xa9", NULL }, { "Message-ID: a b\xc3\xa9", NULL }, { "Message-ID:", NULL },
	{ "References: <a", NULL }, { "From: nobody is", NULL }, { "To:", NULL },
};

static void writes_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		struct str header = str_of(headers[i].header);
		struct compose c = { .header = &header, .n_header = 1,
				     .mailname = "host.example" };
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int ret;

		buf_init(&out, 10000);
		ret = fields_add(&out, &c, &err);
		if (headers[i].want ? ret || strcmp(buf_cstr(&out),
						    headers[i].want)
				    : !ret || err.kind != ERROR_DATA)
			fail_msg("'%s': %d '%s' %s", headers[i].header, ret,
				 buf_cstr(&out), err.text);
		assert_false(str_has_ctl(str_of(err.text)));
		buf_release(&out);
	}
}

static void all_of_them(void **state)
{
	struct str header[] = { STR("X-A: 1"), STR("x-a: 2"),
				STR("SUBJECT: mine"), STR("From: me@d.example") };
	struct compose c = {
		.subject = STR("yours"), .to = STR("a@b.example"),
		.cc = STR("c@d.example"), .reply_to = STR("e@f.example"),
		.in_reply_to = STR("<1@x>"), .header = header, .n_header = 4,
		.mailname = "",
	};
	struct error err = { ERROR_NONE, "" };
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(fields_add(&out, &c, &err), 0);
	assert_string_equal(buf_cstr(&out),
		"Reply-To: e@f.example\r\nTo: a@b.example\r\n"
		"Cc: c@d.example\r\nIn-Reply-To: <1@x>\r\n"
		"References: <1@x>\r\nX-A: 1\r\nx-a: 2\r\n"
		"SUBJECT: mine\r\nFrom: me@d.example\r\n");
	header[0] = STR("Subject: twice");
	assert_int_equal(fields_add(&out, &c, &err), -1);
	assert_string_equal(err.text, "SUBJECT is given twice");
	buf_release(&out);
}

static void long_subjects(void **state)
{
	struct compose c = { .mailname = "" };
	struct error err = { ERROR_NONE, "" };
	struct buf subject, out;
	struct str rest;

	(void)state;
	buf_init(&subject, 100000);
	buf_init(&out, 100000);
	for (int i = 0; i < 3000; i++)
		buf_addch(&subject, i == 1500 ? ' ' : 'a');
	c.subject = buf_str(&subject);
	assert_int_equal(fields_add(&out, &c, &err), 0);
	rest = buf_str(&out);
	while (rest.n)
		assert_in_range(str_cut(&rest, '\n').n, 1, 999);
	buf_release(&subject);
	buf_release(&out);
}

/* Each limit, and one octet over it. */
static void limits(void **state)
{
	char text[1000];

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct str header;
		struct compose c = { .header = &header, .n_header = 1,
				     .mailname = "" };
		struct error err = { ERROR_NONE, "" };
		struct buf out;

		buf_init(&out, 10000);
		memset(text, 'a', sizeof(text));
		memcpy(text, "Message-ID: ", 12);
		header = (struct str){ text, 12 + 900 + n };
		assert_int_equal(fields_add(&out, &c, &err), n ? -1 : 0);
		memset(text, 'a', 70 + n);
		text[70 + n] = ':';
		header.n = 71 + n;
		assert_int_equal(fields_add(&out, &c, &err), n ? -1 : 0);
		buf_reset(&out);
		/* "To: b@c, " is 9, and a comma may follow. */
		memset(text, 'a', sizeof(text));
		memcpy(text, "b@c, ", 5);
		memcpy(text + 5 + 66 + n, "@d", 2);
		assert_int_equal(fields_addresses(&out, STR("To"),
			(struct str){ text, 5 + 68 + n }, "", &err), 0);
		assert_int_equal(strstr(buf_cstr(&out), ",\r\n") != NULL, n);
		buf_release(&out);
	}
}

static void says_what(void **state)
{
	static const struct {
		const char *header, *want;
	} c[] = {
		{ "X-A: a\nb", "X-A has a line break in it" },
		{ "X-A: a\rb", "X-A has a line break in it" },
		{ "X-A: a\x01", "X-A has a control byte in it" },
		{ "X-A: \xff", "X-A is not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct str header = str_of(c[i].header);
		struct compose compose = { .header = &header, .n_header = 1,
					   .mailname = "" };
		struct error err;
		struct buf out;

		buf_init(&out, 100);
		assert_int_equal(fields_add(&out, &compose, &err), -1);
		assert_string_equal(err.text, c[i].want);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_lists),
		cmocka_unit_test(without_mailname),
		cmocka_unit_test(writes_headers),
		cmocka_unit_test(all_of_them),
		cmocka_unit_test(long_subjects),
		cmocka_unit_test(limits),
		cmocka_unit_test(says_what),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
