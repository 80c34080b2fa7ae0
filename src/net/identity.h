/*
 * Our own certificate and its key, for relays that ask for one: PEM files
 * (PKCS#8 keys may be encrypted), or PKCS#11 URIs (RFC 7512).
 */
#ifndef NET_IDENTITY_H
#define NET_IDENTITY_H

#include <stddef.h>

#include "util/error.h"

enum { IDENTITY_SECRET_MAX = 512 };	/* octets, with the final NUL */

struct identity_config {		/* borrowed for identity_new() alone */
	const char *cert;	/* PEM file, the chain after it, or pkcs11: URI */
	const char *key;	/* the same for its key; "": where cert is */
	/*
	 * The key's password or the token's PIN, asked for once and only when
	 * it turns out to be needed: a C string of less than `max` octets.
	 * NULL: nothing that needs one is touched, and tokens are left alone.
	 */
	int (*unlock)(void *ctx, char *to, size_t max, struct error *err);
	void *ctx;		/* must outlive the identity: tokens ask late */
};

struct identity;

/*
 * Load both and see that they belong together.  NULL with ERROR_CONFIG (a file
 * is missing or has no certificate or key in it, they do not belong together,
 * a token or object is not there), ERROR_PERM (may not be read; a key that is
 * not encrypted is open to others), ERROR_AUTH (password or PIN refused, which
 * is tried once; a token that would be locked by another failure is not tried
 * at all), or what unlock() said.
 */
struct identity *identity_new(const struct identity_config *config,
			      struct error *err);
void identity_free(struct identity *id);	/* NULL is fine; wipes */

#endif
