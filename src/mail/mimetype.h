/*
 * Media types (RFC 2045 s5.1, RFC 6838 s4.2): by a file's name, and checked
 * as people give them.
 */
#ifndef MAIL_MIMETYPE_H
#define MAIL_MIMETYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/* Is s a token of RFC 2045?  Empty text is not. */
bool mimetype_token(struct str s);

/*
 * The type for a file's name by its extension: what `system`, the text of a
 * mime.types file or "", says first; else a table of ours.  "" if neither
 * knows it.  Borrowed from system or constant.
 */
struct str mimetype_by_name(struct str name, struct str system);

/* The type that the text of a mime.types file gives an extension; or "". */
struct str mimetype_parse(struct str system, struct str extension);

/*
 * Append a type with its parameters, "text/csv; header=present", in lower
 * case and each parameter folded as it needs.  ERROR_DATA if it is none, or a
 * multipart, which a file cannot be.
 */
int mimetype_add(struct buf *out, struct str type, struct error *err);

/* "type/subtype" of it, without parameters and blanks. */
struct str mimetype_essence(struct str type);

/* Has it this parameter? */
bool mimetype_has(struct str type, struct str param);

#endif
