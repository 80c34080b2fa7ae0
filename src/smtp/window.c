/*
 * Several messages in flight on one connection.  A message of which all is
 * said is parked while the next one goes out; its replies come first, for
 * replies come in order.  With BDAT (RFC 3030 with RFC 2920) a queue of
 * messages then costs octets and not round trips; with DATA, whose go-ahead
 * must be awaited, one round trip a message.
 */
#include <assert.h>
#include <stdlib.h>

#include "smtp/machine.h"
#include "util/xalloc.h"

static bool window_open(const struct session *s)
{
	return s->n_parked < SESSION_WINDOW ||
		(s->n_parked < SESSION_WINDOW_MAX &&
		 s->parked_octets < SESSION_WINDOW_OCTETS);
}

/* Is the batch all that is left to be asked, with nobody put off? */
static bool whole(const struct session *s)
{
	size_t pending = envelope_count(s->env, OUTCOME_PENDING);

	return !s->t.overflow && pending <= s->t.n;
}

bool window_park(struct session *s)
{
	bool large = s->t.chunk && s->env->size > SESSION_FLIGHT_MAX;

	if (!s->config->settled || !(s->ehlo.caps & CAP_PIPELINING) ||
	    s->t.step || s->config->lmtp || s->env->all_or_nothing || large ||
	    !whole(s))
		return false;
	s->parked = xrealloc(s->parked, s->n_parked + 1, sizeof(*s->parked));
	s->parked[s->n_parked++] = (struct parked){ s->env, s->t };
	s->parked_octets += s->env->size;
	s->env = NULL;
	s->t = (struct transaction){ .n = 0 };
	/* What the relay makes of it we do not know: begin the next anew. */
	s->reset_due = true;
	s->phase = window_open(s) ? PHASE_NEXT : PHASE_TALK;
	return true;
}

size_t session_in_flight(const struct session *s)
{
	return s->n_parked;
}

bool session_in_doubt(const struct session *s)
{
	return s->t.all_given || s->n_parked;
}

void session_await(struct session *s)
{
	assert(s->phase == PHASE_NEXT && s->n_parked);
	s->phase = PHASE_TALK;
}

bool window_owns(const struct session *s, struct expect e)
{
	return s->n_parked && (e.owner != s->serial || !s->env);
}

/* The message in hand and the oldest parked one change places. */
static void swap(struct session *s)
{
	struct parked in_hand = { s->env, s->t };

	s->env = s->parked[0].env;
	s->t = s->parked[0].t;
	s->parked[0] = in_hand;
}

bool window_early(struct session *s)
{
	/* Only the youngest can be on its way still. */
	if (s->n_parked != 1 || s->env || !s->out.len)
		return false;
	swap(s);
	return true;
}

/*
 * The oldest has its last reply: whoever it did not name must wait, but who
 * was one too many is left pending, for a transaction of his own.
 */
static void finish(struct session *s)
{
	struct parked done = s->parked[0];
	struct verdict v = session_said(s, STAGE_CONTENT);

	if (v.outcome == OUTCOME_SENT)
		v.outcome = OUTCOME_DEFERRED;
	if (!done.t.overflow)
		envelope_settle(done.env, &v);
	else if (done.t.accepted == done.t.full_at &&
		 done.t.full_at < s->rcpt_limit)
		s->rcpt_limit = done.t.full_at;
	free(done.t.batch);
	s->parked_octets -= done.env->size;
	s->n_parked--;
	for (size_t i = 0; i < s->n_parked; i++)
		s->parked[i] = s->parked[i + 1];
	transaction_settled(s, done.env);
	if (s->phase == PHASE_TALK && !s->env && window_open(s))
		s->phase = PHASE_NEXT;
}

void window_reply(struct session *s, struct expect e)
{
	swap(s);
	transaction_effect(s, e);
	if (s->phase == PHASE_DONE)
		return;		/* all of them are settled */
	swap(s);
	if (e.verb == VERB_DOT)
		finish(s);
}

/* May the relay have all of it?  Of the youngest it lacks what is in out. */
static bool doubtful(const struct session *s, size_t i)
{
	return i + 1 < s->n_parked || s->env || !s->out.len;
}

void window_abandon(struct session *s, struct parked *p,
		    const struct verdict *v, bool doubt)
{
	const struct transaction *t = &p->t;
	struct verdict unknown = *v;
	uint32_t number;

	if (doubt && v->kind && t->all_given) {
		unknown.outcome = OUTCOME_UNKNOWN;
		number = envelope_say(p->env, &unknown);
		for (size_t i = 0; i < t->accepted; i++)
			envelope_settle_as(p->env, t->batch[i], number);
		for (size_t i = t->answered; i < t->n; i++)
			envelope_settle_as(p->env, t->batch[i], number);
	}
	envelope_settle(p->env, v);
	free(t->batch);
	transaction_settled(s, p->env);
}

void window_lost(struct session *s, const struct verdict *v)
{
	size_t n = s->n_parked;

	for (size_t i = 0; i < n; i++) {
		/* While a reply took effect, the message in hand stands here. */
		if (s->parked[i].env)
			window_abandon(s, &s->parked[i], v, doubtful(s, i));
	}
	s->n_parked = 0;
	s->parked_octets = 0;
}
