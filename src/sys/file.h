/*
 * Small files, read whole.
 */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"

struct file_facts {
	bool missing;		/* it or its directory does not exist */
	bool denied;		/* EACCES or EPERM, with *err set */
	uid_t uid;
	mode_t mode;
};

/*
 * Append the whole regular file to out, whose ceiling is the limit; facts are
 * of the descriptor that was read.  Missing is not an error here: facts say
 * so.  ERROR_PERM if it may not be read (the uid is named), ERROR_CONFIG if it
 * is no regular file or larger than the ceiling, ERROR_IO.  Never hangs on a
 * FIFO.  /dev/null is an empty file.
 */
int file_slurp(const char *path, struct buf *out, struct file_facts *facts,
	       struct error *err);

/*
 * A secret's file must belong to the caller or root and be closed to group and
 * others: else ERROR_PERM with the command that mends it.  A credential of the
 * service manager's may be read by the group.
 */
int file_check_private(const char *path, const struct file_facts *facts,
		       struct error *err);

/*
 * Read what fd still has, at most out's ceiling, until its end or deadline
 * (clock_ms()): ERROR_IO, ERROR_NET when time is up; `what` names it in both.
 * fd stays open and may be a pipe, a file or a terminal.
 */
int file_read_fd(int fd, struct buf *out, int64_t deadline, const char *what,
		 struct error *err);

/*
 * A file in memory with this text, to be opened by path (at most
 * FILE_MEMORY_PATH octets).  Returns the descriptor that keeps it, -1 if the
 * system has no such thing.
 */
enum { FILE_MEMORY_PATH = 40 };
int file_in_memory(struct str text, char path[FILE_MEMORY_PATH]);

#endif
