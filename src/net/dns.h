/*
 * SRV records in the answer of a name server (RFC 1035 s4, RFC 2782).  The
 * octets come from whoever answered: nothing in them is believed.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <stddef.h>

#include "util/str.h"

enum { DNS_NAME_MAX = 255 };		/* octets of a name as text */

struct dns_srv {
	unsigned priority, weight, port;
	/* Letters, digits, '-', '_' and dots, none at the end; "" is the root,
	   which says that the service is not offered. */
	char target[DNS_NAME_MAX + 1];
};

enum dns_result {
	DNS_RECORDS,		/* at least one */
	DNS_NONE,		/* no such name, or no such record there */
	DNS_FAILED,		/* the server could not say, or not all of it */
	DNS_BAD			/* no answer to this, or no sense in it */
};

/*
 * Read a whole message, which is to answer for the SRV records of `name` (no
 * dot at the end).  Aliases (CNAME) are followed within the message, a few at
 * most.  The first max records go to out, *n says how many; those whose target
 * could not be the name of a host are left out.
 */
enum dns_result dns_read_srv(struct str message, const char *name,
			     struct dns_srv *out, size_t max, size_t *n);

#endif
