/* The socket: octets as they are on the wire, and the flights they make. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/conn.h"
#include "relay/log.h"

static void raw_write(int fd, const char *p, size_t n)
{
	while (fd >= 0 && n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
}

void flight_log(struct conn *c)
{
	struct buf b;

	if (!c->flight_bytes)
		return;
	log_begin(c->relay, &b, c->id, "flight");
	log_int(&b, "number", c->flight);
	log_int(&b, "bytes", c->flight_bytes);
	log_str(&b, "phase", str_of(c->flight_tls ? "tls" : "smtp"));
	buf_addf(&b, ",\"commands\":[%s]", buf_cstr(&c->flight_commands));
	log_end(c->relay, &b);
	c->flight_bytes = 0;
	buf_reset(&c->flight_commands);
}

static void count(struct conn *c, const char *p, size_t n)
{
	if (c->wrote) {
		c->wrote = false;
		c->flight++;
		c->flight_tls = c->handshaking;
	}
	c->flight_bytes += n;
	c->bytes += n;
	raw_write(c->raw_wire, p, n);
	atomic_store(&c->relay->activity, now_us());
}

/* Wait as c->wait_ms says.  False with EAGAIN if nothing came. */
static bool wait_input(struct conn *c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	int n;

	do {
		n = poll(&pfd, 1, c->wait_ms);
	} while (n < 0 && errno == EINTR);
	if (!n)
		errno = EAGAIN;
	return n > 0;
}

static ssize_t socket_recv(struct conn *c, void *p, size_t n)
{
	unsigned slow = c->conf->slow_read;
	ssize_t got;

	if (slow) {
		size_t tick = slow / 20 ? slow / 20 : 1;

		pause_ms(slow < 20 ? 1000 / slow : 50);
		n = n < tick ? n : tick;
	}
	for (;;) {
		got = recv(c->fd, p, n, MSG_DONTWAIT);
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
		if (errno == EAGAIN && !wait_input(c))
			break;
	}
	if (got > 0)
		count(c, p, (size_t)got);
	return got;
}

/* GnuTLS asks for five octets, then for a record: give it from a large read. */
ssize_t wire_recv(struct conn *c, void *p, size_t n)
{
	size_t have = c->wire_end - c->wire_start;

	if (!c->tls)
		return socket_recv(c, p, n);
	if (!have) {
		ssize_t got = socket_recv(c, c->wire, CONN_WIRE);

		if (got <= 0)
			return got;
		c->wire_start = 0;
		c->wire_end = have = (size_t)got;
	}
	n = n < have ? n : have;
	memcpy(p, c->wire + c->wire_start, n);
	c->wire_start += n;
	return (ssize_t)n;
}

int wire_send(struct conn *c, const void *p, size_t n)
{
	const char *at = p;

	flight_log(c);
	c->wrote = true;
	while (n) {
		ssize_t done = send(c->fd, at, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		at += done;
		n -= (size_t)done;
		atomic_store(&c->relay->activity, now_us());
	}
	return 0;
}

bool wire_ready(struct conn *c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

	if (c->wire_end > c->wire_start)
		return true;
	if (c->tls && gnutls_record_check_pending(c->tls))
		return true;
	return poll(&pfd, 1, 0) > 0;
}
