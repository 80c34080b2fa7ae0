#include "net/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "names.h"
#include "sys/clock.h"

static bool no_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*run)(void *), void *ctx)
{
	__typeof__(pthread_create) *real = dlsym(RTLD_NEXT, "pthread_create");

	return no_threads ? EAGAIN : real(thread, attr, run, ctx);
}

static const struct {
	const char *host;
	enum error_kind kind;
	const char *text;		/* the first address, or of the error */
} rows[] = {
	{ "192.0.2.1", 0, "192.0.2.1" },
	{ "::1", 0, "::1" },
	{ "[::1]", 0, "::1" },
	{ "[2001:db8::25]", 0, "2001:db8::25" },
	{ "fe80::1%lo", 0, "fe80::1" },
	{ "fe80::1%1", 0, "fe80::1" },
	{ "[fe80::1%lo]", 0, "fe80::1" },
	{ "fe80::1%wlan77", ERROR_CONFIG,
	  "'fe80::1%wlan77': there is no interface 'wlan77' here" },
	{ "2001:db8::1%lo", ERROR_CONFIG, "is no link-local address" },
	{ "fe80::1%", ERROR_CONFIG, "there is no interface ''" },
	{ "1:2:3", ERROR_CONFIG, "'1:2:3' is neither a host name nor an" },
	{ "one.test", 0, "127.0.0.1" },
	{ "both.test", 0, "::1" },
	{ "nxdomain.test", ERROR_HOST, "'nxdomain.test' does not exist" },
	{ "empty.test", ERROR_HOST, "'empty.test' has no address" },
	{ "servfail.test", ERROR_NET, "'servfail.test'" },
	{ "broken.test", ERROR_NET, "'broken.test'" },
	{ "system.test", ERROR_NET, "'system.test'" },
	{ "known.localhost", 0, "127.0.0.3" },
	{ "notlocalhost", ERROR_HOST, "'notlocalhost' does not exist" },
	{ "localhost.test", ERROR_HOST, "'localhost.test' does not exist" },
	{ ".", ERROR_HOST, "'.' does not exist" },
	{ "", ERROR_CONFIG, "no host" },
	{ "[192.0.2.1]", ERROR_CONFIG, "'[192.0.2.1]' is not a host name" },
	{ "[::1", ERROR_CONFIG, "is not a host name" },
	{ "a b", ERROR_CONFIG, "is not a host name" },
	{ "a\nb", ERROR_CONFIG, "'a\\x0Ab' is not a host name" },
	{ "b\xc3\xbc" "cher.test", ERROR_CONFIG, "is not a host name" },
};

static const char *first(const struct addrinfo *a)
{
	static char text[INET6_ADDRSTRLEN];
	const void *p = a->ai_family == AF_INET
		? (void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr
		: (void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr;

	assert_int_equal(a->ai_socktype, SOCK_STREAM);
	assert_int_equal(((struct sockaddr_in *)a->ai_addr)->sin_port,
			 htons(465));
	return inet_ntop(a->ai_family, p, text, sizeof(text));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addrinfo *a = NULL;
		struct error err = { 0 };
		int r = resolve(rows[i].host, 465, clock_after(5), &a, &err);

		if (r != (rows[i].kind ? -1 : 0) || err.kind != rows[i].kind)
			fail_msg("'%s': kind %d '%s'", rows[i].host, err.kind,
				 err.text);
		if (r && !strcasestr(err.text, rows[i].text))
			fail_msg("'%s': '%s'", rows[i].host, err.text);
		if (!r) {
			assert_string_equal(first(a), rows[i].text);
			freeaddrinfo(a);
		}
	}
}

/* Names that the resolver knows nothing of: both addresses, in any order. */
static void test_localhost(void **state)
{
	static const char *const local[] = {
		"localhost", "LocalHost.", "mail.localhost", "a.b.localhost.",
		"unasked.localhost"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
		struct addrinfo *found = NULL;
		struct error err = { 0 };
		bool v4 = false, v6 = false;

		if (resolve(local[i], 465, clock_after(5), &found, &err))
			fail_msg("'%s': %s", local[i], err.text);
		for (struct addrinfo *a = found; a; a = a->ai_next) {
			const char *text = first(a);

			v4 |= !strcmp(text, "127.0.0.1");
			v6 |= !strcmp(text, "::1");
		}
		if (!v4 || !v6)
			fail_msg("'%s': an address lacks", local[i]);
		freeaddrinfo(found);
	}
}

static void test_long(void **state)
{
	struct addrinfo *a = NULL;
	struct error err = { 0 };
	char host[2000];

	(void)state;
	memset(host, 'a', sizeof(host));
	host[sizeof(host) - 1] = '\0';
	assert_int_equal(resolve(host, 1, clock_after(5), &a, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
}

static void test_deadline(void **state)
{
	struct addrinfo *a = NULL;
	struct error err = { 0 };
	int64_t begun = clock_ms();

	(void)state;
	assert_int_equal(resolve("slow.test", 465, begun + 100, &a, &err), -1);
	assert_in_range(clock_ms() - begun, 95, 900);
	assert_int_equal(err.kind, ERROR_NET);
	assert_string_equal(err.text, "resolving 'slow.test' timed out");
	assert_int_equal(resolve("slow.test", 465, CLOCK_NEVER, &a, &err), 0);
	assert_string_equal(first(a), "127.0.0.1");
	freeaddrinfo(a);
	usleep(1000000);			/* the one left behind ends, too */
}

/* Without a thread to be had, it is done here. */
static void test_no_thread(void **state)
{
	struct addrinfo *a = NULL;
	struct error err = { 0 };
	int r;

	(void)state;
	no_threads = true;
	r = resolve("one.test", 465, clock_after(5), &a, &err);
	no_threads = false;
	assert_int_equal(r, 0);
	assert_string_equal(first(a), "127.0.0.1");
	freeaddrinfo(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_localhost),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_no_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
