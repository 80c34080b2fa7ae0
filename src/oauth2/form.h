/*
 * application/x-www-form-urlencoded, as OAuth 2 uses it (RFC 6749 app. B), in
 * requests and in the query of an address.
 */
#ifndef OAUTH2_FORM_H
#define OAUTH2_FORM_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/str.h"

/* Append s with all but RFC 3986's unreserved characters as %XX. */
void form_encode(struct buf *out, struct str s);

/* The inverse, "+" being a blank; false, with out as it was, for "%" and less. */
bool form_decode(struct buf *out, struct str s);

/* Append "name=value", after an "&" unless it is the first or follows a "?". */
void form_add(struct buf *out, const char *name, struct str value);

/* Take the next pair, still encoded, off the front of *rest; false at the end. */
bool form_next(struct str *rest, struct str *name, struct str *value);

#endif
