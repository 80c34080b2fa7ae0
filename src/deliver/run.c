#include "deliver/run.h"

#include <stdlib.h>
#include <string.h>

#include "conf/netrc.h"
#include "deliver/flight.h"
#include "deliver/policy.h"
#include "deliver/running.h"
#include "sys/clock.h"
#include "util/xalloc.h"

/* Who sent one message waits for no more than so many others of the queue. */
enum { FLUSH_MAX = 100 };

void run_init(struct run *r, const struct run_setup *setup)
{
	*r = (struct run){ .setup = setup };
}

void run_release(struct run *r)
{
	free((char *)(uintptr_t)r->worst.text.p);
	free(r->todo);
	downs_release(&r->downs);
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

/* ---- one entry's attempt ---- */

static void plan(struct run *r, struct run_job *j, const struct queue_tried *t)
{
	int64_t due = queue_next(t, &j->state.past);
	struct error err;

	/* One needs space, the other does not: it may be to hold the entry. */
	if (state_save(&j->state, r->setup->store, j->entry.id, &err))
		run_tell_error(r, &err);
	if (store_plan(r->setup->store, j->entry.id, due, &err))
		run_tell_error(r, &err);
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

/* For bounces: the name of the host that had its say, if it has one. */
static const char *host_of(const struct run *r)
{
	const struct relay *relay = r->attempt ?
		relays_at(&r->attempt->relays) : NULL;

	if (relay)
		return relay->host;
	return r->account ? account_host(r->account) : "";
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
		.relay = host_of(r),
		.dsn = r->attempt && r->attempt->session.ehlo.caps & CAP_DSN,
		.now = t.now, .state = &j->state,
	};
	struct run_news news = { .entry = &j->entry, .account = r->account,
		.used = r->attempt ? attempt_account(r->attempt) : r->account,
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
		run_tell_error(r, &err);
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
	run_tell(r, &news);
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
	j->todo = t;
	if (!run_open(r, &j->entry, t->id, ENTRY_LOCK | ENTRY_CHECK |
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

/*
 * Nobody got it and nobody was refused it for good, so nothing is to be
 * written down: a further relay takes it up from the file.
 */
static bool goes_on(const struct run *r, const struct envelope *env)
{
	return r->spare && !run_stopped(r) && relays_may_retry(env) &&
		!envelope_count(env, OUTCOME_FAILED);
}

static void on_settled(void *ctx, struct envelope *env)
{
	struct run *r = ctx;
	struct run_job *j = r->jobs;

	while (&j->entry.env != env)
		j = j->next;
	for (size_t i = 0; i < env->n_rcpt; i++)
		if (envelope_verdict(env, i)->code &&
		    envelope_verdict(env, i)->code != 421) {
			r->answered++;
			break;
		}
	if (goes_on(r, env))
		j->todo->done = false;
	else
		conclude(r, j);
	end_job(r, j);
}

/* `rate` messages a minute: may the next one start now? */
static bool paced(struct run *r)
{
	unsigned rate = r->attempt->account->rate;
	int64_t due = r->last_start + (rate ? 60000 / (int64_t)rate : 0);

	if (rate && r->last_start && clock_left(due)) {
		if (session_in_flight(&r->attempt->session))
			return false;
		/* A signal ends the sleep: it may say stop, or nothing to us. */
		while (clock_left(due) && !run_stopped(r))
			clock_sleep(due);
		if (run_stopped(r))
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

/* The account counts messages, the relay MAIL commands (RFC 9422 s4.1). */
static bool used_up(const struct run *r)
{
	const struct session *s = &r->attempt->session;

	return (r->most && r->on_connection >= r->most) ||
		(s->ehlo.mail_max && s->mails >= s->ehlo.mail_max);
}

static struct envelope *next(void *ctx, struct message **message)
{
	struct run *r = ctx;

	while (r->at < r->n_todo && !run_stopped(r) && !used_up(r)) {
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

/*
 * A relay that hung up after some messages may take more of them, and so may
 * one whose reply put an end to the first; not one that says nothing to any.
 */
static bool takes_more(const struct run *r, const struct verdict *v)
{
	if (v->outcome == OUTCOME_PENDING)
		return true;
	return r->answered && (r->on_connection > 1 ||
		(v->stage >= STAGE_MAIL && v->code && v->code != 421));
}

/*
 * It was given up for another while connecting.  What it put off over an
 * earlier connection goes by that one, too, or waits with the rest.
 */
static void on_moved(void *run, const struct attempt *a,
		     const struct attempt_tried *given_up)
{
	struct run *r = run;

	if (!a || a->account == given_up->account)
		return;
	r->at = 0;
	downs_add(&r->downs, given_up->account, &given_up->verdict);
	note(r, &given_up->verdict);
	run_tell(r, &(struct run_news){ .account = r->account,
	     .used = given_up->account, .next = a->account,
	     .relay = given_up->relay, .verdict = &given_up->verdict });
}

/*
 * No relay is left.  The last one's trouble is told of, as that of the others
 * was; the rest waits, and what is said of it is v.
 */
static void none_left(struct run *r, const struct verdict *v)
{
	const struct attempt *a = r->attempt;
	const struct verdict *last = &a->session.verdict;

	note(r, v);
	run_tell(r, &(struct run_news){ .account = r->account, .used = a->account,
	     .relay = buf_cstr(&a->relay), .verdict = last });
	downs_add(&r->downs, a->account, last);
	if (!run_stopped(r))
		defer_rest(r, *v);
}

/* The relay would not do, or not for all: what it left goes by a further. */
static void pass_on(struct run *r, const struct verdict *v,
		    const struct account *to)
{
	const struct attempt *a = r->attempt;

	r->passed = downs_place(r->account, a->account) + 1;
	r->at = 0;
	if (v->outcome == OUTCOME_PENDING)
		return;
	downs_add(&r->downs, a->account, v);
	note(r, v);
	run_tell(r, &(struct run_news){ .account = r->account, .used = a->account,
	     .next = left_for(r) ? to : NULL, .relay = attempt_relay(a),
	     .verdict = v });
}

/* The next of these accounts after the one whose relay is used. */
static const struct account *after(const struct run *r,
				   struct account *const *list)
{
	while (*list && *list != r->attempt->account)
		list++;
	return *list ? list[1] : NULL;
}

/* Use the connection.  True if another one, or another relay, may do more. */
static bool use(struct run *r, struct account *const *list)
{
	const struct account *next_best = after(r, list);
	struct flight_source s;
	const struct verdict *v;

	r->spare = next_best;
	r->most = r->attempt->account->max_messages;
	flight_run(r->attempt, source(r, &s));
	r->spare = false;
	v = &r->attempt->session.verdict;
	if (left_for(r) && !run_stopped(r) && takes_more(r, v))
		return true;
	if (next_best && !run_stopped(r)) {
		pass_on(r, v, next_best);
		return left_for(r);
	}
	if (v->outcome != OUTCOME_PENDING)
		none_left(r, v);
	return false;
}

/* One connection.  True if another one may do more. */
static bool connect_once(struct run *r, struct account *const *list)
{
	struct attempt_setup setup = r->setup->attempt;
	struct attempt a;
	bool more = false;

	setup.account = list[0];
	setup.further = list + 1;
	setup.moved = on_moved;
	setup.moved_ctx = r;
	setup.several = true;
	/* `deadline` is for a caller who waits; here each step has its own. */
	setup.deadline = CLOCK_NEVER;
	r->attempt = &a;
	r->on_connection = r->answered = 0;
	if (attempt_open(&a, &setup))
		none_left(r, attempt_trouble(&a));
	else
		more = use(r, list);
	attempt_quit(&a);
	attempt_release(&a);
	r->attempt = NULL;
	return more;
}

/* By the account's own relay, or those it falls back on. */
static bool visit(struct run *r)
{
	struct account **list = downs_spare(&r->downs, r->account, r->passed);
	const struct verdict *v = downs_find(&r->downs, r->account);
	bool more = false;

	if (*list)
		more = connect_once(r, list);
	else if (v)
		defer_rest(r, *v);
	free(list);
	return more;
}

/* What is gone must not be there, and go out, again after a loss of power. */
static void sync_removed(struct run *r)
{
	struct error err;

	if (r->sent && store_sync(r->setup->store, &err))
		run_tell_error(r, &err);
}

/* That netrc files have; if one does not, the login will say so. */
static void login_names(struct account *a)
{
	struct error never;

	(void)netrc_fill_user(a, &never);
	for (size_t i = 0; a->further && a->further[i]; i++)
		(void)netrc_fill_user(a->further[i], &never);
}

int run_queue(struct run *r, struct error *err)
{
	struct config *c = r->setup->config;

	store_sweep(r->setup->store, clock_wall());
	if (run_list(r, err))
		return -1;
	for (size_t i = 0; i < c->n && !run_stopped(r); i++) {
		r->account = &c->accounts[i];
		login_names(r->account);
		r->at = r->passed = 0;
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

	if (run_list(r, err))
		return -1;
	r->account = account;
	r->attempt = a;
	r->on_connection = 1;
	r->most = account->max_messages;
	if (!r->most || r->most > FLUSH_MAX)
		r->most = FLUSH_MAX;
	flight_run(a, source(r, &s));
	r->attempt = NULL;
	sync_removed(r);
	return 0;
}
