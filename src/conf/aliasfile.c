#include "conf/aliasfile.h"

#include <sys/stat.h>

#include "sys/file.h"
#include "sys/host.h"

enum { MAILNAME_MAX = 4096 };	/* octets */

static int missing(const char *what, const char *path, struct error *err)
{
	return error_set(err, ERROR_CONFIG, "%s '%s' does not exist", what,
			 path);
}

/* Add what the file of g says to a. */
static int parse_file(struct aliases *a, const struct general *g,
		      struct error *err)
{
	struct file_facts facts;
	struct buf text;
	int ret;

	buf_init(&text, ALIAS_TEXT_MAX);
	ret = file_slurp(g->aliases, &text, &facts, err);
	if (!ret && facts.missing)
		ret = missing("the aliases file", g->aliases, err);
	if (!ret && (facts.mode & S_IWOTH))
		ret = error_set(err, ERROR_PERM, "'%s' says who gets mail but "
				"everybody may write to it: run 'chmod o-w %s'",
				g->aliases, g->aliases);
	if (!ret) {
		aliases_begin(a, g->aliases_unsafe && !facts.uid &&
			      !(facts.mode & S_IWGRP));
		ret = aliases_parse(a, buf_str(&text), g->aliases, err);
	}
	buf_release(&text);
	return ret;
}

int aliasfile_load(struct config *c, struct error *err)
{
	return *c->general.aliases ? parse_file(&c->aliases, &c->general, err)
				   : 0;
}

static int include(void *ctx, const char *path, struct buf *out,
		   struct error *err)
{
	struct file_facts facts;

	(void)ctx;
	if (file_slurp(path, out, &facts, err))
		return -1;
	if (facts.missing)
		return missing("the list", path, err);
	if (facts.uid || (facts.mode & (S_IWGRP | S_IWOTH)))
		return error_set(err, ERROR_PERM, "the list '%s' must belong "
				 "to root and nobody else may write to it",
				 path);
	return 0;
}

struct alias_rules aliasfile_rules(const struct config *c,
				   const char *mailname)
{
	return (struct alias_rules){
		.local = { .mailname = mailname,
			   .domains = str_of(c->general.local_domains) },
		.include = include,
	};
}

int aliasfile_check(const struct config *c, struct error *err)
{
	struct alias_rules rules;
	struct aliases both;
	struct buf mailname;
	int ret = 0;

	buf_init(&mailname, MAILNAME_MAX);
	host_mailname(c->general.mailname, &mailname);
	rules = aliasfile_rules(c, buf_cstr(&mailname));
	aliases_init(&both);
	aliases_begin(&both, false);
	for (size_t i = 0; i < c->aliases.n && !ret; i++) {
		const struct alias *a = &c->aliases.at[i];

		ret = aliases_add(&both, str_of(a->name), str_of(a->value),
				  a->where, err);
	}
	if (!ret && *c->general.aliases)
		ret = parse_file(&both, &c->general, err);
	if (!ret)
		ret = aliases_check(&both, &rules, err);
	aliases_release(&both);
	buf_release(&mailname);
	return ret;
}
