#include "mail/complete.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/header.h"

#define GEN_DATE "Date: Sat, 21 Nov 2026 20:35:32 +0000\r\n"
#define GEN_ID "Message-ID: <0123456789abcdef@example.net>\r\n"
#define GEN_FROM "From: Test User <e@example.net>\r\n"
#define GEN GEN_FROM GEN_DATE GEN_ID
#define HAS "From: x@y\r\nDate: d\r\nMessage-ID: <x@y>\r\n"
#define RESENT_FROM "Resent-From: Test User <e@example.net>\r\n"
#define RESENT_DATE "Resent-Date: Sat, 21 Nov 2026 20:35:32 +0000\r\n"
#define RESENT_ID "Resent-Message-ID: <0123456789abcdef.r@example.net>\r\n"

static struct completion completion(void)
{
	return (struct completion){ .sender = "e@example.net",
		.login = "tester@host.example.net", .name = "Test User",
		.mailname = "host.example.net", .unique = "0123456789abcdef",
		.now = 1795293332 };
}

static const struct {
	const char *head, *want, *id;
} rows[] = {
	{ "", GEN, "<0123456789abcdef@example.net>" },
	{ "Subject: s\r\n", "Subject: s\r\n" GEN, NULL },
	{ HAS, HAS, "<x@y>" },
	{ "message-id : (c)\r\n\t<a@b> junk\r\n",
	  "message-id : (c)\r\n\t<a@b> junk\r\n" GEN_FROM GEN_DATE, "<a@b>" },
	{ "Message-ID: odd\r\n", "Message-ID: odd\r\n" GEN_FROM GEN_DATE,
	  "odd" },
	{ "Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n",
	  "Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n" GEN_FROM GEN_DATE,
	  "<a@b>" },
	{ "From: \r\nTo: a\r\n", "To: a\r\n" GEN, NULL },
	{ "fRoM \t:\r\n \r\nTo: a\r\n", "To: a\r\n" GEN, NULL },
	{ "From:\r\nFrom: a@b\r\n", "From:\r\nFrom: a@b\r\n" GEN_DATE GEN_ID,
	  NULL },
	{ "From: undisclosed:;\r\n", "From: undisclosed:;\r\n" GEN_DATE GEN_ID,
	  NULL },
	{ "Date:\r\nMessage-Id: \r\nX: y\r\n", "X: y\r\n" GEN, NULL },
	{ "From: me@example.net\r\nBcc: b@example.org,\r\n  c@example.org\r\n"
	  "Subject: s\r\n",
	  "From: me@example.net\r\nSubject: s\r\n" GEN_DATE GEN_ID, NULL },
	{ "Bcc :a\r\nBCC\t:b\r\nReturn-Path: <r>\r\nContent-Length: 8\r\n"
	  "return-path:\r\n x\r\nTo: a\r\nbcc: c", "To: a\r\n" GEN, NULL },
	/* resent */
	{ "Resent-From: r@x\r\nResent-To: n@x\r\nResent-Bcc: b@x\r\n" HAS
	  "Bcc: b\r\n",
	  RESENT_DATE RESENT_ID "Resent-From: r@x\r\nResent-To: n@x\r\n" HAS,
	  "<x@y>" },
	{ "Received: r\r\nResent-To: n@x\r\n" HAS,
	  "Received: r\r\n" RESENT_FROM RESENT_DATE RESENT_ID
	  "Resent-To: n@x\r\n" HAS, NULL },
	{ "Resent-From: r@x\r\nResent-Date: d\r\nResent-Message-ID: <i@x>\r\n"
	  "Resent-To: a@x\r\n",
	  "Resent-From: r@x\r\nResent-Date: d\r\nResent-Message-ID: <i@x>\r\n"
	  "Resent-To: a@x\r\n" GEN, NULL },
	{ HAS "Resent-Bcc: b@x\r\n",
	  RESENT_FROM RESENT_DATE RESENT_ID HAS, NULL },
	{ "Resent-To: new@x\r\nResent-From: r@x\r\nResent-To: old@x\r\n"
	  "Resent-Date: d\r\nResent-Message-ID: <i@x>\r\n" HAS,
	  RESENT_DATE RESENT_ID "Resent-To: new@x\r\nResent-From: r@x\r\n"
	  "Resent-To: old@x\r\nResent-Date: d\r\n"
	  "Resent-Message-ID: <i@x>\r\n" HAS, NULL },
	{ "Resent-To: new@x\r\nReceived: r\r\nResent-From: r@x\r\n"
	  "Resent-Date: d\r\nResent-Message-ID: <i@x>\r\n" HAS,
	  RESENT_FROM RESENT_DATE RESENT_ID "Resent-To: new@x\r\n"
	  "Received: r\r\nResent-From: r@x\r\n"
	  "Resent-Date: d\r\nResent-Message-ID: <i@x>\r\n" HAS, NULL },
	{ "Resent-Reply-To: new@x\r\n" HAS, RESENT_FROM RESENT_DATE RESENT_ID
	  "Resent-Reply-To: new@x\r\n" HAS, NULL },
};

static void completes(void **state)
{
	struct completion c = completion();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct message m = { .n_piece = 0 };
		struct buf id;

		buf_init(&id, 1000);
		buf_init(&m.head, MESSAGE_HEAD_MAX);
		buf_addz(&m.head, rows[i].head);
		for (int twice = 0; twice < 2; twice++) {
			if (complete_message(&m, &c, &id, &err))
				fail_msg("'%s': %s", rows[i].head, err.text);
			if (strcmp(buf_cstr(&m.head), rows[i].want))
				fail_msg("'%s' is '%s', not '%s'",
					 rows[i].head, buf_cstr(&m.head),
					 rows[i].want);
			if (rows[i].id && strcmp(buf_cstr(&id), rows[i].id))
				fail_msg("'%s' has id '%s'", rows[i].head,
					 buf_cstr(&id));
		}
		buf_release(&m.head);
		buf_release(&id);
	}
}

static const struct {
	const char *sender, *name, *login, *mailname;
	const char *from, *id;	/* NULL: refused */
} makings[] = {
	{ "e@x.example", "Doe, Jane", "t@h.example", "h.example",
	  "\"Doe, Jane\" <e@x.example>", "@x.example>" },
	{ "", "CronDaemon", "t@h.example", "h.example",
	  "CronDaemon <t@h.example>", "@h.example>" },
	{ "e@x.example", "", "t@h.example", "h.example",
	  "e@x.example", "@x.example>" },
	{ "e@x.example", " ", "t@h.example", "h.example",
	  "e@x.example", "@x.example>" },
	{ "e@localhost", "J\xc3\xb6rg", "t@h.example", "h.example",
	  "=?UTF-8?B?SsO2cmc=?= <e@localhost>", "@h.example>" },
	{ "e@LocalHost.LocalDomain", "", "t@h", "localhost",
	  "e@LocalHost.LocalDomain", "@h>" },
	{ "e@[127.0.0.1]", "", "t", "", "e@[127.0.0.1]",
	  "@posthaste.invalid>" },
	{ "e", "", "t", "b\xc3\xbc.example", "e", "@xn--b-eha.example>" },
	{ "e@\xc3\xbc-.example", "", "t", "h.example", "e@\xc3\xbc-.example",
	  "@h.example>" },
	{ "e@x", "A\nBcc: e@x", "t", "h", NULL, NULL },
	{ "e@x", "x\r\nBcc: e@x", "t", "h", NULL, NULL },
	{ "e@x", "a\tb", "t", "h", NULL, NULL },
};

static void makes_from_and_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(makings) / sizeof(*makings); i++) {
		struct completion c = completion();
		struct error err = { ERROR_NONE, "" };
		struct message m = { .n_piece = 0 };
		struct header_field f;
		struct buf id;
		int bad;

		c.sender = makings[i].sender;
		c.name = makings[i].name;
		c.login = makings[i].login;
		c.mailname = makings[i].mailname;
		buf_init(&id, 1000);
		buf_init(&m.head, MESSAGE_HEAD_MAX);
		bad = complete_message(&m, &c, &id, &err);
		if (bad != (makings[i].from ? 0 : -1) ||
		    (bad && err.kind != ERROR_DATA))
			fail_msg("row %zu gives %d", i, bad);
		if (!bad) {
			assert_true(header_find(buf_str(&m.head), STR("From"),
						&f));
			f.value = str_trim(f.value);
			if (!str_eq(f.value, str_of(makings[i].from)))
				fail_msg("row %zu: '%.*s'", i, (int)f.value.n,
					 f.value.p);
			assert_string_equal(buf_cstr(&id) + 17, makings[i].id);
		}
		buf_release(&m.head);
		buf_release(&id);
	}
}

static void refuses_too_much(void **state)
{
	struct completion c = completion();
	struct error err = { ERROR_NONE, "" };
	struct message m = { .n_piece = 0 };
	struct buf id;

	(void)state;
	buf_init(&id, 1000);
	buf_init(&m.head, 50);
	buf_addz(&m.head, "A: b\r\n");
	assert_int_equal(complete_message(&m, &c, &id, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	buf_release(&m.head);
	buf_init(&m.head, MESSAGE_HEAD_MAX);
	for (int i = 0; i < 100000; i++)
		buf_addz(&m.head, "A: b\r\n");
	err.kind = ERROR_NONE;
	assert_int_equal(complete_message(&m, &c, &id, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	buf_release(&m.head);
	buf_release(&id);
}

static const struct {
	const char *head, *want;	/* NULL: refused... */
	const char *wrong;		/* ...with this in the text */
} recipients[] = {
	{ "", "", NULL },
	{ "From: me@x\r\nTo: from@x\r\nCc: c@x\r\nBcc: b@x\r\n",
	  "from@x c@x b@x", NULL },
	{ "To : a@example.org,\r\n\t\"Q, x\" <b@example.org> (c, d), "
	  "\"a b\"@example.org\r\nFrom: m@x\r\n",
	  "a@example.org b@example.org \"a b\"@example.org", NULL },
	{ "Bcc: b@x,\r\n  c@x\r\n", "b@x c@x", NULL },
	{ "To: undisclosed-recipients:;\r\nBcc: b@x\r\n", "b@x", NULL },
	{ "To: \r\n", "", NULL },
	{ "To: root\r\nTo: b@x\r\n", "root@h b@x", NULL },
	{ "To: a@x, A <a@X>\r\nCC: root, root@H\r\n", "a@x root@h", NULL },
	{ "Apparently-To: a@x\r\nReply-To: r@x\r\n", "", NULL },
	{ "Resent-From: r@x\r\nResent-To: n@x\r\nResent-Bcc: rb@x\r\n"
	  "To: a@x\r\nCc: c@x\r\nBcc: b@x\r\n", "n@x rb@x", NULL },
	{ "To: a@x\r\nResent-Cc: n@x\r\nX: y\r\nResent-To: m@x\r\n",
	  "n@x m@x", NULL },
	{ "Resent-From: r@x\r\nTo: a@x\r\n", "a@x", NULL },
	{ "Resent-To:\r\nTo: a@x\r\n", "", NULL },
	{ "To: a@x\r\nCc: unterminated <b@x\r\n", NULL, "Cc: bad address "
	  "'unterminated <b@x'" },
	{ "To: a@x,\r\n b c\r\n", NULL, "To: bad address 'b c'" },
	{ "Bcc: <>\r\n", NULL, "Bcc: " },
};

static void collects_recipients(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recipients) / sizeof(*recipients); i++) {
		struct error err = { ERROR_NONE, "" };
		struct roster to;
		struct buf got;
		int bad;

		buf_init(&got, 1000);
		roster_init(&to);
		bad = complete_recipients(str_of(recipients[i].head), "h", &to,
					  &err);
		for (size_t k = 0; k < to.n; k++)
			buf_addf(&got, "%s%s", k ? " " : "",
				 roster_get(&to, k));
		if (bad != (recipients[i].want ? 0 : -1))
			fail_msg("'%s' gives %d", recipients[i].head, bad);
		if (bad && !strstr(err.text, recipients[i].wrong))
			fail_msg("'%s': %s", recipients[i].head, err.text);
		if (!bad && strcmp(buf_cstr(&got), recipients[i].want))
			fail_msg("'%s' is '%s'", recipients[i].head,
				 buf_cstr(&got));
		roster_release(&to);
		buf_release(&got);
	}
}

static void many_recipients(void **state)
{
	struct roster to;
	struct error err;
	struct buf head;

	(void)state;
	buf_init(&head, MESSAGE_HEAD_MAX);
	roster_init(&to);
	buf_addz(&head, "To: user@example.org");
	for (int i = 0; i < 100000; i++)
		buf_addf(&head, ",\r\n \"User\" <user%d@example.org>", i);
	buf_addz(&head, "\r\n");
	assert_int_equal(complete_recipients(buf_str(&head), "h", &to, &err),
			 0);
	assert_int_equal(to.n, 100001);
	roster_release(&to);
	buf_release(&head);
}

static const struct {
	const char *head, *want;
	bool found;
	const char *wrong;
} senders[] = {
	{ "", "", false, NULL },
	{ "From: F <f@x>\r\n", "f@x", true, NULL },
	{ "From: root (Cron)\r\n", "root", true, NULL },
	{ "From:\r\n", "", false, NULL },
	{ "From: <>\r\n", "", false, NULL },
	{ "From: f@x, g@x\r\n", "f@x", true, NULL },
	{ "From: f@x, g@x\r\nSender: s@x\r\n", "s@x", true, NULL },
	{ "From: f@x, g@x\r\nSender:\r\n", "f@x", true, NULL },
	{ "From: f@x\r\nSender: s@x\r\n", "f@x", true, NULL },
	{ "Return-Path: <r@x>\r\nFrom: f@x\r\n", "r@x", true, NULL },
	{ "Return-Path: <>\r\nFrom: f@x\r\n", "", true, NULL },
	{ "Return-Path:\r\nFrom: f@x\r\n", "f@x", true, NULL },
	{ "Resent-From: q@x\r\nReturn-Path: <r@x>\r\nFrom: f@x\r\n", "q@x",
	  true, NULL },
	{ "Resent-From: q@x\r\nResent-Sender: s@x\r\n", "s@x", true, NULL },
	{ "Resent-To: t@x\r\nFrom: f@x\r\n", "", false, NULL },
	{ "From: f g\r\n", NULL, false, "From: bad address" },
	{ "From: f@x, g@x\r\nSender: a b\r\n", NULL, false, "Sender: bad" },
	{ "Return-Path: a b\r\n", NULL, false, "Return-Path: bad" },
};

static void finds_the_sender(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(senders) / sizeof(*senders); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		bool found = false;
		int bad;

		buf_init(&out, 1000);
		bad = complete_sender(str_of(senders[i].head), &out, &found,
				      &err);
		if (bad != (senders[i].want ? 0 : -1) ||
		    found != senders[i].found)
			fail_msg("'%s' gives %d", senders[i].head, bad);
		if (bad && !strstr(err.text, senders[i].wrong))
			fail_msg("'%s': %s", senders[i].head, err.text);
		if (!bad && strcmp(buf_cstr(&out), senders[i].want))
			fail_msg("'%s' is '%s'", senders[i].head,
				 buf_cstr(&out));
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completes),
		cmocka_unit_test(makes_from_and_id),
		cmocka_unit_test(refuses_too_much),
		cmocka_unit_test(collects_recipients),
		cmocka_unit_test(many_recipients),
		cmocka_unit_test(finds_the_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
