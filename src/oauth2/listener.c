#include "oauth2/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "oauth2/say.h"
#include "sys/clock.h"
#include "util/xalloc.h"

enum { TRIES = 8, PASTE_MAX = 16 << 10 };

struct conn {
	int fd;			/* -1: free */
	int64_t deadline;
	struct buf got;
};

struct listener {
	int fd[2];		/* IPv4, IPv6; -1: none */
	unsigned port;
	struct conn conns[LISTENER_CONNS];
};

/* ---- the sockets ---- */

static int open_one(int family, unsigned port)
{
	struct sockaddr_in ip4 = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in6 ip6 = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	const struct sockaddr *at = family == AF_INET ?
		(const struct sockaddr *)&ip4 : (const struct sockaddr *)&ip6;
	socklen_t n = family == AF_INET ? sizeof(ip4) : sizeof(ip6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, saved;

	if (fd < 0)
		return -1;
	/* For a fixed port, whose last connections may not be over yet. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (!bind(fd, at, n) && !listen(fd, LISTENER_CONNS))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t n = sizeof(at);

	return getsockname(fd, (struct sockaddr *)&at, &n) ? 0 :
	       ntohs(at.sin_port);
}

/*
 * A browser may try ::1 first for "localhost".  If somebody else has our port
 * there, another port is better, if we may choose.
 */
static bool open_pair(struct listener *l, unsigned port)
{
	l->fd[0] = open_one(AF_INET, port);
	if (l->fd[0] < 0)
		return false;
	l->port = port_of(l->fd[0]);
	l->fd[1] = open_one(AF_INET6, l->port);
	return l->fd[1] >= 0 || errno != EADDRINUSE;
}

static void close_pair(struct listener *l)
{
	for (int i = 0; i < 2; i++) {
		if (l->fd[i] >= 0)
			close(l->fd[i]);
		l->fd[i] = -1;
	}
}

struct listener *listener_open(unsigned port, struct error *err)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	bool ok = false;

	l->fd[0] = l->fd[1] = -1;
	for (size_t i = 0; i < LISTENER_CONNS; i++) {
		l->conns[i].fd = -1;
		buf_init(&l->conns[i].got, REDIRECT_MAX);
	}
	for (int i = 0; !ok && i < (port ? 1 : TRIES); i++) {
		close_pair(l);
		ok = open_pair(l, port);
	}
	if (ok)
		return l;
	if (port)
		error_set(err, ERROR_OS, "cannot listen on port %u of this "
			  "host for the browser: %s", port, strerror(errno));
	else
		error_set(err, ERROR_OS, "cannot listen on this host for the "
			  "browser: %s", strerror(errno));
	listener_close(l);
	return NULL;
}

static void conn_end(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_wipe(&c->got);
	buf_release(&c->got);
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	close_pair(l);
	for (size_t i = 0; i < LISTENER_CONNS; i++)
		conn_end(&l->conns[i]);
	free(l);
}

unsigned listener_port(const struct listener *l)
{
	return l->port;
}

/* ---- one request ---- */

static void respond(int fd, const char *status, const char *text)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b, "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\n"
		 "Content-Length: %zu\r\nConnection: close\r\n"
		 "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
		 "X-Content-Type-Options: nosniff\r\n"
		 "Content-Security-Policy: default-src 'none'\r\n\r\n",
		 status, strlen(text));
	buf_addz(&b, text);
	/* It fits the socket's buffer; a client that does not read it, loses. */
	(void)!send(fd, b.p, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	buf_release(&b);
}

#define PAGE(text) "<!DOCTYPE html><html><head><title>posthaste</title>" \
	"</head><body><p>" text "</p></body></html>\n"

static bool state_fits(const struct redirect *r, struct awaited *w)
{
	if (r->state.len && str_eq(buf_str(&r->state), str_of(w->state)))
		return true;
	/* Somebody else on this host could go on for ever. */
	if (w->strangers++ < 3)
		say("an answer came that belongs to another login; it was not "
		    "heeded");
	return false;
}

/* Is it what is awaited?  The request is over, whatever it was. */
static bool answered(int fd, enum redirect_kind kind, struct awaited *w,
		     const struct redirect *r)
{
	switch (kind) {
	case REDIRECT_MORE:
		return false;
	case REDIRECT_BAD:
		respond(fd, "400 Bad Request", PAGE("This makes no sense."));
		return false;
	case REDIRECT_METHOD:
		respond(fd, "405 Method Not Allowed\r\nAllow: GET",
			PAGE("Only GET is of use here."));
		return false;
	case REDIRECT_ELSEWHERE:
		respond(fd, "404 Not Found", PAGE("There is nothing here."));
		return false;
	case REDIRECT_ANSWER:
		break;
	}
	if (!state_fits(r, w)) {
		respond(fd, "403 Forbidden",
			PAGE("This belongs to another login."));
		return false;
	}
	if (r->error.len)
		respond(fd, "200 OK", PAGE("The login was refused: posthaste "
			"says why. You may close this window."));
	else
		respond(fd, "200 OK", PAGE("posthaste has got the answer. You "
			"may close this window."));
	return true;
}

static bool conn_read(struct conn *c, unsigned port, struct awaited *w,
		      struct redirect *r)
{
	enum redirect_kind kind;
	bool done;
	ssize_t n;

	/* All of it at once: it may hold a code, and is wiped as one. */
	if (!c->got.cap)
		buf_room(&c->got, REDIRECT_MAX);
	n = recv(c->fd, c->got.p + c->got.len, REDIRECT_MAX - c->got.len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		conn_end(c);
		return false;
	}
	buf_grew(&c->got, (size_t)n);
	kind = redirect_request(r, buf_str(&c->got), str_of(w->path), port);
	if (kind == REDIRECT_MORE)
		return false;
	done = answered(c->fd, kind, w, r);
	conn_end(c);
	return done;
}

static void accept_one(struct listener *l, int from)
{
	int fd = accept4(from, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c = &l->conns[0];

	if (fd < 0)
		return;
	for (size_t i = 0; i < LISTENER_CONNS; i++) {
		struct conn *other = &l->conns[i];

		if (other->fd < 0) {
			c = other;
			break;
		}
		if (other->deadline < c->deadline)
			c = other;
	}
	conn_end(c);
	c->fd = fd;
	c->deadline = clock_after(LISTENER_TIME);
}

/* ---- waiting ---- */

struct waiting {
	struct pollfd at[LISTENER_CONNS + 3];	/* connections, sockets, paste */
	int paste;
	struct buf line;
};

enum { AT_SOCKET = LISTENER_CONNS, AT_PASTE = LISTENER_CONNS + 2 };

static int64_t prepare(struct waiting *p, struct listener *l, int64_t deadline)
{
	for (size_t i = 0; i < LISTENER_CONNS + 3; i++)
		p->at[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	p->at[AT_PASTE].fd = p->paste;
	for (size_t i = 0; l && i < 2; i++)
		p->at[AT_SOCKET + i].fd = l->fd[i];
	for (size_t i = 0; l && i < LISTENER_CONNS; i++) {
		struct conn *c = &l->conns[i];

		if (c->fd >= 0 && c->deadline <= clock_ms())
			conn_end(c);
		p->at[i].fd = c->fd;
		if (c->fd >= 0 && c->deadline < deadline)
			deadline = c->deadline;
	}
	return deadline;
}

/* What a person typed: whole lines, each of which may be the address. */
static bool read_paste(struct waiting *p, struct awaited *w,
		       struct redirect *r)
{
	char *to = buf_room(&p->line, 1024);
	ssize_t n = to ? read(p->paste, to, 1024) : 0;
	char *lf;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		p->paste = -1;
		return false;
	}
	buf_grew(&p->line, (size_t)n);
	while (p->line.len && (lf = memchr(p->line.p, '\n', p->line.len))) {
		size_t used = (size_t)(lf - p->line.p) + 1;
		struct str line = str_trim((struct str){ p->line.p, used - 1 });
		bool clear = redirect_pasted(r, line);

		if (clear && state_fits(r, w))
			return true;
		if (!clear && line.n)
			say("that is not the address that the browser ended "
			    "at: it has 'code=' and 'state=' in it");
		buf_drop(&p->line, used);
	}
	return false;
}

static bool serve(struct waiting *p, struct listener *l,
		  struct awaited *w, struct redirect *r)
{
	for (size_t i = 0; l && i < LISTENER_CONNS; i++)
		if (p->at[i].revents &&
		    conn_read(&l->conns[i], l->port, w, r))
			return true;
	for (size_t i = 0; l && i < 2; i++)
		if (p->at[AT_SOCKET + i].revents)
			accept_one(l, l->fd[i]);
	return p->at[AT_PASTE].revents && read_paste(p, w, r);
}

int listener_wait(struct listener *l, struct awaited *w,
		  int64_t deadline, struct redirect *r, struct error *err)
{
	struct waiting p = { .paste = w->paste };
	int ret = -1;

	buf_init(&p.line, PASTE_MAX);
	buf_room(&p.line, PASTE_MAX);
	for (;;) {
		int64_t until = prepare(&p, l, deadline);

		if (clock_ms() >= deadline) {
			error_set(err, ERROR_NET, "nobody logged in in time");
			break;
		}
		if (!l && p.paste < 0) {
			error_set(err, ERROR_NET, "no address was pasted");
			break;
		}
		if (poll(p.at, LISTENER_CONNS + 3, clock_left(until)) <= 0)
			continue;
		if (serve(&p, l, w, r)) {
			ret = 0;
			break;
		}
	}
	buf_wipe(&p.line);
	buf_release(&p.line);
	return ret;
}
