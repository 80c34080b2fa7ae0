/*
 * MAIL, RCPT and content.  A message goes out in as many transactions as the
 * relay's recipient limit asks for, each with a batch of the recipients.
 */
#include <assert.h>
#include <stdlib.h>

#include "smtp/command.h"
#include "smtp/machine.h"
#include "util/xalloc.h"

static bool pipelining(const struct session *s)
{
	return s->ehlo.caps & CAP_PIPELINING;
}

static bool small(const struct session *s)
{
	return s->env->size <= SESSION_FLIGHT_MAX;
}

/* Recipients that one transaction may name, by what we know so far. */
static size_t batch_limit(const struct session *s)
{
	size_t limit = s->rcpt_limit;

	if (s->ehlo.rcpt_max && s->ehlo.rcpt_max < limit)
		limit = (size_t)s->ehlo.rcpt_max;
	return limit;
}

static void send_mail(struct session *s)
{
	struct buf line;

	if (s->reset_due) {
		s->reset_due = false;
		session_command(s, VERB_RSET, 0, STR("RSET"), STR(""));
		if (!pipelining(s))
			return;
	}
	s->t.open = true;
	s->mails++;
	buf_init(&line, COMMAND_MAX);
	command_mail(&line, s->env, &s->ehlo);
	session_command(s, VERB_MAIL, 0, session_line(&line), STR(""));
	buf_release(&line);
}

static void send_rcpt(struct session *s)
{
	uint32_t i = s->t.batch[s->t.asked++];
	struct buf line;

	buf_init(&line, COMMAND_MAX);
	command_rcpt(&line, &s->env->rcpt[i], &s->ehlo);
	session_command(s, VERB_RCPT, i, session_line(&line), STR(""));
	buf_release(&line);
}

/* LMTP answers the content once for each accepted recipient, in order. */
static void expect_content(struct session *s)
{
	size_t n = s->config->lmtp ? s->t.accepted : 1;

	for (size_t i = 0; i < n; i++)
		session_expect(s, VERB_DOT, s->t.batch[i]);
}

static void start_body(struct session *s)
{
	struct buf note;

	s->phase = PHASE_BODY;
	s->epoch++;
	s->env->begun = true;
	buf_init(&note, 64);
	buf_addf(&note, "[message, %llu octets]",
		 (unsigned long long)s->env->size);
	session_trace(s, 'C', buf_str(&note));
	buf_release(&note);
	if (!s->env->size)
		session_body(s, STR(""));	/* nothing to ask for */
}

static void send_data(struct session *s)
{
	struct buf line;

	s->t.said_data = true;
	if (!s->t.chunk) {
		session_command(s, VERB_DATA, 0, STR("DATA"), STR(""));
		return;
	}
	buf_init(&line, COMMAND_MAX);
	buf_addf(&line, "BDAT %llu LAST", (unsigned long long)s->env->size);
	session_trace(s, 'C', buf_str(&line));
	buf_add(&s->out, buf_str(&line));
	buf_add(&s->out, STR("\r\n"));
	buf_release(&line);
	expect_content(s);
	start_body(s);
}

/* May the content be announced before MAIL and RCPT are answered? */
static bool content_unasked(const struct session *s)
{
	if (!pipelining(s) || s->env->all_or_nothing)
		return false;
	if (!s->t.chunk)
		return true;	/* DATA asks once more anyway */
	return small(s) && !s->config->lmtp;
}

/* Every recipient that is still open gets the same word. */
static void settle_open(struct session *s, const struct verdict *v)
{
	envelope_settle(s->env, v);
}

static void settle_accepted(struct session *s, const struct verdict *v)
{
	uint32_t number;

	if (!s->t.accepted)
		return;
	number = envelope_say(s->env, v);
	for (size_t i = 0; i < s->t.accepted; i++)
		envelope_settle_as(s->env, s->t.batch[i], number);
}

static void keep(struct verdict *to, struct buf *text, const struct verdict *v)
{
	buf_reset(text);
	buf_add(text, v->text);
	*to = *v;
	to->text = buf_str(text);
}

void transaction_settled(struct session *s, struct envelope *env)
{
	if (s->config->settled)
		s->config->settled(s->config->settled_ctx, env);
}

static void end_message(struct session *s)
{
	struct envelope *env = s->env;

	free(s->t.batch);
	s->t = (struct transaction){ .n = 0 };
	s->env = NULL;
	s->phase = PHASE_NEXT;
	transaction_settled(s, env);
}

/* Fill the batch with the next recipients; false if there are none left. */
static bool next_batch(struct session *s)
{
	const struct envelope *e = s->env;
	struct transaction *t = &s->t;
	size_t limit = batch_limit(s);

	while (s->scan < e->n_rcpt && !envelope_pending(e, s->scan))
		s->scan++;
	if (!t->batch)
		t->batch = xrealloc(NULL, e->n_rcpt < limit ? e->n_rcpt : limit,
				    sizeof(*t->batch));
	*t = (struct transaction){ .batch = t->batch,
		.chunk = s->ehlo.caps & CAP_CHUNKING };
	for (size_t i = s->scan; i < e->n_rcpt && t->n < limit; i++)
		if (envelope_pending(e, i))
			t->batch[t->n++] = (uint32_t)i;
	return t->n;
}

void session_begin(struct session *s, struct envelope *env)
{
	struct verdict v;
	struct error err;

	assert(s->phase == PHASE_NEXT && !s->env);
	s->env = env;
	s->serial++;
	s->scan = 0;
	s->epoch++;
	if (command_check(env, &s->ehlo, s->secure, &err)) {
		v = verdict_of_error(&err, STAGE_LOCAL);
		settle_open(s, &v);
		end_message(s);
		return;
	}
	if (env->all_or_nothing && env->n_rcpt > batch_limit(s)) {
		error_set(&err, ERROR_UNAVAILABLE, "the relay takes %zu "
			  "recipients at once, so that %zu cannot be all or "
			  "nothing", batch_limit(s), env->n_rcpt);
		v = verdict_of_error(&err, STAGE_LOCAL);
		settle_open(s, &v);
		end_message(s);
		return;
	}
	s->phase = PHASE_TALK;
	if (next_batch(s))
		transaction_advance(s);
	else
		end_message(s);
}

/* What we found wrong with the message, before the relay could. */
static struct verdict local_verdict(const struct session *s,
				    struct error *err)
{
	if (!command_check(s->env, &s->ehlo, s->secure, err))
		return (struct verdict){ .outcome = OUTCOME_PENDING };
	return verdict_of_error(err, STAGE_LOCAL);
}

void session_step(struct session *s, struct envelope *env)
{
	struct verdict v;
	struct error err;

	assert(s->phase == PHASE_NEXT && !s->env && !s->n_parked);
	s->env = env;
	s->serial++;
	s->epoch++;
	s->t = (struct transaction){ .step = true,
		.chunk = s->ehlo.caps & CAP_CHUNKING };
	v = local_verdict(s, &err);
	if (v.outcome == OUTCOME_PENDING) {
		s->phase = PHASE_TALK;
		transaction_advance(s);
	} else {
		keep(&s->word, &s->word_text, &v);
		end_message(s);
	}
}

void session_rcpt(struct session *s)
{
	struct transaction *t = &s->t;

	assert(s->phase == PHASE_STEP && s->env->n_rcpt);
	if (!(t->n & (t->n - 1)))	/* full at each power of two */
		t->batch = xrealloc(t->batch, t->n ? 2 * t->n : 1,
				    sizeof(*t->batch));
	t->batch[t->n++] = (uint32_t)(s->env->n_rcpt - 1);
	s->phase = PHASE_TALK;
	s->epoch++;
	send_rcpt(s);
}

void session_drop(struct session *s)
{
	assert(s->phase == PHASE_STEP);
	s->reset_due = true;
	end_message(s);
}

void session_content(struct session *s)
{
	struct verdict v;
	struct error err;

	assert(s->phase == PHASE_STEP && s->t.accepted);
	v = local_verdict(s, &err);
	if (v.outcome != OUTCOME_PENDING) {
		settle_open(s, &v);
		session_drop(s);
		return;
	}
	s->phase = PHASE_TALK;
	s->epoch++;
	send_data(s);
}

/* Nobody takes the message in this transaction; go on to the next. */
static void conclude(struct session *s)
{
	struct transaction *t = &s->t;

	if (t->overflow && t->accepted == t->full_at)
		s->rcpt_limit = t->full_at;
	if (t->mail_ok && !t->ended)
		s->reset_due = true;
	if (!t->step && next_batch(s))
		transaction_advance(s);
	else
		end_message(s);
}

/* With all_or_nothing: the recipients who would have been taken. */
static void spare_accepted(struct session *s)
{
	struct error err;
	struct verdict v;

	error_set(&err, ERROR_NET, "not sent, for another recipient was refused "
		  "and it is all or nothing");
	v = verdict_of_error(&err, STAGE_LOCAL);
	settle_open(s, &v);
}

static bool content_wanted(struct session *s)
{
	struct transaction *t = &s->t;

	if (!t->accepted)
		return false;
	if (!s->env->all_or_nothing || t->accepted == s->env->n_rcpt)
		return true;
	spare_accepted(s);
	return false;
}

/* A transaction step by step: the driver's turn, unless MAIL is still due. */
static void advance_step(struct session *s)
{
	if (!s->t.open)
		send_mail(s);
	else if (s->t.mail_ok)
		s->phase = PHASE_STEP;
	else
		end_message(s);
}

void transaction_advance(struct session *s)
{
	struct transaction *t = &s->t;

	if (t->step) {
		advance_step(s);
		return;
	}
	if (!t->open) {
		send_mail(s);
		if (!t->open)
			return;
	} else if (!t->mail_ok) {
		conclude(s);
		return;
	}
	while (s->phase == PHASE_TALK && t->asked < t->n &&
	       (pipelining(s) ? t->asked - t->answered < SESSION_RCPT_FLIGHT :
		!s->expect_len))
		send_rcpt(s);
	if (s->phase != PHASE_TALK || t->said_data)
		return;
	if (s->expect_len) {
		if (t->asked == t->n && content_unasked(s))
			send_data(s);
	} else if (content_wanted(s)) {
		send_data(s);
	} else {
		conclude(s);
	}
}

/* A refusal that speaks of the login, not of this message: RFC 4954 s6. */
static bool wants_login(int code)
{
	return code == 530 || code == 534 || code == 535 || code == 538;
}

static void on_mail(struct session *s)
{
	struct verdict v = session_said(s, STAGE_MAIL);

	if (session_class(s) == 3) {
		session_broken(s, STAGE_MAIL, "MAIL was answered with a "
			       "go-ahead");
		return;
	}
	if (wants_login(v.code))
		v.outcome = OUTCOME_DEFERRED;
	keep(&s->word, &s->word_text, &v);
	s->t.mail_ok = session_class(s) == 2;
	if (!s->t.mail_ok)
		settle_open(s, &v);
}

/*
 * "Too many recipients": 452 by RFC 5321 s4.5.3.1.10, unless its enhanced
 * code says that the mailbox is meant (X.1, X.2).
 */
static bool too_many(const struct verdict *v)
{
	if (v->enhanced[0])
		return (v->code == 452 && v->enhanced[2] != '1' &&
			v->enhanced[2] != '2') ||
			str_eq(str_of(v->enhanced + 1), STR(".5.3"));
	return v->code == 452;
}

static void on_rcpt(struct session *s, uint32_t i)
{
	struct verdict v = session_said(s, STAGE_RCPT);
	struct transaction *t = &s->t;

	if (session_class(s) == 3) {
		/* No answer to this RCPT: its recipient is in doubt too. */
		session_broken(s, STAGE_RCPT, "RCPT was answered with a "
			       "go-ahead");
		return;
	}
	if (wants_login(v.code))
		v.outcome = OUTCOME_DEFERRED;
	if (t->step)
		keep(&s->word, &s->word_text, &v);
	t->answered++;
	switch (session_class(s)) {
	case 2:
		t->batch[t->accepted++] = i;
		break;
	default:
		if (!t->mail_ok)
			break;	/* "503 need MAIL": MAIL's reply was the word */
		if (t->accepted && too_many(&v) && !t->step &&
		    !s->env->all_or_nothing) {
			if (!t->overflow++)
				t->full_at = t->accepted;
			break;
		}
		envelope_settle_one(s->env, i, &v);
	}
}

static void on_data(struct session *s)
{
	struct verdict v = session_said(s, STAGE_DATA);

	if (session_class(s) == 2) {
		session_broken(s, STAGE_DATA, "DATA was answered with success "
			       "before any content");
	} else if (session_class(s) != 3) {
		settle_accepted(s, &v);
	} else if (s->t.mail_ok && s->t.accepted) {
		start_body(s);
	} else if (s->config->lmtp) {
		/* RFC 2033 s4.2 forbids it, and to no one is no reply. */
		session_broken(s, STAGE_DATA, "the relay wants a message that "
			       "nobody is to get");
	} else {
		/* RFC 2920 s3.1: nobody is left, yet we must say the dot. */
		session_trace(s, 'C', STR("."));
		buf_add(&s->out, STR(".\r\n"));
		session_expect(s, VERB_LONE_DOT, 0);
	}
}

/*
 * The relay offers CHUNKING, accepted recipients, and does not know BDAT: a
 * proxy in between, perhaps.  That is no word on the message.
 */
static bool bdat_unknown(const struct session *s)
{
	int code = s->reply.code;

	return s->t.chunk && s->t.mail_ok && s->t.accepted &&
		(code == 500 || code == 502 || code == 503);
}

static void fail_bdat(struct session *s)
{
	struct verdict v = session_said(s, STAGE_CONTENT);
	struct buf text;

	buf_init(&text, REPLY_TEXT_MAX);
	buf_add(&text, v.text);
	buf_addz(&text, "\nthe relay offers CHUNKING and does not take BDAT: "
		 "set ignore_extensions = CHUNKING");
	v.text = buf_str(&text);
	v.outcome = OUTCOME_DEFERRED;
	v.kind = ERROR_PROTOCOL;
	/* A refusal is known: nobody has the message. */
	settle_accepted(s, &v);
	session_fail_at(s, &v);
	buf_release(&text);
}

static void on_dot(struct session *s, uint32_t i)
{
	struct verdict v = session_said(s, STAGE_CONTENT);

	if (bdat_unknown(s)) {
		fail_bdat(s);
		return;
	}
	if (session_class(s) == 3) {
		session_broken(s, STAGE_CONTENT, "the message was answered "
			       "with a go-ahead");
		return;
	}
	if (!s->t.chunk || session_class(s) == 2)
		s->t.ended = true;
	if (!s->t.mail_ok || !s->t.accepted)
		return;		/* a BDAT that nobody was to get */
	keep(&s->final, &s->final_text, &v);
	if (s->config->lmtp)
		envelope_settle_one(s->env, i, &v);
	else
		settle_accepted(s, &v);
}

void transaction_effect(struct session *s, struct expect e)
{
	switch ((enum verb)e.verb) {
	case VERB_MAIL: on_mail(s); break;
	case VERB_RCPT: on_rcpt(s, e.rcpt); break;
	case VERB_DATA: on_data(s); break;
	case VERB_DOT:  on_dot(s, e.rcpt); break;
	default:        break;	/* RSET, the lone dot: nothing hangs on them */
	}
}

void transaction_reply(struct session *s, struct expect e)
{
	transaction_effect(s, e);
	if (s->phase != PHASE_TALK || s->expect_len)
		return;
	if (s->t.said_data)
		conclude(s);
	else
		transaction_advance(s);
}

void transaction_early(struct session *s)
{
	struct verdict v = session_said(s, STAGE_CONTENT);

	if (session_class(s) < 4) {
		session_broken(s, STAGE_CONTENT, "the message was answered "
			       "before its end");
		return;
	}
	keep(&s->final, &s->final_text, &v);
	settle_accepted(s, &v);
	/* The rest of the content cannot be taken back: hang up. */
	v.outcome = OUTCOME_DEFERRED;
	session_fail_at(s, &v);
}

void transaction_lost(struct session *s, const struct verdict *v)
{
	struct parked in_hand = { s->env, s->t };

	s->t = (struct transaction){ .n = 0 };
	window_abandon(s, &in_hand, v, !s->out.len);
	s->env = NULL;
}

uint64_t session_body_at(const struct session *s)
{
	return s->t.given;
}

size_t session_body_room(const struct session *s)
{
	uint64_t left = s->env->size - s->t.given;

	return left < SESSION_FLIGHT_MAX ? (size_t)left : SESSION_FLIGHT_MAX;
}

void session_body(struct session *s, struct str bytes)
{
	struct transaction *t = &s->t;

	assert(s->phase == PHASE_BODY && bytes.n <= session_body_room(s));
	s->epoch++;
	if (t->chunk)
		buf_add(&s->out, bytes);
	else
		dot_feed(&s->dot, bytes, &s->out);
	t->given += bytes.n;
	if (t->given < s->env->size)
		return;
	if (!t->chunk) {
		dot_end(&s->dot, &s->out);
		session_trace(s, 'C', STR("."));
		expect_content(s);
	}
	t->all_given = true;
	s->phase = PHASE_TALK;
	(void)window_park(s);
}
