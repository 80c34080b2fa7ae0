/*
 * An aliases file, whatever is in it, is refused with one printable line or
 * gives addresses that are safe in a path, the same ones in any order of
 * asking; and what it does to a header leaves all other fields alone.
 */
#include "mail/alias.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/rewrite.h"
#include "util/utf8.h"

enum { ROOM = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void is_line(const struct error *err)
{
	require(err->kind != ERROR_NONE && *err->text);
	require(!str_has_ctl(str_of(err->text)));
}

/* A list that includes itself, and what else the file names. */
static int include(void *ctx, const char *path, struct buf *out,
		   struct error *err)
{
	const struct str *text = ctx;

	require(*path == '/');
	if (path[1] == 'e')
		return error_set(err, ERROR_PERM, "no");
	buf_add(out, *text);
	return 0;
}

static struct alias_rules rules(struct str *text)
{
	return (struct alias_rules){
		.local = { "h.example", STR("l.example") },
		.include = include, .ctx = text,
	};
}

static void check(const char *spec)
{
	struct error err = { 0 };
	struct buf again;

	buf_init(&again, ROOM);
	require(*spec && !address_one(&again, str_of(spec), &err));
	require(!strcmp(buf_cstr(&again), spec));
	require(address_domain(str_of(spec)).n);
	buf_release(&again);
}

/* Expand every name, first to last or last to first; how many come of it. */
static size_t expand_all(const struct aliases *a, struct str text,
			 bool backwards, bool *good)
{
	struct alias_rules how = rules(&text);
	struct error err = { 0 };
	struct roster in, out;
	size_t n;

	roster_init(&in);
	roster_init(&out);
	for (size_t i = 0; i < a->n; i++) {
		size_t k = backwards ? a->n - 1 - i : i;
		struct buf spec;

		buf_init(&spec, ROOM);
		address_qualify(&spec, str_of(a->at[k].name), "h.example");
		require(!roster_add(&in, buf_str(&spec), &err));
		buf_release(&spec);
	}
	*good = !aliases_expand(a, &how, &in, &out, &err);
	if (!*good)
		is_line(&err);
	for (size_t i = 0; i < out.n; i++)
		check(roster_get(&out, i));
	n = out.n;
	roster_release(&in);
	roster_release(&out);
	return n;
}

static void as_aliases(struct str text)
{
	struct alias_rules how = rules(&text);
	struct error err = { 0 };
	struct aliases a;

	aliases_init(&a);
	aliases_begin(&a, true);
	if (aliases_parse(&a, text, "f", &err)) {
		is_line(&err);
	} else {
		bool one, other;
		size_t n = expand_all(&a, text, false, &one);
		size_t m = expand_all(&a, text, true, &other);

		require(!one || !other || n == m);
		if (aliases_check(&a, &how, &err))
			is_line(&err);
		else
			require(one && other);
	}
	aliases_release(&a);
}

/* The first line is a rule, the rest a header. */
static void as_rewrite(struct str text)
{
	const struct local local = { "h.example", STR("l.example") };
	struct error err = { 0 };
	struct str to = str_cut(&text, '\n');
	struct str from = str_cut(&to, '=');
	struct header_field f, g;
	struct rewrite r;
	struct str was, is;
	struct buf head;

	rewrite_init(&r);
	if (rewrite_add(&r, from, to, "w", &err))
		require(err.kind == ERROR_CONFIG);
	buf_init(&head, ROOM);
	buf_add(&head, text);
	if (!rewrite_head(&r, &local, &head, &err)) {
		was = text;
		is = buf_str(&head);
		while (header_next(&was, &f)) {
			require(header_next(&is, &g));
			require(str_eq(f.name, g.name));
			require(str_casestarts(f.name, STR("X-")) ?
				str_eq(f.raw, g.raw) : true);
		}
		require(!is.n);
	}
	buf_release(&head);
	rewrite_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };

	as_aliases(text);
	as_rewrite(text);
	return 0;
}
