#include "net/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"
#include "sys/clock.h"

static char dir[] = "/tmp/test-stream.XXXXXX";
static char ca_file[64];
static struct ident ca, good;

static struct tls_config config(void)
{
	return (struct tls_config){
		.host = "mail.test", .trust = ca_file, .priority = "",
		.known_file = "", .known_as = "", .verify = true
	};
}

/* A stream, and the blocking socket at its other end. */
static struct stream *local(int *other)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(fcntl(fd[0], F_SETFL, O_NONBLOCK), 0);
	*other = fd[1];
	return stream_open(fd[0]);
}

/* The same over TCP, where a connection can be reset. */
static struct stream *loopback(int *other)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(l, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, n), 0);
	*other = accept(l, NULL, NULL);
	close(l);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return stream_open(fd);
}

static void reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* ---- plain ---- */

static void test_plain(void **state)
{
	struct error err = { 0 };
	char b[16];
	int fd;
	struct stream *s = local(&fd);

	(void)state;
	assert_null(stream_tls(s));
	assert_int_equal(stream_read(s, b, sizeof(b), &err), STREAM_AGAIN);
	assert_int_equal(stream_write(s, STR("EHLO "), &err), 0);
	assert_int_equal(stream_write(s, STR("x\r\n"), &err), 0);
	assert_int_equal(recv(fd, b, sizeof(b), MSG_DONTWAIT), -1);
	assert_int_equal(stream_flush(s, &err), 0);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 8);	/* one flight */
	assert_memory_equal(b, "EHLO x\r\n", 8);
	assert_int_equal(stream_flush(s, &err), 0);
	assert_int_equal(send(fd, "250", 3, 0), 3);
	assert_int_equal(stream_wait(s, false, clock_after(5), &err), 0);
	assert_int_equal(stream_read(s, b, 2, &err), 2);
	assert_int_equal(stream_read(s, b, 2, &err), 1);
	assert_int_equal(stream_write(s, STR("QUIT\r\n"), &err), 0);
	stream_close(s);				/* sends it */
	assert_int_equal(recv(fd, b, sizeof(b), 0), 6);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 0);
	close(fd);
	stream_close(NULL);
}

/* What was given up is not sent on closing, the end of a message least. */
static void test_cut(void **state)
{
	struct error err = { 0 };
	char b[16];
	int fd;
	struct stream *s = local(&fd);

	(void)state;
	assert_int_equal(stream_write(s, STR("x\r\n.\r\n"), &err), 0);
	stream_cut(s);
	stream_close(s);
	assert_int_equal(recv(fd, b, sizeof(b), 0), 0);
	close(fd);
}

static void test_ends(void **state)
{
	struct error err = { 0 };
	char b[4];
	int fd;
	struct stream *s = local(&fd);
	int64_t begun;

	(void)state;
	begun = clock_ms();
	assert_int_equal(stream_wait(s, false, begun + 60, &err), -1);
	assert_in_range(clock_ms() - begun, 55, 1000);
	assert_int_equal(err.kind, ERROR_NET);
	assert_string_equal(err.text, "timed out");
	close(fd);
	assert_int_equal(stream_wait(s, false, clock_after(5), &err), 0);
	assert_int_equal(stream_read(s, b, 4, &err), 0);
	assert_int_equal(stream_write(s, STR("x"), &err), 0);
	assert_int_equal(stream_flush(s, &err), STREAM_FAILED);
	assert_string_equal(err.text, "connection closed by the relay");
	stream_close(s);

	s = loopback(&fd);
	reset(fd);
	assert_int_equal(stream_wait(s, false, clock_after(5), &err), 0);
	assert_int_equal(stream_read(s, b, 4, &err), STREAM_FAILED);
	assert_int_equal(err.kind, ERROR_NET);
	assert_string_equal(err.text, "connection reset by the relay");
	stream_close(s);
}

/* Late, one may look at what is there, but not for ever. */
static void test_overdue(void **state)
{
	struct error err = { 0 };
	int64_t past = clock_ms() - 1;
	char b[4];
	int fd, waits = 0;
	struct stream *s = local(&fd);

	(void)state;
	for (int again = 0; again < 2; again++) {
		waits = 0;
		assert_int_equal(send(fd, "x", 1, 0), 1);
		while (waits < 9 && !stream_wait(s, false, past, &err))
			waits++;
		assert_in_range(waits, 1, 8);
		assert_string_equal(err.text, "timed out");
		assert_int_equal(stream_read(s, b, 4, &err), 1);
	}
	stream_close(s);
	close(fd);
}

/* What was said before a reset can still be read after a failed flush. */
static void test_last_words(void **state)
{
	struct error err = { 0 };
	char b[16];
	int fd, r = 0;
	struct stream *s = loopback(&fd);
	static char much[1 << 20];

	(void)state;
	assert_int_equal(send(fd, "421 x\r\n", 7, 0), 7);
	assert_int_equal(stream_write(s, (struct str){ much, sizeof(much) },
				      &err), 0);
	close(fd);
	for (int i = 0; i < 500 && r != STREAM_FAILED; i++) {
		assert_int_equal(stream_write(s, STR("x"), &err), 0);
		r = stream_flush(s, &err);
		poll(NULL, 0, 1);
	}
	assert_int_equal(r, STREAM_FAILED);
	assert_int_equal(stream_read(s, b, sizeof(b), &err), 7);
	assert_memory_equal(b, "421 x\r\n", 7);
	stream_close(s);
}

enum { BULK = 6 << 20 };

struct reader {
	int fd;
	size_t n;
	unsigned sum;
	gnutls_session_t session;	/* NULL: plain */
};

static unsigned add(unsigned sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + (unsigned char)p[i];
	return sum;
}

static void *read_all(void *ctx)
{
	struct reader *r = ctx;
	static char b[7777];
	ssize_t n;

	while (r->n < BULK &&
	       (n = r->session ? gnutls_record_recv(r->session, b, sizeof(b))
			       : read(r->fd, b, sizeof(b))) > 0) {
		r->sum = add(r->sum, b, (size_t)n);
		r->n += (size_t)n;
	}
	return NULL;
}

/* Write faster than the peer reads: odd pieces, flushed now and then. */
static unsigned pour(struct stream *s)
{
	struct error err = { 0 };
	static char piece[70001];
	unsigned sum = 0;
	size_t left = BULK;
	int r;

	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = (char)(i * 13 + i / 251);
	while (left) {
		size_t n = left < sizeof(piece) ? left : sizeof(piece);

		sum = add(sum, piece, n);
		assert_int_equal(stream_write(s, (struct str){ piece, n },
					      &err), 0);
		left -= n;
		r = stream_flush(s, &err);
		assert_true(!r || r == STREAM_AGAIN);
	}
	while ((r = stream_flush(s, &err)) == STREAM_AGAIN)
		assert_int_equal(stream_wait(s, true, clock_after(20), &err),
				 0);
	assert_int_equal(r, 0);
	return sum;
}

static void test_bulk(void **state)
{
	struct reader r = { 0 };
	pthread_t thread;
	struct stream *s = local(&r.fd);
	unsigned sum;

	(void)state;
	pthread_create(&thread, NULL, read_all, &r);
	sum = pour(s);
	stream_close(s);
	pthread_join(thread, NULL);
	assert_int_equal(r.n, BULK);
	assert_int_equal(r.sum, sum);
	close(r.fd);
}

/* Waiting for a reply sends what has not gone yet: no deadlock. */
static void test_wait_sends(void **state)
{
	struct error err = { 0 };
	struct reader r = { 0 };
	pthread_t thread;
	struct stream *s = local(&r.fd);
	static char much[BULK];

	(void)state;
	assert_int_equal(stream_write(s, (struct str){ much, BULK }, &err), 0);
	assert_int_equal(stream_flush(s, &err), STREAM_AGAIN);
	pthread_create(&thread, NULL, read_all, &r);
	assert_int_equal(stream_wait(s, false, clock_ms() + 1500, &err), -1);
	pthread_join(thread, NULL);
	assert_int_equal(r.n, BULK);
	stream_close(s);
	close(r.fd);
}

/* ---- TLS ---- */

struct server {
	struct peer peer;
	int fd;
	pthread_t thread;
	int result;
	bool echo;			/* else: pour in `reader` */
	struct reader reader;
};

static ssize_t pull(gnutls_transport_ptr_t ctx, void *to, size_t n)
{
	return recv(*(int *)ctx, to, n, 0);
}

static ssize_t push(gnutls_transport_ptr_t ctx, const void *from, size_t n)
{
	return send(*(int *)ctx, from, n, MSG_NOSIGNAL);
}

static void *serve(void *ctx)
{
	struct server *v = ctx;
	gnutls_session_t session = v->peer.session;
	char b[100];
	ssize_t n;

	do
		v->result = gnutls_handshake(session);
	while (v->result < 0 && !gnutls_error_is_fatal(v->result));
	if (v->result)
		gnutls_alert_send_appropriate(session, v->result);
	else if (v->echo && (n = gnutls_record_recv(session, b, 100)) > 0) {
		gnutls_record_send(session, b, (size_t)n);
		gnutls_record_recv(session, b, sizeof(b));
	} else if (!v->echo)
		read_all(&v->reader);
	shutdown(v->fd, SHUT_WR);	/* without close_notify */
	if (v->echo)
		recv(v->fd, b, sizeof(b), 0);
	return NULL;
}

static struct stream *serve_start(struct server *v, const char *priority)
{
	struct stream *s = local(&v->fd);

	peer_init(&v->peer, &good, priority);
	v->reader = (struct reader){ .session = v->peer.session };
	gnutls_transport_set_ptr(v->peer.session, &v->fd);
	gnutls_transport_set_pull_function(v->peer.session, pull);
	gnutls_transport_set_push_function(v->peer.session, push);
	pthread_create(&v->thread, NULL, serve, v);
	return s;
}

static void serve_end(struct server *v)
{
	pthread_join(v->thread, NULL);
	peer_release(&v->peer);
	close(v->fd);
}

static ptrdiff_t read_soon(struct stream *s, char *b, size_t n,
			   struct error *err)
{
	ptrdiff_t r;

	while ((r = stream_read(s, b, n, err)) == STREAM_AGAIN)
		if (stream_wait(s, false, clock_after(5), err))
			return STREAM_FAILED;
	return r;
}

static void test_tls(void **state)
{
	struct tls_config c = config();
	struct error err = { 0 };
	struct server v = { .echo = true };
	struct stream *s = serve_start(&v, "NORMAL");
	char b[16];

	(void)state;
	if (stream_start_tls(s, &c, clock_after(5), &err))
		fail_msg("%s", err.text);
	assert_non_null(stream_tls(s));
	assert_string_equal(stream_tls(s)->version, "TLS1.3");
	assert_int_equal(stream_write(s, STR("hello"), &err), 0);
	assert_int_equal(stream_flush(s, &err), 0);
	assert_int_equal(read_soon(s, b, 2, &err), 2);
	assert_int_equal(stream_wait(s, false, 0, &err), 0);	/* held */
	assert_int_equal(stream_read(s, b + 2, 9, &err), 3);
	assert_memory_equal(b, "hello", 5);
	assert_int_equal(stream_wait(s, false, 0, &err), -1);	/* no more */
	assert_int_equal(stream_write(s, STR("bye"), &err), 0);
	assert_int_equal(stream_flush(s, &err), 0);
	assert_int_equal(read_soon(s, b, 9, &err), 0);
	stream_close(s);
	serve_end(&v);
}

static bool slow_yes(void *ctx, const char *as, const char *fingerprint)
{
	(void)ctx;
	(void)as;
	(void)fingerprint;
	usleep(400000);
	return true;
}

/* A person may take longer to answer than a relay. */
static void test_tls_asks(void **state)
{
	struct tls_config c = config();
	struct error err = { 0 };
	struct server v = { .echo = true };
	struct stream *s = serve_start(&v, "NORMAL:-VERS-TLS1.3");
	char file[80];

	(void)state;
	snprintf(file, sizeof(file), "%s/known", dir);
	c.trust = "tofu";
	c.known_file = file;
	c.known_as = "mail.test:465";
	c.ask = slow_yes;
	if (stream_start_tls(s, &c, clock_ms() + 300, &err))
		fail_msg("%s", err.text);
	stream_close(s);
	serve_end(&v);
	unlink(file);
}

static void test_tls_bulk(void **state)
{
	struct tls_config c = config();
	struct error err = { 0 };
	struct server v = { .echo = false };
	struct stream *s = serve_start(&v, "NORMAL:-VERS-TLS1.3");
	unsigned sum;

	(void)state;
	if (stream_start_tls(s, &c, clock_after(5), &err))
		fail_msg("%s", err.text);
	sum = pour(s);
	stream_close(s);
	serve_end(&v);
	assert_int_equal(v.reader.n, BULK);
	assert_int_equal(v.reader.sum, sum);
}

static void test_tls_refused(void **state)
{
	struct tls_config c = config();
	struct error err = { 0 };
	struct server v = { .echo = true };
	struct stream *s = serve_start(&v, "NORMAL");

	(void)state;
	c.host = "other.test";
	assert_int_equal(stream_start_tls(s, &c, clock_after(5), &err), -1);
	assert_int_equal(err.kind, ERROR_CERT);
	assert_non_null(strstr(err.text, "'other.test'"));
	assert_null(stream_tls(s));
	stream_close(s);
	serve_end(&v);
	/* Of its flight we may have left a part unread: then it sees a reset. */
	assert_true(v.result == GNUTLS_E_FATAL_ALERT_RECEIVED ||
		    v.result == GNUTLS_E_PULL_ERROR ||
		    v.result == GNUTLS_E_PUSH_ERROR);

	s = serve_start(&v, "NORMAL");
	c.trust = "/nonexistent/ca.pem";
	assert_int_equal(stream_start_tls(s, &c, clock_after(5), &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	stream_close(s);
	serve_end(&v);
	c = config();
	c.priority = "!";
	s = local(&v.fd);
	assert_int_equal(stream_start_tls(s, &c, clock_after(5), &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	stream_close(s);
	close(v.fd);
}

/* Records of nothing do not hold up a deadline. */
static void *babble(void *ctx)
{
	struct server *v = ctx;

	do
		v->result = gnutls_handshake(v->peer.session);
	while (v->result < 0 && !gnutls_error_is_fatal(v->result));
	while (gnutls_alert_send(v->peer.session, GNUTLS_AL_WARNING,
				 GNUTLS_A_USER_CANCELED) >= 0)
		;
	return NULL;
}

static void test_tls_babble(void **state)
{
	struct tls_config c = config();
	struct error err = { 0 };
	struct server v = { .echo = true };
	struct stream *s = local(&v.fd);
	int64_t until;
	ptrdiff_t r;
	char b[9];

	(void)state;
	peer_init(&v.peer, &good, "NORMAL:-VERS-TLS1.3");
	gnutls_transport_set_ptr(v.peer.session, &v.fd);
	gnutls_transport_set_pull_function(v.peer.session, pull);
	gnutls_transport_set_push_function(v.peer.session, push);
	pthread_create(&v.thread, NULL, babble, &v);
	if (stream_start_tls(s, &c, clock_after(5), &err))
		fail_msg("%s", err.text);
	until = clock_ms() + 200;
	while ((r = stream_read(s, b, 9, &err)) == STREAM_AGAIN)
		if (stream_wait(s, false, until, &err))
			break;
	assert_int_equal(r, STREAM_AGAIN);
	assert_in_range(clock_ms(), until, until + 2000);
	assert_string_equal(err.text, "timed out");
	stream_close(s);
	serve_end(&v);
}

/* Each of what a peer may do instead of a handshake. */
static void test_tls_lost(void **state)
{
	struct tls_config c = config();
	struct error err = { 0 };
	int64_t begun = clock_ms();
	int fd;
	struct stream *s = loopback(&fd);

	(void)state;
	assert_int_equal(stream_start_tls(s, &c, begun + 100, &err), -1);
	assert_in_range(clock_ms() - begun, 95, 1500);
	assert_int_equal(err.kind, ERROR_NET);
	assert_string_equal(err.text,
			    "TLS handshake with 'mail.test' timed out");
	stream_close(s);
	close(fd);

	s = loopback(&fd);
	reset(fd);
	assert_int_equal(stream_start_tls(s, &c, clock_after(5), &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	assert_non_null(strstr(err.text, "TLS handshake with 'mail.test': "
			       "connection "));
	stream_close(s);

	s = loopback(&fd);
	assert_int_equal(send(fd, "220 hi\r\n", 8, 0), 8);
	assert_int_equal(stream_start_tls(s, &c, clock_after(5), &err), -1);
	assert_int_equal(err.kind, ERROR_TLS);
	assert_non_null(strstr(err.text, "try tls = starttls"));
	stream_close(s);
	close(fd);

	s = loopback(&fd);
	shutdown(fd, SHUT_WR);
	assert_int_equal(stream_start_tls(s, &c, clock_after(5), &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	assert_non_null(strstr(err.text, "closed by 'mail.test'"));
	stream_close(s);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
	ca = ident_new(&(struct ident_spec){ .cn = "Test CA", .ca = true });
	good = ident_new(&(struct ident_spec){
		.cn = "x", .dns = { "mail.test" }, .issuer = &ca });
	ident_save(&ca, ca_file);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ident_free(&ca);
	ident_free(&good);
	unlink(ca_file);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_overdue),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_wait_sends),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_asks),
		cmocka_unit_test(test_tls_bulk),
		cmocka_unit_test(test_tls_refused),
		cmocka_unit_test(test_tls_babble),
		cmocka_unit_test(test_tls_lost),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
