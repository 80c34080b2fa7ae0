#include "mail/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *name_of(enum outcome o, enum stage stage, int code,
			   enum error_kind kind)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s at %s, code %d, kind %d",
		 outcome_name(o), stage_name(stage), code, (int)kind);
	return text;
}

/* What the relay said, and what each scheme makes of it. */
static const struct {
	enum outcome outcome;
	enum stage stage;
	int code;
	const char *enhanced;
	int reply, sysexits;
} replies[] = {
	{ OUTCOME_SENT,     STAGE_CONTENT,  250, "2.0.0", 0,   0 },
	{ OUTCOME_SENT,     STAGE_CONTENT,  200, "",      0,   0 },

	{ OUTCOME_DEFERRED, STAGE_GREETING, 421, "",      21,  75 },
	{ OUTCOME_DEFERRED, STAGE_GREETING, 554, "",      214, 69 },
	{ OUTCOME_DEFERRED, STAGE_GREETING, 521, "",      181, 69 },
	{ OUTCOME_DEFERRED, STAGE_EHLO,     421, "",      21,  75 },
	{ OUTCOME_DEFERRED, STAGE_EHLO,     550, "",      210, 69 },
	{ OUTCOME_DEFERRED, STAGE_EHLO,     530, "",      190, 77 },
	{ OUTCOME_DEFERRED, STAGE_STARTTLS, 454, "",      54,  75 },
	{ OUTCOME_DEFERRED, STAGE_STARTTLS, 502, "",      162, 76 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     432, "4.7.12", 32, 75 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     454, "4.7.0", 54,  75 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     500, "",      160, 77 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     530, "5.7.0", 190, 77 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     534, "5.7.9", 194, 77 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     535, "5.7.8", 195, 77 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     538, "5.7.11", 198, 77 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     554, "",      214, 77 },

	{ OUTCOME_DEFERRED, STAGE_MAIL,     421, "",      21,  75 },
	{ OUTCOME_DEFERRED, STAGE_MAIL,     451, "4.3.0", 51,  75 },
	{ OUTCOME_DEFERRED, STAGE_MAIL,     452, "",      52,  75 },
	{ OUTCOME_FAILED,   STAGE_MAIL,     501, "",      161, 65 },
	{ OUTCOME_DEFERRED, STAGE_MAIL,     530, "5.7.0", 190, 77 },
	{ OUTCOME_FAILED,   STAGE_MAIL,     550, "5.1.8", 210, 69 },
	{ OUTCOME_FAILED,   STAGE_MAIL,     551, "",      211, 69 },
	{ OUTCOME_FAILED,   STAGE_MAIL,     552, "5.3.4", 212, 69 },
	{ OUTCOME_FAILED,   STAGE_MAIL,     553, "",      213, 65 },
	{ OUTCOME_FAILED,   STAGE_MAIL,     554, "",      214, 69 },
	{ OUTCOME_FAILED,   STAGE_MAIL,     555, "",      215, 69 },

	{ OUTCOME_DEFERRED, STAGE_RCPT,     450, "",      50,  75 },
	{ OUTCOME_DEFERRED, STAGE_RCPT,     451, "4.1.1", 51,  75 },
	{ OUTCOME_DEFERRED, STAGE_RCPT,     452, "4.5.3", 52,  75 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     501, "",      161, 69 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     501, "5.1.3", 161, 67 },
	{ OUTCOME_DEFERRED, STAGE_RCPT,     530, "",      190, 77 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     550, "",      210, 67 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     550, "5.7.1", 210, 67 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     551, "",      211, 67 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     552, "5.2.2", 212, 69 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     553, "",      213, 67 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     554, "",      214, 69 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     554, "5.1.1", 214, 67 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     554, "5.1",   214, 69 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     554, "5.10.1", 214, 69 },
	{ OUTCOME_FAILED,   STAGE_RCPT,     556, "",      216, 69 },

	{ OUTCOME_DEFERRED, STAGE_DATA,     451, "",      51,  75 },
	{ OUTCOME_FAILED,   STAGE_DATA,     550, "5.1.1", 210, 69 },
	{ OUTCOME_FAILED,   STAGE_DATA,     554, "",      214, 69 },
	{ OUTCOME_DEFERRED, STAGE_CONTENT,  421, "",      21,  75 },
	{ OUTCOME_DEFERRED, STAGE_CONTENT,  452, "",      52,  75 },
	{ OUTCOME_FAILED,   STAGE_CONTENT,  550, "5.1.1", 210, 69 },
	{ OUTCOME_FAILED,   STAGE_CONTENT,  552, "",      212, 69 },
	{ OUTCOME_FAILED,   STAGE_CONTENT,  554, "5.6.0", 214, 69 },

	/* The ends of the ranges, and what has no status of its own. */
	{ OUTCOME_DEFERRED, STAGE_CONTENT,  400, "",      75,  75 },
	{ OUTCOME_DEFERRED, STAGE_CONTENT,  401, "",      1,   75 },
	{ OUTCOME_DEFERRED, STAGE_CONTENT,  459, "",      59,  75 },
	{ OUTCOME_DEFERRED, STAGE_CONTENT,  460, "",      75,  75 },
	{ OUTCOME_DEFERRED, STAGE_CONTENT,  499, "",      75,  75 },
	{ OUTCOME_FAILED,   STAGE_CONTENT,  500, "",      160, 69 },
	{ OUTCOME_FAILED,   STAGE_CONTENT,  559, "",      219, 69 },
	{ OUTCOME_FAILED,   STAGE_CONTENT,  560, "",      69,  69 },
	{ OUTCOME_FAILED,   STAGE_CONTENT,  599, "",      69,  69 },

	/* Whatever was said before: it may have been taken, or not. */
	{ OUTCOME_UNKNOWN,  STAGE_CONTENT,  0,   "",      75,  75 },
	{ OUTCOME_UNKNOWN,  STAGE_CONTENT,  554, "",      75,  75 },
};

static void of_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		struct verdict v = { .outcome = replies[i].outcome,
			.stage = replies[i].stage, .code = replies[i].code };
		int reply, sysexits;

		memcpy(v.enhanced, replies[i].enhanced,
		       strlen(replies[i].enhanced));
		reply = status_of_verdict(STATUS_REPLY, &v);
		sysexits = status_of_verdict(STATUS_SYSEXITS, &v);
		if (reply != replies[i].reply || sysexits != replies[i].sysexits)
			fail_msg("%s '%s': %d and %d",
				 name_of(v.outcome, v.stage, v.code, 0),
				 v.enhanced, reply, sysexits);
	}
}

/* No reply to go by, or one that is not the reason. */
static const struct {
	enum outcome outcome;
	enum stage stage;
	enum error_kind kind;
	int code;
	int reply, sysexits;
} errors[] = {
	{ OUTCOME_DEFERRED, STAGE_CONNECT,  ERROR_NET,         0,   75,  75 },
	{ OUTCOME_DEFERRED, STAGE_CONNECT,  ERROR_HOST,        0,   68,  68 },
	{ OUTCOME_DEFERRED, STAGE_CONNECT,  ERROR_OS,          0,   71,  71 },
	{ OUTCOME_DEFERRED, STAGE_TLS,      ERROR_CERT,        0,   77,  77 },
	{ OUTCOME_DEFERRED, STAGE_TLS,      ERROR_TLS,         0,   76,  76 },
	{ OUTCOME_DEFERRED, STAGE_TLS,      ERROR_NET,         0,   75,  75 },
	{ OUTCOME_DEFERRED, STAGE_STARTTLS, ERROR_PROTOCOL,    0,   76,  76 },
	{ OUTCOME_DEFERRED, STAGE_STARTTLS, ERROR_PROTOCOL,    502, 162, 76 },
	{ OUTCOME_DEFERRED, STAGE_GREETING, ERROR_PROTOCOL,    0,   76,  76 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     ERROR_AUTH,        0,   77,  77 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     ERROR_PROTOCOL,    0,   76,  76 },
	{ OUTCOME_DEFERRED, STAGE_AUTH,     ERROR_CONFIG,      0,   78,  78 },
	{ OUTCOME_DEFERRED, STAGE_DATA,     ERROR_PROTOCOL,    250, 76,  76 },
	{ OUTCOME_FAILED,   STAGE_LOCAL,    ERROR_DATA,        0,   65,  65 },
	{ OUTCOME_FAILED,   STAGE_LOCAL,    ERROR_UNAVAILABLE, 0,   69,  69 },
	{ OUTCOME_DEFERRED, STAGE_LOCAL,    ERROR_SPACE,       0,   75,  75 },
	{ OUTCOME_DEFERRED, STAGE_LOCAL,    ERROR_IO,          0,   74,  74 },
	{ OUTCOME_UNKNOWN,  STAGE_CONTENT,  ERROR_NET,         0,   75,  75 },
	{ OUTCOME_UNKNOWN,  STAGE_CONTENT,  ERROR_PROTOCOL,    0,   75,  75 },
	/* Without any reason it is a bug of ours, and not success. */
	{ OUTCOME_PENDING,  STAGE_LOCAL,    ERROR_NONE,        0,   70,  70 },
	{ OUTCOME_DEFERRED, STAGE_DATA,     ERROR_NONE,        250, 70,  70 },
};

static void of_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct verdict v = { .outcome = errors[i].outcome,
			.stage = errors[i].stage, .kind = errors[i].kind,
			.code = errors[i].code };
		int reply = status_of_verdict(STATUS_REPLY, &v);
		int sysexits = status_of_verdict(STATUS_SYSEXITS, &v);

		if (reply != errors[i].reply || sysexits != errors[i].sysexits)
			fail_msg("%s: %d and %d", name_of(v.outcome, v.stage,
				 v.code, v.kind), reply, sysexits);
	}
}

/* Nothing but SENT is 0; no status means two things or dies of a signal. */
static void never_zero_never_ambiguous(void **state)
{
	(void)state;
	for (int code = 0; code < 600; code++)
		for (int stage = 0; stage <= STAGE_QUIT; stage++)
			for (int kind = 0; kind < ERROR_KINDS; kind++)
				for (int o = 0; o <= OUTCOME_UNKNOWN; o++) {
		struct verdict v = { .outcome = (enum outcome)o,
			.stage = (enum stage)stage,
			.kind = (enum error_kind)kind, .code = code };
		int reply = status_of_verdict(STATUS_REPLY, &v);
		int sysexits = status_of_verdict(STATUS_SYSEXITS, &v);
		bool sent = o == OUTCOME_SENT;

		if (sent != !reply || sent != !sysexits ||
		    (sysexits && (sysexits < 64 || sysexits > 78)) ||
		    (reply > 59 && reply < 64) || (reply > 78 && reply < 160) ||
		    reply > 219 || reply < 0)
			fail_msg("%s: %d and %d", name_of(v.outcome, v.stage,
				 code, v.kind), reply, sysexits);
	}
}

/* Recipients by letter, and which of them decides (from 0; -1: none). */
static const struct {
	const char *rcpts;
	int worst;
	int reply;
} envelopes[] = {
	{ "",     -1, 64 },
	{ "s",    -1, 0 },
	{ "sss",  -1, 0 },
	{ "f",     0, 210 },
	{ "sf",    1, 210 },
	{ "fs",    0, 210 },
	{ "d",     0, 50 },
	{ "sds",   1, 50 },
	{ "df",    1, 210 },	/* permanent before temporary */
	{ "fd",    0, 210 },
	{ "dfF",   1, 210 },	/* the first among equals */
	{ "dFf",   1, 214 },
	{ "dD",    0, 50 },
	{ "Dd",    0, 52 },
	{ "u",     0, 75 },
	{ "du",    0, 50 },
	{ "ud",    0, 75 },
	{ "uf",    1, 210 },
	{ "hF",    1, 214 },	/* held back by the other's refusal */
	{ "hd",    1, 50 },
	{ "h",     0, 75 },
	{ "ld",    0, 65 },
	{ "lf",    1, 210 },
	{ "sp",    1, 70 },	/* nobody may be left pending */
};

static struct verdict by_letter(char letter)
{
	static const struct { char letter; struct verdict v; } rows[] = {
		{ 's', { OUTCOME_SENT, STAGE_CONTENT, 0, 250, 0, "", { "", 0 } } },
		{ 'f', { OUTCOME_FAILED, STAGE_RCPT, 0, 550, 0, "", { "", 0 } } },
		{ 'F', { OUTCOME_FAILED, STAGE_RCPT, 0, 554, 0, "", { "", 0 } } },
		{ 'd', { OUTCOME_DEFERRED, STAGE_RCPT, 0, 450, 0, "", { "", 0 } } },
		{ 'D', { OUTCOME_DEFERRED, STAGE_RCPT, 0, 452, 0, "", { "", 0 } } },
		{ 'u', { OUTCOME_UNKNOWN, STAGE_CONTENT, ERROR_NET, 0, 0, "",
			 { "", 0 } } },
		{ 'h', { OUTCOME_DEFERRED, STAGE_LOCAL, ERROR_NET, 0, 0, "",
			 { "", 0 } } },
		{ 'l', { OUTCOME_FAILED, STAGE_LOCAL, ERROR_DATA, 0, 0, "",
			 { "", 0 } } },
	};
	size_t i = 0;

	while (rows[i].letter != letter)
		i++;
	return rows[i].v;
}

static void of_envelopes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(envelopes) / sizeof(*envelopes); i++) {
		const char *p = envelopes[i].rcpts;
		struct envelope e;
		int worst, status;

		envelope_init(&e);
		for (size_t k = 0; p[k]; k++) {
			envelope_add(&e, "a@example.org", "", "");
			if (p[k] != 'p') {
				struct verdict v = by_letter(p[k]);

				envelope_settle_one(&e, k, &v);
			}
		}
		worst = (int)status_worst(&e);
		status = status_of_envelope(STATUS_REPLY, &e);
		if (worst != (envelopes[i].worst < 0 ? (int)e.n_rcpt :
			      envelopes[i].worst) ||
		    status != envelopes[i].reply)
			fail_msg("'%s': %d, recipient %d", p, status, worst);
		envelope_release(&e);
	}
}

static void scheme_of_envelope(void **state)
{
	struct verdict v = by_letter('f');
	struct envelope e;

	(void)state;
	envelope_init(&e);
	envelope_add(&e, "a@example.org", "", "");
	envelope_settle(&e, &v);
	assert_int_equal(status_of_envelope(STATUS_SYSEXITS, &e), 67);
	envelope_release(&e);
}

static const struct {
	int status;
	const char *text;
} explained[] = {
	{ 0,   "0: every recipient was accepted by the relay" },
	{ 1,   "1: the relay replied 401: temporary refusal; try again later" },
	{ 21,  "21: the relay replied 421: the relay is closing the connection; "
	       "try again later" },
	{ 59,  "59: the relay replied 459: temporary refusal; try again later" },
	{ 64,  "64: usage: the command line is wrong, or names no recipient" },
	{ 75,  "75: temporary: network, timeout, no space, or the outcome is "
	       "unknown; try again" },
	{ 129, "129: ended by signal 1; nothing was reported" },
	{ 143, "143: ended by signal 15; nothing was reported" },
	{ 159, "159: ended by signal 31; nothing was reported" },
	{ 160, "160: the relay replied 500: the relay does not know the command" },
	{ 195, "195: the relay replied 535: the relay refused the user name or "
	       "password" },
	{ 210, "210: the relay replied 550: the mailbox is not available, or "
	       "policy refused it" },
	{ 219, "219: the relay replied 559: permanent refusal" },
};

static bool has_meaning(int status)
{
	return (status >= 0 && status <= 59) ||
	       (status >= 64 && status <= 78 && status != 72) ||
	       (status >= 129 && status <= 219);
}

static void every_status_explained(void **state)
{
	char prefix[16];
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (int status = -1; status < 300; status++) {
		bool known = status_explain(&out, status);

		snprintf(prefix, sizeof(prefix), "%d: ", status);
		if (known != has_meaning(status) || known != (out.len > 0) ||
		    (known && !str_starts(buf_str(&out), str_of(prefix))) ||
		    str_has_ctl(buf_str(&out)))
			fail_msg("%d: '%s'", status, buf_cstr(&out));
		buf_reset(&out);
	}
	for (size_t i = 0; i < sizeof(explained) / sizeof(*explained); i++) {
		assert_true(status_explain(&out, explained[i].status));
		assert_string_equal(buf_cstr(&out), explained[i].text);
		buf_reset(&out);
	}
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_replies),
		cmocka_unit_test(of_errors),
		cmocka_unit_test(never_zero_never_ambiguous),
		cmocka_unit_test(of_envelopes),
		cmocka_unit_test(scheme_of_envelope),
		cmocka_unit_test(every_status_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
