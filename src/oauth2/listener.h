/*
 * A very small HTTP server on this host's loopback addresses, which waits for
 * the one request that a browser makes after a login (RFC 8252 s7.3).
 */
#ifndef OAUTH2_LISTENER_H
#define OAUTH2_LISTENER_H

#include <stdint.h>

#include "oauth2/redirect.h"
#include "util/error.h"

enum {
	LISTENER_CONNS = 16,	/* at once; then the oldest has to go */
	LISTENER_TIME = 10	/* seconds that a request may take */
};

struct listener;

/*
 * Listen on 127.0.0.1 and, where there is one, on ::1.  port 0 is any.
 * ERROR_OS, which names port and reason.
 */
struct listener *listener_open(unsigned port, struct error *err);
void listener_close(struct listener *l);	/* NULL is fine */
unsigned listener_port(const struct listener *l);

/* What to wait for. */
struct awaited {
	const char *path;	/* of the address that the browser comes to */
	const char *state;	/* what its answer must have */
	int paste;		/* terminal where it may be pasted; -1: none */
	unsigned strangers;	/* answers that had another one, so far */
};

/*
 * Wait until deadline (clock_ms()) for an answer with that state and fill r.
 * Others get an error page, and a word on stderr if they had another state.
 * l NULL: only what is pasted.  ERROR_NET when time is up, or nothing is left
 * to wait for.
 */
int listener_wait(struct listener *l, struct awaited *w,
		  int64_t deadline, struct redirect *r, struct error *err);

#endif
