/*
 * netrc files: "machine HOST login USER password SECRET", as ftp(1) and curl
 * read them.
 */
#ifndef CONF_NETRC_H
#define CONF_NETRC_H

#include "conf/account.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct netrc_query {
	const char *host;	/* case-insensitive; a `default` entry matches all */
	const char *user;	/* only this login; "" takes the first */
	struct buf *login;	/* receives the login; NULL: not wanted */
	struct buf *password;	/* receives the password; NULL: not wanted */
};

/*
 * Find what text (a netrc file, borrowed) says about a host: 1 found, 0 not.
 * As curl has it: keywords in any case; words in double quotes may have \" \\
 * \n \r \t, others take a backslash and a comma as they are (GNU ftp does
 * not); macdef is skipped up to an empty line.  A password too long has
 * query->password->over set.
 */
int netrc_find(struct str text, const struct netrc_query *query);

/*
 * The same in a's netrc file, which must be private: 0; ERROR_PERM for a file
 * open to others, ERROR_CONFIG if it or the entry is not there.
 */
int netrc_read(const struct account *a, const struct netrc_query *query,
	       struct error *err);

/*
 * If a has no user but a netrc file, take the login from there: to be called
 * before account_check().  Errors as netrc_read().
 */
int netrc_fill_user(struct account *a, struct error *err);

#endif
