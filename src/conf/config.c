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
	struct oauth2_profile *profiles;
	size_t n_profiles;
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
	for (size_t i = 0; i < c->n_profiles; i++)
		profile_release(&c->profiles[i]);
	free(c->profiles);
	free(c->files);
	general_release(&c->general);
	queue_settings_release(&c->queue);
	aliases_release(&c->aliases);
	rewrite_release(&c->rewrite);
	*c = (struct config){ 0 };
}

/* Append to an array; what is moved in is owned there. */
static struct account *push(struct account **list, size_t *n)
{
	*list = xrealloc(*list, *n + 1, sizeof(**list));
	return &(*list)[(*n)++];
}

static struct oauth2_profile *push_profile(struct oauth2_profile **list,
					   size_t *n)
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

static int load_profile(struct load *l, const struct ini_section *s,
			struct str name, struct error *err)
{
	struct oauth2_profile *p;

	if (!name.n)
		error_set(err, ERROR_CONFIG, "a profile needs a name: "
			  "[oauth2 NAME]");
	if (!name.n || check_profile_name(name, err))
		return in_section(l, s, err);
	p = push_profile(&l->profiles, &l->n_profiles);
	profile_init(p);
	free(p->name);
	p->name = xstrndup(name.p, name.n);
	return set_entries(l, s, p, OPTION_OAUTH2, err);
}

static int unknown_section(struct str name, struct error *err)
{
	static const char *const words[] = { "account", "oauth2", "posthaste",
					     "queue", "aliases", "rewrite" };
	struct nearest best = { 0 };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		nearest_try(&best, name, words[i]);
	if (best.name && (best.name == words[0] || best.name == words[1]))
		return error_set(err, ERROR_CONFIG, "unknown section: did you "
				 "mean [%s NAME]?", best.name);
	if (best.name)
		return error_set(err, ERROR_CONFIG, "unknown section: did you "
				 "mean [%s]?", best.name);
	return error_set(err, ERROR_CONFIG, "unknown section: there are "
			 "[posthaste], [account NAME], [oauth2 NAME], [queue], "
			 "[aliases] and [rewrite]");
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
	struct str rest = s->name, name;
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
	name = str_trim((struct str){ s->name.p + n, s->name.n - n });
	if (str_caseeq(rest, STR("account")))
		return load_account(l, s, name, err);
	if (str_caseeq(rest, STR("oauth2")))
		return load_profile(l, s, name, err);
	unknown_section(rest, err);
	return in_section(l, s, err);
}

/* ---- one file ---- */

static void merge_profiles(struct config *c, struct load *l)
{
	size_t had = c->n_profiles;

	for (size_t i = 0; i < l->n_profiles; i++) {
		struct config before = { .profiles = c->profiles,
					 .n_profiles = had };

		if (config_profile(&before, l->profiles[i].name))
			profile_release(&l->profiles[i]);
		else
			*push_profile(&c->profiles, &c->n_profiles) =
				l->profiles[i];
	}
	l->n_profiles = 0;
}

/* Move what was read behind what is there. */
static void merge(struct config *c, struct load *l)
{
	size_t had = c->n;
	struct error never;	/* said when the account is used */

	option_merge(&c->general, &l->general, OPTION_GENERAL);
	option_merge(&c->queue, &l->queue, OPTION_QUEUE);
	for (size_t i = 0; i < l->n; i++) {
		struct config before = { .accounts = c->accounts, .n = had };

		if (config_find(&before, l->accounts[i].name))
			account_release(&l->accounts[i]);
		else
			*push(&c->accounts, &c->n) = l->accounts[i];
	}
	l->n = 0;
	merge_profiles(c, l);
	for (size_t i = 0; i < c->n; i++)
		(void)config_bind(c, &c->accounts[i], &never);
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
	for (size_t i = 0; i < l.n_profiles; i++)
		privacy_note(&privacy, &l.profiles[i], OPTION_OAUTH2);
	if (!ret)
		ret = privacy_check(&privacy, path, facts, err);
	if (!ret)
		merge(c, &l);
	for (size_t i = 0; i < l.n; i++)
		account_release(&l.accounts[i]);
	free(l.accounts);
	for (size_t i = 0; i < l.n_profiles; i++)
		profile_release(&l.profiles[i]);
	free(l.profiles);
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
