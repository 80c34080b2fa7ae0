/*
 * The header block of a message, RFC 5322 s2.2 and s4.5: canonical lines
 * (each ends in CRLF), no blank line.  A field is a name of printing ASCII,
 * blanks if any (obsolete, still written), a colon, and a value with the
 * continuation lines that follow, which begin with a blank.
 *
 * Names compare without regard to case.  Every function here is one pass.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	HEADER_FIELDS_MAX = 20000,	/* fields in a block */
	HEADER_RUN_MAX = 64 << 10	/* octets without a place to fold */
};

struct header_field {
	struct str raw;		/* all its lines, the last CRLF too */
	struct str name;	/* no colon; empty if raw is no field */
	struct str value;	/* as it stands, folded; no final CRLF */
};

/* Take the first field off *rest; false when there is none left. */
bool header_next(struct str *rest, struct header_field *f);

/*
 * The length of the name if line begins a field, else 0.  What follows the
 * name is blanks and a colon.
 */
size_t header_name(struct str line);

/* Append a value without its folds and the blanks at both ends. */
void header_unfold(struct buf *out, struct str value);

/* The first field of that name; false, and *f undefined, if there is none. */
bool header_find(struct str head, struct str name, struct header_field *f);

/* ERROR_DATA if there are more than HEADER_FIELDS_MAX fields. */
int header_check(struct str head, struct error *err);

/* Remove every field that has one of n names. */
void header_remove(struct buf *head, const struct str *names, size_t n);

/* Add "name: value" at the end, or at an octet offset that begins a field. */
void header_append(struct buf *head, struct str name, struct str value);
void header_insert(struct buf *head, size_t at, struct str name,
		   struct str value);

/*
 * The value of the first field of that name becomes `value` and the others
 * go; appended if there is none.
 */
void header_replace(struct buf *head, struct str name, struct str value);

/*
 * Fold lines over 998 octets (RFC 5322 s2.1.1): before a blank, else after a
 * comma, else anywhere between characters.  Other lines stay as they are.
 * ERROR_DATA, naming the field, if over HEADER_RUN_MAX octets offer no blank
 * and no comma; head is then as it was.
 */
int header_fold(struct buf *head, struct error *err);

#endif
