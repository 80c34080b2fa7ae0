/*
 * TLS sessions kept for the next process (RFC 5077, RFC 8446 s2.2): a private
 * directory with one file for each relay and each way to trust it.
 *
 * The directory and its files are a cache: what is missing, cut, foreign, open
 * to others or no file at all is as good as nothing, never an error.  GnuTLS
 * believes the octets of a session: so it gets exactly those it gave (CRC-32C),
 * of the same version, from where nobody else can write.
 */
#ifndef NET_TICKET_H
#define NET_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "net/tls.h"
#include "util/buf.h"
#include "util/str.h"

enum {
	TICKET_MAX = 32 << 10,		/* octets of a file; larger ones are none */
	TICKET_FILES = 64,		/* the oldest go when there are more */
	TICKET_AGE = 86400,		/* seconds after which a relay has to show
					   its certificate again */
	TICKET_NAME = 65		/* octets of a file's name and its NUL */
};

struct ticket {
	int64_t judged;			/* seconds since 1970: when the relay last
					   showed its certificate */
	struct tls_cert cert;		/* it; owned */
	struct buf session;		/* of GnuTLS; a secret */
};

void ticket_init(struct ticket *t);
void ticket_release(struct ticket *t);	/* wipes the session */

/* Append the file's octets; out->over if that is too much. */
void ticket_format(struct buf *out, const struct ticket *t);
/* Into an empty *t.  False: these octets are no ticket. */
bool ticket_parse(struct ticket *t, struct str file);

/*
 * The file for sessions of this kind: a hash over everything in c that decides
 * who is believed, with the state of the files it names, over c->ticket_for,
 * the user, and the version of GnuTLS.
 */
void ticket_name(char name[TICKET_NAME], const struct tls_config *c);

/* Append $XDG_CACHE_HOME/posthaste/tls, or ~/.cache/...; nothing without. */
void ticket_directory(struct buf *out);

/* False, and the file removed if it can be, when there is none to use. */
bool ticket_load(struct ticket *t, const char *dir, const char *name);
/* Replaces the file in one step; makes the directory if it is missing. */
void ticket_save(const struct ticket *t, const char *dir, const char *name);
void ticket_remove(const char *dir, const char *name);

#endif
