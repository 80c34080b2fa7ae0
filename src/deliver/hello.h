/*
 * The name by which we introduce ourselves to a relay.
 */
#ifndef DELIVER_HELLO_H
#define DELIVER_HELLO_H

#include "util/buf.h"

enum { HELLO_NO_ADDRESS = -1 };

/*
 * Append what EHLO is to say, RFC 5321 s4.1.4: `helo` as it is set; if it is
 * "", the mailname, provided that it is a whole domain.  If not, the address of
 * our end of the connection fd as a literal (s4.1.3), or the mailname after all
 * where there is none that means anything to the relay: a socket of this
 * machine, or HELLO_NO_ADDRESS.  Names beyond ASCII are written as A-labels.
 */
void hello_name(struct buf *out, const char *helo, const char *mailname,
		int fd);

#endif
