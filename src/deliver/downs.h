/*
 * Which accounts' relays were found to be of no use in a queue run, so that
 * each is tried once, however many fall back on it.
 */
#ifndef DELIVER_DOWNS_H
#define DELIVER_DOWNS_H

#include <stddef.h>

#include "conf/account.h"
#include "mail/envelope.h"

struct downs {			/* zeroed: none */
	struct down *at;
	size_t n;
};

void downs_release(struct downs *d);

/* Remember what was wrong (its text is copied); the first word stands. */
void downs_add(struct downs *d, const struct account *account,
	       const struct verdict *why);

/* What was wrong, valid until the next is added; NULL: nothing is known. */
const struct verdict *downs_find(const struct downs *d,
				 const struct account *account);

/*
 * The accounts by which mail of `account` may go: itself, then those that it
 * falls back on, without the first `skip` of them and without those that are
 * down.  NULL ends the list, which the caller frees.
 */
struct account **downs_spare(const struct downs *d, struct account *account,
			     size_t skip);

/* The number of `of` in that order: 0 for account itself. */
size_t downs_place(const struct account *account, const struct account *of);

#endif
