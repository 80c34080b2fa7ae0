#include "net/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* What getifaddrs() finds: "dummy9" has these, in this order. */
static const char *const all[] = {
	"fe80::9", "192.0.2.9", "2001:db8::9", "192.0.2.10", "fe80::a",
};
enum { ALL = sizeof(all) / sizeof(*all) };
static struct ifaddrs list[ALL + 1];
static union source_address there[ALL];
static unsigned first;			/* how many of them are left out */

unsigned if_nametoindex(const char *name)
{
	return !strcmp(name, "dummy9") ? 9 : !strcmp(name, "lo") ? 1 : 0;
}

int getifaddrs(struct ifaddrs **out)
{
	for (unsigned i = 0; i < ALL; i++) {
		union source_address *a = &there[i];

		memset(a, 0, sizeof(*a));
		if (strchr(all[i], ':')) {
			a->v6.sin6_family = AF_INET6;
			inet_pton(AF_INET6, all[i], &a->v6.sin6_addr);
			a->v6.sin6_scope_id = 9;
		} else {
			a->v4.sin_family = AF_INET;
			inet_pton(AF_INET, all[i], &a->v4.sin_addr);
		}
		list[i] = (struct ifaddrs){
			.ifa_name = (char *)"dummy9", .ifa_addr = &a->any,
			.ifa_next = &list[i + 1],
		};
	}
	/* One without an address, as packet sockets' may be. */
	list[ALL] = (struct ifaddrs){ .ifa_name = (char *)"dummy9" };
	*out = &list[first];
	return 0;
}

void freeifaddrs(struct ifaddrs *a)
{
	(void)a;
}

static const char *chosen(const struct source *s, const char *to)
{
	static char text[INET6_ADDRSTRLEN];
	union source_address a = { 0 };
	const union source_address *got;

	if (strchr(to, ':')) {
		a.v6.sin6_family = AF_INET6;
		inet_pton(AF_INET6, to, &a.v6.sin6_addr);
	} else {
		a.v4.sin_family = AF_INET;
		inet_pton(AF_INET, to, &a.v4.sin_addr);
	}
	got = (const void *)source_for(s, &a.any);
	if (!got)
		return "none";
	assert_int_equal(got->v4.sin_port, 0);
	inet_ntop(got->any.sa_family, got->any.sa_family == AF_INET ?
		  (void *)&got->v4.sin_addr : (void *)&got->v6.sin6_addr, text,
		  sizeof(text));
	return text;
}

static const struct {
	const char *source;
	unsigned skip;
	const char *to, *from;
} rows[] = {
	{ "", 0, "192.0.2.1", "none" },
	{ "192.0.2.7", 0, "198.51.100.1", "192.0.2.7" },
	{ "192.0.2.7", 0, "2001:db8::1", "none" },
	{ "[2001:db8::7]", 0, "2001:db8::1", "2001:db8::7" },
	{ "2001:db8::7", 0, "fe80::1", "2001:db8::7" },
	{ "dummy9", 0, "198.51.100.1", "192.0.2.9" },
	{ "dummy9", 0, "2001:db8::1", "2001:db8::9" },
	{ "dummy9", 0, "fe80::1", "fe80::9" },
	/* Better one of the other scope than none. */
	{ "dummy9", 3, "2001:db8::1", "fe80::a" },
	{ "dummy9", 4, "192.0.2.1", "none" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct source s;

		first = rows[i].skip;
		if (source_load(&s, rows[i].source, &err))
			fail_msg("%zu: %s", i, err.text);
		if (strcmp(chosen(&s, rows[i].to), rows[i].from))
			fail_msg("%zu: %s", i, chosen(&s, rows[i].to));
	}
}

static void test_refused(void **state)
{
	struct error err = { 0 };
	struct source s;

	(void)state;
	assert_int_equal(source_load(&s, "wlan77", &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_int_equal(source_load(&s, "host.example.org", &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	first = ALL;
	assert_int_equal(source_load(&s, "dummy9", &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	assert_string_equal(err.text, "source 'dummy9': the interface has no "
			    "address now");
}

/* The source's interface is lent to link-local targets that lack one. */
static void test_scope(void **state)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct error err;
	struct source s;

	(void)state;
	first = 0;
	assert_int_equal(source_load(&s, "dummy9", &err), 0);
	inet_pton(AF_INET6, "fe80::1", &to.sin6_addr);
	source_scope(&s, &to);
	assert_int_equal(to.sin6_scope_id, 9);
	to.sin6_scope_id = 4;
	source_scope(&s, &to);
	assert_int_equal(to.sin6_scope_id, 4);
	to.sin6_scope_id = 0;
	inet_pton(AF_INET6, "2001:db8::1", &to.sin6_addr);
	source_scope(&s, &to);
	assert_int_equal(to.sin6_scope_id, 0);
	assert_int_equal(source_load(&s, "192.0.2.1", &err), 0);
	inet_pton(AF_INET6, "fe80::1", &to.sin6_addr);
	source_scope(&s, &to);
	assert_int_equal(to.sin6_scope_id, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
