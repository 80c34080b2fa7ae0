/*
 * `posthaste-oauth2 login`: a person agrees, and tokens are kept.
 */
#ifndef OAUTH2_SIGNIN_H
#define OAUTH2_SIGNIN_H

#include "oauth2/client.h"

enum flow { FLOW_AUTO, FLOW_BROWSER, FLOW_DEVICE };

/*
 * Log in by that flow; patience in seconds, 0 for the flow's own.  What there
 * is to do, and where the tokens went, is said on stderr.
 */
int signin(struct client *c, enum flow flow, unsigned patience,
	   struct error *err);

#endif
