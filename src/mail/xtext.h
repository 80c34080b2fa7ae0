/*
 * The parameters of RFC 3461, delivery status notifications: xtext (s4), and
 * what NOTIFY, RET, ENVID and ORCPT may hold.
 */
#ifndef MAIL_XTEXT_H
#define MAIL_XTEXT_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum { XTEXT_ENVID_MAX = 100 };		/* characters, RFC 3461 s4.4 */

/* Append s as xtext: "+" and "=" and all but printing ASCII become +XX. */
void xtext_encode(struct buf *out, struct str s);

/* Is s well-formed xtext?  Empty text is not. */
bool xtext_valid(struct str s);

/* Append what s, which is valid, stands for. */
void xtext_decode(struct buf *out, struct str s);

/* An envelope id as the caller gave it, xtext already.  0, or ERROR_USAGE. */
int xtext_envid(struct str s, struct error *err);

/*
 * NOTIFY (s4.1): "never" or a list of success, failure, delay, in any case
 * and order.  *out becomes the constant text for the parameter.  0, or -1
 * with ERROR_USAGE.
 */
int xtext_notify(struct str s, const char **out, struct error *err);

/* RET (s4.3): "full" or "hdrs"; the same manner. */
int xtext_ret(struct str s, const char **out, struct error *err);

/*
 * Append ORCPT (s4.2) for an address: "rfc822;" and xtext, or "utf-8;" and
 * the ASCII-only form of RFC 6533 s3 when it has other characters.
 */
void xtext_orcpt(struct buf *out, struct str addr);

#endif
