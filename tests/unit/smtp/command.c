#include "smtp/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ALL = (CAP_PRIORITY << 1) - 1 };

/* What an envelope holds in these tests; the rest is absent. */
struct asked {
	const char *from, *ret, *envid, *by, *hold, *priority;
	uint64_t size;
	enum body_kind body;
	bool utf8, tls;
};

static void fill(struct envelope *e, const struct asked *a)
{
	envelope_init(e);
	e->from = a->from;
	e->ret = a->ret ? a->ret : "";
	e->envid = a->envid ? a->envid : "";
	e->deliver_by = a->by ? a->by : "";
	e->hold = a->hold ? a->hold : "";
	e->priority = a->priority ? a->priority : "";
	e->size = a->size;
	e->body = a->body;
	e->utf8 = a->utf8;
	e->require_tls = a->tls;
}

static const struct {
	struct asked asked;
	unsigned caps;
	const char *want;
} mail[] = {
	{ { .from = "a@x" }, 0, "MAIL FROM:<a@x>" },
	{ { "a@x", .size = 1 }, ALL, "MAIL FROM:<a@x> SIZE=1" },
	{ { .from = "" }, 0, "MAIL FROM:<>" },
	{ { "a@x", .size = 5000000000 }, CAP_SIZE,
	  "MAIL FROM:<a@x> SIZE=5000000000" },
	{ { "a@x", .size = 10 }, 0, "MAIL FROM:<a@x>" },
	{ { "a@x", .body = BODY_8BIT }, CAP_8BITMIME,
	  "MAIL FROM:<a@x> BODY=8BITMIME" },
	{ { "a@x", .body = BODY_7BIT }, CAP_8BITMIME, "MAIL FROM:<a@x>" },
	{ { "a@x", .body = BODY_8BIT }, CAP_BINARYMIME, "MAIL FROM:<a@x>" },
	{ { "a@x", .body = BODY_BINARY },
	  CAP_BINARYMIME | CAP_8BITMIME | CAP_CHUNKING,
	  "MAIL FROM:<a@x> BODY=BINARYMIME" },
	/* RFC 3030 s3: never by DATA. */
	{ { "a@x", .body = BODY_BINARY }, CAP_BINARYMIME | CAP_8BITMIME,
	  "MAIL FROM:<a@x> BODY=8BITMIME" },
	{ { "a@x", .body = BODY_BINARY }, CAP_8BITMIME,
	  "MAIL FROM:<a@x> BODY=8BITMIME" },
	{ { "\xc3\xa4@x", .utf8 = true }, CAP_SMTPUTF8,
	  "MAIL FROM:<\xc3\xa4@x> SMTPUTF8" },
	{ { "a@x", .ret = "FULL", .envid = "Q1" }, CAP_DSN,
	  "MAIL FROM:<a@x> RET=FULL ENVID=Q1" },
	{ { "a@x", .ret = "FULL", .envid = "Q1" },
	  ~(unsigned)(CAP_DSN | CAP_SIZE) & ALL, "MAIL FROM:<a@x>" },
	{ { "a@x", .ret = "HDRS" }, CAP_DSN, "MAIL FROM:<a@x> RET=HDRS" },
	{ { "a@x", .envid = "Q1" }, CAP_DSN, "MAIL FROM:<a@x> ENVID=Q1" },
	{ { "a@x", .tls = true }, CAP_REQUIRETLS, "MAIL FROM:<a@x> REQUIRETLS" },
	{ { "a@x", .by = "60;N" }, CAP_DELIVERBY, "MAIL FROM:<a@x> BY=60;N" },
	{ { "a@x", .hold = "HOLDFOR=9" }, CAP_HOLD, "MAIL FROM:<a@x> HOLDFOR=9" },
	{ { "a@x", .priority = "-9" }, CAP_PRIORITY,
	  "MAIL FROM:<a@x> MT-PRIORITY=-9" },
};

static void mail_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mail) / sizeof(*mail); i++) {
		struct ehlo ehlo = { .caps = mail[i].caps };
		struct envelope e;
		struct buf line;

		fill(&e, &mail[i].asked);
		buf_init(&line, 1000);
		command_mail(&line, &e, &ehlo);
		if (strcmp(buf_cstr(&line), mail[i].want))
			fail_msg("row %zu: '%s'", i, buf_cstr(&line));
		buf_release(&line);
		envelope_release(&e);
	}
}

static const struct {
	struct rcpt rcpt;
	unsigned caps;
	const char *want;
} rcpt[] = {
	{ { "b@x", "", "", 0, 0 }, ALL, "RCPT TO:<b@x>" },
	{ { "b@x", "NEVER", "rfc822;b@y", 0, 0 }, CAP_DSN,
	  "RCPT TO:<b@x> NOTIFY=NEVER ORCPT=rfc822;b@y" },
	{ { "b@x", "NEVER", "rfc822;b@y", 0, 0 }, 0, "RCPT TO:<b@x>" },
	{ { "b@x", "NEVER", "", 0, 0 }, CAP_DSN, "RCPT TO:<b@x> NOTIFY=NEVER" },
	{ { "b@x", "", "rfc822;b@y", 0, 0 }, CAP_DSN,
	  "RCPT TO:<b@x> ORCPT=rfc822;b@y" },
};

static void rcpt_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rcpt) / sizeof(*rcpt); i++) {
		struct ehlo ehlo = { .caps = rcpt[i].caps };
		struct buf line;

		buf_init(&line, 1000);
		command_rcpt(&line, &rcpt[i].rcpt, &ehlo);
		if (strcmp(buf_cstr(&line), rcpt[i].want))
			fail_msg("row %zu: '%s'", i, buf_cstr(&line));
		buf_release(&line);
	}
}

static const struct {
	struct asked asked;
	unsigned caps;
	uint64_t size_max;
	bool secure;
	enum error_kind kind;	/* NONE: it can go */
	const char *why;
} checks[] = {
	{ { "a@x", .size = 100 }, 0, 0, false, ERROR_NONE, "" },
	{ { "a@x", .size = 100 }, CAP_SIZE, 0, false, ERROR_NONE, "" },
	{ { "a@x", .size = 100 }, CAP_SIZE, 100, false, ERROR_NONE, "" },
	{ { "a@x", .size = 101 }, CAP_SIZE, 100, false, ERROR_DATA,
	  "the message is 101 octets and the relay takes 100" },
	{ { "a@x", .utf8 = true }, CAP_SMTPUTF8, 0, false, ERROR_NONE, "" },
	{ { "a@x", .utf8 = true }, ~(unsigned)CAP_SMTPUTF8 & ALL, 0, true,
	  ERROR_DATA, "SMTPUTF8" },
	{ { "a@x", .ret = "FULL", .envid = "Q" }, 0, 0, false, ERROR_NONE, "" },
	{ { "a@x", .tls = true }, CAP_REQUIRETLS, 0, true, ERROR_NONE, "" },
	{ { "a@x", .tls = true }, CAP_REQUIRETLS, 0, false, ERROR_PROTOCOL,
	  "TLS is off" },
	{ { "a@x", .tls = true }, 0, 0, true, ERROR_PROTOCOL, "REQUIRETLS" },
	{ { "a@x", .by = "60;N" }, CAP_DELIVERBY, 0, false, ERROR_NONE, "" },
	{ { "a@x", .by = "60;N" }, 0, 0, false, ERROR_PROTOCOL, "DELIVERBY" },
	{ { "a@x", .hold = "HOLDFOR=9" }, CAP_HOLD, 0, false, ERROR_NONE, "" },
	{ { "a@x", .hold = "HOLDFOR=9" }, 0, 0, false, ERROR_PROTOCOL,
	  "FUTURERELEASE" },
	{ { "a@x", .priority = "3" }, CAP_PRIORITY, 0, false, ERROR_NONE, "" },
	{ { "a@x", .priority = "3" }, 0, 0, false, ERROR_PROTOCOL,
	  "MT-PRIORITY" },
};

static void can_it_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct ehlo ehlo = { .caps = checks[i].caps,
			.size_max = checks[i].size_max };
		struct error err = { ERROR_NONE, "" };
		struct envelope e;
		int ret;

		fill(&e, &checks[i].asked);
		ret = command_check(&e, &ehlo, checks[i].secure, &err);
		if (ret != (checks[i].kind ? -1 : 0) ||
		    err.kind != checks[i].kind || !strstr(err.text, checks[i].why))
			fail_msg("row %zu: %d, '%s'", i, ret, err.text);
		envelope_release(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_lines),
		cmocka_unit_test(rcpt_lines),
		cmocka_unit_test(can_it_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
