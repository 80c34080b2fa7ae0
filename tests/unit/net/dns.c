#include "net/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 8 };

#define NAME "_submissions._tcp.a.test"
/* The header up to the counts, and the question for NAME, which is at 12. */
#define HEAD "\x12\x34\x81\x80\0\1"
#define TAIL "\0\0\0\0"
#define QUESTION "\14_submissions\4_tcp\1a\4test\0\0\41\0\1"
/* An answer: owner, type SRV, class IN, TTL; then length and data follow. */
#define SRV "\xc0\x0c\0\41\0\1\0\0\0\12"
#define CNAME "\xc0\x0c\0\5\0\1\0\0\0\12"

static const struct {
	const char *what;
	struct str message;
	enum dns_result result;
	size_t n;
	const char *target;		/* of the first */
} rows[] = {
	{ "one", STR(HEAD "\0\1" TAIL QUESTION SRV
		     "\0\21\0\12\0\24\1\321\2mx\1a\4test\0"), DNS_RECORDS, 1,
	  "mx.a.test" },
	{ "the root", STR(HEAD "\0\1" TAIL QUESTION SRV "\0\7\0\0\0\0\0\0\0"),
	  DNS_RECORDS, 1, "" },
	{ "a pointer", STR(HEAD "\0\1" TAIL QUESTION SRV
			   "\0\13\0\12\0\24\1\321\2mx\xc0\x1e"),
	  DNS_RECORDS, 1, "mx.a.test" },
	{ "two, one of another kind", STR(HEAD "\0\2" TAIL QUESTION
	  "\xc0\x0c\0\1\0\1\0\0\0\12\0\4\x7f\0\0\1" SRV
	  "\0\13\0\12\0\24\1\321\2mx\xc0\x1e"), DNS_RECORDS, 1, "mx.a.test" },
	{ "of somebody else", STR(HEAD "\0\1" TAIL QUESTION
	  "\xc0\x1e\0\41\0\1\0\0\0\12\0\13\0\12\0\24\1\321\2mx\xc0\x1e"),
	  DNS_NONE, 0, NULL },
	{ "an alias", STR(HEAD "\0\2" TAIL QUESTION CNAME "\0\3\1x\0"
	  "\1x\0\0\41\0\1\0\0\0\12\0\13\0\12\0\24\1\321\2mx\xc0\x1e"),
	  DNS_RECORDS, 1, "mx.a.test" },
	{ "an alias of itself", STR(HEAD "\0\1" TAIL QUESTION CNAME
				    "\0\2\xc0\x0c"), DNS_BAD, 0, NULL },
	{ "none", STR(HEAD "\0\0" TAIL QUESTION), DNS_NONE, 0, NULL },
	{ "no such name", STR("\x12\x34\x81\x83\0\1\0\0" TAIL QUESTION),
	  DNS_NONE, 0, NULL },
	{ "SERVFAIL", STR("\x12\x34\x81\x82\0\1\0\0" TAIL QUESTION),
	  DNS_FAILED, 0, NULL },
	{ "cut", STR("\x12\x34\x83\x80\0\1\0\1" TAIL QUESTION SRV
		     "\0\7\0\0\0\0\0\0\0"), DNS_FAILED, 0, NULL },
	{ "a question", STR("\x12\x34\x01\x80\0\1\0\0" TAIL QUESTION),
	  DNS_BAD, 0, NULL },
	{ "another question", STR(HEAD "\0\0" TAIL "\1b\0\0\41\0\1"), DNS_BAD,
	  0, NULL },
	{ "another type", STR(HEAD "\0\0" TAIL
			      "\14_submissions\4_tcp\1a\4test\0\0\1\0\1"),
	  DNS_BAD, 0, NULL },
	{ "two questions", STR("\x12\x34\x81\x80\0\2\0\0" TAIL QUESTION
			       QUESTION), DNS_BAD, 0, NULL },
	{ "more data than the target", STR(HEAD "\0\1" TAIL QUESTION SRV
	  "\0\14\0\12\0\24\1\321\2mx\xc0\x1e!"), DNS_BAD, 0, NULL },
	{ "less data", STR(HEAD "\0\1" TAIL QUESTION SRV
	  "\0\12\0\12\0\24\1\321\2mx\xc0\x1e"), DNS_BAD, 0, NULL },
	{ "a pointer forward", STR(HEAD "\0\1" TAIL QUESTION SRV
	  "\0\10\0\12\0\24\1\321\xc0\xff"), DNS_BAD, 0, NULL },
	{ "a pointer to itself", STR(HEAD "\0\1" TAIL QUESTION SRV
	  "\0\10\0\12\0\24\1\321\xc0\x3d"), DNS_BAD, 0, NULL },
	{ "a reserved kind of label", STR(HEAD "\0\1" TAIL QUESTION SRV
	  "\0\11\0\12\0\24\1\321\x41x\0"), DNS_BAD, 0, NULL },
	{ "like an address", STR(HEAD "\0\1" TAIL QUESTION SRV
	  "\0\21\0\12\0\24\1\321\003127\1\60\1\60\1\61\0"), DNS_NONE, 0, NULL },
	{ "a path", STR(HEAD "\0\1" TAIL QUESTION SRV
			"\0\14\0\12\0\24\1\321\4/tmp\0"), DNS_NONE, 0, NULL },
	{ "a dot in a label", STR(HEAD "\0\1" TAIL QUESTION SRV
				  "\0\13\0\12\0\24\1\321\3a.b\0"), DNS_NONE, 0,
	  NULL },
	{ "a blank in a label", STR(HEAD "\0\1" TAIL QUESTION SRV
				    "\0\13\0\12\0\24\1\321\3a b\0"), DNS_NONE,
	  0, NULL },
	{ "port 0", STR(HEAD "\0\1" TAIL QUESTION SRV
			"\0\13\0\12\0\24\0\0\2mx\xc0\x1e"), DNS_NONE, 0, NULL },
	{ "nothing", STR(""), DNS_BAD, 0, NULL },
};

static void read_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dns_srv got[MOST];
		size_t n;
		enum dns_result r = dns_read_srv(rows[i].message, NAME, got,
						 MOST, &n);

		if (r != rows[i].result || n != rows[i].n ||
		    (n && strcmp(got[0].target, rows[i].target)))
			fail_msg("%s: result %d, %zu records", rows[i].what,
				 (int)r, n);
	}
}

static void numbers(void **state)
{
	struct dns_srv got[MOST];
	size_t n;

	(void)state;
	assert_int_equal(dns_read_srv(rows[0].message, NAME, got, MOST, &n),
			 DNS_RECORDS);
	assert_int_equal(got[0].priority, 10);
	assert_int_equal(got[0].weight, 20);
	assert_int_equal(got[0].port, 465);
	/* Case means nothing in names. */
	assert_int_equal(dns_read_srv(rows[0].message,
				      "_SUBMISSIONS._tcp.A.test", got, MOST, &n),
			 DNS_RECORDS);
}

/* Cut anywhere, from memory of just that size: never beyond, never a record. */
static void cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str m = rows[i].message;

		for (size_t n = 0; n < m.n; n++) {
			char *part = malloc(n + !n);
			struct dns_srv got[MOST];
			size_t found;
			enum dns_result r;

			memcpy(part, m.p, n);
			r = dns_read_srv((struct str){ part, n }, NAME, got,
					 MOST, &found);
			if (rows[i].result == DNS_RECORDS &&
			    (r != DNS_BAD || found > 1))
				fail_msg("%s cut at %zu: %d", rows[i].what, n,
					 (int)r);
			free(part);
		}
	}
}

/* One message with each octet changed to some others: no crash, sane output. */
static void bent(void **state)
{
	static const unsigned char others[] = { 0, 1, 0x3f, 0x40, 0xc0, 0xff };
	struct str m = rows[5].message;
	char *copy = malloc(m.n);

	(void)state;
	for (size_t at = 0; at < m.n; at++)
		for (size_t k = 0; k < sizeof(others); k++) {
			struct dns_srv got[MOST];
			size_t n;

			memcpy(copy, m.p, m.n);
			copy[at] = (char)others[k];
			dns_read_srv((struct str){ copy, m.n }, NAME, got,
				     MOST, &n);
			for (size_t i = 0; i < n; i++)
				assert_null(strchr(got[i].target, '/'));
		}
	free(copy);
}

/* No more than there is room for. */
static void many(void **state)
{
	static const char head[] = HEAD "\0\50" TAIL QUESTION;
	static const char record[] = SRV "\0\13\0\12\0\24\1\321\2mx\xc0\x1e";
	char message[2048];
	size_t len = sizeof(head) - 1, n;
	struct dns_srv got[MOST];

	(void)state;
	memcpy(message, head, len);
	for (size_t i = 0; i < 40; i++, len += sizeof(record) - 1)
		memcpy(message + len, record, sizeof(record) - 1);
	assert_int_equal(dns_read_srv((struct str){ message, len }, NAME, got,
				      MOST, &n), DNS_RECORDS);
	assert_int_equal(n, MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_rows),
		cmocka_unit_test(numbers),
		cmocka_unit_test(cut),
		cmocka_unit_test(bent),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
