/*
 * Relays trusted on first use: a text file, one relay a line,
 *
 *	HOST:PORT sha256:HEX-OF-CERTIFICATE sha256:BASE64-OF-KEY
 *
 * The last word may be absent (a line written by hand).  "#" begins a comment
 * line.  Several lines may name one relay; any of them will do.
 */
#ifndef NET_KNOWN_H
#define NET_KNOWN_H

#include "util/buf.h"
#include "util/error.h"

enum known { KNOWN_SAME, KNOWN_NEW, KNOWN_CHANGED };

struct known_relay {
	const char *key;		/* "host:port" */
	const char *fingerprint;	/* of the certificate */
	const char *pin;		/* of its key; survives a renewal */
};

/*
 * Look r up in `file`; a missing file knows nobody.  With KNOWN_CHANGED the
 * fingerprint on record is appended to `stored`.  0 with *out; -1 with
 * ERROR_PERM (others could write it, or we may not read it), ERROR_CONFIG or
 * ERROR_IO.
 */
int known_find(const char *file, const struct known_relay *r,
	       enum known *out, struct buf *stored, struct error *err);

/*
 * Add r, so that a crash or a second process leaves the file whole: written
 * anew beside it and renamed, under a lock.  Missing directories are made
 * (0700).  0, or -1 with ERROR_CREATE, ERROR_IO, or
 * ERROR_CERT if another process has meanwhile recorded another certificate.
 */
int known_add(const char *file, const struct known_relay *r,
	      struct error *err);

#endif
