/*
 * The main job: a message from stdin to the relay's verdict.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/front.h"
#include "deliver/attempt.h"
#include "mail/address.h"
#include "mail/complete.h"
#include "mail/header.h"
#include "mail/roster.h"
#include "mail/scan.h"
#include "mail/xtext.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/guard.h"
#include "sys/host.h"
#include "sys/intake.h"

enum { NAME_MAX_OCTETS = 4096, UNIQUE_OCTETS = 12 };

/* One message on its way; everything the envelope borrows lives here. */
struct submission {
	const struct request *r;
	struct config config;
	struct account *account;	/* borrowed from config */
	struct intake intake;
	struct roster roster;
	struct buf mailname, login, full_name, sender, id, known_file;
	struct envelope env;
	const char *notify;
	int64_t started;
};

static void submission_init(struct submission *s, const struct request *r)
{
	*s = (struct submission){ .r = r, .started = clock_ms() };
	config_init(&s->config);
	intake_init(&s->intake);
	roster_init(&s->roster);
	envelope_init(&s->env);
	buf_init(&s->mailname, NAME_MAX_OCTETS);
	buf_init(&s->login, NAME_MAX_OCTETS);
	buf_init(&s->full_name, NAME_MAX_OCTETS);
	buf_init(&s->sender, NAME_MAX_OCTETS);
	buf_init(&s->id, NAME_MAX_OCTETS);
	buf_init(&s->known_file, NAME_MAX_OCTETS);
}

static void submission_release(struct submission *s)
{
	config_release(&s->config);
	intake_release(&s->intake);
	roster_release(&s->roster);
	envelope_release(&s->env);
	buf_release(&s->mailname);
	buf_release(&s->login);
	buf_release(&s->full_name);
	buf_release(&s->sender);
	buf_release(&s->id);
	buf_release(&s->known_file);
}

/* Who we are, for addresses without a domain and a From that is missing. */
static void learn_names(struct submission *s)
{
	struct buf login;

	buf_init(&login, NAME_MAX_OCTETS);
	host_mailname(s->config.general.mailname, &s->mailname);
	host_login(&login);
	address_qualify(&s->login, buf_str(&login), buf_cstr(&s->mailname));
	buf_release(&login);
}

/* -f: one address, or the null path; without a domain it gets ours. */
static int sender_given(struct submission *s, struct error *err)
{
	struct buf spec;
	int r;

	buf_init(&spec, NAME_MAX_OCTETS);
	r = address_one(&spec, str_of(s->r->from), err);
	if (r)
		error_wrap(err, "sender");
	else
		address_qualify(&s->sender, buf_str(&spec),
				buf_cstr(&s->mailname));
	buf_release(&spec);
	return r;
}

static int sender_from_header(struct submission *s, struct error *err)
{
	struct buf spec;
	bool found;
	int r;

	buf_init(&spec, NAME_MAX_OCTETS);
	r = complete_sender(buf_str(&s->intake.message.head), &spec, &found,
			    err);
	if (!r && found)
		address_qualify(&s->sender, buf_str(&spec),
				buf_cstr(&s->mailname));
	else if (!r)
		r = error_set(err, ERROR_DATA, "the message has no From to take "
			      "the sender from (--read-envelope-from)");
	buf_release(&spec);
	return r;
}

/*
 * The account whose `from` has the sender; without -f the account decides the
 * sender, and the login name is what it may go by.
 */
static int choose_account(struct submission *s, struct error *err)
{
	bool given = s->r->from || s->r->read_from;

	s->account = setup_select(&s->config, s->r,
				  buf_cstr(given ? &s->sender : &s->login), err);
	if (!s->account)
		return -1;
	if (!given) {
		struct str from = account_sender(s->account);

		if (from.n)
			address_qualify(&s->sender, from,
					buf_cstr(&s->mailname));
		else
			buf_add(&s->sender, buf_str(&s->login));
	}
	if (s->r->queue_only && s->account->queue != QUEUE_NEVER)
		return error_set(err, ERROR_UNAVAILABLE, "-odq: this version "
				 "keeps no queue; set queue = never to submit "
				 "directly instead");
	return 0;
}

static int take_message(struct submission *s, struct error *err)
{
	const struct request *r = s->r;
	unsigned flags = 0;
	int fd = 0;
	int ret;

	if (r->face == FACE_SENDMAIL && !r->ignore_dots &&
	    !s->config.general.ignore_dots)
		flags |= SCAN_DOT;
	if (s->account && s->account->strict)
		flags |= SCAN_STRICT;
	if (!r->message && r->stdin_closed)
		return error_set(err, ERROR_INPUT, "standard input is closed: "
				 "there is no message");
	if (r->message) {
		fd = intake_open(r->message, err);
		if (fd < 0)
			return -1;
	} else if (r->face == FACE_POSTHASTE && isatty(0)) {
		say(r, "type the message (header, blank line, text) and end "
		    "with Ctrl-D");
	}
	ret = intake_take(&s->intake, fd, r->message ? r->message :
			  "standard input", flags, err);
	if (r->message)
		close(fd);
	return ret;
}

/* The account was chosen by the message itself: judge it afterwards. */
static int check_strict(const struct submission *s, struct error *err)
{
	const struct facts *head = &s->intake.head_facts;
	const struct facts *body = &s->intake.message.body_facts;

	if (!s->account->strict)
		return 0;
	if (head->nul || body->nul)
		return error_set(err, ERROR_DATA, "the message has a NUL, which "
				 "strict = yes refuses");
	if (head->bare_cr || body->bare_cr)
		return error_set(err, ERROR_DATA, "the message has a CR without "
				 "LF, which strict = yes refuses");
	return 0;
}

static int argument_recipients(struct submission *s, struct error *err)
{
	for (size_t i = 0; i < s->r->n_recipients; i++)
		if (roster_arg(&s->roster, str_of(s->r->recipients[i]),
			       buf_cstr(&s->mailname), err))
			return -1;
	return 0;
}

static int collect_recipients(struct submission *s, struct error *err)
{
	if (s->r->read_recipients &&
	    complete_recipients(buf_str(&s->intake.message.head),
				buf_cstr(&s->mailname), &s->roster, err))
		return -1;
	if (!s->roster.n)
		return error_set(err, ERROR_USAGE, s->r->read_recipients ?
				 "no recipients: the message has none in To, Cc "
				 "or Bcc" : "no recipients: name them after the "
				 "options, or use -t");
	return 0;
}

static int complete(struct submission *s, struct error *err)
{
	struct message *m = &s->intake.message;
	struct buf unique;
	int r;
	struct completion c = {
		.sender = buf_cstr(&s->sender),
		.login = buf_cstr(&s->login),
		.mailname = buf_cstr(&s->mailname),
		.now = clock_wall(),
	};

	c.zone = clock_zone(c.now);
	buf_init(&unique, 64);
	entropy_hex(&unique, UNIQUE_OCTETS);
	c.unique = buf_cstr(&unique);
	if (s->r->full_name)
		c.name = s->r->full_name;
	else if (*s->account->from_name)
		c.name = s->account->from_name;
	else
		c.name = (host_full_name(&s->full_name),
			  buf_cstr(&s->full_name));
	r = complete_message(m, &c, &s->id, err);
	buf_release(&unique);
	return r ? r : header_fold(&m->head, err);
}

static int check_size(const struct submission *s, struct error *err)
{
	unsigned long long max = s->account->max_message_size;
	unsigned long long size = message_size(&s->intake.message);

	if (!max || size <= max)
		return 0;
	return error_set(err, ERROR_DATA, "the message is %llu octets and "
			 "max_message_size is %llu", size, max);
}

static int fill_envelope(struct submission *s, struct error *err)
{
	const struct request *r = s->r;
	struct envelope *e = &s->env;

	e->from = buf_cstr(&s->sender);
	e->ret = r->ret;
	s->notify = r->notify;
	if (!*e->ret && *s->account->dsn_return &&
	    xtext_ret(str_of(s->account->dsn_return), &e->ret, err))
		return -1;
	if (!*s->notify && *s->account->dsn_notify &&
	    xtext_notify(str_of(s->account->dsn_notify), &s->notify, err))
		return -1;
	e->envid = r->envid;
	e->require_tls = r->require_tls;
	e->all_or_nothing = s->account->all_or_nothing;
	e->deliver_by = r->deliver_by;
	e->hold = r->hold;
	e->priority = r->priority;
	e->size = message_size(&s->intake.message);
	for (size_t i = 0; i < s->roster.n; i++)
		envelope_add(e, roster_get(&s->roster, i), s->notify, "");
	return 0;
}

/* Everything that can be done, and go wrong, before there is a connection. */
static int prepare(struct submission *s, struct error *err)
{
	if (setup_config(&s->config, s->r, err))
		return -1;
	learn_names(s);
	if (argument_recipients(s, err) ||
	    (s->r->from && sender_given(s, err)))
		return -1;
	if ((s->r->from || !s->r->read_from) && choose_account(s, err))
		return -1;
	if (take_message(s, err))
		return -1;
	if (!s->account && (sender_from_header(s, err) ||
			    choose_account(s, err)))
		return -1;
	if (check_strict(s, err) || collect_recipients(s, err) ||
	    complete(s, err) || check_size(s, err))
		return -1;
	return fill_envelope(s, err);
}

static int dry_run(struct submission *s)
{
	const struct message *m = &s->intake.message;
	uint64_t size = message_size(m);
	struct error err;
	struct buf out;
	int ret;

	buf_init(&out, MESSAGE_HEAD_MAX);
	buf_addf(&out, "MAIL FROM:<%s>\n", s->env.from);
	for (size_t i = 0; i < s->env.n_rcpt; i++)
		buf_addf(&out, "RCPT TO:<%s>\n", s->env.rcpt[i].addr);
	buf_addch(&out, '\n');
	ret = say_out(buf_str(&out), &err);
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

/* Say what happened, by every way that was asked for; returns the status. */
static int tell(struct submission *s, const struct attempt *a)
{
	struct report report = {
		.message_id = buf_cstr(&s->id),
		.account = s->account->name,
		.relay = buf_cstr(&a->relay),
		.tls = a->tls,
		.mech = a->session.mech,
		.queue_id = "",
		.final = &a->session.final,
		.env = &s->env,
		.error = "",
		.status = status_of_envelope(s->r->scheme, &s->env),
		.bytes = s->env.size,
		.elapsed_ms = (uint64_t)(clock_ms() - s->started),
		.trips = a->trips,
	};

	say_failures(s->r, &report);
	say_report(s->r, &report);
	say_log(s->r, &report, s->account->log);
	return report.status;
}

static int submit(struct submission *s)
{
	struct attempt_setup setup = {
		.account = s->account,
		.mailname = buf_cstr(&s->mailname),
		.password_fd = s->r->password_fd,
		.deadline = clock_after(s->account->deadline),
		.ask = setup_ask,
		.trace = s->r->verbose ? say_trace : NULL,
		.ctx = (void *)(uintptr_t)s->r,
	};
	struct attempt a;
	int status;

	setup_known_file(&s->known_file);
	setup.known_file = buf_cstr(&s->known_file);
	guard_secrets();
	if (attempt_open(&a, &setup))
		envelope_settle(&s->env, &a.session.verdict);
	else
		attempt_submit(&a, &s->env, &s->intake.message);
	attempt_quit(&a);
	status = tell(s, &a);
	attempt_release(&a);
	return status;
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
	if (prepare(&s, &err))
		status = refuse(&s, &err);
	else if (r->mode == MODE_DRY_RUN)
		status = dry_run(&s);
	else
		status = submit(&s);
	submission_release(&s);
	return status;
}
