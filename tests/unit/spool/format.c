#include "spool/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/xalloc.h"

#define FIRST "posthaste 1 1700000000 1000 work\n"
#define SENDER "F a@x head=10 lines=2 longest=7,1 body=7bit\n"

static const struct {
	const char *name, *text;
	enum format_fault fault;
} rows[] = {
	{ "good", FIRST SENDER "P b@y\n\n", FORMAT_GOOD },
	{ "every status", FIRST SENDER "P b@y\nD b@y\nF b@y\nU b@y\n\n",
	  FORMAT_GOOD },
	{ "null sender, no account", "posthaste 1 0 0 \nF \nP b@y\n\n",
	  FORMAT_GOOD },
	{ "parameters", FIRST "F a@x ret=FULL envid=a+2B2Bb by=1;R "
	  "hold=HOLDFOR+3D60 priority=-3 utf8=1 all=1 requiretls=1 binary=1 "
	  "eightbit=1\nP b@y notify=NEVER orcpt=rfc822;b+2B40y\n\n",
	  FORMAT_GOOD },
	{ "nothing", "", FORMAT_CORRUPT },
	{ "no recipient", FIRST SENDER "\n", FORMAT_CORRUPT },
	{ "no blank line", FIRST SENDER "P b@y\n", FORMAT_CORRUPT },
	{ "more after it", FIRST SENDER "P b@y\n\nx", FORMAT_CORRUPT },
	{ "other magic", "posthasty 1 0 0 \n" SENDER "P b@y\n\n",
	  FORMAT_CORRUPT },
	{ "later version", "posthaste 2 0 0 \n" SENDER "P b@y\n\n",
	  FORMAT_FUTURE },
	{ "no account", "posthaste 1 0 0\n" SENDER "P b@y\n\n",
	  FORMAT_CORRUPT },
	{ "a word more", "posthaste 1 0 0 a b\n" SENDER "P b@y\n\n",
	  FORMAT_CORRUPT },
	{ "time of letters", "posthaste 1 x 0 a\n" SENDER "P b@y\n\n",
	  FORMAT_CORRUPT },
	{ "uid too large", "posthaste 1 0 4294967296 a\n" SENDER "P b@y\n\n",
	  FORMAT_CORRUPT },
	{ "no sender line", FIRST "P b@y\n\n", FORMAT_CORRUPT },
	{ "status X", FIRST SENDER "X b@y\n\n", FORMAT_CORRUPT },
	{ "status of two", FIRST SENDER "PP b@y\n\n", FORMAT_CORRUPT },
	{ "empty recipient", FIRST SENDER "P  notify=NEVER\n\n",
	  FORMAT_CORRUPT },
	{ "status alone", FIRST SENDER "P\n\n", FORMAT_CORRUPT },
	{ "status and blank", FIRST SENDER "P \n\n", FORMAT_CORRUPT },
	{ "blank at the end", FIRST SENDER "P b@y \n\n", FORMAT_CORRUPT },
	{ "two blanks", FIRST SENDER "P b@y  notify=NEVER\n\n",
	  FORMAT_CORRUPT },
	{ "encoded line end", FIRST SENDER "P b@y+0AP\n\n", FORMAT_CORRUPT },
	{ "encoded NUL", FIRST SENDER "P b@y+00\n\n", FORMAT_CORRUPT },
	{ "encoded DEL", FIRST SENDER "P b@y+7F\n\n", FORMAT_CORRUPT },
	{ "lower case", FIRST SENDER "P b+2b@y\n\n", FORMAT_CORRUPT },
	{ "cut code", FIRST SENDER "P b@y+2\n\n", FORMAT_CORRUPT },
	{ "plus alone", FIRST SENDER "P b@y+\n\n", FORMAT_CORRUPT },
	{ "octet of eight bits", FIRST SENDER "P b@\xc3\xa4\n\n",
	  FORMAT_CORRUPT },
	{ "tab", FIRST SENDER "P b@y\t\n\n", FORMAT_CORRUPT },
	{ "unknown parameter", FIRST SENDER "P b@y colour=red\n\n",
	  FORMAT_FUTURE },
	{ "sender's parameter", FIRST "F a@x new=1\nP b@y\n\n",
	  FORMAT_FUTURE },
	{ "flag of 2", FIRST "F a@x utf8=2\nP b@y\n\n", FORMAT_CORRUPT },
	{ "no value", FIRST "F a@x utf8\nP b@y\n\n", FORMAT_CORRUPT },
	{ "body of 9 bits", FIRST "F a@x body=9bit\nP b@y\n\n",
	  FORMAT_CORRUPT },
	{ "head of letters", FIRST "F a@x head=x\nP b@y\n\n",
	  FORMAT_CORRUPT },
	{ "longest without a line", FIRST "F a@x longest=7\nP b@y\n\n",
	  FORMAT_CORRUPT },
};

static enum format_fault parse(const char *text, size_t n, bool *said_why)
{
	/* Exactly so long: a sanitizer sees a step too far. */
	char *copy = xrealloc(NULL, n + 1, 1);
	struct format_head h;
	struct envelope env;
	const char *why = "";
	enum format_fault fault;

	memcpy(copy, text, n);
	envelope_init(&env);
	fault = format_parse(copy, n, &h, &env, &why);
	*said_why = *why;
	envelope_release(&env);
	free(copy);
	return fault;
}

static void parsing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].text);
		bool why;

		if (parse(rows[i].text, n, &why) != rows[i].fault ||
		    why == (rows[i].fault == FORMAT_GOOD))
			fail_msg("%s", rows[i].name);
		/* No header is another one's beginning. */
		for (size_t cut = 0; !rows[i].fault && cut < n; cut++)
			if (parse(rows[i].text, cut, &why) == FORMAT_GOOD)
				fail_msg("%s cut at %zu", rows[i].name, cut);
	}
}

static void longest_line(void **state)
{
	struct error err = { 0 };
	char addr[FORMAT_LINE_MAX];
	struct rcpt r = { .addr = addr, .notify = "", .orcpt = "" };
	struct buf b;
	bool why;

	(void)state;
	buf_init(&b, 1 << 20);
	memset(addr, 'x', sizeof(addr));
	addr[FORMAT_LINE_MAX - 3] = '\0';	/* "P ", line end */
	buf_addz(&b, FIRST SENDER);
	assert_int_equal(format_rcpt(&b, &r, FORMAT_PENDING, &err), 0);
	buf_addch(&b, '\n');
	assert_int_equal(parse(b.p, b.len, &why), FORMAT_GOOD);
	addr[FORMAT_LINE_MAX - 3] = 'x';
	addr[FORMAT_LINE_MAX - 2] = '\0';
	assert_int_equal(format_rcpt(&b, &r, FORMAT_PENDING, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	buf_reset(&b);
	buf_addz(&b, FIRST SENDER "P ");
	buf_addz(&b, addr);
	buf_addz(&b, "\n\n");
	assert_int_equal(parse(b.p, b.len, &why), FORMAT_CORRUPT);
	buf_release(&b);
}

static void versions(void **state)
{
	(void)state;
	assert_int_equal(format_version(STR("posthaste 1 0")), 1);
	assert_int_equal(format_version(STR("posthaste 27 ")), 27);
	assert_int_equal(format_version(STR("posthaste 27")), -1);
	assert_int_equal(format_version(STR("posthaste 0 ")), -1);
	assert_int_equal(format_version(STR("posthaste  1 ")), -1);
	assert_int_equal(format_version(STR("")), -1);
}

/* However it is cut, a status counts as P and all else as it is. */
static void sum_of_header(void **state)
{
	static const char text[] = FIRST SENDER "P b@y\nP c@y\n\n";
	static const char later[] = FIRST SENDER "D b@y\nU c@y\n\n";
	static const char other[] = FIRST SENDER "D b@y\nU D@y\n\n";
	struct crc32c *whole = xcalloc(1, sizeof(*whole));
	struct crc32c *c = xcalloc(1, sizeof(*c));
	bool in_line = false;

	(void)state;
	crc32c_init(whole);
	format_sum_header(whole, str_of(text), &in_line);
	assert_false(in_line);
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		crc32c_init(c);
		in_line = false;
		format_sum_header(c, (struct str){ later, cut }, &in_line);
		format_sum_header(c, (struct str){ later + cut,
				  sizeof(later) - 1 - cut }, &in_line);
		if (crc32c_value(c) != crc32c_value(whole))
			fail_msg("cut at %zu", cut);
	}
	crc32c_init(c);
	in_line = false;
	format_sum_header(c, str_of(other), &in_line);
	assert_int_not_equal(crc32c_value(c), crc32c_value(whole));
	free(whole);
	free(c);
}

static void trailer(void **state)
{
	struct format_trailer t = { 123, UINT64_C(1) << 40, 77, 0 }, back;
	struct crc32c *c = xcalloc(1, sizeof(*c));
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	crc32c_init(c);
	format_trailer(&b, &t, c);
	assert_int_equal(b.len, FORMAT_TRAILER);
	assert_true(format_trailer_parse(buf_str(&b), &back));
	assert_memory_equal(&t, &back, sizeof(t));
	crc32c_init(c);
	assert_int_equal(format_trailer_sum(&back, c), t.crc);
	for (size_t i = 0; i < b.len; i++) {
		char was = b.p[i];

		assert_false(format_trailer_parse((struct str){ b.p, i },
						  &back));
		b.p[i] = 'A';
		if (format_trailer_parse(buf_str(&b), &back))
			fail_msg("octet %zu", i);
		b.p[i] = was;
	}
	buf_release(&b);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing), cmocka_unit_test(longest_line),
		cmocka_unit_test(versions), cmocka_unit_test(sum_of_header),
		cmocka_unit_test(trailer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
