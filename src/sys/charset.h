/*
 * Text in the caller's character set, to UTF-8 by iconv(3).
 */
#ifndef SYS_CHARSET_H
#define SYS_CHARSET_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/*
 * The locale's character set.  "UTF-8" for that of the C locale as well: what
 * runs under cron has no other, and writes UTF-8 if anything beyond ASCII.
 */
const char *charset_of_locale(void);

struct charset;			/* a conversion in hand */

/* NULL with ERROR_USAGE if the set is unknown here.  Free with _close. */
struct charset *charset_open(const char *name, struct error *err);
void charset_close(struct charset *c);		/* NULL is fine */

/*
 * Append `in`, or the rest when `end`, as UTF-8; characters may be cut between
 * calls.  ERROR_DATA names the line (from 1) of what is not in the set.
 */
int charset_feed(struct charset *c, struct str in, bool end, struct buf *out,
		 struct error *err);

#endif
