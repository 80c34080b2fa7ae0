/*
 * struct secret: a password or token.  Its pages are locked and kept out of
 * core dumps, never reallocated, and wiped on release.  It is never put into
 * an error, a log or a report.
 */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/account.h"
#include "util/error.h"
#include "util/str.h"

enum { SECRET_MAX = 64 << 10 };		/* octets */

struct secret {
	char *p;		/* private; use secret_str() */
	size_t n;
};

enum secret_use {
	SECRET_LOGIN,		/* password or token for the relay */
	SECRET_KEY		/* password of tls_key, or PIN of its token */
};

struct secret_ways {		/* beside the account's settings */
	int fd;			/* --password-fd, for SECRET_LOGIN; -1: none */
	bool terminal;		/* a person may be asked at the terminal */
};

struct secret_source;			/* a secret on its way; conf/secret.c */

/*
 * Begin to get a secret of the account's: by ways->fd if that is not -1 (read to its
 * end), else token_command, password_command (started now, so that it runs
 * while the network is awaited), password_file, password, netrc.  A command
 * gets /dev/null as stdin and its stderr is ours.  NULL with *err set when it
 * cannot be begun (ERROR_CONFIG, ERROR_PERM...); what has no source at all is
 * ERROR_CONFIG and says which settings would give one, unless
 * account_needs_secret() says no: then the secret is empty.
 */
struct secret_source *secret_begin(const struct account *a,
				   enum secret_use use,
				   const struct secret_ways *ways,
				   struct error *err);
/*
 * Wait for it, at most until deadline (clock_ms(); commands get killed).  One
 * trailing LF or CRLF is dropped; NUL, empty, a failed command (its status is
 * named), more than one line or more than SECRET_MAX is ERROR_CONFIG; ERROR_NET
 * when time is up.  src is freed either way.
 */
int secret_finish(struct secret_source *src, int64_t deadline,
		  struct secret *out, struct error *err);
void secret_cancel(struct secret_source *src);	/* frees; NULL is fine */

struct str secret_str(const struct secret *s);
void secret_release(struct secret *s);

#endif
