/*
 * Which account, and which profile (conf/config.h).
 */
#include "conf/config.h"

#include <stdlib.h>

#include "conf/nearest.h"
#include "util/str.h"
#include "util/xalloc.h"

struct account *config_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_caseeq(str_of(c->accounts[i].name), str_of(name)))
			return &c->accounts[i];
	return NULL;
}

struct oauth2_profile *config_profile(const struct config *c,
				      const char *name)
{
	for (size_t i = 0; i < c->n_profiles; i++)
		if (str_caseeq(str_of(c->profiles[i].name), str_of(name)))
			return &c->profiles[i];
	return NULL;
}

static int no_profile(const struct config *c, const char *name,
		      struct error *err)
{
	struct nearest best = { 0 };

	for (size_t i = 0; i < c->n_profiles; i++)
		nearest_try(&best, str_of(name), c->profiles[i].name);
	if (best.name)
		return error_set(err, ERROR_CONFIG, "oauth2 names the unknown "
				 "profile '%.64s': did you mean '%s'?", name,
				 best.name);
	return error_set(err, ERROR_CONFIG, "oauth2 names the unknown profile "
			 "'%.64s': there is no section [oauth2 %.64s]", name,
			 name);
}

static struct account *by_name(const struct config *c, const char *name,
			       const char *what, struct error *err);

/* One more to fall back on. */
static int add_further(const struct config *c, struct account *a,
		       struct str name, struct error *err)
{
	char *text = xstrndup(name.p, name.n);
	struct account *other = by_name(c, text, "fallback", err);
	size_t n = 0;

	free(text);
	if (!other)
		return -1;
	if (other == a)
		return error_set(err, ERROR_CONFIG, "fallback names the "
				 "account itself");
	for (; a->further && a->further[n]; n++)
		if (a->further[n] == other)
			return error_set(err, ERROR_CONFIG, "fallback names "
					 "'%s' twice", other->name);
	a->further = xrealloc(a->further, n + 2, sizeof(*a->further));
	a->further[n] = other;
	a->further[n + 1] = NULL;
	return 0;
}

static int bind_fallback(const struct config *c, struct account *a,
			 struct error *err)
{
	struct str rest = str_of(a->fallback);
	struct str word;

	free(a->further);
	a->further = NULL;
	while ((word = str_word(&rest, STR_LIST)).n)
		if (add_further(c, a, word, err))
			return -1;
	return 0;
}

static int bind_profile(const struct config *c, struct account *a,
			struct error *err)
{

	a->profile = NULL;
	if (!*a->oauth2)
		return 0;
	a->profile = config_profile(c, a->oauth2);
	return a->profile ? profile_resolve(a->profile, err) :
	       no_profile(c, a->oauth2, err);
}

int config_bind(const struct config *c, struct account *a, struct error *err)
{
	if (!bind_profile(c, a, err) && !bind_fallback(c, a, err))
		return 0;
	return *a->name ? error_wrap(err, "account '%s'", a->name) : -1;
}

int config_none(const struct config *c, struct error *err)
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

static struct account *by_name(const struct config *c, const char *name,
			       const char *what, struct error *err)
{
	struct nearest best = { 0 };
	struct account *a = config_find(c, name);
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
		config_none(c, err);
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
	struct account *a;
	struct error never;

	c->accounts = xrealloc(c->accounts, c->n + 1, sizeof(*c->accounts));
	a = &c->accounts[c->n++];
	account_init(a);
	/* They moved. */
	for (size_t i = 0; i < c->n; i++)
		(void)config_bind(c, &c->accounts[i], &never);
	return a;
}

int config_check_default(const struct config *c, struct error *err)
{
	const char *name = c->general.default_account;

	return !*name || by_name(c, name, "default_account", err) ? 0 : -1;
}
