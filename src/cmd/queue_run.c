#include "cmd/queue_run.h"

#include <signal.h>
#include <string.h>

#include "cmd/front.h"
#include "cmd/postpone.h"
#include "deliver/policy.h"
#include "deliver/run.h"
#include "mail/header.h"
#include "mail/logline.h"
#include "mail/report.h"
#include "sys/clock.h"
#include "sys/host.h"
#include "sys/log.h"
#include "sys/process.h"
#include "util/utf8.h"

enum { NAP = 500 };		/* ms */
enum { NAME_OCTETS = 1 << 12, LOG_OCTETS = 1 << 20 };

/* What a run needs around it. */
struct queue {
	const struct request *r;
	struct config *config;
	struct store store;
	struct retry_policy policy;
	struct bounce bounce;
	struct run_setup setup;
	struct buf mailname, known_file;
};

/* A signal only leaves a word: what is in flight is finished first. */
static volatile sig_atomic_t told_to_stop, told_to_run;

static void on_signal(int signal)
{
	if (signal == SIGHUP)
		told_to_run = 1;
	else
		told_to_stop = 1;
}

static bool stop(void *ctx)
{
	(void)ctx;
	return told_to_stop;
}

static const char *log_of(const struct account *a)
{
	return a ? a->log : "syslog";
}

static void log_text(const struct queue *q, const struct account *a,
		     struct str lines)
{
	struct error err;

	(void)log_lines(log_of(a), q->r->name, lines, &err);
}

static bool in_json(const struct account *a)
{
	return a && a->log_format == LOG_FORMAT_JSON;
}

/* Trouble of the run: said, unless a quiet caller is to see nothing. */
static void tell_trouble(const struct queue *q, const struct run_news *news)
{
	struct logline l;
	struct buf text, line;

	buf_init(&text, LOG_OCTETS);
	buf_init(&line, LOG_OCTETS);
	if (news->verdict) {
		buf_addf(&text, "%s: ", news->relay);
		report_verdict(&text, news->verdict, "");
		if (news->next)
			buf_addf(&text, "; trying account '%s'",
				 news->next->name);
	} else {
		utf8_ensure(&text, str_of(news->error->text));
	}
	say_escaped(q->r, buf_str(&text));
	logline_begin(&l, &line, in_json(news->account));
	logline_text(&l, "trouble", buf_str(&text));
	logline_end(&l);
	log_text(q, news->account, buf_str(&line));
	buf_release(&text);
	buf_release(&line);
}

static void message_id(const struct entry *e, struct buf *out)
{
	struct header_field f;

	if (header_find(buf_str(&e->message.head), STR("Message-ID"), &f))
		header_unfold(out, f.value);
}

/* What its sender was told of an entry, or why not. */
static void log_told(const struct queue *q, const struct run_news *news)
{
	const struct bounce_told *t = news->told;
	struct logline l;
	struct buf line;

	buf_init(&line, LOG_OCTETS);
	logline_begin(&l, &line, in_json(news->account));
	logline_word(&l, "queue_id", news->entry->id);
	logline_word(&l, "notice", *t->id ? t->id : "none");
	if (*t->id) {
		logline_number(&l, "failed", (int64_t)t->failed);
		logline_number(&l, "delayed", (int64_t)t->delayed);
		logline_number(&l, "relayed", (int64_t)t->relayed);
	} else {
		logline_text(&l, "why", str_of(t->why.text));
	}
	logline_end(&l);
	log_text(q, news->account, buf_str(&line));
	buf_release(&line);
}

static void tell_told(const struct queue *q, const struct run_news *news)
{
	const struct bounce_told *t = news->told;
	struct error kept;

	if (!t || (!*t->id && !t->why.kind))
		return;
	log_told(q, news);
	if (news->end != BOUNCE_KEPT)
		return;
	error_set(&kept, t->why.kind, "%s could neither be delivered nor "
		  "returned; it is in failed/, and goes back by 'posthaste "
		  "--queue-retry=%s': %s", news->entry->id, news->entry->id,
		  t->why.text);
	(void)say_error(q->r, &kept);
}

static void tell(void *ctx, const struct run_news *news)
{
	const struct queue *q = ctx;
	struct report report = {
		.account = news->used ? news->used->name : "",
		.tls = "", .mech = "",
		.error = "", .relay = news->relay ? news->relay : "" };
	struct buf id, lines;

	if (!news->entry) {
		tell_trouble(q, news);
		return;
	}
	buf_init(&id, NAME_OCTETS);
	buf_init(&lines, 1 << 26);
	message_id(news->entry, &id);
	report.message_id = buf_cstr(&id);
	report.queue_id = news->entry->id;
	report.env = &news->entry->env;
	report.elapsed_ms = news->elapsed_ms;
	report.delay = clock_wall() - news->entry->head.created;
	for (size_t i = 0; i < report.env->n_rcpt; i++)
		report_log_rcpt(&lines, &report, i,
				in_json(news->account));
	log_text(q, news->account, buf_str(&lines));
	if (q->r->verbose)
		say_failures(q->r, &report);
	buf_release(&id);
	buf_release(&lines);
	tell_told(q, news);
}

static int queue_init(struct queue *q, const struct request *r,
		      struct config *c, struct error *err)
{
	*q = (struct queue){ .r = r, .config = c };
	buf_init(&q->mailname, NAME_OCTETS);
	buf_init(&q->known_file, NAME_OCTETS);
	host_mailname(c->general.mailname, &q->mailname);
	setup_known_file(&q->known_file);
	queue_policy(&c->queue, &q->policy);
	q->setup = (struct run_setup){
		.config = c, .store = &q->store, .policy = &q->policy,
		.bounce = &q->bounce, .stop = stop, .tell = tell, .ctx = q,
		.filter = { .all = r->queue_run.all, .id = r->queue_run.id,
			    .sender = r->queue_run.sender,
			    .rcpt = r->queue_run.rcpt },
		.attempt = { .mailname = buf_cstr(&q->mailname),
			     .ways = { .fd = -1 },
			     .known_file = buf_cstr(&q->known_file),
			     .trace = r->verbose ? say_trace : NULL,
			     .ctx = (void *)(uintptr_t)r },
	};
	if (postpone_open(&q->store, c, false, err))
		return -1;
	bounce_init(&q->bounce, &q->store, buf_cstr(&q->mailname));
	queue_bounces(&c->queue, &q->bounce);
	return 0;
}

static void queue_release(struct queue *q)
{
	store_close(&q->store);
	buf_release(&q->mailname);
	buf_release(&q->known_file);
}

/* While we stay, somebody may make the spool that was missing. */
static int open_spool(struct queue *q, struct error *err)
{
	if (q->store.fd >= 0)
		return 0;
	store_close(&q->store);
	return postpone_open(&q->store, q->config, false, err);
}

/* One run; the status of the worst that happened. */
static int run_once(struct queue *q)
{
	struct error err;
	struct run run;
	int status = 0;

	run_init(&run, &q->setup);
	if (open_spool(q, &err) || run_queue(&run, &err))
		status = say_error(q->r, &err);
	else if (q->r->face == FACE_POSTHASTE &&
		 run.worst.outcome != OUTCOME_PENDING)
		status = status_of_verdict(q->r->scheme, &run.worst);
	run_release(&run);
	return status;
}

/* A single run ends with its terminal, unless nohup(1) says otherwise. */
static void on_hangup(int signal)
{
	(void)signal;
	told_to_stop = 1;
}

static void catch_signals(bool stays)
{
	struct sigaction sa = { .sa_handler = on_signal }, old;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (!stays)
		sa.sa_handler = on_hangup;
	if (stays || (!sigaction(SIGHUP, NULL, &old) &&
		      old.sa_handler != SIG_IGN))
		sigaction(SIGHUP, &sa, NULL);
}

/* -q15m: by the monotonic clock; SIGHUP is "now", SIGTERM the end. */
static int run_on(struct queue *q)
{
	while (!told_to_stop) {
		int64_t until = clock_after(q->r->queue_run.interval);

		told_to_run = 0;
		run_once(q);
		process_reap();
		/* In short naps: a signal may come just before one. */
		while (!told_to_stop && !told_to_run && clock_left(until))
			clock_sleep(clock_left(until) < NAP ? until :
				    clock_ms() + NAP);
	}
	return 0;
}

int front_queue_run(const struct request *r)
{
	struct config config;
	struct queue q;
	struct error err;
	int status;

	if (setup_config(&config, r, &err)) {
		status = say_error(r, &err);
		config_release(&config);
		return status;
	}
	catch_signals(r->queue_run.interval);
	if (queue_init(&q, r, &config, &err))
		status = say_error(r, &err);
	else
		status = r->queue_run.interval ? run_on(&q) : run_once(&q);
	queue_release(&q);
	config_release(&config);
	return status;
}

void queue_flush(const struct request *r, struct config *c,
		 struct account *account, struct attempt *a)
{
	struct queue q;
	struct error err;
	struct run run;

	if (!queue_init(&q, r, c, &err) && q.store.fd >= 0) {
		run_init(&run, &q.setup);
		(void)run_flush(&run, a, account, &err);
		run_release(&run);
	}
	queue_release(&q);
}
