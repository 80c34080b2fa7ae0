#include "cmd/request.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/apply.h"
#include "cmd/flag.h"
#include "conf/nearest.h"
#include "conf/option.h"
#include "util/utf8.h"
#include "util/xalloc.h"

/* What the service will bring: said so, and not "unknown". */
static const char *const later_words[] = {
	"serve",
};

static const struct {
	const char *name;
	int (*apply)(struct request *r, const char *value, struct error *err);
} sendmail_names[] = {
	{ "sendmail",   NULL },
	{ "send-mail",  NULL },
	{ "rmail",      apply_ignore_dots },
	{ "mailq",      apply_queue_list },
	{ "newaliases", apply_newaliases },
};

enum { N_NAMES = sizeof(sendmail_names) / sizeof(*sendmail_names) };

/* argv while it is read. */
struct args {
	char **argv;
	int argc, at;		/* at: the next argument */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void request_init(struct request *r, const char *argv0)
{
	const char *name = base_name(argv0 ? argv0 : "");

	*r = (struct request){ .face = FACE_POSTHASTE, .name = "posthaste",
		.notify = "", .ret = "", .envid = "", .password_fd = -1,
		.oauth2_flow = "auto",
		.queue_run = { .id = "", .rcpt = "", .sender = "" },
		.scheme = STATUS_REPLY };
	for (size_t i = 0; i < N_NAMES; i++)
		if (!strcmp(name, sendmail_names[i].name))
			r->face = FACE_SENDMAIL;
	if (r->face == FACE_SENDMAIL) {
		r->name = "sendmail";
		r->scheme = STATUS_SYSEXITS;
	}
}

void request_release(struct request *r)
{
	struct compose_args *c = &r->compose;

	free(c->to.item);
	free(c->cc.item);
	free(c->bcc.item);
	free(c->reply_to.item);
	free(c->header.item);
	free(c->attach.item);
	free(c->inlined.item);
	free(r->queue_ids.item);
	free(r->settings);
}

/* What the name alone asks for: mailq, newaliases, rmail. */
static int apply_name(struct request *r, const char *argv0, struct error *err)
{
	const char *name = base_name(argv0 ? argv0 : "");

	for (size_t i = 0; i < N_NAMES; i++)
		if (!strcmp(name, sendmail_names[i].name) &&
		    sendmail_names[i].apply)
			return sendmail_names[i].apply(r, "", err);
	return 0;
}

/* The caller's text in quotes, safe to show. */
static int usage(struct error *err, const char *what, struct str text)
{
	struct buf shown;

	buf_init(&shown, 256);
	utf8_escape(&shown, text);
	error_set(err, ERROR_USAGE, "%s '%s'", what, buf_cstr(&shown));
	buf_release(&shown);
	return -1;
}

static int unknown_word(struct str word, struct error *err)
{
	struct nearest best = { .name = NULL };
	struct buf near;

	for (size_t i = 0; i < sizeof(later_words) / sizeof(*later_words); i++)
		if (str_eq(word, str_of(later_words[i])))
			return error_set(err, ERROR_UNAVAILABLE, "option '--%s' "
					 "is not in this version",
					 later_words[i]);
	for (size_t i = 0; i < flag_count(); i++)
		if (flag_at(i)->word)
			nearest_try(&best, word, flag_at(i)->word);
	for (size_t i = 0; i < option_count(); i++)
		if (flag_is_option(option_at(i)))
			nearest_try(&best, word, option_at(i)->key);
	/* A setting of a later version is known to the option table. */
	if (!option_lookup(word, err) && err->kind == ERROR_UNAVAILABLE)
		return -1;
	usage(err, "unknown option", (struct str){ word.p - 2, word.n + 2 });
	if (!best.name)
		return -1;
	buf_init(&near, 128);
	buf_addf(&near, "; did you mean '--%s'?", best.name);
	for (char *p = near.p; *p; p++)
		if (*p == '_')
			*p = '-';
	error_add(err, near.p);
	buf_release(&near);
	return -1;
}

/* The argument of an option: after "=", or the next of argv. */
static const char *argument(struct args *args, const char *equals)
{
	if (equals)
		return equals + 1;
	return args->at < args->argc ? args->argv[args->at++] : NULL;
}

static int no_argument(struct error *err, const char *dashes, struct str word)
{
	return error_set(err, ERROR_USAGE, "option '%s%.*s' needs an argument",
			 dashes, (int)word.n, word.p);
}

static int add_setting(struct request *r, struct args *args,
		       const struct option *o, const char *equals,
		       struct error *err)
{
	const char *value = equals ? equals + 1 : "yes";

	if (o->type != OPTION_BOOL && !equals)
		value = argument(args, NULL);
	if (!value)
		return no_argument(err, "--", str_of(o->key));
	apply_set(r, o->key, err);
	r->settings[r->n_settings - 1].value = value;
	return 0;
}

static void list_add(struct list *list, const char *item)
{
	list->item = xrealloc(list->item, list->n + 1, sizeof(*list->item));
	list->item[list->n++] = item;
}

static int apply(struct request *r, const struct flag *f, const char *value,
		 struct error *err)
{
	char *at = (char *)r + f->at;

	if (f->group == GROUP_COMPOSE)
		r->compose.on = true;
	if (f->apply)
		return f->apply(r, value, err);
	if (f->repeated)
		list_add((struct list *)(void *)at, value);
	else
		*(const char **)(void *)at = value;
	return 0;
}

static int parse_word(struct request *r, struct args *args, const char *arg,
		      struct error *err)
{
	const char *equals = strchr(arg, '=');
	struct str word = { arg + 2, equals ? (size_t)(equals - arg - 2) :
		strlen(arg + 2) };
	char *name = xstrndup(word.p, word.n);
	const struct flag *f = flag_word(name);
	const struct option *o = f ? NULL : option_find(word);
	const char *value = "";

	free(name);
	if (o && !(o->flags & OPTION_SECTION))
		return add_setting(r, args, o, equals, err);
	if (!f)
		return unknown_word(word, err);
	if (f->arg == ARG_REQUIRED)
		value = argument(args, equals);
	else if (equals && f->arg == ARG_ATTACHED)
		value = equals + 1;
	else if (equals)
		return error_set(err, ERROR_USAGE, "option '--%s' takes no "
				 "argument", f->word);
	if (!value)
		return no_argument(err, "--", word);
	return apply(r, f, value, err);
}

static const struct flag *flag_letter(const struct request *r, char letter)
{
	unsigned face = r->face == FACE_SENDMAIL ? IN_SENDMAIL : IN_POSTHASTE;

	for (size_t i = 0; i < flag_count(); i++)
		if (flag_at(i)->letter == letter && flag_at(i)->faces & face)
			return flag_at(i);
	return NULL;
}

/* "-tifADDR": letters without arguments, then perhaps one with. */
static int parse_letters(struct request *r, struct args *args, const char *p,
			 struct error *err)
{
	while (*p) {
		const struct flag *f = flag_letter(r, *p);
		struct str letter = { p++, 1 };
		const char *value = "";

		if (!f)
			return usage(err, "unknown option", (struct str){
				     letter.p[-1] == '-' ? letter.p - 1 :
				     letter.p, letter.p[-1] == '-' ? 2 : 1 });
		if (f->arg == ARG_REQUIRED && !*p)
			value = argument(args, NULL);
		else if (f->arg != ARG_NONE)
			value = p;
		if (!value)
			return no_argument(err, "-", letter);
		if (apply(r, f, value, err))
			return f->apply == apply_refuse ?
				error_wrap(err, "-%c", *letter.p) : -1;
		if (f->arg != ARG_NONE)
			return 0;
	}
	return 0;
}

static int parse_option(struct request *r, struct args *args, struct error *err)
{
	const char *arg = args->argv[args->at++];
	bool alone = args->argc == 2 && (!strcmp(arg, "--version") ||
					 !strcmp(arg, "--help"));

	if (arg[1] != '-')
		return parse_letters(r, args, arg + 1, err);
	if (r->face == FACE_SENDMAIL && !alone)
		return usage(err, "under this name long options are refused:",
			     str_of(arg));
	return parse_word(r, args, arg, err);
}

/* The kind of report may be asked for after what is wrong. */
static void find_report(struct request *r, struct args *args)
{
	static const char word[] = "--report";
	struct error ignored;

	for (; args->at < args->argc; args->at++) {
		const char *arg = args->argv[args->at];

		if (strncmp(arg, word, strlen(word)))
			continue;
		arg += strlen(word);
		if (*arg == '=')
			(void)apply_report(r, arg + 1, &ignored);
		else if (!*arg && args->at + 1 < args->argc)
			(void)apply_report(r, args->argv[args->at + 1],
					   &ignored);
	}
}

int request_parse(struct request *r, int argc, char **argv, struct error *err)
{
	struct args args = { argv, argc, 1 };
	bool dashes = false;

	if (apply_name(r, argc ? argv[0] : "", err))
		return -1;
	while (args.at < argc && argv[args.at][0] == '-' && argv[args.at][1] &&
	       !dashes) {
		dashes = !strcmp(argv[args.at], "--");
		if (dashes)
			args.at++;
		else if (parse_option(r, &args, err)) {
			if (r->face == FACE_POSTHASTE)
				find_report(r, &args);
			return -1;
		}
	}
	if (args.at > argc)
		args.at = argc;
	r->recipients = argv + args.at;
	r->n_recipients = (size_t)(argc - args.at);
	if (dashes)
		return 0;
	for (size_t i = 0; i < r->n_recipients; i++) {
		if (r->recipients[i][0] != '-')
			continue;
		usage(err, "options go before recipients (and a recipient that "
		      "begins with '-' after '--'):",
		      str_of(r->recipients[i]));
		/* Under the old name these are bad recipients, not options. */
		if (r->face == FACE_SENDMAIL)
			err->kind = ERROR_DATA;
		return -1;
	}
	return 0;
}
