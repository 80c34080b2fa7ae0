/*
 * struct oauth2_profile: how to get OAuth 2 tokens (RFC 6749, RFC 8252) from
 * one provider.  The section [oauth2 NAME], its gaps filled from what we know
 * of the provider; and the same as text, for the helper that does the talking.
 * All text is owned by the struct and is "" when absent, never NULL.
 */
#ifndef CONF_PROFILE_H
#define CONF_PROFILE_H

#include <stdint.h>

#include "conf/account.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum oauth2_store { STORE_FILE, STORE_KEYRING };

enum { PROFILE_TEXT_MAX = 32 << 10 };	/* octets of profile_write()'s text */

struct oauth2_profile {
	char *name;		/* of its section */
	char *provider;		/* "" or one that we know */
	char *client_id;
	char *client_secret;	/* wiped on release */
	char *scope;		/* with blanks between */
	char *issuer;		/* for RFC 8414 metadata */
	char *auth_endpoint, *token_endpoint, *device_endpoint;	/* URLs */
	char *redirect_uri;	/* where the browser goes after the login; "" is
				   http://127.0.0.1/ (some want localhost, or
				   https:, whose address is then pasted) */
	unsigned redirect_port;	/* if that has none; 0: any */
	unsigned store;		/* enum oauth2_store */
	char *ca_file;		/* PEM; "" is the system's */
	uint64_t given[GIVEN_WORDS];	/* private: as in struct account */
};

void profile_init(struct oauth2_profile *p);
void profile_release(struct oauth2_profile *p);

/* Do we know this provider?  For conf/check. */
bool profile_knows(struct str provider);

/*
 * Fill what the section did not say from its provider, which is the profile's
 * name if that is one we know and nothing else was said.  ERROR_CONFIG if what
 * is left does not make a profile: no client_id, no way to a token endpoint.
 */
int profile_resolve(struct oauth2_profile *p, struct error *err);

/*
 * The resolved profile as the helper reads it: lines "KEY VALUE", no line
 * empty, keys as in the option table, and "name", "user" (the login name to
 * suggest, "" for none).  out gets its memory at once: it holds a secret.
 */
void profile_write(const struct oauth2_profile *p, const char *user,
		   struct buf *out);
/* The inverse: into a profile_init()ed p; user: caller frees. */
int profile_read(struct oauth2_profile *p, char **user, struct str text,
		 struct error *err);

#endif
