/*
 * The login without a browser here: the device authorization grant (RFC 8628).
 */
#ifndef OAUTH2_DEVICE_H
#define OAUTH2_DEVICE_H

#include <stdint.h>

#include "oauth2/client.h"

enum {
	DEVICE_LIFE_MAX = 3600,	/* seconds that we wait at most */
	DEVICE_INTERVAL = 5,	/* between questions, unless told */
	DEVICE_SLOWER = 5,	/* added for each slow_down */
	DEVICE_SLOW = 40	/* from here on no network makes it slower */
};

struct device {			/* the text belongs to root */
	struct json_t *root;
	struct str device_code;
	struct str user_code;
	struct str uri, uri_complete;	/* the latter may be empty */
	int64_t expires_in, interval;	/* seconds */
};

/* The answer of s3.2.  ERROR_PROTOCOL.  device_release() after either. */
int device_read(struct device *d, struct str body, struct error *err);
void device_release(struct device *d);

/*
 * Go through with it, at most `patience` seconds or as long as the provider's
 * code lives.  As browser_login().
 */
struct held;
int device_login(struct client *c, unsigned patience, struct held *held,
		 struct grant *g, struct error *err);

#endif
