#include "deliver/adapt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/tempfile.h"

/* A message as it is taken in from a file with this text. */
static void take(struct intake *in, const char *text)
{
	struct error err = { 0 };
	int fd = tempfile_open(&err);

	assert_true(fd >= 0);
	assert_int_equal(tempfile_write(fd, text, strlen(text), &err), 0);
	lseek(fd, 0, SEEK_SET);
	intake_init(in);
	assert_int_equal(intake_take(in, fd, "input", 0, &err), 0);
	close(fd);
}

/* The whole of it; caller frees. */
static char *text_of(const struct message *m)
{
	size_t n = (size_t)message_size(m);
	char *text = calloc(1, n + 1);
	struct error err;

	assert_non_null(text);
	assert_int_equal(intake_read(m, 0, text, n, &err), 0);
	return text;
}

#define ACE "xn--bcher-kva.example"
#define IDN "b\xc3\xbc" "cher.example"

/* rcpts: up to three; those that are "" are none.  NULL: it is refused. */
static const struct {
	const char *name;
	unsigned caps;
	const char *from, *rcpt[3];
	bool utf8;
	const char *from_out, *out[3];
} rows[] = {
	{ "ASCII", 0, "a@b", { "c@d", "e@f", "" }, false,
	  "a@b", { "c@d", "e@f", "" } },
	{ "ASCII, SMTPUTF8", CAP_SMTPUTF8, "a@b", { "c@d", "", "" }, false,
	  "a@b", { "c@d", "", "" } },
	{ "null sender", 0, "", { "c@d", "", "" }, false,
	  "", { "c@d", "", "" } },
	{ "domains, SMTPUTF8", CAP_SMTPUTF8, "a@" IDN, { "c@" IDN, "", "" },
	  true, "a@" IDN, { "c@" IDN, "", "" } },
	{ "one of many, SMTPUTF8", CAP_SMTPUTF8, "a@b",
	  { "c@d", "c@e", "\xc3\xb6@f" }, true,
	  "a@b", { "c@d", "c@e", "\xc3\xb6@f" } },
	{ "domains", 0, "a@" IDN, { "c@" IDN, "c@d", "" }, false,
	  "a@" ACE, { "c@" ACE, "c@d", "" } },
	{ "a domain of the last", 0, "a@b", { "c@d", "c@e", "c@" IDN }, false,
	  "a@b", { "c@d", "c@e", "c@" ACE } },
	{ "a local part", 0, "a@b", { "c@d", "\xc3\xb6@" IDN, "e@" IDN }, false,
	  "a@b", { "c@d", NULL, "e@" ACE } },
	{ "a domain that is none", 0, "a@b", { "c@\xcc\x81" "a.d", "c@d", "" },
	  false, "a@b", { NULL, "c@d", "" } },
	{ "all refused", 0, "a@b", { "\xc3\xb6@b", "\xc3\xa4@b", "" }, false,
	  "a@b", { NULL, NULL, "" } },
};

static void check_row(size_t row, const struct envelope *e)
{
	if (strcmp(e->from, rows[row].from_out) != 0 ||
	    e->utf8 != rows[row].utf8)
		fail_msg("%s: from %s", rows[row].name, e->from);
	for (size_t i = 0; i < e->n_rcpt; i++) {
		const struct verdict *v = envelope_verdict(e, i);
		const char *want = rows[row].out[i];

		if (envelope_pending(e, i) != (want != NULL) ||
		    strcmp(e->rcpt[i].addr, want ? want : rows[row].rcpt[i]))
			fail_msg("%s: %s", rows[row].name, e->rcpt[i].addr);
		if (want)
			continue;
		assert_int_equal(v->outcome, OUTCOME_FAILED);
		assert_int_equal(v->stage, STAGE_LOCAL);
		assert_int_equal(v->kind, ERROR_DATA);
		assert_true(v->text.n > 0);
	}
}

static void addresses(void **state)
{
	struct intake in;

	(void)state;
	take(&in, "Subject: s\n\nx\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ehlo ehlo = { .caps = rows[i].caps };
		struct error err = { 0 };
		struct adapted a;
		struct envelope e;

		envelope_init(&e);
		e.from = rows[i].from;
		for (int k = 0; k < 3; k++)
			if (*rows[i].rcpt[k])
				envelope_add(&e, rows[i].rcpt[k], "", "");
		if (adapt(&a, &e, &in.message, &ehlo, &err))
			fail_msg("%s: %s", rows[i].name, err.text);
		check_row(i, &e);
		adapt_release(&a, &e);
		assert_ptr_equal(e.from, rows[i].from);
		for (size_t k = 0; k < e.n_rcpt; k++)
			assert_ptr_equal(e.rcpt[k].addr, rows[i].rcpt[k]);
		envelope_release(&e);
	}
	intake_release(&in);
}

/* Nothing more is said about one that is settled. */
static void settled_recipients_stay(void **state)
{
	const struct verdict sent = { .outcome = OUTCOME_SENT, .code = 250,
		.text = { "ok", 2 } };
	static const unsigned caps[] = { 0, CAP_SMTPUTF8 };
	struct intake in;

	(void)state;
	take(&in, "Subject: s\n\nx\n");
	for (int i = 0; i < 2; i++) {
		struct ehlo ehlo = { .caps = caps[i] };
		struct error err = { 0 };
		struct adapted a;
		struct envelope e;

		envelope_init(&e);
		envelope_add(&e, "c@" IDN, "", "");
		envelope_add(&e, "a@b", "", "");
		envelope_settle_one(&e, 0, &sent);
		assert_int_equal(adapt(&a, &e, &in.message, &ehlo, &err), 0);
		assert_int_equal(envelope_verdict(&e, 0)->outcome,
				 OUTCOME_SENT);
		assert_string_equal(e.rcpt[0].addr, "c@" IDN);
		assert_false(e.utf8);
		adapt_release(&a, &e);
		envelope_release(&e);
	}
	intake_release(&in);
}

static void senders_that_cannot_be(void **state)
{
	struct ehlo ehlo = { .caps = 0 };
	struct error err = { 0 };
	struct adapted a;
	struct envelope e;
	struct intake in;

	(void)state;
	take(&in, "Subject: s\n\nx\n");
	envelope_init(&e);
	e.from = "\xc3\xb6@b";
	envelope_add(&e, "c@" IDN, "", "");
	assert_int_equal(adapt(&a, &e, &in.message, &ehlo, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	assert_string_equal(err.text, "sender: the address is not ASCII and "
			    "the relay does not offer SMTPUTF8");
	adapt_release(&a, &e);
	assert_string_equal(e.from, "\xc3\xb6@b");
	assert_string_equal(e.rcpt[0].addr, "c@" IDN);
	envelope_release(&e);
	intake_release(&in);
}

#define MIME "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" \
	"Content-Transfer-Encoding: 8bit\n\n"

/* says: what the message that goes out contains; same: it is the original. */
static const struct {
	const char *name, *text;
	unsigned caps;
	enum body_kind body;
	bool same;
	const char *says;
} contents[] = {
	{ "7-bit", "Subject: s\n\nx\n", 0, BODY_7BIT, true, "\r\n\r\nx\r\n" },
	{ "7-bit, 8BITMIME", "Subject: s\n\nx\n", CAP_8BITMIME, BODY_7BIT,
	  true, "\r\n\r\nx\r\n" },
	{ "8-bit, 8BITMIME", MIME "caf\xc3\xa9\n", CAP_8BITMIME, BODY_8BIT,
	  true, "\r\n\r\ncaf\xc3\xa9\r\n" },
	{ "8-bit", MIME "caf\xc3\xa9\n", 0, BODY_7BIT, false,
	  "\r\n\r\ncaf=C3=A9\r\n" },
	{ "8-bit header", "Subject: caf\xc3\xa9\n\nx\n", CAP_8BITMIME,
	  BODY_8BIT, true, "Subject: caf\xc3\xa9\r\n" },
};

static void content(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
		struct ehlo ehlo = { .caps = contents[i].caps };
		struct error err = { 0 };
		char *before, *after;
		struct adapted a;
		struct envelope e;
		struct intake in;

		take(&in, contents[i].text);
		before = text_of(&in.message);
		envelope_init(&e);
		if (adapt(&a, &e, &in.message, &ehlo, &err))
			fail_msg("%s: %s", contents[i].name, err.text);
		after = text_of(&a.message);
		if (e.body != contents[i].body || e.size != strlen(after) ||
		    !strcmp(before, after) != contents[i].same ||
		    !strstr(after, contents[i].says))
			fail_msg("%s: '%s'", contents[i].name, after);
		free(after);
		adapt_release(&a, &e);
		/* The original is as it was, for another relay. */
		after = text_of(&in.message);
		assert_string_equal(after, before);
		free(after);
		free(before);
		envelope_release(&e);
		intake_release(&in);
	}
}

static int as_binary(void *ctx, struct message *out, struct error *err)
{
	(void)err;
	*out = *(struct message *)ctx;
	out->binary = true;
	return 0;
}

/* The other form of a message that was built: only where it can be taken. */
static void binary_forms(void **state)
{
	static const struct { unsigned caps; enum body_kind body; } to[] = {
		{ CAP_CHUNKING | CAP_BINARYMIME | CAP_8BITMIME, BODY_BINARY },
		{ CAP_CHUNKING, BODY_7BIT }, { CAP_BINARYMIME, BODY_7BIT },
		{ 0, BODY_7BIT },
	};
	struct intake in, other;

	(void)state;
	take(&in, "Subject: s\n\nx\n");
	take(&other, "Subject: s\n\nlonger\n");
	for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++) {
		struct ehlo ehlo = { .caps = to[i].caps };
		struct message m = in.message;
		struct error err = { 0 };
		struct adapted a;
		struct envelope e;

		m.make_binary = as_binary;
		m.ctx = &other.message;
		envelope_init(&e);
		assert_int_equal(adapt(&a, &e, &m, &ehlo, &err), 0);
		if (e.body != to[i].body || e.size != message_size(
		    to[i].body == BODY_BINARY ? &other.message : &m))
			fail_msg("row %zu: body %d", i, (int)e.body);
		adapt_release(&a, &e);
		envelope_release(&e);
	}
	intake_release(&in);
	intake_release(&other);
}

/* What is signed must not be altered: refused, with everything put back. */
static void what_cannot_be_converted(void **state)
{
	struct ehlo ehlo = { .caps = 0 };
	struct error err = { 0 };
	struct adapted a;
	struct envelope e;
	struct intake in;

	(void)state;
	take(&in, "MIME-Version: 1.0\nContent-Type: multipart/signed; "
	     "boundary=b\n\n--b\nContent-Transfer-Encoding: 8bit\n\n"
	     "caf\xc3\xa9\n--b\n\nx\n--b--\n");
	envelope_init(&e);
	e.from = "a@" IDN;
	envelope_add(&e, "c@" IDN, "", "");
	assert_int_equal(adapt(&a, &e, &in.message, &ehlo, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	adapt_release(&a, &e);
	assert_string_equal(e.from, "a@" IDN);
	assert_string_equal(e.rcpt[0].addr, "c@" IDN);
	assert_true(envelope_pending(&e, 0));
	envelope_release(&e);
	intake_release(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(settled_recipients_stay),
		cmocka_unit_test(senders_that_cannot_be),
		cmocka_unit_test(content),
		cmocka_unit_test(binary_forms),
		cmocka_unit_test(what_cannot_be_converted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
