/*
 * The file that `aliases` names, and the lists that it includes.
 */
#ifndef CONF_ALIASFILE_H
#define CONF_ALIASFILE_H

#include "conf/config.h"
#include "mail/alias.h"
#include "util/buf.h"
#include "util/error.h"

/*
 * Add the file's aliases, if there is one, to c's own, which win.  To be
 * called once.  ERROR_CONFIG: missing, or its syntax is wrong; ERROR_PERM:
 * unreadable, or everybody may write to it.
 */
int aliasfile_load(struct config *c, struct error *err);

/*
 * What mail/alias.h is to know of c; both arguments stay borrowed.  Lists are
 * read only if they are root's and nobody else may write to them (ERROR_PERM).
 */
struct alias_rules aliasfile_rules(const struct config *c,
				   const char *mailname);

/* --check-config: are all aliases good, the file's too? */
int aliasfile_check(const struct config *c, struct error *err);

#endif
