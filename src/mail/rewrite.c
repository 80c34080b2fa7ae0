#include "mail/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/word.h"
#include "util/xalloc.h"

enum { SPEC_ROOM = 2 * ADDRESS_MAX + 600 };	/* octets, with a mailname */

void rewrite_init(struct rewrite *r)
{
	*r = (struct rewrite){ 0 };
}

void rewrite_release(struct rewrite *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rule[i].from);
		free(r->rule[i].to);
	}
	free(r->rule);
	rewrite_init(r);
}

/* ---- rules ---- */

/* Is text an address as it would be written in an SMTP path, or "@domain"? */
static bool is_bare(struct str text)
{
	struct buf full, spec;
	struct error ignored;
	bool good;

	buf_init(&full, SPEC_ROOM);
	buf_init(&spec, SPEC_ROOM);
	if (str_starts(text, STR("@")))
		buf_addch(&full, 'x');
	buf_add(&full, text);
	good = !full.over && !address_one(&spec, buf_str(&full), &ignored) &&
	       spec.len && str_eq(buf_str(&spec), buf_str(&full));
	buf_release(&full);
	buf_release(&spec);
	return good;
}

static int fails(struct error *err, const char *where, struct str text,
		 const char *why)
{
	return error_set(err, ERROR_CONFIG, "%s: '%.*s' %s", where,
			 (int)(text.n > 60 ? 60 : text.n), text.p, why);
}

int rewrite_add(struct rewrite *r, struct str from, struct str to,
		const char *where, struct error *err)
{
	if (!is_bare(from))
		return fails(err, where, from, "is no local part, address or "
			     "@domain to be rewritten");
	if (!is_bare(to))
		return fails(err, where, to, "is no bare address or @domain to "
			     "rewrite to");
	for (size_t i = 0; i < r->n; i++)
		if (str_caseeq(from, str_of(r->rule[i].from)))
			return 0;
	if (!(r->n & (r->n - 1)))
		r->rule = xrealloc(r->rule, r->n ? r->n * 2 : 1,
				   sizeof(*r->rule));
	r->rule[r->n++] = (struct rewrite_rule){
		.from = xstrndup(from.p, from.n),
		.to = xstrndup(to.p, to.n),
	};
	return 0;
}

/* The rule for a qualified address, or NULL. */
static const struct rewrite_rule *match(const struct rewrite *r,
					const struct local *local,
					struct str spec)
{
	struct str part = local_part_of(spec);
	struct str at = { spec.p + part.n, spec.n - part.n };
	bool is_local = local_domain(local, address_domain(spec));
	const struct rewrite_rule *by_part = NULL, *by_domain = NULL;

	for (size_t i = 0; i < r->n; i++) {
		struct str from = str_of(r->rule[i].from);

		if (str_caseeq(from, spec))
			return &r->rule[i];
		if (is_local && str_caseeq(from, part))
			by_part = &r->rule[i];
		else if (str_caseeq(from, at))
			by_domain = &r->rule[i];
	}
	return by_part ? by_part : by_domain;
}

bool rewrite_spec(const struct rewrite *r, const struct local *local,
		  struct str spec, struct buf *out)
{
	const struct rewrite_rule *rule;
	struct buf full;
	struct str was;

	buf_init(&full, SPEC_ROOM);
	address_qualify(&full, spec, local->mailname);
	was = buf_str(&full);
	rule = spec.n ? match(r, local, was) : NULL;
	if (rule && *rule->to == '@')
		buf_add(out, local_part_of(was));
	if (rule)
		address_qualify(out, str_of(rule->to), local->mailname);
	else
		buf_add(out, was);
	buf_release(&full);
	return rule;
}

/* ---- the header ---- */

static const struct str names[] = {
	{ "From", 4 }, { "Sender", 6 }, { "Reply-To", 8 }, { "To", 2 },
	{ "Cc", 2 }, { "Resent-From", 11 }, { "Resent-Sender", 13 },
	{ "Resent-Reply-To", 15 }, { "Resent-To", 9 }, { "Resent-Cc", 9 },
};

static bool is_address_field(struct str name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_caseeq(name, names[i]))
			return true;
	return false;
}

/* A field being copied, its addresses changed on the way. */
struct edit {
	const struct rewrite *rules;
	const struct local *local;
	struct buf *out;
	const struct header_field *field;
	const char *at;		/* copied up to here */
	bool names;		/* it is a From without comments */
};

static void copy_to(struct edit *e, const char *to)
{
	buf_add(e->out, (struct str){ e->at, (size_t)(to - e->at) });
	e->at = to;
}

/* "root on web1", from the address that was there. */
static void add_name(struct edit *e, struct str spec)
{
	struct str host = address_domain(spec);
	struct buf name;

	if (!host.n || str_caseeq(host, STR("localhost")))
		host = str_of(e->local->mailname);
	if (host.n && *host.p != '[')
		host = str_cut(&host, '.');
	buf_init(&name, SPEC_ROOM);
	buf_add(&name, local_part_of(spec));
	buf_addz(&name, " on ");
	buf_add(&name, host);
	word_phrase(e->out, buf_str(&name), e->field->name.n + 2);
	buf_addch(e->out, ' ');
	buf_release(&name);
}

static void put_named(struct edit *e, const struct address *a,
		      struct str fresh)
{
	const char *angle = memchr(e->at, '<', (size_t)(a->source.p - e->at));

	copy_to(e, angle ? angle : a->source.p);
	add_name(e, a->spec);
	if (angle) {
		copy_to(e, a->source.p);
		buf_add(e->out, fresh);
	} else {
		buf_addch(e->out, '<');
		buf_add(e->out, fresh);
		buf_addch(e->out, '>');
	}
}

static void one_address(struct edit *e, const struct address *a)
{
	struct buf fresh;
	const char *end = a->source.p + a->source.n;

	buf_init(&fresh, SPEC_ROOM);
	if (rewrite_spec(e->rules, e->local, a->spec, &fresh)) {
		if (e->names && !a->name.n) {
			put_named(e, a, buf_str(&fresh));
		} else {
			copy_to(e, a->source.p);
			buf_add(e->out, buf_str(&fresh));
		}
		e->at = end;
	} else {
		copy_to(e, end);
		if (a->spec.n != fresh.len) {
			buf_addch(e->out, '@');
			buf_addz(e->out, e->local->mailname);
		}
	}
	buf_release(&fresh);
}

/* A comment stands for a display name: "root (Cron Daemon)". */
static bool wants_names(const struct header_field *f)
{
	return (str_caseeq(f->name, STR("From")) ||
		str_caseeq(f->name, STR("Resent-From"))) &&
	       !memchr(f->value.p, '(', f->value.n);
}

static void one_field(struct edit *e, const struct header_field *f)
{
	size_t start = e->out->len;
	struct address_iter it;
	struct address a;
	struct error ignored;

	e->field = f;
	e->at = f->raw.p;
	e->names = wants_names(f);
	address_begin(&it, f->value);
	while (address_next(&it, &a))
		one_address(e, &a);
	if (address_end(&it, &ignored)) {
		e->out->len = start;
		e->at = f->raw.p;
	}
	copy_to(e, f->raw.p + f->raw.n);
}

int rewrite_head(const struct rewrite *r, const struct local *local,
		 struct buf *head, struct error *err)
{
	struct str rest = buf_str(head);
	struct header_field f;
	struct buf out;
	struct edit e = { .rules = r, .local = local, .out = &out };

	if (header_find(rest, STR("DKIM-Signature"), &f))
		return 0;
	buf_init(&out, head->max);
	while (header_next(&rest, &f)) {
		if (is_address_field(f.name))
			one_field(&e, &f);
		else
			buf_add(&out, f.raw);
	}
	if (out.over) {
		buf_release(&out);
		return error_set(err, ERROR_DATA, "the header is too long");
	}
	buf_release(head);
	*head = out;
	return 0;
}
