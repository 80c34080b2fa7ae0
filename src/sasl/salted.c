#include "sasl/salted.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>

#include "sasl/scram.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/xalloc.h"

static const struct {
	gnutls_mac_algorithm_t mac;
	size_t n;			/* octets of it */
} hashes[] = {
	[SALTED_SHA1] = { GNUTLS_MAC_SHA1, 20 },
	[SALTED_SHA256] = { GNUTLS_MAC_SHA256, 32 },
	[SALTED_SHA512] = { GNUTLS_MAC_SHA512, 64 },
};

static void to_hex(const unsigned char *raw, size_t n, char *hex)
{
	for (size_t i = 0; i < n; i++) {
		*hex++ = "0123456789abcdef"[raw[i] >> 4];
		*hex++ = "0123456789abcdef"[raw[i] & 15];
	}
	*hex = '\0';
}

int salted_password(enum salted_hash hash, struct str password,
		    struct str salt, struct str iterations,
		    char hex[SALTED_HEX])
{
	unsigned char raw[64];
	struct buf plain;
	uint64_t count;
	int ret = -1;

	hex[0] = '\0';
	buf_init(&plain, salt.n);
	if (!base64_decode(&plain, salt) && plain.len &&
	    str_u64(iterations, SCRAM_ITERATIONS_MAX, &count) && count) {
		gnutls_datum_t key = { (unsigned char *)password.p,
				       (unsigned)password.n };
		gnutls_datum_t grain = { (unsigned char *)plain.p,
					 (unsigned)plain.len };

		ret = gnutls_pbkdf2(hashes[hash].mac, &key, &grain,
				    (unsigned)count, raw,
				    hashes[hash].n) ? -1 : 0;
	}
	if (!ret)
		to_hex(raw, hashes[hash].n, hex);
	wipe(raw, sizeof(raw));
	buf_release(&plain);
	return ret;
}
