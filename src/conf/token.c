#include "conf/token.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/tokenfile.h"
#include "conf/tokenring.h"
#include "sys/clock.h"
#include "sys/locked.h"
#include "sys/sha256.h"
#include "util/xalloc.h"

/* ---- the text ---- */

enum {
	SECONDS_MAX = 1 << 30,		/* that a token may live */
	RING_WAIT = 60,			/* seconds for the keyring to store */
	NOTE_MAX = 1024			/* octets of a failure that is shared */
};

static const char first_line[] = "posthaste-token 1";

static int damaged(struct error *err)
{
	return error_set(err, ERROR_AUTH, "the stored tokens are damaged");
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

void token_digest(struct str access, char out[TOKEN_DIGEST])
{
	char hex[SHA256_HEX];

	sha256_hex(access, hex);
	memcpy(out, hex, TOKEN_DIGEST - 1);
	out[TOKEN_DIGEST - 1] = '\0';
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

/* One that was read into t->text; n < 0: that failed. */
static int take(struct token *t, ptrdiff_t n, bool missing, struct error *err)
{
	if (n < 0)
		return -1;
	if (!missing)
		return token_parse(t, (struct str){ t->text, (size_t)n }, err);
	token_release(t);
	return 0;
}

static int load_file(struct token *t, const struct oauth2_profile *p,
		     struct error *err)
{
	struct tokenfile f;
	bool missing = false;
	ptrdiff_t n = -1;

	if (!tokenfile_open(&f, p->name, false, err))
		n = tokenfile_read(&f, t->text, TOKEN_TEXT_MAX, &missing, err);
	tokenfile_close(&f);
	return take(t, n, missing, err);
}

/* Memory of ours that is never grown, so no copy is left behind. */
static struct buf over(char *text)
{
	return (struct buf){ .p = text, .cap = TOKEN_TEXT_MAX + 1,
			     .max = TOKEN_TEXT_MAX };
}

static int load_ring(struct token *t, struct process *look, int64_t deadline,
		     struct error *err)
{
	struct buf text = over(t->text);
	bool missing;

	if (tokenring_finish(look, &text, deadline, &missing, err))
		return -1;
	return take(t, (ptrdiff_t)text.len, missing, err);
}

int token_begin(struct process *look, const struct oauth2_profile *p,
		struct error *err)
{
	*look = (struct process){ 0 };
	return p->store == STORE_KEYRING ?
	       tokenring_start(look, p->name, err) : 0;
}

int token_finish(struct token *t, const struct oauth2_profile *p,
		 struct process *look, int64_t deadline, struct error *err)
{
	*t = (struct token){ .text = locked_alloc(TOKEN_TEXT_MAX + 1) };
	return p->store == STORE_KEYRING ?
	       load_ring(t, look, deadline, err) : load_file(t, p, err);
}

int token_load(struct token *t, const struct oauth2_profile *p,
	       int64_t deadline, struct error *err)
{
	struct process look;

	*t = (struct token){ 0 };
	return token_begin(&look, p, err) ? -1 :
	       token_finish(t, p, &look, deadline, err);
}

void token_release(struct token *t)
{
	locked_free(t->text, TOKEN_TEXT_MAX + 1);
	*t = (struct token){ 0 };
}

/* ---- writing ---- */

struct token_lock {
	const struct oauth2_profile *profile;
	struct tokenfile file;		/* locks also what the keyring keeps */
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

/* "failed MILLISECONDS KIND TEXT": by the clock that no one sets. */
void token_failed(struct token_lock *l, const struct error *err)
{
	struct buf line;

	buf_init(&line, NOTE_MAX);
	buf_addf(&line, "failed %" PRId64 " %d %s\n", clock_ms(),
		 (int)err->kind, err->text);
	if (!line.over)
		tokenfile_note(&l->file, buf_str(&line));
	buf_release(&line);
}

bool token_has_failed(struct token_lock *l, int64_t since, struct error *err)
{
	char text[NOTE_MAX];
	struct str rest = { text, tokenfile_noted(&l->file, text, NOTE_MAX) };
	uint64_t when, kind;

	if (!memchr(rest.p, '\n', rest.n))
		return false;
	rest = str_cut(&rest, '\n');
	if (!str_eq(str_cut(&rest, ' '), STR("failed")) ||
	    !str_u64(str_cut(&rest, ' '), INT64_MAX, &when) ||
	    !str_u64(str_cut(&rest, ' '), ERROR_KINDS - 1, &kind) || !kind ||
	    !rest.n || str_has_ctl(rest))
		return false;
	/* Before a reboot, the clock may have been further than it is. */
	if ((int64_t)when < since || (int64_t)when > clock_ms())
		return false;
	error_set(err, (enum error_kind)kind, "%.*s", (int)rest.n, rest.p);
	return true;
}

int token_reserve(struct token_lock *l, struct error *err)
{
	if (l->profile->store == STORE_KEYRING)
		return tokenring_probe(l->profile->name,
				       clock_after(RING_WAIT), err);
	return tokenfile_reserve(&l->file, TOKEN_TEXT_MAX, err);
}

/* What does not fit is the access token, which can be had again. */
static int save_ring(const char *name, const struct token *t, struct buf *text,
		     struct error *err)
{
	struct token less = *t;

	less.access = STR("");
	if (text->len > TOKEN_RING_MAX) {
		buf_reset(text);
		if (token_print(&less, text, err))
			return -1;
	}
	if (text->len > TOKEN_RING_MAX)
		return error_set(err, ERROR_CONFIG, "secret-tool keeps no "
				 "tokens of this length: use store = file");
	return tokenring_store(name, buf_str(text), clock_after(RING_WAIT),
			       err);
}

int token_save(struct token_lock *l, const struct token *t,
	       struct error *err)
{
	struct buf text = over(locked_alloc(TOKEN_TEXT_MAX + 1));
	int ret = token_print(t, &text, err);

	if (!ret && l->profile->store == STORE_KEYRING)
		ret = save_ring(l->profile->name, t, &text, err);
	else if (!ret)
		ret = tokenfile_replace(&l->file, buf_str(&text), err);
	locked_free(text.p, TOKEN_TEXT_MAX + 1);
	return ret;
}
