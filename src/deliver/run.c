#include "deliver/run.h"

#include <stdlib.h>
#include <string.h>

#include "deliver/flight.h"
#include "deliver/policy.h"
#include "mail/elapsed.h"
#include "spool/state.h"
#include "sys/clock.h"
#include "util/xalloc.h"

/* Who sent one message waits for no more than so many others of the queue. */
enum { FLUSH_MAX = 100 };

/* An entry that is due; which account's is known once it was opened. */
struct run_todo {
	char id[STORE_ID_ROOM];
	struct account *account;	/* NULL: not known yet, or none */
	bool done;
};

/* An entry that is being delivered, with its lock. */
struct run_job {
	struct entry entry;
	struct state state;
	struct elapsed elapsed;		/* since it was submitted */
	struct run_job *next;
	int64_t started;
};

void run_init(struct run *r, const struct run_setup *setup)
{
	*r = (struct run){ .setup = setup };
}

void run_release(struct run *r)
{
	free((char *)(uintptr_t)r->worst.text.p);
	free(r->todo);
}

static void tell(const struct run *r, const struct run_news *news)
{
	if (r->setup->tell)
		r->setup->tell(r->setup->ctx, news);
}

static void tell_error(const struct run *r, const struct error *err)
{
	tell(r, &(struct run_news){ .error = err });
}

static bool stopped(const struct run *r)
{
	return r->setup->stop && r->setup->stop(r->setup->ctx);
}

/* Keep the worst of what happened, permanent before temporary. */
static void note(struct run *r, const struct verdict *v)
{
	bool worse = r->worst.outcome == OUTCOME_PENDING ||
		(v->outcome == OUTCOME_FAILED &&
		 r->worst.outcome != OUTCOME_FAILED);

	if (v->outcome == OUTCOME_SENT || v->outcome == OUTCOME_PENDING ||
	    !worse)
		return;
	free((char *)(uintptr_t)r->worst.text.p);
	r->worst = *v;
	r->worst.text.p = xstrndup(v->text.p, v->text.n);
}

/* ---- what there is to do ---- */

static int collect(void *ctx, const struct store_item *item, struct error *err)
{
	struct run *r = ctx;
	const struct run_setup *s = r->setup;
	struct run_todo *t;

	if (item->odd) {
		if (store_quarantine(s->store, item->name, err))
			tell_error(r, err);
		error_set(err, ERROR_DATA, "'%.64s' in the spool is no queue "
			  "file; it is in corrupt/ now", item->name);
		tell_error(r, err);
		return 0;
	}
	if (item->due == STORE_HELD || (!s->filter.all &&
	    !store_due(item, s->policy, clock_wall())))
		return 0;
	if (!(r->n_todo & (r->n_todo - 1)))	/* full at each power of two */
		r->todo = xrealloc(r->todo, r->n_todo ? 2 * r->n_todo : 1,
				   sizeof(*r->todo));
	t = &r->todo[r->n_todo++];
	*t = (struct run_todo){ .account = NULL };
	memcpy(t->id, item->id, sizeof(t->id));
	return 0;
}

/* Ids are in the order of their times. */
static int older(const void *a, const void *b)
{
	return strcmp(((const struct run_todo *)a)->id,
		      ((const struct run_todo *)b)->id);
}

static bool contains(const char *text, const char *part)
{
	struct str s = str_of(text), p = str_of(part);

	for (; s.n >= p.n; s.p++, s.n--)
		if (str_casestarts(s, p))
			return true;
	return false;
}

static bool wanted(const struct run *r, const struct entry *e)
{
	const struct run_filter *f = &r->setup->filter;
	bool rcpt = !*f->rcpt;

	for (size_t i = 0; i < e->env.n_rcpt && !rcpt; i++)
		rcpt = contains(e->env.rcpt[i].addr, f->rcpt);
	return rcpt && contains(e->id, f->id) &&
		contains(e->env.from, f->sender);
}

static struct account *account_of(const struct run *r, const struct entry *e)
{
	struct config *c = r->setup->config;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->accounts[i].name, e->head.account))
			return &c->accounts[i];
	return NULL;
}

/*
 * Open an entry and say what is the matter if it cannot be.  Bad ones are put
 * aside, so that they are told of once.
 */
static bool open_entry(struct run *r, struct entry *e, const char *id,
		       unsigned flags)
{
	const struct store *s = r->setup->store;
	char name[STORE_NAME_ROOM];
	struct error err, moved;

	switch (entry_open(e, s, id, flags, &err)) {
	case ENTRY_OPEN:
		return true;
	case ENTRY_CORRUPT:
		store_name(name, 'm', id);
		if (store_quarantine(s, name, &moved))
			tell_error(r, &moved);
		else
			error_add(&err, "; it is in corrupt/ now");
		tell_error(r, &err);
		break;
	case ENTRY_UNREADABLE:
	case ENTRY_FUTURE:
		tell_error(r, &err);
		break;
	case ENTRY_BUSY:
	case ENTRY_GONE:
		break;		/* another runner's */
	}
	entry_release(e);
	return false;
}

/* Learn each entry's account, so that each relay is visited once. */
static void sort_out(struct run *r, struct run_todo *t)
{
	struct entry e;
	struct error err;

	if (!open_entry(r, &e, t->id, 0)) {
		t->done = true;
		return;
	}
	t->account = account_of(r, &e);
	t->done = !wanted(r, &e);
	if (!t->account && !t->done) {
		error_set(&err, ERROR_CONFIG, "queue file %s is for account "
			  "'%.100s', which the configuration lacks; it waits",
			  t->id, e.head.account);
		tell_error(r, &err);
		t->done = true;
		r->left++;
	}
	entry_release(&e);
}

/* ---- one entry's attempt ---- */

static void plan(struct run *r, struct run_job *j, const struct queue_tried *t)
{
	int64_t due = queue_next(t, &j->state.past);
	struct error err;

	/* One needs space, the other does not: it may be to hold the entry. */
	if (state_save(&j->state, r->setup->store, j->entry.id, &err))
		tell_error(r, &err);
	if (store_plan(r->setup->store, j->entry.id, due, &err))
		tell_error(r, &err);
	r->left++;
}

/* All or nothing, and one was refused for good: nobody gets it any more. */
static void refuse_all(struct envelope *env)
{
	const struct verdict v = { .outcome = OUTCOME_FAILED,
		.stage = STAGE_LOCAL, .kind = ERROR_UNAVAILABLE,
		.text = STR("not sent, for another recipient was refused and "
			    "it is all or nothing") };

	if (!env->all_or_nothing || !envelope_count(env, OUTCOME_FAILED))
		return;
	for (size_t i = 0; i < env->n_rcpt; i++)
		if (envelope_verdict(env, i)->outcome == OUTCOME_DEFERRED)
			env->rcpt[i].verdict = 0;
	envelope_settle(env, &v);
}

static uint64_t age(const struct run *r, const struct run_job *j)
{
	return retry_age(&j->state.past, r->setup->policy,
			 j->entry.head.created, clock_wall());
}

/* The time within which it was to be delivered, or to come back, is over. */
static bool overdue(const struct run *r, const struct run_job *j)
{
	return elapsed_overdue(&j->elapsed, age(r, j));
}

/* The envelope has its verdicts: record, notify, plan. */
static void conclude(struct run *r, struct run_job *j)
{
	const struct run_setup *s = r->setup;
	struct retry_past *past = &j->state.past;
	const struct queue_tried t = { .env = &j->entry.env,
		.account = r->account, .policy = s->policy,
		.now = clock_wall(), .untried = r->relay_down };
	struct bounce_attempt a = {
		.relay = r->account ? r->account->host : "",
		.dsn = r->attempt && r->attempt->session.ehlo.caps & CAP_DSN,
		.now = t.now, .state = &j->state,
	};
	struct run_news news = { .entry = &j->entry, .account = r->account,
		.relay = r->attempt ? attempt_relay(r->attempt) : "" };
	struct bounce_told told;
	struct error err;

	refuse_all(&j->entry.env);
	queue_attempted(&t, past);
	state_take(&j->state, &j->entry.env);
	for (size_t i = 0; i < j->entry.env.n_rcpt; i++)
		note(r, envelope_verdict(&j->entry.env, i));
	a.expired = retry_expired(past, s->policy) || overdue(r, j);
	/* A notice would wait behind the same relay. */
	a.notice = !a.expired && !j->state.noticed &&
		!queue_relay_trouble(&t) && retry_notice(past, s->policy);
	a.retry_until = t.now + (int64_t)s->policy->lifetime -
		(int64_t)past->tried;
	if (bounce_settle(s->bounce, &j->entry, &a, &news.end, &told, &err)) {
		news.end = BOUNCE_REMAINS;
		tell_error(r, &err);
	} else {
		news.told = &told;
		j->state.noticed = j->state.noticed || told.delayed;
	}
	if (news.end == BOUNCE_REMAINS)
		plan(r, j, &t);
	else
		r->sent++;
	r->tried++;
	news.elapsed_ms = (uint64_t)(clock_ms() - j->started);
	tell(r, &news);
}

static void end_job(struct run *r, struct run_job *j)
{
	struct run_job **at = &r->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	state_release(&j->state);
	entry_release(&j->entry);
	free(j);
}

static struct run_job *begin_job(struct run *r, struct run_todo *t)
{
	struct run_job *j = xcalloc(1, sizeof(*j));

	t->done = true;
	if (!open_entry(r, &j->entry, t->id, ENTRY_LOCK | ENTRY_CHECK |
			ENTRY_MESSAGE)) {
		free(j);
		return NULL;
	}
	state_init(&j->state);
	state_load(&j->state, r->setup->store, t->id, j->entry.env.n_rcpt);
	elapsed_apply(&j->elapsed, &j->entry.env, age(r, j), clock_wall());
	j->started = clock_ms();
	j->next = r->jobs;
	r->jobs = j;
	return j;
}

static void on_settled(void *ctx, struct envelope *env)
{
	struct run *r = ctx;
	struct run_job *j = r->jobs;

	while (&j->entry.env != env)
		j = j->next;
	conclude(r, j);
	end_job(r, j);
}

/* `rate` messages a minute: may the next one start now? */
static bool paced(struct run *r)
{
	unsigned rate = r->account->rate;
	int64_t due = r->last_start + (rate ? 60000 / (int64_t)rate : 0);

	if (rate && r->last_start && clock_left(due)) {
		if (session_in_flight(&r->attempt->session))
			return false;
		/* A signal ends the sleep: it may say stop, or nothing to us. */
		while (clock_left(due) && !stopped(r))
			clock_sleep(due);
		if (stopped(r))
			return false;
	}
	r->last_start = clock_ms();
	return true;
}

/* There is no time left for another attempt (RFC 2852 s4.1). */
static void give_up(struct envelope *env)
{
	const struct verdict v = { .outcome = OUTCOME_DEFERRED,
		.stage = STAGE_LOCAL, .kind = ERROR_UNAVAILABLE,
		.text = STR("not delivered within the time that was given "
			    "(--deliver-by)") };

	envelope_settle(env, &v);
}

static struct envelope *next(void *ctx, struct message **message)
{
	struct run *r = ctx;

	while (r->at < r->n_todo && !stopped(r) &&
	       (!r->most || r->on_connection < r->most)) {
		struct run_todo *t = &r->todo[r->at];
		struct run_job *j;

		if (t->done || t->account != r->account) {
			r->at++;
			continue;
		}
		if (!paced(r))
			return NULL;
		r->at++;
		j = begin_job(r, t);
		if (!j)
			continue;
		if (overdue(r, j))
			give_up(&j->entry.env);
		if (!envelope_count(&j->entry.env, OUTCOME_PENDING)) {
			/* Or a run before this one did not come to the end. */
			on_settled(r, &j->entry.env);
			continue;
		}
		r->on_connection++;
		*message = &j->entry.message;
		return &j->entry.env;
	}
	return NULL;
}

/* ---- one relay ---- */

static const struct flight_source *source(struct run *r,
					  struct flight_source *s)
{
	*s = (struct flight_source){ r, next, on_settled };
	return s;
}

static bool left_for(const struct run *r)
{
	for (size_t i = r->at; i < r->n_todo; i++)
		if (!r->todo[i].done && r->todo[i].account == r->account)
			return true;
	return false;
}

/* The relay is down: what was not tried gets its word, and waits. */
static void defer_rest(struct run *r, struct verdict v)
{
	/* Whatever is wrong with the relay is no message's fault. */
	v.outcome = OUTCOME_DEFERRED;
	r->relay_down = true;
	for (; r->at < r->n_todo; r->at++) {
		struct run_todo *t = &r->todo[r->at];
		struct run_job *j;

		if (t->done || t->account != r->account)
			continue;
		j = begin_job(r, t);
		if (!j)
			continue;
		envelope_settle(&j->entry.env, &v);
		conclude(r, j);
		end_job(r, j);
	}
	r->relay_down = false;
}

static void limit_connection(struct run *r)
{
	uint64_t relay = r->attempt->session.ehlo.mail_max;

	r->most = r->account->max_messages;
	if (relay && (!r->most || relay < r->most))
		r->most = (size_t)relay;
}

/*
 * A relay that hung up after some messages may take more of them, and so may
 * one whose reply put an end to the first.
 */
static bool takes_more(const struct run *r, const struct verdict *v)
{
	return v->outcome == OUTCOME_PENDING || r->on_connection > 1 ||
		(r->on_connection && v->stage >= STAGE_MAIL && v->code &&
		 v->code != 421);
}

/* One connection.  True if another one may do more. */
static bool visit(struct run *r)
{
	struct attempt_setup setup = r->setup->attempt;
	const struct verdict *v;
	struct attempt a;
	struct flight_source s;
	bool more;

	setup.account = r->account;
	setup.several = true;
	/* `deadline` is for a caller who waits; here each step has its own. */
	setup.deadline = CLOCK_NEVER;
	r->attempt = &a;
	r->on_connection = 0;
	if (!attempt_open(&a, &setup)) {
		limit_connection(r);
		flight_run(&a, source(r, &s));
	}
	v = attempt_trouble(&a);
	more = left_for(r) && !stopped(r) && takes_more(r, v);
	if (!more && v->outcome != OUTCOME_PENDING) {
		note(r, v);
		tell(r, &(struct run_news){ .account = r->account,
		     .relay = attempt_relay(&a), .verdict = v });
		if (!stopped(r))
			defer_rest(r, *v);
	}
	attempt_quit(&a);
	attempt_release(&a);
	r->attempt = NULL;
	return more;
}

static int list(struct run *r, struct error *err)
{
	if (store_each(r->setup->store, collect, r, err))
		return -1;
	if (r->n_todo)
		qsort(r->todo, r->n_todo, sizeof(*r->todo), older);
	for (size_t i = 0; i < r->n_todo && !stopped(r); i++)
		sort_out(r, &r->todo[i]);
	return 0;
}

/* What is gone must not be there, and go out, again after a loss of power. */
static void sync_removed(struct run *r)
{
	struct error err;

	if (r->sent && store_sync(r->setup->store, &err))
		tell_error(r, &err);
}

int run_queue(struct run *r, struct error *err)
{
	struct config *c = r->setup->config;

	store_sweep(r->setup->store, clock_wall());
	if (list(r, err))
		return -1;
	for (size_t i = 0; i < c->n && !stopped(r); i++) {
		r->account = &c->accounts[i];
		r->at = 0;
		r->last_start = 0;
		while (left_for(r) && visit(r))
			;
	}
	sync_removed(r);
	return 0;
}

int run_flush(struct run *r, struct attempt *a, struct account *account,
	      struct error *err)
{
	struct flight_source s;

	if (list(r, err))
		return -1;
	r->account = account;
	r->attempt = a;
	r->on_connection = 1;
	limit_connection(r);
	if (!r->most || r->most > FLUSH_MAX)
		r->most = FLUSH_MAX;
	flight_run(a, source(r, &s));
	r->attempt = NULL;
	sync_removed(r);
	return 0;
}
