/*
 * A whole message from a descriptor, read through mail/scan: the header in
 * memory, the body too while it is small, else in a temporary file.  Memory
 * does not grow with the body.
 *
 * There is no deadline: whoever writes may be slow.  Signals keep what they
 * do; the temporary file has no name and goes with the process.
 */
#ifndef SYS_INTAKE_H
#define SYS_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mail/message.h"
#include "mail/scan.h"
#include "util/buf.h"
#include "util/error.h"

/* Octets of body kept in memory. */
enum { INTAKE_MEMORY = TINY ? 64 : 256 << 10 };

struct intake {
	struct message message;		/* points into this intake */
	struct facts head_facts;	/* of the header as it came */
	bool dot;			/* a lone dot ended it */
	struct buf body;		/* private, as the rest */
	int fd;
	struct piece piece;
};

void intake_init(struct intake *in);
void intake_release(struct intake *in);

/* Open a file named by the user; the caller closes.  -1 with ERROR_INPUT. */
int intake_open(const char *path, struct error *err);

/*
 * Read fd to its end; flags are scan's.  `name` is for errors ("standard
 * input").  What follows a lone dot is read and forgotten.  0, or -1:
 * ERROR_IO (also for a directory), ERROR_DATA (scan), ERROR_CREATE,
 * ERROR_SPACE; then there is no message, and fd may not be at its end.
 */
int intake_take(struct intake *in, int fd, const char *name, unsigned flags,
		struct error *err);

/*
 * The same for a message that comes by other ways than a descriptor: pieces of
 * at most 128 KiB through a scan that the caller has initialised, then the end.
 */
int intake_feed(struct intake *in, struct scan *scan, struct str piece,
		struct error *err);
int intake_end(struct intake *in, struct scan *scan, struct error *err);

/* Read fd to its end, so that its writer gets no SIGPIPE.  Forgets errors. */
void intake_drain(int fd);

/*
 * Copy octets [at, at + n) of what goes over the wire: header, blank line,
 * body.  They must all exist (message_size()).  0, or -1 with ERROR_IO.
 */
int intake_read(const struct message *m, uint64_t at, char *to, size_t n,
		struct error *err);

/*
 * Fill `to`, which is initialised, with `m` in a form that a relay with or
 * without 8BITMIME can take (mail/recode, header_fold).  *changed is false,
 * and `to` left empty, if m is in such a form already; else `to` is good for
 * as long as m is.  0, or -1 with ERROR_DATA (it cannot be converted),
 * ERROR_IO, ERROR_CREATE, ERROR_SPACE, ERROR_OS; then release `to`.
 */
int intake_recode(struct intake *to, const struct message *m, bool eightbit,
		  bool *changed, struct error *err);

/* As read(2), but waits whatever the descriptor's flags and signals say. */
ssize_t intake_some(int fd, char *to, size_t n);

/* As pread(2), but all n octets, or -1 with ERROR_IO. */
int intake_pread(int fd, uint64_t at, char *to, size_t n, struct error *err);

#endif
