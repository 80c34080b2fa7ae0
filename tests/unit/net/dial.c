#include "net/dial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "names.h"
#include "net/proxy.h"
#include "sys/clock.h"

/* Listen on an address of loopback; *port 0 picks one. */
static int listen_on(const char *address, unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)*port) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, address, &a.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

enum { FILLERS = 4 };

/* With its backlog full a listener on loopback answers no SYN. */
static void fill(const char *address, unsigned port, int fds[FILLERS])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, address, &a.sin_addr);
	for (int i = 0; i < FILLERS; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&a, sizeof(a));
	}
	usleep(20000);
}

static void close_all(int fds[FILLERS])
{
	for (int i = 0; i < FILLERS; i++)
		close(fds[i]);
}

static unsigned free_port(void)
{
	unsigned port = 0;

	close(listen_on("127.0.0.1", &port));
	return port;
}

/* Dial, and give the milliseconds it took, who answered, and the error. */
struct result {
	int fd;
	int64_t took;
	char peer[200];
	struct error err;
};

static struct result try_dial(const struct dial *d)
{
	struct result r = { .err = { 0 } };
	int64_t begun = clock_ms();
	struct buf peer;

	buf_init(&peer, sizeof(r.peer) - 1);
	r.fd = dial(d, &peer, &r.err);
	r.took = clock_ms() - begun;
	snprintf(r.peer, sizeof(r.peer), "%s", buf_cstr(&peer));
	buf_release(&peer);
	return r;
}

static struct dial to(const char *host, unsigned port)
{
	return (struct dial){ .host = host, .port = port, .source = "",
			      .timeout = 5, .deadline = clock_after(10) };
}

static void test_connects(void **state)
{
	unsigned port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct dial d = to("one.test", port);
	struct result r = try_dial(&d);
	char wanted[40];
	int on = 0;
	socklen_t n = sizeof(on);

	(void)state;
	if (r.fd < 0)
		fail_msg("%s", r.err.text);
	snprintf(wanted, sizeof(wanted), "127.0.0.1:%u", port);
	assert_string_equal(r.peer, wanted);
	assert_true(fcntl(r.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(r.fd, F_GETFD) & FD_CLOEXEC);
	getsockopt(r.fd, IPPROTO_TCP, TCP_NODELAY, &on, &n);
	assert_int_equal(on, 1);
	getsockopt(r.fd, SOL_SOCKET, SO_KEEPALIVE, &on, &n);
	assert_int_equal(on, 1);
	close(r.fd);
	close(l);
}

static void test_refused(void **state)
{
	unsigned port = free_port();
	struct dial d = to("two.test", port);
	struct result r = try_dial(&d);
	char wanted[120];

	(void)state;
	assert_int_equal(r.fd, -1);
	assert_int_equal(r.err.kind, ERROR_NET);
	snprintf(wanted, sizeof(wanted), "connect to 127.0.0.2:%u: connection "
		 "refused; 127.0.0.1:%u: connection refused", port, port);
	assert_string_equal(r.err.text, wanted);
	assert_true(r.took < 200);		/* the second did not wait */
	assert_string_equal(r.peer, "");
}

/* One that refuses, or is not there, does not hold up the other. */
static void test_second_works(void **state)
{
	unsigned port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct dial d = to("both.test", port);
	struct result r = try_dial(&d);

	(void)state;
	assert_true(r.fd >= 0);
	assert_true(r.took < 200);
	close(r.fd);
	close(l);
}

/* One that never answers holds it up for a quarter of a second. */
static void test_first_silent(void **state)
{
	int fds[FILLERS];
	unsigned port = 0;
	int one = listen_on("127.0.0.2", &port);
	int two = listen_on("127.0.0.1", &port);
	struct dial d = to("two.test", port);
	struct result r;

	(void)state;
	fill("127.0.0.2", port, fds);
	r = try_dial(&d);
	if (r.fd < 0)
		fail_msg("%s", r.err.text);
	assert_in_range(r.took, 240, 900);
	assert_memory_equal(r.peer, "127.0.0.1:", 10);
	close(r.fd);
	close(accept(two, NULL, NULL));	/* makes room in its backlog */
	d.host = "three.test";		/* the second refuses: on to the third */
	r = try_dial(&d);
	assert_true(r.fd >= 0);
	assert_in_range(r.took, 240, 450);
	close(r.fd);
	close(one);
	close(two);
	close_all(fds);
}

static void test_timeouts(void **state)
{
	int fds[FILLERS];
	unsigned port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct dial d = to("one.test", port);
	struct result r;

	(void)state;
	fill("127.0.0.1", port, fds);
	d.timeout = 1;
	r = try_dial(&d);
	assert_int_equal(r.fd, -1);
	assert_in_range(r.took, 950, 2000);
	assert_int_equal(r.err.kind, ERROR_NET);
	assert_non_null(strstr(r.err.text, ": timed out"));
	d.timeout = 0;
	d.deadline = clock_ms() + 100;
	r = try_dial(&d);
	assert_int_equal(r.fd, -1);
	assert_in_range(r.took, 90, 500);
	assert_non_null(strstr(r.err.text, ": timed out"));
	d.deadline = clock_ms() + 100;
	d.host = "slow.test";
	r = try_dial(&d);
	assert_string_equal(r.err.text, "resolving 'slow.test' timed out");
	close(l);
	close_all(fds);
}

/* The families take turns: after an address of one, one of the other. */
static void test_turns(void **state)
{
	struct dial d = to("turns.test", free_port());
	struct result r = try_dial(&d);
	const char *at = r.err.text;

	(void)state;
	assert_int_equal(r.fd, -1);
	for (size_t i = 0; i < 4; i++) {
		static const char *const order[] = {
			"[::1]:", "127.0.0.3:", "[::1]:", "127.0.0.2:"
		};

		at = strstr(at, order[i]);
		if (!at)
			fail_msg("%zu: %s", i, r.err.text);
		at++;
	}
}

static void test_source(void **state)
{
	unsigned port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct dial d = to("both.test", port);
	struct sockaddr_in from = { 0 };
	socklen_t n = sizeof(from);
	struct result r;

	(void)state;
	d.source = "127.0.0.9";
	r = try_dial(&d);
	assert_true(r.fd >= 0);
	getsockname(r.fd, (struct sockaddr *)&from, &n);
	assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f000009);
	assert_true(r.took < 200);
	close(r.fd);
	d.host = "one.test";
	d.source = "::1";
	r = try_dial(&d);
	assert_int_equal(r.fd, -1);
	assert_non_null(strstr(r.err.text, "not reachable from source '::1'"));
	d.source = "192.0.2.77";
	r = try_dial(&d);
	assert_int_equal(r.fd, -1);
	assert_non_null(strstr(r.err.text, "address not available"));
	d.source = "wlan77";
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_CONFIG);
	assert_non_null(strstr(r.err.text, "source 'wlan77' is neither"));
	close(l);
}

static void from_of(const struct result *r, char text[INET_ADDRSTRLEN])
{
	struct sockaddr_in from = { 0 };
	socklen_t n = sizeof(from);

	getsockname(r->fd, (struct sockaddr *)&from, &n);
	inet_ntop(AF_INET, &from.sin_addr, text, INET_ADDRSTRLEN);
}

/* An interface stands for its addresses, of each family those it has. */
static void test_interface(void **state)
{
	unsigned port = 0;
	int l = listen_on("127.0.0.3", &port);
	struct dial d = to("three.test", port);
	struct result r;
	char from[INET_ADDRSTRLEN];

	(void)state;
	d.source = "lo";
	r = try_dial(&d);
	if (r.fd < 0)
		fail_msg("%s", r.err.text);
	from_of(&r, from);
	assert_string_equal(from, "127.0.0.1");
	close(r.fd);
	close(l);
}

/* A link-local address is somewhere only with its interface. */
static void test_link_local(void **state)
{
	struct dial d = to("fe80::7", free_port());
	struct result r = try_dial(&d);

	(void)state;
	if (strstr(r.err.text, "family not supported"))
		skip();			/* no IPv6 here */
	assert_int_equal(r.err.kind, ERROR_NET);
	assert_non_null(strstr(r.err.text, "a link-local address needs its "
			       "interface: ADDRESS%INTERFACE"));
	d.host = "fe80::7%wlan77";
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_CONFIG);
	assert_non_null(strstr(r.err.text, "no interface 'wlan77'"));
	d.host = "fe80::7";
	d.source = "fe80::1%wlan77";
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_CONFIG);
	assert_non_null(strstr(r.err.text, "source 'fe80::1%wlan77' is neither"));
	d.source = "::1%lo";
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_CONFIG);
	/* The source's interface will do for both. */
	d.source = "lo";
	d.timeout = 1;
	r = try_dial(&d);
	assert_int_equal(r.fd, -1);
	assert_null(strstr(r.err.text, "needs its interface"));
}

/* A proxy for one connection: says what it is to, whatever it is told. */
struct answerer {
	int listener;
	const char *answers[2];
	size_t n[2];
	char got[2][100];
	pthread_t thread;
};

static void *answer(void *ctx)
{
	struct answerer *a = ctx;
	int fd = accept(a->listener, NULL, NULL);

	for (size_t i = 0; i < 2; i++)
		if (recv(fd, a->got[i], sizeof(a->got[i]) - 1, 0) > 0)
			send(fd, a->answers[i], a->n[i], MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

/* The relay's name is for the proxy to look up: nobody is asked here. */
static void test_proxy(void **state)
{
	struct answerer a = { .answers = { "\5\0", "\5\0\0\1\0\0\0\0\0\0" },
			      .n = { 2, 10 } };
	struct proxy p = { .kind = PROXY_SOCKS5, .host = "two.test",
			   .user = { "", 0 }, .password = { "", 0 } };
	struct dial d = to("both.test", 465);
	struct result r;
	unsigned trips = 5;
	char wanted[100];

	(void)state;
	a.listener = listen_on("127.0.0.1", &p.port);
	pthread_create(&a.thread, NULL, answer, &a);
	d.proxy = &p;
	d.trips = &trips;
	names_asked[0] = '\0';
	r = try_dial(&d);
	pthread_join(a.thread, NULL);
	if (r.fd < 0)
		fail_msg("%s", r.err.text);
	assert_string_equal(names_asked, "two.test ");
	assert_memory_equal(a.got[1], "\5\1\0\3\11both.test\1\321", 16);
	snprintf(wanted, sizeof(wanted), "both.test:465 via 127.0.0.1:%u",
		 p.port);
	assert_string_equal(r.peer, wanted);
	assert_int_equal(trips, 7);
	close(r.fd);
	close(a.listener);

	r = try_dial(&d);		/* nobody listens any more */
	assert_int_equal(r.err.kind, ERROR_NET);
	snprintf(wanted, sizeof(wanted), "proxy 'two.test:%u': connect to "
		 "127.0.0.2:%u: connection refused; 127.0.0.1", p.port, p.port);
	assert_memory_equal(r.err.text, wanted, strlen(wanted));
	assert_string_equal(r.peer, "");
	p.host = "nxdomain.test";
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_HOST);
	assert_non_null(strstr(r.err.text, "proxy 'nxdomain.test:"));
	d.host = "/run/socket";
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_CONFIG);
	assert_non_null(strstr(r.err.text, "through a proxy"));
}

static void test_no_host(void **state)
{
	struct dial d = to("nxdomain.test", 465);
	struct result r = try_dial(&d);

	(void)state;
	assert_int_equal(r.fd, -1);
	assert_int_equal(r.err.kind, ERROR_HOST);
}

static void test_unix(void **state)
{
	char dir[] = "/tmp/test-dial.XXXXXX";
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char far[200] = "/";
	int l = socket(AF_UNIX, SOCK_STREAM, 0);
	struct dial d = to(a.sun_path, 0);
	struct result r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", dir);
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_NET);
	assert_non_null(strstr(r.err.text, "is the service running?"));
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
	r = try_dial(&d);
	assert_non_null(strstr(r.err.text, "connection refused"));
	assert_int_equal(listen(l, 0), 0);
	r = try_dial(&d);
	assert_true(r.fd >= 0);
	assert_string_equal(r.peer, a.sun_path);
	assert_true(fcntl(r.fd, F_GETFL) & O_NONBLOCK);
	d.deadline = clock_ms() + 100;		/* the backlog is full now */
	assert_int_equal(try_dial(&d).fd, -1);
	close(r.fd);
	close(l);
	unlink(a.sun_path);
	rmdir(dir);
	memset(far + 1, 'x', sizeof(far) - 2);
	d.host = far;
	r = try_dial(&d);
	assert_int_equal(r.err.kind, ERROR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_second_works),
		cmocka_unit_test(test_first_silent),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_no_host),
		cmocka_unit_test(test_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
