#include "conf/token.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/tokenfile.h"
#include "sys/locked.h"
#include "util/xalloc.h"

/* ---- the text ---- */

enum { SECONDS_MAX = 1 << 30 };		/* that a token may live */

static const char first_line[] = "posthaste-token 1";

static int damaged(struct error *err)
{
	return error_set(err, ERROR_CONFIG, "the stored tokens are damaged");
}

static bool take_text(struct str *field, struct str value)
{
	bool first = !field->n;

	*field = value;
	return first && value.n && !str_has_ctl(value);
}

static bool take_number(int64_t *field, struct str value, uint64_t max)
{
	bool first = !*field;
	uint64_t n;

	if (!str_u64(value, max, &n))
		return false;
	*field = (int64_t)n;
	return first;
}

static bool take_line(struct token *t, struct str line)
{
	struct str value = line;
	struct str key = str_cut(&value, ' ');

	if (str_eq(key, STR("access")))
		return take_text(&t->access, value);
	if (str_eq(key, STR("refresh")))
		return take_text(&t->refresh, value);
	if (str_eq(key, STR("token_endpoint")))
		return take_text(&t->token_endpoint, value);
	if (str_eq(key, STR("expires")))
		return take_number(&t->expires, value, INT64_MAX / 2);
	if (str_eq(key, STR("lifetime")))
		return take_number(&t->lifetime, value, SECONDS_MAX);
	return key.n;
}

int token_parse(struct token *t, struct str text, struct error *err)
{
	bool first = true;

	*t = (struct token){ .text = t->text };
	while (text.n) {
		struct str line;

		if (!memchr(text.p, '\n', text.n))
			break;
		line = str_cut(&text, '\n');
		if (first && !str_eq(line, str_of(first_line)))
			break;
		/* What was cut short is not half believed. */
		if (str_eq(line, STR("end"))) {
			if (text.n)
				break;
			return 0;
		}
		if (!first && !take_line(t, line))
			break;
		first = false;
	}
	*t = (struct token){ .text = t->text };
	return damaged(err);
}

static int print_text(struct buf *out, const char *key, struct str value,
		      struct error *err)
{
	if (str_has_ctl(value))
		return error_set(err, ERROR_PROTOCOL, "the provider's '%s' has "
				 "a control byte in it", key);
	if (!value.n)
		return 0;
	buf_addz(out, key);
	buf_addch(out, ' ');
	buf_add(out, value);
	buf_addch(out, '\n');
	return 0;
}

static void print_number(struct buf *out, const char *key, int64_t n)
{
	if (n > 0)
		buf_addf(out, "%s %" PRId64 "\n", key, n);
}

int token_print(const struct token *t, struct buf *out, struct error *err)
{
	buf_addf(out, "%s\n", first_line);
	if (print_text(out, "access", t->access, err))
		return -1;
	print_number(out, "expires", t->expires);
	print_number(out, "lifetime", t->lifetime < SECONDS_MAX ?
		     t->lifetime : SECONDS_MAX);
	if (print_text(out, "refresh", t->refresh, err) ||
	    print_text(out, "token_endpoint", t->token_endpoint, err))
		return -1;
	buf_addz(out, "end\n");
	return !out->over ? 0 :
	       error_set(err, ERROR_PROTOCOL, "the provider's tokens are "
			 "larger than %zu octets", out->max);
}

bool token_is_fresh(const struct token *t, int64_t now)
{
	int64_t margin = TOKEN_MARGIN;

	if (!t->access.n)
		return false;
	if (!t->expires)		/* only the relay can tell */
		return true;
	if (t->lifetime && t->lifetime / 10 < margin)
		margin = t->lifetime / 10;
	if (now >= t->expires - margin)
		return false;
	return !t->lifetime || t->expires <= now + t->lifetime + margin;
}

/* ---- what is kept ---- */

void token_where(const struct oauth2_profile *p, struct buf *out)
{
	struct error none;
	struct buf path;

	buf_init(&path, 4096);
	if (p->store == STORE_KEYRING)
		buf_addz(out, "the keyring");
	else if (tokenfile_where(&path, &none))
		buf_addz(out, "a file");
	else
		buf_addf(out, "'%s/%s'", buf_cstr(&path), p->name);
	buf_release(&path);
}

static int load_file(struct token *t, const struct oauth2_profile *p,
		     struct error *err)
{
	struct tokenfile f;
	bool missing = false;
	ptrdiff_t n = -1;

	if (!tokenfile_open(&f, p->name, false, err)) {
		t->text = locked_alloc(TOKEN_TEXT_MAX);
		n = tokenfile_read(&f, t->text, TOKEN_TEXT_MAX, &missing, err);
	}
	tokenfile_close(&f);
	if (n < 0)
		return -1;
	if (missing) {
		token_release(t);
		return 0;
	}
	return token_parse(t, (struct str){ t->text, (size_t)n }, err);
}

int token_load(struct token *t, const struct oauth2_profile *p,
	       int64_t deadline, struct error *err)
{
	*t = (struct token){ 0 };
	(void)deadline;
	return load_file(t, p, err);
}

void token_release(struct token *t)
{
	locked_free(t->text, TOKEN_TEXT_MAX);
	*t = (struct token){ 0 };
}

struct token_lock {
	const struct oauth2_profile *profile;
	struct tokenfile file;
};

struct token_lock *token_lock(const struct oauth2_profile *p,
			      int64_t deadline, struct error *err)
{
	struct token_lock *l = xcalloc(1, sizeof(*l));

	l->profile = p;
	if (!tokenfile_open(&l->file, p->name, true, err) &&
	    !tokenfile_lock(&l->file, deadline, err))
		return l;
	token_unlock(l);
	return NULL;
}

void token_unlock(struct token_lock *l)
{
	if (!l)
		return;
	tokenfile_close(&l->file);
	free(l);
}

int token_reserve(struct token_lock *l, struct error *err)
{
	return tokenfile_reserve(&l->file, TOKEN_TEXT_MAX, err);
}

int token_save(struct token_lock *l, const struct token *t,
	       struct error *err)
{
	/* Memory of ours that is never grown, so no copy is left behind. */
	struct buf text = { .p = locked_alloc(TOKEN_TEXT_MAX + 1),
			    .cap = TOKEN_TEXT_MAX + 1, .max = TOKEN_TEXT_MAX };
	int ret = token_print(t, &text, err);

	if (!ret)
		ret = tokenfile_replace(&l->file, buf_str(&text), err);
	locked_free(text.p, TOKEN_TEXT_MAX + 1);
	return ret;
}
