/*
 * The log: syslog, or a file.  It never changes an outcome.
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/error.h"

/*
 * Write lines, each ending in LF and safe to show, to `where`: "syslog" (as
 * mail.info), "none", or a file that is appended to (made 0600), one write(2)
 * a line.  In a file, a line that is a JSON object gets the time as its first
 * member, every other has it in front.  `name` is the program's.  0, or -1
 * with ERROR_IO for a warning.
 */
int log_lines(const char *where, const char *name, struct str lines,
	      struct error *err);

#endif
