#include "mail/complete.h"

#include <string.h>

#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/idn.h"
#include "mail/word.h"

/* The fields this file knows, for counting and for the order of blocks. */
enum field {
	FROM, SENDER, DATE, MESSAGE_ID, TO, CC, BCC, RETURN_PATH, RECEIVED,
	CONTENT_LENGTH,
	RESENT_FROM, RESENT_SENDER, RESENT_DATE, RESENT_ID, RESENT_TO,
	RESENT_CC, RESENT_BCC, OTHER
};

static const struct str names[OTHER] = {
	[FROM] = { "From", 4 },
	[SENDER] = { "Sender", 6 },
	[DATE] = { "Date", 4 },
	[MESSAGE_ID] = { "Message-ID", 10 },
	[TO] = { "To", 2 },
	[CC] = { "Cc", 2 },
	[BCC] = { "Bcc", 3 },
	[RETURN_PATH] = { "Return-Path", 11 },
	[RECEIVED] = { "Received", 8 },
	[CONTENT_LENGTH] = { "Content-Length", 14 },
	[RESENT_FROM] = { "Resent-From", 11 },
	[RESENT_SENDER] = { "Resent-Sender", 13 },
	[RESENT_DATE] = { "Resent-Date", 11 },
	[RESENT_ID] = { "Resent-Message-ID", 17 },
	[RESENT_TO] = { "Resent-To", 9 },
	[RESENT_CC] = { "Resent-Cc", 9 },
	[RESENT_BCC] = { "Resent-Bcc", 10 },
};

static enum field field_of(struct str name)
{
	for (enum field i = 0; i < OTHER; i++)
		if (str_caseeq(name, names[i]))
			return i;
	return OTHER;
}

static bool is_resent(struct str name)
{
	return str_casestarts(name, STR("Resent-"));
}

static bool is_empty(struct str value)
{
	size_t n = 0;

	while (n < value.n && strchr(" \t\r\n", value.p[n]))
		n++;
	return n == value.n;
}

/* What one pass over a header finds. */
struct survey {
	bool has[OTHER];	/* a field that is not empty */
	bool blank[OTHER];	/* one that is */
	bool in_block[OTHER];	/* in the first block of Resent- fields */
	bool resent;
	bool block_over;
	struct str id;		/* value of the first Message-ID */
};

/* A name that comes again, or a trace field, begins an older block. */
static void survey_resent(struct survey *s, enum field i, bool resent)
{
	if (s->resent && (i == RECEIVED || i == RETURN_PATH))
		s->block_over = true;
	if (!resent)
		return;
	s->resent = true;
	if (i == OTHER || s->block_over)
		return;
	s->block_over = s->in_block[i];
	s->in_block[i] = true;
}

static void survey(struct survey *s, struct str head)
{
	struct header_field f;

	*s = (struct survey){ 0 };
	while (header_next(&head, &f)) {
		enum field i = field_of(f.name);

		survey_resent(s, i, is_resent(f.name));
		if (i == OTHER)
			continue;
		if ((i == FROM || i == DATE || i == MESSAGE_ID) &&
		    is_empty(f.value)) {
			s->blank[i] = true;
			continue;
		}
		if (i == MESSAGE_ID && !s->has[i])
			s->id = f.value;
		s->has[i] = true;
	}
}

/* A name by which nobody can tell this host from another. */
static bool is_local(struct str domain)
{
	static const struct str nobody[] = { { "localhost", 9 },
		{ "localdomain", 11 } };

	while (domain.n) {
		struct str label = str_cut(&domain, '.');

		for (size_t i = 0; i < 2; i++)
			if (str_caseeq(label, nobody[i]))
				return true;
	}
	return false;
}

/* Append the domain for an id, in ASCII; false if it does not serve. */
static bool add_domain(struct buf *out, struct str domain)
{
	struct error ignored;

	return domain.n && *domain.p != '[' && !is_local(domain) &&
	       !str_has_ctl(domain) && !idn_domain(out, domain, &ignored);
}

static void make_id(struct buf *out, const struct completion *c,
		    const char *suffix)
{
	buf_addf(out, "<%s%s@", c->unique, suffix);
	if (!add_domain(out, address_domain(str_of(c->sender))) &&
	    !add_domain(out, str_of(c->mailname)) &&
	    !add_domain(out, address_domain(str_of(c->login))))
		buf_addz(out, "posthaste.invalid");	/* RFC 2606 s2 */
	buf_addch(out, '>');
}

int complete_from_name(struct buf *out, struct str name, struct str addr,
		       size_t column, struct error *err)
{
	if (str_has_ctl(name))
		return error_set(err, ERROR_DATA,
				 "the full name has a control byte");
	name = str_trim(name);
	if (!name.n) {
		buf_add(out, addr);
		return 0;
	}
	word_phrase(out, name, column);
	buf_addz(out, " <");
	buf_add(out, addr);
	buf_addch(out, '>');
	return 0;
}

/* The three fields that a message and a block of Resent- fields need. */
struct made {
	struct buf from;
	char date[DATE_MAX];
};

static int make(struct made *made, const struct completion *c,
		struct error *err)
{
	const char *addr = *c->sender ? c->sender : c->login;

	buf_init(&made->from, MESSAGE_HEAD_MAX);
	date_format(made->date, c->now, c->zone);
	return complete_from_name(&made->from, str_of(c->name), str_of(addr),
				  names[RESENT_FROM].n + 2, err);
}

static void remove_private(struct buf *head, const struct survey *s)
{
	struct str gone[OTHER] = { names[BCC], names[RESENT_BCC],
		names[RETURN_PATH], names[CONTENT_LENGTH] };
	size_t n = 4;

	for (enum field i = FROM; i <= MESSAGE_ID; i++)
		if (s->blank[i] && !s->has[i])
			gone[n++] = names[i];
	header_remove(head, gone, n);
}

/* Where the first Resent- field begins; the top if there is none. */
static size_t block_at(struct str head)
{
	struct str rest = head;
	struct header_field f;

	while (header_next(&rest, &f))
		if (is_resent(f.name))
			return (size_t)(f.raw.p - head.p);
	return 0;
}

static void add_resent(struct buf *head, const struct survey *s,
		       const struct completion *c, const struct made *made)
{
	size_t at = block_at(buf_str(head));
	struct buf id;

	buf_init(&id, MESSAGE_HEAD_MAX);
	make_id(&id, c, ".r");
	if (!s->in_block[RESENT_ID])
		header_insert(head, at, names[RESENT_ID], buf_str(&id));
	if (!s->in_block[RESENT_DATE])
		header_insert(head, at, names[RESENT_DATE],
			      str_of(made->date));
	if (!s->in_block[RESENT_FROM])
		header_insert(head, at, names[RESENT_FROM],
			      buf_str(&made->from));
	buf_release(&id);
}

/* "<...>" of a Message-ID field, or all of it if it is not written so. */
static void keep_id(struct buf *id, struct str value)
{
	struct str text;
	const char *open, *close;

	header_unfold(id, value);
	text = buf_str(id);
	open = memchr(text.p, '<', text.n);
	close = open ? memchr(open, '>', (size_t)(text.p + text.n - open))
		     : NULL;
	if (!close)
		return;
	id->len = (size_t)(close + 1 - id->p);
	id->p[id->len] = '\0';
	buf_drop(id, (size_t)(open - id->p));
}

int complete_message(struct message *m, const struct completion *c,
		     struct buf *id, struct error *err)
{
	struct made made;
	struct survey s;
	int ret = -1;

	buf_reset(id);
	if (header_check(buf_str(&m->head), err) ||
	    (c->rewrite && rewrite_head(c->rewrite, &c->local, &m->head, err)))
		return -1;
	if (make(&made, c, err))
		goto out;
	survey(&s, buf_str(&m->head));
	if (s.has[MESSAGE_ID])
		keep_id(id, s.id);
	else
		make_id(id, c, "");
	remove_private(&m->head, &s);
	if (!s.has[FROM])
		header_append(&m->head, names[FROM], buf_str(&made.from));
	if (!s.has[DATE])
		header_append(&m->head, names[DATE], str_of(made.date));
	if (!s.has[MESSAGE_ID])
		header_append(&m->head, names[MESSAGE_ID], buf_str(id));
	if (s.resent)
		add_resent(&m->head, &s, c, &made);
	if (m->head.over || id->over)
		error_set(err, ERROR_DATA, "the header is too long");
	else
		ret = 0;
out:
	buf_release(&made.from);
	return ret;
}

static bool is_resent_recipient(enum field i)
{
	return i == RESENT_TO || i == RESENT_CC || i == RESENT_BCC;
}

int complete_recipients(struct str head, const char *mailname,
			struct roster *to, struct error *err)
{
	struct str rest = head;
	struct header_field f;
	bool resent = false;

	while (header_next(&rest, &f))
		resent = resent || is_resent_recipient(field_of(f.name));
	while (header_next(&head, &f)) {
		enum field i = field_of(f.name);

		if (resent ? !is_resent_recipient(i)
			   : i != TO && i != CC && i != BCC)
			continue;
		if (roster_list(to, f.value, mailname, err))
			return error_wrap(err, "%s", names[i].p);
	}
	return 0;
}

/*
 * Append the first address of the first field `i`, if there is one, and count
 * all in it.  A null one counts, and appends nothing.
 */
static int first_of(struct str head, enum field i, struct buf *out,
		    size_t *n, struct error *err)
{
	struct address_iter it;
	struct header_field f;
	struct address a;

	*n = 0;
	if (!header_find(head, names[i], &f))
		return 0;
	address_begin(&it, f.value);
	while (address_next(&it, &a))
		if (!(*n)++)
			buf_add(out, a.spec);
	if (address_end(&it, err))
		return error_wrap(err, "%s", names[i].p);
	return 0;
}

/* From's first address; but of several authors, Sender is who sends. */
static int sender_or_from(struct str head, struct buf *out, size_t *n,
			  struct error *err)
{
	struct buf from;
	int bad;

	buf_init(&from, ADDRESS_MAX);
	bad = first_of(head, FROM, &from, n, err);
	if (!bad && *n > 1)
		bad = first_of(head, SENDER, out, n, err);
	else
		*n = 0;
	if (!bad && !*n && from.len) {
		buf_add(out, buf_str(&from));
		*n = 1;
	}
	buf_release(&from);
	return bad;
}

int complete_sender(struct str head, struct buf *out, bool *found,
		    struct error *err)
{
	struct survey s;
	size_t n;

	survey(&s, head);
	if (first_of(head, s.resent ? RESENT_SENDER : RETURN_PATH, out, &n,
		     err))
		return -1;
	if (!n && (s.resent ? first_of(head, RESENT_FROM, out, &n, err)
			    : sender_or_from(head, out, &n, err)))
		return -1;
	*found = n > 0;
	return 0;
}
