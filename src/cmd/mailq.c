#include "cmd/mailq.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "mail/report.h"
#include "util/utf8.h"

enum { INDENT = 49, REASON_INDENT = 5, TIME_ROOM = 40 };

/* ---- what an entry is like ---- */

static bool held(const struct mailq_item *m)
{
	return m->due == STORE_HELD && !m->failed;
}

static char mark(const struct mailq_item *m)
{
	if (m->failed)
		return '#';
	return m->busy ? '*' : held(m) ? '!' : ' ';
}

/* Is a recipient one that something can still become of? */
static bool is_open(const struct mailq_item *m, size_t i)
{
	char status = entry_status(m->entry, i);

	return status != FORMAT_DELIVERED &&
	       (m->failed || status != FORMAT_FAILED);
}

static const char *status_name(char status)
{
	switch (status) {
	case FORMAT_DELIVERED:
		return "delivered";
	case FORMAT_FAILED:
		return "failed";
	case FORMAT_UNKNOWN:
		return "unknown";
	}
	return "pending";
}

/* ---- times ---- */

/* What no calendar shows is "?". */
static void add_time(struct buf *out, const char *text, size_t n)
{
	buf_addz(out, n ? text : "?");
}

/* "Sat Nov 21 20:35:32", local. */
static void short_time(struct buf *out, int64_t at)
{
	char text[TIME_ROOM] = "";
	time_t t = (time_t)at;
	struct tm tm, *ok = localtime_r(&t, &tm);

	add_time(out, text, !ok ? 0 :
		 strftime(text, sizeof(text), "%a %b %e %H:%M:%S", ok));
}

/* "Sat, 21 Nov 2026 20:35:32 +0100", local. */
static void full_time(struct buf *out, const char *name, int64_t at)
{
	char text[TIME_ROOM] = "";
	time_t t = (time_t)at;
	struct tm tm, *ok = localtime_r(&t, &tm);

	buf_addf(out, "%s: ", name);
	add_time(out, text, !ok ? 0 :
		 strftime(text, sizeof(text), "%a, %e %b %Y %H:%M:%S %z", ok));
	buf_addch(out, '\n');
}

/* "2026-11-21T20:35:32Z" (ISO 8601). */
static void json_time(struct buf *out, const char *name, int64_t at)
{
	char text[TIME_ROOM] = "";
	time_t t = (time_t)at;
	struct tm tm, *ok = gmtime_r(&t, &tm);

	buf_addf(out, ",\"%s\":\"", name);
	add_time(out, text, !ok ? 0 :
		 strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", ok));
	buf_addch(out, '"');
}

/* ---- the familiar layout ---- */

void mailq_text_begin(struct buf *out)
{
	buf_addz(out, "-Queue ID-  --Size-- ----Arrival Time---- "
		 "-Sender/Recipient-------\n");
}

void mailq_text_end(struct buf *out, uint64_t octets, size_t entries)
{
	buf_addf(out, "-- %" PRIu64 " Kbytes in %zu Request%s.\n",
		 octets / 1024 + (octets % 1024 != 0), entries,
		 entries == 1 ? "" : "s");
}

/* "ID*    1234 Sat Nov 21 20:35:32 ": 49 columns with an id of ours. */
static void text_columns(struct buf *out, const struct mailq_item *m)
{
	size_t start = out->len;

	utf8_escape(out, str_of(m->id));
	while (out->len - start < STORE_ID)
		buf_addch(out, ' ');
	buf_addf(out, "%c %8" PRIu64 " ", mark(m), m->size);
	if (m->entry)
		short_time(out, m->entry->head.created);
	else
		buf_addf(out, "%19s", "");
	buf_addz(out, " ");
}

void mailq_text_head(struct buf *out, const struct mailq_item *m)
{
	text_columns(out, m);
	if (!m->entry) {
		buf_addz(out, "(");
		utf8_ensure(out, str_of(m->fault));
		buf_addz(out, ")");
	} else if (*m->entry->env.from) {
		utf8_escape(out, str_of(m->entry->env.from));
	} else {
		buf_addz(out, "MAILER-DAEMON");
	}
	buf_addch(out, '\n');
}

/* What was said of a recipient last, on a line of its own, if it is known. */
static void text_reason(struct buf *out, const struct mailq_item *m, size_t i)
{
	const struct verdict *v = state_reply(m->state, i);
	bool unknown = entry_status(m->entry, i) == FORMAT_UNKNOWN;

	if (!v && !unknown)
		return;
	buf_addf(out, "%*s(%s", REASON_INDENT, "",
		 !unknown ? "" : v ? "outcome unknown: " : "outcome unknown");
	if (v)
		report_verdict(out, v, "");
	buf_addz(out, ")\n");
}

/* By what they say: the same words to each recipient are one reason. */
static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
	if (a == b || !a || !b)
		return a == b;
	return a->stage == b->stage && a->code == b->code &&
		str_eq(a->text, b->text);
}

/* Is the reason the one that stands above the recipient before? */
static bool same_reason(const struct mailq_item *m, size_t i)
{
	return i && same_verdict(state_reply(m->state, i),
				 state_reply(m->state, i - 1)) &&
		entry_status(m->entry, i) == entry_status(m->entry, i - 1);
}

void mailq_text_rcpt(struct buf *out, const struct mailq_item *m, size_t i)
{
	if (!is_open(m, i))
		return;
	if (!same_reason(m, i))
		text_reason(out, m, i);
	buf_addf(out, "%*s", INDENT, "");
	utf8_escape(out, str_of(m->entry->env.rcpt[i].addr));
	buf_addch(out, '\n');
}

void mailq_text_tail(struct buf *out, const struct mailq_item *m)
{
	(void)m;
	buf_addch(out, '\n');
}

/* ---- JSON ---- */

static void json_text(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, ",\"%s\":", name);
	report_json_string(out, str_of(value));
}

static void json_flag(struct buf *out, const char *name, bool is)
{
	buf_addf(out, ",\"%s\":%s", name, is ? "true" : "false");
}

/* What only a whole entry can say. */
static void json_entry(struct buf *out, const struct mailq_item *m)
{
	const struct entry *e = m->entry;

	if (!e) {
		buf_addz(out, ",\"arrival\":null,\"sender\":null,"
			 "\"account\":null,\"attempts\":null");
		return;
	}
	json_time(out, "arrival", e->head.created);
	json_text(out, "sender", e->env.from);
	json_text(out, "account", e->head.account);
	buf_addf(out, ",\"attempts\":%" PRIu32, m->state->past.attempts);
}

void mailq_json_head(struct buf *out, const struct mailq_item *m)
{
	buf_addz(out, "{\"id\":");
	report_json_string(out, str_of(m->id));
	buf_addf(out, ",\"size\":%" PRIu64, m->size);
	json_entry(out, m);
	if (m->fault[0] || m->failed || held(m))
		buf_addz(out, ",\"due\":null");
	else
		json_time(out, "due", m->due);
	json_flag(out, "held", held(m));
	json_flag(out, "active", m->busy);
	json_flag(out, "failed", m->failed);
	if (m->fault[0])
		json_text(out, "error", m->fault);
	else
		buf_addz(out, ",\"error\":null");
	buf_addz(out, ",\"recipients\":[");
}

static void json_reply(struct buf *out, const struct verdict *v)
{
	if (v && v->code)
		buf_addf(out, ",\"code\":%d", v->code);
	else
		buf_addz(out, ",\"code\":null");
	if (v && *v->enhanced)
		json_text(out, "enhanced", v->enhanced);
	else
		buf_addz(out, ",\"enhanced\":null");
	buf_addz(out, ",\"text\":");
	if (v)
		report_json_string(out, v->text);
	else
		buf_addz(out, "null");
}

void mailq_json_rcpt(struct buf *out, const struct mailq_item *m, size_t i)
{
	buf_addz(out, i ? ",{\"address\":" : "{\"address\":");
	report_json_string(out, str_of(m->entry->env.rcpt[i].addr));
	buf_addf(out, ",\"status\":\"%s\"",
		 status_name(entry_status(m->entry, i)));
	json_reply(out, state_reply(m->state, i));
	buf_addch(out, '}');
}

void mailq_json_tail(struct buf *out, const struct mailq_item *m)
{
	(void)m;
	buf_addz(out, "]}\n");
}

/* ---- at length ---- */

static void full_text(struct buf *out, const char *name, const char *value)
{
	if (!*value)
		return;
	buf_addf(out, "%s: ", name);
	utf8_escape(out, str_of(value));
	buf_addch(out, '\n');
}

static void full_past(struct buf *out, const struct mailq_item *m)
{
	const struct retry_past *past = &m->state->past;

	if (m->failed)
		buf_addz(out, "state: failed, and could not be returned\n");
	else if (held(m))
		buf_addz(out, "state: held\n");
	else if (m->busy)
		buf_addz(out, "state: being delivered\n");
	else
		full_time(out, "due", m->due);
	buf_addf(out, "attempts: %" PRIu32 "\n", past->attempts);
	if (past->attempts)
		full_time(out, "last attempt", past->last);
}

void mailq_full_head(struct buf *out, const struct mailq_item *m)
{
	const struct entry *e = m->entry;
	const struct envelope *env = &e->env;

	full_text(out, "id", m->id);
	full_text(out, "account", e->head.account);
	full_time(out, "arrival", e->head.created);
	buf_addf(out, "uid: %" PRIu64 "\nsize: %" PRIu64 "\n", e->head.uid,
		 m->size);
	full_past(out, m);
	full_text(out, "sender", *env->from ? env->from : "<>");
	full_text(out, "dsn return", env->ret);
	full_text(out, "envid", env->envid);
	full_text(out, "deliver by", env->deliver_by);
	full_text(out, "hold", env->hold);
	full_text(out, "priority", env->priority);
	if (env->require_tls)
		full_text(out, "require tls", "yes");
}

void mailq_full_rcpt(struct buf *out, const struct mailq_item *m, size_t i)
{
	const struct rcpt *r = &m->entry->env.rcpt[i];
	const struct verdict *v = state_reply(m->state, i);

	buf_addf(out, "recipient: %s: ",
		 status_name(entry_status(m->entry, i)));
	utf8_escape(out, str_of(r->addr));
	if (*r->notify) {
		buf_addz(out, ", notify ");
		utf8_escape(out, str_of(r->notify));
	}
	if (v) {
		buf_addz(out, ": ");
		report_verdict(out, v, "");
	}
	buf_addch(out, '\n');
}
