#include "deliver/downs.h"

#include <stdint.h>
#include <stdlib.h>

#include "util/xalloc.h"

struct down {
	const struct account *account;
	struct verdict why;		/* its text is owned */
};

void downs_release(struct downs *d)
{
	for (size_t i = 0; i < d->n; i++)
		free((char *)(uintptr_t)d->at[i].why.text.p);
	free(d->at);
	*d = (struct downs){ .n = 0 };
}

void downs_add(struct downs *d, const struct account *account,
	       const struct verdict *why)
{
	struct down *new;

	if (downs_find(d, account))
		return;
	d->at = xrealloc(d->at, d->n + 1, sizeof(*d->at));
	new = &d->at[d->n++];
	*new = (struct down){ account, *why };
	new->why.text.p = xstrndup(why->text.p, why->text.n);
}

const struct verdict *downs_find(const struct downs *d,
				 const struct account *account)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->at[i].account == account)
			return &d->at[i].why;
	return NULL;
}

static size_t count(const struct account *a)
{
	size_t n = 0;

	while (a->further && a->further[n])
		n++;
	return n;
}

struct account **downs_spare(const struct downs *d, struct account *account,
			     size_t skip)
{
	size_t further = count(account), n = 0;
	struct account **list = xcalloc(further + 2, sizeof(*list));

	for (size_t i = skip; i <= further; i++) {
		struct account *a = i ? account->further[i - 1] : account;

		if (!downs_find(d, a))
			list[n++] = a;
	}
	return list;
}

size_t downs_place(const struct account *account, const struct account *of)
{
	size_t n = 0;

	while (account != of && account->further && account->further[n] &&
	       account->further[n] != of)
		n++;
	return account == of ? 0 : n + 1;
}
