/*
 * The values of the option table: text to field and back (conf/option.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/duration.h"
#include "conf/option.h"
#include "conf/profile.h"
#include "sys/host.h"
#include "sys/locked.h"
#include "util/utf8.h"
#include "util/xalloc.h"

static bool is_text(const struct option *o)
{
	return o->type == OPTION_TEXT || o->type == OPTION_LIST ||
	       o->type == OPTION_PATH;
}

static char **text_at(const struct option *o, void *base)
{
	return (char **)((char *)base + o->at);
}

static const char *text_of(const struct option *o, const void *base)
{
	return *(char *const *)((const char *)base + o->at);
}

/* The number in a field, whatever its width. */
static uint64_t number_of(const struct option *o, const void *base)
{
	const char *at = (const char *)base + o->at;
	unsigned long long wide;
	unsigned n;
	bool b;

	if (o->type == OPTION_BOOL) {
		memcpy(&b, at, sizeof(b));
		return b;
	}
	if (o->type == OPTION_SIZE) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&n, at, sizeof(n));
	return n;
}

static void number_put(const struct option *o, void *base, uint64_t v)
{
	char *at = (char *)base + o->at;
	unsigned long long wide = v;
	unsigned n = (unsigned)v;
	bool b = v;

	if (o->type == OPTION_BOOL)
		memcpy(at, &b, sizeof(b));
	else if (o->type == OPTION_SIZE)
		memcpy(at, &wide, sizeof(wide));
	else
		memcpy(at, &n, sizeof(n));
}

/* The word of `given` that has o's bit. */
static uint64_t *given_of(const struct option *o, const void *base)
{
	size_t word = (size_t)(o - option_at(0)) / 64;

	if (o->flags & OPTION_GENERAL)
		return &((struct general *)(uintptr_t)base)->given[word];
	if (o->flags & OPTION_QUEUE)
		return &((struct queue_settings *)(uintptr_t)base)->given[word];
	if (o->flags & OPTION_OAUTH2)
		return &((struct oauth2_profile *)(uintptr_t)base)->given[word];
	return &((struct account *)(uintptr_t)base)->given[word];
}

static uint64_t bit_of(const struct option *o)
{
	return (uint64_t)1 << ((o - option_at(0)) % 64);
}

bool option_given(const struct option *o, const void *base)
{
	return *given_of(o, base) & bit_of(o);
}

/* Is it kept in locked memory?  Not the nothing that most secrets are. */
static bool is_locked(const struct option *o, size_t n)
{
	return n && (o->flags & OPTION_SECRET || o->is_secret);
}

static void text_free(const struct option *o, void *base)
{
	char **field = text_at(o, base);
	size_t n = *field ? strlen(*field) : 0;

	if (is_locked(o, n))
		locked_free(*field, n + 1);
	else
		free(*field);
	*field = NULL;
}

static void text_put(const struct option *o, void *base, struct str value)
{
	text_free(o, base);
	*text_at(o, base) = is_locked(o, value.n) ?
		locked_strndup(value.p, value.n) :
		xstrndup(value.p, value.n);
}

bool option_is_choice(const struct option *o, struct str value)
{
	for (size_t i = 0; o->choice && o->choice[i]; i++)
		if (str_eq(value, str_of(o->choice[i])))
			return true;
	return false;
}

/* Is it a text that nobody else may see? */
static bool may_hide(const struct option *o, struct str value)
{
	if (o->is_secret)
		return value.n && o->is_secret(value);
	return value.n && o->flags & OPTION_SECRET &&
	       !option_is_choice(o, value);
}

static int set_path(const struct option *o, void *base, struct str value,
		    struct error *err)
{
	struct buf full;

	if (!str_starts(value, STR("~")) || option_is_choice(o, value)) {
		text_put(o, base, value);
		return 0;
	}
	buf_init(&full, OPTION_TEXT_MAX);
	host_home(&full);
	if (!str_starts(value, STR("~/")) || !full.len || full.over) {
		buf_release(&full);
		return error_set(err, ERROR_CONFIG, "'~' is not known here: "
				 "write the whole path");
	}
	buf_add(&full, (struct str){ value.p + 1, value.n - 1 });
	text_put(o, base, buf_str(&full));
	buf_release(&full);
	return 0;
}

static int set_text(const struct option *o, void *base, struct str value,
		    struct error *err)
{
	if (!value.n && (o->flags & OPTION_REQUIRED))
		return error_set(err, ERROR_CONFIG, "may not be empty");
	if (value.n > OPTION_TEXT_MAX)
		return error_set(err, ERROR_CONFIG, "is longer than %d octets",
				 OPTION_TEXT_MAX);
	if (str_has_ctl(value))
		return error_set(err, ERROR_CONFIG, "has a control byte in it");
	if (o->check && o->check(value, err))
		return -1;
	if (o->type == OPTION_PATH)
		return set_path(o, base, value, err);
	text_put(o, base, value);
	return 0;
}

static int set_choice(const struct option *o, void *base, struct str value,
		      struct error *err)
{
	struct buf names;

	for (size_t i = 0; o->choice[i]; i++)
		if (str_caseeq(value, str_of(o->choice[i]))) {
			struct str name = str_of(o->choice[i]);

			if (o->check && o->check(name, err))
				return -1;
			number_put(o, base, i);
			return 0;
		}
	buf_init(&names, 400);
	for (size_t i = 0; o->choice[i]; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", o->choice[i]);
	error_set(err, ERROR_CONFIG, "is none of %s", buf_cstr(&names));
	buf_release(&names);
	return -1;
}

static int set_bool(const struct option *o, void *base, struct str value,
		    struct error *err)
{
	static const char *const words[] = {	/* even no, odd yes */
		"no", "yes", "off", "on", "false", "true"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_caseeq(value, str_of(words[i]))) {
			number_put(o, base, i & 1);
			return 0;
		}
	return error_set(err, ERROR_CONFIG, "is not yes or no");
}

/* 1024 to the power of what the suffix says; 0 if c is none. */
static uint64_t unit(char c)
{
	switch (ascii_lower(c)) {
	case 'k':
		return 1 << 10;
	case 'm':
		return 1 << 20;
	case 'g':
		return 1 << 30;
	}
	return 0;
}

static int set_number(const struct option *o, void *base, struct str value,
		      struct error *err)
{
	uint64_t factor = 1, v;

	if (o->type == OPTION_SIZE && value.n && unit(value.p[value.n - 1]))
		factor = unit(value.p[--value.n]);
	if (!str_u64(value, UINT64_MAX, &v))
		return error_set(err, ERROR_CONFIG, "is not a number%s",
				 o->type == OPTION_SIZE ? " of octets" : "");
	if (v > o->max / factor || v * factor < o->min)
		return error_set(err, ERROR_CONFIG, "is out of range: %llu to "
				 "%llu", (unsigned long long)o->min,
				 (unsigned long long)o->max);
	number_put(o, base, v * factor);
	return 0;
}

static int set_seconds(const struct option *o, void *base, struct str value,
		       struct error *err)
{
	unsigned v;

	if (duration_set(&v, value, (unsigned)o->min, (unsigned)o->max, err))
		return -1;
	number_put(o, base, v);
	return 0;
}

static int set_any(const struct option *o, void *base, struct str value,
		   struct error *err)
{
	if (is_text(o))
		return set_text(o, base, value, err);
	if (o->type == OPTION_CHOICE)
		return set_choice(o, base, value, err);
	if (o->type == OPTION_BOOL)
		return set_bool(o, base, value, err);
	if (o->type == OPTION_SECONDS)
		return set_seconds(o, base, value, err);
	return set_number(o, base, value, err);
}

/* Put "key = value" before the reason, so far as that may be shown. */
static int blame(const struct option *o, struct str value, struct error *err)
{
	struct buf shown;

	if (o->flags & OPTION_SECRET || may_hide(o, value))
		return error_wrap(err, "'%s'", o->key);
	if (o->scheme) {		/* a URI's query may hold a PIN */
		struct str rest = value;

		value = str_cut(&rest, '?');
	}
	buf_init(&shown, 400);
	utf8_escape(&shown, (struct str){ value.p,
					  value.n > 60 ? 60 : value.n });
	error_wrap(err, "'%s = %s%s'", o->key, buf_cstr(&shown),
		   value.n > 60 ? "..." : "");
	buf_release(&shown);
	return -1;
}

int option_set(const struct option *o, void *base, struct str value,
	       struct error *err)
{
	struct error why = { 0 };

	if (set_any(o, base, value, &why)) {
		*err = why;
		return blame(o, value, err);
	}
	*given_of(o, base) |= bit_of(o);
	return 0;
}

static int usage(struct error *err)
{
	if (err->kind == ERROR_CONFIG)
		err->kind = ERROR_USAGE;
	return -1;
}

/* Every user of the machine can read argv. */
static int check_argv(const struct option *o, struct str value,
		      struct error *err)
{
	struct error ignored;

	if (!may_hide(o, value))
		return 0;
	if (!o->is_secret)
		return error_set(err, ERROR_USAGE, "'%s' may not be on the "
				 "command line, where every user can read it: "
				 "say keyring or prompt, or use %s_command, "
				 "%s_file%s", o->key, o->key, o->key,
				 *o->key == 'p' ? " or --password-fd" : "");
	if (o->check(value, &ignored))
		return 0;	/* option_set() will say why, without it */
	return error_set(err, ERROR_USAGE, "'%s' with a password may not be on "
			 "the command line, where every user can read it: put "
			 "it into a private configuration", o->key);
}

int option_set_arg(struct account *a, struct general *g, struct str key,
		   struct str value, struct error *err)
{
	const struct option *o = option_lookup(key, err);
	void *base;

	if (!o)
		return usage(err);
	if (check_argv(o, value, err))
		return -1;
	if (o->flags & (OPTION_QUEUE | OPTION_OAUTH2))
		return error_set(err, ERROR_USAGE, "'%s' is not for the command "
				 "line: put it into the section [%s] of the "
				 "configuration", o->key,
				 o->flags & OPTION_QUEUE ? "queue" :
				 "oauth2 NAME");
	base = o->flags & OPTION_GENERAL ? (void *)g : (void *)a;
	if (option_set(o, base, value, err))
		return usage(err);
	if (base == a && value.n)
		account_one_source(a, o->key);
	return 0;
}

int option_set_pair(struct account *a, struct general *g, const char *pair,
		    struct error *err)
{
	struct str value = str_of(pair);
	struct str key = str_cut(&value, '=');

	if (!strchr(pair, '='))
		return error_set(err, ERROR_USAGE, "a setting is given as "
				 "KEY=VALUE");
	return option_set_arg(a, g, str_trim(key), str_trim(value), err);
}

bool option_is_secret(const struct option *o, const void *base)
{
	return is_text(o) && may_hide(o, str_of(text_of(o, base)));
}

static void value_size(uint64_t v, struct buf *out)
{
	static const char units[] = "GMk";

	for (const char *u = units; v && *u; u++)
		if (v % unit(*u) == 0) {
			buf_addf(out, "%llu%c",
				 (unsigned long long)(v / unit(*u)), *u);
			return;
		}
	buf_addf(out, "%llu", (unsigned long long)v);
}

void option_value(const struct option *o, const void *base, struct buf *out)
{
	uint64_t v;

	if (is_text(o)) {
		if (!option_is_secret(o, base))
			buf_addz(out, text_of(o, base));
		else if (o->mask)
			o->mask(str_of(text_of(o, base)), out);
		else
			buf_addz(out, "********");
		return;
	}
	v = number_of(o, base);
	if (o->type == OPTION_BOOL)
		buf_addz(out, v ? "yes" : "no");
	else if (o->type == OPTION_CHOICE)
		buf_addz(out, o->choice[v]);
	else if (o->type == OPTION_SIZE)
		value_size(v, out);
	else if (o->type == OPTION_SECONDS)
		duration_print(v, out);
	else if (v >= o->min)		/* port 0 is no port yet */
		buf_addf(out, "%llu", (unsigned long long)v);
}

void option_print_pair(const char *key, const char *value, struct buf *out)
{
	size_t n = strlen(value);
	const char *quote = "";

	if (strpbrk(value, ";#") || *value == '"' || *value == '\'' ||
	    *value == ' ' || (n && (value[n - 1] == ' ' || value[n - 1] == '\\')))
		quote = strchr(value, '"') ? "'" : "\"";
	buf_addf(out, "%s =%s%s%s%s\n", key, n ? " " : "", quote, value, quote);
}

void option_print(const struct option *o, const void *base, struct buf *out)
{
	struct buf value;

	buf_init(&value, OPTION_TEXT_MAX);
	option_value(o, base, &value);
	option_print_pair(o->key, buf_cstr(&value), out);
	buf_release(&value);
}

void option_defaults(void *base, unsigned section)
{
	if (!section)
		((struct account *)base)->name = xstrdup("");
	if (section == OPTION_OAUTH2)
		((struct oauth2_profile *)base)->name = xstrdup("");
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);
		struct error never = { 0 };

		if ((o->flags & OPTION_SECTION) != section)
			continue;
		if (is_text(o))
			text_put(o, base, str_of(o->fallback));
		else if (*o->fallback)
			set_any(o, base, str_of(o->fallback), &never);
	}
}

void option_release(void *base, unsigned section)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if ((o->flags & OPTION_SECTION) == section && is_text(o))
			text_free(o, base);
	}
	if (!section) {
		free(((struct account *)base)->name);
		((struct account *)base)->name = NULL;
	}
	if (section == OPTION_OAUTH2) {
		free(((struct oauth2_profile *)base)->name);
		((struct oauth2_profile *)base)->name = NULL;
	}
}

void option_merge(void *to, const void *from, unsigned section)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if ((o->flags & OPTION_SECTION) != section ||
		    !option_given(o, from) || option_given(o, to))
			continue;
		if (is_text(o))
			text_put(o, to, str_of(text_of(o, from)));
		else
			number_put(o, to, number_of(o, from));
		*given_of(o, to) |= bit_of(o);
	}
}
