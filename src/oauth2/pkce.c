#include "oauth2/pkce.h"

#include "sys/sha256.h"
#include "util/base64.h"

void pkce_challenge(struct buf *out, struct str verifier)
{
	unsigned char hash[SHA256_SIZE];
	struct buf plain;

	sha256(verifier, hash);
	buf_init(&plain, 2 * SHA256_SIZE);
	base64_encode(&plain, (struct str){ (char *)hash,
		      sizeof(hash) });
	for (size_t i = 0; i < plain.len && plain.p[i] != '='; i++)
		buf_addch(out, plain.p[i] == '+' ? '-' :
			  plain.p[i] == '/' ? '_' : plain.p[i]);
	buf_release(&plain);
}
