/*
 * The section [rewrite]: addresses that the relay does not take become others
 * that it does, in envelope and header alike.
 *
 *	root = alerts@example.org	a local part, at every local domain
 *	joe@old.example = joe@example.org
 *	@old.example = @example.org	the local part stays
 *
 * The first of these that matches wins, a full address before a local part
 * before a domain, and what comes of it is not looked at again.  Case does
 * not matter.
 */
#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/local.h"
#include "mail/roster.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct rewrite_rule {
	char *from, *to;	/* as written */
};

struct rewrite {
	struct rewrite_rule *rule;	/* in the order in which they came */
	size_t n;
};

void rewrite_init(struct rewrite *r);
void rewrite_release(struct rewrite *r);

/*
 * Add a rule; an earlier one for the same stays in force.  `where` is for
 * messages.  ERROR_CONFIG if either side is not as above.
 */
int rewrite_add(struct rewrite *r, struct str from, struct str to,
		const char *where, struct error *err);

/*
 * Append spec (as in struct address) qualified with the mailname and, if a
 * rule matches, rewritten: then true.  The null path stays.
 */
bool rewrite_spec(const struct rewrite *r, const struct local *local,
		  struct str spec, struct buf *out);

/*
 * Qualify and rewrite the addresses in From, Sender, Reply-To, To, Cc and
 * their Resent- kin.  Only the addresses change: display names, comments and
 * folds stay, octet for octet.  A rewritten From without either gets the name
 * "LOCAL on HOST" of the address it had.  Fields that are no address lists
 * are left alone, and so is a header with a DKIM-Signature, which would not
 * be valid any more.  ERROR_DATA if the header becomes too long.
 */
int rewrite_head(const struct rewrite *r, const struct local *local,
		 struct buf *head, struct error *err);

#endif
