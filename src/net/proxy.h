/*
 * Through a proxy to a relay: SOCKS5 or HTTP CONNECT, over a socket that is
 * connected to the proxy.  What is said is net/tunnel's; here is the waiting.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"
#include "util/str.h"

enum proxy_kind {
	PROXY_SOCKS5,		/* RFC 1928, with RFC 1929 if there is a user */
	PROXY_HTTP		/* RFC 9110 s9.3.6, with RFC 7617 likewise */
};

enum { PROXY_CREDENTIAL_MAX = 255 };	/* octets, RFC 1929 s2 */

struct proxy {			/* all of it borrowed */
	enum proxy_kind kind;
	const char *host;	/* name (ASCII), or address without brackets */
	unsigned port;
	struct str user;	/* empty: no login */
	struct str password;	/* may be empty */
};

struct proxy_path {		/* who asks for what, and until when */
	const struct proxy *proxy;
	const char *host;	/* of the relay, as in struct dial */
	unsigned port;
	int64_t until;		/* clock_ms() instant; then it is a failure */
};

/*
 * Have the proxy at the other end of fd (non-blocking) connect to the relay,
 * whose name is for the proxy to resolve.  Of what arrives not one octet beyond
 * the proxy's answer is read: the relay's greeting may be right behind it.
 * Adds the round trips it waited for to *trips.  0, or -1; the text names the
 * proxy and how far it got: ERROR_NET (it cannot reach the relay, timed out,
 * hung up), ERROR_AUTH (its login), ERROR_PERM (its rules), ERROR_PROTOCOL (it
 * is no such proxy), ERROR_CONFIG (that cannot be asked of a proxy).
 */
int proxy_connect(int fd, const struct proxy_path *path, unsigned *trips,
		  struct error *err);

/* Put "proxy 'HOST:PORT': " before the text that is there; -1. */
int proxy_blame(const struct proxy *p, struct error *err);

#endif
