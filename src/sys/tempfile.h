/*
 * A temporary file without a name: gone with its last descriptor, however the
 * process ends.
 */
#ifndef SYS_TEMPFILE_H
#define SYS_TEMPFILE_H

#include <stddef.h>

#include "util/error.h"

/*
 * Open one to read and write, 0600 and close-on-exec, in $TMPDIR, /tmp or
 * /var/tmp, whichever is the first that lets us.  The descriptor, which the
 * caller closes, or -1 with ERROR_CREATE (ERROR_SPACE if that is why).
 */
int tempfile_open(struct error *err);

/*
 * Write n octets at the file's offset.  0, or -1 with ERROR_SPACE (no space,
 * quota or file size limit) or ERROR_IO.  To hear of the size limit, SIGXFSZ
 * must be ignored.
 */
int tempfile_write(int fd, const char *p, size_t n, struct error *err);

#endif
