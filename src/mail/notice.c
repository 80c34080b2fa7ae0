#include "mail/notice.h"

#include <string.h>

#include "mail/date.h"
#include "mail/header.h"
#include "mail/word.h"
#include "util/utf8.h"

enum {
	FOLD_AT = 76,		/* columns, where there is a blank */
	RUN_MAX = 900,		/* octets of a line without a blank */
	REPLY_MAX = 2000,	/* octets of a reply that are repeated... */
	REPLY_LATER = 200,	/* ...and for recipients after so many */
	REPLIES_WHOLE = 100,
	SHOWN_MAX = 100,	/* recipients named in the text for people */
	RAW_MAX = 4096,		/* octets read of a field of the original */
	VALUE_MAX = 600		/* octets shown of it */
};

static const size_t own_max = SIZE_MAX / 4;

/* -- text that others wrote -------------------------------------------------- */

void notice_flat(struct buf *out, struct str s, bool ascii)
{
	struct str space = STR(" \t\r\n");
	bool pending = false, first = true;

	while (s.n) {
		unsigned long cp = 0;
		size_t n = utf8_next(s, &cp);

		if (n == 1 && memchr(space.p, *s.p, space.n)) {
			pending = !first;
		} else {
			if (pending)
				buf_addch(out, ' ');
			pending = first = false;
			if (!utf8_visible(cp) || (ascii && cp > 0x7e))
				n = 0;
			if (n)
				buf_add(out, (struct str){ s.p, n });
			else
				buf_addf(out, "\\x%02x", (unsigned char)*s.p);
		}
		s.p += n ? n : 1;
		s.n -= n ? n : 1;
	}
}

struct str notice_cut(struct str s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s;
	/* No character has more octets to go back over; others are not text. */
	while (n && max - n < 3 && (s.p[n] & 0xc0) == 0x80)
		n--;
	return (struct str){ s.p, n };
}

void notice_fold(struct buf *out, struct str flat, size_t col,
		 const char *indent)
{
	bool fresh = true;

	while (flat.n) {
		struct str word = str_cut(&flat, ' ');

		while (word.n) {
			struct str run = notice_cut(word, RUN_MAX);

			if (!fresh && col + 1 + run.n > FOLD_AT) {
				buf_addf(out, "\r\n%s", indent);
				col = strlen(indent);
			} else if (!fresh) {
				buf_addch(out, ' ');
				col++;
			}
			buf_add(out, run);
			col += run.n;
			word.p += run.n;
			word.n -= run.n;
			fresh = false;
		}
	}
	buf_addz(out, "\r\n");
}

struct str notice_reply(const struct verdict *v, size_t i)
{
	return notice_cut(v->text, i < REPLIES_WHOLE ? REPLY_MAX : REPLY_LATER);
}

bool notice_host(const char *relay)
{
	return *relay && *relay != '/' &&
	       strspn(relay, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789.-_:[]%") == strlen(relay);
}

/* -- the text for people ----------------------------------------------------- */

static void paragraph(struct buf *out, const char *indent, const char *text)
{
	buf_addz(out, indent);
	notice_fold(out, str_of(text), strlen(indent), indent);
}

/* What can be done about it; the first row that Status begins with. */
static const struct {
	const char *status, *advice;
} advices[] = {
	{ "5.1.8", "The sender's address is not known there: check your own "
	  "address and its domain." },
	{ "5.1.7", "The sender's address is not valid there: check your own "
	  "address." },
	{ "5.1.", "Check the address, and send the message again to the "
	  "right one." },
	{ "5.2.1", "The mailbox is closed: reach its owner in another way." },
	{ "5.2.2", "The mailbox is full: reach its owner in another way, or "
	  "send the message again later." },
	{ "4.2.2", "The mailbox is full: reach its owner in another way, or "
	  "send the message again later." },
	{ "5.2.3", "The message is too large for the mailbox: send a smaller "
	  "one." },
	{ "5.3.4", "The message is too large for the relay: send a smaller "
	  "one." },
	{ "5.6.", "The message itself is what the relay cannot take: send it "
	  "in another form." },
	{ "5.7.", "The relay's rules do not allow it: ask its operator, and "
	  "quote the reply." },
	{ "5.", "If the reply does not say what to do, ask the operator of "
	  "the relay, and quote it." },
	{ "4.", "Send the message again when the trouble is over." },
};

static const char *advice(const struct dsn_rcpt *r)
{
	char status[DSN_STATUS_MAX];

	if (r->action == DSN_DELAYED)
		return "There is nothing you need to do: do not send it again.";
	if (r->action == DSN_RELAYED)
		return "It does not tell what becomes of it later, unless it "
			"cannot deliver it.";
	if (r->verdict->outcome == OUTCOME_UNKNOWN)
		return "It may have arrived: ask before you send it again.";
	dsn_status(status, r);
	for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++)
		if (str_starts(str_of(status), str_of(advices[i].status)))
			return advices[i].advice;
	return "";
}

static const char *what_happened(const struct dsn_rcpt *r)
{
	const struct verdict *v = r->verdict;

	if (r->action == DSN_RELAYED)
		return "was handed to the relay, which answered";
	if (v->outcome == OUTCOME_UNKNOWN)
		return "the connection was lost before the relay had answered";
	if (r->action == DSN_FAILED && v->outcome != OUTCOME_FAILED)
		return "was tried again and again, and is now given up; the "
			"last time";
	if (r->action == DSN_DELAYED)
		return "could not be delivered yet";
	return v->code ? "was refused" : "cannot be sent";
}

static void add_reason(struct buf *out, const struct dsn *d, size_t i)
{
	const struct dsn_rcpt *r = &d->rcpt[i];
	const struct verdict *v = r->verdict;
	char when[DATE_MAX];
	struct buf line;

	buf_init(&line, own_max);
	buf_addz(&line, what_happened(r));
	if (notice_host(r->relay))
		buf_addf(&line, ", at %s", r->relay);
	if (v->stage != STAGE_LOCAL)
		buf_addf(&line, " (%s)", stage_name(v->stage));
	buf_addch(&line, ':');
	paragraph(out, "    ", buf_cstr(&line));
	buf_reset(&line);
	if (v->code)
		buf_addf(&line, "%d ", v->code);
	notice_flat(&line, notice_reply(v, i), false);
	if (line.len)
		paragraph(out, "        ", buf_cstr(&line));
	paragraph(out, "    ", advice(r));
	if (r->action == DSN_DELAYED && r->retry_until) {
		date_format(when, r->retry_until, d->zone);
		buf_reset(&line);
		buf_addf(&line, "It will be tried until %s.", when);
		paragraph(out, "    ", buf_cstr(&line));
	}
	buf_addz(out, "\r\n");
	buf_release(&line);
}

/* Will the next recipient that is shown have the same to say? */
static bool same_reason(const struct dsn *d, size_t i)
{
	const struct dsn_rcpt *a = &d->rcpt[i], *b = a + 1;

	return i + 1 < d->n_rcpt && a->action == b->action &&
	       a->verdict == b->verdict && !strcmp(a->relay, b->relay);
}

static void add_section(struct buf *out, const struct dsn *d,
			enum dsn_action action, size_t *shown)
{
	static const char *const heads[] = {
		"Handed on for:", "Not delivered yet to:", "Not delivered to:"
	};
	bool any = false;

	for (size_t i = 0; i < d->n_rcpt && *shown < SHOWN_MAX; i++) {
		if (d->rcpt[i].action != action)
			continue;
		if (!any)
			buf_addf(out, "%s\r\n\r\n", heads[action]);
		any = true;
		++*shown;
		buf_addz(out, "  <");
		notice_flat(out, notice_cut(str_of(d->rcpt[i].addr), RUN_MAX), false);
		buf_addz(out, ">\r\n");
		if (!same_reason(d, i) || *shown == SHOWN_MAX)
			add_reason(out, d, i);
	}
}

/* A field of the original as people read it; nothing if it is not there. */
static void add_shown(struct buf *out, const struct dsn *d, struct str name,
		      const char *label)
{
	struct buf value, plain;
	struct header_field f;
	size_t at = out->len;

	if (!header_find(buf_str(&d->original->head), name, &f))
		return;
	buf_init(&value, own_max);
	buf_init(&plain, own_max);
	header_unfold(&value, f.value);
	word_decode(&plain, notice_cut(buf_str(&value), RAW_MAX));
	buf_reset(&value);
	notice_flat(&value, notice_cut(buf_str(&plain), VALUE_MAX), false);
	buf_addf(out, "  %-12s", label);
	notice_fold(out, buf_str(&value), out->len - at, "      ");
	buf_release(&plain);
	buf_release(&value);
}

static const char *const openings[] = {
	[DSN_RELAYED] = "The relay has taken your message, as you wished to "
		"know.",
	[DSN_DELAYED] = "Your message could not be delivered yet. This is a "
		"warning only: it is kept, and will be tried again.",
	[DSN_FAILED] = "Your message could not be delivered to those named "
		"below, and will not be tried again for them.",
};

void notice_text(struct buf *out, const struct dsn *d, bool whole)
{
	char when[DATE_MAX];
	size_t shown = 0;

	buf_addz(out, "This is the mail system at ");
	notice_flat(out, str_of(d->mailname), false);
	buf_addz(out, ".\r\n\r\n");
	paragraph(out, "", openings[dsn_worst(d)]);
	buf_addz(out, "\r\n");
	add_shown(out, d, STR("Subject"), "Subject:");
	add_shown(out, d, STR("Message-ID"), "Message-ID:");
	date_format(when, d->arrival, d->zone);
	buf_addf(out, "  %-12s%s\r\n\r\n", "Queued:", when);
	add_section(out, d, DSN_FAILED, &shown);
	add_section(out, d, DSN_DELAYED, &shown);
	add_section(out, d, DSN_RELAYED, &shown);
	if (shown < d->n_rcpt)
		buf_addf(out, "  and %llu more, all named in the next part of "
			 "this message.\r\n\r\n",
			 (unsigned long long)(d->n_rcpt - shown));
	paragraph(out, "", whole ? "The message itself is attached." :
		  "The header of the message is attached.");
}

