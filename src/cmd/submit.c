/*
 * The main job: a message from stdin to the relay's verdict.
 */
#include <stdint.h>
#include <stdlib.h>

#include "cmd/front.h"
#include "cmd/moved.h"
#include "cmd/postpone.h"
#include "cmd/progress.h"
#include "cmd/queue_run.h"
#include "cmd/submission.h"
#include "deliver/attempt.h"
#include "mail/status.h"
#include "sys/clock.h"
#include "sys/intake.h"

/* The envelope may be larger than anything that is kept in memory. */
static int print_envelope(const struct envelope *e, struct buf *out,
			  struct error *err)
{
	buf_addf(out, "MAIL FROM:<%s>\n", e->from);
	for (size_t i = 0; i < e->n_rcpt; i++) {
		buf_addf(out, "RCPT TO:<%s>\n", e->rcpt[i].addr);
		if (out->len < INTAKE_MEMORY)
			continue;
		if (say_out(buf_str(out), err))
			return -1;
		buf_reset(out);
	}
	buf_addch(out, '\n');
	return say_out(buf_str(out), err);
}

static int dry_run(struct submission *s)
{
	const struct message *m = s->message;
	uint64_t size = message_size(m);
	struct error err;
	struct buf out;
	int ret;

	buf_init(&out, MESSAGE_HEAD_MAX);
	ret = print_envelope(&s->env, &out, &err);
	for (uint64_t at = 0; at < size && !ret; at += INTAKE_MEMORY) {
		uint64_t n = size - at < INTAKE_MEMORY ? size - at :
			INTAKE_MEMORY;
		char *room;

		buf_reset(&out);
		room = buf_room(&out, (size_t)n);
		ret = intake_read(m, at, room, (size_t)n, &err) ||
			say_out((struct str){ room, (size_t)n }, &err);
	}
	buf_release(&out);
	return ret ? say_error(s->r, &err) : 0;
}

/* "queued as ID: reason"; under the old name success is silent. */
static void say_queued(const struct submission *s)
{
	const struct envelope *e = &s->env;
	struct buf line;

	if (s->r->face == FACE_SENDMAIL || !*s->queue_id)
		return;
	buf_init(&line, 1 << 16);
	buf_addf(&line, "queued as %s", s->queue_id);
	for (size_t i = 0; i < e->n_rcpt; i++) {
		const struct verdict *v = envelope_verdict(e, i);

		if (v->outcome != OUTCOME_QUEUED || v->stage == STAGE_LOCAL)
			continue;
		buf_addz(&line, ": ");
		report_verdict(&line, v, e->n_rcpt > 1 ? e->rcpt[i].addr : "");
		break;
	}
	say_escaped(s->r, buf_str(&line));
	buf_release(&line);
}

/*
 * Say what happened, by every way that was asked for; returns the status.  a
 * is NULL if nothing was tried.
 */
static int tell(struct submission *s, const struct attempt *a)
{
	struct report report = {
		.message_id = buf_cstr(&s->id),
		.account = s->account->name,
		.relay = "",
		.tls = a ? a->tls : "",
		.resumed = a && a->resumed,
		.mech = a ? a->session.mech : "",
		.queue_id = s->queue_id,
		.final = a ? &a->session.final : NULL,
		.env = &s->env,
		.error = "",
		.status = status_of_envelope(s->r->scheme, &s->env),
		.bytes = s->env.size,
		.elapsed_ms = (uint64_t)(clock_ms() - s->started),
		.trips = a ? a->trips : 0,
	};

	if (a)
		moved_report(&report, a);
	if (s->spool_status)
		report.status = s->spool_status;
	say_queued(s);
	say_failures(s->r, &report);
	say_report(s->r, &report);
	say_log(s->r, &report, s->account);
	free(report.tried);
	return report.status;
}

/* Into the queue with what is not settled; without it the status says why. */
static void put_off(struct submission *s)
{
	struct error err;

	if (!postpone(s, &err))
		return;
	/* Who was not tried yet has this for his verdict, which is told. */
	s->spool_status = envelope_count(&s->env, OUTCOME_PENDING) ?
		error_kind_status(err.kind) : say_error(s->r, &err);
	envelope_settle(&s->env, &(struct verdict){ .outcome =
			OUTCOME_DEFERRED, .kind = err.kind,
			.text = str_of(err.text) });
}

static bool unsettled(const struct envelope *e)
{
	return envelope_count(e, OUTCOME_DEFERRED) ||
		envelope_count(e, OUTCOME_UNKNOWN);
}

/* Who never queues by his own word has no queue to look after. */
static bool flushes(const struct submission *s)
{
	/* A relay or login of the command line's is not the queue's. */
	return s->account->flush_on_send && *s->account->name &&
		s->account->queue != QUEUE_NEVER && !s->r->n_settings;
}

static int submit_now(struct submission *s, struct attempt_setup *setup,
		      enum account_queue policy)
{
	struct progress_line progress;
	struct attempt a;
	int status;

	progress_init(&progress, s->r);
	setup->progress = progress_show;
	setup->progress_ctx = &progress;
	setup->several = flushes(s);
	(void)attempt_open(&a, setup);
	attempt_submit(&a, &s->env, s->message);
	progress_end(&progress);
	if (policy == QUEUE_TEMPFAIL && unsettled(&s->env))
		put_off(s);
	/* The caller's own message is told of first, and alone. */
	status = tell(s, &a);
	if (setup->several && attempt_alive(&a) && a.account == s->account && !*s->queue_id &&
	    envelope_count(&s->env, OUTCOME_SENT))
		queue_flush(s->r, &s->config, s->account, &a);
	attempt_quit(&a);
	attempt_release(&a);
	return status;
}

static int submit(struct submission *s)
{
	enum account_queue policy = postpone_policy(s);
	struct attempt_setup setup = {
		.account = s->account,
		.further = s->account->further,
		.mailname = buf_cstr(&s->mailname),
		.ways = { .fd = s->r->password_fd },
		.deadline = clock_after(s->account->deadline),
		.ask = setup_ask,
		.trace = s->r->verbose ? say_trace : NULL,
		.ctx = (void *)(uintptr_t)s->r,
		.moved = moved_say,
		.moved_ctx = (void *)(uintptr_t)s->r,
	};

	/* As sendmail we are called by programs, whose user expects no question. */
	setup.ways.terminal = s->r->face == FACE_POSTHASTE;
	setup.ways.deadline = setup.deadline;
	setup_known_file(&s->known_file);
	setup.known_file = buf_cstr(&s->known_file);
	if (policy == QUEUE_ALWAYS) {
		put_off(s);
		return tell(s, NULL);
	}
	return submit_now(s, &setup, policy);
}

/* It did not come to an attempt. */
static int refuse(struct submission *s, const struct error *err)
{
	struct report report = {
		.message_id = buf_cstr(&s->id),
		.account = s->account ? s->account->name : "",
		.relay = "", .tls = "", .mech = "", .queue_id = "",
		.env = &s->env, .error = err->text,
		.status = error_kind_status(err->kind),
		.elapsed_ms = (uint64_t)(clock_ms() - s->started),
	};

	say_error(s->r, err);
	say_report(s->r, &report);
	return report.status;
}

int front_submit(const struct request *r)
{
	struct submission s;
	struct error err;
	int status;

	submission_init(&s, r);
	if (r->print_version)
		(void)say_out(STR("posthaste " VERSION "\n"), &err);
	if (submission_prepare(&s, &err))
		status = refuse(&s, &err);
	else if (r->mode == MODE_DRY_RUN)
		status = dry_run(&s);
	else
		status = submit(&s);
	submission_release(&s);
	return status;
}
