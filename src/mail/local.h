/*
 * Which addresses are this host's own: those without a domain, at the
 * mailname, at "localhost", and at the domains that were named local.
 */
#ifndef MAIL_LOCAL_H
#define MAIL_LOCAL_H

#include <stdbool.h>

#include "util/str.h"

struct local {
	const char *mailname;	/* borrowed; never NULL */
	struct str domains;	/* more of them, blanks or commas between */
};

/* Without regard to case; the empty domain, of an unqualified address, is. */
bool local_domain(const struct local *local, struct str domain);

/* The local part of an address as in struct address.spec: before the "@". */
struct str local_part_of(struct str spec);

#endif
