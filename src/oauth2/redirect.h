/*
 * What a browser brings back from the login: the answer of RFC 6749 s4.1.2 in
 * the query of an address, which is asked of us by HTTP (RFC 8252 s7.3) or
 * pasted by a person.  Whoever can reach the port can send us anything.
 */
#ifndef OAUTH2_REDIRECT_H
#define OAUTH2_REDIRECT_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/str.h"

enum { REDIRECT_MAX = 8 << 10 };	/* octets of a request's head */

enum redirect_kind {
	REDIRECT_MORE,		/* the head is not there yet */
	REDIRECT_BAD,		/* 400: no HTTP, too long, unclear */
	REDIRECT_METHOD,	/* 405: not GET */
	REDIRECT_ELSEWHERE,	/* 404: another path or host, or no answer in it */
	REDIRECT_ANSWER
};

struct redirect {		/* "" for what was not there */
	struct buf code, state, error, description, iss;
};

void redirect_init(struct redirect *r);
void redirect_release(struct redirect *r);	/* wipes */

/*
 * Read a query into r.  False if it is unclear: a value twice (RFC 6749
 * s3.1), badly encoded, with controls, or neither code nor error, or both.
 */
bool redirect_query(struct redirect *r, struct str query);

/*
 * Judge the octets of a request so far, which was sent to port `port` of this
 * host, for `path`.  The Host field must name this host: else a name of
 * somebody's that resolves to 127.0.0.1 would do.  r is filled for
 * REDIRECT_ANSWER.
 */
enum redirect_kind redirect_request(struct redirect *r, struct str bytes,
				    struct str path, unsigned port);

/* The same for a line that a person pasted: an address, or its query. */
bool redirect_pasted(struct redirect *r, struct str line);

#endif
