/*
 * Configuration files: whatever the strict pass accepts, iniparser reads
 * alike, every setting of it is taken or refused, and what is printed of it
 * is accepted and says the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/ini.h"
#include "conf/netrc.h"
#include "conf/option.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int truth)
{
	if (!truth)
		abort();
}

static void no_newline(const struct error *err)
{
	must(err->kind != ERROR_NONE && *err->text);
	for (const char *p = err->text; *p; p++)
		must(*p != '\n' && *p != '\033');
}

/* Print a, and read that back. */
static void round_trip(const struct option *o, const void *base,
		       struct str value)
{
	struct error err = { 0 };
	struct buf text;
	struct ini ini;

	buf_init(&text, 1 << 16);
	buf_addz(&text, "[account a]\n");
	option_print(o, base, &text);
	/* Of two kinds of quotes and a ';' only one can be in a file, and
	 * ~/ may have made the line longer than it was. */
	if (!ini_check(&ini, buf_str(&text), "printed", &err) &&
	    !(o->flags & OPTION_SECRET) && o->type == OPTION_TEXT)
		must(str_eq(ini.entry[0].value, value));
	ini_release(&ini);
	buf_release(&text);
}

struct bases {
	struct account a;
	struct general g;
	struct queue_settings q;
};

static void set(const struct ini_entry *e, struct bases *b)
{
	struct error err = { 0 };
	const struct option *o = option_lookup(e->key, &err);
	void *base;

	if (!o) {
		no_newline(&err);
		return;
	}
	base = o->flags & OPTION_GENERAL ? (void *)&b->g :
	       o->flags & OPTION_QUEUE ? (void *)&b->q : (void *)&b->a;
	if (option_set(o, base, e->value, &err))
		no_newline(&err);
	else
		round_trip(o, base, e->value);
}

static void set_all(const struct ini *ini)
{
	struct bases b;
	struct error err = { 0 };

	account_init(&b.a);
	general_init(&b.g);
	queue_settings_init(&b.q);
	for (size_t s = 0; s < ini->n_section; s++)
		for (size_t i = 0; i < ini->section[s].n; i++)
			set(&ini->entry[ini->section[s].first + i], &b);
	if (account_check(&b.a, &err))
		no_newline(&err);
	account_matches(&b.a, "a@example.org");
	account_sender(&b.a);
	account_release(&b.a);
	general_release(&b.g);
	queue_settings_release(&b.q);
}

static void as_netrc(struct str text)
{
	struct buf login, password;
	struct netrc_query q = { .host = "mx", .user = "",
				 .login = &login, .password = &password };

	buf_init(&login, 1 << 16);
	buf_init(&password, 1 << 16);
	netrc_find(text, &q);
	buf_release(&login);
	buf_release(&password);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct error err = { 0 };
	struct ini ini, again;

	as_netrc(text);
	if (ini_check(&ini, text, "f", &err)) {
		no_newline(&err);
	} else {
		if (ini_load(&again, text, "f", &err))
			abort();
		ini_release(&again);
		set_all(&ini);
	}
	ini_release(&ini);
	return 0;
}
