#include "mail/report.h"

#include "mail/logline.h"
#include "util/utf8.h"

enum { TRIED_OCTETS = 1 << 16 };	/* of what was wrong with one relay */

const char *report_result(const struct report *r)
{
	const struct envelope *e = r->env;
	size_t sent = envelope_count(e, OUTCOME_SENT);

	if (sent == e->n_rcpt && sent)
		return "sent";
	if (envelope_count(e, OUTCOME_QUEUED) &&
	    !envelope_count(e, OUTCOME_FAILED))
		return "queued";
	if (sent || envelope_count(e, OUTCOME_QUEUED))
		return "partial";
	return envelope_count(e, OUTCOME_UNKNOWN) ? "unknown" : "failed";
}

struct report_tried report_by(const struct report *r, size_t i)
{
	unsigned via = envelope_verdict(r->env, i)->via;

	if (via < r->n_tried)
		return r->tried[via];
	return (struct report_tried){ .account = r->account,
				      .relay = r->relay };
}

static void json_char(struct buf *out, unsigned long cp, struct str bytes)
{
	if (cp == '"' || cp == '\\')
		buf_addf(out, "\\%c", (int)cp);
	else if (cp == '\n')
		buf_addz(out, "\\n");
	else if (utf8_visible(cp))
		buf_add(out, bytes);
	else if (cp < 0x10000)
		buf_addf(out, "\\u%04lx", cp);
	else	/* RFC 8259 s7: as two surrogates */
		buf_addf(out, "\\u%04lx\\u%04lx", 0xd7c0 + (cp >> 10),
			 0xdc00 + (cp & 0x3ff));
}

void report_json_string(struct buf *out, struct str s)
{
	buf_addch(out, '"');
	while (s.n) {
		unsigned long cp = 0;
		size_t n = utf8_next(s, &cp);

		if (n)
			json_char(out, cp, (struct str){ s.p, n });
		else	/* an octet that is not UTF-8 shows as text \xNN */
			buf_addf(out, "\\\\x%02x", (unsigned char)*s.p);
		s.p += n ? n : 1;
		s.n -= n ? n : 1;
	}
	buf_addch(out, '"');
}

static void field(struct buf *out, const char *name, struct str value)
{
	buf_addf(out, "\"%s\":", name);
	report_json_string(out, value);
}

static void text_field(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "\"%s\":", name);
	if (*value)
		report_json_string(out, str_of(value));
	else
		buf_addz(out, "null");
	buf_addch(out, ',');
}

/* Code, enhanced code, and the text whole as the relay said it. */
static void reply_fields(struct buf *out, const struct verdict *v)
{
	if (v->code)
		buf_addf(out, "\"code\":%d,", v->code);
	else
		buf_addz(out, "\"code\":null,");
	text_field(out, "enhanced", v->enhanced);
	field(out, "text", v->text);
}

void report_json_rcpt(struct buf *out, const struct report *r, size_t i)
{
	const struct envelope *e = r->env;
	const struct verdict *v = envelope_verdict(e, i);
	const struct report_tried by = report_by(r, i);

	buf_addz(out, i ? ",{" : "{");
	field(out, "address", str_of(e->rcpt[i].addr));
	buf_addf(out, ",\"outcome\":\"%s\",\"stage\":\"%s\",",
		 outcome_name(v->outcome), stage_name(v->stage));
	if (r->n_tried) {
		text_field(out, "account", by.account);
		text_field(out, "relay", by.relay);
	}
	reply_fields(out, v);
	buf_addch(out, '}');
}

/* What was wrong with each relay that was given up. */
static void json_tried(struct buf *out, const struct report *r)
{
	struct buf why;

	buf_init(&why, TRIED_OCTETS);
	buf_addz(out, "\"tried\":[");
	for (size_t i = 0; i < r->n_tried; i++) {
		const struct report_tried *t = &r->tried[i];

		buf_reset(&why);
		report_verdict(&why, t->verdict, "");
		buf_addz(out, i ? ",{" : "{");
		text_field(out, "account", t->account);
		text_field(out, "relay", t->relay);
		field(out, "error", buf_str(&why));
		buf_addch(out, '}');
	}
	buf_addz(out, "],");
	buf_release(&why);
}

void report_json_head(struct buf *out, const struct report *r)
{
	buf_addch(out, '{');
	text_field(out, "message_id", r->message_id);
	text_field(out, "account", r->account);
	text_field(out, "relay", r->relay);
	if (r->n_tried)
		json_tried(out, r);
	text_field(out, "tls", r->tls);
	buf_addf(out, "\"tls_resumed\":%s,", r->resumed ? "true" : "false");
	text_field(out, "sasl", r->mech);
	text_field(out, "result", report_result(r));
	buf_addf(out, "\"exit_status\":%d,", r->status);
	text_field(out, "error", r->error);
	text_field(out, "queue_id", r->queue_id);
	buf_addz(out, "\"reply\":");
	if (r->final && r->final->code) {
		buf_addch(out, '{');
		reply_fields(out, r->final);
		buf_addz(out, "},");
	} else {
		buf_addz(out, "null,");
	}
	buf_addf(out, "\"bytes\":%llu,\"elapsed_ms\":%llu,\"round_trips\":%u,"
		 "\"recipients\":[", (unsigned long long)r->bytes,
		 (unsigned long long)r->elapsed_ms, r->trips);
}

void report_json_tail(struct buf *out, const struct report *r)
{
	(void)r;
	buf_addz(out, "]}\n");
}

/* Reply text on one line: line ends become " / ". */
static void flat(struct buf *out, struct str text)
{
	while (text.n) {
		utf8_escape(out, str_trim(str_cut(&text, '\n')));
		if (text.n)
			buf_addz(out, " / ");
	}
}

void report_verdict(struct buf *out, const struct verdict *v, const char *addr)
{
	/* What connecting says names its own subject. */
	bool staged = v->stage != STAGE_LOCAL && v->stage != STAGE_CONNECT;

	if (staged)
		buf_addz(out, stage_name(v->stage));
	if (*addr) {
		buf_addz(out, !staged ? "<" : v->stage == STAGE_RCPT ? ":<" :
			 " for <");
		utf8_escape(out, str_of(addr));
		buf_addch(out, '>');
	}
	if (staged || *addr)
		buf_addz(out, ": ");
	if (v->code)
		buf_addf(out, "%d%s", v->code, v->text.n ? " " : "");
	flat(out, v->text);
}

void report_text_head(struct buf *out, const struct report *r)
{
	buf_addf(out, "%s:", report_result(r));
	if (*r->message_id) {
		buf_addch(out, ' ');
		utf8_escape(out, str_of(r->message_id));
	}
	if (*r->relay) {
		buf_addz(out, " by ");
		utf8_escape(out, str_of(r->relay));
	}
	if (*r->tls)
		buf_addf(out, ", %s%s", r->tls, r->resumed ? " resumed" : "");
	if (*r->mech)
		buf_addf(out, ", %s", r->mech);
	buf_addf(out, "%s %llu octets, %llu ms, %u round trips\n",
		 *r->message_id || *r->relay ? "," : "",
		 (unsigned long long)r->bytes,
		 (unsigned long long)r->elapsed_ms, r->trips);
	if (*r->error) {
		utf8_ensure(out, str_of(r->error));
		buf_addch(out, '\n');
	}
}

void report_text_rcpt(struct buf *out, const struct report *r, size_t i)
{
	const struct verdict *v = envelope_verdict(r->env, i);

	buf_addf(out, "%s: ", outcome_name(v->outcome));
	utf8_escape(out, str_of(r->env->rcpt[i].addr));
	if (v->code)
		buf_addf(out, ": %d ", v->code);
	else
		buf_addz(out, ": ");
	flat(out, v->text);
	buf_addch(out, '\n');
}

void report_log_rcpt(struct buf *out, const struct report *r, size_t i,
		     bool json)
{
	const struct envelope *e = r->env;
	const struct verdict *v = envelope_verdict(e, i);
	const struct report_tried by = report_by(r, i);
	struct logline l;

	logline_begin(&l, out, json);
	if (*r->queue_id)
		logline_word(&l, "queue_id", r->queue_id);
	logline_text(&l, "message_id", str_of(r->message_id));
	if (*r->queue_id)
		logline_number(&l, "delay", r->delay);
	logline_text(&l, "from", str_of(e->from));
	logline_text(&l, "to", str_of(e->rcpt[i].addr));
	if (*by.account)
		logline_word(&l, "account", by.account);
	logline_word(&l, "relay", *by.relay ? by.relay : "none");
	logline_word(&l, "outcome", outcome_name(v->outcome));
	logline_text(&l, "stage", str_of(stage_name(v->stage)));
	logline_number(&l, "code", v->code);
	logline_number(&l, "elapsed_ms", (int64_t)r->elapsed_ms);
	logline_text(&l, "text", v->text);
	logline_end(&l);
}
