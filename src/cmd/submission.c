#include "cmd/submission.h"

#include <unistd.h>

#include "mail/address.h"
#include "mail/complete.h"
#include "mail/header.h"
#include "mail/scan.h"
#include "mail/xtext.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/host.h"

enum { NAME_MAX_OCTETS = 4096, UNIQUE_OCTETS = 12 };

void submission_init(struct submission *s, const struct request *r)
{
	*s = (struct submission){ .r = r, .started = clock_ms() };
	intake_init(&s->intake);
	draft_init(&s->draft);
	s->message = &s->intake.message;
	roster_init(&s->roster);
	envelope_init(&s->env);
	buf_init(&s->mailname, NAME_MAX_OCTETS);
	buf_init(&s->login, NAME_MAX_OCTETS);
	buf_init(&s->full_name, NAME_MAX_OCTETS);
	buf_init(&s->sender, NAME_MAX_OCTETS);
	buf_init(&s->unique, NAME_MAX_OCTETS);
	buf_init(&s->id, 1 << 16);	/* a Message-ID of any sane length */
	buf_init(&s->known_file, NAME_MAX_OCTETS);
}

void submission_release(struct submission *s)
{
	config_release(&s->config);
	intake_release(&s->intake);
	draft_release(&s->draft);
	roster_release(&s->roster);
	envelope_release(&s->env);
	buf_release(&s->mailname);
	buf_release(&s->login);
	buf_release(&s->full_name);
	buf_release(&s->sender);
	buf_release(&s->unique);
	buf_release(&s->id);
	buf_release(&s->known_file);
}

/* Of accounts that come from a directory some need quotes: "DOMAIN\\joe". */
static void login_spec(struct buf *out)
{
	struct buf login, quoted;
	struct error ignored;

	buf_init(&login, NAME_MAX_OCTETS);
	buf_init(&quoted, 2 * NAME_MAX_OCTETS);
	host_login(&login);
	buf_addch(&quoted, '"');
	for (size_t i = 0; i < login.len; i++) {
		if (login.p[i] == '"' || login.p[i] == '\\')
			buf_addch(&quoted, '\\');
		buf_addch(&quoted, login.p[i]);
	}
	buf_addch(&quoted, '"');
	/* As it is, or else in quotes; a name that is neither is refused
	   when it comes to sending. */
	if (address_one(out, buf_str(&login), &ignored) ||
	    !str_eq(buf_str(out), buf_str(&login))) {
		buf_reset(out);
		if (address_one(out, buf_str(&quoted), &ignored)) {
			buf_reset(out);
			buf_add(out, buf_str(&login));
		}
	}
	buf_release(&login);
	buf_release(&quoted);
}

/* Who we are, for addresses without a domain and a From that is missing. */
static void learn_names(struct submission *s)
{
	struct buf login;

	buf_init(&login, NAME_MAX_OCTETS);
	host_mailname(s->config.general.mailname, &s->mailname);
	login_spec(&login);
	route_init(&s->route, &s->config, buf_cstr(&s->mailname));
	route_sender(&s->route, buf_str(&login), &s->login);
	buf_release(&login);
}

int submission_open(struct submission *s, struct error *err)
{
	if (setup_config(&s->config, s->r, err))
		return -1;
	learn_names(s);
	return 0;
}

void submission_clear(struct submission *s)
{
	intake_release(&s->intake);
	envelope_release(&s->env);
	envelope_init(&s->env);
	buf_reset(&s->full_name);
	buf_reset(&s->sender);
	buf_reset(&s->unique);
	buf_reset(&s->id);
	s->started = clock_ms();
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
		route_sender(&s->route, buf_str(&spec), &s->sender);
	buf_release(&spec);
	return r;
}

static int sender_from_header(struct submission *s, struct error *err)
{
	struct buf spec;
	bool found;
	int r;

	buf_init(&spec, NAME_MAX_OCTETS);
	r = complete_sender(buf_str(&s->message->head), &spec, &found,
			    err);
	if (!r && found)
		route_sender(&s->route, buf_str(&spec), &s->sender);
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
			route_sender(&s->route, from, &s->sender);
		else
			buf_add(&s->sender, buf_str(&s->login));
	}
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
	const struct facts *body = &s->message->body_facts;

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

static int add_recipients(struct submission *s, const char *const *item,
			  size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (roster_arg(&s->roster, str_of(item[i]),
			       buf_cstr(&s->mailname), err))
			return -1;
	return 0;
}

static int argument_recipients(struct submission *s, struct error *err)
{
	const struct request *r = s->r;
	const struct compose_args *c = &r->compose;

	if (add_recipients(s, (const char *const *)r->recipients,
			   r->n_recipients, err) ||
	    add_recipients(s, c->to.item, c->to.n, err) ||
	    add_recipients(s, c->cc.item, c->cc.n, err))
		return -1;
	return add_recipients(s, c->bcc.item, c->bcc.n, err);
}

/* A message that is built needs its account's limits; it has no From yet. */
static int build_message(struct submission *s, struct error *err)
{
	if (s->r->message)
		return error_set(err, ERROR_USAGE, "--message names a message "
				 "that is ready: it does not go with options "
				 "that build one");
	if (!s->account)
		return error_set(err, ERROR_USAGE, "--read-envelope-from needs a "
				 "message that is not built here");
	if (draft_make(&s->draft, s->r, s->account, buf_cstr(&s->mailname),
		       err))
		return -1;
	s->message = &s->draft.message;
	draft_completed(&s->draft, &s->completion);
	return 0;
}

static int collect_recipients(struct submission *s, struct error *err)
{
	if (s->r->read_recipients &&
	    complete_recipients(buf_str(&s->message->head),
				buf_cstr(&s->mailname), &s->roster, err))
		return -1;
	if (!s->roster.n)
		return error_set(err, ERROR_USAGE, s->r->read_recipients ?
				 "no recipients: the message has none in To, Cc "
				 "or Bcc" : "no recipients: name them after the "
				 "options, or use -t");
	return route_recipients(&s->route, &s->roster, err);
}

/* What a header lacks is filled in from here, the same at each time. */
static void learn_completion(struct submission *s)
{
	const struct request *r = s->r;
	struct completion *c = &s->completion;

	entropy_hex(&s->unique, UNIQUE_OCTETS);
	if (!r->full_name && !*s->account->from_name)
		host_full_name(&s->full_name);
	*c = (struct completion){
		.sender = buf_cstr(&s->sender),
		.login = buf_cstr(&s->login),
		.mailname = buf_cstr(&s->mailname),
		.unique = buf_cstr(&s->unique),
		.name = r->full_name ? r->full_name : *s->account->from_name ?
			s->account->from_name : buf_cstr(&s->full_name),
		.now = clock_wall(),
		.rewrite = &s->config.rewrite,
		.local = route_local(&s->route),
	};
	c->zone = clock_zone(c->now);
}

static int complete(struct submission *s, struct error *err)
{
	learn_completion(s);
	if (complete_message(s->message, &s->completion, &s->id, err))
		return -1;
	return header_fold(&s->message->head, err);
}

static int check_size(const struct submission *s, struct error *err)
{
	unsigned long long max = s->account->max_message_size;
	unsigned long long size = message_size(s->message);

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
	e->size = message_size(s->message);
	for (size_t i = 0; i < s->roster.n; i++)
		envelope_add(e, roster_get(&s->roster, i), s->notify, "");
	return 0;
}

int submission_sender(struct submission *s, struct error *err)
{
	if (s->r->from && sender_given(s, err))
		return -1;
	return choose_account(s, err);
}

int submission_finish(struct submission *s, struct error *err)
{
	return check_strict(s, err) || complete(s, err) ? -1 : 0;
}

int submission_prepare(struct submission *s, struct error *err)
{
	if (submission_open(s, err))
		return -1;
	if (argument_recipients(s, err) ||
	    (s->r->from && sender_given(s, err)))
		return -1;
	if ((s->r->from || !s->r->read_from) && choose_account(s, err))
		return -1;
	if (s->r->compose.on ? build_message(s, err) : take_message(s, err))
		return -1;
	if (!s->account && (sender_from_header(s, err) ||
			    choose_account(s, err)))
		return -1;
	if (check_strict(s, err) || collect_recipients(s, err) ||
	    complete(s, err) || check_size(s, err))
		return -1;
	return fill_envelope(s, err);
}

