/*
 * Date and time as RFC 5322 s3.3 writes it.  The arithmetic is our own: this
 * layer asks no libc for a time zone, and 2038 is a year like any other.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdint.h>

enum { DATE_MAX = 40 };		/* octets, counting the final NUL */

/*
 * Write "Sat, 21 Nov 2026 20:35:32 +0000" for `seconds` since 1970 (UTC) as a
 * clock `zone` minutes east of Greenwich shows it.  A time outside the years
 * 1900 to 9999 and a zone beyond a day are held to the nearest allowed.
 */
void date_format(char out[DATE_MAX], int64_t seconds, int zone);

#endif
