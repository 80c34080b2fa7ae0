#include "conf/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/aliasfile.h"
#include "conf/check.h"
#include "conf/ini.h"
#include "conf/nearest.h"
#include "conf/option.h"
#include "conf/privacy.h"
#include "conf/secret.h"
#include "sys/file.h"
#include "sys/host.h"
#include "util/str.h"
#include "util/xalloc.h"

enum { PATH_LIMIT = 4096 };	/* octets */

/* One file on its way in. */
struct load {
	const char *path;
	const struct ini *ini;
	struct config *config;
	struct general general;
	struct queue_settings queue;
	struct account *accounts;
	size_t n;
};

void config_init(struct config *c)
{
	*c = (struct config){ 0 };
	general_init(&c->general);
	queue_settings_init(&c->queue);
	aliases_init(&c->aliases);
	rewrite_init(&c->rewrite);
	c->files = xstrdup("");
}

void config_release(struct config *c)
{
	for (size_t i = 0; i < c->n; i++)
		account_release(&c->accounts[i]);
	free(c->accounts);
	free(c->files);
	general_release(&c->general);
	queue_settings_release(&c->queue);
	aliases_release(&c->aliases);
	rewrite_release(&c->rewrite);
	*c = (struct config){ 0 };
}

/* Append to an array of accounts; what is moved in is owned there. */
static struct account *push(struct account **list, size_t *n)
{
	*list = xrealloc(*list, *n + 1, sizeof(**list));
	return &(*list)[(*n)++];
}

/* ---- what a section says ---- */

static int in_section(const struct load *l, const struct ini_section *s,
		      struct error *err)
{
	return error_wrap(err, "'%s' line %u, [%.*s]", l->path, s->line,
			  (int)s->name.n, s->name.p);
}

/* A path in a file means the same wherever the mail is sent from. */
static int check_path(const struct option *o, struct str value,
		      struct error *err)
{
	if (o->type != OPTION_PATH || !value.n || *value.p == '/' ||
	    *value.p == '~')
		return 0;
	if (option_is_choice(o, value) ||
	    (o->scheme && str_starts(value, str_of(o->scheme))))
		return 0;
	return error_set(err, ERROR_CONFIG, "'%s': in a file a path begins "
			 "with '/' or '~/'", o->key);
}

static const char *section_of(const struct option *o)
{
	if (o->flags & OPTION_GENERAL)
		return "the section [posthaste]";
	if (o->flags & OPTION_QUEUE)
		return "the section [queue]";
	if (o->flags & OPTION_OAUTH2)
		return "an [oauth2 NAME] section";
	return "an [account NAME] section";
}

static int set_entry(const struct ini_entry *e, void *base, unsigned section,
		     struct error *err)
{
	const struct option *o = option_lookup(e->key, err);

	if (!o)
		return -1;
	if ((o->flags & OPTION_SECTION) != section)
		return error_set(err, ERROR_CONFIG, "'%s' belongs into %s",
				 o->key, section_of(o));
	if (check_path(o, e->value, err))
		return -1;
	return option_set(o, base, e->value, err);
}

static int set_entries(const struct load *l, const struct ini_section *s,
		       void *base, unsigned section, struct error *err)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct ini_entry *e = &l->ini->entry[s->first + i];

		if (set_entry(e, base, section, err))
			return error_wrap(err, "'%s' line %u, [%.*s]", l->path,
					  e->line, (int)s->name.n, s->name.p);
	}
	return 0;
}

static int load_account(struct load *l, const struct ini_section *s,
			struct str name, struct error *err)
{
	struct account *a;

	if (!name.n)
		error_set(err, ERROR_CONFIG, "an account needs a name: "
			  "[account NAME]");
	if (!name.n || check_name(name, err))
		return in_section(l, s, err);
	a = push(&l->accounts, &l->n);
	account_init(a);
	free(a->name);
	a->name = xstrndup(name.p, name.n);
	return set_entries(l, s, a, 0, err);
}

static int unknown_section(struct str name, struct error *err)
{
	static const char *const words[] = { "account", "posthaste", "queue",
					     "aliases", "rewrite" };
	struct nearest best = { 0 };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		nearest_try(&best, name, words[i]);
	if (best.name && best.name != words[0])
		return error_set(err, ERROR_CONFIG, "unknown section: did you "
				 "mean [%s]?", best.name);
	return error_set(err, ERROR_CONFIG, "unknown section: there are "
			 "[posthaste], [account NAME], [queue], [aliases] and "
			 "[rewrite]");
}

static int load_map(struct load *l, const struct ini_section *s,
		    struct error *err)
{
	struct config *c = l->config;
	bool aliases = str_caseeq(s->name, STR("aliases"));
	struct buf where;
	int ret = 0;

	buf_init(&where, 2 * PATH_LIMIT);
	aliases_begin(&c->aliases, false);
	for (size_t i = 0; i < s->n && !ret; i++) {
		const struct ini_entry *e = &l->ini->entry[s->first + i];

		buf_reset(&where);
		buf_addf(&where, "'%s' line %u", l->path, e->line);
		ret = aliases ? aliases_add(&c->aliases, e->key, e->value,
					    buf_cstr(&where), err) :
			rewrite_add(&c->rewrite, e->key, e->value,
				    buf_cstr(&where), err);
	}
	buf_release(&where);
	return ret;
}

static int load_section(struct load *l, const struct ini_section *s,
			struct error *err)
{
	struct str rest = s->name;
	size_t n = 0;

	if (str_caseeq(s->name, STR("posthaste")))
		return set_entries(l, s, &l->general, OPTION_GENERAL, err);
	if (str_caseeq(s->name, STR("queue")))
		return set_entries(l, s, &l->queue, OPTION_QUEUE, err);
	if (s->free_keys)
		return load_map(l, s, err);
	while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '\t')
		n++;
	rest.n = n;
	if (!str_caseeq(rest, STR("account"))) {
		unknown_section(rest, err);
		return in_section(l, s, err);
	}
	rest = str_trim((struct str){ s->name.p + n, s->name.n - n });
	return load_account(l, s, rest, err);
}

/* ---- one file ---- */

static struct account *find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_caseeq(str_of(c->accounts[i].name), str_of(name)))
			return &c->accounts[i];
	return NULL;
}

/* Move what was read behind what is there. */
static void merge(struct config *c, struct load *l)
{
	size_t had = c->n;

	option_merge(&c->general, &l->general, OPTION_GENERAL);
	option_merge(&c->queue, &l->queue, OPTION_QUEUE);
	for (size_t i = 0; i < l->n; i++) {
		struct config before = { .accounts = c->accounts, .n = had };

		if (find(&before, l->accounts[i].name))
			account_release(&l->accounts[i]);
		else
			*push(&c->accounts, &c->n) = l->accounts[i];
	}
	l->n = 0;
}

static int load_text(struct config *c, const char *path, struct str text,
		     const struct file_facts *facts, struct error *err)
{
	struct ini ini;
	struct load l = { .path = path, .ini = &ini, .config = c };
	struct privacy privacy = { 0 };
	int ret;

	general_init(&l.general);
	queue_settings_init(&l.queue);
	ret = ini_load(&ini, text, path, err);
	for (size_t i = 0; !ret && i < ini.n_section; i++)
		ret = load_section(&l, &ini.section[i], err);
	for (size_t i = 0; i < l.n; i++)
		privacy_note(&privacy, &l.accounts[i], 0);
	if (!ret)
		ret = privacy_check(&privacy, path, facts, err);
	if (!ret)
		merge(c, &l);
	for (size_t i = 0; i < l.n; i++)
		account_release(&l.accounts[i]);
	free(l.accounts);
	general_release(&l.general);
	queue_settings_release(&l.queue);
	ini_release(&ini);
	return ret;
}

static void note_file(struct config *c, const char *path)
{
	struct buf b;

	buf_init(&b, 2 * PATH_LIMIT);
	buf_addf(&b, "%s%s'%s'", c->files, *c->files ? " and " : "", path);
	free(c->files);
	c->files = xstrdup(buf_cstr(&b));
	buf_release(&b);
}

static int add_file(struct config *c, const char *path,
		    struct file_facts *facts, struct error *err)
{
	struct buf text;
	int ret;

	note_file(c, path);
	buf_init(&text, CONFIG_MAX);
	ret = file_slurp(path, &text, facts, err);
	if (!ret && !facts->missing)
		ret = load_text(c, path, buf_str(&text), facts, err);
	buf_wipe(&text);
	buf_release(&text);
	return ret;
}

int config_add(struct config *c, const char *path, bool required,
	       struct error *err)
{
	struct file_facts facts;

	if (add_file(c, path, &facts, err))
		return -1;
	if (facts.missing && required)
		return error_set(err, ERROR_CONFIG, "the configuration file "
				 "'%s' does not exist", path);
	return 0;
}

/* ---- where the files are ---- */

/*
 * A daemon that was started by root and has since become somebody else may
 * still have root's HOME: that it cannot look in there is no error.
 */
static bool is_ours(const char *dir)
{
	struct stat st;

	return !stat(dir, &st) && st.st_uid == geteuid();
}

static int add_users_file(struct config *c, struct error *err)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	struct file_facts facts;
	struct buf home, path;
	int ret = 0;

	buf_init(&home, PATH_LIMIT);
	buf_init(&path, PATH_LIMIT);
	if (xdg && *xdg == '/') {
		buf_addz(&home, xdg);
		buf_addf(&path, "%s/posthaste/config", xdg);
	} else {
		host_home(&home);
		buf_addf(&path, "%s/.config/posthaste/config",
			 buf_cstr(&home));
	}
	if (*buf_cstr(&home) == '/' && !path.over) {
		ret = add_file(c, buf_cstr(&path), &facts, err);
		if (ret && facts.denied && !is_ours(buf_cstr(&home)))
			ret = 0;
	}
	buf_release(&home);
	buf_release(&path);
	return ret;
}

int config_load(struct config *c, const char *file, struct error *err)
{
	config_init(c);
	if (file)
		return config_add(c, file, true, err);
	if (add_users_file(c, err))
		return -1;
	return config_add(c, SYSCONFDIR "/posthaste/config", false, err);
}

/* ---- which account ---- */

static int no_account(const struct config *c, struct error *err)
{
	return error_set(err, ERROR_CONFIG, "no account is configured: looked "
			 "in %s; --host names a relay without a file",
			 *c->files ? c->files : "no file");
}

static void list_names(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < c->n && out->len < 200; i++)
		buf_addf(out, "%s%s", i ? ", " : "", c->accounts[i].name);
	if (out->len >= 200)
		buf_addz(out, ", ...");
}

static struct account *by_name(struct config *c, const char *name,
			       const char *what, struct error *err)
{
	struct nearest best = { 0 };
	struct account *a = find(c, name);
	struct buf names;

	if (a)
		return a;
	for (size_t i = 0; i < c->n; i++)
		nearest_try(&best, str_of(name), c->accounts[i].name);
	buf_init(&names, 400);
	list_names(c, &names);
	if (best.name)
		error_set(err, ERROR_CONFIG, "%s names the unknown account "
			  "'%.64s': did you mean '%s'?", what, name, best.name);
	else
		error_set(err, ERROR_CONFIG, "%s names the unknown account "
			  "'%.64s': there is %s", what, name,
			  buf_cstr(&names));
	buf_release(&names);
	return NULL;
}

static struct account *by_sender(struct config *c, const char *sender)
{
	if (!sender || !*sender)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		if (account_matches(&c->accounts[i], sender))
			return &c->accounts[i];
	return NULL;
}

struct account *config_select(struct config *c, const char *name,
			      const char *sender, struct error *err)
{
	struct account *a;
	struct buf names;

	if (!c->n) {
		no_account(c, err);
		return NULL;
	}
	if (name) {
		a = by_name(c, name, "--account", err);
		if (!a)
			err->kind = ERROR_USAGE;
		return a;
	}
	a = by_sender(c, sender);
	if (a)
		return a;
	if (*c->general.default_account)
		return by_name(c, c->general.default_account,
			       "default_account", err);
	if (c->n == 1)
		return &c->accounts[0];
	buf_init(&names, 400);
	list_names(c, &names);
	error_set(err, ERROR_CONFIG, "which account? no 'from' matches the "
		  "sender and there is no default_account: use --account with "
		  "one of %s", buf_cstr(&names));
	buf_release(&names);
	return NULL;
}

struct account *config_scratch(struct config *c)
{
	struct account *a = push(&c->accounts, &c->n);

	account_init(a);
	return a;
}

/* ---- check and print ---- */

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
	struct config *names = (struct config *)(uintptr_t)c;

	if (!c->n)
		return no_account(c, err);
	for (size_t i = 0; i < c->n; i++)
		if (check_account(&c->accounts[i], err))
			return -1;
	if (*c->general.default_account &&
	    !by_name(names, c->general.default_account, "default_account", err))
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
	buf_addz(out, "\n[queue]\n");
	print_section(&c->queue, OPTION_QUEUE, out);
	print_maps(c, out);
}
