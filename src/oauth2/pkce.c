#include "oauth2/pkce.h"

#include <gnutls/crypto.h>
#include <stdlib.h>

#include "util/base64.h"

enum { SHA256_SIZE = 32 };

static void sha256(struct str s, char out[SHA256_SIZE])
{
	/* It fails only for an algorithm that it does not have. */
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, s.p ? s.p : "", s.n, out))
		abort();
}

void pkce_challenge(struct buf *out, struct str verifier)
{
	char hash[SHA256_SIZE];
	struct buf plain;

	sha256(verifier, hash);
	buf_init(&plain, 2 * SHA256_SIZE);
	base64_encode(&plain, (struct str){ hash, sizeof(hash) });
	for (size_t i = 0; i < plain.len && plain.p[i] != '='; i++)
		buf_addch(out, plain.p[i] == '+' ? '-' :
			  plain.p[i] == '/' ? '_' : plain.p[i]);
	buf_release(&plain);
}

void pkce_digest(struct buf *out, struct str s, size_t n)
{
	char hash[SHA256_SIZE];

	sha256(s, hash);
	for (size_t i = 0; i < n && i < SHA256_SIZE; i++)
		buf_addf(out, "%02x", (unsigned)(unsigned char)hash[i]);
}
