#include "net/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/clock.h"
#include "util/xalloc.h"

enum {
	OUT_MAX = 256 << 20,		/* bytes not yet sent */
	OUT_KEEP = TINY ? 16 : 1 << 20,	/* more than this is given back once sent */
	CHUNK = TINY ? 5 : 16 << 10,	/* bytes of one read under TLS */
	READ_MAX = TINY ? 7 : INT_MAX,	/* bytes stream_read() gives */
	SEND_MAX = TINY ? 7 : INT_MAX,	/* bytes sent at once, */
	SEND_BULK = 4 << 10,		/* but of so many, all */
	QUIET_MAX = 32 << 10,		/* a command is never larger */
	FEEDS = 64,			/* chunks before stream_read() gives up */
	GRACE = 3			/* see overdue() */
};

#define TIMED_OUT "timed out"

struct stream {
	int fd;
	bool dead;			/* a handshake failed: nothing may be sent */
	bool late;			/* a deadline has passed */
	bool keep;			/* the TLS session, for later */
	struct tls *tls;		/* NULL: plain */
	struct buf plain;		/* what to send while there is no TLS */
	size_t sent;			/* how much of out() the kernel has */
	int overdue;			/* waits past a deadline since the last
					   octet */
};

struct stream *stream_open(int fd)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->fd = fd;
	buf_init(&s->plain, OUT_MAX);
	return s;
}

static struct buf *out(const struct stream *s)
{
	return s->tls ? tls_out(s->tls) : (struct buf *)&s->plain;
}

static bool unsent(const struct stream *s)
{
	return out(s)->len > s->sent;
}

static int broken(int error, struct error *err)
{
	switch (error) {
	case ECONNRESET:
		return error_set(err, ERROR_NET, "connection reset by the "
				 "relay");
	case EPIPE:
		return error_set(err, ERROR_NET, "connection closed by the "
				 "relay");
	case ETIMEDOUT:
		return error_set(err, ERROR_NET, "connection timed out");
	case EHOSTUNREACH:
	case ENETUNREACH:
		return error_set(err, ERROR_NET, "connection lost: the relay "
				 "cannot be reached any more");
	default:
		return error_set(err, ERROR_NET, "connection lost: %s",
				 strerror(error));
	}
}

void stream_close(struct stream *s)
{
	struct error ignored;

	if (!s)
		return;
	if (s->keep)
		tls_keep(s->tls);
	if (!s->dead) {
		if (s->tls)
			tls_bye(s->tls);
		stream_flush(s, &ignored);
	}
	close(s->fd);
	tls_free(s->tls);
	if (s->plain.len)
		explicit_bzero(s->plain.p, s->plain.len);
	buf_release(&s->plain);
	free(s);
}

void stream_cut(struct stream *s)
{
	s->dead = true;
}

/*
 * Forget what was sent: when it is everything, or more than what remains, so
 * that bytes are moved at most once on average.
 */
static void tidy(struct stream *s)
{
	struct buf *b = out(s);

	if (s->sent == b->len) {
		/* It may have been a response of AUTH, in clear. */
		if (!s->tls && b->len < QUIET_MAX)
			explicit_bzero(b->p, b->len);
		if (b->cap > OUT_KEEP)
			buf_release(b);
		else
			buf_reset(b);
		s->sent = 0;
	} else if (s->sent > b->len - s->sent) {
		buf_drop(b, s->sent);
		s->sent = 0;
	}
}

int stream_write(struct stream *s, struct str bytes, struct error *err)
{
	if (s->tls)
		return tls_write(s->tls, bytes, err);
	buf_add(&s->plain, bytes);
	if (s->plain.over)
		return error_set(err, ERROR_BUG, "over %d bytes wait to be "
				 "sent", (int)OUT_MAX);
	return 0;
}

static size_t send_size(size_t n)
{
	return n > SEND_MAX && n < SEND_BULK ? SEND_MAX : n;
}

int stream_flush(struct stream *s, struct error *err)
{
	struct buf *b = out(s);
	int ret = 0;

	while (!ret && s->sent < b->len) {
		ssize_t n = send(s->fd, b->p + s->sent,
				 send_size(b->len - s->sent), MSG_NOSIGNAL);

		if (n >= 0)
			s->sent += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			ret = STREAM_AGAIN;
		else if (errno != EINTR)
			ret = broken(errno, err);
	}
	if (s->sent)
		tidy(s);
	return ret;
}

static ptrdiff_t receive(struct stream *s, void *to, size_t n,
			 struct error *err)
{
	ssize_t r;

	do
		r = recv(s->fd, to, n, 0);
	while (r < 0 && errno == EINTR);
	if (r >= 0)
		return r;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return STREAM_AGAIN;
	return broken(errno, err);
}

/* Move what has arrived into the TLS engine: octets, 0 at the end, or < 0. */
static ptrdiff_t feed(struct stream *s, struct error *err)
{
	char chunk[CHUNK];
	ptrdiff_t n = receive(s, chunk, sizeof(chunk), err);

	if (n >= 0)
		tls_feed(s->tls, (struct str){ chunk, (size_t)n });
	return n;
}

ptrdiff_t stream_read(struct stream *s, void *to, size_t n, struct error *err)
{
	struct error ignored;
	ptrdiff_t r;
	int feeds = 0;

	if (n > READ_MAX)
		n = READ_MAX;
	if (!s->tls) {
		r = receive(s, to, n, err);
		if (r > 0)
			s->overdue = 0;
		return r;
	}
	do {
		r = tls_read(s->tls, to, n, err);
		if (r != TLS_AGAIN)
			break;
		r = feeds++ < FEEDS ? feed(s, err) : STREAM_AGAIN;
	} while (r >= 0);
	if (r > 0)
		s->overdue = 0;
	/* Reading can make TLS answer (a key update, an alert). */
	if (unsent(s))
		stream_flush(s, &ignored);
	return r;
}

/*
 * What has arrived by the deadline is worth a look even if we come late; but a
 * peer that keeps the socket busy with TLS records of nothing must not outlast
 * the deadline by that.
 */
static bool overdue(struct stream *s, int64_t deadline)
{
	return clock_left(deadline) == 0 && s->overdue++ >= GRACE;
}

static int time_out(struct stream *s, struct error *err)
{
	s->late = true;
	return error_set(err, ERROR_NET, TIMED_OUT);
}

/* poll(2) until one of `events`, or the deadline. */
static int await(struct stream *s, short events, short *got, int64_t deadline,
		 struct error *err)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int n;

	if (overdue(s, deadline))
		return time_out(s, err);
	do
		n = poll(&p, 1, clock_left(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set(err, ERROR_OS, "poll: %s", strerror(errno));
	if (!n)
		return time_out(s, err);
	*got = p.revents;
	return 0;
}

int stream_wait(struct stream *s, bool writing, int64_t deadline,
		struct error *err)
{
	short got = 0;

	if (s->tls && tls_pending(s->tls))
		return 0;
	if (s->keep)			/* in the shadow of the network */
		tls_keep(s->tls);
	if (writing)
		return await(s, POLLIN | POLLOUT, &got, deadline, err);
	for (;;) {
		bool more = unsent(s);

		if (await(s, (short)(more ? POLLIN | POLLOUT : POLLIN), &got,
			  deadline, err))
			return -1;
		if (got & ~POLLOUT)
			return 0;
		if (more && stream_flush(s, err) == STREAM_FAILED)
			return -1;
	}
}

/* ---- starting TLS ---- */

static int flush_all(struct stream *s, int64_t deadline, struct error *err)
{
	short got;
	int r;

	while ((r = stream_flush(s, err)) == STREAM_AGAIN)
		if (await(s, POLLOUT, &got, deadline, err))
			return -1;
	return r;
}

/* Our own time, in which a person may be asked, is not counted. */
static int step(struct stream *s, int64_t *deadline, struct error *err)
{
	int64_t begun = clock_ms();
	int r = tls_handshake(s->tls, err);

	if (*deadline != CLOCK_NEVER)
		*deadline += clock_ms() - begun;
	return r;
}

static int shake(struct stream *s, int64_t deadline, struct error *err)
{
	struct error ignored;
	ptrdiff_t n;
	short got;
	int r;

	while (!(r = step(s, &deadline, err))) {
		if (flush_all(s, deadline, err) ||
		    tls_prepare(s->tls, err) ||
		    await(s, POLLIN, &got, deadline, err))
			return -1;
		n = feed(s, err);
		if (n == STREAM_FAILED)
			return -1;
	}
	if (r < 0) {
		stream_flush(s, &ignored);	/* our alert, if it can go */
		return -1;
	}
	return flush_all(s, deadline, err);
}

int stream_start_tls(struct stream *s, const struct tls_config *config,
		     int64_t deadline, struct error *err)
{
	struct tls *tls;

	if (flush_all(s, deadline, err))
		return -1;
	tls = tls_new(config, err);
	if (!tls)
		return -1;
	s->tls = tls;
	if (!shake(s, deadline, err))
		return 0;
	if (err->kind == ERROR_NET && !strcmp(err->text, TIMED_OUT))
		error_set(err, ERROR_NET, "TLS handshake with '%s' timed out",
			  config->host);
	else if (err->kind == ERROR_NET)
		error_wrap(err, "TLS handshake with '%s'", config->host);
	s->dead = true;
	return -1;
}

void stream_keep(struct stream *s)
{
	s->keep = s->tls && !s->dead;
}

bool stream_soured(const struct stream *s)
{
	return s->tls && !s->late && tls_soured(s->tls);
}

const struct tls_info *stream_tls(const struct stream *s)
{
	return s->tls && !s->dead ? tls_info(s->tls) : NULL;
}
