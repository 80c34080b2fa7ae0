/*
 * The configuration: what the files say, and which account is meant.
 * Files are INI (conf/ini.h) with the sections [posthaste], [account NAME],
 * [oauth2 NAME], [queue], [aliases] and [rewrite]; the caller's own is read
 * over the system's.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include <stddef.h>

#include "conf/account.h"
#include "conf/profile.h"
#include "mail/alias.h"
#include "mail/rewrite.h"
#include "util/buf.h"
#include "util/error.h"

enum { CONFIG_MAX = 1 << 20 };		/* octets a file may have */

struct config {
	struct general general;
	struct queue_settings queue;
	struct account *accounts;	/* in the order of the files, user's first */
	size_t n;
	struct oauth2_profile *profiles;	/* the same of [oauth2 NAME] */
	size_t n_profiles;
	struct aliases aliases;		/* of the sections, not of the file */
	struct rewrite rewrite;
	char *files;		/* private: the files looked for, for messages */
};

void config_init(struct config *c);
void config_release(struct config *c);

/*
 * Read `file` (-C: only it, and it must exist), or if it is NULL the caller's
 * file over the system's, each of which may be missing.  c is initialised by
 * this, and must be released even after -1.  ERROR_CONFIG names file, line,
 * section and key; ERROR_PERM: unreadable, or a secret open to others;
 * ERROR_UNAVAILABLE: a setting of a later version.
 */
int config_load(struct config *c, const char *file, struct error *err);

/*
 * Read one more file: what c has already wins, setting by setting in
 * [posthaste] and [queue], line by line in [aliases] and [rewrite], section by
 * section else.  If not `required`, missing is fine.
 */
int config_add(struct config *c, const char *path, bool required,
	       struct error *err);

/*
 * The account to use (DESIGN s4): by name if not NULL; else the first whose
 * `from` matches sender (may be "" or NULL: none); else default_account; else
 * the only one.  Borrowed from c, and may be changed by options.  NULL with
 * ERROR_CONFIG that lists the names or, if there is no account at all, the
 * files that were looked for; ERROR_USAGE if `name` is unknown.
 */
struct account *config_select(struct config *c, const char *name,
			      const char *sender, struct error *err);

/*
 * Add an account with every default and the name "": for --host without an
 * account.  It is put last; earlier pointers into c->accounts end.
 */
struct account *config_scratch(struct config *c);

/* By name, ASCII case ignored; NULL if there is none. */
struct account *config_find(const struct config *c, const char *name);
struct oauth2_profile *config_profile(const struct config *c,
				      const char *name);

/*
 * Point a->profile to what a->oauth2 names, or to NULL if that is nothing, and
 * a->further to the accounts that a->fallback names: to be done anew when
 * options were applied (loading does it for all).  ERROR_CONFIG if there is no
 * such profile, or it lacks what one needs; or no such account, or it is a
 * itself, or named twice.
 */
int config_bind(const struct config *c, struct account *a, struct error *err);

/* There is no account at all: ERROR_CONFIG that says where one would be. */
int config_none(const struct config *c, struct error *err);

/* Is default_account, if it is set, an account?  ERROR_CONFIG. */
int config_check_default(const struct config *c, struct error *err);

/*
 * --check-config: every cross-check of every account, and whether the files
 * that hold secrets and authorities are there and private.  Runs no command.
 */
int config_check(const struct config *c, struct error *err);

/* --print-config: all of it as a file, secrets masked. */
void config_print(const struct config *c, struct buf *out);

#endif
