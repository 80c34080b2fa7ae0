/*
 * Whom a message really goes to, and from whom: aliases first, for the
 * recipients, then the rewriting of addresses.
 */
#ifndef DELIVER_ROUTE_H
#define DELIVER_ROUTE_H

#include <stdbool.h>

#include "conf/config.h"
#include "mail/local.h"
#include "mail/roster.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct route {
	struct config *config;	/* borrowed; its aliases grow by the file's */
	const char *mailname;
	bool loaded;		/* private: the aliases file was read */
};

/* Both are borrowed for as long as the route. */
void route_init(struct route *r, struct config *c, const char *mailname);

/* Which addresses are ours, as the settings now are. */
struct local route_local(const struct route *r);

/* Append an envelope sender: qualified, rewritten; the null path stays. */
void route_sender(const struct route *r, struct str spec, struct buf *out);

/*
 * Replace qualified recipients by those whom aliases and rewriting make of
 * them, each once.  The aliases file is not read before a local recipient
 * needs it.  Errors as aliasfile_load() and aliases_expand(); ERROR_DATA if
 * nobody is left.
 */
int route_recipients(struct route *r, struct roster *to, struct error *err);

#endif
