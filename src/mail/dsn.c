#include "mail/dsn.h"

#include <stdlib.h>
#include <string.h>

#include "mail/date.h"
#include "mail/fields.h"
#include "mail/header.h"
#include "mail/idn.h"
#include "mail/notice.h"
#include "mail/part.h"
#include "mail/qp.h"
#include "mail/word.h"
#include "mail/xtext.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	ID_MAX = 900,		/* octets of a Message-ID that is repeated */
	RAW_MAX = 4096,		/* octets of a subject that are read... */
	SUBJECT_MAX = 300	/* ...and repeated */
};

static const size_t own_max = SIZE_MAX / 4;

enum dsn_action dsn_worst(const struct dsn *d)
{
	enum dsn_action most = DSN_RELAYED;

	for (size_t i = 0; i < d->n_rcpt; i++)
		if (d->rcpt[i].action > most)
			most = d->rcpt[i].action;
	return most;
}

/* -- message/delivery-status, RFC 3464 --------------------------------------- */

/* Is the enhanced code a whole one of that class (RFC 3463 s2)? */
static bool agrees(const char *enhanced, char class)
{
	size_t dots = 0;

	for (const char *p = enhanced; *p; p++) {
		bool digit = *p >= '0' && *p <= '9';

		if (!digit && (*p != '.' || p[1] < '0' || p[1] > '9'))
			return false;
		dots += !digit;
	}
	return enhanced[0] == class && enhanced[1] == '.' && dots == 2;
}

void dsn_status(char out[DSN_STATUS_MAX], const struct dsn_rcpt *r)
{
	const struct verdict *v = r->verdict;
	char class = r->action == DSN_RELAYED ? '2' :
		r->action == DSN_FAILED && v->outcome == OUTCOME_FAILED ? '5' :
		'4';
	const char *rest = ".0.0";

	if (v->code && agrees(v->enhanced, class)) {
		memcpy(out, v->enhanced, strlen(v->enhanced) + 1);
		return;
	}
	if (class == '4' && r->action == DSN_FAILED)
		rest = ".4.7";		/* delivery time expired */
	else if (class == '4' && !v->code)
		rest = ".4.1";		/* no answer from host */
	else if (class == '5' && v->kind == ERROR_DATA)
		rest = ".6.0";		/* something about the content */
	out[0] = class;
	memcpy(out + 1, rest, strlen(rest) + 1);
}

/* A field whose value is ASCII, on lines that are not too long. */
static void add_field(struct buf *out, const char *name, const char *type,
		      struct str value)
{
	size_t at = out->len;
	struct buf flat;

	buf_init(&flat, own_max);
	notice_flat(&flat, value, true);
	buf_addf(out, "%s: %s", name, type);
	notice_fold(out, buf_str(&flat), out->len - at, " ");
	buf_release(&flat);
}

static void add_date(struct buf *out, const char *name, int64_t when, int zone)
{
	char text[DATE_MAX];

	if (!when)
		return;
	date_format(text, when, zone);
	buf_addf(out, "%s: %s\r\n", name, text);
}

/* What s stands for if that is printing ASCII, else s itself (RFC 3461 s5.3). */
static void add_xtext(struct buf *out, const char *name, const char *type,
		      struct str s)
{
	struct buf plain;

	buf_init(&plain, own_max);
	if (xtext_valid(s))
		xtext_decode(&plain, s);
	if (!plain.len || str_has_8bit(buf_str(&plain)) ||
	    str_has_ctl(buf_str(&plain))) {
		buf_reset(&plain);
		buf_add(&plain, s);
	}
	add_field(out, name, type, buf_str(&plain));
	buf_release(&plain);
}

static void add_original_rcpt(struct buf *out, struct str orcpt)
{
	struct str type = str_cut(&orcpt, ';');
	struct buf name;

	if (!orcpt.n || !type.n || type.n > 40 || str_has_ctl(type) ||
	    str_has_8bit(type))
		return;
	buf_init(&name, 64);
	buf_add(&name, type);
	buf_addz(&name, "; ");
	/* That of utf-8 is ASCII as it is, RFC 6533 s3. */
	if (str_caseeq(type, STR("utf-8")))
		add_field(out, "Original-Recipient", buf_cstr(&name), orcpt);
	else
		add_xtext(out, "Original-Recipient", buf_cstr(&name), orcpt);
	buf_release(&name);
}

static void add_final_rcpt(struct buf *out, struct str addr)
{
	struct buf text;

	if (!str_has_8bit(addr)) {
		add_field(out, "Final-Recipient", "rfc822; ", addr);
		return;
	}
	buf_init(&text, own_max);
	xtext_orcpt(&text, addr);
	addr = buf_str(&text);
	str_cut(&addr, ';');
	add_field(out, "Final-Recipient", "utf-8; ", addr);
	buf_release(&text);
}

static void add_rcpt_status(struct buf *out, const struct dsn *d, size_t i)
{
	static const char *const names[] = { "relayed", "delayed", "failed" };
	const struct dsn_rcpt *r = &d->rcpt[i];
	const struct verdict *v = r->verdict;
	char status[DSN_STATUS_MAX];
	struct buf said;

	dsn_status(status, r);
	buf_addz(out, "\r\n");
	add_original_rcpt(out, str_of(r->orcpt));
	add_final_rcpt(out, str_of(r->addr));
	buf_addf(out, "Action: %s\r\nStatus: %s\r\n", names[r->action], status);
	if (notice_host(r->relay))
		add_field(out, "Remote-MTA", "dns; ", str_of(r->relay));
	buf_init(&said, own_max);
	if (v->code)
		buf_addf(&said, "%d ", v->code);
	buf_add(&said, notice_reply(v, i));
	if (said.len)
		add_field(out, "Diagnostic-Code", v->code ? "smtp; " :
			  "x-posthaste; ", buf_str(&said));
	buf_release(&said);
	add_date(out, "Last-Attempt-Date", r->last_attempt, d->zone);
	if (r->action == DSN_DELAYED)
		add_date(out, "Will-Retry-Until", r->retry_until, d->zone);
}

static void add_status(struct buf *out, const struct dsn *d)
{
	if (*d->envid)
		add_xtext(out, "Original-Envelope-Id", "", str_of(d->envid));
	add_field(out, "Reporting-MTA", "dns; ", str_of(d->mailname));
	add_date(out, "Arrival-Date", d->arrival, d->zone);
	for (size_t i = 0; i < d->n_rcpt; i++)
		add_rcpt_status(out, d, i);
}

/* -- the report's own header ------------------------------------------------- */

/* The Message-ID of the original, if it can be repeated; else empty. */
static struct str original_id(const struct dsn *d)
{
	struct header_field f;
	struct str id;
	size_t i = 0;

	if (!header_find(buf_str(&d->original->head), STR("Message-ID"), &f))
		return STR("");
	id = f.value;
	while (id.n && strchr(" \t\r\n", *id.p ? *id.p : 'x')) {
		id.p++;
		id.n--;
	}
	while (i < id.n && id.p[i] > ' ' && id.p[i] <= '~' && id.p[i] != '>')
		i++;
	if (!i || i >= id.n || i > ID_MAX || *id.p != '<' || id.p[i] != '>')
		return STR("");
	return (struct str){ id.p, i + 1 };
}

static void add_subject(struct buf *out, const struct dsn *d)
{
	static const char *const prefix[] = {
		"Sent: ", "Delayed: ", "Undeliverable: "
	};
	struct buf value, text;
	struct header_field f;

	buf_init(&value, own_max);
	buf_init(&text, own_max);
	if (header_find(buf_str(&d->original->head), STR("Subject"), &f))
		header_unfold(&value, f.value);
	word_decode(&text, notice_cut(buf_str(&value), RAW_MAX));
	buf_reset(&value);
	buf_addz(&value, prefix[dsn_worst(d)]);
	if (text.len)
		notice_flat(&value, notice_cut(buf_str(&text), SUBJECT_MAX),
			    false);
	else
		buf_addz(&value, "your message");
	buf_addz(out, "Subject: ");
	word_text(out, buf_str(&value), strlen("Subject: "));
	buf_addz(out, "\r\n");
	buf_release(&text);
	buf_release(&value);
}

static int add_head(struct buf *out, const struct dsn *d, struct error *err)
{
	struct str id = original_id(d);
	struct buf domain;

	buf_init(&domain, 1 << 12);
	if (idn_domain(&domain, str_of(d->mailname), err)) {
		buf_release(&domain);
		return -1;
	}
	buf_addf(out, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n",
		 buf_cstr(&domain));
	if (fields_addresses(out, STR("To"), str_of(d->to), "", err)) {
		buf_release(&domain);
		return -1;
	}
	add_subject(out, d);
	add_date(out, "Date", d->now, d->zone);
	buf_addf(out, "Message-ID: <%s@%s>\r\n", d->unique, buf_cstr(&domain));
	if (id.n)
		for (size_t i = 0; i < 2; i++) {
			buf_addz(out, i ? "References: " : "In-Reply-To: ");
			buf_add(out, id);
			buf_addz(out, "\r\n");
		}
	buf_addf(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
		 "Content-Type: multipart/report; "
		 "report-type=delivery-status;\r\n boundary=\"=_%s.1\"\r\n",
		 d->unique);
	buf_release(&domain);
	return 0;
}

/* -- the parts --------------------------------------------------------------- */

static void begin_part(struct buf *out, const struct dsn *d, const char *type,
		       const char *what, const char *coding)
{
	buf_addf(out, "--=_%s.1\r\nContent-Type: %s\r\n"
		 "Content-Description: %s\r\n", d->unique, type, what);
	if (*coding)
		buf_addf(out, "Content-Transfer-Encoding: %s\r\n", coding);
	buf_addz(out, "\r\n");
}

static const char qp_name[] = "quoted-printable";

/* Text that is 7-bit as it stands, or as quoted-printable. */
static void add_coded(struct buf *out, struct str text)
{
	struct qp qp = { 0 };

	if (!str_has_8bit(text)) {
		buf_add(out, text);
		return;
	}
	qp_feed(&qp, text, out);
	qp_end(&qp, out);
}

static bool returns_whole(const struct dsn *d)
{
	const struct message *m = d->original;

	return dsn_worst(d) == DSN_FAILED &&
	       !str_caseeq(str_of(d->ret), STR("HDRS")) &&
	       message_size(m) <= d->return_max && !m->binary &&
	       !m->body_facts.nul && !m->body_facts.bare_cr &&
	       m->body_facts.longest <= MESSAGE_LINE_MAX;
}

/* The original's header, lines folded; whole fields up to the limit. */
static int original_head(struct buf *out, const struct dsn *d,
			 struct error *err)
{
	struct str rest = buf_str(&d->original->head);
	struct header_field f;

	while (header_next(&rest, &f))
		if (out->len + f.raw.n <= d->return_max)
			buf_add(out, f.raw);
	return header_fold(out, err);
}

static void add_original(struct buf *out, const struct dsn *d, struct str head,
			 bool whole)
{
	bool eightbit = str_has_8bit(head);
	/* RFC 6532 s3.7, RFC 6533 s6: for headers that are UTF-8. */
	bool global = eightbit && utf8_valid(head);

	if (whole) {
		eightbit = eightbit || d->original->body_facts.eightbit;
		begin_part(out, d, global ? "message/global" : "message/rfc822",
			   "Original message", eightbit ? "8bit" : "");
		buf_add(out, head);
		buf_addz(out, "\r\n");
	} else {
		begin_part(out, d, global ? "message/global-headers" :
			   "text/rfc822-headers", "Header of the original "
			   "message", eightbit ? qp_name : "");
		add_coded(out, head);
	}
}

static void add_parts(struct buf *out, const struct dsn *d, struct str head,
		      bool whole)
{
	struct buf text;

	buf_init(&text, own_max);
	notice_text(&text, d, whole);
	begin_part(out, d, "text/plain; charset=utf-8", "Notification",
		   str_has_8bit(buf_str(&text)) ? qp_name : "");
	add_coded(out, buf_str(&text));
	buf_release(&text);
	buf_addz(out, "\r\n");
	begin_part(out, d, "message/delivery-status", "Delivery status", "");
	add_status(out, d);
	buf_addz(out, "\r\n");
	add_original(out, d, head, whole);
}

/* The pieces: what is ours, the original's body, what is ours again. */
static void finish(struct dsn_made *m, const struct dsn *d, size_t split,
		   bool whole)
{
	const struct message *from = d->original;
	struct message *to = &m->message;
	struct part_scan scan;

	part_scan_init(&scan, "");
	part_scan_feed(&scan, buf_str(&m->own));
	part_scan_end(&scan);
	to->body_facts.longest = scan.facts.longest;
	to->body_facts.eightbit = scan.facts.eightbit;
	m->piece = xcalloc(from->n_piece + 2, sizeof(*m->piece));
	m->piece[to->n_piece++] = piece_text((struct str){ m->own.p, split });
	if (whole) {
		for (size_t i = 0; i < from->n_piece; i++)
			m->piece[to->n_piece++] = from->piece[i];
		if (from->body_facts.longest > to->body_facts.longest)
			to->body_facts.longest = from->body_facts.longest;
		if (from->body_facts.eightbit)
			to->body_facts.eightbit = true;
	}
	m->piece[to->n_piece++] = piece_text((struct str){ m->own.p + split,
							   m->own.len - split });
	to->piece = m->piece;
	to->body_len = m->own.len + (whole ? from->body_len : 0);
	to->body_facts.size = to->body_len;
}

int dsn_make(struct dsn_made *out, const struct dsn *d, struct error *err)
{
	bool whole = returns_whole(d);
	struct buf head;
	size_t split;
	int ret = -1;

	*out = (struct dsn_made){ .utf8 = false };
	buf_init(&out->message.head, MESSAGE_HEAD_MAX);
	buf_init(&out->own, own_max);
	buf_init(&head, 2 * MESSAGE_HEAD_MAX);
	if (add_head(&out->message.head, d, err) ||
	    original_head(&head, d, err)) {
		error_wrap(err, "cannot make a notification");
		goto out;
	}
	add_parts(&out->own, d, buf_str(&head), whole);
	split = out->own.len;
	buf_addf(&out->own, "\r\n--=_%s.1--\r\n", d->unique);
	out->utf8 = str_has_8bit(buf_str(&out->message.head));
	finish(out, d, split, whole);
	if (out->message.body_facts.eightbit)
		header_append(&out->message.head,
			      STR("Content-Transfer-Encoding"), STR("8bit"));
	ret = 0;
out:
	buf_release(&head);
	return ret;
}

void dsn_release(struct dsn_made *m)
{
	buf_release(&m->message.head);
	buf_release(&m->own);
	free(m->piece);
	m->piece = NULL;
}
