/*
 * The few things that must be known of a URL (RFC 3986) before a secret goes
 * there.
 */
#ifndef OAUTH2_URL_H
#define OAUTH2_URL_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct url {			/* all of it borrowed from the text */
	bool https;
	bool loopback;		/* localhost, 127.0.0.0/8 or [::1] */
	struct str origin;	/* https://host:port */
	struct str host;	/* as written; an IPv6 address in its brackets */
	struct str port;	/* "" if it is not there */
	struct str path;	/* "" or from its "/" on */
	struct str query;	/* what follows "?"; n is 0 without */
};

/*
 * False for anything but http and https, for user names in it, fragments,
 * blanks, controls and what is not ASCII.
 */
bool url_split(struct str text, struct url *out);

/*
 * May a secret go there?  Only by https, or to this host.  `what` names it in
 * the error, ERROR_CONFIG.
 */
int url_check(struct str text, const char *what, struct error *err);

/*
 * Append where an issuer's metadata are: RFC 8414 s3.1, where the well-known
 * part comes before the issuer's path, or OpenID Connect's, where it comes
 * after.
 */
enum url_metadata { URL_OAUTH, URL_OPENID };
void url_well_known(struct buf *out, const struct url *issuer,
		    enum url_metadata kind);

#endif
