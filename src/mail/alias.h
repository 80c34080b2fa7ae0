/*
 * Aliases: who gets the mail for a local address.  From the section [aliases]
 * and from a file in the syntax of aliases(5):
 *
 *	# those who get root's mail
 *	root: ops@example.org, backup
 *	backup: \backup, bob,
 *		carol
 *
 * A name is a local part, which means it at every local domain, or an address
 * at one of them; case does not matter.  "*" or "default" is for every local
 * address that has no other, except those it leads to itself.  Values are
 * addresses with commas between; what is unqualified is local, and so looked
 * up again, unless "\" stands before it.  An alias that names itself keeps
 * that copy.  Aliases change the envelope only.
 *
 * This is a relay's client: "|command" and "/file" cannot be served, and
 * ":include:/list" is for those whom the caller trusts.
 */
#ifndef MAIL_ALIAS_H
#define MAIL_ALIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/local.h"
#include "mail/roster.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	ALIAS_DEPTH = 20,		/* aliases of aliases, and lists in lists */
	ALIAS_TEXT_MAX = 16 << 20	/* octets of a file */
};

struct alias {
	char *name;		/* lower case; "*" is for all others */
	char *value;		/* as written, lines joined */
	char *where;		/* for messages: "'/etc/aliases' line 3" */
	unsigned source;	/* which aliases_begin() it came after */
	bool includes;		/* may use ":include:" */
};

struct aliases {
	struct alias *at;	/* in the order in which they came */
	size_t n;
	uint32_t *slot;		/* private from here: hash table of number + 1 */
	size_t n_slot;
	unsigned source;
	bool includes;
};

struct alias_rules {
	struct local local;
	/*
	 * Append the text of a list.  NULL: there are none.  0, or -1 with *err.
	 */
	int (*include)(void *ctx, const char *path, struct buf *out,
		       struct error *err);
	void *ctx;
};

void aliases_init(struct aliases *a);
void aliases_release(struct aliases *a);

/* What is added from here on is one source: it may name nobody twice. */
void aliases_begin(struct aliases *a, bool includes);

/*
 * Add one.  If an earlier source has the name, that stays in force.  `where`
 * is for messages.  ERROR_CONFIG: the name is no address, or is there twice,
 * or the value is empty; what the value says is judged when it is used.
 */
int aliases_add(struct aliases *a, struct str name, struct str value,
		const char *where, struct error *err);

/*
 * Add all of a file's text, as aliases_add().  Lines that begin with a blank
 * continue; blank lines and those that begin with "#" are skipped.
 * ERROR_CONFIG names file and line.
 */
int aliases_parse(struct aliases *a, struct str text, const char *file,
		  struct error *err);

/*
 * Put what `in`, qualified addresses, stands for into `out`.  Linear in what
 * is visited: each alias is expanded once.  ERROR_CONFIG for a bad address, a
 * circle, more than ALIAS_DEPTH levels, or a list that may not be included;
 * ERROR_UNAVAILABLE for a command or a file.  Each names the alias and where
 * it is.
 */
int aliases_expand(const struct aliases *a, const struct alias_rules *rules,
		   const struct roster *in, struct roster *out,
		   struct error *err);

/* Expand every one of them, and see that its name is local. */
int aliases_check(const struct aliases *a, const struct alias_rules *rules,
		  struct error *err);

#endif
