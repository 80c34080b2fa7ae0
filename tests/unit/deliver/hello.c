#include "deliver/hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NONE, V4, V6, UNIX };

static const struct {
	const char *helo, *mailname;
	int end;			/* of the connection */
	const char *name;
} rows[] = {
	{ "me.example.org", "host.example.net", V4, "me.example.org" },
	{ "[192.0.2.9]", "host.example.net", V4, "[192.0.2.9]" },
	{ "short", "host.example.net", V4, "short" },
	{ "b\xc3\xbc" "cher.example", "host.example.net", V4,
	  "xn--bcher-kva.example" },
	{ "", "host.example.net", V4, "host.example.net" },
	{ "", "b\xc3\xbc" "cher.example", V4, "xn--bcher-kva.example" },
	{ "", "laptop.localdomain", V4, "[127.0.0.5]" },
	{ "", "laptop.LOCALDOMAIN", V4, "[127.0.0.5]" },
	{ "", "laptop", V6, "[IPv6:::1]" },
	{ "", "x\xff.example", V4, "[127.0.0.5]" },
	{ "", "laptop.localdomain", UNIX, "laptop.localdomain" },
	{ "", "laptop.localdomain", NONE, "laptop.localdomain" },
	{ "", "localdomain.example", NONE, "localdomain.example" },
	{ "", "x\xff.example", NONE, "unknown.localdomain" },
};

/* A socket with an address of that kind; -1 for none, or if it has no IPv6. */
static int end_of(int kind)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_addr = in6addr_loopback };
	int fd;

	inet_pton(AF_INET, "127.0.0.5", &v4.sin_addr);
	if (kind == NONE)
		return HELLO_NO_ADDRESS;
	fd = socket(kind == V4 ? AF_INET : kind == V6 ? AF_INET6 : AF_UNIX,
		    SOCK_STREAM, 0);
	if (kind == V4)
		assert_int_equal(bind(fd, (void *)&v4, sizeof(v4)), 0);
	if (kind == V6 && bind(fd, (void *)&v6, sizeof(v6))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int fd = end_of(rows[i].end);
		struct buf out;

		if (fd < 0 && rows[i].end != NONE)
			continue;
		buf_init(&out, 1000);
		hello_name(&out, rows[i].helo, rows[i].mailname, fd);
		if (strcmp(buf_cstr(&out), rows[i].name))
			fail_msg("%zu: '%s'", i, buf_cstr(&out));
		buf_release(&out);
		if (fd >= 0)
			close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
