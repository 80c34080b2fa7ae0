#include "net/proxy.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "net/tunnel.h"
#include "sys/clock.h"
#include "sys/locked.h"

enum {
	/* Octets looked at in one go.  They stay in the kernel until it is
	   known whose they are. */
	PEEK = TINY ? 1 : 4096
};

int proxy_blame(const struct proxy *p, struct error *err)
{
	bool bare = strchr(p->host, ':');

	return error_wrap(err, "proxy '%s%s%s:%u'", bare ? "[" : "", p->host,
			  bare ? "]" : "", p->port);
}

/* Wait until fd can be read or written.  -1 when time is up. */
static int await(struct tunnel *t, int fd, short events, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int left = clock_left(until);
		int n = left ? poll(&p, 1, left) : 0;

		if (n > 0)
			return 0;
		if (!left) {
			tunnel_fail(t, ERROR_NET, "timed out waiting for %s",
				    tunnel_awaited(t));
			return -1;
		}
	}
}

static void lost(struct tunnel *t)
{
	if (errno == ECONNRESET || errno == EPIPE)
		tunnel_fail(t, ERROR_NET, "broke the connection off before %s",
			    tunnel_awaited(t));
	else
		tunnel_fail(t, ERROR_NET, "connection lost before %s: %s",
			    tunnel_awaited(t), strerror(errno));
}

static bool is_later(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void give(struct tunnel *t, int fd, int64_t until)
{
	struct str out = tunnel_output(t);
	ssize_t n;

	if (await(t, fd, POLLOUT, until))
		return;
	n = send(fd, out.p, out.n, MSG_NOSIGNAL);
	if (n >= 0)
		tunnel_sent(t, (size_t)n);
	else if (!is_later())
		lost(t);
}

/* Look first, and then take what was the proxy's: no more. */
static void take(struct tunnel *t, int fd, int64_t until)
{
	char seen[PEEK];
	ssize_t n;
	size_t used;

	if (await(t, fd, POLLIN, until))
		return;
	n = recv(fd, seen, sizeof(seen), MSG_PEEK);
	if (n < 0) {
		if (!is_later())
			lost(t);
		return;
	}
	used = tunnel_recv(t, (struct str){ seen, (size_t)n });
	while (used) {
		n = recv(fd, seen, used, 0);
		if (n > 0)
			used -= (size_t)n;
		else if (!n || errno != EINTR)
			return;
	}
}

int proxy_connect(int fd, const struct proxy_path *path, unsigned *trips,
		  struct error *err)
{
	struct tunnel *t = locked_alloc(sizeof(*t));
	int ret = -1;

	tunnel_init(t, path->proxy, path->host, path->port);
	for (;;) switch (tunnel_want(t)) {
	case TUNNEL_SEND:
		give(t, fd, path->until);
		break;
	case TUNNEL_RECV:
		take(t, fd, path->until);
		break;
	case TUNNEL_UP:
		ret = 0;
		goto out;
	case TUNNEL_FAILED:
		*err = t->error;
		proxy_blame(path->proxy, err);
		goto out;
	}
out:
	*trips += t->trips;
	tunnel_release(t);
	locked_free(t, sizeof(*t));
	return ret;
}
