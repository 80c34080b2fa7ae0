/*
 * The login with a browser: authorization code (RFC 6749 s4.1) with PKCE
 * (RFC 7636), the browser coming back to this host (RFC 8252).
 */
#ifndef OAUTH2_BROWSER_H
#define OAUTH2_BROWSER_H

#include <stdbool.h>

#include "oauth2/client.h"

enum { BROWSER_PATIENCE = 300 };	/* seconds that a person may take */

/* Where a login begins and ends; pure. */
struct journey {
	struct buf redirect;	/* redirect_uri as the provider is told it */
	struct buf path;	/* of it; "" if the browser cannot come to us */
	struct buf url;		/* where the person goes */
	struct buf state, verifier;
};

void journey_init(struct journey *j);
void journey_release(struct journey *j);	/* wipes */

/*
 * The profile's redirect_uri, or what its provider wants, taken apart: can we
 * listen there (http and this host), and on which port (0: any)?  ERROR_CONFIG.
 */
int journey_redirect(const struct client *c, bool *here, unsigned *port,
		     struct journey *j, struct error *err);

/* Fill in the port and the rest; state and verifier are there. */
int journey_plan(const struct client *c, unsigned port, struct journey *j,
		 struct error *err);

/*
 * Go through with it, within `patience` seconds: ERROR_NET when time is up,
 * ERROR_AUTH if the provider or the person says no.  grant_release() after 0.
 * Signals are held from the request for the token on: *held; the caller lets
 * them through when the grant is kept.
 */
struct held;
int browser_login(struct client *c, unsigned patience, struct held *held,
		  struct grant *g, struct error *err);

/* Is there a display that a browser could use? */
bool browser_display(void);

#endif
