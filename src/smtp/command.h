/*
 * MAIL and RCPT as command lines, with the parameters that the envelope asks
 * for and the relay offers.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include "mail/envelope.h"
#include "smtp/ehlo.h"
#include "util/buf.h"
#include "util/error.h"

void command_mail(struct buf *line, const struct envelope *env,
		  const struct ehlo *ehlo);
void command_rcpt(struct buf *line, const struct rcpt *rcpt,
		  const struct ehlo *ehlo);

/*
 * Can a relay that offers this take the envelope at all?  0, or -1: ERROR_DATA
 * (too large, an address needs SMTPUTF8; both sizes are named) or
 * ERROR_PROTOCOL (an extension that was asked for is not offered).  `secure`:
 * TLS is up.
 */
int command_check(const struct envelope *env, const struct ehlo *ehlo,
		  bool secure, struct error *err);

#endif
