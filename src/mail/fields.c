#include "mail/fields.h"

#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/idn.h"
#include "mail/word.h"
#include "util/utf8.h"

enum { NAME_MAX_LEN = 70, ID_MAX = 900 };	/* octets */

/* How the value of a field is written. */
enum kind {
	KIND_TEXT,		/* unstructured: encoded words anywhere */
	KIND_ADDRESSES,
	KIND_IDS,		/* message ids */
	KIND_ASCII,		/* a syntax of its own, without room for words */
	KIND_HIDDEN,		/* recipients that nobody is to see */
	KIND_OURS		/* MIME, which we write */
};

/* Fields that may be there but once, RFC 5322 s3.6, and those of a syntax. */
static const struct known {
	struct str name;
	enum kind kind;
	bool once;
} known[] = {
	{ { "Reply-To", 8 },          KIND_ADDRESSES, true },
	{ { "To", 2 },                KIND_ADDRESSES, true },
	{ { "Cc", 2 },                KIND_ADDRESSES, true },
	{ { "Subject", 7 },           KIND_TEXT,      true },
	{ { "In-Reply-To", 11 },      KIND_IDS,       true },
	{ { "References", 10 },       KIND_IDS,       true },
	{ { "From", 4 },              KIND_ADDRESSES, true },
	{ { "Sender", 6 },            KIND_ADDRESSES, true },
	{ { "Date", 4 },              KIND_ASCII,     true },
	{ { "Message-ID", 10 },       KIND_IDS,       true },
	{ { "Resent-From", 11 },      KIND_ADDRESSES, false },
	{ { "Resent-Sender", 13 },    KIND_ADDRESSES, false },
	{ { "Resent-To", 9 },         KIND_ADDRESSES, false },
	{ { "Resent-Cc", 9 },         KIND_ADDRESSES, false },
	{ { "Resent-Date", 11 },      KIND_ASCII,     false },
	{ { "Resent-Message-ID", 17 }, KIND_IDS,      false },
	{ { "Mail-Followup-To", 16 }, KIND_ADDRESSES, true },
	{ { "Mail-Reply-To", 13 },    KIND_ADDRESSES, true },
	{ { "Errors-To", 9 },         KIND_ADDRESSES, true },
	{ { "Disposition-Notification-To", 27 }, KIND_ADDRESSES, true },
	{ { "Auto-Submitted", 14 },   KIND_ASCII,     true },
	{ { "List-Unsubscribe", 16 }, KIND_ASCII,     true },
	{ { "List-Unsubscribe-Post", 21 }, KIND_ASCII, true },
	{ { "Content-Language", 16 }, KIND_ASCII,     true },
	{ { "Bcc", 3 },               KIND_HIDDEN,    false },
	{ { "Resent-Bcc", 10 },       KIND_HIDDEN,    false },
	{ { "MIME-Version", 12 },     KIND_OURS,      true },
	{ { "Content-Type", 12 },     KIND_OURS,      true },
	{ { "Content-Transfer-Encoding", 25 }, KIND_OURS, true },
	{ { "Content-Disposition", 19 }, KIND_OURS,   true },
	{ { "Content-ID", 10 },       KIND_OURS,      true },
};

static const struct known *lookup(struct str name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_caseeq(known[i].name, name))
			return &known[i];
	return NULL;
}

static int wrong(struct error *err, struct str name, const char *what)
{
	return error_set(err, ERROR_DATA, "%.*s %s", (int)name.n, name.p,
			 what);
}

static int check(struct str name, struct str value, struct error *err)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != '\t' &&
		    str_has_ctl((struct str){ value.p + i, 1 }))
			return wrong(err, name, value.p[i] == '\n' ||
				     value.p[i] == '\r' ?
				     "has a line break in it" :
				     "has a control byte in it");
	return utf8_valid(value) ? 0 : wrong(err, name, "is not UTF-8");
}

static size_t column(const struct buf *out)
{
	size_t n = out->len;

	while (n && out->p[n - 1] != '\n')
		n--;
	return out->len - n;
}

/* -- addresses --------------------------------------------------------------- */

/* "name <spec>" where `at` octets stand on the line. */
static void render(struct buf *out, struct str name, struct str spec,
		   size_t at)
{
	if (!name.n) {
		buf_add(out, spec);
		return;
	}
	word_phrase(out, name, at);
	at = memchr(out->p, '\n', out->len) ? column(out) : at + out->len;
	if (at + spec.n + 4 > WORD_LINE_MAX)	/* " <", ">", "," */
		buf_addz(out, "\r\n");
	buf_addz(out, " <");
	buf_add(out, spec);
	buf_addch(out, '>');
}

/* After a comma unless it is the first, on a new line if it needs one. */
static void add_address(struct buf *head, const struct address *a,
			struct str spec, bool first)
{
	struct buf text;
	size_t at;

	if (!first)
		buf_addz(head, ", ");
	at = column(head);
	buf_init(&text, MESSAGE_HEAD_MAX);
	render(&text, a->name, spec, at);
	if (!first && (memchr(text.p, '\n', text.len) ||
		       at + text.len + 1 > WORD_LINE_MAX)) {
		head->len--;
		buf_addz(head, "\r\n ");
		buf_reset(&text);
		render(&text, a->name, spec, 1);
	}
	buf_add(head, buf_str(&text));
	buf_release(&text);
}

/*
 * With its domain and that in ASCII, which every relay and reader takes; but
 * next to a local part beyond ASCII it stays as it is (RFC 6532).
 */
static int write_spec(struct buf *out, struct str spec, const char *mailname,
		      struct error *err)
{
	struct str local = spec, domain = address_domain(spec);

	local.n -= domain.n;
	if (!domain.n && *mailname)
		address_qualify(out, spec, mailname);
	else if (str_has_8bit(local))
		buf_add(out, spec);
	else
		return idn_address(out, spec, err);
	return 0;
}

static int no_address(struct buf *head, struct str name, struct str list,
		      struct error *err)
{
	if (!memchr(list.p, ':', list.n) || str_has_8bit(list))
		return wrong(err, name, "names no address");
	buf_add(head, str_trim(list));
	return 0;
}

int fields_addresses(struct buf *head, struct str name, struct str list,
		     const char *mailname, struct error *err)
{
	struct address_iter it;
	struct address a;
	bool first = true, null = false;
	struct error ignored;
	struct buf spec;
	int bad = 0;

	if (check(name, list, err))
		return -1;
	buf_add(head, name);
	buf_addz(head, ": ");
	buf_init(&spec, 2 * ADDRESS_MAX);
	address_begin(&it, list);
	while (!bad && address_next(&it, &a)) {
		buf_reset(&spec);
		bad = write_spec(&spec, a.spec, mailname, err);
		null = null || !a.spec.n;
		add_address(head, &a, buf_str(&spec), first);
		first = false;
	}
	buf_release(&spec);
	if (address_end(&it, bad ? &ignored : err) || bad)
		return error_wrap(err, "%.*s", (int)name.n, name.p);
	if (null)
		return wrong(err, name, "has '<>', which is no address");
	if (first && no_address(head, name, list, err))
		return -1;
	buf_addz(head, "\r\n");
	return 0;
}

/* -- other kinds ------------------------------------------------------------- */

static bool is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 127 || s.p[i] == '<' ||
		    s.p[i] == '>')
			return false;
	return s.n > 0 && s.n <= ID_MAX;
}

static int add_ids(struct buf *head, struct str name, struct str value,
		   struct error *err)
{
	bool first = true;

	buf_add(head, name);
	buf_addch(head, ':');
	while (value.n) {
		size_t n = 0;
		struct str id;

		while (n < value.n && !strchr(" \t,", value.p[n]))
			n++;
		id = (struct str){ value.p, n };
		value.p += n < value.n ? n + 1 : n;
		value.n -= n < value.n ? n + 1 : n;
		if (!id.n)
			continue;
		if (id.n > 2 && *id.p == '<' && id.p[id.n - 1] == '>')
			id = (struct str){ id.p + 1, id.n - 2 };
		if (!is_id(id))
			return wrong(err, name, "is no message id; one looks "
				     "like '<1234@example.org>'");
		if (!first && column(head) + id.n + 3 > WORD_LINE_MAX)
			buf_addz(head, "\r\n");
		buf_addz(head, " <");
		buf_add(head, id);
		buf_addch(head, '>');
		first = false;
	}
	if (first)
		return wrong(err, name, "has no message id");
	buf_addz(head, "\r\n");
	return 0;
}

static int add_text(struct buf *head, struct str name, struct str value,
		    struct error *err)
{
	if (check(name, value, err))
		return -1;
	buf_add(head, name);
	buf_addz(head, value.n ? ": " : ":");
	word_text(head, value, name.n + 2);
	buf_addz(head, "\r\n");
	return 0;
}

static int add_field(struct buf *head, const struct compose *c,
		     struct str name, struct str value, struct error *err)
{
	const struct known *k = lookup(name);

	switch (k ? k->kind : KIND_TEXT) {
	case KIND_ADDRESSES:
		return fields_addresses(head, name, value, c->mailname, err);
	case KIND_IDS:
		return add_ids(head, name, value, err);
	case KIND_ASCII:
		if (str_has_8bit(value))
			return wrong(err, name, "must be ASCII");
		return add_text(head, name, value, err);
	case KIND_HIDDEN:
		return wrong(err, name, "names recipients that nobody is to "
			     "see: give them with --bcc");
	case KIND_OURS:
		return wrong(err, name, "is written by us, from the texts and "
			     "files given; leave that header out");
	default:
		return add_text(head, name, value, err);
	}
}

/* -- what the user gives ----------------------------------------------------- */

/* Split "Name: value". */
static int split(struct str given, struct str *name, struct str *value,
		 struct error *err)
{
	struct buf shown;

	*name = (struct str){ given.p, header_name(given) };
	*value = given;
	str_cut(value, ':');
	*value = str_trim(*value);
	if (name->n && name->n <= NAME_MAX_LEN)
		return 0;
	buf_init(&shown, 200);
	utf8_escape(&shown, given);
	error_set(err, ERROR_DATA, "header '%s' does not begin with a name "
		  "and a colon, as in 'X-Name: value'", buf_cstr(&shown));
	buf_release(&shown);
	return -1;
}

/* Is there a field of that name among the first n that the user gives? */
static bool given(const struct compose *c, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = header_name(c->header[i]);

		if (str_caseeq((struct str){ c->header[i].p, len }, name))
			return true;
	}
	return false;
}

static int add_given(struct buf *head, const struct compose *c,
		     struct error *err)
{
	for (size_t i = 0; i < c->n_header; i++) {
		const struct known *k;
		struct str name, value;

		if (split(c->header[i], &name, &value, err))
			return -1;
		k = lookup(name);
		if (k && k->once && given(c, i, name))
			return wrong(err, name, "is given twice");
		if (add_field(head, c, name, value, err))
			return -1;
	}
	return 0;
}

int fields_add(struct buf *head, const struct compose *c, struct error *err)
{
	const struct str value[] = {	/* in the order of known[] */
		c->reply_to, c->to, c->cc, c->subject, c->in_reply_to,
		c->in_reply_to,
	};

	for (size_t i = 0; i < sizeof(value) / sizeof(*value); i++)
		if (value[i].n && !given(c, c->n_header, known[i].name) &&
		    add_field(head, c, known[i].name, str_trim(value[i]), err))
			return -1;
	if (add_given(head, c, err))
		return -1;
	return header_fold(head, err);
}
