#include "deliver/attempt.h"

#include <stdlib.h>

#include "deliver/adapt.h"
#include "deliver/connect.h"
#include "net/dane.h"
#include "net/identity.h"
#include "sys/clock.h"
#include "sys/guard.h"
#include "sys/intake.h"
#include "util/xalloc.h"

enum { READ_SIZE = 64 << 10 };		/* octets a read from the relay */

static void fail(struct attempt *a, const struct error *err)
{
	session_fail(&a->session, err);
}

/* The wait in hand took too long; say for what, and how long. */
static void fail_late(struct attempt *a)
{
	struct error err;

	if (!clock_left(a->setup->deadline))
		error_set(&err, ERROR_NET, "timed out waiting for %s: the "
			  "deadline for everything has passed",
			  session_awaited(&a->session));
	else
		error_set(&err, ERROR_NET, "timed out after %u s waiting for %s",
			  session_timeout(&a->session),
			  session_awaited(&a->session));
	fail(a, &err);
}

/*
 * Each new wait gets its own time; one that goes on keeps its end, so that a
 * relay that sends a byte now and then gains nothing.
 */
static void refresh(struct attempt *a)
{
	unsigned epoch = session_epoch(&a->session);

	if (epoch == a->epoch && a->wait_until)
		return;
	a->epoch = epoch;
	a->wait_until = connect_until(a, session_timeout(&a->session));
}

/* Take what the relay has said so far.  False if there was nothing. */
static bool receive(struct attempt *a)
{
	struct error err;
	char *room;
	ptrdiff_t n;

	buf_reset(&a->block);
	room = buf_room(&a->block, READ_SIZE);
	n = stream_read(a->stream, room, READ_SIZE, &err);
	if (n == STREAM_AGAIN)
		return false;
	if (n == STREAM_FAILED)
		fail(a, &err);
	else
		session_recv(&a->session, (struct str){ room, (size_t)n });
	return true;
}

static void wait_for_relay(struct attempt *a, bool writing)
{
	struct error err;

	refresh(a);
	if (!stream_wait(a->stream, writing, a->wait_until, &err))
		return;
	if (clock_left(a->wait_until))
		fail(a, &err);
	else
		fail_late(a);
}

static bool over(const struct attempt *a)
{
	return session_want(&a->session) == WANT_DONE;
}

/*
 * Move what the session wants said to the kernel, reading replies meanwhile:
 * a relay that will not read until its replies are read must not block us.
 */
static void send_output(struct attempt *a)
{
	struct str out = session_output(&a->session);
	struct error err;
	int r;

	a->turn = true;
	a->wait_until = 0;
	if (stream_write(a->stream, out, &err)) {
		fail(a, &err);
		return;
	}
	while ((r = stream_flush(a->stream, &err)) == STREAM_AGAIN) {
		wait_for_relay(a, true);
		if (!over(a))
			receive(a);
		if (over(a)) {
			stream_cut(a->stream);
			return;
		}
	}
	if (!r) {
		session_sent(&a->session, out.n);
		return;
	}
	/* It hung up: perhaps it said why before. */
	while (!over(a) && receive(a))
		;
	if (!over(a))
		fail(a, &err);
}

static void receive_reply(struct attempt *a)
{
	if (a->turn)
		a->trips++;
	a->turn = false;
	if (!receive(a))
		wait_for_relay(a, false);
}

static void give_body(struct attempt *a)
{
	size_t n = session_body_room(&a->session);
	uint64_t at = session_body_at(&a->session);
	struct error err;
	char *room;

	if (a->setup->progress)
		a->setup->progress(a->setup->progress_ctx, at,
				   message_size(a->message));
	buf_reset(&a->block);
	room = buf_room(&a->block, n);
	if (intake_read(a->message, at, room, n, &err))
		fail(a, &err);
	else
		session_body(&a->session, (struct str){ room, n });
}

/* Drive the session until it wants a message or is at its end. */
static void drive(struct attempt *a)
{
	struct session *s = &a->session;

	for (;;) switch (session_want(s)) {
	case WANT_SEND:
		guard_doubt(session_in_doubt(s));
		send_output(a);
		break;
	case WANT_RECV:
		guard_doubt(session_in_doubt(s));
		receive_reply(a);
		break;
	case WANT_TLS:
		connect_tls(a);
		if (!over(a))
			session_tls_up(s);
		break;
	case WANT_AUTH:
		connect_login(a);
		break;
	case WANT_BODY:
		give_body(a);
		break;
	case WANT_NEXT:
	case WANT_STEP:
	case WANT_DONE:
		return;
	}
}

static void on_settled(void *ctx, struct envelope *env)
{
	struct attempt *a = ctx;

	if (a->settled)
		a->settled(a->settled_ctx, env);
}

/* One relay.  0, or -1 with a->session.verdict. */
static int open_relay(struct attempt *a)
{
	struct verdict v;
	struct error err;
	int r;

	a->tls = "";
	a->resumed = false;
	connect_configure(a);
	a->config.settled = a->setup->several ? on_settled : NULL;
	r = connect_relay(a, &err);
	session_init(&a->session, &a->config);
	if (r) {
		v = verdict_of_error(&err, STAGE_CONNECT);
		session_fail_at(&a->session, &v);
		return -1;
	}
	if (a->config.tls == TLS_IMPLICIT)
		connect_tls(a);
	drive(a);
	if (over(a))
		return -1;
	stream_keep(a->stream);
	return 0;
}

/*
 * The relay broke off over the TLS session that was to be resumed: nothing was
 * said in it yet, so nobody need know.
 */
static int open_one(struct attempt *a)
{
	int ret = open_relay(a);

	if (!ret || !a->stream || !stream_soured(a->stream))
		return ret;
	a->again = true;
	stream_close(a->stream);
	a->stream = NULL;
	dane_free(a->dane);
	a->dane = NULL;
	session_release(&a->session);
	buf_reset(&a->relay);
	buf_reset(&a->peer);
	a->wait_until = 0;
	ret = open_relay(a);
	a->again = false;
	return ret;
}

/* Say QUIT if the relay listens, and close. */
static void hang_up(struct attempt *a)
{
	struct error err;

	attempt_drop(a);
	if (session_want(&a->session) == WANT_NEXT)
		session_quit(&a->session);
	if (a->stream && session_output(&a->session).n &&
	    !stream_write(a->stream, session_output(&a->session), &err))
		(void)stream_flush(a->stream, &err);	/* its loss costs nothing */
	stream_close(a->stream);
	a->stream = NULL;
	dane_free(a->dane);
	a->dane = NULL;
}

static void forget_login(struct attempt *a)
{
	secret_cancel(a->source);
	a->source = NULL;
	sasl_free(a->sasl);
	a->sasl = NULL;
	secret_release(&a->secret);
}

static void note_tried(struct attempt *a, const struct verdict *why)
{
	struct attempt_tried *t;

	a->tried = xrealloc(a->tried, a->n_tried + 1, sizeof(*a->tried));
	t = &a->tried[a->n_tried++];
	*t = (struct attempt_tried){ .account = a->account,
		.relay = xstrdup(buf_cstr(&a->relay)), .verdict = *why };
	t->verdict.text.p = xstrndup(why->text.p, why->text.n);
}

/* Ready to connect again. */
static void part(struct attempt *a)
{
	hang_up(a);
	session_release(&a->session);
	buf_reset(&a->relay);
	buf_reset(&a->peer);
	a->wait_until = 0;
}

/* Give the relay up for the next one; false if there is none, or no time. */
static bool move_on(struct attempt *a, const struct verdict *why)
{
	bool another;

	if (!clock_left(a->setup->deadline))
		return false;
	another = relays_another(&a->relays, why);
	if (!another && !relays_fall_back(&a->relays))
		return false;
	note_tried(a, why);
	part(a);
	if (!another) {
		forget_login(a);
		a->stale[0] = '\0';
	}
	a->account = a->relays.account;
	if (a->setup->moved)
		a->setup->moved(a->setup->moved_ctx, a,
				&a->tried[a->n_tried - 1]);
	return true;
}

/* The same relay again, by a token that is new. */
static bool login_anew(struct attempt *a)
{
	if (!clock_left(a->setup->deadline) || !connect_renew(a))
		return false;
	part(a);
	forget_login(a);
	return true;
}

/* The last of several: it is told of as the others were. */
static void give_up(struct attempt *a)
{
	note_tried(a, &a->session.verdict);
	if (a->setup->moved)
		a->setup->moved(a->setup->moved_ctx, NULL,
				&a->tried[a->n_tried - 1]);
}

/* The relay at hand, or else the next that will do. */
static int open_any(struct attempt *a)
{
	while (open_one(a)) {
		if (login_anew(a) || move_on(a, &a->session.verdict))
			continue;
		if (a->n_tried)
			give_up(a);
		return -1;
	}
	a->opened = true;
	return 0;
}

int attempt_open(struct attempt *a, const struct attempt_setup *setup)
{
	*a = (struct attempt){ .setup = setup, .tls = "",
		.account = setup->account };
	buf_init(&a->relay, 1 << 16);
	buf_init(&a->peer, 1 << 16);
	buf_init(&a->helo, 1 << 16);
	buf_init(&a->tickets, 1 << 16);
	buf_init(&a->ticket_for, 1 << 16);
	buf_init(&a->block, SESSION_FLIGHT_MAX);
	relays_init(&a->relays, setup->account, setup->further);
	return open_any(a);
}

/* No relay was ever ready: what the first one had to say. */
static const struct attempt_tried *in_vain(const struct attempt *a)
{
	return a->opened || !a->n_tried ? NULL : &a->tried[0];
}

const struct verdict *attempt_trouble(const struct attempt *a)
{
	return in_vain(a) ? &in_vain(a)->verdict : &a->session.verdict;
}

const char *attempt_relay(const struct attempt *a)
{
	return in_vain(a) ? in_vain(a)->relay : buf_cstr(&a->relay);
}

const struct account *attempt_account(const struct attempt *a)
{
	return in_vain(a) ? in_vain(a)->account : a->account;
}

bool attempt_ready(struct attempt *a)
{
	drive(a);
	return !over(a);
}

void attempt_begin(struct attempt *a, struct envelope *env,
		   struct message *message)
{
	a->message = message;
	env->via = (unsigned)a->n_tried;
	session_begin(&a->session, env);
}

static void transact(struct attempt *a, struct envelope *env,
		     struct message *message)
{
	attempt_begin(a, env, message);
	while (attempt_ready(a) && session_in_flight(&a->session))
		session_await(&a->session);
}

/* Who is left has to wait, whatever became of the connection. */
static void put_off(const struct attempt *a, struct envelope *env)
{
	struct verdict v = a->session.verdict;

	v.outcome = OUTCOME_DEFERRED;
	envelope_settle(env, &v);
}

/* To the relay at hand. */
static void submit(struct attempt *a, struct envelope *env,
		   struct message *message)
{
	struct adapted adapted;
	struct verdict v;
	struct error err;

	if (adapt(&adapted, env, message, &a->session.ehlo, &err)) {
		v = verdict_of_error(&err, STAGE_LOCAL);
		envelope_settle(env, &v);
	} else {
		do
			transact(a, env, &adapted.message);
		while (!over(a) && envelope_count(env, OUTCOME_PENDING));
		/* The connection did not last for those who were too many. */
		put_off(a, env);
	}
	adapt_release(&adapted, env);
}

static const struct verdict *first_deferred(const struct envelope *env)
{
	size_t i = 0;

	while (envelope_verdict(env, i)->outcome != OUTCOME_DEFERRED)
		i++;
	return envelope_verdict(env, i);
}

int attempt_submit(struct attempt *a, struct envelope *env,
		   struct message *message)
{
	if (!a->opened) {
		envelope_settle(env, attempt_trouble(a));
		return -1;
	}
	submit(a, env, message);
	while (relays_may_retry(env) && move_on(a, first_deferred(env))) {
		envelope_retry(env);
		if (open_any(a)) {
			put_off(a, env);
			break;
		}
		submit(a, env, message);
	}
	return over(a) ? -1 : 0;
}

static const struct verdict *answer(const struct attempt *a)
{
	return over(a) ? &a->session.verdict : &a->session.word;
}

/* What the session would not get to see, in the place where it answers. */
static const struct verdict *refuse(struct attempt *a, const struct error *err)
{
	a->error = *err;
	a->session.word = verdict_of_error(&a->error, STAGE_LOCAL);
	return &a->session.word;
}

const struct verdict *attempt_mail(struct attempt *a, struct envelope *env)
{
	struct error err;

	attempt_drop(a);
	a->stepping = env;
	env->via = (unsigned)a->n_tried;
	if (adapt_sender(&a->adapted, env, &a->session.ehlo, &err))
		return refuse(a, &err);
	session_step(&a->session, env);
	drive(a);
	return answer(a);
}

const struct verdict *attempt_rcpt(struct attempt *a)
{
	struct envelope *env = a->stepping;
	size_t last = env->n_rcpt - 1;

	if (over(a))
		return answer(a);
	adapt_rcpt(&a->adapted, env, last);
	if (!envelope_pending(env, last))
		return envelope_verdict(env, last);
	session_rcpt(&a->session);
	drive(a);
	return answer(a);
}

void attempt_content(struct attempt *a, struct message *message)
{
	struct envelope *env = a->stepping;
	struct verdict v = a->session.verdict;
	struct error err;

	if (over(a)) {
		envelope_settle(env, &v);
	} else if (adapt_message(&a->adapted, env, message, &a->session.ehlo,
				 &err)) {
		v = verdict_of_error(&err, STAGE_LOCAL);
		envelope_settle(env, &v);
	} else {
		a->message = &a->adapted.message;
		session_content(&a->session);
		drive(a);
	}
}

void attempt_drop(struct attempt *a)
{
	if (session_want(&a->session) == WANT_STEP)
		session_drop(&a->session);
	if (a->stepping)
		adapt_release(&a->adapted, a->stepping);
	a->stepping = NULL;
}

bool attempt_alive(const struct attempt *a)
{
	return !over(a);
}

void attempt_quit(struct attempt *a)
{
	hang_up(a);
}

void attempt_release(struct attempt *a)
{
	stream_close(a->stream);
	dane_free(a->dane);
	identity_free(a->identity);
	forget_login(a);
	session_release(&a->session);
	for (size_t i = 0; i < a->n_tried; i++) {
		free((char *)(uintptr_t)a->tried[i].relay);
		free((char *)(uintptr_t)a->tried[i].verdict.text.p);
	}
	free(a->tried);
	relays_release(&a->relays);
	buf_release(&a->relay);
	buf_release(&a->peer);
	buf_release(&a->helo);
	buf_release(&a->tickets);
	buf_release(&a->ticket_for);
	buf_release(&a->block);
}
