#include "smtp/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/machine.h"
#include "util/xalloc.h"

enum {
	OUTPUT_MAX = 1 << 24		/* octets; a body chunk and its dots fit */
};

/* Which of the timeouts a reply may take. */
enum clock { CLOCK_COMMAND, CLOCK_DATA, CLOCK_END };

static const struct {
	const char *awaited;
	enum stage stage;
	enum clock clock;
} verbs[] = {
	[VERB_GREETING] = { "the greeting", STAGE_GREETING, CLOCK_COMMAND },
	[VERB_EHLO]     = { "the reply to EHLO", STAGE_EHLO, CLOCK_COMMAND },
	[VERB_HELO]     = { "the reply to HELO", STAGE_EHLO, CLOCK_COMMAND },
	[VERB_STARTTLS] = { "the reply to STARTTLS", STAGE_STARTTLS, CLOCK_COMMAND },
	[VERB_AUTH]     = { "the reply to AUTH", STAGE_AUTH, CLOCK_COMMAND },
	[VERB_CANCEL]   = { "the end of AUTH", STAGE_AUTH, CLOCK_COMMAND },
	[VERB_MAIL]     = { "the reply to MAIL", STAGE_MAIL, CLOCK_COMMAND },
	[VERB_RCPT]     = { "the reply to RCPT", STAGE_RCPT, CLOCK_COMMAND },
	[VERB_DATA]     = { "the reply to DATA", STAGE_DATA, CLOCK_DATA },
	[VERB_DOT]      = { "the verdict on the message", STAGE_CONTENT, CLOCK_END },
	[VERB_LONE_DOT] = { "the reply to the dot", STAGE_CONTENT, CLOCK_END },
	[VERB_RSET]     = { "the reply to RSET", STAGE_MAIL, CLOCK_COMMAND },
	[VERB_QUIT]     = { "the reply to QUIT", STAGE_QUIT, CLOCK_COMMAND },
};

void session_trace(struct session *s, char who, struct str line)
{
	if (s->config->trace)
		s->config->trace(s->config->trace_ctx, who, line);
}

/* While messages follow each other the queue is never empty: move it up. */
static void forget_answered(struct session *s)
{
	s->expect_len -= s->expect_head;
	memmove(s->expect, s->expect + s->expect_head,
		s->expect_len * sizeof(*s->expect));
	s->expect_head = 0;
}

void session_expect(struct session *s, enum verb verb, uint32_t rcpt)
{
	if (s->expect_len == s->expect_cap && s->expect_head > s->expect_len / 2)
		forget_answered(s);
	if (s->expect_len == s->expect_cap) {
		s->expect_cap = s->expect_cap * 2 + 8;
		s->expect = xrealloc(s->expect, s->expect_cap,
				     sizeof(*s->expect));
	}
	s->expect[s->expect_len++] = (struct expect){ (unsigned char)verb,
		s->serial, rcpt };
}

struct str session_line(const struct buf *line)
{
	return line->over ? STR("\n") : buf_str(line);
}

void session_command(struct session *s, enum verb verb, uint32_t rcpt,
		     struct str line, struct str shown)
{
	struct error err;

	if (str_has_ctl(line)) {
		error_set(&err, ERROR_DATA, "a %s command would be too long or "
			  "have a control character; nothing was sent",
			  stage_name(verbs[verb].stage));
		session_fail(s, &err);
		return;
	}
	session_trace(s, 'C', shown.n ? shown : line);
	/* At once: growing for the CRLF would leave a copy of a response. */
	buf_room(&s->out, line.n + 2);
	buf_add(&s->out, line);
	buf_add(&s->out, STR("\r\n"));
	session_expect(s, verb, rcpt);
}

int session_class(const struct session *s)
{
	return s->reply.code / 100;
}

struct verdict session_said(const struct session *s, enum stage stage)
{
	static const enum outcome outcome[] = {
		[2] = OUTCOME_SENT, [3] = OUTCOME_DEFERRED,
		[4] = OUTCOME_DEFERRED, [5] = OUTCOME_FAILED
	};
	struct verdict v = {
		.outcome = outcome[session_class(s)],
		.stage = stage,
		.code = s->reply.code,
		.text = buf_str(&s->reply.text),
	};

	reply_enhanced(v.code, v.text, v.enhanced);
	return v;
}

void session_fail_at(struct session *s, const struct verdict *v)
{
	if (s->phase == PHASE_DONE)
		return;
	if (s->verdict.outcome == OUTCOME_PENDING) {
		buf_reset(&s->verdict_text);
		buf_add(&s->verdict_text, v->text);
		s->verdict = *v;
		s->verdict.text = buf_str(&s->verdict_text);
	}
	s->phase = PHASE_DONE;
	window_lost(s, v);
	if (s->env)
		transaction_lost(s, v);
}

void session_fail(struct session *s, const struct error *err)
{
	struct verdict v = verdict_of_error(err, session_stage(s));

	if (s->phase != PHASE_BYE)
		session_fail_at(s, &v);
	s->phase = PHASE_DONE;
}

void session_give_up(struct session *s, const struct error *err)
{
	session_refuse(s, verdict_of_error(err, session_stage(s)), err->kind);
}

void session_broken(struct session *s, enum stage stage, const char *what)
{
	struct error err;
	struct verdict v;

	error_set(&err, ERROR_PROTOCOL, "%s", what);
	v = verdict_of_error(&err, stage);
	session_fail_at(s, &v);
}

void session_refuse(struct session *s, struct verdict v, enum error_kind kind)
{
	v.outcome = OUTCOME_DEFERRED;
	v.kind = kind;
	session_fail_at(s, &v);
	s->phase = PHASE_TALK;
	session_bye(s);
}

static void refuse_text(struct session *s, enum stage stage, const char *text)
{
	struct error err;

	error_set(&err, ERROR_PROTOCOL, "%s", text);
	session_refuse(s, verdict_of_error(&err, stage), ERROR_PROTOCOL);
}

void session_bye(struct session *s)
{
	s->expect_head = s->expect_len = 0;
	session_command(s, VERB_QUIT, 0, STR("QUIT"), STR(""));
	s->phase = PHASE_BYE;
}

void session_quit(struct session *s)
{
	assert(s->phase == PHASE_NEXT && !s->n_parked);
	session_bye(s);
}

static void send_hello(struct session *s, enum verb verb)
{
	const char *word = verb == VERB_HELO ? "HELO" :
		s->config->lmtp ? "LHLO" : "EHLO";
	struct buf line;

	buf_init(&line, COMMAND_MAX);
	buf_addf(&line, "%s %s", word, s->config->helo);
	session_command(s, verb, 0, session_line(&line), STR(""));
	buf_release(&line);
}

static void on_greeting(struct session *s)
{
	if (session_class(s) == 2) {
		buf_add(&s->greeting, buf_str(&s->reply.text));
		send_hello(s, VERB_EHLO);
		return;
	}
	if (session_class(s) == 3)
		session_broken(s, STAGE_GREETING, "the greeting is a go-ahead");
	else
		session_refuse(s, session_said(s, STAGE_GREETING), ERROR_NONE);
}

static bool is_offered(struct session *s, const char *mech)
{
	struct str list = buf_str(&s->ehlo.auth);

	while (list.n)
		if (str_caseeq(str_cut(&list, ' '), str_of(mech)))
			return true;
	return false;
}

/* The login comes next, or the messages. */
static void after_hello(struct session *s)
{
	if (!s->config->auth || (s->config->auth_if &&
				 !is_offered(s, s->config->auth_if)))
		s->phase = PHASE_NEXT;
	else if (s->ehlo.caps & CAP_AUTH)
		s->phase = PHASE_AUTH;
	else if (s->ehlo.caps & CAP_STARTTLS && !s->secure)
		refuse_text(s, STAGE_AUTH, "the relay offers no AUTH before "
			    "STARTTLS; set tls = starttls");
	else
		refuse_text(s, STAGE_AUTH, "the relay does not offer AUTH, and "
			    "a login is configured");
}

/* Without EHLO there is none of what the account needs: say which. */
static void refuse_hello(struct session *s)
{
	struct verdict v = session_said(s, STAGE_EHLO);
	enum error_kind kind = ERROR_NONE;
	struct buf text;

	buf_init(&text, REPLY_TEXT_MAX);
	buf_add(&text, v.text);
	if (v.code >= 500 && s->config->tls == TLS_STARTTLS && !s->secure)
		buf_addz(&text, "\nso the relay does not offer STARTTLS");
	else if (v.code >= 500 && s->config->auth)
		buf_addz(&text, "\nso the relay does not offer AUTH");
	if (v.code >= 500 && (text.len > v.text.n || s->config->lmtp))
		kind = ERROR_PROTOCOL;
	v.text = buf_str(&text);
	session_refuse(s, v, kind);
	buf_release(&text);
}

static void on_hello_refused(struct session *s, enum verb verb)
{
	int code = s->reply.code;
	bool plain = s->config->tls != TLS_STARTTLS && !s->config->auth &&
		!s->config->lmtp;

	if (verb == VERB_EHLO && plain &&
	    (code == 500 || code == 501 || code == 502 || code == 504)) {
		s->helo = true;
		send_hello(s, VERB_HELO);
		return;
	}
	if (session_class(s) == 3)
		session_broken(s, STAGE_EHLO, "EHLO was answered with a "
			       "go-ahead");
	else
		refuse_hello(s);
}

static void on_hello(struct session *s, enum verb verb)
{
	if (session_class(s) != 2) {
		on_hello_refused(s, verb);
		return;
	}
	buf_reset(&s->hello);
	buf_add(&s->hello, buf_str(&s->reply.text));
	ehlo_parse(&s->ehlo, s->helo ? STR("") : buf_str(&s->reply.text));
	if (s->config->ignore)
		ehlo_ignore(&s->ehlo, s->config->ignore);
	if (s->config->tls != TLS_STARTTLS || s->secure)
		after_hello(s);
	else if (s->ehlo.caps & CAP_STARTTLS)
		session_command(s, VERB_STARTTLS, 0, STR("STARTTLS"), STR(""));
	else
		refuse_text(s, STAGE_STARTTLS, "the relay does not offer "
			    "STARTTLS; use tls = implicit if it has port 465");
}

static void on_starttls(struct session *s)
{
	if (s->reply.code == 220) {
		s->phase = PHASE_TLS;
		return;
	}
	if (session_class(s) < 4)
		session_broken(s, STAGE_STARTTLS, "STARTTLS was answered with "
			       "neither 220 nor a refusal");
	else
		session_refuse(s, session_said(s, STAGE_STARTTLS), session_class(s) == 5 ?
		       ERROR_PROTOCOL : ERROR_NONE);
}

static void trace_reply(struct session *s, bool challenge)
{
	struct str text = buf_str(&s->reply.text);
	struct buf line;

	if (!s->config->trace)
		return;
	buf_init(&line, REPLY_LINE_MAX + 8);
	do {
		struct str part = str_cut(&text, '\n');

		buf_reset(&line);
		buf_addf(&line, "%d%c", s->reply.code, text.n ? '-' : ' ');
		buf_add(&line, challenge ? STR("[challenge]") : part);
		session_trace(s, 'S', buf_str(&line));
	} while (text.n);
	buf_release(&line);
}

static void dispatch(struct session *s, struct expect e)
{
	switch ((enum verb)e.verb) {
	case VERB_GREETING: on_greeting(s); break;
	case VERB_EHLO:
	case VERB_HELO:     on_hello(s, (enum verb)e.verb); break;
	case VERB_STARTTLS: on_starttls(s); break;
	case VERB_AUTH:
	case VERB_CANCEL:   login_reply(s, e); break;
	default:            transaction_reply(s, e); break;
	}
}

/* Is content what fills the output? */
static bool sending_content(const struct session *s)
{
	return s->phase == PHASE_BODY || (s->t.all_given && s->out.len);
}

/* A whole reply is in s->reply. */
static void on_reply(struct session *s)
{
	bool asked = s->expect_len > 0;
	struct expect e = asked ? s->expect[s->expect_head] :
		(struct expect){ VERB_DOT, s->serial, 0 };
	bool challenge = e.verb == VERB_AUTH && s->reply.code == 334;
	struct verdict v;

	s->epoch++;
	if (s->auth && !challenge)
		s->auth->mask(s->auth->ctx, &s->reply.text);
	trace_reply(s, challenge);
	if (e.verb == VERB_DOT && (window_owns(s, e) ? window_early(s) :
				   sending_content(s))) {
		transaction_early(s);
		return;
	}
	if (s->reply.code == 421 && s->phase != PHASE_BYE) {
		/* The relay is leaving, RFC 5321 s3.8: all else must wait. */
		v = session_said(s, verbs[asked ? e.verb : VERB_MAIL].stage);
		session_fail_at(s, &v);
		return;
	}
	if (!asked) {
		session_broken(s, session_stage(s), "the relay spoke out of "
			       "turn");
		return;
	}
	if (++s->expect_head == s->expect_len)
		s->expect_head = s->expect_len = 0;
	if (window_owns(s, e))
		window_reply(s, e);
	else
		dispatch(s, e);
}

void session_init(struct session *s, const struct session_config *config)
{
	*s = (struct session){ .config = config, .mech = "",
		.rcpt_limit = SESSION_RCPT_MAX };
	s->secure = config->tls == TLS_IMPLICIT;
	buf_init(&s->out, OUTPUT_MAX);
	buf_init(&s->initial, COMMAND_MAX);
	buf_init(&s->greeting, REPLY_TEXT_MAX);
	buf_init(&s->hello, REPLY_TEXT_MAX);
	buf_init(&s->verdict_text, REPLY_TEXT_MAX);
	buf_init(&s->final_text, REPLY_TEXT_MAX);
	buf_init(&s->word_text, REPLY_TEXT_MAX);
	reply_init(&s->reply);
	ehlo_init(&s->ehlo);
	session_expect(s, VERB_GREETING, 0);
}

void session_release(struct session *s)
{
	free(s->expect);
	free(s->t.batch);
	for (size_t i = 0; i < s->n_parked; i++)
		free(s->parked[i].t.batch);
	free(s->parked);
	buf_wipe(&s->out);
	buf_release(&s->out);
	buf_wipe(&s->initial);
	buf_release(&s->initial);
	buf_release(&s->greeting);
	buf_release(&s->hello);
	buf_release(&s->verdict_text);
	buf_release(&s->final_text);
	buf_release(&s->word_text);
	reply_release(&s->reply);
	ehlo_release(&s->ehlo);
}

enum want session_want(const struct session *s)
{
	if (s->phase == PHASE_DONE)
		return WANT_DONE;
	/* Command and content leave in one write where they can, and so do
	   several messages. */
	if (s->phase == PHASE_BODY && s->out.len < SESSION_FLIGHT_MAX)
		return WANT_BODY;
	if (s->phase == PHASE_NEXT && s->n_parked &&
	    s->out.len < SESSION_FLIGHT_MAX)
		return WANT_NEXT;
	if (s->out.len)
		return WANT_SEND;
	switch ((enum phase)s->phase) {
	case PHASE_TLS:  return WANT_TLS;
	case PHASE_AUTH: return WANT_AUTH;
	case PHASE_NEXT: return WANT_NEXT;
	case PHASE_STEP: return WANT_STEP;
	case PHASE_BYE:  return WANT_DONE;
	default:         return WANT_RECV;
	}
}

struct str session_output(const struct session *s)
{
	/* What was not sent when it broke must not arrive after all. */
	return s->phase == PHASE_DONE ? (struct str){ "", 0 } :
		buf_str(&s->out);
}

void session_sent(struct session *s, size_t n)
{
	/* A response of AUTH always goes alone. */
	if (n == s->out.len && s->auth && !*s->mech)
		buf_wipe(&s->out);
	else
		buf_drop(&s->out, n);
	if (!s->out.len)
		s->epoch++;	/* what was a wait to be read is now for a reply */
}

/* The verb whose reply is awaited; what is said when nothing is. */
static enum verb awaited(const struct session *s)
{
	if (s->expect_len)
		return (enum verb)s->expect[s->expect_head].verb;
	if (s->phase == PHASE_TLS)
		return VERB_STARTTLS;
	if (s->phase == PHASE_AUTH)
		return VERB_AUTH;
	return s->phase == PHASE_BODY || s->t.all_given ? VERB_DOT : VERB_MAIL;
}

/* What came instead of a greeting, for a person; "" if it tells nothing. */
static const char *hint(struct str got)
{
	if (got.n >= 2 && (got.p[0] == 0x15 || got.p[0] == 0x16) &&
	    got.p[1] == 0x03)
		return "; it speaks TLS here: try tls = implicit";
	if (str_starts(got, STR("HTTP/")))
		return "; it speaks HTTP";
	if (str_starts(got, STR("+OK")))
		return "; it speaks POP3";
	if (str_starts(got, STR("* OK")))
		return "; it speaks IMAP";
	return "";
}

static void bad_reply(struct session *s)
{
	enum verb verb = awaited(s);
	bool greeting = verb == VERB_GREETING;
	struct error err;

	error_set(&err, ERROR_PROTOCOL, "%s: %s%s", greeting ?
		  "not an SMTP server" : "the relay does not speak SMTP",
		  s->reply.why, greeting ? hint(buf_str(&s->reply.line)) : "");
	session_fail(s, &err);
	if (verb != VERB_AUTH || s->phase == PHASE_AUTH)
		return;
	/* An over-long challenge is cancelled as well, RFC 4954 s4. */
	buf_add(&s->out, STR("*\r\n"));
	session_trace(s, 'C', STR("*"));
	s->phase = PHASE_BYE;
}

static void on_eof(struct session *s)
{
	struct error err;

	error_set(&err, ERROR_NET, "the relay closed the connection%s",
		  reply_begun(&s->reply) ? " amid a reply" : "");
	session_fail(s, &err);
}

void session_recv(struct session *s, struct str bytes)
{
	if (!bytes.n) {
		on_eof(s);
		return;
	}
	while (bytes.n && s->phase != PHASE_DONE && s->phase != PHASE_TLS &&
	       s->phase != PHASE_BYE) {
		switch (reply_feed(&s->reply, &bytes)) {
		case REPLY_MORE:
			return;
		case REPLY_BAD:
			bad_reply(s);
			return;
		case REPLY_DONE:
			on_reply(s);
		}
	}
	/* Plaintext after the go-ahead is an injection, RFC 3207 s6. */
	if (bytes.n && s->phase == PHASE_TLS)
		session_broken(s, STAGE_STARTTLS, "the relay sent data after "
			       "its STARTTLS reply, before TLS: this may be an "
			       "attack");
}

void session_tls_up(struct session *s)
{
	assert(s->phase == PHASE_TLS);
	s->secure = true;
	s->phase = PHASE_TALK;
	s->epoch++;
	send_hello(s, VERB_EHLO); /* RFC 3207 s4.2: replaces s->ehlo whole */
}

unsigned session_timeout(const struct session *s)
{
	const struct session_timeouts *t = &s->config->timeout;

	if (sending_content(s))
		return t->data;
	switch (verbs[awaited(s)].clock) {
	case CLOCK_COMMAND: return t->command;
	case CLOCK_DATA:    return t->data;
	default:            return t->end;
	}
}

enum stage session_stage(const struct session *s)
{
	return sending_content(s) ? STAGE_CONTENT : verbs[awaited(s)].stage;
}

const char *session_awaited(const struct session *s)
{
	if (sending_content(s))
		return "the relay to take the message";
	return verbs[awaited(s)].awaited;
}

unsigned session_epoch(const struct session *s)
{
	return s->epoch;
}
