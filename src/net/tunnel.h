/*
 * What is said to a proxy, as a machine without I/O: bytes in, bytes out.
 *
 *	tunnel_init(&t, &proxy, host, port);
 *	for (;;) switch (tunnel_want(&t)) {
 *	case TUNNEL_SEND:	tunnel_output(), tunnel_sent()
 *	case TUNNEL_RECV:	tunnel_recv()
 *	case TUNNEL_UP:		what follows is the relay's
 *	case TUNNEL_FAILED:	t.error says why
 *	}
 *	tunnel_release(&t);
 */
#ifndef NET_TUNNEL_H
#define NET_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "net/proxy.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	TUNNEL_HOST_MAX = 255,		/* octets, RFC 1928 s5 */
	TUNNEL_OUT_MAX = 2048,		/* octets of one message of ours */
	TUNNEL_HEAD_MAX = 16 << 10,	/* octets of HTTP headers, all told */
	TUNNEL_LINES_MAX = 100		/* lines of these */
};

enum tunnel_want { TUNNEL_SEND, TUNNEL_RECV, TUNNEL_UP, TUNNEL_FAILED };

/* What a proxy is waited for. */
enum tunnel_stage {
	TUNNEL_GREETING,	/* SOCKS5: which way to log in */
	TUNNEL_LOGIN,		/* SOCKS5: user and password */
	TUNNEL_REQUEST		/* the connection to the relay */
};

struct tunnel {
	unsigned trips;		/* round trips waited for */
	struct error error;	/* if it failed */

	/* Private from here on. */
	const struct proxy *proxy;
	const char *host;
	unsigned port;
	enum tunnel_want want;
	enum tunnel_stage stage;
	char out[TUNNEL_OUT_MAX];	/* wiped once sent: may hold a password */
	size_t out_n, out_sent;
	unsigned step;			/* SOCKS5: which octet comes next */
	size_t skip;			/* SOCKS5: octets of the bound address */
	struct buf line;		/* HTTP: the one that is arriving */
	size_t head, lines;		/* HTTP: so much of headers arrived */
	unsigned code;			/* HTTP: status; 0: not known yet */
	unsigned schemes;		/* HTTP: ways to log in that were named */
};

/*
 * Both are borrowed.  A host or port that cannot be asked for is a failure
 * (ERROR_CONFIG) before anything is to be sent.
 */
void tunnel_init(struct tunnel *t, const struct proxy *p, const char *host,
		 unsigned port);
void tunnel_release(struct tunnel *t);		/* wipes */

enum tunnel_want tunnel_want(const struct tunnel *t);
const char *tunnel_awaited(const struct tunnel *t);	/* "the answer to ..." */
struct str tunnel_output(const struct tunnel *t);
void tunnel_sent(struct tunnel *t, size_t n);

/*
 * Take what arrived (empty: the end of it).  Returns how many octets were the
 * proxy's: fewer than there are only if it is up or has failed since.
 */
size_t tunnel_recv(struct tunnel *t, struct str bytes);

/* ---- between tunnel.c, socks5.c and httpconnect.c ---- */

void socks5_begin(struct tunnel *t);
void socks5_octet(struct tunnel *t, unsigned char c);
void httpconnect_begin(struct tunnel *t);
void httpconnect_octet(struct tunnel *t, unsigned char c);

/* Give so many octets of a message; what does not fit is a bug of ours. */
void tunnel_put(struct tunnel *t, struct str bytes);
void tunnel_say(struct tunnel *t, enum tunnel_stage stage);	/* it is whole */
void tunnel_fail(struct tunnel *t, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The first octet was c, of no protocol that this proxy was to speak. */
void tunnel_alien(struct tunnel *t, unsigned char c, const char *protocol);

#endif
