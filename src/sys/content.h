/*
 * What a composed message is to hold, read from descriptors: texts, which are
 * small or go to a temporary file as canonical UTF-8, and files, which stay
 * where they are.  Memory does not grow with either.
 */
#ifndef SYS_CONTENT_H
#define SYS_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/part.h"
#include "util/buf.h"
#include "util/error.h"

struct content {
	struct buf memory;	/* the content when fd is -1 */
	size_t keep;		/* octets of it that may stay in memory */
	int fd;			/* owned, unless it is a standard descriptor */
	uint64_t at, len;	/* octets of the file: offset, how many */
	struct part_facts facts;
	bool scanned;
};

void content_init(struct content *c);
void content_release(struct content *c);

/*
 * Read a text to the end of fd: from `charset` to UTF-8, every line end a
 * CRLF.  `name` is for errors, `unique` the boundaries' random text.
 * ERROR_DATA names the line of what is not in the character set.
 */
int content_text(struct content *c, int fd, const char *name,
		 const char *charset, const char *unique, struct error *err);

/*
 * Take a file as it is.  A regular file stays open; what comes from a pipe
 * goes to memory or a temporary file.  Standard input is read from where it
 * is and stays open; any other fd is taken over.
 * ERROR_INPUT for a directory, ERROR_IO.
 */
int content_file(struct content *c, int fd, const char *name,
		 struct error *err);

/* Learn the facts of the whole content. */
int content_scan(struct content *c, const char *unique, struct error *err);

/* The part's content is this one. */
void content_fill(const struct content *c, struct part *p);

#endif
