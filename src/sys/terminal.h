/*
 * A question to the person at the controlling terminal, whose answer is not
 * shown.  stdin and stdout may be anything.
 */
#ifndef SYS_TERMINAL_H
#define SYS_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

/* Is there a terminal, and are we in its foreground? */
bool terminal_there(void);

/*
 * Write prompt and put the line that is typed, without its end, into out (an
 * empty locked_buf(); past its ceiling out->over).  The terminal's own keys for
 * erasing work, and the line may be longer than its 4095 octets.  Echo is back
 * on at return and whenever a signal ends or stops us; after a stop the
 * question comes anew.  ERROR_CONFIG if there is no terminal, ERROR_NET when
 * deadline (clock_ms()) has passed or a signal that somebody handles came,
 * ERROR_IO.  An empty answer is none of these.
 */
int terminal_ask(const char *prompt, struct buf *out, int64_t deadline,
		 struct error *err);

#endif
