/*
 * -bs: SMTP on standard input and output.  What the client says of envelope
 * and content goes to the relay step by step, so that the client hears the
 * relay's own word on its sender, on each recipient and on the message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/front.h"
#include "cmd/moved.h"
#include "cmd/submission.h"
#include "deliver/attempt.h"
#include "mail/address.h"
#include "mail/scan.h"
#include "mail/status.h"
#include "mail/xtext.h"
#include "smtp/server.h"
#include "sys/clock.h"
#include "util/xalloc.h"

struct stdio {
	struct submission s;
	struct server server;
	struct server_config config;
	struct attempt_setup setup;
	struct attempt attempt;
	const struct account *connected;	/* whose attempt is; NULL: none */
	struct scan scan;
	const char *notify;	/* for recipients without NOTIFY */
	char **text;		/* what the envelope borrows; owned */
	size_t n_text;
	struct error error;	/* why the content cannot be taken */
	bool bad;		/* there is such an error */
};

/* ---- the relay ---- */

static void disconnect(struct stdio *b)
{
	if (!b->connected)
		return;
	attempt_quit(&b->attempt);
	attempt_release(&b->attempt);
	b->connected = NULL;
}

static const struct verdict *connect_and_mail(struct stdio *b)
{
	if (!b->connected) {
		b->setup.account = b->s.account;
		b->setup.further = b->s.account->further;
		b->connected = b->s.account;
		if (attempt_open(&b->attempt, &b->setup))
			return attempt_trouble(&b->attempt);
	}
	return attempt_mail(&b->attempt, &b->s.env);
}

/*
 * Ask the relay to take mail from the sender.  A connection from an earlier
 * message may have been closed meanwhile, which is nobody's fault.
 */
static void ask_mail(struct stdio *b)
{
	const struct verdict *v;
	bool old;

	if (b->connected && (b->connected != b->s.account ||
			     !attempt_alive(&b->attempt)))
		disconnect(b);
	b->setup.deadline = clock_after(b->s.account->deadline);
	old = b->connected;
	v = connect_and_mail(b);
	if (old && !attempt_alive(&b->attempt)) {
		disconnect(b);
		v = connect_and_mail(b);
	}
	server_verdict(&b->server, v);
}

/* ---- what the client says ---- */

/* Forget the message, here and at the relay. */
static void forget(struct stdio *b)
{
	if (b->connected)
		attempt_drop(&b->attempt);
	submission_clear(&b->s);
	for (size_t i = 0; i < b->n_text; i++)
		free(b->text[i]);
	free(b->text);
	b->text = NULL;
	b->n_text = 0;
	b->bad = false;
	scan_init(&b->scan, b->s.account && b->s.account->strict ?
		  SCAN_STRICT : 0);
}

/* A copy that lives as long as the message. */
static const char *lasting(struct stdio *b, const char *text)
{
	if (!*text)
		return "";
	if (!(b->n_text & (b->n_text - 1)))	/* full at each power of two */
		b->text = xrealloc(b->text, b->n_text ? 2 * b->n_text : 1,
				   sizeof(*b->text));
	b->text[b->n_text] = xstrdup(text);
	return b->text[b->n_text++];
}

static void refuse(struct stdio *b, const struct error *err)
{
	struct verdict v = verdict_of_error(err, STAGE_LOCAL);

	server_verdict(&b->server, &v);
}

/* The account may depend on who sends. */
static int choose_account(struct stdio *b, struct error *err)
{
	struct submission *s = &b->s;

	if (!s->account || !setup_is_fixed(s->r)) {
		struct account *a = setup_select(&s->config, s->r,
						 buf_cstr(&s->sender), err);

		if (!a)
			return -1;
		s->account = a;
	}
	if (s->r->queue_only && s->account->queue != QUEUE_NEVER)
		return error_set(err, ERROR_USAGE, "-odq does not go with -bs, "
				 "which passes the relay's own reply on");
	return 0;
}

/* What the client, the command line or the account says of notices. */
static int fill_envelope(struct stdio *b, struct error *err)
{
	const struct mail_argument *m = &b->server.mail;
	const struct account *account = b->s.account;
	const struct request *r = b->s.r;
	struct envelope *e = &b->s.env;

	b->notify = r->notify;
	e->ret = *m->ret ? m->ret : r->ret;
	if (!*e->ret && *account->dsn_return &&
	    xtext_ret(str_of(account->dsn_return), &e->ret, err))
		return -1;
	if (!*b->notify && *account->dsn_notify &&
	    xtext_notify(str_of(account->dsn_notify), &b->notify, err))
		return -1;
	e->from = buf_cstr(&b->s.sender);
	e->envid = m->envid.len ? buf_cstr(&m->envid) : r->envid;
	e->size = m->size;
	e->utf8 = m->utf8;
	e->require_tls = r->require_tls;
	e->deliver_by = r->deliver_by;
	e->hold = r->hold;
	e->priority = r->priority;
	return 0;
}

static void on_mail(struct stdio *b)
{
	struct error err;

	forget(b);
	route_sender(&b->s.route, buf_str(&b->server.mail.from),
		     &b->s.sender);
	if (choose_account(b, &err) || fill_envelope(b, &err)) {
		refuse(b, &err);
		return;
	}
	scan_init(&b->scan, b->s.account->strict ? SCAN_STRICT : 0);
	ask_mail(b);
}

/* Which of two answers a client should have: an acceptance, else the first. */
static void prefer(struct verdict *best, struct buf *text,
		   const struct verdict *v)
{
	if (best->outcome != OUTCOME_PENDING &&
	    (best->outcome == OUTCOME_SENT || v->outcome != OUTCOME_SENT))
		return;
	buf_reset(text);
	buf_add(text, v->text);
	*best = *v;
	best->text = buf_str(text);
}

/* One recipient of the client's may be several of the relay's, or others. */
static void ask_recipients(struct stdio *b, const struct roster *to)
{
	const struct rcpt_argument *arg = &b->server.rcpt;
	struct verdict best = { .outcome = OUTCOME_PENDING };
	const char *notify = *arg->notify ? arg->notify : b->notify;
	const char *orcpt = lasting(b, buf_cstr(&arg->orcpt));
	struct buf text;

	buf_init(&text, REPLY_TEXT_MAX);
	b->setup.deadline = clock_after(b->s.account->deadline);
	for (size_t i = 0; i < to->n; i++) {
		envelope_add(&b->s.env, lasting(b, roster_get(to, i)), notify,
			     orcpt);
		prefer(&best, &text, attempt_rcpt(&b->attempt));
	}
	server_verdict(&b->server, &best);
	buf_release(&text);
}

static void on_rcpt(struct stdio *b)
{
	struct buf addr;
	struct roster to;
	struct error err;
	int ret;

	roster_init(&to);
	buf_init(&addr, 2 * ADDRESS_MAX + 600);
	address_qualify(&addr, buf_str(&b->server.rcpt.addr),
			buf_cstr(&b->s.mailname));
	ret = roster_add(&to, buf_str(&addr), &err);
	if (!ret)
		ret = route_recipients(&b->s.route, &to, &err);
	if (!ret)
		ask_recipients(b, &to);
	else if (err.kind == ERROR_DATA)
		server_reply(&b->server, 550, "5.1.1", str_of(err.text));
	else
		refuse(b, &err);
	buf_release(&addr);
	roster_release(&to);
}

static void on_content(struct stdio *b)
{
	if (!b->bad && intake_feed(&b->s.intake, &b->scan,
				   server_content(&b->server), &b->error))
		b->bad = true;
	server_taken(&b->server);
}

/* ---- the message ---- */

/* Make it ready to go; false if it cannot, and the client was told. */
static bool ready(struct stdio *b)
{
	struct submission *s = &b->s;
	unsigned long long max = s->account->max_message_size;

	if (b->bad || intake_end(&s->intake, &b->scan, &b->error) ||
	    submission_finish(s, &b->error)) {
		refuse(b, &b->error);
		return false;
	}
	if (!max || message_size(s->message) <= max)
		return true;
	server_reply(&b->server, 552, "5.3.4",
		     STR("the message is larger than max_message_size"));
	return false;
}

static void tell_log(struct stdio *b)
{
	const struct submission *s = &b->s;
	struct report report = {
		.message_id = buf_cstr(&s->id),
		.account = "", .relay = "",
		.tls = b->attempt.tls,
		.mech = b->attempt.session.mech,
		.queue_id = "", .error = "",
		.final = &b->attempt.session.final,
		.env = &s->env,
		.status = status_of_envelope(s->r->scheme, &s->env),
		.bytes = s->env.size,
		.elapsed_ms = (uint64_t)(clock_ms() - s->started),
		.trips = b->attempt.trips,
	};

	moved_report(&report, &b->attempt);
	say_log(s->r, &report, s->account);
	free(report.tried);
}

/*
 * The one answer for all whom the relay had accepted, from `first` on.  A
 * relay that speaks LMTP may judge each for itself: then a refusal counts.
 */
static const struct verdict *outcome(const struct envelope *e, size_t first)
{
	const struct verdict *v = envelope_verdict(e, first);

	for (size_t i = first + 1; i < e->n_rcpt; i++) {
		const struct verdict *other = envelope_verdict(e, i);

		if (other->stage == STAGE_CONTENT &&
		    v->outcome == OUTCOME_SENT)
			v = other;
	}
	return v;
}

static void on_end(struct stdio *b)
{
	struct envelope *e = &b->s.env;
	size_t first = 0;

	while (first < e->n_rcpt && !envelope_pending(e, first))
		first++;
	if (!ready(b)) {
		forget(b);
		return;
	}
	b->setup.deadline = clock_after(b->s.account->deadline);
	attempt_content(&b->attempt, b->s.message);
	if (first == e->n_rcpt)		/* the relay hung up meanwhile */
		server_verdict(&b->server, attempt_trouble(&b->attempt));
	else
		server_verdict(&b->server, outcome(e, first));
	tell_log(b);
	forget(b);
}

/* ---- standard input and output ---- */

static int on_send(struct stdio *b, struct error *err)
{
	struct str out = server_output(&b->server);

	if (say_out(out, err))
		return -1;
	server_sent(&b->server, out.n);
	return 0;
}

static int on_recv(struct stdio *b, struct error *err)
{
	char *room = xrealloc(NULL, SERVER_READ_MAX, 1);
	ssize_t n = intake_some(0, room, SERVER_READ_MAX);

	if (n >= 0)
		server_recv(&b->server, (struct str){ room, (size_t)n });
	free(room);
	return n >= 0 ? 0 : error_set(err, ERROR_IO, "cannot read standard "
				      "input: %s", strerror(errno));
}

static int serve(struct stdio *b, struct error *err)
{
	int ret = 0;

	while (!ret) switch (server_want(&b->server)) {
	case SERVER_SEND:    ret = on_send(b, err); break;
	case SERVER_RECV:    ret = on_recv(b, err); break;
	case SERVER_MAIL:    on_mail(b); break;
	case SERVER_RCPT:    on_rcpt(b); break;
	case SERVER_CONTENT: on_content(b); break;
	case SERVER_END:     on_end(b); break;
	case SERVER_RESET:   forget(b); server_reset(&b->server); break;
	case SERVER_DONE:    return 0;
	}
	return ret;
}

/* There can be no session: the client is told in its own language as well. */
static int no_service(struct stdio *b, const struct error *err)
{
	struct error ignored;

	(void)say_out(STR("421 4.3.5 the mail system is not configured\r\n"),
		      &ignored);
	return say_error(b->s.r, err);
}

static int session(struct stdio *b)
{
	struct submission *s = &b->s;
	struct error err;
	int status = 0;

	if (submission_open(s, &err) || submission_sender(s, &err))
		return no_service(b, &err);
	b->config = (struct server_config){
		.name = buf_cstr(&s->mailname),
		.size_max = s->account->max_message_size,
	};
	setup_known_file(&s->known_file);
	b->setup = (struct attempt_setup){
		.mailname = buf_cstr(&s->mailname),
		.ways = { .fd = s->r->password_fd,
			  .terminal = s->r->face == FACE_POSTHASTE &&
				isatty(0) },
		.ask = setup_ask,
		.trace = s->r->verbose ? say_trace : NULL,
		.ctx = (void *)(uintptr_t)s->r,
		.moved = moved_say,
		.moved_ctx = (void *)(uintptr_t)s->r,
		.known_file = buf_cstr(&s->known_file),
	};
	server_init(&b->server, &b->config);
	if (serve(b, &err))
		status = say_error(s->r, &err);
	forget(b);
	disconnect(b);
	server_release(&b->server);
	return status;
}

int front_stdio(const struct request *r)
{
	struct stdio b = { .connected = NULL };
	int status;

	submission_init(&b.s, r);
	status = session(&b);
	submission_release(&b.s);
	return status;
}
