#include "smtp/argument.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* want: "from size body utf8 ret envid", or the start of the refusal. */
static const struct {
	const char *in, *want;
} mails[] = {
	{ "FROM:<a@b.c>", "<a@b.c> 0 0 0 - -" },
	{ "from:<a@b.c>", "<a@b.c> 0 0 0 - -" },
	{ "FROM: <a@b.c>", "<a@b.c> 0 0 0 - -" },
	{ "FROM:a@b.c SIZE=5", "<a@b.c> 5 0 0 - -" },
	{ "FROM:<>", "<> 0 0 0 - -" },
	{ "FROM:<root>", "<root> 0 0 0 - -" },
	{ "FROM:<@x.y,@z:a@b.c>", "<a@b.c> 0 0 0 - -" },
	{ "FROM:<\"a b>\\\"\"@c.d> BODY=7bit",
	  "<\"a b>\\\"\"@c.d> 0 0 0 - -" },
	{ "FROM:<a@b> size=10 body=8bitmime SMTPUTF8 RET=FULL ENVID=x+2B",
	  "<a@b> 10 1 1 FULL x+2B" },
	{ "FROM:<a@b>  AUTH=<>  RET=hdrs ", "<a@b> 0 0 0 HDRS -" },
	{ "FROM:<a@b> AUTH=e+3Dmc2@example.com", "<a@b> 0 0 0 - -" },
	{ "FROM:<\xc3\xa9@b> SMTPUTF8", "<\xc3\xa9@b> 0 0 1 - -" },
	{ "FROM:<\xc3\xa9@b>", "553 5.6.7 " },
	{ "FROM:<\xe9@b> SMTPUTF8", "501 5.1.7 " },
	{ "", "501 5.1.7 " },
	{ "FROM", "501 5.1.7 " },
	{ "TO:<a@b>", "501 5.1.7 " },
	{ "FROM <a@b>", "501 5.1.7 " },
	{ "FROM:", "501 5.1.7 " },
	{ "FROM:<a@b", "501 5.1.7 " },
	{ "FROM:<a@b>SIZE=1", "501 5.1.7 " },
	{ "FROM:<a@b,c@d>", "501 5.1.7 " },
	{ "FROM:<\"a@b>", "501 5.1.7 " },
	{ "FROM:<a b@c>", "501 5.1.7 " },
	{ "FROM:<x <a@b>", "501 5.1.7 " },
	{ "FROM:<a@b> SIZE", "501 5.5.4 " },
	{ "FROM:<a@b> SIZE=", "501 5.5.4 " },
	{ "FROM:<a@b> SIZE=x", "501 5.5.4 " },
	{ "FROM:<a@b> SIZE=-1", "501 5.5.4 " },
	{ "FROM:<a@b> SIZE=99999999999999999999", "501 5.5.4 " },
	{ "FROM:<a@b> SIZE=1 SIZE=1", "501 5.5.4 " },
	{ "FROM:<a@b> BODY=BINARYMIME", "501 5.5.4 " },
	{ "FROM:<a@b> SMTPUTF8=", "501 5.5.4 " },
	{ "FROM:<a@b> SMTPUTF8=1", "501 5.5.4 " },
	{ "FROM:<a@b> RET=SOME", "501 5.5.4 " },
	{ "FROM:<a@b> ENVID=+zz", "501 5.5.4 " },
	{ "FROM:<a@b> AUTH=+", "501 5.5.4 " },
	{ "FROM:<a@b> REQUIRETLS", "555 5.5.4 " },
	{ "FROM:<a@b> =1", "555 5.5.4 " },
	{ "FROM:<a@b> NOTIFY=NEVER", "555 5.5.4 " },
};

/* want: "addr notify orcpt". */
static const struct {
	const char *in;
	bool utf8;
	const char *want;
} rcpts[] = {
	{ "TO:<a@b.c>", false, "<a@b.c> - -" },
	{ "to: a@b.c", false, "<a@b.c> - -" },
	{ "TO:<postmaster>", false, "<postmaster> - -" },
	{ "TO:<a@b> NOTIFY=delay,failure ORCPT=rfc822;q+2B@b", false,
	  "<a@b> FAILURE,DELAY rfc822;q+2B@b" },
	{ "TO:<a@b> NOTIFY=NEVER", false, "<a@b> NEVER -" },
	{ "TO:<\xc3\xa9@b>", true, "<\xc3\xa9@b> - -" },
	{ "TO:<\xc3\xa9@b>", false, "553 5.6.7 " },
	{ "TO:<>", false, "501 5.1.3 " },
	{ "TO:", false, "501 5.1.3 " },
	{ "FROM:<a@b>", false, "501 5.1.3 " },
	{ "TO:<a@b> NOTIFY=NEVER,DELAY", false, "501 5.5.4 " },
	{ "TO:<a@b> NOTIFY", false, "501 5.5.4 " },
	{ "TO:<a@b> ORCPT=a@b", false, "501 5.5.4 " },
	{ "TO:<a@b> ORCPT=;a", false, "501 5.5.4 " },
	{ "TO:<a@b> ORCPT=rfc822;", false, "501 5.5.4 " },
	{ "TO:<a@b> ORCPT=rfc822;a=b", false, "501 5.5.4 " },
	{ "TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER", false, "501 5.5.4 " },
	{ "TO:<a@b> SIZE=1", false, "555 5.5.4 " },
};

static const char *or_dash(const char *text)
{
	return *text ? text : "-";
}

static void check(const char *in, const char *want, const char *got,
		  bool refused)
{
	bool same = refused ? !strncmp(got, want, 10) : !strcmp(got, want);

	if (!same)
		fail_msg("'%s': '%s', not '%s'", in, got, want);
}

static void mail(void **state)
{
	struct mail_argument m;

	(void)state;
	mail_argument_init(&m);
	for (size_t i = 0; i < sizeof(mails) / sizeof(*mails); i++) {
		const char *wrong = mail_argument_parse(&m,
							str_of(mails[i].in));
		char got[200];

		snprintf(got, sizeof(got), "<%s> %u %d %d %s %s",
			 buf_cstr(&m.from), (unsigned)m.size, (int)m.body,
			 m.utf8, or_dash(m.ret), or_dash(buf_cstr(&m.envid)));
		check(mails[i].in, mails[i].want, wrong ? wrong : got, wrong);
	}
	mail_argument_release(&m);
}

static void rcpt(void **state)
{
	struct rcpt_argument r;

	(void)state;
	rcpt_argument_init(&r);
	for (size_t i = 0; i < sizeof(rcpts) / sizeof(*rcpts); i++) {
		const char *wrong = rcpt_argument_parse(&r,
				str_of(rcpts[i].in), rcpts[i].utf8);
		char got[200];

		snprintf(got, sizeof(got), "<%s> %s %s", buf_cstr(&r.addr),
			 or_dash(r.notify), or_dash(buf_cstr(&r.orcpt)));
		check(rcpts[i].in, rcpts[i].want, wrong ? wrong : got, wrong);
	}
	rcpt_argument_release(&r);
}

/* ORCPT is at most 500 octets, an address what mail/address takes. */
static void lengths(void **state)
{
	struct rcpt_argument r;
	char text[2000];

	(void)state;
	rcpt_argument_init(&r);
	for (int n = 491; n <= 495; n++) {
		bool bad;

		snprintf(text, sizeof(text), "TO:<a@b> ORCPT=rfc822;%0*d", n, 0);
		bad = rcpt_argument_parse(&r, str_of(text), false);
		assert_int_equal(bad, n + 7 > 500);
		assert_int_equal(r.orcpt.len, bad ? 0 : n + 7);
	}
	snprintf(text, sizeof(text), "TO:<%01200d@b>", 0);
	assert_non_null(rcpt_argument_parse(&r, str_of(text), false));
	rcpt_argument_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail), cmocka_unit_test(rcpt),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
