#include "relay/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/log.h"
#include "util/xalloc.h"

/* How long replies are kept back in the middle of content, milliseconds. */
enum { HOLD_MS = 50 };

static int raw_open(struct relay *r, unsigned id, const char *kind)
{
	char path[512];
	int fd;

	if (!r->conf.raw)
		return -1;
	snprintf(path, sizeof(path), "%s/%u.%s", r->conf.raw, id, kind);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		fprintf(stderr, "relay: cannot create '%s': %m\n", path);
	return fd;
}

struct conn *conn_new(struct relay *r, int fd, unsigned id, enum tls_mode mode)
{
	struct conn *c = xcalloc(1, sizeof(*c));
	int on = 1;

	c->relay = r;
	c->conf = &r->conf;
	c->id = id;
	c->fd = fd;
	c->mode = mode;
	c->in = xcalloc(1, CONN_IN);
	c->wire = xcalloc(1, CONN_WIRE);
	c->wait_ms = -1;
	c->wrote = true;
	buf_init(&c->out, (size_t)16 << 20);
	buf_init(&c->flight_commands, (size_t)16 << 20);
	c->raw_wire = raw_open(r, id, "wire");
	c->raw_plain = raw_open(r, id, "plain");
	c->raw_tls = raw_open(r, id, "tls");
	/* Fails on a unix socket, which has no such delay. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return c;
}

static void log_the_end(struct conn *c)
{
	struct buf b;

	flight_log(c);
	log_begin(c->relay, &b, c->id, "end");
	log_str(&b, "how", str_of(c->ended ? c->ended : "done"));
	log_bool(&b, "quit", c->quit);
	log_bool(&b, "close_notify", c->close_notify);
	log_int(&b, "flights", c->flight);
	log_int(&b, "bytes", c->bytes);
	log_end(c->relay, &b);
}

void conn_free(struct conn *c)
{
	log_the_end(c);
	if (c->tls)
		gnutls_deinit(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	if (c->raw_wire >= 0)
		close(c->raw_wire);
	if (c->raw_plain >= 0)
		close(c->raw_plain);
	if (c->raw_tls >= 0)
		close(c->raw_tls);
	buf_release(&c->out);
	buf_release(&c->flight_commands);
	free(c->in);
	free(c->wire);
	free(c);
}

int conn_end(struct conn *c, const char *how)
{
	if (!c->ended)
		c->ended = how;
	return -1;
}

int conn_reset(struct conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(c->fd);
	c->fd = -1;
	return conn_end(c, "reset by relay");
}

static int send_all(struct conn *c, struct str s)
{
	while (s.n) {
		ssize_t n = (ssize_t)s.n;

		if (c->tls)
			n = gnutls_record_send(c->tls, s.p, s.n);
		else if (wire_send(c, s.p, s.n))
			n = -1;
		if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
			continue;
		if (n < 0)
			return conn_end(c, "write failed");
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

int conn_flush(struct conn *c)
{
	if (c->fd < 0 || (c->ended && c->out.len))
		return -1;
	if (send_all(c, buf_str(&c->out)))
		return -1;
	buf_reset(&c->out);
	return 0;
}

int conn_write(struct conn *c, struct str s)
{
	return conn_flush(c) ? -1 : send_all(c, s);
}

/* One read at the level the session talks on; as recv(2), 0 at the end. */
static ssize_t session_recv(struct conn *c, char *p, size_t n)
{
	ssize_t got;

	if (!c->tls)
		return wire_recv(c, p, n);
	got = gnutls_record_recv(c->tls, p, n);
	if (got == 0)
		c->close_notify = true;
	if (got == GNUTLS_E_PREMATURE_TERMINATION)
		return 0;
	if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
		errno = EAGAIN;
	else if (got == GNUTLS_E_REHANDSHAKE)
		errno = EAGAIN;
	else if (got < 0)
		errno = ECONNRESET;
	return got;
}

static void record(struct conn *c, const char *p, size_t n)
{
	int fd = c->tls ? c->raw_tls : c->raw_plain;

	while (fd >= 0 && n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno != EINTR)
			return;
		p += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
}

/* Read into c->in once, waiting at most ms.  1, 0, -1, or 2: nothing yet. */
static int take(struct conn *c, int ms)
{
	size_t room = CONN_IN - c->end;
	ssize_t got;

	if (c->fill_max && room > c->fill_max)
		room = c->fill_max;
	c->wait_ms = ms;
	got = session_recv(c, c->in + c->end, room);
	c->wait_ms = -1;
	if (got < 0 && errno == EAGAIN)
		return 2;
	if (got < 0)
		return conn_end(c, "reset by client");
	if (!got) {
		conn_end(c, "eof");
		return 0;
	}
	record(c, c->in + c->end, (size_t)got);
	c->end += (size_t)got;
	return 1;
}

int conn_fill(struct conn *c, bool eager)
{
	int ret = 2;

	if (c->fd < 0 || c->ended)
		return -1;
	if (c->start) {
		memmove(c->in, c->in + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (c->end == CONN_IN)
		return conn_end(c, "input buffer full");
	if (c->out.len && (!eager || wire_ready(c)))
		ret = take(c, eager ? 0 : HOLD_MS);
	if (ret == 2 && conn_flush(c))
		return -1;
	while (ret == 2)
		ret = take(c, -1);
	return ret;
}

int conn_line(struct conn *c, struct str *line, bool *cut)
{
	size_t seen = 0;

	*cut = false;
	for (;;) {
		size_t have = c->end - c->start;
		char *at = c->in + c->start;
		char *lf = have > seen ?
			memchr(at + seen, '\n', have - seen) : NULL;
		int ret;

		if (lf || have >= CONN_LINE) {
			*cut = !lf || lf - at >= CONN_LINE;
			*line = (struct str){ at, *cut ? CONN_LINE :
					      (size_t)(lf - at) + 1 };
			c->start += line->n;
			return 1;
		}
		seen = have;
		ret = conn_fill(c, true);
		if (ret <= 0)
			return ret;
	}
}

size_t conn_unread(const struct conn *c)
{
	return c->end - c->start;
}

void conn_command(struct conn *c, struct str verb)
{
	if (c->flight_commands.len)
		buf_addch(&c->flight_commands, ',');
	log_quote(&c->flight_commands, verb);
}

void conn_drain(struct conn *c, int ms)
{
	int64_t until = now_us() + (int64_t)ms * 1000;

	while (c->fd >= 0 && !c->ended) {
		int left = ms < 0 ? -1 : (int)((until - now_us()) / 1000);

		if (ms >= 0 && left <= 0)
			return;
		c->start = c->end = 0;
		if (take(c, left) <= 0)
			return;
	}
}

/* Read no more, until the client has gone. */
static void stop_reading(struct conn *c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLRDHUP };

	while (poll(&pfd, 1, -1) < 0 && errno == EINTR)
		;
	conn_end(c, "stopped reading");
}

int conn_act(struct conn *c, enum act act)
{
	static const char junk[] = "\x01\x02 this is not TLS \x80\xff\r\n\r\n";

	if (conn_flush(c))
		return -1;
	switch (act) {
	case ACT_RESET:
		return conn_reset(c);
	case ACT_CLOSE_AFTER:
		shutdown(c->fd, SHUT_WR);
		conn_drain(c, 1000);
		break;
	case ACT_GARBAGE:
		wire_send(c, junk, sizeof(junk) - 1);
		shutdown(c->fd, SHUT_WR);
		conn_drain(c, 1000);
		break;
	case ACT_SILENCE:
		conn_drain(c, -1);
		break;
	case ACT_STOP:
		stop_reading(c);
		break;
	default:
		break;
	}
	return conn_end(c, "closed by relay");
}
