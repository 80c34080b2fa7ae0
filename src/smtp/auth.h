/*
 * What the session needs of a SASL mechanism (RFC 4954), so that it knows
 * none.  sasl/ implements it with libgsasl; the tests with a script.
 *
 * All text is base64 as it stands on the wire, without CRLF.  Every function
 * returns 0, or -1 with *err set (ERROR_AUTH: credentials or policy;
 * ERROR_PROTOCOL: the relay broke the mechanism's rules).
 */
#ifndef SMTP_AUTH_H
#define SMTP_AUTH_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct auth {
	void *ctx;

	/*
	 * Choose among `offered` (names, blanks between).  *mech is set to the
	 * name, which lives as long as ctx.  If the mechanism has an initial
	 * response, *has_initial is true and it is appended to `initial` ("="
	 * is not used: an empty one is no bytes).
	 */
	int (*start)(void *ctx, struct str offered, const char **mech,
		     bool *has_initial, struct buf *initial,
		     struct error *err);

	/* Answer the challenge of a 334. */
	int (*step)(void *ctx, struct str challenge, struct buf *response,
		    struct error *err);

	/* 235 came: is the mechanism satisfied (server signature seen)? */
	int (*finish)(void *ctx, struct error *err);

	/* Blot out every form of the secret in text that came from outside. */
	void (*mask)(void *ctx, struct buf *text);
};

#endif
