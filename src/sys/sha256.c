#include "sys/sha256.h"

#include <gnutls/crypto.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void sha256(struct str s, unsigned char out[SHA256_SIZE])
{
	/* It fails only for an algorithm that it does not have. */
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, s.p ? s.p : "", s.n, out))
		abort();
}

void sha256_hex(struct str s, char out[SHA256_HEX])
{
	unsigned char sum[SHA256_SIZE];

	sha256(s, sum);
	for (size_t i = 0; i < SHA256_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}
