/*
 * Internationalised domain names: U-labels to A-labels (IDNA2008, RFC 5891,
 * with the mapping of UTS 46, non-transitional).  libidn2 is called from here
 * and nowhere else.
 */
#ifndef MAIL_IDN_H
#define MAIL_IDN_H

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/*
 * Append a domain or host name as ASCII.  ASCII names and address literals
 * are appended as they are, unchecked.  0, or -1 with ERROR_DATA; out is then
 * as it was.
 */
int idn_domain(struct buf *out, struct str domain, struct error *err);

/*
 * Append an address (as mail/address gives it) with its domain as ASCII.  The
 * local part stays: characters beyond ASCII in it still need SMTPUTF8.
 */
int idn_address(struct buf *out, struct str addr, struct error *err);

#endif
