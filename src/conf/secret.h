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
	bool issued;		/* a token that the provider gave just now */
};

enum secret_use {
	SECRET_LOGIN,		/* password or token for the relay */
	SECRET_KEY		/* password of tls_key, or PIN of its token */
};

struct secret_ways {		/* beside the account's settings */
	int fd;			/* --password-fd, for SECRET_LOGIN; -1: none */
	bool terminal;		/* a person may be asked at the terminal */
	int64_t deadline;	/* clock_ms() until when; 0: never mind */
	const char *stale;	/* token_digest() of a token that the relay
				   has refused; NULL: none was */
};

struct secret_source;			/* a secret on its way; conf/secret.c */

/* Does a setting of a's say where that secret comes from? */
bool secret_is_set(const struct account *a, enum secret_use use);

/*
 * Begin to get a secret of the account's (borrowed until the end of it).
 * SECRET_LOGIN: by ways->fd if that is not -1 (read to its end), else by
 * token_command, oauth2, password_command, password_file, password or netrc,
 * whichever is set; SECRET_KEY: by tls_key_password_command, tls_key_password_file or
 * tls_key_password.  Commands, and secret-tool for `keyring`, are started now,
 * so that they run while the network is awaited: with /dev/null as stdin, and
 * a command's stderr is ours.  A file "credential:NAME" is the service
 * manager's, in $CREDENTIALS_DIRECTORY.
 *
 * `prompt` asks at the terminal, now and until there is an answer; so does,
 * with ways->terminal, what has no source at all, if there is a terminal.
 * Else that is ERROR_CONFIG and says which settings would give one, unless
 * account_needs_secret() says no: then the secret is empty.
 *
 * NULL with *err set when it cannot be begun (ERROR_CONFIG, ERROR_PERM,
 * ERROR_AUTH for an empty answer...).
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
