/*
 * The configuration checked, and printed (conf/config.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/aliasfile.h"
#include "conf/config.h"
#include "conf/option.h"
#include "conf/secret.h"

/* A credential is there for its service alone, not for who checks. */
static bool is_file(const char *path)
{
	return *path && (!str_starts(str_of(path), STR("credential:")) ||
			 getenv("CREDENTIALS_DIRECTORY"));
}

static int check_source(const struct account *a, enum secret_use use,
			struct error *err)
{
	struct secret_source *src = secret_begin(a, use,
			&(struct secret_ways){ .fd = -1 }, err);

	secret_cancel(src);
	return src ? 0 : -1;
}

/* What the account names is there and may be read; no command is run. */
static int check_files(const struct account *a, struct error *err)
{
	if (*a->tls_trust == '/' && access(a->tls_trust, R_OK))
		return error_set(err, ERROR_CONFIG, "account '%s': tls_trust "
				 "'%s' cannot be read: %s", a->name,
				 a->tls_trust, strerror(errno));
	if (is_file(a->tls_key_password_file) &&
	    check_source(a, SECRET_KEY, err))
		return -1;
	if (is_file(a->password_file) || *a->netrc)
		return check_source(a, SECRET_LOGIN, err);
	return 0;
}

static int check_account(const struct account *a, struct error *err)
{
	if (account_check(a, err) || check_files(a, err))
		return -1;
	/* Legal, but nothing ever answers. */
	if (!account_is_local(a) && a->port == 465 &&
	    account_tls(a) == ACCOUNT_TLS_STARTTLS)
		return error_set(err, ERROR_CONFIG, "account '%s': on port 465 "
				 "TLS begins at once: use tls = implicit, or "
				 "port 587", a->name);
	if (!account_is_local(a) && a->port == 587 &&
	    account_tls(a) == ACCOUNT_TLS_IMPLICIT)
		return error_set(err, ERROR_CONFIG, "account '%s': on port 587 "
				 "TLS begins after STARTTLS: use tls = "
				 "starttls, or port 465", a->name);
	return 0;
}

int config_check(const struct config *c, struct error *err)
{
	if (!c->n)
		return config_none(c, err);
	for (size_t i = 0; i < c->n; i++)
		if (config_bind(c, &c->accounts[i], err) ||
		    check_account(&c->accounts[i], err))
			return -1;
	for (size_t i = 0; i < c->n_profiles; i++)
		if (profile_resolve(&c->profiles[i], err))
			return -1;
	if (config_check_default(c, err))
		return -1;
	return aliasfile_check(c, err);
}

static void print_section(const void *base, unsigned section, struct buf *out)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if ((o->flags & OPTION_SECTION) != section)
			continue;
		if (!option_given(o, base))
			buf_addz(out, "; ");
		option_print(o, base, out);
	}
}

static void print_maps(const struct config *c, struct buf *out)
{
	if (c->aliases.n)
		buf_addz(out, "\n[aliases]\n");
	for (size_t i = 0; i < c->aliases.n; i++)
		option_print_pair(c->aliases.at[i].name,
				  c->aliases.at[i].value, out);
	if (c->rewrite.n)
		buf_addz(out, "\n[rewrite]\n");
	for (size_t i = 0; i < c->rewrite.n; i++)
		option_print_pair(c->rewrite.rule[i].from,
				  c->rewrite.rule[i].to, out);
}

void config_print(const struct config *c, struct buf *out)
{
	buf_addf(out, "; from %s\n; a line that begins with ';' is a default\n",
		 *c->files ? c->files : "the command line");
	buf_addz(out, "[posthaste]\n");
	print_section(&c->general, OPTION_GENERAL, out);
	for (size_t i = 0; i < c->n; i++) {
		const char *name = c->accounts[i].name;

		buf_addf(out, "\n[account %s]\n", *name ? name :
			 "command-line");
		print_section(&c->accounts[i], 0, out);
	}
	for (size_t i = 0; i < c->n_profiles; i++) {
		buf_addf(out, "\n[oauth2 %s]\n", c->profiles[i].name);
		print_section(&c->profiles[i], OPTION_OAUTH2, out);
	}
	buf_addz(out, "\n[queue]\n");
	print_section(&c->queue, OPTION_QUEUE, out);
	print_maps(c, out);
}
