#include "mail/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/message.h"

static const struct local local = { "web1.example", { "l.example", 9 } };

/* The rules that all rows are judged by. */
static const struct { const char *from, *to; } rules[] = {
	{ "Root", "alerts@example.org" },
	{ "root@l.example", "special@example.org" },
	{ "@Old.example", "@new.example" },
	{ "joe@old.example", "joseph@new.example" },
	{ "@web1.example", "@sites.example" },
	{ "alerts@example.org", "never@example.org" },
	{ "@all.example", "one@example.org" },
	{ "tom", "thomas" },
	{ "ann", "@example.org" },
	{ "joe@[1.2.3.4]", "joe@example.org" },
};

static void load(struct rewrite *r)
{
	struct error err = { 0 };

	rewrite_init(r);
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (rewrite_add(r, str_of(rules[i].from),
				str_of(rules[i].to), "w", &err))
			fail_msg("%s: %s", rules[i].from, err.text);
}

static const struct {
	const char *spec, *want;
	bool changed;
} specs[] = {
	{ "", "", false },
	{ "root", "alerts@example.org", true },
	{ "ROOT@web1.Example", "alerts@example.org", true },
	{ "root@localhost", "alerts@example.org", true },
	{ "root@L.Example", "special@example.org", true },
	{ "root@example.net", "root@example.net", false },
	{ "root@old.example", "root@new.example", true },
	{ "Ann.B@OLD.example", "Ann.B@new.example", true },
	{ "joe@old.example", "joseph@new.example", true },
	{ "joe@older.example", "joe@older.example", false },
	{ "bob", "bob@sites.example", true },
	{ "bob@localhost", "bob@localhost", false },
	{ "\"a @b\"@old.example", "\"a @b\"@new.example", true },
	{ "alerts@example.org", "never@example.org", true },
	{ "x@all.example", "one@example.org", true },
	{ "tom", "thomas@web1.example", true },
	{ "ann@l.example", "ann@example.org", true },
	{ "x@l.example", "x@l.example", false },
};

static void addresses(void **state)
{
	struct rewrite r;
	struct buf out;

	(void)state;
	load(&r);
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
		bool changed;

		buf_reset(&out);
		changed = rewrite_spec(&r, &local, str_of(specs[i].spec), &out);
		if (changed != specs[i].changed ||
		    strcmp(buf_cstr(&out), specs[i].want))
			fail_msg("'%s' is '%s'", specs[i].spec, buf_cstr(&out));
	}
	buf_release(&out);
	rewrite_release(&r);
	rewrite_release(&r);
}

static const struct { const char *from, *to, *says; } bad[] = {
	{ "a", "b@x", NULL }, { "a@x", "b@y", NULL }, { "@x", "@y", NULL },
	{ "j\xc3\xb6rg", "j@x", NULL }, { "", "b@x", "w: '' is no local" },
	{ "@", "b@x", "'@' is no local part" }, { "<a@x>", "b@x", "no local" },
	{ "a b", "b@x", "'a b' is no local" }, { "A <a@x>", "b@x", "no local" },
	{ "a,b", "b@x", "no local" }, { "a@", "b@x", "no local" },
	{ "a", "", "w: '' is no bare" }, { "a", "<>", "no bare" },
	{ "a", "b@x, c@x", "'b@x, c@x' is no bare" },
	{ "a", "B <b@x>", "no bare" }, { "a", "b@x (c)", "no bare" },
	{ "a", "@x@y", "no bare" }, { "a", "b@x\nc", "no bare" },
	{ "\xff", "b@x", "no local" },
};

static void rules_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = { 0 };
		struct rewrite r;
		int ret;

		rewrite_init(&r);
		ret = rewrite_add(&r, str_of(bad[i].from), str_of(bad[i].to),
				  "w", &err);
		if ((ret == 0) != !bad[i].says || r.n != !ret ||
		    (ret && (err.kind != ERROR_CONFIG ||
			     !strstr(err.text, bad[i].says))))
			fail_msg("'%s' to '%s': %d %s", bad[i].from, bad[i].to,
				 ret, err.text);
		rewrite_release(&r);
	}
}

static void the_first_of_two_stays(void **state)
{
	struct error err = { 0 };
	struct rewrite r;

	(void)state;
	rewrite_init(&r);
	assert_int_equal(rewrite_add(&r, STR("a"), STR("b@x"), "w", &err), 0);
	assert_int_equal(rewrite_add(&r, STR("A"), STR("c@x"), "w", &err), 0);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.rule[0].to, "b@x");
	rewrite_release(&r);
}

/* want NULL: it stays as it is. */
static const struct { const char *name, *head, *want; } heads[] = {
	{ "nothing to do", "From: A <a@x.example>\r\nTo: b@x.example\r\n",
	  NULL },
	{ "qualified", "From: Logwatch (c)\r\nTo: bob@localhost, <max>\r\n",
	  "From: Logwatch@sites.example (c)\r\n"
	  "To: bob@localhost, <max@sites.example>\r\n" },
	{ "comment", "From: root (Cron Daemon)\r\n",
	  "From: alerts@example.org (Cron Daemon)\r\n" },
	{ "no name", "From: root@web1.example\r\n",
	  "From: root on web1 <alerts@example.org>\r\n" },
	{ "no name, unqualified", "From: root\r\n",
	  "From: root on web1 <alerts@example.org>\r\n" },
	{ "no name, angle", "From:  <root@localhost>\r\n",
	  "From:  root on web1 <alerts@example.org>\r\n" },
	{ "no name, other host", "From: joe@old.example\r\n",
	  "From: joe on old <joseph@new.example>\r\n" },
	{ "no name, route", "From: <@a,@b:root@localhost>\r\n",
	  "From: root on web1 <@a,@b:alerts@example.org>\r\n" },
	{ "no name, odd", "From: \"a;b\"@old.example\r\n",
	  "From: \"\\\"a;b\\\" on old\" <\"a;b\"@new.example>\r\n" },
	{ "no name, literal", "From: joe@[1.2.3.4]\r\n",
	  "From: \"joe on [1.2.3.4]\" <joe@example.org>\r\n" },
	{ "two, one without", "From: R <root>, joe@old.example\r\n",
	  "From: R <alerts@example.org>, joe on old <joseph@new.example>\r\n" },
	{ "angle in a name", "From: \"<\" <a@x>, root\r\n",
	  "From: \"<\" <a@x>, root on web1 <alerts@example.org>\r\n" },
	{ "name", "From: \"Cron, the\" <root>\r\n",
	  "From: \"Cron, the\" <alerts@example.org>\r\n" },
	{ "no name in To", "To: root\r\n", "To: alerts@example.org\r\n" },
	{ "Resent-From", "resent-from: root\r\n",
	  "resent-from: root on web1 <alerts@example.org>\r\n" },
	{ "every field", "Sender: root\r\nReply-To: root\r\nCc: root\r\n"
	  "Resent-Sender: root\r\nResent-To: root\r\nRESENT-CC: root\r\n"
	  "Resent-Reply-To: root\r\n",
	  "Sender: alerts@example.org\r\nReply-To: alerts@example.org\r\n"
	  "Cc: alerts@example.org\r\nResent-Sender: alerts@example.org\r\n"
	  "Resent-To: alerts@example.org\r\nRESENT-CC: alerts@example.org\r\n"
	  "Resent-Reply-To: alerts@example.org\r\n" },
	{ "no other field", "Subject: root\r\nBcc: root\r\nX-To: root\r\n"
	  "Return-Path: <root>\r\nTo-Do: root\r\n", NULL },
	{ "folds and blanks", "To : root,\r\n\t \"Q, x\" < max > (c, d),\r\n"
	  " a@x.example\r\nSubject: root\r\n",
	  "To : alerts@example.org,\r\n\t \"Q, x\" < max@sites.example > "
	  "(c, d),\r\n a@x.example\r\nSubject: root\r\n" },
	{ "groups", "To: g: root, max@x;, undisclosed:;\r\n",
	  "To: g: alerts@example.org, max@x;, undisclosed:;\r\n" },
	{ "no list", "To: root, foo bar\r\nCc: root\r\n",
	  "To: root, foo bar\r\nCc: alerts@example.org\r\n" },
	{ "null", "From: <>\r\nTo:\r\nCc: \r\n", NULL },
	{ "encoded words", "From: =?utf-8?q?J=C3=B6rg?= <root>\r\n",
	  "From: =?utf-8?q?J=C3=B6rg?= <alerts@example.org>\r\n" },
	{ "signed", "From: root\r\nDKIM-signature: v=1; h=from\r\nTo: max\r\n",
	  NULL },
	{ "empty", "", NULL },
	{ "comments in an address", "Cc: joe (a) @ (b) old.example (c)\r\n",
	  "Cc: joseph@new.example (c)\r\n" },
	{ "no change keeps comments", "Cc: j (a) @ (b) x.example (c)\r\n",
	  NULL },
};

static void headers(void **state)
{
	struct rewrite r;

	(void)state;
	load(&r);
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const char *want = heads[i].want ? heads[i].want :
			heads[i].head;
		struct error err = { 0 };
		struct buf head;

		buf_init(&head, MESSAGE_HEAD_MAX);
		buf_addz(&head, heads[i].head);
		if (rewrite_head(&r, &local, &head, &err))
			fail_msg("%s: %s", heads[i].name, err.text);
		if (strcmp(buf_cstr(&head), want))
			fail_msg("%s: %s", heads[i].name, buf_cstr(&head));
		assert_int_equal(head.max, MESSAGE_HEAD_MAX);
		buf_release(&head);
	}
	rewrite_release(&r);
}

/* Without rules addresses are still made whole. */
static void qualification_alone(void **state)
{
	struct rewrite r;
	struct error err;
	struct buf head;

	(void)state;
	rewrite_init(&r);
	buf_init(&head, 80);
	buf_addz(&head, "From: root\r\nTo: \"a b\" , c . d\r\n");
	assert_int_equal(rewrite_head(&r, &local, &head, &err), 0);
	assert_string_equal(buf_cstr(&head), "From: root@web1.example\r\n"
			    "To: \"a b\"@web1.example , c . d@web1.example"
			    "\r\n");
	/* "root" once more passes the ceiling. */
	buf_addz(&head, "Cc: e\r\n");
	assert_false(head.over);
	assert_int_equal(rewrite_head(&r, &local, &head, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	buf_release(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(rules_are_checked),
		cmocka_unit_test(the_first_of_two_stays),
		cmocka_unit_test(headers),
		cmocka_unit_test(qualification_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
