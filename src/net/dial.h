/*
 * From a host name to a connected socket.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

struct proxy;

struct dial {
	const char *host;	/* name (ASCII), address, [address], /path */
	unsigned port;		/* ignored for a /path */
	const char *source;	/* address or interface to bind, "" for any */
	const struct proxy *proxy;	/* net/proxy.h; NULL: none */
	unsigned timeout;	/* seconds an address, and for a proxy's answers */
	int64_t deadline;	/* clock_ms() instant for all of it */
	unsigned *trips;	/* round trips after connecting are added; or NULL */
};

/*
 * Resolve and connect: addresses are raced as RFC 8305 says (families
 * interleaved, 250 ms apart).  Returns a non-blocking, close-on-exec socket
 * with TCP_NODELAY and appends the peer's address to `peer` ("192.0.2.1:465");
 * or -1: ERROR_HOST when the name does not exist, ERROR_CONFIG when it is none
 * or the source is not there, else ERROR_NET naming each address and what it
 * said.  With a proxy all this is so of the proxy, which is then asked to
 * connect to the host and resolves its name; what that may come to, see
 * proxy_connect().  `peer` is then "smtp.example.org:465 via 192.0.2.1:1080".
 */
int dial(const struct dial *d, struct buf *peer, struct error *err);

#endif
