#include "cmd/flag.h"

#include "cmd/apply.h"
#include "conf/option.h"

#define ROW(l, f, w, a, g) .letter = (l), .faces = (f), .word = (w), \
	.arg = (a), .group = (g)

/* To add an option, add a row here and what it does in apply.c. */
static const struct flag flags[] = {
	{ ROW('f', IN_BOTH, "from", ARG_REQUIRED, GROUP_ENVELOPE),
	  "ADDRESS", "sender (reverse-path); '<>' is the null one", apply_from },
	{ ROW('r', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "ADDRESS", "the same as -f", apply_from },
	{ ROW('F', IN_BOTH, "from-name", ARG_REQUIRED, GROUP_ENVELOPE),
	  "NAME", "full name for a From that has to be made", apply_from_name },
	{ ROW('t', IN_BOTH, "read-recipients", ARG_NONE, GROUP_ENVELOPE),
	  "", "add the recipients in To, Cc and Bcc", apply_read_recipients },
	{ ROW(0, 0, "read-envelope-from", ARG_NONE, GROUP_ENVELOPE),
	  "", "take the sender from the message's From", apply_read_from },
	{ ROW('i', IN_BOTH, "ignore-dots", ARG_NONE, GROUP_ENVELOPE),
	  "", "a lone dot does not end the message", apply_ignore_dots },
	{ ROW(0, 0, "message", ARG_REQUIRED, GROUP_ENVELOPE),
	  "FILE", "read the message from FILE, not standard input",
	  apply_message },
	{ ROW('N', IN_BOTH, "dsn-notify", ARG_REQUIRED, GROUP_ENVELOPE),
	  "WHEN", "ask for notices: never, or success, failure, delay",
	  apply_notify },
	{ ROW('R', IN_BOTH, "dsn-return", ARG_REQUIRED, GROUP_ENVELOPE),
	  "WHAT", "what a notice is to carry: full or hdrs", apply_return },
	{ ROW('V', IN_BOTH, "envid", ARG_REQUIRED, GROUP_ENVELOPE),
	  "ID", "envelope id for notices, in xtext", apply_envid },
	{ ROW(0, 0, "require-tls", ARG_NONE, GROUP_ENVELOPE),
	  "", "TLS on every hop (REQUIRETLS)", apply_require_tls },
	{ ROW(0, 0, "deliver-by", ARG_REQUIRED, GROUP_ENVELOPE),
	  "SECONDS[;N|R]", "time limit for delivery: notify or return",
	  apply_deliver_by },
	{ ROW(0, 0, "hold-for", ARG_REQUIRED, GROUP_ENVELOPE),
	  "SECONDS", "the relay is to hold the message so long",
	  apply_hold_for },
	{ ROW(0, 0, "hold-until", ARG_REQUIRED, GROUP_ENVELOPE),
	  "TIME", "or until then: 2030-01-31T08:00:00Z", apply_hold_until },
	{ ROW(0, 0, "priority", ARG_REQUIRED, GROUP_ENVELOPE),
	  "NUMBER", "-9 to 9 (MT-PRIORITY)", apply_priority },

	{ ROW('s', IN_POSTHASTE, "subject", ARG_REQUIRED, GROUP_COMPOSE),
	  "SUBJECT", "subject; builds a message, with standard input as its text", NULL,
	  offsetof(struct request, compose.subject), false },
	{ ROW(0, 0, "to", ARG_REQUIRED, GROUP_COMPOSE),
	  "ADDRESSES", "recipients for the To field", NULL,
	  offsetof(struct request, compose.to), true },
	{ ROW(0, 0, "cc", ARG_REQUIRED, GROUP_COMPOSE),
	  "ADDRESSES", "recipients for the Cc field", NULL,
	  offsetof(struct request, compose.cc), true },
	{ ROW(0, 0, "bcc", ARG_REQUIRED, GROUP_COMPOSE),
	  "ADDRESSES", "recipients that the message does not name", NULL,
	  offsetof(struct request, compose.bcc), true },
	{ ROW(0, 0, "reply-to", ARG_REQUIRED, GROUP_COMPOSE),
	  "ADDRESSES", "where answers are to go", NULL,
	  offsetof(struct request, compose.reply_to), true },
	{ ROW(0, 0, "in-reply-to", ARG_REQUIRED, GROUP_COMPOSE),
	  "ID", "message that this one answers", NULL,
	  offsetof(struct request, compose.in_reply_to), false },
	{ ROW(0, 0, "header", ARG_REQUIRED, GROUP_COMPOSE),
	  "'NAME: VALUE'", "one more header field", NULL,
	  offsetof(struct request, compose.header), true },
	{ ROW(0, 0, "text", ARG_REQUIRED, GROUP_COMPOSE),
	  "FILE", "the text, if not standard input", NULL,
	  offsetof(struct request, compose.text), false },
	{ ROW(0, 0, "html", ARG_REQUIRED, GROUP_COMPOSE),
	  "FILE", "the same as HTML", NULL,
	  offsetof(struct request, compose.html), false },
	{ ROW(0, 0, "calendar", ARG_REQUIRED, GROUP_COMPOSE),
	  "FILE", "an invitation (iCalendar)", NULL,
	  offsetof(struct request, compose.calendar), false },
	{ ROW(0, 0, "attach", ARG_REQUIRED, GROUP_COMPOSE),
	  "FILE[;type=T][;name=N]", "attach a file; - is standard input", NULL,
	  offsetof(struct request, compose.attach), true },
	{ ROW(0, 0, "inline", ARG_REQUIRED, GROUP_COMPOSE),
	  "FILE[;cid=ID][;type=T][;name=N]", "a file that the HTML shows as cid:ID", NULL,
	  offsetof(struct request, compose.inlined), true },
	{ ROW(0, 0, "charset", ARG_REQUIRED, GROUP_COMPOSE),
	  "NAME", "character set of the text, if not the locale's", NULL,
	  offsetof(struct request, compose.charset), false },

	{ ROW('a', IN_POSTHASTE, "account", ARG_REQUIRED, GROUP_RELAY),
	  "NAME", "account to use", apply_account },
	{ ROW('C', IN_POSTHASTE, "config", ARG_REQUIRED, GROUP_RELAY),
	  "FILE", "read only this configuration", apply_config },
	{ ROW(0, 0, "set", ARG_REQUIRED, GROUP_RELAY),
	  "KEY=VALUE", "set any account setting", apply_set },
	{ ROW(0, 0, "password-fd", ARG_REQUIRED, GROUP_RELAY),
	  "N", "read the password from descriptor N", apply_password_fd },

	{ ROW(0, 0, "report", ARG_REQUIRED, GROUP_OUTCOME),
	  "KIND", "on standard output: text, json or none", apply_report },
	{ ROW(0, 0, "exit-status", ARG_REQUIRED, GROUP_OUTCOME),
	  "SCHEME", "reply or sysexits", apply_exit_status },
	{ ROW(0, 0, "progress", ARG_REQUIRED, GROUP_OUTCOME),
	  "WHEN", "show how far the upload is: auto, on or off", apply_progress },
	{ ROW('v', IN_BOTH, "verbose", ARG_NONE, GROUP_OUTCOME),
	  "", "show the dialogue on standard error, without secrets",
	  apply_verbose },

	{ ROW(0, 0, "dry-run", ARG_NONE, GROUP_MODE),
	  "", "print envelope and message, send nothing", apply_dry_run },
	{ ROW(0, 0, "serverinfo", ARG_NONE, GROUP_MODE),
	  "", "show the relay's certificate, TLS and extensions",
	  apply_serverinfo },
	{ ROW(0, 0, "oauth2-login", ARG_REQUIRED, GROUP_MODE),
	  "PROFILE", "log in at the provider of an OAuth 2 profile",
	  apply_oauth2_login },
	{ ROW(0, 0, "oauth2-flow", ARG_REQUIRED, GROUP_MODE),
	  "FLOW", "how to do that: auto, browser or device",
	  apply_oauth2_flow },
	{ ROW(0, 0, "check-config", ARG_NONE, GROUP_MODE),
	  "", "say whether the configuration is good", apply_check_config },
	{ ROW(0, 0, "print-config", ARG_NONE, GROUP_MODE),
	  "", "print the settings in force, secrets masked",
	  apply_print_config },
	{ ROW(0, 0, "explain", ARG_REQUIRED, GROUP_MODE),
	  "STATUS", "say what an exit status means", apply_explain },
	{ ROW(0, 0, "version", ARG_NONE, GROUP_MODE),
	  "", "print the version", apply_version },
	{ ROW(0, 0, "help", ARG_NONE, GROUP_MODE),
	  "", "print this help", apply_help },

	{ ROW('b', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "MODE", "m: submit; s: SMTP on standard input; v: verify; "
	  "p: list the queue", apply_bmode },
	{ ROW('I', IN_BOTH, NULL, ARG_NONE, GROUP_COMPAT),
	  "", "as newaliases", apply_newaliases },
	{ ROW('q', IN_BOTH, "queue-run", ARG_ATTACHED, GROUP_QUEUE),
	  "[WHICH]", "send what is due; f: all of it; 15m: every 15 minutes",
	  apply_queue_run },
	{ ROW(0, 0, "queue-list", ARG_NONE, GROUP_QUEUE),
	  "", "list what is in the queue", apply_queue_list },
	{ ROW(0, 0, "queue-show", ARG_REQUIRED, GROUP_QUEUE),
	  "ID", "print an entry: envelope, state and message",
	  apply_queue_show },
	{ ROW(0, 0, "queue-remove", ARG_REQUIRED, GROUP_QUEUE),
	  "ID|all", "forget an entry: nobody gets it or a notice",
	  apply_queue_remove },
	{ ROW(0, 0, "queue-hold", ARG_REQUIRED, GROUP_QUEUE),
	  "ID|all", "do not try an entry until it is released",
	  apply_queue_hold },
	{ ROW(0, 0, "queue-release", ARG_REQUIRED, GROUP_QUEUE),
	  "ID|all", "a held entry is due again", apply_queue_release },
	{ ROW(0, 0, "queue-retry", ARG_REQUIRED, GROUP_QUEUE),
	  "ID|all", "an entry is due at once, also one that was given up",
	  apply_queue_retry },
	{ ROW('e', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "MODE", "q: no diagnostics", apply_error_mode },
	{ ROW('o', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "XVALUE", "i as -i, eq as -eq; others are ignored",
	  apply_old_option },
	{ ROW('O', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "NAME=VALUE", "IgnoreDots as -i; others are ignored",
	  apply_long_option },
	{ ROW('d', IN_BOTH, NULL, ARG_ATTACHED, GROUP_COMPAT),
	  "", "-d0.1 prints the version and goes on", apply_debug },
	{ ROW('A', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "X", "ignored", apply_ignore },
	{ ROW('B', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "TYPE", "ignored: the content decides", apply_ignore },
	{ ROW('h', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "N", "ignored", apply_ignore },
	{ ROW('L', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "TAG", "ignored", apply_ignore },
	{ ROW('p', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "PROTOCOL", "ignored", apply_ignore },
	{ ROW('X', IN_BOTH, NULL, ARG_REQUIRED, GROUP_COMPAT),
	  "FILE", "ignored: no file is opened", apply_ignore },

	/* Single letters that some sendmail takes: ignored without an entry in
	   the help of their own (see flag_help). */
	{ ROW('c', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('E', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('G', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('J', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('m', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('n', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('s', IN_SENDMAIL, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('T', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('U', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('x', IN_BOTH, NULL, ARG_NONE, GROUP_HIDDEN), "", "", apply_ignore },
	{ ROW('C', IN_SENDMAIL, NULL, ARG_REQUIRED, GROUP_HIDDEN), "", "", apply_refuse },
	{ ROW('D', IN_BOTH, NULL, ARG_REQUIRED, GROUP_HIDDEN), "", "", apply_refuse },
	{ ROW('M', IN_BOTH, NULL, ARG_REQUIRED, GROUP_HIDDEN), "", "", apply_refuse },
	{ ROW('Q', IN_BOTH, NULL, ARG_ATTACHED, GROUP_HIDDEN), "", "", apply_refuse },
	{ ROW(0, 0, "list-options", ARG_NONE, GROUP_HIDDEN), "", "",
	  apply_completions },
};

size_t flag_count(void)
{
	return sizeof(flags) / sizeof(*flags);
}

const struct flag *flag_at(size_t i)
{
	return &flags[i];
}

enum { HELP_COLUMN = 34 };

static void help_line(struct buf *out, struct buf *left, const char *help)
{
	size_t pad = left->len < HELP_COLUMN ? HELP_COLUMN - left->len : 0;

	buf_add(out, buf_str(left));
	if (!pad)
		buf_addch(out, '\n');
	for (size_t i = pad ? pad : HELP_COLUMN; i; i--)
		buf_addch(out, ' ');
	buf_addf(out, "%s\n", help);
	buf_reset(left);
}

static void help_flag(struct buf *out, const struct flag *f)
{
	struct buf left;

	buf_init(&left, 128);
	if (f->letter)
		buf_addf(&left, "  -%c%s%s", f->letter, f->word ? ", " :
			 *f->value ? " " : "", f->word ? "" : f->value);
	else
		buf_addz(&left, "      ");
	if (f->word)
		buf_addf(&left, "--%s%s%s", f->word, *f->value == '[' ? "[=" :
			 *f->value ? "=" : "", f->value + (*f->value == '['));
	help_line(out, &left, f->help);
	buf_release(&left);
}

const struct flag *flag_word(const char *word)
{
	for (size_t i = 0; i < flag_count(); i++) {
		const char *w = flags[i].word;

		if (w && str_eq(str_of(w), str_of(word)))
			return &flags[i];
	}
	return NULL;
}

void flag_option_word(struct buf *out, const struct option *o)
{
	for (const char *p = o->key; *p; p++)
		buf_addch(out, *p == '_' ? '-' : *p);
}

bool flag_is_option(const struct option *o)
{
	struct buf word;
	bool own;

	if (o->flags & OPTION_SECTION || (o->flags & OPTION_SECRET && !o->choice))
		return false;
	buf_init(&word, 64);
	flag_option_word(&word, o);
	own = !flag_word(buf_cstr(&word));
	buf_release(&word);
	return own;
}

static void help_options(struct buf *out)
{
	struct buf left;

	buf_init(&left, 128);
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if (!flag_is_option(o))
			continue;
		buf_addz(&left, "      --");
		flag_option_word(&left, o);
		buf_addf(&left, o->type == OPTION_BOOL ? "[=%s]" : "=%s",
			 o->arg);
		help_line(out, &left, o->help);
	}
	buf_release(&left);
}

void flag_help(struct buf *out)
{
	static const char *const title[] = {
		[GROUP_ENVELOPE] = "Envelope and message:",
		[GROUP_COMPOSE] = "Building a message:",
		[GROUP_RELAY] = "Relay:",
		[GROUP_OUTCOME] = "Outcome:",
		[GROUP_MODE] = "Instead of sending:",
		[GROUP_QUEUE] = "The queue:",
		[GROUP_COMPAT] = "For callers of sendmail:",
	};

	buf_addz(out, "usage: posthaste [OPTION]... [RECIPIENT]...\n"
		 "       posthaste -s SUBJECT [--attach=FILE]... RECIPIENT...\n"
		 "Submits the message (RFC 5322) on standard input to the relay, "
		 "or builds one\nof which standard input is the text; the exit "
		 "status is the relay's verdict.\n");
	for (size_t g = 0; g < sizeof(title) / sizeof(*title); g++) {
		buf_addf(out, "\n%s\n", title[g]);
		for (size_t i = 0; i < flag_count(); i++)
			if (flags[i].group == g)
				help_flag(out, &flags[i]);
		if (g != GROUP_RELAY)
			continue;
		buf_addz(out, "\nAccount settings, in the configuration as "
			 "KEY = VALUE:\n");
		help_options(out);
	}
	buf_addz(out, "\nThe letters -c -E -G -J -m -n -T -U -x are accepted "
		 "and ignored.\n");
}
