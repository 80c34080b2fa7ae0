/*
 * SaltedPassword of SCRAM (RFC 5802 s3): PBKDF2 (RFC 8018 s5.2), by GnuTLS,
 * whose hashes are the fast ones.
 */
#ifndef SASL_SALTED_H
#define SASL_SALTED_H

#include "util/str.h"

enum salted_hash { SALTED_SHA1, SALTED_SHA256, SALTED_SHA512 };

enum { SALTED_HEX = 2 * 64 + 1 };	/* room for the longest, with its NUL */

/*
 * Fill hex with the lower-case digits and a NUL.  The password is prepared
 * (RFC 4013) already; salt is base64, iterations decimal, both as the relay
 * sent them.  0, or -1, without a word, if they make no sense.
 */
int salted_password(enum salted_hash hash, struct str password,
		    struct str salt, struct str iterations,
		    char hex[SALTED_HEX]);

#endif
