#include "cmd/postpone.h"

#include <string.h>

#include "deliver/policy.h"
#include "spool/enqueue.h"
#include "spool/state.h"
#include "spool/store.h"
#include "sys/clock.h"
#include "sys/dir.h"

enum { PATH_OCTETS = 1 << 14 };

enum account_queue postpone_policy(const struct submission *s)
{
	/* The account's word decides for both names (DESIGN s2). */
	if (s->r->queue_only && s->account->queue != QUEUE_NEVER)
		return QUEUE_ALWAYS;
	return account_queue(s->account, s->r->face == FACE_SENDMAIL);
}

int postpone_open(struct store *store, const struct config *c, bool create,
		  struct error *err)
{
	struct buf path;
	int r;

	buf_init(&path, PATH_OCTETS);
	if (*c->queue.spool)
		buf_addz(&path, c->queue.spool);
	else
		store_default(&path);
	r = store_open(store, buf_cstr(&path), create, err);
	buf_release(&path);
	return r;
}

/* Whoever is still pending is put off as well. */
static void settle_pending(struct submission *s)
{
	struct verdict v = { .outcome = OUTCOME_DEFERRED,
		.stage = STAGE_LOCAL, .text = STR("put into the queue") };

	envelope_settle(&s->env, &v);
}

/* The verdicts of those who go to the queue, as the entry numbers them. */
static void take_replies(const struct envelope *env, struct state *st)
{
	struct envelope part;

	envelope_init(&part);
	for (size_t i = 0; i < env->n_rcpt; i++) {
		const struct verdict *v = envelope_verdict(env, i);

		if (!(enqueue_unsettled() & 1u << v->outcome))
			continue;
		envelope_add(&part, env->rcpt[i].addr, "", "");
		envelope_settle_one(&part, part.n_rcpt - 1, v);
	}
	state_take(st, &part);
	envelope_release(&part);
}

/*
 * There was an attempt already: what it said, and when the next one is due.
 * The entry says so from its first moment, for runs are about.
 */
static int64_t count_attempt(const struct submission *s, struct state *st)
{
	struct retry_policy policy;
	const struct queue_tried t = { .env = &s->env, .account = s->account,
		.policy = &policy, .now = clock_wall() };

	if (envelope_count(&s->env, OUTCOME_PENDING) == s->env.n_rcpt)
		return 0;
	queue_policy(&s->config.queue, &policy);
	queue_attempted(&t, &st->past);
	take_replies(&s->env, st);
	return queue_next(&t, &st->past);
}

/* From here to the exit nothing may come between. */
static int commit_held(struct submission *s, struct enqueue *q,
		       struct error *err)
{
	sigset_t old;
	int r;

	signals_hold(&old);
	r = enqueue_commit(q, err);
	if (r)
		signals_release(&old);
	else
		memcpy(s->queue_id, q->id, sizeof(s->queue_id));
	return r;
}

static int commit(struct submission *s, const struct store *store,
		  struct error *err)
{
	struct enqueue_what what = { .env = &s->env, .message = s->message,
		.account = s->account->name,
		.outcomes = enqueue_unsettled() };
	struct enqueue q;
	struct state st;
	struct error ignored;
	int r;

	state_init(&st);
	what.due = count_attempt(s, &st);
	r = enqueue_write(&q, store, &what, err);
	if (!r) {
		/* It is good to know, and no more: its loss changes nothing. */
		if (what.due)
			(void)state_save(&st, store, q.id, &ignored);
		r = commit_held(s, &q, err);
		if (r && what.due)
			(void)store_remove(store, q.id, &ignored);
	}
	enqueue_release(&q);
	state_release(&st);
	return r;
}

int postpone(struct submission *s, struct error *err)
{
	struct store store;
	int r;

	/* Refused for one, it is refused: later nobody shall get it, either. */
	if (s->env.all_or_nothing && envelope_count(&s->env, OUTCOME_FAILED))
		return 0;
	if (!*s->account->name)
		return error_set(err, ERROR_CONFIG, "only messages of a "
				 "configured account can be queued");
	r = postpone_open(&store, &s->config, true, err);
	if (!r)
		r = commit(s, &store, err);
	if (!r && store.in_memory && s->r->face == FACE_POSTHASTE)
		say(s->r, "warning: the spool is on a file system that a loss "
		    "of power empties");
	store_close(&store);
	if (r) {
		/* A disk's trouble is no reason for a caller to give up. */
		if (err->kind == ERROR_IO || err->kind == ERROR_OS)
			err->kind = ERROR_SPACE;
		return error_wrap(err, "cannot queue the message");
	}
	settle_pending(s);
	envelope_queued(&s->env);
	return 0;
}
