/*
 * SHA-256 (FIPS 180-4), by GnuTLS: the one place for those who need no more of
 * it than a hash.
 */
#ifndef SYS_SHA256_H
#define SYS_SHA256_H

#include "util/str.h"

enum { SHA256_SIZE = 32, SHA256_HEX = 2 * SHA256_SIZE + 1 };	/* with a NUL */

void sha256(struct str s, unsigned char out[SHA256_SIZE]);
void sha256_hex(struct str s, char out[SHA256_HEX]);	/* lower case */

#endif
