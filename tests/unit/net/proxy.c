#include "net/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/clock.h"
#include "util/buf.h"

/* What the proxy at the other end does, in a thread of its own. */
struct script {
	int fd;
	struct {
		size_t read;		/* octets to wait for, */
		unsigned pause;		/* then ms to wait, */
		struct str say;		/* then what to say, */
		size_t step;		/* in pieces of so many; 0: whole */
		size_t times;		/* so often; 0 is once */
	} line[5];
	bool stay;			/* do not hang up at the end */
	struct buf got;
};

static void *play(void *ctx)
{
	struct script *s = ctx;
	char c[256];

	for (size_t i = 0; i < 5; i++) {
		for (size_t n = s->line[i].read; n;) {
			ssize_t r = recv(s->fd, c, n < 256 ? n : 256, 0);

			if (r <= 0)
				goto out;
			buf_add(&s->got, (struct str){ c, (size_t)r });
			n -= (size_t)r;
		}
		usleep(s->line[i].pause * 1000);
		for (size_t k = 0; k <= s->line[i].times; k++) {
			struct str say = s->line[i].say;
			size_t step = s->line[i].step;

			for (size_t n; say.n; say.p += n, say.n -= n) {
				n = step && step < say.n ? step : say.n;
				if (send(s->fd, say.p, n, MSG_NOSIGNAL) < 0)
					goto out;
				if (step)
					usleep(20000);
			}
		}
	}
	while (s->stay && recv(s->fd, c, sizeof(c), 0) > 0)
		;
out:
	close(s->fd);
	return NULL;
}

struct result {
	int ret, fd;
	unsigned trips;
	int64_t took;
	struct error err;
};

static const struct proxy socks = {
	.kind = PROXY_SOCKS5, .host = "192.0.2.1", .port = 1080,
	.user = { "", 0 }, .password = { "", 0 },
};
static const struct proxy http = {
	.kind = PROXY_HTTP, .host = "::1", .port = 3128,
	.user = { "joe", 3 }, .password = { "secret", 6 },
};

static struct result run(struct script *s, const struct proxy *p,
			 unsigned ms)
{
	struct proxy_path path = { .proxy = p, .host = "mx.test", .port = 465,
				   .until = clock_ms() + ms };
	struct result r = { .err = { 0 } };
	int64_t begun = clock_ms();
	pthread_t thread;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	s->fd = fds[1];
	buf_init(&s->got, 1 << 20);
	pthread_create(&thread, NULL, play, s);
	r.ret = proxy_connect(fds[0], &path, &r.trips, &r.err);
	r.took = clock_ms() - begun;
	r.fd = fds[0];
	if (r.ret)
		close(fds[0]);
	pthread_join(thread, NULL);
	return r;
}

/* The relay's greeting comes with the proxy's answer, and is still there. */
static void greeted(struct script *s, const struct proxy *p, unsigned trips)
{
	struct result r = run(s, p, 5000);
	char c[16] = "";

	if (r.ret)
		fail_msg("%s", r.err.text);
	assert_int_equal(r.trips, trips);
	assert_int_equal(recv(r.fd, c, sizeof(c), 0), 6);
	assert_string_equal(c, "220 hi");
	assert_int_equal(recv(r.fd, c, sizeof(c), 0), 0);
	close(r.fd);
}

static void test_no_overread(void **state)
{
	struct script s = { .line = {
		{ .read = 3, .say = { "\5\0", 2 } },
		{ .read = 14, .say = { "\5\0\0\1\1\2\3\4\0\1" "220 hi", 16 } },
	} };
	struct script h = { .line = {
		{ .read = 100, .say = { "HTTP/1.1 100 a\r\n\r\n"
					"HTTP/1.1 200 b\r\n\r\n220 hi", 42 } },
	} };

	(void)state;
	greeted(&s, &socks, 2);
	assert_memory_equal(buf_cstr(&s.got),
			    "\5\1\0\5\1\0\3\7mx.test\1\321", 17);
	buf_release(&s.got);
	h.line[0].read = strlen("CONNECT mx.test:465 HTTP/1.1\r\n"
				"Host: mx.test:465\r\nProxy-Authorization: "
				"Basic am9lOnNlY3JldA==\r\n\r\n");
	greeted(&h, &http, 1);
	assert_non_null(strstr(buf_cstr(&h.got), "am9lOnNlY3JldA=="));
	buf_release(&h.got);
}

/* An octet now and then is enough, as long as there is time. */
static void test_pieces(void **state)
{
	struct script s = { .line = {
		{ .read = 3, .say = { "\5\0", 2 }, .step = 1 },
		{ .read = 14, .step = 1,
		  .say = { "\5\0\0\1\1\2\3\4\0\1", 10 } },
		{ .say = { "220 hi", 6 } },
	} };

	(void)state;
	greeted(&s, &socks, 2);
	buf_release(&s.got);
}

static void fails(struct script *s, const struct proxy *p, unsigned ms,
		  enum error_kind kind, const char *text)
{
	struct result r = run(s, p, ms);

	assert_int_equal(r.ret, -1);
	if (r.err.kind != kind || strcmp(r.err.text, text))
		fail_msg("%d '%s'", r.err.kind, r.err.text);
	assert_in_range(r.took, 0, ms + 400);
	buf_release(&s->got);
}

static void test_time(void **state)
{
	struct script silent = { .stay = true };
	struct script later = { .stay = true, .line = {
		{ .read = 3, .say = { "\5\0", 2 } } } };
	struct script dribble = { .line = {
		{ .step = 1, .times = 500, .say = { "HTTP/1.1 100 on\r\n\r\n",
						    19 } } } };

	(void)state;
	fails(&silent, &socks, 200, ERROR_NET, "proxy '192.0.2.1:1080': timed "
	      "out waiting for the answer to our greeting");
	fails(&later, &socks, 200, ERROR_NET, "proxy '192.0.2.1:1080': timed "
	      "out waiting for the connection to the relay");
	fails(&dribble, &http, 300, ERROR_NET, "proxy '[::1]:3128': timed out "
	      "waiting for the connection to the relay");
}

static void test_ends(void **state)
{
	struct script gone = { .line = { { .read = 3 } } };
	struct script late = { .line = { { .read = 3, .say = { "\5", 1 } } } };
	struct script flood = { .line = { { .say = { "yyyyyyyyyyyyyyyy", 16 },
					    .times = 655360 } } };
	struct script tall = { .line = { { .say = { "HTTP/1.1 200 a\r\n", 16 }
					 }, { .times = 1 << 20,
					 .say = { "a: yyyyyyyyyyy\r\n", 16 } } } };

	(void)state;
	fails(&gone, &socks, 2000, ERROR_NET, "proxy '192.0.2.1:1080': closed "
	      "the connection before the answer to our greeting");
	fails(&late, &socks, 2000, ERROR_NET, "proxy '192.0.2.1:1080': closed "
	      "the connection before the answer to our greeting");
	fails(&flood, &socks, 2000, ERROR_PROTOCOL, "proxy '192.0.2.1:1080': "
	      "not a proxy that speaks SOCKS5");
	fails(&flood, &http, 2000, ERROR_PROTOCOL, "proxy '[::1]:3128': not a "
	      "proxy that speaks HTTP/1.1");
	fails(&tall, &http, 2000, ERROR_PROTOCOL, "proxy '[::1]:3128': its "
	      "answer has more than 100 lines or 16384 octets of header");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_overread),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
