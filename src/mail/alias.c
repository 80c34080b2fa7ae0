#include "mail/alias.h"

#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum { SHOWN_MAX = 60, NONE = -1 };

void aliases_init(struct aliases *a)
{
	*a = (struct aliases){ 0 };
}

void aliases_release(struct aliases *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->at[i].name);
		free(a->at[i].value);
		free(a->at[i].where);
	}
	free(a->at);
	free(a->slot);
	aliases_init(a);
}

void aliases_begin(struct aliases *a, bool includes)
{
	a->source++;
	a->includes = includes;
}

/* Text of a file, safe to show and not too long. */
static int fails(struct error *err, enum error_kind kind, const char *why,
		 struct str text)
{
	struct buf shown;
	bool cut = text.n > SHOWN_MAX;

	if (cut)
		text.n = SHOWN_MAX;
	buf_init(&shown, 4 * SHOWN_MAX);
	utf8_escape(&shown, text);
	error_set(err, kind, "'%s%s': %s", buf_cstr(&shown), cut ? "..." : "",
		  why);
	buf_release(&shown);
	return -1;
}

/* Append the one address of text, as address_one() but with tabs. */
static int one_address(struct buf *out, struct str text, struct error *err)
{
	struct address_iter it;
	struct address a;
	size_t n = 0;

	address_begin(&it, text);
	while (address_next(&it, &a))
		if (!n++)
			buf_add(out, a.spec);
	if (address_end(&it, err)) {
		err->kind = ERROR_CONFIG;
		return -1;
	}
	if (n != 1 || !out->len)
		return fails(err, ERROR_CONFIG, "is not one address", text);
	return 0;
}

/* ---- the table ---- */

static void lower(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		b->p[i] = ascii_lower(b->p[i]);
}

/* Names are the administrator's, so FNV serves. */
static uint32_t *slot_of(const struct aliases *a, struct str name)
{
	uint64_t h = 0xcbf29ce484222325u;
	uint32_t n;
	size_t i;

	for (i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 0x100000001b3u;
	i = (size_t)(h ^ h >> 32) & (a->n_slot - 1);
	while ((n = a->slot[i]) && !str_eq(name, str_of(a->at[n - 1].name)))
		i = (i + 1) & (a->n_slot - 1);
	return &a->slot[i];
}

/* The number of the alias with that name, or NONE. */
static long find(const struct aliases *a, struct str name)
{
	return a->n ? (long)*slot_of(a, name) - 1 : NONE;
}

static void grow(struct aliases *a)
{
	if (!(a->n & (a->n - 1)))
		a->at = xrealloc(a->at, a->n ? a->n * 2 : 1, sizeof(*a->at));
	if (a->n < a->n_slot / 2)
		return;
	a->n_slot = a->n_slot ? a->n_slot * 2 : 32;
	free(a->slot);
	a->slot = xcalloc(a->n_slot, sizeof(*a->slot));
	for (size_t i = 0; i < a->n; i++)
		*slot_of(a, str_of(a->at[i].name)) = (uint32_t)i + 1;
}

static int add_named(struct aliases *a, struct str name, struct str value,
		     const char *where, struct error *err)
{
	long had = find(a, name);

	if (had != NONE && a->at[had].source == a->source) {
		fails(err, ERROR_CONFIG, "is an alias already, in ", name);
		return error_add(err, a->at[had].where);
	}
	if (had != NONE)
		return 0;
	if (!value.n)
		return fails(err, ERROR_CONFIG, "the alias has no value", name);
	grow(a);
	a->at[a->n] = (struct alias){ .name = xstrndup(name.p, name.n),
		.value = xstrndup(value.p, value.n), .where = xstrdup(where),
		.source = a->source, .includes = a->includes };
	*slot_of(a, name) = (uint32_t)a->n + 1;
	a->n++;
	return 0;
}

int aliases_add(struct aliases *a, struct str name, struct str value,
		const char *where, struct error *err)
{
	struct buf key;
	int ret;

	buf_init(&key, 2 * ADDRESS_MAX + 4);
	ret = one_address(&key, name, err);
	lower(&key);
	if (str_eq(buf_str(&key), STR("default"))) {
		buf_reset(&key);
		buf_addch(&key, '*');
	}
	if (!ret)
		ret = add_named(a, buf_str(&key), str_trim(value), where, err);
	buf_release(&key);
	return ret ? error_wrap(err, "%s", where) : 0;
}

/* ---- the file ---- */

/* The alias that is being read, over several lines. */
struct reading {
	struct aliases *a;
	const char *file;
	unsigned line;
	unsigned first;		/* the line its name stands in; 0: none yet */
	struct str name;
	struct buf value;
};

static int finish(struct reading *r, struct error *err)
{
	struct buf where;
	int ret;

	if (!r->first)
		return 0;
	buf_init(&where, sizeof(err->text));
	buf_addf(&where, "'%s' line %u", r->file, r->first);
	ret = aliases_add(r->a, r->name, buf_str(&r->value), buf_cstr(&where),
			  err);
	buf_release(&where);
	r->first = 0;
	return ret;
}

/* Octets before the first `c` that is in no quotes and no comment. */
static size_t until(struct str s, char c)
{
	bool in_quotes = false;
	size_t depth = 0, i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"' && !depth)
			in_quotes = !in_quotes;
		else if (in_quotes)
			continue;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && depth)
			depth--;
		else if (s.p[i] == c && !depth)
			return i;
	}
	return s.n;
}

static int one_line(struct reading *r, struct str s, struct error *err)
{
	struct str text = str_trim(s);
	size_t n;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\t' &&
		    str_has_ctl((struct str){ text.p + i, 1 }))
			return fails(err, ERROR_CONFIG, "the line has a control "
				     "byte in it", text);
	if (!text.n || *text.p == '#')
		return 0;
	if (text.p != s.p && !r->first)
		return fails(err, ERROR_CONFIG, "the line begins with a blank "
			     "but there is none that it continues", text);
	if (text.p != s.p) {
		buf_addch(&r->value, ' ');
		buf_add(&r->value, text);
		return 0;
	}
	n = until(text, ':');
	if (n == text.n)
		return fails(err, ERROR_CONFIG, "is not 'name: value, ...'",
			     text);
	buf_reset(&r->value);
	r->first = r->line;
	r->name = (struct str){ text.p, n };
	buf_add(&r->value, (struct str){ text.p + n + 1, text.n - n - 1 });
	return 0;
}

static int read_line(struct reading *r, struct str s, struct error *err)
{
	r->line++;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	/* What begins in the first column ends what came before. */
	if (s.n && !strchr(" \t#", *s.p) && finish(r, err))
		return -1;
	if (one_line(r, s, err))
		return error_wrap(err, "'%s' line %u", r->file, r->line);
	return 0;
}

int aliases_parse(struct aliases *a, struct str text, const char *file,
		  struct error *err)
{
	struct reading r = { .a = a, .file = file };
	int ret = 0;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		return error_set(err, ERROR_CONFIG, "'%s' begins with a byte "
				 "order mark: save it without one", file);
	buf_init(&r.value, 2 * text.n + 1);
	while (text.n && !ret)
		ret = read_line(&r, str_cut(&text, '\n'), err);
	if (!ret)
		ret = finish(&r, err);
	buf_release(&r.value);
	return ret;
}

/* ---- expanding ---- */

struct walk {
	const struct aliases *a;
	const struct alias_rules *rules;
	struct roster *out;
	struct roster lists;		/* those that were included */
	size_t n_lists;			/* those we are in */
	bool *done;			/* by number: all of it is in out */
	bool *below;			/* "*" leads there; NULL: not known */
	size_t chain[ALIAS_DEPTH];	/* those we are in */
	size_t depth;
	bool blamed;			/* the error names an alias */
};

static void walk_init(struct walk *w, const struct aliases *a,
		      const struct alias_rules *rules, struct roster *out)
{
	*w = (struct walk){ .a = a, .rules = rules, .out = out };
	roster_init(&w->lists);
	w->done = xcalloc(a->n + 1, sizeof(*w->done));
}

static void walk_release(struct walk *w)
{
	roster_release(&w->lists);
	free(w->done);
	free(w->below);
}

/* Say in which alias it happened. */
static int blame(struct walk *w, const struct alias *alias, struct error *err)
{
	struct buf name;

	if (w->blamed)
		return -1;
	w->blamed = true;
	buf_init(&name, 4 * SHOWN_MAX);
	utf8_escape(&name, str_of(alias->name));
	error_wrap(err, "alias '%s' (%s)", buf_cstr(&name), alias->where);
	buf_release(&name);
	return -1;
}

/* Which alias is for the address, or NONE. */
static long lookup(const struct walk *w, struct str spec)
{
	struct str local = local_part_of(spec);
	struct buf key;
	long i;

	if (!local_domain(&w->rules->local, address_domain(spec)))
		return NONE;
	buf_init(&key, spec.n);
	buf_add(&key, spec);
	lower(&key);
	i = find(w->a, buf_str(&key));
	if (i == NONE)
		i = find(w->a, (struct str){ buf_str(&key).p, local.n });
	if (i == NONE)
		i = find(w->a, STR("*"));
	buf_release(&key);
	return i;
}

static int circle(struct walk *w, size_t from, struct error *err)
{
	struct buf path;

	buf_init(&path, 300);
	for (size_t i = from; i < w->depth; i++) {
		utf8_escape(&path, str_of(w->a->at[w->chain[i]].name));
		buf_addz(&path, " -> ");
	}
	utf8_escape(&path, str_of(w->a->at[w->chain[from]].name));
	error_set(err, ERROR_CONFIG, "goes round in a circle: %s",
		  buf_cstr(&path));
	buf_release(&path);
	return -1;
}

static int expand_value(struct walk *w, struct str value, bool includes,
			struct error *err);

static int expand_alias(struct walk *w, size_t i, struct error *err)
{
	const struct alias *alias = &w->a->at[i];

	if (w->done[i])
		return 0;
	if (w->depth == ALIAS_DEPTH) {
		error_set(err, ERROR_CONFIG, "is reached through more than %d "
			  "others", ALIAS_DEPTH);
		return blame(w, alias, err);
	}
	w->chain[w->depth++] = i;
	if (expand_value(w, str_of(alias->value), alias->includes, err))
		return blame(w, alias, err);
	w->depth--;
	w->done[i] = true;
	return 0;
}

static bool is_all(const struct walk *w, long i)
{
	return !strcmp(w->a->at[i].name, "*");
}

/* An address, qualified: what it stands for. */
static int expand_spec(struct walk *w, struct str spec, struct error *err)
{
	long i = lookup(w, spec);
	size_t at = w->depth;

	if (i == NONE)
		return roster_add(w->out, spec, err);
	while (at && w->chain[at - 1] != (size_t)i)
		at--;
	/* It names itself: a copy for the address itself. */
	if (at && (at == w->depth || is_all(w, i)))
		return roster_add(w->out, spec, err);
	if (is_all(w, i) && w->depth && w->below[w->chain[w->depth - 1]])
		return roster_add(w->out, spec, err);
	if (at)
		return circle(w, at - 1, err);
	return expand_alias(w, (size_t)i, err);
}

/* ":include:/path", perhaps in quotes. */
static int expand_list(struct walk *w, struct str path, bool includes,
		       struct error *err)
{
	size_t had = w->lists.n;
	struct buf text;
	int ret;

	if (!includes || !w->rules->include)
		return fails(err, ERROR_CONFIG, "a list is only included from "
			     "a file of root's, with aliases_unsafe = yes",
			     path);
	if (!path.n || *path.p != '/')
		return fails(err, ERROR_CONFIG, "the path of a list begins "
			     "with '/'", path);
	if (roster_add(&w->lists, path, err))
		return -1;
	if (w->lists.n == had)
		return 0;	/* it is in `out`, or will be */
	if (w->n_lists == ALIAS_DEPTH)
		return fails(err, ERROR_CONFIG, "too many lists include each "
			     "other", path);
	w->n_lists++;
	buf_init(&text, ALIAS_TEXT_MAX);
	ret = w->rules->include(w->rules->ctx, roster_get(&w->lists, had),
				&text, err);
	for (struct str rest = buf_str(&text); rest.n && !ret;) {
		struct str line = str_cut(&rest, '\n');

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n && *line.p != '#')
			ret = expand_value(w, line, includes, err);
	}
	buf_release(&text);
	w->n_lists--;
	return ret;
}

static int expand_address(struct walk *w, struct str text, struct error *err)
{
	bool final = text.n && *text.p == '\\';
	struct buf spec, full;
	int ret;

	if (final)
		text = (struct str){ text.p + 1, text.n - 1 };
	buf_init(&spec, 2 * ADDRESS_MAX + 4);
	buf_init(&full, 4 * ADDRESS_MAX);
	ret = one_address(&spec, text, err);
	address_qualify(&full, buf_str(&spec), w->rules->local.mailname);
	if (!ret)
		ret = final ? roster_add(w->out, buf_str(&full), err) :
			expand_spec(w, buf_str(&full), err);
	buf_release(&spec);
	buf_release(&full);
	return ret;
}

static int expand_element(struct walk *w, struct str e, bool includes,
			  struct error *err)
{
	static const struct str include = { ":include:", 9 };
	struct str bare = e;

	if (bare.n > 1 && *bare.p == '"' && bare.p[bare.n - 1] == '"')
		bare = (struct str){ bare.p + 1, bare.n - 2 };
	if (bare.n && (*bare.p == '|' || *bare.p == '/'))
		return fails(err, ERROR_UNAVAILABLE, *bare.p == '|' ?
			     "a command is not supported: posthaste delivers "
			     "to a relay" : "a file is not supported: "
			     "posthaste delivers to a relay", bare);
	if (!str_casestarts(bare, include))
		return expand_address(w, e, err);
	bare.p += include.n;
	bare.n -= include.n;
	return expand_list(w, str_trim(bare), includes, err);
}

static int expand_value(struct walk *w, struct str value, bool includes,
			struct error *err)
{
	while (value.n) {
		size_t n = until(value, ',');
		struct str e = str_trim((struct str){ value.p, n });

		if (e.n && expand_element(w, e, includes, err))
			return -1;
		n += n < value.n;
		value.p += n;
		value.n -= n;
	}
	return 0;
}

/*
 * "*: root" and "root: joe" are no circle: whom the catch-all leads to, it
 * does not catch.  So learn which aliases it leads to before all else.
 */
static void walk_below(struct walk *w)
{
	long all = find(w->a, STR("*"));
	struct error ignored;
	struct roster out;
	struct walk first;

	if (all == NONE)
		return;
	roster_init(&out);
	walk_init(&first, w->a, w->rules, &out);
	/* An error will be met again if it matters. */
	(void)expand_alias(&first, (size_t)all, &ignored);
	w->below = first.done;
	first.done = NULL;
	walk_release(&first);
	roster_release(&out);
}

int aliases_expand(const struct aliases *a, const struct alias_rules *rules,
		   const struct roster *in, struct roster *out,
		   struct error *err)
{
	struct walk w;
	int ret = 0;

	walk_init(&w, a, rules, out);
	walk_below(&w);
	for (size_t i = 0; i < in->n && !ret; i++)
		ret = expand_spec(&w, str_of(roster_get(in, i)), err);
	walk_release(&w);
	return ret;
}

int aliases_check(const struct aliases *a, const struct alias_rules *rules,
		  struct error *err)
{
	struct roster out;
	struct walk w;
	int ret = 0;

	roster_init(&out);
	walk_init(&w, a, rules, &out);
	walk_below(&w);
	for (size_t i = 0; i < a->n && !ret; i++) {
		struct str name = str_of(a->at[i].name);

		ret = expand_alias(&w, i, err);
		if (ret || local_domain(&rules->local, address_domain(name)))
			continue;
		error_set(err, ERROR_CONFIG, "its domain is not local: name it "
			  "in local_domains, or use [rewrite]");
		ret = blame(&w, &a->at[i], err);
	}
	walk_release(&w);
	roster_release(&out);
	return ret;
}
