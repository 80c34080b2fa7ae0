/*
 * A path with a delay: what one side sends reaches the other half a round
 * trip later, whatever its size.  The TCP handshake over such a path would
 * have taken a round trip of its own, which loopback does not: so nothing
 * the client says counts as said before that much time has passed, and the
 * target is called when the third segment of the handshake would arrive.
 */
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

#include "relay/relay.h"
#include "util/xalloc.h"

enum { PAIRS_MAX = 2048, CHUNK = 64 * 1024 };

/* What travels; len 0 is the end of the stream. */
struct chunk {
	struct chunk *next;
	int64_t due;			/* microseconds */
	size_t len, done;
	char bytes[];
};

struct way {
	struct chunk *head, **tail;
	size_t queued;
	bool closed;			/* its source has ended */
	bool finished;			/* and its sink was told */
};

struct pair {
	int fd[2];			/* client, target; -1 not yet */
	int64_t accepted;
	struct way way[2];		/* from client, from target */
};

struct proxy {
	int listener;
	unsigned port;			/* the target's */
	int64_t half;			/* microseconds */
	struct pair *pairs[PAIRS_MAX];
	size_t n;
};

/* Half a gigabyte in flight is enough for any test. */
#define QUEUED_MAX ((size_t)512 << 20)

static void nonblocking(int fd)
{
	int on = 1;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void pair_free(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		while (p->way[i].head) {
			struct chunk *c = p->way[i].head;

			p->way[i].head = c->next;
			free(c);
		}
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	}
	free(p);
}

static struct sockaddr_in loopback(unsigned port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void proxy_accept(struct proxy *x)
{
	int fd = accept(x->listener, NULL, NULL);
	struct pair *p;

	if (fd < 0)
		return;
	if (x->n == PAIRS_MAX) {
		close(fd);
		return;
	}
	nonblocking(fd);
	p = xcalloc(1, sizeof(*p));
	p->fd[0] = fd;
	p->fd[1] = -1;
	p->accepted = now_us();
	p->way[0].tail = &p->way[0].head;
	p->way[1].tail = &p->way[1].head;
	x->pairs[x->n++] = p;
}

/* 0, or -1 if there is no one at the target: the client sees a close. */
static int call_target(struct proxy *x, struct pair *p)
{
	struct sockaddr_in to = loopback(x->port);

	p->fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (p->fd[1] < 0 ||
	    connect(p->fd[1], (struct sockaddr *)&to, sizeof(to)))
		return -1;
	nonblocking(p->fd[1]);
	return 0;
}

/* Take what came from side i; 0, or -1 if the pair is broken. */
static int pair_read(struct proxy *x, struct pair *p, int i)
{
	struct way *w = &p->way[i];
	struct chunk *c = xrealloc(NULL, 1, sizeof(*c) + CHUNK);
	ssize_t n = recv(p->fd[i], c->bytes, CHUNK, 0);
	int64_t start = now_us();

	if (n < 0) {
		free(c);
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	if (i == 0 && start < p->accepted + 2 * x->half)
		start = p->accepted + 2 * x->half;
	c->next = NULL;
	c->due = start + x->half;
	c->len = (size_t)n;
	c->done = 0;
	*w->tail = c;
	w->tail = &c->next;
	w->queued += c->len;
	w->closed = !n;
	return 0;
}

/* Deliver what is due from side i to the other; 0 or -1. */
static int pair_write(struct pair *p, int i, int64_t now)
{
	struct way *w = &p->way[i];
	int to = p->fd[!i];

	while (to >= 0 && w->head && w->head->due <= now) {
		struct chunk *c = w->head;
		ssize_t n = 0;

		if (!c->len) {
			shutdown(to, SHUT_WR);
			w->finished = true;
		} else {
			n = send(to, c->bytes + c->done, c->len - c->done,
				 MSG_NOSIGNAL);
		}
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		c->done += (size_t)n;
		if (c->done < c->len)
			return 0;
		w->queued -= c->len;
		w->head = c->next;
		if (!w->head)
			w->tail = &w->head;
		free(c);
	}
	return 0;
}

/* How to poll p, and the time of its next event in *next. */
static void pair_plan(struct proxy *x, struct pair *p, struct pollfd *pfd,
		      int64_t *next)
{
	int64_t now = now_us();

	for (int i = 0; i < 2; i++) {
		struct way *w = &p->way[i];
		struct way *back = &p->way[!i];

		pfd[i] = (struct pollfd){ p->fd[i], 0, 0 };
		if (!w->closed && w->queued < QUEUED_MAX)
			pfd[i].events |= POLLIN;
		if (back->head && back->head->due <= now)
			pfd[i].events |= POLLOUT;
		else if (back->head && back->head->due < *next)
			*next = back->head->due;
		/* A side that has ended would wake us for ever. */
		if (!pfd[i].events)
			pfd[i].fd = -1;
	}
	if (p->fd[1] < 0 && p->accepted + 3 * x->half < *next)
		*next = p->accepted + 3 * x->half;
}

/* One turn for one pair; false when it is over. */
static bool pair_turn(struct proxy *x, struct pair *p, const struct pollfd *pfd)
{
	for (int i = 0; i < 2; i++)
		if (pfd[i].revents & (POLLIN | POLLHUP | POLLERR) &&
		    !p->way[i].closed && pair_read(x, p, i))
			return false;
	if (p->fd[1] < 0 && now_us() >= p->accepted + 3 * x->half &&
	    call_target(x, p))
		return false;
	for (int i = 0; i < 2; i++)
		if (pair_write(p, i, now_us()))
			return false;
	return !(p->way[0].finished && p->way[1].finished);
}

static void broken(struct pair *p)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	bool clean = p->way[0].finished && p->way[1].finished;

	for (int i = 0; i < 2 && !clean; i++)
		if (p->fd[i] >= 0)
			setsockopt(p->fd[i], SOL_SOCKET, SO_LINGER, &now,
				   sizeof(now));
	pair_free(p);
}

static int wait_until(struct pollfd *pfd, size_t n, int64_t next)
{
	int64_t left = next - now_us();
	struct timespec ts;

	left = left < 0 ? 0 : left;
	ts = (struct timespec){ left / 1000000, left % 1000000 * 1000 };
	return ppoll(pfd, n, &ts, NULL);
}

static void proxy_loop(struct proxy *x, int64_t idle)
{
	static struct pollfd pfd[1 + 2 * PAIRS_MAX];
	int64_t last = now_us();

	for (;;) {
		int64_t next = last + idle;
		size_t polled = x->n;
		size_t kept = 0;

		pfd[0] = (struct pollfd){ x->listener, POLLIN, 0 };
		for (size_t i = 0; i < polled; i++)
			pair_plan(x, x->pairs[i], pfd + 1 + 2 * i, &next);
		if (wait_until(pfd, 1 + 2 * polled, next) > 0)
			last = now_us();
		if (now_us() >= last + idle)
			return;
		for (size_t i = 0; i < polled; i++) {
			struct pair *p = x->pairs[i];

			if (pair_turn(x, p, pfd + 1 + 2 * i))
				x->pairs[kept++] = p;
			else
				broken(p);
		}
		x->n = kept;
		if (pfd[0].revents)
			proxy_accept(x);
	}
}

int proxy_run(const char *ports, unsigned delay_ms, unsigned idle_seconds)
{
	static struct proxy x;
	struct sockaddr_in at = loopback((unsigned)strtoul(ports, NULL, 10));
	socklen_t n = sizeof(at);
	const char *target = strchr(ports, ':');
	int on = 1;

	if (!target) {
		fprintf(stderr, "relay: --proxy=LISTENPORT:TARGETPORT\n");
		return 64;
	}
	x.port = (unsigned)strtoul(target + 1, NULL, 10);
	x.half = (int64_t)delay_ms * 500;
	x.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(x.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (x.listener < 0 ||
	    bind(x.listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(x.listener, 512) ||
	    getsockname(x.listener, (struct sockaddr *)&at, &n)) {
		fprintf(stderr, "relay: cannot listen for --proxy: %m\n");
		return 71;
	}
	printf("listening 127.0.0.1:%u\nready\n", ntohs(at.sin_port));
	fflush(stdout);
	proxy_loop(&x, (int64_t)idle_seconds * 1000000);
	for (size_t i = 0; i < x.n; i++)
		pair_free(x.pairs[i]);
	close(x.listener);
	return 0;
}
