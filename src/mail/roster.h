/*
 * struct roster: a set of addresses that keeps the order in which they first
 * came; how recipients are collected.  Fast for 100,000; each costs its text
 * and about 20 octets.
 */
#ifndef MAIL_ROSTER_H
#define MAIL_ROSTER_H

#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct roster {
	size_t n;
	struct buf text;	/* private: each with a NUL */
	uint32_t *at;		/* private: where in text */
	uint32_t *slot;		/* private: hash table of number + 1 */
	size_t cap, n_slot;
};

void roster_init(struct roster *roster);
void roster_release(struct roster *roster);

/* Add unless it is there.  0, or -1 with ERROR_DATA beyond 512 MiB of text. */
int roster_add(struct roster *roster, struct str spec, struct error *err);

/* Number i, from 0; valid until the roster changes. */
const char *roster_get(const struct roster *roster, size_t i);

/*
 * Add every address of a list, qualified with mailname; "<>" is refused.
 * roster_list is for header fields, roster_arg for arguments, where a fold is
 * no blank but an attack.  ERROR_DATA; some may have been added before it.
 */
int roster_list(struct roster *roster, struct str text,
		const char *mailname, struct error *err);
int roster_arg(struct roster *roster, struct str text,
	       const char *mailname, struct error *err);

#endif
