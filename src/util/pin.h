/*
 * Lists of digests by which a relay is known: of its key (SPKI, RFC 7469
 * s2.4) in base 64, and of its certificate in hexadecimal.  SHA-256 only.
 *
 *	sha256:BASE64, sha256//BASE64 (curl), pin-sha256:BASE64 (certtool)
 *	sha256:HEX, HEX; colons may stand between its octets (openssl)
 */
#ifndef UTIL_PIN_H
#define UTIL_PIN_H

#include "util/str.h"

enum { PIN_SIZE = 32 };		/* octets */

enum pin_kind { PIN_KEY, PIN_CERT };

enum pin_word {
	PIN_OK,
	PIN_END,		/* there are no more words */
	PIN_BAD,		/* not of this form */
	PIN_WEAK,		/* SHA-1 or MD5 */
	PIN_OTHER		/* of the other kind */
};

/*
 * Take the next word off *list (commas and blanks stand between words), which
 * goes into `sum`.  What is not PIN_OK leaves sum alone.
 */
enum pin_word pin_next(struct str *list, enum pin_kind kind,
		       unsigned char sum[PIN_SIZE]);

#endif
