/*
 * The setting `proxy`: socks5://[USER[:PASSWORD]@]HOST[:PORT], socks5h:// (the
 * same: the name of the relay is always the proxy's to resolve), or
 * http://[USER[:PASSWORD]@]HOST:PORT; RFC 3986, so that user and password may
 * have %XX in them.  With a password the URL is a secret.
 */
#ifndef CONF_PROXYURL_H
#define CONF_PROXYURL_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	PROXYURL_PORT = 1080,		/* of SOCKS5, if none is given */
	PROXYURL_HOST_MAX = 255,	/* octets, RFC 1035 s2.3.4 */
	PROXYURL_LOGIN_MAX = 255	/* octets of each, RFC 1929 s2 */
};

enum proxyurl_scheme { PROXYURL_NONE, PROXYURL_SOCKS5, PROXYURL_HTTP };

struct proxyurl {		/* no pointers: one block, to be wiped */
	enum proxyurl_scheme scheme;	/* NONE: there is no proxy */
	unsigned port;
	char host[PROXYURL_HOST_MAX + 1];	/* ASCII, without brackets */
	char user[PROXYURL_LOGIN_MAX + 1];	/* ""; no login */
	char password[PROXYURL_LOGIN_MAX + 1];
};

/*
 * Read value; "" is no proxy.  0, or -1 with ERROR_CONFIG and u wiped; nothing
 * of value is in the text.  proxyurl_wipe() is due after 0.
 */
int proxyurl_parse(struct proxyurl *u, struct str value, struct error *err);
void proxyurl_wipe(struct proxyurl *u);

/* For the option table: is it one? */
int proxyurl_check(struct str value, struct error *err);

/*
 * Might there be a password in value, well-formed or not?  If so, nobody else
 * may get to see it.
 */
bool proxyurl_is_secret(struct str value);

/* Append value with "********" for the password. */
void proxyurl_mask(struct str value, struct buf *out);

#endif
