/*
 * Who and where we are.  Every answer exists, even in a container without a
 * passwd file, a host name or an environment; nothing here asks the network.
 */
#ifndef SYS_HOST_H
#define SYS_HOST_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/str.h"

/* Each appends its answer to out. */

/*
 * The domain for unqualified addresses and Message-IDs: `configured` if not
 * "", else the first line of /etc/mailname, else the host's own name, made
 * whole from /etc/hosts if it has no dot.  Never "localhost": a name without
 * a domain gets ".localdomain", and no name at all is "unknown.localdomain".
 */
void host_mailname(const char *configured, struct buf *out);

/* The real uid's login name; else $LOGNAME, $USER; else "uid<N>". */
void host_login(struct buf *out);

/*
 * The user's full name: $NAME; else the passwd entry's up to the first comma,
 * with & for the capitalised login; nothing if there is neither.
 */
void host_full_name(struct buf *out);

/* $HOME, else the passwd entry's; "" if there is none. */
void host_home(struct buf *out);

/*
 * Append the directory that the environment variable names, or `below`
 * ("/.cache") in the home.  False, and nothing appended, if that is no whole
 * path: nothing of ours is put below wherever we happen to be.
 */
bool host_directory(const char *variable, const char *below, struct buf *out);

/* ---- pure parts of these ---- */

/* Could it be a host's name that means something to others? */
bool host_is_name(struct str s);

/*
 * The first name with a dot on the line of hosts (the text of /etc/hosts) that
 * also names `host`; empty if there is none.
 */
struct str host_in_hosts(struct str hosts, struct str host);

/* A passwd entry's comment field as a full name, as above. */
void host_gecos(const char *gecos, const char *login, struct buf *out);

#endif
