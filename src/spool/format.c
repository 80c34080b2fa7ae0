#include "spool/format.h"

#include <stdio.h>
#include <string.h>

#include "mail/xtext.h"

#define MAGIC "posthaste "

enum { VERSION_NUMBER = 1 };

/* ---- writing ---- */

/* Append a value; control characters have no way into a queue file. */
static int add_value(struct buf *out, const char *what, const char *value,
		     struct error *err)
{
	struct str s = str_of(value);

	if (str_has_ctl(s))
		return error_set(err, ERROR_DATA, "%s holds a control "
				 "character and cannot be queued", what);
	xtext_encode(out, s);
	return 0;
}

static int add_key(struct buf *out, const char *key, const char *value,
		   struct error *err)
{
	if (!*value)
		return 0;
	buf_addf(out, " %s=", key);
	return add_value(out, key, value, err);
}

/* End the line that began at `start`. */
static int end_line(struct buf *out, size_t start, const char *what,
		    struct error *err)
{
	buf_addch(out, '\n');
	if (out->over || out->len - start > FORMAT_LINE_MAX)
		return error_set(err, ERROR_DATA, "%s is too long to be "
				 "queued: with its parameters it may have %d "
				 "octets", what, FORMAT_LINE_MAX);
	return 0;
}

static void add_facts(struct buf *out, const struct format_head *h,
		      const struct envelope *env)
{
	static const char *const bodies[] = { "7bit", "8bit", "binary" };
	const struct facts *f = &h->facts;

	buf_addf(out, " head=%llu lines=%llu longest=%llu,%llu body=%s",
		 (unsigned long long)h->head_len, (unsigned long long)f->lines,
		 (unsigned long long)f->longest,
		 (unsigned long long)f->longest_line, bodies[env->body]);
	buf_addz(out, f->eightbit ? " eightbit=1" : "");
	buf_addz(out, h->binary ? " binary=1" : "");
	buf_addz(out, env->utf8 ? " utf8=1" : "");
	buf_addz(out, env->all_or_nothing ? " all=1" : "");
	buf_addz(out, env->require_tls ? " requiretls=1" : "");
}

int format_head(struct buf *out, const struct format_head *h,
		const struct envelope *env, struct error *err)
{
	size_t start = out->len;

	buf_addf(out, MAGIC "%d %lld %llu ", VERSION_NUMBER,
		 (long long)h->created, (unsigned long long)h->uid);
	if (add_value(out, "the account's name", h->account, err) ||
	    end_line(out, start, "the account's name", err))
		return -1;
	start = out->len;
	buf_addz(out, "F ");
	if (add_value(out, "the sender's address", env->from, err))
		return -1;
	add_facts(out, h, env);
	if (add_key(out, "ret", env->ret, err) ||
	    add_key(out, "envid", env->envid, err) ||
	    add_key(out, "by", env->deliver_by, err) ||
	    add_key(out, "hold", env->hold, err) ||
	    add_key(out, "priority", env->priority, err))
		return -1;
	return end_line(out, start, "the sender's address", err);
}

char format_status(enum outcome o)
{
	static const char of[] = {
		[OUTCOME_SENT] = FORMAT_DELIVERED,
		[OUTCOME_FAILED] = FORMAT_FAILED,
		[OUTCOME_UNKNOWN] = FORMAT_UNKNOWN,
	};

	return (size_t)o < sizeof(of) && of[o] ? of[o] : FORMAT_PENDING;
}

int format_rcpt(struct buf *out, const struct rcpt *r, char status,
		struct error *err)
{
	size_t start = out->len;

	buf_addch(out, status);
	buf_addch(out, ' ');
	if (add_value(out, "a recipient's address", r->addr, err) ||
	    add_key(out, "notify", r->notify, err) ||
	    add_key(out, "orcpt", r->orcpt, err))
		return -1;
	return end_line(out, start, "a recipient's address", err);
}

/* ---- reading ---- */

static bool status_valid(char c)
{
	return c == FORMAT_PENDING || c == FORMAT_DELIVERED ||
	       c == FORMAT_FAILED || c == FORMAT_UNKNOWN;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool format_decode(char *p, size_t n)
{
	char *to = p;

	for (size_t i = 0; i < n; i++, to++) {
		*to = p[i];
		if (p[i] <= ' ' || p[i] > '~' || p[i] == '=')
			return false;
		if (p[i] != '+')
			continue;
		if (n - i < 3 || digit(p[i + 1]) < 0 || digit(p[i + 2]) < 0)
			return false;
		*to = (char)(digit(p[i + 1]) * 16 + digit(p[i + 2]));
		if ((unsigned char)*to < ' ' || *to == 0x7f)
			return false;
		i += 2;
	}
	*to = '\0';
	return true;
}

struct reading {
	char *p, *end;		/* what is left */
	struct format_head *h;
	struct envelope *env;
	const char *why;
	enum format_fault fault;
};

static bool fail(struct reading *r, enum format_fault fault, const char *why)
{
	r->fault = fault;
	r->why = why;
	return false;
}

/* Take a line off the front; its end becomes a blank, for take_word(). */
static bool take_line(struct reading *r, char **line, char **end)
{
	size_t left = (size_t)(r->end - r->p);
	char *lf = memchr(r->p, '\n', left < FORMAT_LINE_MAX ? left :
			  FORMAT_LINE_MAX);

	if (!lf)
		return fail(r, FORMAT_CORRUPT, left < FORMAT_LINE_MAX ?
			    "its header is cut" : "a line is too long");
	*line = r->p;
	*end = lf;
	*lf = ' ';
	r->p = lf + 1;
	return true;
}

/* Take what stands before the next blank. */
static bool take_word(char **p, char *end, struct str *word)
{
	char *blank;

	if (*p > end)
		return false;
	blank = memchr(*p, ' ', (size_t)(end - *p) + 1);
	*word = (struct str){ *p, (size_t)(blank - *p) };
	*p = blank + 1;
	return true;
}

static bool take_value(char **p, char *end, const char **value)
{
	char *start = *p;
	struct str word;

	*value = start;
	return take_word(p, end, &word) && format_decode(start, word.n);
}

static bool take_number(char **p, char *end, uint64_t max, uint64_t *out)
{
	struct str word;

	return take_word(p, end, &word) && str_u64(word, max, out);
}

static bool parse_first(struct reading *r)
{
	char *p, *end;
	uint64_t version, created;

	if (!take_line(r, &p, &end))
		return false;
	if (format_version((struct str){ p, (size_t)(end - p) + 1 }) < 0)
		return fail(r, FORMAT_CORRUPT, "it does not begin as a queue "
			    "file");
	p += sizeof(MAGIC) - 1;
	take_number(&p, end, INT32_MAX, &version);
	if (version > VERSION_NUMBER)
		return fail(r, FORMAT_FUTURE, "it is of a later version");
	if (!take_number(&p, end, INT64_MAX, &created) ||
	    !take_number(&p, end, UINT32_MAX, &r->h->uid) ||
	    !take_value(&p, end, &r->h->account) || p <= end)
		return fail(r, FORMAT_CORRUPT, "its first line is wrong");
	r->h->created = (int64_t)created;
	return true;
}

/* ---- the F line's keys ---- */

enum type { TYPE_TEXT, TYPE_NUMBER, TYPE_FLAG, TYPE_BODY, TYPE_LONGEST };

struct key {
	struct str name;
	enum type type;
	void *to;
};

static bool set_longest(struct str value, struct facts *f)
{
	struct str first = str_cut(&value, ',');

	return str_u64(first, UINT64_MAX, &f->longest) &&
	       str_u64(value, UINT64_MAX, &f->longest_line);
}

static bool set_body(struct str value, enum body_kind *body)
{
	if (str_eq(value, STR("7bit")))
		*body = BODY_7BIT;
	else if (str_eq(value, STR("8bit")))
		*body = BODY_8BIT;
	else if (str_eq(value, STR("binary")))
		*body = BODY_BINARY;
	else
		return false;
	return true;
}

/* The value begins at p and has n octets. */
static bool set_key(const struct key *k, char *p, size_t n)
{
	struct str value = { p, n };

	switch (k->type) {
	case TYPE_TEXT:
		*(const char **)k->to = p;
		return format_decode(p, n);
	case TYPE_NUMBER:
		return str_u64(value, UINT64_MAX, k->to);
	case TYPE_FLAG:
		*(bool *)k->to = true;
		return str_eq(value, STR("1"));
	case TYPE_BODY:
		return set_body(value, k->to);
	case TYPE_LONGEST:
		return set_longest(value, k->to);
	}
	return false;
}

/* Read KEY=VALUE up to the line's end. */
static bool parse_keys(struct reading *r, char *p, char *end,
		       const struct key *keys, size_t n)
{
	while (p <= end) {
		struct str word, name;
		size_t i = 0;

		take_word(&p, end, &word);
		name = str_cut(&word, '=');
		while (i < n && !str_eq(keys[i].name, name))
			i++;
		if (!name.n)
			return fail(r, FORMAT_CORRUPT, "a parameter is wrong");
		if (i == n)
			return fail(r, FORMAT_FUTURE, "it has a parameter of "
				    "a later version");
		if (!set_key(&keys[i], p - 1 - word.n, word.n))
			return fail(r, FORMAT_CORRUPT, "a parameter is wrong");
	}
	return true;
}

static bool parse_from(struct reading *r)
{
	struct envelope *e = r->env;
	struct format_head *h = r->h;
	const struct key keys[] = {
		{ STR("head"), TYPE_NUMBER, &h->head_len },
		{ STR("lines"), TYPE_NUMBER, &h->facts.lines },
		{ STR("longest"), TYPE_LONGEST, &h->facts },
		{ STR("body"), TYPE_BODY, &e->body },
		{ STR("eightbit"), TYPE_FLAG, &h->facts.eightbit },
		{ STR("binary"), TYPE_FLAG, &h->binary },
		{ STR("utf8"), TYPE_FLAG, &e->utf8 },
		{ STR("all"), TYPE_FLAG, &e->all_or_nothing },
		{ STR("requiretls"), TYPE_FLAG, &e->require_tls },
		{ STR("ret"), TYPE_TEXT, &e->ret },
		{ STR("envid"), TYPE_TEXT, &e->envid },
		{ STR("by"), TYPE_TEXT, &e->deliver_by },
		{ STR("hold"), TYPE_TEXT, &e->hold },
		{ STR("priority"), TYPE_TEXT, &e->priority },
	};
	char *p, *end;

	if (!take_line(r, &p, &end))
		return false;
	if (end - p < 2 || p[0] != 'F' || p[1] != ' ')
		return fail(r, FORMAT_CORRUPT, "its second line is wrong");
	p += 2;
	if (!take_value(&p, end, &e->from))
		return fail(r, FORMAT_CORRUPT, "its sender is wrong");
	return parse_keys(r, p, end, keys, sizeof(keys) / sizeof(*keys));
}

static bool parse_rcpt(struct reading *r, char *p, char *end)
{
	struct rcpt to = { .notify = "", .orcpt = "" };
	const struct key keys[] = {
		{ STR("notify"), TYPE_TEXT, &to.notify },
		{ STR("orcpt"), TYPE_TEXT, &to.orcpt },
	};

	if (end - p < 3 || !status_valid(p[0]) || p[1] != ' ')
		return fail(r, FORMAT_CORRUPT, "a recipient's line is wrong");
	p += 2;
	if (!take_value(&p, end, &to.addr) || !*to.addr)
		return fail(r, FORMAT_CORRUPT, "a recipient is wrong");
	if (!parse_keys(r, p, end, keys, sizeof(keys) / sizeof(*keys)))
		return false;
	envelope_add(r->env, to.addr, to.notify, to.orcpt);
	return true;
}

static bool parse_all(struct reading *r)
{
	char *p, *end;

	if (!parse_first(r) || !parse_from(r))
		return false;
	for (;;) {
		if (!take_line(r, &p, &end))
			return false;
		if (p == end)
			break;
		if (!parse_rcpt(r, p, end))
			return false;
	}
	if (r->p != r->end)
		return fail(r, FORMAT_CORRUPT, "its header ends too early");
	if (!r->env->n_rcpt)
		return fail(r, FORMAT_CORRUPT, "it has no recipient");
	return true;
}

enum format_fault format_parse(char *p, size_t n, struct format_head *h,
			       struct envelope *env, const char **why)
{
	struct reading r = { .p = p, .end = p + n, .h = h, .env = env };

	*h = (struct format_head){ .account = "" };
	if (parse_all(&r))
		return FORMAT_GOOD;
	*why = r.why;
	return r.fault;
}

int format_version(struct str s)
{
	struct str word;
	uint64_t version;

	if (!str_starts(s, STR(MAGIC)))
		return -1;
	s.p += sizeof(MAGIC) - 1;
	s.n -= sizeof(MAGIC) - 1;
	if (!memchr(s.p, ' ', s.n))
		return -1;
	word = str_cut(&s, ' ');
	return str_u64(word, INT32_MAX, &version) && version ? (int)version : -1;
}

/* ---- checksum and trailer ---- */

void format_sum_header(struct crc32c *c, struct str run, bool *in_line)
{
	while (run.n) {
		const char *lf = memchr(run.p, '\n', run.n);
		size_t n = lf ? (size_t)(lf - run.p) + 1 : run.n;
		struct str part = { run.p, n };

		if (!*in_line && status_valid(*part.p)) {
			crc32c_add(c, STR("P"));
			part.p++;
			part.n--;
		}
		crc32c_add(c, part);
		*in_line = !lf;
		run.p += n;
		run.n -= n;
	}
}

enum { CRC_AT = FORMAT_TRAILER - 9 };	/* eight digits and the line end */

static void print_trailer(char out[FORMAT_TRAILER + 1],
			  const struct format_trailer *t)
{
	snprintf(out, FORMAT_TRAILER + 1, "\nend %016llx %016llx %08lx %08lx\n",
		 (unsigned long long)t->header, (unsigned long long)t->message,
		 (unsigned long)t->rcpts, (unsigned long)t->crc);
}

uint32_t format_trailer_sum(const struct format_trailer *t, struct crc32c *c)
{
	char text[FORMAT_TRAILER + 1];

	print_trailer(text, t);
	crc32c_add(c, (struct str){ text, CRC_AT });
	return crc32c_value(c);
}

void format_trailer(struct buf *out, struct format_trailer *t,
		    struct crc32c *c)
{
	char text[FORMAT_TRAILER + 1];

	t->crc = format_trailer_sum(t, c);
	print_trailer(text, t);
	buf_add(out, (struct str){ text, FORMAT_TRAILER });
}

static bool take_hex(struct str s, size_t at, size_t n, uint64_t *out)
{
	*out = 0;
	for (size_t i = at; i < at + n; i++) {
		const char *digits = "0123456789abcdef";
		const char *found = s.p[i] ? strchr(digits, s.p[i]) : NULL;

		if (!found)
			return false;
		*out = *out << 4 | (uint64_t)(found - digits);
	}
	return true;
}

bool format_trailer_parse(struct str s, struct format_trailer *t)
{
	char again[FORMAT_TRAILER + 1];
	uint64_t rcpts, crc;

	if (s.n != FORMAT_TRAILER || !take_hex(s, 5, 16, &t->header) ||
	    !take_hex(s, 22, 16, &t->message) || !take_hex(s, 39, 8, &rcpts) ||
	    !take_hex(s, 48, 8, &crc))
		return false;
	t->rcpts = (uint32_t)rcpts;
	t->crc = (uint32_t)crc;
	print_trailer(again, t);
	return !memcmp(again, s.p, FORMAT_TRAILER);
}
