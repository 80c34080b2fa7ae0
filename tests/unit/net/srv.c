#include "net/srv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <unistd.h>

#include "sys/clock.h"

/* The name server: what each question gets. */
static struct {
	const char *submissions, *submission;	/* "PRI WEIGHT PORT TARGET;..." */
	int h_error;				/* for those that are NULL */
	unsigned delay;				/* ms */
} server;

static size_t put_name(unsigned char *to, const char *name)
{
	size_t n = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		to[n++] = (unsigned char)label;
		memcpy(to + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	to[n++] = 0;
	return n;
}

static size_t put16(unsigned char *to, unsigned n)
{
	to[0] = (unsigned char)(n >> 8);
	to[1] = (unsigned char)n;
	return 2;
}

static size_t put_record(unsigned char *to, const char *text)
{
	static const unsigned char head[] = { 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 9 };
	unsigned priority, weight, port;
	char target[300] = "";
	unsigned char *data = to + sizeof(head) + 2;
	size_t n = 6;

	assert_true(sscanf(text, "%u %u %u %299[^;]", &priority, &weight, &port,
			   target) >= 3);
	memcpy(to, head, sizeof(head));
	put16(data, priority);
	put16(data + 2, weight);
	put16(data + 4, port);
	n += put_name(data + n, strcmp(target, ".") ? target : "");
	put16(to + sizeof(head), (unsigned)n);
	return sizeof(head) + 2 + n;
}

int res_query(const char *name, int class, int type, unsigned char *answer,
	      int size)
{
	const char *zone = !strncmp(name, "_submissions._tcp.", 18) ?
		server.submissions : server.submission;
	unsigned records = 0;
	size_t n = 12;

	(void)class;
	assert_true(size >= 4096);
	if (server.delay)
		usleep(server.delay * 1000);
	if (!zone) {
		h_errno = server.h_error;
		return -1;
	}
	memset(answer, 0, 12);
	answer[2] = 0x81;
	answer[5] = 1;
	n += put_name(answer + n, name);
	n += put16(answer + n, (unsigned)type);
	n += put16(answer + n, 1);
	for (; zone && *zone; records++) {
		n += put_record(answer + n, zone);
		zone = strchr(zone, ';');
		zone += zone != NULL;
	}
	put16(answer + 6, records);
	return (int)n;
}

static int find(const char *domain, unsigned services, struct srv_targets *t,
		struct error *err)
{
	return srv_find(&(struct srv_query){ domain, services,
			clock_ms() + 5000 }, t, err);
}

static const unsigned both = SRV_SUBMISSIONS | SRV_SUBMISSION;

static void found(void **state)
{
	struct srv_targets t;
	struct error err = { 0 };

	(void)state;
	server.submissions = "10 1 465 b.test;5 1 465 a.test";
	server.submission = "10 1 587 c.test;1 0 0 .";
	assert_int_equal(find("x.test.", both, &t, &err), 0);
	assert_int_equal(t.n, 3);
	assert_string_equal(t.at[0].host, "a.test");
	assert_string_equal(t.at[1].host, "b.test");
	assert_true(t.at[1].implicit);
	assert_string_equal(t.at[2].host, "c.test");
	assert_false(t.at[2].implicit);
	assert_int_equal(t.at[2].port, 587);
	assert_int_equal(find("x.test", SRV_SUBMISSION, &t, &err), 0);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.at[0].host, "c.test");
}

static void most(void **state)
{
	char zone[4096] = "";
	struct srv_targets t;
	struct error err = { 0 };

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		sprintf(zone + strlen(zone), "%u 0 465 h%u.test;", 30 - i, i);
	server.submissions = zone;
	assert_int_equal(find("x.test", SRV_SUBMISSIONS, &t, &err), 0);
	assert_int_equal(t.n, SRV_TARGETS);
	assert_string_equal(t.at[0].host, "h29.test");
}

static void not_found(void **state)
{
	static const struct {
		const char *submissions, *submission;
		int h_error;
		enum error_kind kind;
		const char *text;
	} rows[] = {
		{ NULL, NULL, HOST_NOT_FOUND, ERROR_HOST, "no SRV records for "
		  "_submissions._tcp.x.test and _submission._tcp.x.test" },
		{ NULL, NULL, NO_DATA, ERROR_HOST, "no SRV records" },
		{ "", "", 0, ERROR_HOST, "no SRV records" },
		{ "0 0 0 .", NULL, NO_DATA, ERROR_HOST,
		  "'x.test' offers no mail submission" },
		{ NULL, NULL, TRY_AGAIN, ERROR_NET, "no answer now" },
		{ NULL, NULL, NO_RECOVERY, ERROR_NET, "no answer now" },
		{ "0 0 0 .", NULL, TRY_AGAIN, ERROR_NET, "no answer now" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct srv_targets t;
		struct error err = { 0 };

		server.submissions = rows[i].submissions;
		server.submission = rows[i].submission;
		server.h_error = rows[i].h_error;
		assert_int_equal(find("x.test", both, &t, &err), -1);
		if (err.kind != rows[i].kind || !strstr(err.text, rows[i].text))
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void no_domain(void **state)
{
	static const char *const rows[] = {
		"", ".", "a b", "a/b", "[::1]", "b\xc3\xbc", "a:1"
	};
	char text[300];
	struct srv_targets t;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(find(rows[i], both, &t, &err), -1);
		assert_int_equal(err.kind, ERROR_CONFIG);
	}
	memset(text, 'a', sizeof(text));
	text[236] = '\0';
	assert_int_equal(find(text, both, &t, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
}

static void too_late(void **state)
{
	struct srv_query q = { .domain = "x.test", .services = both };
	int64_t start = clock_ms();
	struct srv_targets t;
	struct error err = { 0 };

	(void)state;
	server.submissions = server.submission = "1 1 465 a.test";
	server.delay = 600;
	q.deadline = start + 50;
	assert_int_equal(srv_find(&q, &t, &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	assert_true(clock_ms() - start < 500);
	/* Both at once. */
	start = clock_ms();
	assert_int_equal(find("x.test", both, &t, &err), 0);
	assert_true(clock_ms() - start < 1100);
	server.delay = 0;
}

/* ---- order ---- */

struct draws {
	const uint32_t *at;
	uint32_t max;			/* what was asked for last */
};

static uint32_t draw(void *ctx, uint32_t max)
{
	struct draws *d = ctx;

	d->max = max;
	assert_true(*d->at <= max);
	return *d->at++;
}

static struct srv_target target(const char *host, unsigned priority,
				unsigned weight, bool implicit)
{
	struct srv_target t = { .priority = priority, .weight = weight,
				.implicit = implicit };

	snprintf(t.host, sizeof(t.host), "%s", host);
	return t;
}

static void by_chance(void **state)
{
	static const struct { uint32_t at[3]; const char *order; } rows[] = {
		{ { 0, 0 }, "cab" },	{ { 1, 0 }, "acb" },
		{ { 10, 0 }, "acb" },	{ { 11, 0 }, "bca" },
		{ { 40, 10 }, "bac" },	{ { 40, 1 }, "bac" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct srv_target t[] = {
			target("a", 1, 10, true), target("b", 1, 30, true),
			target("c", 1, 0, true)
		};
		struct draws d = { .at = rows[i].at };
		char got[4] = "";

		srv_order(t, 3, draw, &d);
		for (size_t k = 0; k < 3; k++)
			strcat(got, t[k].host);
		assert_string_equal(got, rows[i].order);
	}
}

static void by_rank(void **state)
{
	static const uint32_t zeros[8];
	struct draws d = { .at = zeros };
	struct srv_target t[] = {
		target("d", 2, 1, false), target("a", 1, 0, true),
		target("c", 2, 9, true), target("b", 1, 9, false),
	};

	(void)state;
	srv_order(t, 4, draw, &d);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(t[i].host[0], "abcd"[i]);
	assert_ptr_equal(d.at, zeros);		/* nothing was left to chance */
	srv_order(t, 0, draw, &d);
}

/* Where nobody has a weight, all are equal. */
static void weightless(void **state)
{
	static const uint32_t at[] = { 2, 0 };
	struct draws d = { .at = at };
	struct srv_target t[] = {
		target("a", 1, 0, true), target("b", 1, 0, true),
		target("c", 1, 0, true)
	};

	(void)state;
	srv_order(t, 3, draw, &d);
	assert_int_equal(t[0].host[0], 'c');
	assert_int_equal(t[1].host[0], 'a');
	assert_int_equal(d.max, 1);
}

static void within(void **state)
{
	static const struct { const char *host, *domain; bool is; } rows[] = {
		{ "a.test", "a.test", true },	{ "A.test.", "a.TEST", true },
		{ "mx.a.test", "a.test", true },
		{ "x.mx.a.test", "a.test.", true },
		{ "evila.test", "a.test", false },
		{ "a.test", "mx.a.test", false },
		{ "a.test.evil", "a.test", false },
		{ "b.test", "a.test", false },	{ ".a.test", "a.test", true },
		{ "a.test", "", false },	{ "", "", false },
		{ "", "a.test", false },	{ "a", ".", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (srv_is_within(rows[i].host, rows[i].domain) != rows[i].is)
			fail_msg("'%s' within '%s'", rows[i].host,
				 rows[i].domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(most),
		cmocka_unit_test(not_found),
		cmocka_unit_test(no_domain),
		cmocka_unit_test(too_late),
		cmocka_unit_test(by_chance),
		cmocka_unit_test(by_rank),
		cmocka_unit_test(weightless),
		cmocka_unit_test(within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
