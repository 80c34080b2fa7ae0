/*
 * HTTPS by libcurl, as little of it as OAuth 2 needs: one request, one answer,
 * no redirects, cookies or .netrc.
 */
#ifndef OAUTH2_HTTP_H
#define OAUTH2_HTTP_H

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	HTTP_BODY_MAX = 1 << 20,	/* octets of an answer */
	HTTP_CONNECT = 15,		/* seconds to connect, with TLS */
	HTTP_TIMEOUT = 60		/* seconds for all of a request */
};

struct http;

struct http_answer {
	long status;
	long retry_after;		/* seconds, 0: not said */
	struct buf body;
};

/*
 * ca_file: PEM, "" for the system's; timeout: seconds for a request, 0 is
 * HTTP_TIMEOUT.  ERROR_OS.
 */
struct http *http_open(const char *ca_file, unsigned timeout,
		       struct error *err);
void http_close(struct http *h);		/* NULL is fine */

/*
 * Ask a URL that url_check() liked.  0 with an answer of any status, or -1:
 * ERROR_NET, ERROR_CERT, ERROR_CONFIG (the ca_file), ERROR_PROTOCOL (no HTTP,
 * or too much).  http_answer_release() after either.  basic: NULL, or what
 * goes to HTTP's Basic authentication: name, password.
 */
int http_get(struct http *h, const char *url, struct http_answer *a,
	     struct error *err);
int http_post(struct http *h, const char *url, struct str form,
	      const char *const basic[2], struct http_answer *a,
	      struct error *err);
void http_answer_release(struct http_answer *a);	/* wipes */

#endif
