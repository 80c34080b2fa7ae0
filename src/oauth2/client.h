/*
 * struct client: us, as one provider knows us, and how we ask it for tokens.
 */
#ifndef OAUTH2_CLIENT_H
#define OAUTH2_CLIENT_H

#include <stdbool.h>

#include "conf/profile.h"
#include "conf/token.h"
#include "oauth2/grant.h"
#include "oauth2/http.h"

enum { CLIENT_SECRETS = 8 };

struct client {
	const struct oauth2_profile *profile;
	const char *user;	/* login name to suggest, "" for none */
	struct http *http;
	char *auth, *token, *device;	/* endpoints in force, "" if unknown */
	bool iss;		/* answers name their issuer, RFC 9207 */
	bool basic;		/* the provider wants our secret by Basic */
	struct str secrets[CLIENT_SECRETS];	/* that no text may show */
	size_t n_secrets;
};

/* p is resolved.  Endpoints are the profile's.  timeout: as of http_open(). */
int client_init(struct client *c, const struct oauth2_profile *p,
		const char *user, unsigned timeout, struct error *err);
void client_release(struct client *c);

/*
 * Let the provider's metadata fill the endpoints that the profile leaves open,
 * if it names an issuer (RFC 8414, else OpenID Connect's).  ERROR_CONFIG if
 * what is found is of no use, or http_get()'s.
 */
int client_discover(struct client *c, struct error *err);

/*
 * From here on s, which outlives c, is blotted out of what is shown.  Past
 * CLIENT_SECRETS the oldest but the client's own is forgotten.
 */
void client_hide(struct client *c, struct str s);

/* Append text of the provider's: no secret in it, printable, not long. */
void client_show(const struct client *c, struct buf *out, struct str text);

/*
 * Ask the token endpoint; form has all but who we are.  ASK_REFUSED: r is
 * filled.  ASK_FAILED: no answer of use, *err is set; g as grant_read() leaves
 * it.  grant_release() after each.
 */
enum ask { ASK_GRANTED, ASK_REFUSED, ASK_FAILED };
enum ask client_ask(struct client *c, struct str form, struct grant *g,
		    struct refusal *r, struct error *err);

/* Post a form to an endpoint, with who we are. */
int client_post(struct client *c, const char *url, struct str form,
		struct http_answer *a, struct error *err);

/*
 * The error that a refusal is: the provider would not "renew the token".
 * anew: a new login would mend it, and the text says so.
 */
int client_refused(const struct client *c, const struct refusal *r,
		   const char *what, bool anew, struct error *err);

/*
 * Keep what was granted, under the lock; old is what was kept before, NULL for
 * a login.  Its refresh token stays if no other came.
 */
int client_keep(const struct client *c, struct token_lock *l,
		const struct grant *g, const struct token *old,
		struct error *err);

/* Octets of a form or an address; a form is in locked memory. */
enum { CLIENT_FORM_MAX = 256 << 10 };

#endif
