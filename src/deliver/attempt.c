#include "deliver/attempt.h"

#include <string.h>

#include "deliver/adapt.h"
#include "mail/idn.h"
#include "net/dial.h"
#include "sys/clock.h"
#include "sys/guard.h"
#include "sys/intake.h"

enum { READ_SIZE = 64 << 10 };		/* octets a read from the relay */

/* A deadline for this wait: the earlier of its own and that of everything. */
static int64_t until(const struct attempt *a, unsigned seconds)
{
	int64_t own = clock_after(seconds);

	return own < a->setup->deadline ? own : a->setup->deadline;
}

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
	a->wait_until = until(a, session_timeout(&a->session));
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

static void start_tls(struct attempt *a)
{
	const struct account *acc = a->setup->account;
	struct tls_config config = {
		.host = *acc->tls_name ? acc->tls_name : buf_cstr(&a->host),
		.trust = acc->tls_trust,
		.priority = acc->tls_priority,
		.known_file = a->setup->known_file,
		.known_as = buf_cstr(&a->relay),
		.ask = a->setup->ask,
		.ask_ctx = a->setup->ctx,
		.verify = !a->setup->look,
	};
	struct verdict v;
	struct error err;

	if (!stream_start_tls(a->stream, &config, until(a, acc->timeout_tls),
			      &err)) {
		a->tls = stream_tls(a->stream)->version;
		a->trips += strcmp(a->tls, "TLS1.3") ? 2 : 1;
		return;
	}
	v = verdict_of_error(&err, STAGE_TLS);
	session_fail_at(&a->session, &v);
}

static void authenticate(struct attempt *a)
{
	const struct account *acc = a->setup->account;
	const struct tls_info *tls = stream_tls(a->stream);
	struct error err;

	if (secret_finish(a->source, until(a, acc->timeout_command),
			  &a->secret, &err)) {
		a->source = NULL;
		session_give_up(&a->session, &err);
		return;
	}
	a->source = NULL;
	a->sasl_config = (struct sasl_config){
		.mechs = acc->auth, .user = acc->user, .authzid = acc->authzid,
		.host = buf_cstr(&a->host), .port = account_port(acc),
		.secret = secret_str(&a->secret),
		.is_token = *acc->token_command,
		.secure = tls || account_is_local(acc),
	};
	if (tls) {
		a->sasl_config.exporter = buf_str(&tls->exporter);
		a->sasl_config.unique = buf_str(&tls->unique);
	}
	a->sasl = sasl_new(&a->sasl_config, &err);
	if (a->sasl)
		session_auth(&a->session, sasl_auth(a->sasl));
	else
		session_give_up(&a->session, &err);
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
		start_tls(a);
		if (!over(a))
			session_tls_up(s);
		break;
	case WANT_AUTH:
		authenticate(a);
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

static void configure(struct attempt *a)
{
	static const enum tls_policy policy[] = {
		[ACCOUNT_TLS_IMPLICIT] = TLS_IMPLICIT,
		[ACCOUNT_TLS_STARTTLS] = TLS_STARTTLS,
		[ACCOUNT_TLS_NONE] = TLS_NONE,
	};
	const struct account *acc = a->setup->account;

	buf_addz(&a->helo, *acc->helo ? acc->helo : a->setup->mailname);
	a->config = (struct session_config){
		.helo = buf_cstr(&a->helo),
		.tls = policy[account_tls(acc)],
		.lmtp = acc->protocol == PROTOCOL_LMTP,
		.ignore = acc->ignore_extensions,
		.auth = !a->setup->look && (account_wants_auth(acc) ||
			a->setup->password_fd >= 0),
		.timeout = { acc->timeout_command, acc->timeout_data,
			     acc->timeout_end },
		.trace = a->setup->trace,
		.trace_ctx = a->setup->ctx,
		.settled = a->setup->several ? on_settled : NULL,
		.settled_ctx = a,
	};
	session_init(&a->session, &a->config);
}

/* Everything up to a connected stream; the secret is on its way meanwhile. */
static int connect_relay(struct attempt *a, struct error *err)
{
	const struct account *acc = a->setup->account;
	struct dial d = {
		.port = account_port(acc), .source = acc->source,
		.timeout = acc->timeout_connect, .deadline = a->setup->deadline,
	};
	int fd;

	if (idn_domain(&a->host, str_of(acc->host), err))
		return error_wrap(err, "host '%s'", acc->host);
	buf_addz(&a->relay, acc->host);
	if (!account_is_local(acc))
		buf_addf(&a->relay, ":%u", d.port);
	if (a->config.auth) {
		a->source = secret_begin(acc, a->setup->password_fd, err);
		if (!a->source)
			return -1;
	}
	d.host = buf_cstr(&a->host);
	fd = dial(&d, &a->peer, err);
	if (fd < 0)
		return -1;
	a->stream = stream_open(fd);
	a->trips = !account_is_local(acc);
	a->turn = true;
	return 0;
}

int attempt_open(struct attempt *a, const struct attempt_setup *setup)
{
	struct verdict v;
	struct error err;

	*a = (struct attempt){ .setup = setup, .tls = "" };
	buf_init(&a->relay, 1 << 16);
	buf_init(&a->peer, 1 << 16);
	buf_init(&a->host, 1 << 16);
	buf_init(&a->helo, 1 << 16);
	buf_init(&a->block, SESSION_FLIGHT_MAX);
	configure(a);
	if (connect_relay(a, &err)) {
		v = verdict_of_error(&err, STAGE_CONNECT);
		session_fail_at(&a->session, &v);
		return -1;
	}
	if (a->config.tls == TLS_IMPLICIT)
		start_tls(a);
	drive(a);
	return over(a) ? -1 : 0;
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
	session_begin(&a->session, env);
}

static void transact(struct attempt *a, struct envelope *env,
		     struct message *message)
{
	attempt_begin(a, env, message);
	while (attempt_ready(a) && session_in_flight(&a->session))
		session_await(&a->session);
}

int attempt_submit(struct attempt *a, struct envelope *env,
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
		v = a->session.verdict;
		v.outcome = OUTCOME_DEFERRED;
		envelope_settle(env, &v);
	}
	adapt_release(&adapted, env);
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
	struct error err;

	attempt_drop(a);
	if (session_want(&a->session) == WANT_NEXT)
		session_quit(&a->session);
	if (a->stream && session_output(&a->session).n &&
	    !stream_write(a->stream, session_output(&a->session), &err))
		(void)stream_flush(a->stream, &err);	/* its loss costs nothing */
	stream_close(a->stream);
	a->stream = NULL;
}

void attempt_release(struct attempt *a)
{
	stream_close(a->stream);
	secret_cancel(a->source);
	sasl_free(a->sasl);
	secret_release(&a->secret);
	session_release(&a->session);
	buf_release(&a->relay);
	buf_release(&a->peer);
	buf_release(&a->host);
	buf_release(&a->helo);
	buf_release(&a->block);
}
