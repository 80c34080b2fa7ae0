/*
 * What a process that holds a secret and may be started by anything does
 * first: sane descriptors, signals and limits.
 */
#ifndef SYS_GUARD_H
#define SYS_GUARD_H

#include <stdbool.h>

/*
 * Open /dev/null wherever descriptor 0, 1 or 2 is closed, so that no file or
 * socket of ours becomes one of them.  True if 0 was closed.
 */
bool guard_descriptors(void);

/*
 * SIGPIPE and SIGXFSZ become errors of write(2), children can be waited for,
 * and files of ours are nobody else's.  SIGTERM and SIGHUP (if they are not
 * ignored) end the process with status 75 after one line that begins with
 * `name`: nothing is settled then, so the caller may try again.
 */
void guard_signals(const char *name);

/*
 * Is the whole message on its way and no verdict there yet?  Then the line of
 * guard_signals() says that the relay may have it.
 */
void guard_doubt(bool doubt);

/* From here on there are secrets: no core dump, no debugger of others. */
void guard_secrets(void);

#endif
