/*
 * Dialogues with the server: what a client says, cut anywhere, what it is
 * told (codes and enhanced codes) and what the driver is asked.
 */
#include "smtp/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EHLO "250-250-250-250-250-250-250-250 "
#define HI "EHLO c\n"
#define START HI "MAIL FROM:<a@b.c>\nRCPT TO:<x@y.z>\n"
#define STARTED "220 " EHLO "250 2.0.0 250 2.0.0 "

enum { LMTP = 1, SMALL = 2, LOG_MAX = 1 << 22, SMALL_SIZE = 10 };

static const struct row {
	const char *name;
	int flags;
	const char *in;
	const char *codes;	/* of each line; the text too, after "=" */
	const char *events;	/* see note() */
} rows[] = {
	{ "nothing", 0, "", "220 ", "" },
	{ "sendmail -bs", 0,
	  "EHLO c\nMAIL FROM:<me@example.net>\nRCPT TO:<a@example.org>\n"
	  "RCPT TO:<bad@example.org>\nDATA\nSubject: s\n\n..dot\nx\n.\nQUIT\n",
	  "220 " EHLO "250 2.0.0 250 2.0.0 550 5.1.1 354 250 2.0.0 221 2.0.0 ",
	  "M<me@example.net> R<a@example.org> R<bad@example.org> "
	  "[Subject: s\n\n.dot\nx\n]E " },
	{ "crlf", 0,
	  "EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"
	  "s\r\n\r\n..\r\n.x\r\n.\r\nQUIT\r\n",
	  STARTED "354 250 2.0.0 221 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [s\r\n\r\n.\r\nx\r\n]E " },
	{ "LF dot after CRLF command is text", 0,
	  START "DATA\r\nx\n.\nRSET\n.\r\n..\n\r\n.\r\nQUIT\n",
	  STARTED "354 250 2.0.0 221 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [x\n.\nRSET\n.\r\n.\n\r\n]E " },
	{ "CRLF dot after LF command", 0,
	  START "DATA\nx\r\n.\r\nQUIT\n",
	  STARTED "354 250 2.0.0 221 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [x\r\n]E " },
	{ "a CR before the dot ends no line", 0,
	  START "DATA\r\n\r.\r\r.\r\n.\r\r\n..\r\n.\r\nQUIT\n",
	  STARTED "354 250 2.0.0 221 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [\r.\r\r.\r\n\r\r\n.\r\n]E " },
	{ "empty content", 0, START "DATA\n.\nNOOP\n",
	  STARTED "354 250 2.0.0 250 2.0.0 ", "M<a@b.c> R<x@y.z> E " },
	{ "end amid content", 0, START "DATA\nx\n.",
	  STARTED "354 ", "M<a@b.c> R<x@y.z> [x\n]X " },
	{ "end before content", 0, START, STARTED, "M<a@b.c> R<x@y.z> X " },
	{ "end amid a command", 0, HI "QUI", "220 " EHLO, "" },
	{ "quit amid a transaction", 0, START "QUIT\nNOOP\n",
	  STARTED "221 2.0.0 ", "M<a@b.c> R<x@y.z> X " },
	{ "two messages", 0,
	  START "DATA\na\n.\nMAIL FROM:<>\nRCPT TO:<x@y.z>\nDATA\nb\n.\n",
	  STARTED "354 250 2.0.0 250 2.0.0 250 2.0.0 354 250 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [a\n]E M<> R<x@y.z> [b\n]E " },
	{ "RSET", 0, START "RSET\nDATA\n", STARTED "250 2.0.0 503 5.5.1 ",
	  "M<a@b.c> R<x@y.z> X " },
	{ "RSET without a transaction", 0, HI "RSET\n",
	  "220 " EHLO "250 2.0.0 ", "" },
	{ "EHLO resets", 0, START HI "RCPT TO:<x@y.z>\n",
	  STARTED EHLO "503 5.5.1 ", "M<a@b.c> R<x@y.z> X " },
	{ "HELO", 0, "HELO c\nMAIL FROM:<a@b.c>\n", "220 250 250 2.0.0 ",
	  "M<a@b.c> X " },
	{ "out of order", 0,
	  "MAIL FROM:<a@b.c>\nRCPT TO:<x@y.z>\nDATA\n" HI "DATA\n"
	  "RCPT TO:<x@y.z>\nMAIL FROM:<a@b.c>\nMAIL FROM:<a@b.c>\nDATA\n",
	  "220 503 5.5.1 503 5.5.1 503 5.5.1 " EHLO
	  "503 5.5.1 503 5.5.1 250 2.0.0 503 5.5.1 554 5.5.1 ",
	  "M<a@b.c> X " },
	{ "nobody was accepted", 0,
	  HI "MAIL FROM:<a@b.c>\nRCPT TO:<bad@y.z>\nRCPT TO:<late@y.z>\nDATA\n",
	  "220 " EHLO "250 2.0.0 550 5.1.1 450 4.2.1 554 5.5.1 ",
	  "M<a@b.c> R<bad@y.z> R<late@y.z> X " },
	{ "MAIL refused", 0,
	  HI "MAIL FROM:<bad@b.c>\nRCPT TO:<x@y.z>\nMAIL FROM:<a@b.c>\n",
	  "220 " EHLO "550 5.1.1 503 5.5.1 250 2.0.0 ",
	  "M<bad@b.c> M<a@b.c> X " },
	{ "small commands", 0,
	  "noop\nNOOP x\nVRFY x\nEXPN x\nHELP\nHELP x\nAUTH PLAIN x\n"
	  "STARTTLS\nFOO\n\nRSET x\nQUIT x\nVRFY\nEHLO\nLHLO x\n",
	  "220 250 2.0.0 250 2.0.0 252 2.5.0 502 5.5.1 214 2.0.0 214 2.0.0 "
	  "502 5.5.1 502 5.5.1 500 5.5.2 500 5.5.2 501 5.5.4 501 5.5.4 "
	  "501 5.5.4 501 5.5.4 500 5.5.2 ", "" },
	{ "blanks at the end", 0, "NOOP \nQUIT  \r\n",
	  "220 250 2.0.0 221 2.0.0 ", "" },
	{ "control characters", 0, "NOOP \x01\nQUIT\r \nEHLO a\rb\n",
	  "220 501 5.5.2 500 5.5.2 501 5.5.2 ", "" },
	{ "HTTP", 0, "POST / HTTP/1.1\r\nHost: x\r\n\r\nEHLO c\n",
	  "220 421 4.7.0 ", "" },
	{ "errors in a row", 0,
	  "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\nNOOP\n11\n12\n13\n14\n15\n16\n17\n"
	  "18\n19\n20\n21\n22\n23\n24\n25\n26\n27\n28\n29\n30\n31\nNOOP\n",
	  "220 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 "
	  "500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 250 2.0.0 500 5.5.2 "
	  "500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 "
	  "500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 "
	  "500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 500 5.5.2 "
	  "421 4.7.0 ", "" },
	{ "refused recipients are no errors", 0,
	  HI "MAIL FROM:<a@b.c>\n"
	  "RCPT TO:<bad@1>\nRCPT TO:<bad@2>\nRCPT TO:<bad@3>\n"
	  "RCPT TO:<bad@4>\nRCPT TO:<bad@5>\nRCPT TO:<bad@6>\n"
	  "RCPT TO:<bad@7>\nRCPT TO:<bad@8>\nRCPT TO:<bad@9>\nX\nNOOP\n",
	  "220 " EHLO "250 2.0.0 550 5.1.1 550 5.1.1 550 5.1.1 550 5.1.1 "
	  "550 5.1.1 550 5.1.1 550 5.1.1 550 5.1.1 550 5.1.1 500 5.5.2 "
	  "250 2.0.0 ",
	  "M<a@b.c> R<bad@1> R<bad@2> R<bad@3> R<bad@4> R<bad@5> R<bad@6> "
	  "R<bad@7> R<bad@8> R<bad@9> X " },

	{ "BDAT", 0, START "BDAT 3\nab\nBDAT 0\nBDAT 4 LAST\nc\n.\nQUIT\n",
	  STARTED "250 2.0.0 250 2.0.0 250 2.0.0 221 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [ab\nc\n.\n]E " },
	{ "BDAT of nothing", 0, START "BDAT 0 last\nNOOP\n",
	  STARTED "250 2.0.0 250 2.0.0 ", "M<a@b.c> R<x@y.z> E " },
	{ "BDAT of commands", 0, START "BDAT 10 LAST\r\nQUIT\nRSET\nNOOP\n",
	  STARTED "250 2.0.0 250 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [QUIT\nRSET\n]E " },
	{ "BDAT refused is read", 0,
	  "BDAT 5\nQUIT\n" HI "BDAT 5 LAST\nQUIT\nMAIL FROM:<a@b.c>\n"
	  "BDAT 5 LAST\nQUIT\nNOOP\n",
	  "220 503 5.5.1 " EHLO "503 5.5.1 250 2.0.0 554 5.5.1 250 2.0.0 ",
	  "M<a@b.c> X " },
	{ "BDAT and DATA", 0,
	  START "BDAT 1\nxDATA\nRCPT TO:<q@y.z>\nMAIL FROM:<>\nRSET\n",
	  STARTED "250 2.0.0 503 5.5.1 503 5.5.1 503 5.5.1 250 2.0.0 ",
	  "M<a@b.c> R<x@y.z> [x]X " },
	{ "BDAT nobody can follow", 0, START "BDAT -1\nNOOP\n",
	  STARTED "501 5.5.4 ", "M<a@b.c> R<x@y.z> X " },
	{ "BDAT with a word", 0, START "BDAT 1 FIRST\nxNOOP\n",
	  STARTED "501 5.5.4 ", "M<a@b.c> R<x@y.z> X " },
	{ "BDAT cut off", 0, START "BDAT 9 LAST\nabc",
	  STARTED, "M<a@b.c> R<x@y.z> [abc]X " },
	{ "BDAT pieces and the end", 0, START "BDAT 1\nx",
	  STARTED "250 2.0.0 ", "M<a@b.c> R<x@y.z> [x]X " },

	{ "SIZE said too large", SMALL,
	  HI "MAIL FROM:<a@b.c> SIZE=11\nMAIL FROM:<a@b.c> SIZE=10\n",
	  "220 " EHLO "552 5.3.4 250 2.0.0 ", "M<a@b.c> X " },
	{ "content just fits", SMALL, START "DATA\n12345678\n\n.\n",
	  STARTED "354 250 2.0.0 ", "M<a@b.c> R<x@y.z> [12345678\n\n]E " },
	{ "content too large", SMALL, START "DATA\n123456789\n\n.\nNOOP\n",
	  STARTED "354 552 5.3.4 250 2.0.0 ", NULL },
	{ "BDAT too large", SMALL,
	  START "BDAT 5\nabcdeBDAT 6\nfghijkBDAT 1 LAST\nxNOOP\n",
	  STARTED "250 2.0.0 552 5.3.4 503 5.5.1 250 2.0.0 ", NULL },
	{ "the last BDAT too large", SMALL,
	  START "BDAT 11 LAST\nabcdefghijkNOOP\n",
	  STARTED "552 5.3.4 250 2.0.0 ", NULL },

	{ "LMTP", LMTP,
	  "LHLO c\nMAIL FROM:<a@b.c>\nRCPT TO:<1@y.z>\nRCPT TO:<bad@y.z>\n"
	  "RCPT TO:<2@y.z>\nDATA\nx\n.\nQUIT\n",
	  "220 " EHLO "250 2.0.0 250 2.0.0 550 5.1.1 250 2.0.0 354 "
	  "250 2.0.0 250 2.0.0 221 2.0.0 ",
	  "M<a@b.c> R<1@y.z> R<bad@y.z> R<2@y.z> [x\n]E E " },
	{ "LMTP wants LHLO", LMTP, "EHLO c\nHELO c\nMAIL FROM:<a@b.c>\n",
	  "220 500 5.5.2 500 5.5.2 503 5.5.1 ", "" },
	{ "LMTP too large", LMTP | SMALL,
	  "LHLO c\nMAIL FROM:<a@b.c>\nRCPT TO:<1@y.z>\nRCPT TO:<2@y.z>\n"
	  "DATA\n123456789\n\n.\nNOOP\n",
	  "220 " EHLO "250 2.0.0 250 2.0.0 250 2.0.0 354 552 5.3.4 552 5.3.4 "
	  "250 2.0.0 ", NULL },
	{ "message refused", 0,
	  HI "MAIL FROM:<a@b.c>\nRCPT TO:<x@y.z>\nDATA\nSPAM\n.\n"
	  "RCPT TO:<x@y.z>\nMAIL FROM:<a@b.c>\n",
	  STARTED "354 550 5.1.1 503 5.5.1 250 2.0.0 ", NULL },
};

/* A driver that writes down what it is asked. */
struct driver {
	struct server s;
	struct buf said, events, content;
	bool spam;
};

static void flush_content(struct driver *d)
{
	if (d->content.len) {
		buf_addch(&d->events, '[');
		buf_add(&d->events, buf_str(&d->content));
		buf_addch(&d->events, ']');
	}
	buf_reset(&d->content);
}

static void answer(struct driver *d, struct str about)
{
	if (str_starts(about, STR("bad")))
		server_reply(&d->s, 550, "5.1.1", STR("5.1.1 no"));
	else if (str_starts(about, STR("late")))
		server_reply(&d->s, 450, "4.2.1", STR("later"));
	else
		server_reply(&d->s, 250, "", STR("ok"));
}

static void note(struct driver *d, const char *what, struct str about)
{
	flush_content(d);
	buf_addf(&d->events, "%s<%.*s> ", what, (int)about.n, about.p);
	answer(d, about);
}

/* True: it wants more input. */
static bool step(struct driver *d)
{
	struct server *s = &d->s;

	switch (server_want(s)) {
	case SERVER_SEND:
		assert_true(server_output(s).n > 0);
		buf_add(&d->said, (struct str){ server_output(s).p, 1 });
		server_sent(s, 1);
		return false;
	case SERVER_MAIL:
		note(d, "M", buf_str(&s->mail.from));
		return false;
	case SERVER_RCPT:
		note(d, "R", buf_str(&s->rcpt.addr));
		return false;
	case SERVER_CONTENT:
		assert_true(server_content(s).n > 0);
		buf_add(&d->content, server_content(s));
		server_taken(s);
		return false;
	case SERVER_END:
		d->spam = str_starts(buf_str(&d->content), STR("SPAM"));
		flush_content(d);
		buf_addz(&d->events, "E ");
		answer(d, d->spam ? STR("bad") : STR("ok"));
		return false;
	case SERVER_RESET:
		flush_content(d);
		buf_addz(&d->events, "X ");
		server_reset(s);
		return false;
	default:
		return true;
	}
}

static void driver_init(struct driver *d, const struct server_config *config)
{
	*d = (struct driver){ .spam = false };
	buf_init(&d->said, LOG_MAX);
	buf_init(&d->events, LOG_MAX);
	buf_init(&d->content, LOG_MAX);
	server_init(&d->s, config);
}

static void driver_release(struct driver *d)
{
	server_release(&d->s);
	buf_release(&d->said);
	buf_release(&d->events);
	buf_release(&d->content);
}

static void feed(struct driver *d, struct str in, size_t step_size)
{
	while (in.n) {
		size_t n = in.n < step_size ? in.n : step_size;

		while (!step(d))
			;
		if (server_want(&d->s) == SERVER_DONE)
			return;
		server_recv(&d->s, (struct str){ in.p, n });
		in.p += n;
		in.n -= n;
	}
	while (!step(d))
		;
}

static void hang_up(struct driver *d)
{
	if (server_want(&d->s) == SERVER_RECV)
		server_recv(&d->s, STR(""));
	while (!step(d))
		;
	assert_int_equal(server_want(&d->s), SERVER_DONE);
}

/* "250-" or "250 2.0.0 " for each line, which must end in CRLF. */
static void codes_of(struct str said, struct buf *out)
{
	while (said.n) {
		struct str line = str_cut(&said, '\n');
		struct str rest = line, word, enhanced;

		assert_true(line.n > 4 && line.p[line.n - 1] == '\r');
		assert_true(line.n < 600);
		if (line.p[3] == '-') {
			buf_add(out, (struct str){ line.p, 4 });
			continue;
		}
		word = str_cut(&rest, ' ');
		enhanced = str_cut(&rest, ' ');
		buf_add(out, word);
		buf_addch(out, ' ');
		if (enhanced.n == 5 && enhanced.p[1] == '.')
			buf_addf(out, "%.5s ", enhanced.p);
	}
}

static void run_row(const struct row *row, size_t first, size_t step_size)
{
	struct server_config config = {
		.name = "host.example.net", .lmtp = row->flags & LMTP,
		.size_max = row->flags & SMALL ? SMALL_SIZE : 0,
	};
	struct str in = str_of(row->in);
	struct driver d;
	struct buf codes;

	driver_init(&d, &config);
	buf_init(&codes, LOG_MAX);
	feed(&d, (struct str){ in.p, first }, step_size);
	feed(&d, (struct str){ in.p + first, in.n - first }, step_size);
	hang_up(&d);
	codes_of(buf_str(&d.said), &codes);
	if (strcmp(buf_cstr(&codes), row->codes) ||
	    (row->events && strcmp(buf_cstr(&d.events), row->events)))
		fail_msg("%s (cut at %zu by %zu):\n%s\n%s\nnot\n%s\n%s\n%s",
			 row->name, first, step_size, buf_cstr(&codes),
			 buf_cstr(&d.events), row->codes, row->events,
			 buf_cstr(&d.said));
	driver_release(&d);
	buf_release(&codes);
}

static void dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].in);

		for (size_t at = 0; at <= n; at++)
			run_row(&rows[i], at, n + 1);
		for (size_t by = 1; by < 5; by++)
			run_row(&rows[i], 0, by);
	}
}

/* A driver with everything fed and, unless EOF, still open. */
static void talk(struct driver *d, const struct server_config *config,
		 struct str in)
{
	driver_init(d, config);
	feed(d, in, SERVER_READ_MAX);
}

static const struct server_config plain = { .name = "h.example" };

static void banner(void **state)
{
	static const struct server_config lmtp = { .name = "h", .lmtp = true };
	static const struct server_config sized = { .name = "h",
		.size_max = 1000 };
	struct driver d;

	(void)state;
	talk(&d, &plain, STR("EHLO x\n"));
	assert_string_equal(buf_cstr(&d.said),
		"220 h.example ESMTP posthaste\r\n250-h.example\r\n"
		"250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
		"250-DSN\r\n250-CHUNKING\r\n250-SIZE\r\n"
		"250 ENHANCEDSTATUSCODES\r\n");
	driver_release(&d);
	talk(&d, &lmtp, STR(""));
	assert_string_equal(buf_cstr(&d.said), "220 h LMTP posthaste\r\n");
	driver_release(&d);
	talk(&d, &sized, STR("EHLO x\n"));
	assert_non_null(strstr(buf_cstr(&d.said), "250-SIZE 1000\r\n"));
	driver_release(&d);
}

/* A line is at most SERVER_LINE_MAX octets before its end, however it ends. */
static void long_lines(void **state)
{
	static const struct {
		size_t n;
		const char *end, *code;
	} lines[] = {
		{ SERVER_LINE_MAX, "\n", "250 " },
		{ SERVER_LINE_MAX, "\r\n", "250 " },
		{ SERVER_LINE_MAX + 1, "\n", "500 " },
		{ SERVER_LINE_MAX + 1, "\r\n", "500 " },
		{ SERVER_LINE_MAX + 2, "\n", "500 " },
		{ 1000000, "\r\n", "500 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		for (size_t by = 1; by < SERVER_READ_MAX; by = by * 3 + 5) {
			struct driver d;
			struct buf in;
			char *p;

			buf_init(&in, LOG_MAX);
			p = buf_room(&in, lines[i].n);
			memset(p, 'x', lines[i].n);
			memcpy(p, "NOOP ", 5);
			buf_grew(&in, lines[i].n);
			buf_addz(&in, lines[i].end);
			buf_addz(&in, "QUIT\n");
			driver_init(&d, &plain);
			feed(&d, buf_str(&in), by);
			p = strchr(d.said.p, '\n') + 1;
			assert_memory_equal(p, lines[i].code, 4);
			p = strchr(p, '\n') + 1;
			assert_memory_equal(p, "221 ", 4);
			assert_true(d.s.in.cap < 4 * SERVER_READ_MAX);
			driver_release(&d);
			buf_release(&in);
		}
	}
}

/* What a driver reads at its two wants. */
static void parameters(void **state)
{
	struct driver d;

	(void)state;
	driver_init(&d, &plain);
	feed(&d, STR("EHLO x\n"), 100);
	server_recv(&d.s, STR("MAIL FROM:<a@b> SIZE=7 BODY=8BITMIME RET=hdrs "
			      "ENVID=q SMTPUTF8\n"));
	assert_int_equal(server_want(&d.s), SERVER_MAIL);
	assert_int_equal(d.s.mail.size, 7);
	assert_int_equal(d.s.mail.body, BODY_8BIT);
	assert_string_equal(d.s.mail.ret, "HDRS");
	assert_string_equal(buf_cstr(&d.s.mail.envid), "q");
	assert_true(d.s.mail.utf8);
	server_reply(&d.s, 250, "", STR("ok"));
	while (!step(&d))
		;
	server_recv(&d.s, STR("RCPT TO:<\xc3\xa9@b> NOTIFY=never "
			      "ORCPT=rfc822;e@b\n"));
	assert_int_equal(server_want(&d.s), SERVER_RCPT);
	assert_string_equal(buf_cstr(&d.s.rcpt.addr), "\xc3\xa9@b");
	assert_string_equal(d.s.rcpt.notify, "NEVER");
	assert_string_equal(buf_cstr(&d.s.rcpt.orcpt), "rfc822;e@b");
	driver_release(&d);
}

static void many_recipients(void **state)
{
	struct driver d;

	(void)state;
	driver_init(&d, &plain);
	feed(&d, STR(HI "MAIL FROM:<a@b.c>\n"), 100);
	for (size_t i = 0; i < SERVER_RCPT_MAX; i++) {
		server_recv(&d.s, STR("RCPT TO:<x@y>\n"));
		assert_int_equal(server_want(&d.s), SERVER_RCPT);
		server_reply(&d.s, 250, "", STR(""));
		server_sent(&d.s, server_output(&d.s).n);
	}
	assert_int_equal(d.s.accepted, SERVER_RCPT_MAX);
	buf_reset(&d.said);
	feed(&d, STR("RCPT TO:<x@y>\nDATA\n"), 100);
	assert_memory_equal(buf_cstr(&d.said), "452 4.5.3 ", 10);
	assert_non_null(strstr(buf_cstr(&d.said), "\n354 "));
	driver_release(&d);
}

/* Everything at once: memory and stack do not grow with it. */
static void flood(void **state)
{
	struct driver d;
	struct buf in;

	(void)state;
	buf_init(&in, LOG_MAX);
	buf_addz(&in, START);
	while (in.len < LOG_MAX / 2)
		buf_addz(&in, "BDAT 0\n");
	driver_init(&d, &plain);
	feed(&d, buf_str(&in), SERVER_READ_MAX);
	assert_true(d.s.out.cap < 64 << 10);
	driver_release(&d);
	buf_release(&in);
}

static void closing(void **state)
{
	struct driver d;

	(void)state;
	driver_init(&d, &plain);
	feed(&d, STR(HI), 100);
	server_recv(&d.s, STR("MAIL FROM:<a@b>\nQUIT\n"));
	assert_int_equal(server_want(&d.s), SERVER_MAIL);
	buf_reset(&d.said);
	server_close(&d.s, "this host goes down");
	hang_up(&d);
	assert_string_equal(buf_cstr(&d.said),
			    "421 4.3.2 this host goes down\r\n");
	assert_string_equal(buf_cstr(&d.events), "");
	driver_release(&d);
}

static void verdicts(void **state)
{
	struct verdict v = { .outcome = OUTCOME_DEFERRED,
		.stage = STAGE_CONNECT, .kind = ERROR_NET,
		.text = STR("connection refused") };
	struct driver d;

	(void)state;
	driver_init(&d, &plain);
	feed(&d, STR(HI), 100);
	buf_reset(&d.said);
	server_recv(&d.s, STR("MAIL FROM:<a@b>\nRCPT TO:<x@y>\n"));
	server_verdict(&d.s, &v);
	while (!step(&d))
		;
	assert_memory_equal(buf_cstr(&d.said), "451 4.4.1 ", 10);
	/* It was no acceptance. */
	assert_non_null(strstr(buf_cstr(&d.said), "\n503 5.5.1 "));
	driver_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues), cmocka_unit_test(banner),
		cmocka_unit_test(long_lines), cmocka_unit_test(parameters),
		cmocka_unit_test(many_recipients), cmocka_unit_test(flood),
		cmocka_unit_test(closing), cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
