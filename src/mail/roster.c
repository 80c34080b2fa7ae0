#include "mail/roster.h"

#include <stdlib.h>

#include "mail/address.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum { SHOWN_MAX = 60, TEXT_MAX = 512 << 20, MAILNAME_MAX = 255 };

void roster_init(struct roster *roster)
{
	*roster = (struct roster){ 0 };
	buf_init(&roster->text, TEXT_MAX);
}

void roster_release(struct roster *roster)
{
	buf_release(&roster->text);
	free(roster->at);
	free(roster->slot);
	roster_init(roster);
}

const char *roster_get(const struct roster *roster, size_t i)
{
	return roster->text.p + roster->at[i];
}

/*
 * Equal addresses hash alike.  The table's own address is mixed in, so that
 * nobody can write a list that falls into one slot of every run.
 */
static size_t hash(const struct roster *roster, struct str spec)
{
	uint64_t h = (uint64_t)(uintptr_t)roster->slot ^ 0x9e3779b97f4a7c15u;
	size_t local = spec.n - address_domain(spec).n;

	for (size_t i = 0; i < spec.n; i++) {
		h ^= (unsigned char)(i < local ? spec.p[i] :
				     ascii_lower(spec.p[i]));
		h *= 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (size_t)(h & (roster->n_slot - 1));
}

/* The slot that holds spec's number, or the empty one where it belongs. */
static uint32_t *find(const struct roster *roster, struct str spec)
{
	size_t i = hash(roster, spec);
	uint32_t n;

	while ((n = roster->slot[i]) &&
	       !address_same(spec, str_of(roster_get(roster, n - 1))))
		i = (i + 1) & (roster->n_slot - 1);
	return &roster->slot[i];
}

/* Keep at most two of three slots in use. */
static void grow(struct roster *roster)
{
	if (roster->n == roster->cap) {
		roster->cap = roster->cap ? roster->cap + roster->cap / 2 : 16;
		roster->at = xrealloc(roster->at, roster->cap,
				      sizeof(*roster->at));
	}
	if (roster->n_slot && roster->n < roster->n_slot / 3 * 2)
		return;
	roster->n_slot = roster->n_slot ? roster->n_slot * 2 : 32;
	free(roster->slot);
	roster->slot = xcalloc(roster->n_slot, sizeof(*roster->slot));
	for (size_t i = 0; i < roster->n; i++)
		*find(roster, str_of(roster_get(roster, i))) = (uint32_t)i + 1;
}

int roster_add(struct roster *roster, struct str spec, struct error *err)
{
	uint32_t *slot;

	grow(roster);
	slot = find(roster, spec);
	if (*slot)
		return 0;
	if (spec.n >= roster->text.max - roster->text.len)
		return error_set(err, ERROR_DATA, "too many recipients: over "
				 "%zu addresses", roster->n);
	roster->at[roster->n] = (uint32_t)roster->text.len;
	buf_add(&roster->text, spec);
	buf_addch(&roster->text, '\0');
	*slot = (uint32_t)++roster->n;
	return 0;
}

int roster_list(struct roster *roster, struct str text,
		const char *mailname, struct error *err)
{
	struct address_iter it;
	struct address a;
	struct buf full;
	int bad = 0;

	buf_init(&full, ADDRESS_MAX + 1 + MAILNAME_MAX);
	address_begin(&it, text);
	while (!bad && address_next(&it, &a)) {
		buf_reset(&full);
		address_qualify(&full, a.spec, mailname);
		if (!a.spec.n)
			bad = error_set(err, ERROR_DATA,
					"'<>' is no address to send to");
		else
			bad = roster_add(roster, buf_str(&full), err);
	}
	if (address_end(&it, err))
		bad = -1;
	buf_release(&full);
	return bad;
}

int roster_arg(struct roster *roster, struct str text,
	       const char *mailname, struct error *err)
{
	struct buf shown;

	if (!str_has_ctl(text))
		return roster_list(roster, text, mailname, err);
	if (text.n > SHOWN_MAX)
		text.n = SHOWN_MAX;
	buf_init(&shown, 4 * SHOWN_MAX);
	utf8_escape(&shown, text);
	error_set(err, ERROR_DATA, "bad address '%s': it has a control byte",
		  buf_cstr(&shown));
	buf_release(&shown);
	return -1;
}
