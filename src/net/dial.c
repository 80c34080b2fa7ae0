#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/proxy.h"
#include "net/resolve.h"
#include "net/source.h"
#include "sys/clock.h"

enum {
	TRIES_MAX = 24,			/* addresses; further ones are left out */
	STAGGER = 250,			/* ms between two starts, RFC 8305 s5 */
	RETRY = 20,			/* ms, while a unix socket is crowded */
	REASONS_MAX = 560		/* octets of what the addresses said */
};

struct try {
	const struct addrinfo *to;
	int fd;				/* -1: not begun, or over */
	int64_t until;
	int failed;			/* errno; 0: not yet */
};

struct race {
	const struct dial *dial;
	struct source source;
	struct try tries[TRIES_MAX];
	size_t len;
	size_t begun;
	int64_t next_at;		/* when to begin the next */
	int won;			/* fd, or -1 */
	const struct addrinfo *winner;
};

static const char *reason(int error)
{
	switch (error) {
	case ECONNREFUSED:	return "connection refused";
	case ETIMEDOUT:		return "timed out";
	case ECONNRESET:	return "connection reset";
	case ENETUNREACH:	return "network is unreachable";
	case EHOSTUNREACH:	return "no route to host";
	case EADDRNOTAVAIL:	return "address not available";
	case ENODEV:		return "no such interface";
	case EAFNOSUPPORT:	return "address family not supported";
	case EACCES:
	case EPERM:		return "permission denied";
	case ENOENT:		return "no such socket; is the service running?";
	default:		return strerror(error);
	}
}

static void add_address(struct buf *to, const struct addrinfo *a)
{
	char host[256], port[16];

	if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		buf_addz(to, "?");
	else if (a->ai_family == AF_INET6)
		buf_addf(to, "[%s]:%s", host, port);
	else
		buf_addf(to, "%s:%s", host, port);
}

/* As sorted, but with the families taking turns (RFC 8305 s4). */
static void line_up(struct race *r, const struct addrinfo *all)
{
	int first = all->ai_family;
	const struct addrinfo *next[2] = { all, all };
	size_t turn = 0;

	while (r->len < TRIES_MAX && (next[0] || next[1])) {
		const struct addrinfo **a = &next[turn];

		while (*a && ((*a)->ai_family == first) != (turn == 0))
			*a = (*a)->ai_next;
		if (*a) {
			r->tries[r->len++] = (struct try){ .to = *a, .fd = -1 };
			*a = (*a)->ai_next;
		}
		turn = !turn;
	}
}

static void tune(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void lose(struct try *t, int error)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->failed = error;
}

static void win(struct race *r, struct try *t)
{
	r->won = t->fd;
	r->winner = t->to;
	t->fd = -1;
}

/* The target itself, or with the interface that `source` says it is on. */
static const struct sockaddr *target(const struct race *r,
				     const struct addrinfo *to,
				     struct sockaddr_in6 *scoped)
{
	if (to->ai_family != AF_INET6)
		return to->ai_addr;
	memcpy(scoped, to->ai_addr, sizeof(*scoped));
	source_scope(&r->source, scoped);
	return (struct sockaddr *)scoped;
}

/* Begin to connect to t; it may win or lose at once. */
static void begin(struct race *r, struct try *t)
{
	const struct addrinfo *to = t->to;
	const struct sockaddr *from = source_for(&r->source, to->ai_addr);
	struct sockaddr_in6 scoped;

	t->until = clock_after(r->dial->timeout);
	if (r->source.n && !from) {
		lose(t, EAFNOSUPPORT);
		return;
	}
	t->fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK |
		       SOCK_CLOEXEC, to->ai_protocol);
	if (t->fd < 0) {
		lose(t, errno);
		return;
	}
	tune(t->fd);
	/* Both families' addresses are as long as what was found. */
	if (from && bind(t->fd, from, to->ai_addrlen))
		lose(t, errno);
	else if (!connect(t->fd, target(r, to, &scoped), to->ai_addrlen))
		win(r, t);
	else if (errno != EINPROGRESS && errno != EINTR)
		lose(t, errno);
}

static size_t running(const struct race *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->begun; i++)
		n += r->tries[i].fd >= 0;
	return n;
}

/* Begin what is due: the next after 250 ms, or when nothing is under way. */
static void begin_due(struct race *r)
{
	while (r->won < 0 && r->begun < r->len &&
	       (!running(r) || clock_ms() >= r->next_at)) {
		begin(r, &r->tries[r->begun++]);
		r->next_at = clock_ms() + STAGGER;
	}
}

static void settle(struct race *r, struct try *t, short events)
{
	socklen_t n = sizeof(int);
	int error = 0;

	if (events) {
		if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &n))
			error = errno;
		if (!error && r->won < 0) {
			win(r, t);
			return;
		}
		lose(t, error ? error : ECANCELED);
	} else if (clock_ms() >= t->until ||
		   clock_ms() >= r->dial->deadline) {
		lose(t, ETIMEDOUT);
	} else {
		return;
	}
	r->next_at = 0;
}

/* Wait for news of those under way, or until something is due. */
static void await(struct race *r)
{
	struct pollfd fds[TRIES_MAX];
	int64_t until = r->dial->deadline;

	for (size_t i = 0; i < r->begun; i++) {
		fds[i] = (struct pollfd){ .fd = r->tries[i].fd,
					  .events = POLLOUT };
		if (fds[i].fd >= 0 && r->tries[i].until < until)
			until = r->tries[i].until;
	}
	if (r->begun < r->len && r->next_at < until)
		until = r->next_at;
	if (poll(fds, r->begun, clock_left(until)) < 0)
		return;		/* EINTR: revents are unset, look again */
	for (size_t i = 0; i < r->begun; i++)
		if (r->tries[i].fd >= 0)
			settle(r, &r->tries[i], fds[i].revents);
}

/* A link-local address is one only together with its interface, RFC 4007 s6. */
static bool lacks_interface(const struct race *r, const struct try *t)
{
	struct sockaddr_in6 v6;

	if (t->to->ai_family != AF_INET6)
		return false;
	target(r, t->to, &v6);
	return IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) && !v6.sin6_scope_id;
}

static void add_reason(const struct race *r, const struct try *t,
		       struct buf *why)
{
	if (t->failed == EAFNOSUPPORT && r->source.n)
		buf_addf(why, ": not reachable from source '%s'",
			 r->dial->source);
	else if (t->failed == EINVAL && lacks_interface(r, t))
		buf_addz(why, ": a link-local address needs its interface: "
			 "ADDRESS%INTERFACE");
	else
		buf_addf(why, ": %s",
			 reason(t->failed ? t->failed : ETIMEDOUT));
}

static int lost(const struct race *r, struct error *err)
{
	struct buf why;

	buf_init(&why, REASONS_MAX);
	for (size_t i = 0; i < r->len && !why.over; i++) {
		const struct try *t = &r->tries[i];

		buf_addz(&why, i ? "; " : "connect to ");
		add_address(&why, t->to);
		add_reason(r, t, &why);
	}
	error_set(err, ERROR_NET, "%s%s", buf_cstr(&why),
		  why.over ? "..." : "");
	buf_release(&why);
	return -1;
}

static int race(struct race *r, const struct addrinfo *all, struct buf *peer,
		struct error *err)
{
	line_up(r, all);
	for (;;) {
		begin_due(r);
		if (r->won >= 0 || (!running(r) && r->begun == r->len))
			break;
		await(r);
		if (clock_ms() >= r->dial->deadline && r->won < 0 &&
		    !running(r))
			break;
	}
	for (size_t i = 0; i < r->begun; i++)
		if (r->tries[i].fd >= 0)
			close(r->tries[i].fd);
	if (r->won < 0)
		return lost(r, err);
	add_address(peer, r->winner);
	return r->won;
}

/* A local service: its socket may be crowded for a moment (EAGAIN). */
static int dial_unix(const struct dial *d, struct buf *peer, struct error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int64_t until = clock_after(d->timeout);
	int fd, error;

	if (strlen(d->host) >= sizeof(to.sun_path))
		return error_set(err, ERROR_CONFIG, "socket path '%s' is "
				 "longer than %zu octets", d->host,
				 sizeof(to.sun_path) - 1);
	memcpy(to.sun_path, d->host, strlen(d->host));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, ERROR_OS, "cannot make a socket: %s",
				 strerror(errno));
	until = until < d->deadline ? until : d->deadline;
	while (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		error = errno;
		if (error == EAGAIN && clock_left(until)) {
			poll(NULL, 0, RETRY);
			continue;
		}
		close(fd);
		return error_set(err, error == EACCES ? ERROR_PERM : ERROR_NET,
				 "connect to '%s': %s", d->host,
				 reason(error == EAGAIN ? ETIMEDOUT : error));
	}
	buf_addz(peer, d->host);
	return fd;
}

static int dial_straight(const struct dial *d, struct buf *peer,
			 struct error *err)
{
	struct race r = { .dial = d, .won = -1 };
	struct addrinfo *all;
	int fd;

	if (source_load(&r.source, d->source, err) ||
	    resolve(d->host, d->port, d->deadline, &all, err))
		return -1;
	fd = race(&r, all, peer, err);
	freeaddrinfo(all);
	return fd;
}

/* The time for an address of the proxy's, and as long again for its answers. */
static int talk(const struct dial *d, int fd, struct error *err)
{
	int64_t until = clock_after(d->timeout);
	unsigned ignored = 0;
	struct proxy_path path = {
		.proxy = d->proxy, .host = d->host, .port = d->port,
		.until = until < d->deadline ? until : d->deadline,
	};

	return proxy_connect(fd, &path, d->trips ? d->trips : &ignored, err);
}

/* The relay's name is the proxy's to resolve: here nobody is asked for it. */
static int dial_proxy(const struct dial *d, struct buf *peer, struct error *err)
{
	struct dial to = *d;
	struct buf via;
	int fd;

	to.host = d->proxy->host;
	to.port = d->proxy->port;
	buf_init(&via, peer->max);
	fd = dial_straight(&to, &via, err);
	if (fd < 0) {
		proxy_blame(d->proxy, err);
	} else if (talk(d, fd, err)) {
		close(fd);
		fd = -1;
	} else {
		buf_addf(peer, strchr(d->host, ':') && d->host[0] != '[' ?
			 "[%s]:%u via " : "%s:%u via ", d->host, d->port);
		buf_add(peer, buf_str(&via));
	}
	buf_release(&via);
	return fd;
}

int dial(const struct dial *d, struct buf *peer, struct error *err)
{
	if (d->host[0] == '/' && d->proxy)
		return error_set(err, ERROR_CONFIG, "the socket '%s' cannot be "
				 "reached through a proxy", d->host);
	if (d->host[0] == '/')
		return dial_unix(d, peer, err);
	return d->proxy ? dial_proxy(d, peer, err) :
			  dial_straight(d, peer, err);
}
