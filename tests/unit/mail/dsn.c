#include "mail/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/utf8.h"

#define UNIQUE "0123456789abcdef0123"
#define B "=_" UNIQUE ".1"
#define E "\xc3\xa9"
#define NOW 1795294532		/* Sat, 21 Nov 2026 20:55:32 +0000 */

/* -- Status ------------------------------------------------------------------ */

static const struct status_row {
	const char *name;
	enum dsn_action action;
	enum outcome outcome;
	int code;
	const char *enhanced;
	enum error_kind kind;
	const char *want;
} statuses[] = {
	{ "as said", DSN_FAILED, OUTCOME_FAILED, 550, "5.1.1", ERROR_NONE, "5.1.1" },
	{ "long", DSN_FAILED, OUTCOME_FAILED, 550, "5.123.123", ERROR_NONE, "5.123.123" },
	{ "none said", DSN_FAILED, OUTCOME_FAILED, 554, "", ERROR_NONE, "5.0.0" },
	{ "another class", DSN_FAILED, OUTCOME_FAILED, 550, "2.1.5", ERROR_NONE, "5.0.0" },
	{ "4 with 550", DSN_FAILED, OUTCOME_FAILED, 550, "4.1.1", ERROR_NONE, "5.0.0" },
	{ "two numbers", DSN_FAILED, OUTCOME_FAILED, 550, "5.1", ERROR_NONE, "5.0.0" },
	{ "four numbers", DSN_FAILED, OUTCOME_FAILED, 550, "5.1.1.1", ERROR_NONE, "5.0.0" },
	{ "no number", DSN_FAILED, OUTCOME_FAILED, 550, "5..1", ERROR_NONE, "5.0.0" },
	{ "letters", DSN_FAILED, OUTCOME_FAILED, 550, "5.a.1", ERROR_NONE, "5.0.0" },
	{ "first number", DSN_FAILED, OUTCOME_FAILED, 550, "55.1.1", ERROR_NONE, "5.0.0" },
	{ "cannot be sent", DSN_FAILED, OUTCOME_FAILED, 0, "", ERROR_DATA, "5.6.0" },
	{ "no feature", DSN_FAILED, OUTCOME_FAILED, 0, "", ERROR_PROTOCOL, "5.0.0" },
	{ "given up", DSN_FAILED, OUTCOME_DEFERRED, 450, "4.2.2", ERROR_NONE, "4.2.2" },
	{ "given up, none", DSN_FAILED, OUTCOME_DEFERRED, 450, "", ERROR_NONE, "4.4.7" },
	{ "given up, 5", DSN_FAILED, OUTCOME_DEFERRED, 450, "5.2.2", ERROR_NONE, "4.4.7" },
	{ "given up, network", DSN_FAILED, OUTCOME_DEFERRED, 0, "", ERROR_NET, "4.4.7" },
	{ "given up, unknown", DSN_FAILED, OUTCOME_UNKNOWN, 0, "", ERROR_NET, "4.4.7" },
	{ "delayed", DSN_DELAYED, OUTCOME_DEFERRED, 451, "4.7.1", ERROR_NONE, "4.7.1" },
	{ "delayed, none", DSN_DELAYED, OUTCOME_DEFERRED, 451, "", ERROR_NONE, "4.0.0" },
	{ "delayed, network", DSN_DELAYED, OUTCOME_DEFERRED, 0, "", ERROR_NET, "4.4.1" },
	{ "relayed", DSN_RELAYED, OUTCOME_SENT, 250, "2.1.5", ERROR_NONE, "2.1.5" },
	{ "relayed, none", DSN_RELAYED, OUTCOME_SENT, 250, "", ERROR_NONE, "2.0.0" },
};

static void status_is_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		const struct status_row *row = &statuses[i];
		struct verdict v = { .outcome = row->outcome, .code = row->code,
				     .kind = row->kind, .text = STR("x") };
		struct dsn_rcpt r = { .action = row->action, .verdict = &v };
		char got[DSN_STATUS_MAX];

		snprintf(v.enhanced, sizeof(v.enhanced), "%s", row->enhanced);
		dsn_status(got, &r);
		if (strcmp(got, row->want))
			fail_msg("%s: %s, not %s", row->name, got, row->want);
	}
}

/* -- the whole --------------------------------------------------------------- */

/* What a message is made of; NULL and 0 stand for what is usual. */
struct row {
	const char *name;
	const char *head, *body;	/* of the original */
	enum dsn_action action;
	const char *addr, *orcpt, *relay, *enhanced, *text;
	int code;
	enum outcome outcome;
	const char *ret, *envid, *to, *mailname;
	uint64_t return_max;
	bool eightbit, binary;
	uint64_t longest;
	const char *has[4];		/* in the message, head and body */
	const char *hasnt[3];
};

#define FAILED .action = DSN_FAILED, .outcome = OUTCOME_FAILED, .code = 550
#define DELAYED .action = DSN_DELAYED, .outcome = OUTCOME_DEFERRED, .code = 451
#define QP_CODED "Content-Transfer-Encoding: quoted-printable\r\n"

static const struct row rows[] = {
	{ "failed", FAILED, .has = { "\r\nAction: failed\r\nStatus: 5.1.1\r\n",
	  "\r\nTo: a@example.org\r\n", "The message itself is attached.", "\r\n\r\nbody\r\n\r\n--" B "--\r\n" },
	  .hasnt = { "8bit", "quoted-printable", "Will-Retry" } },
	{ "delayed", DELAYED, .enhanced = "", .has = { "\r\nAction: delayed\r\nStatus: 4.0.0\r\n",
	  "\r\nWill-Retry-Until: Thu, 26 Nov 2026 20:55:32 +0000\r\n",
	  "It will be tried until Thu, 26 Nov", "Subject: Delayed: Test\r\n" },
	  .hasnt = { "\r\n\r\nbody", "message/rfc822" } },
	{ "relayed", .action = DSN_RELAYED, .outcome = OUTCOME_SENT, .code = 250, .enhanced = "2.1.5",
	  .has = { "\r\nAction: relayed\r\nStatus: 2.1.5\r\n", "Subject: Sent: Test\r\n",
	  "was handed to the relay" }, .hasnt = { "\r\n\r\nbody", "Will-Retry" } },
	{ "given up", .action = DSN_FAILED, .outcome = OUTCOME_DEFERRED, .code = 450, .enhanced = "",
	  .has = { "Status: 4.4.7\r\n", "and is now given" } },
	{ "unknown", .action = DSN_FAILED, .outcome = OUTCOME_UNKNOWN, .code = -1, .enhanced = "",
	  .has = { "Status: 4.4.7\r\n", "It may have arrived", "Diagnostic-Code: x-posthaste; " } },
	{ "header only, by RET", FAILED, .ret = "HDRS",
	  .has = { "Content-Type: text/rfc822-headers\r\n", "The header of the message is attached." },
	  .hasnt = { "\r\n\r\nbody", "message/rfc822" } },
	{ "whole, by RET", FAILED, .ret = "FULL", .has = { "Content-Type: message/rfc822\r\n" } },
	{ "too large", FAILED, .ret = "FULL", .return_max = 60,
	  .has = { "text/rfc822-headers", "\r\nSubject: Test\r\n\r\n--" B "--\r\n" },
	  .hasnt = { "\r\n\r\nbody" } },
	{ "just not too large", FAILED, .return_max = 72, .has = { "\r\n\r\nbody" } },
	{ "one octet too large", FAILED, .return_max = 71, .hasnt = { "\r\n\r\nbody" } },
	{ "long lines", FAILED, .longest = 999, .hasnt = { "\r\n\r\nbody" } },
	{ "as long as they may be", FAILED, .longest = 998, .has = { "\r\n\r\nbody" } },
	{ "binary", FAILED, .binary = true, .hasnt = { "\r\n\r\nbody" } },
	{ "8-bit body", FAILED, .body = E "\r\n", .eightbit = true,
	  .has = { "\r\n boundary=\"" B "\"\r\nContent-Transfer-Encoding: 8bit\r\n",
	  "message/rfc822\r\nContent-Description: Original message\r\n"
	  "Content-Transfer-Encoding: 8bit\r\n", "\r\n\r\n" E "\r\n" } },
	{ "8-bit body, header only", FAILED, .ret = "HDRS", .body = E "\r\n", .eightbit = true,
	  .hasnt = { "8bit", E } },
	{ "UTF-8 header", FAILED, .head = "Subject: caf" E "\r\n",
	  .has = { "Subject: Undeliverable: =?UTF-8?B?Y2Fmw6k=?=\r\n", "Content-Type: message/global\r\n",
	  "\r\n\r\nSubject: caf" E "\r\n\r\nbody", "  Subject:    caf=C3=A9\r\n" } },
	{ "UTF-8 header only", FAILED, .head = "Subject: caf" E "\r\n", .ret = "HDRS",
	  .has = { "Content-Type: message/global-headers\r\n",
	  QP_CODED "\r\nSubject: caf=C3=A9\r\n" }, .hasnt = { E, "8bit" } },
	{ "latin-1 header only", FAILED, .head = "X: \xe9\r\n", .ret = "HDRS",
	  .has = { "Content-Type: text/rfc822-headers\r\n", QP_CODED "\r\nX: =E9\r\n" },
	  .hasnt = { "\xe9", "global" } },
	{ "latin-1 header", FAILED, .head = "X: \xe9\r\n", .has = { "message/rfc822", "X: \xe9\r\n" },
	  .hasnt = { "global" } },
	{ "encoded subject", FAILED, .head = "Subject: =?utf-8?q?caf=C3=A9?= =?utf-8?q?_x?=\r\n",
	  .has = { "Subject: Undeliverable: =?UTF-8?B?Y2Fmw6k=?= x\r\n", "caf=C3=A9 x\r\n" } },
	{ "subject with a field in it", FAILED, .head = "Subject: =?utf-8?q?a=0D=0ABcc:_x?=\r\n",
	  .has = { "Subject: Undeliverable: a Bcc: x\r\n" }, .hasnt = { "\r\nBcc:" } },
	{ "no subject", FAILED, .head = "From: a@example.org\r\n",
	  .has = { "Subject: Undeliverable: your message\r\n" } },
	{ "id", FAILED, .has = { "In-Reply-To: <1@example.org>\r\nReferences: <1@example.org>\r\n",
	  "  Message-ID: <1@example.org>\r\n" } },
	{ "no id", FAILED, .head = "Subject: Test\r\n", .hasnt = { "In-Reply-To", "References" } },
	{ "strange id", FAILED, .head = "Message-ID: <a\r\n b@c>\r\n", .hasnt = { "In-Reply-To" } },
	{ "id without end", FAILED, .head = "Message-ID: <a\r\n", .hasnt = { "In-Reply-To" } },
	{ "no id but a name", FAILED, .head = "Message-ID: a>\r\n", .hasnt = { "In-Reply-To" } },
	{ "reply of lines", FAILED, .text = "5.1.1 no\nsuch\r\n\r\nuser\n",
	  .has = { "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n", "        550 5.1.1 no such user\r\n" } },
	{ "reply of controls", FAILED, .text = "\33[2J a\x7f\1b",
	  .has = { "smtp; 550 \\x1b[2J a\\x7f\\x01b\r\n", "  550 \\x1b[2J a\\x7f\\x01b\r\n" } },
	{ "reply in UTF-8", FAILED, .text = "inconnu: " E,
	  .has = { "smtp; 550 inconnu: \\xc3\\xa9\r\n", QP_CODED "\r\nThis", "550 inconnu: =C3=A9\r\n" },
	  .hasnt = { E } },
	{ "reply not in UTF-8", FAILED, .text = "\xe9t", .has = { "smtp; 550 \\xe9t\r\n" },
	  .hasnt = { "\xe9", "quoted" } },
	{ "reply that turns the text", FAILED, .text = "\xe2\x80\xae" "abc",
	  .has = { "550 \\xe2\\x80\\xaeabc\r\n" } },
	{ "long reply", FAILED, .enhanced = "5.7.1",
	  .text = "5.7.1 this is a reply that goes on and on for more than one line can hold of it",
	  .has = { "Diagnostic-Code: smtp; 550 5.7.1 this is a reply that goes on and on for\r\n"
	  " more than one line can hold of it\r\n", "ask its operator" } },
	{ "empty reply", FAILED, .text = "", .has = { "Diagnostic-Code: smtp; 550\r\n" } },
	{ "no reply and no reason", .action = DSN_FAILED, .outcome = OUTCOME_FAILED, .code = -1, .text = "", .hasnt = { "Diagnostic-Code" } },
	{ "ORCPT", FAILED, .orcpt = "rfc822;b+2Bc@example.org",
	  .has = { "\r\nOriginal-Recipient: rfc822; b+c@example.org\r\nFinal-Recipient: rfc822; b@example.org\r\n" } },
	{ "ORCPT with line ends", FAILED, .orcpt = "rfc822;b+0D+0AStatus:+202.0.0",
	  .has = { "Original-Recipient: rfc822; b+0D+0AStatus:+202.0.0\r\n" } },
	{ "ORCPT that is none", FAILED, .orcpt = "rfc822", .hasnt = { "Original-Recipient" } },
	{ "ORCPT, malformed", FAILED, .orcpt = "rfc822;+zz", .has = { "Original-Recipient: rfc822; +zz\r\n" } },
	{ "ORCPT in UTF-8", FAILED, .orcpt = "utf-8;\\x{E9}@example.org", .addr = E "@example.org",
	  .has = { "Original-Recipient: utf-8; \\x{E9}@example.org\r\n",
	  "Final-Recipient: utf-8; \\x{E9}@example.org\r\n", "  <=C3=A9@example.org>\r\n" } },
	{ "envelope id", FAILED, .envid = "id+2B1", .has = { "\r\nOriginal-Envelope-Id: id+1\r\nReporting-MTA:" } },
	{ "envelope id with line ends", FAILED, .envid = "a+0Ab",
	  .has = { "\r\nOriginal-Envelope-Id: a+0Ab\r\n" } },
	{ "no envelope id", FAILED, .hasnt = { "Original-Envelope-Id" } },
	{ "relay", FAILED, .has = { "Remote-MTA: dns; smtp.example.net\r\n", "was refused, at smtp.example.net (RCPT TO):" } },
	{ "a socket", FAILED, .relay = "/run/posthaste.sock", .hasnt = { "Remote-MTA", "/run" } },
	{ "no relay", FAILED, .relay = "", .hasnt = { "Remote-MTA", ", at " } },
	{ "strange relay", FAILED, .relay = "a\r\nb", .hasnt = { "Remote-MTA" } },
	{ "sender in UTF-8", FAILED, .to = E "@" E ".example",
	  .has = { "\r\nTo: " E "@" E ".example\r\n" } },
	{ "sender's domain in UTF-8", FAILED, .to = "a@" E ".example",
	  .has = { "\r\nTo: a@xn--9ca.example\r\n" } },
	{ "our name in UTF-8", FAILED, .mailname = E ".example",
	  .has = { "MAILER-DAEMON@xn--9ca.example>\r\n" } },
	{ "loop-proof", FAILED, .has = { "\r\nAuto-Submitted: auto-replied\r\n", "multipart/report; report-type=delivery-status;" } },
};

static const char usual_head[] = "Message-ID: <1@example.org>\r\n"
	"Subject: Test\r\nX-Long: 0123456789\r\n";

static const char *or(const char *given, const char *usual)
{
	return given ? given : usual;
}

/* The whole message as text. */
static void whole_text(struct buf *out, const struct message *m)
{
	uint64_t len = 0;

	buf_add(out, buf_str(&m->head));
	buf_addz(out, "\r\n");
	for (size_t i = 0; i < m->n_piece; i++) {
		assert_int_equal(m->piece[i].fd, -1);
		len += m->piece[i].text.n;
		buf_add(out, m->piece[i].text);
	}
	assert_int_equal(len, m->body_len);
	assert_int_equal(len, m->body_facts.size);
}

/* What holds of every one of them. */
static void check_lines(const char *name, const struct dsn_made *made,
			struct str text)
{
	struct str body = text, all = text;
	uint64_t longest = 0;

	while (text.n) {
		struct str line = str_cut(&text, '\n');

		if (!line.n || line.p[line.n - 1] != '\r')
			fail_msg("%s: a line without CR", name);
		if (memchr(line.p, '\r', line.n - 1))
			fail_msg("%s: a bare CR", name);
		if (line.n - 1 > MESSAGE_LINE_MAX)
			fail_msg("%s: a line of %zu", name, line.n);
	}
	body.p += made->message.head.len + 2;
	body.n -= made->message.head.len + 2;
	for (struct str rest = body; rest.n; ) {
		struct str line = str_cut(&rest, '\n');

		longest = line.n - 1 > longest ? line.n - 1 : longest;
	}
	if (made->message.body_facts.eightbit != str_has_8bit(body))
		fail_msg("%s: facts and 8-bit content differ", name);
	if (made->message.body_facts.longest < longest)
		fail_msg("%s: a longer line than told", name);
	if (made->utf8 != (all.n - body.n && str_has_8bit(
	    (struct str){ all.p, all.n - body.n })))
		fail_msg("%s: SMTPUTF8", name);
}

static void check_text(const struct row *row, const char *text)
{
	for (size_t k = 0; k < sizeof(row->has) / sizeof(*row->has); k++)
		if (row->has[k] && !strstr(text, row->has[k]))
			fail_msg("%s: no '%s' in\n%s", row->name, row->has[k],
				 text);
	for (size_t k = 0; k < sizeof(row->hasnt) / sizeof(*row->hasnt); k++)
		if (row->hasnt[k] && strstr(text, row->hasnt[k]))
			fail_msg("%s: '%s' in\n%s", row->name, row->hasnt[k],
				 text);
}

static void original(struct message *m, struct piece *piece,
		     const struct row *row)
{
	*m = (struct message){ .piece = piece, .n_piece = 1,
			       .binary = row->binary };
	buf_init(&m->head, MESSAGE_HEAD_MAX);
	buf_addz(&m->head, or(row->head, usual_head));
	*piece = piece_text(str_of(or(row->body, "body\r\n")));
	m->body_len = piece->len;
	m->body_facts.size = piece->len;
	m->body_facts.eightbit = row->eightbit;
	m->body_facts.longest = row->longest;
}

static void run(const struct row *row, struct buf *text)
{
	struct verdict v = { .outcome = row->outcome, .stage = STAGE_RCPT,
			     .code = row->code < 0 ? 0 : row->code,
			     .text = str_of(or(row->text, "5.1.1 no such user")) };
	struct dsn_rcpt r = { row->action, or(row->addr, "b@example.org"),
			      or(row->orcpt, ""), or(row->relay, "smtp.example.net"),
			      &v, NOW, NOW + 5 * 86400 };
	struct message m;
	struct piece piece;
	struct dsn d = { .mailname = or(row->mailname, "host.example"),
			 .to = or(row->to, "a@example.org"),
			 .envid = or(row->envid, ""), .ret = or(row->ret, ""),
			 .arrival = NOW - 60, .now = NOW, .unique = UNIQUE,
			 .original = &m, .rcpt = &r, .n_rcpt = 1,
			 .return_max = row->return_max ? row->return_max : 4096 };
	struct dsn_made made;
	struct error err;

	snprintf(v.enhanced, sizeof(v.enhanced), "%s", or(row->enhanced, "5.1.1"));
	original(&m, &piece, row);
	if (dsn_make(&made, &d, &err))
		fail_msg("%s: %s", row->name, err.text);
	whole_text(text, &made.message);
	check_lines(row->name, &made, buf_str(text));
	dsn_release(&made);
	buf_release(&m.head);
}

static void rows_are_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf text;

		buf_init(&text, 1 << 20);
		run(&rows[i], &text);
		check_text(&rows[i], buf_cstr(&text));
		buf_release(&text);
	}
}

/* Once from first to last octet. */
static void one_is_all_there(void **state)
{
	static const struct row row = { "all", FAILED, .envid = "e1",
					.orcpt = "rfc822;x@example.org" };
	static const char want[] =
		"From: Mail Delivery System <MAILER-DAEMON@host.example>\r\n"
		"To: a@example.org\r\n"
		"Subject: Undeliverable: Test\r\n"
		"Date: Sat, 21 Nov 2026 20:55:32 +0000\r\n"
		"Message-ID: <" UNIQUE "@host.example>\r\n"
		"In-Reply-To: <1@example.org>\r\n"
		"References: <1@example.org>\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		" boundary=\"" B "\"\r\n"
		"\r\n"
		"--" B "\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Description: Notification\r\n"
		"\r\n"
		"This is the mail system at host.example.\r\n"
		"\r\n"
		"Your message could not be delivered to those named below, and will not be\r\n"
		"tried again for them.\r\n"
		"\r\n"
		"  Subject:    Test\r\n"
		"  Message-ID: <1@example.org>\r\n"
		"  Queued:     Sat, 21 Nov 2026 20:54:32 +0000\r\n"
		"\r\n"
		"Not delivered to:\r\n"
		"\r\n"
		"  <b@example.org>\r\n"
		"    was refused, at smtp.example.net (RCPT TO):\r\n"
		"        550 5.1.1 no such user\r\n"
		"    Check the address, and send the message again to the right one.\r\n"
		"\r\n"
		"The message itself is attached.\r\n"
		"\r\n"
		"--" B "\r\n"
		"Content-Type: message/delivery-status\r\n"
		"Content-Description: Delivery status\r\n"
		"\r\n"
		"Original-Envelope-Id: e1\r\n"
		"Reporting-MTA: dns; host.example\r\n"
		"Arrival-Date: Sat, 21 Nov 2026 20:54:32 +0000\r\n"
		"\r\n"
		"Original-Recipient: rfc822; x@example.org\r\n"
		"Final-Recipient: rfc822; b@example.org\r\n"
		"Action: failed\r\n"
		"Status: 5.1.1\r\n"
		"Remote-MTA: dns; smtp.example.net\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
		"Last-Attempt-Date: Sat, 21 Nov 2026 20:55:32 +0000\r\n"
		"\r\n"
		"--" B "\r\n"
		"Content-Type: message/rfc822\r\n"
		"Content-Description: Original message\r\n"
		"\r\n"
		"Message-ID: <1@example.org>\r\n"
		"Subject: Test\r\n"
		"X-Long: 0123456789\r\n"
		"\r\n"
		"body\r\n"
		"\r\n"
		"--" B "--\r\n";
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	run(&row, &text);
	assert_string_equal(buf_cstr(&text), want);
	buf_release(&text);
}

/* A long header field is folded, a reply without blanks is cut. */
static void long_things_are_folded(void **state)
{
	static char head[3000] = "X: ", id[3000] = "Message-ID: <", reply[3000];
	struct row row = { "long", FAILED, .head = head, .text = reply };
	struct row long_id = { "long id", FAILED, .head = id,
			       .hasnt = { "In-Reply-To" } };
	struct buf text;

	(void)state;
	for (size_t i = 0; i < 400; i++)
		memcpy(head + 3 + 5 * i, "abcd ", 5);
	memcpy(head + 3 + 5 * 400, "\r\n", 3);
	memset(reply, 'r', sizeof(reply) - 1);
	buf_init(&text, 1 << 20);
	run(&row, &text);
	assert_non_null(strstr(buf_cstr(&text), "abcd\r\n abcd"));
	assert_non_null(strstr(buf_cstr(&text), "rrrr\r\n rrrr"));
	buf_reset(&text);
	memset(id + strlen(id), 'i', 2000);
	memcpy(id + strlen(id), ">\r\n", 4);
	run(&long_id, &text);
	check_text(&long_id, buf_cstr(&text));
	buf_release(&text);
}

/* Reasons that are shared are told once; many recipients are named once. */
static void many_recipients(void **state)
{
	enum { N = 2000 };
	static char name[N][24];
	static struct dsn_rcpt r[N];
	static const struct row row = { .name = "many" };
	struct verdict v = { .outcome = OUTCOME_FAILED, .code = 550,
			     .text = STR("a reply"), .stage = STAGE_RCPT };
	struct message m;
	struct piece piece;
	struct dsn d = { .mailname = "host.example", .to = "a@example.org",
			 .envid = "", .ret = "", .now = NOW, .unique = UNIQUE,
			 .original = &m, .rcpt = r, .n_rcpt = N };
	struct dsn_made made;
	struct error err;
	struct buf text;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		snprintf(name[i], sizeof(name[i]), "u%zu@example.org", i);
		r[i] = (struct dsn_rcpt){ DSN_FAILED, name[i], "", "", &v, NOW, 0 };
	}
	original(&m, &piece, &row);
	assert_int_equal(dsn_make(&made, &d, &err), 0);
	buf_init(&text, 8 << 20);
	whole_text(&text, &made.message);
	check_lines("many", &made, buf_str(&text));
	assert_non_null(strstr(buf_cstr(&text), "<u99@example.org>\r\n    was refused (RCPT TO):"));
	assert_null(strstr(buf_cstr(&text), "<u100@"));
	assert_non_null(strstr(buf_cstr(&text), "  and 1900 more, all named"));
	for (const char *p = buf_cstr(&text); (p = strstr(p, "Action: failed")); p++)
		n++;
	assert_int_equal(n, N);
	dsn_release(&made);
	buf_release(&m.head);
	buf_release(&text);
}

static void what_cannot_be_is_refused(void **state)
{
	static const char *const to[] = { "a b", "a@b\r\nBcc: c@d", "a@", "\xe9@b" };
	static const struct row row = { .name = "refused" };
	struct verdict v = { .outcome = OUTCOME_FAILED, .text = STR("x") };
	struct dsn_rcpt r = { DSN_FAILED, "b@c", "", "", &v, NOW, 0 };
	struct message m;
	struct piece piece;

	(void)state;
	original(&m, &piece, &row);
	for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++) {
		struct dsn d = { .mailname = "host.example", .to = to[i],
				 .envid = "", .ret = "", .now = NOW,
				 .unique = UNIQUE, .original = &m, .rcpt = &r,
				 .n_rcpt = 1, .return_max = 4096 };
		struct dsn_made made;
		struct error err = { 0 };

		if (!dsn_make(&made, &d, &err))
			fail_msg("'%s' was taken:\n%s", to[i],
				 buf_cstr(&made.message.head));
		assert_int_equal(err.kind, ERROR_DATA);
		dsn_release(&made);
	}
	buf_release(&m.head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_right),
		cmocka_unit_test(rows_are_made),
		cmocka_unit_test(one_is_all_there),
		cmocka_unit_test(long_things_are_folded),
		cmocka_unit_test(many_recipients),
		cmocka_unit_test(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
