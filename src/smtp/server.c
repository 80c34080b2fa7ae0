#include "smtp/server.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "smtp/answer.h"

enum {
	INPUT_MAX = SERVER_READ_MAX + SERVER_LINE_MAX + 2,
	OUTPUT_HIGH = 4096,		/* send before doing more */
	OUTPUT_MAX = 1 << 24		/* far more than all replies to one read */
};

enum server_mode {
	MODE_COMMAND, MODE_DATA, MODE_CHUNK, MODE_OVER
};

/* ---- replies ---- */

static void add_line(struct server *s, const char *line)
{
	buf_addz(&s->out, line);
	buf_add(&s->out, STR("\r\n"));
}

static void hang_up(struct server *s)
{
	s->mode = MODE_OVER;
	if (s->open)
		s->reset_due = true;
}

/* A reply of our own that is no complaint. */
static void say(struct server *s, const char *line)
{
	s->errors = 0;
	add_line(s, line);
}

/* The client's mistake.  One that makes nothing else is not talking SMTP. */
static void protest(struct server *s, const char *line)
{
	if (++s->errors < SERVER_ERRORS_MAX) {
		add_line(s, line);
		return;
	}
	add_line(s, "421 4.7.0 too many errors in a row");
	hang_up(s);
}

void server_close(struct server *s, const char *why)
{
	buf_addf(&s->out, "421 4.3.2 %s\r\n", why);
	s->ask = SERVER_RECV;
	hang_up(s);
}

/* The transaction is over; the driver knows, or is told by reset_due. */
static void end_transaction(struct server *s)
{
	s->open = s->chunked = s->ended = false;
	s->accepted = s->owed = 0;
	s->size = 0;
}

static void abandon(struct server *s)
{
	if (s->open)
		s->reset_due = true;
	end_transaction(s);
}

/* ---- commands ---- */

static void greet(struct server *s, bool extended)
{
	static const char *const keywords[] = {
		"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING"
	};

	abandon(s);
	s->greeted = true;
	s->errors = 0;
	buf_addf(&s->out, "250%c%s\r\n", extended ? '-' : ' ',
		 s->config->name);
	if (!extended)
		return;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		buf_addf(&s->out, "250-%s\r\n", keywords[i]);
	if (s->config->size_max)
		buf_addf(&s->out, "250-SIZE %llu\r\n",
			 (unsigned long long)s->config->size_max);
	else
		add_line(s, "250-SIZE");
	add_line(s, "250 ENHANCEDSTATUSCODES");
}

static void on_ehlo(struct server *s, struct str arg)
{
	(void)arg;
	greet(s, true);
}

static void on_helo(struct server *s, struct str arg)
{
	(void)arg;
	greet(s, false);
}

static void on_mail(struct server *s, struct str arg)
{
	const char *wrong;

	if (!s->greeted) {
		protest(s, s->config->lmtp ? "503 5.5.1 say LHLO first" :
			"503 5.5.1 say EHLO first");
		return;
	}
	if (s->open) {
		protest(s, "503 5.5.1 there is a transaction already");
		return;
	}
	wrong = mail_argument_parse(&s->mail, arg);
	if (wrong)
		protest(s, wrong);
	else if (s->config->size_max && s->mail.size > s->config->size_max)
		say(s, "552 5.3.4 the message is larger than is taken here");
	else
		s->ask = SERVER_MAIL;
}

static void on_rcpt(struct server *s, struct str arg)
{
	const char *wrong;

	if (!s->open || s->chunked) {
		protest(s, s->open ? "503 5.5.1 the content has begun" :
			"503 5.5.1 say MAIL first");
		return;
	}
	wrong = rcpt_argument_parse(&s->rcpt, arg, s->mail.utf8);
	if (wrong)
		protest(s, wrong);
	else if (s->accepted == SERVER_RCPT_MAX)
		say(s, "452 4.5.3 too many recipients");
	else
		s->ask = SERVER_RCPT;
}

/* Why content cannot come now; NULL if it can. */
static const char *no_content(const struct server *s)
{
	if (!s->open)
		return "503 5.5.1 say MAIL first";
	if (!s->accepted)
		return "554 5.5.1 no valid recipients";
	return NULL;
}

static void on_data(struct server *s, struct str arg)
{
	const char *wrong = no_content(s);

	(void)arg;
	if (s->chunked)
		wrong = "503 5.5.1 the content goes by BDAT already";
	if (wrong) {
		protest(s, wrong);
		return;
	}
	say(s, "354 end with a dot on a line of its own");
	undot_init(&s->undot, s->lf);
	s->mode = MODE_DATA;
}

/*
 * RFC 3030 s2: the octets follow at once, whatever we think of the command.
 * When we cannot know how many, we cannot go on.
 */
static void on_bdat(struct server *s, struct str arg)
{
	struct str last = arg;
	struct str count = str_cut(&last, ' ');

	last = str_trim(last);
	s->last = last.n;
	if ((last.n && !str_caseeq(last, STR("LAST"))) ||
	    !str_u64(count, INT64_MAX, &s->left)) {
		add_line(s, "501 5.5.4 it is BDAT octets, or BDAT octets LAST");
		hang_up(s);
		return;
	}
	s->refusal = no_content(s);
	s->chunked = s->open;
	s->mode = MODE_CHUNK;
}

static void on_rset(struct server *s, struct str arg)
{
	(void)arg;
	abandon(s);
	say(s, "250 2.0.0 flushed");
}

static void on_noop(struct server *s, struct str arg)
{
	(void)arg;
	say(s, "250 2.0.0 ok");
}

static void on_vrfy(struct server *s, struct str arg)
{
	(void)arg;
	say(s, "252 2.5.0 cannot verify, but will take mail and try");
}

static void on_help(struct server *s, struct str arg)
{
	(void)arg;
	say(s, "214 2.0.0 see RFC 5321");
}

static void on_quit(struct server *s, struct str arg)
{
	(void)arg;
	add_line(s, "221 2.0.0 bye");
	hang_up(s);
}

static void on_not_here(struct server *s, struct str arg)
{
	(void)arg;
	protest(s, "502 5.5.1 not offered here");
}

/* A browser made to post mail for somebody else: do not read on. */
static void on_http(struct server *s, struct str arg)
{
	(void)arg;
	add_line(s, "421 4.7.0 this is not HTTP");
	hang_up(s);
}

enum argument { ARG_NONE, ARG_ANY, ARG_NEEDED };
enum { FOR_SMTP = 1, FOR_LMTP = 2, FOR_BOTH = 3 };

static const struct command {
	struct str verb;
	enum argument argument;
	unsigned protocols;
	void (*on)(struct server *s, struct str arg);
} commands[] = {
	{ { "EHLO", 4 },     ARG_NEEDED, FOR_SMTP, on_ehlo },
	{ { "HELO", 4 },     ARG_NEEDED, FOR_SMTP, on_helo },
	{ { "LHLO", 4 },     ARG_NEEDED, FOR_LMTP, on_ehlo },
	{ { "MAIL", 4 },     ARG_NEEDED, FOR_BOTH, on_mail },
	{ { "RCPT", 4 },     ARG_NEEDED, FOR_BOTH, on_rcpt },
	{ { "DATA", 4 },     ARG_NONE,   FOR_BOTH, on_data },
	{ { "BDAT", 4 },     ARG_ANY,    FOR_BOTH, on_bdat },	/* RFC 3030 */
	{ { "RSET", 4 },     ARG_NONE,   FOR_BOTH, on_rset },
	{ { "NOOP", 4 },     ARG_ANY,    FOR_BOTH, on_noop },
	{ { "VRFY", 4 },     ARG_NEEDED, FOR_BOTH, on_vrfy },
	{ { "HELP", 4 },     ARG_ANY,    FOR_BOTH, on_help },
	{ { "QUIT", 4 },     ARG_NONE,   FOR_BOTH, on_quit },
	{ { "EXPN", 4 },     ARG_ANY,    FOR_BOTH, on_not_here },
	{ { "AUTH", 4 },     ARG_ANY,    FOR_BOTH, on_not_here },
	{ { "STARTTLS", 8 }, ARG_ANY,    FOR_BOTH, on_not_here },
	{ { "GET", 3 },      ARG_ANY,    FOR_BOTH, on_http },
	{ { "POST", 4 },     ARG_ANY,    FOR_BOTH, on_http },
	{ { "PUT", 3 },      ARG_ANY,    FOR_BOTH, on_http },
	{ { "CONNECT", 7 },  ARG_ANY,    FOR_BOTH, on_http },
};

static void run_command(struct server *s, struct str line)
{
	unsigned us = s->config->lmtp ? FOR_LMTP : FOR_SMTP;
	struct str arg = line;
	struct str verb = str_cut(&arg, ' ');
	const struct command *c = NULL;

	arg = str_trim(arg);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands) && !c; i++)
		if (commands[i].protocols & us &&
		    str_caseeq(verb, commands[i].verb))
			c = &commands[i];
	if (!c)
		protest(s, "500 5.5.2 command not known");
	else if (str_has_ctl(line))
		protest(s, "501 5.5.2 a control character in a command");
	else if (c->argument == ARG_NONE && arg.n)
		protest(s, "501 5.5.4 this command takes no argument");
	else if (c->argument == ARG_NEEDED && !arg.n)
		protest(s, "501 5.5.4 this command needs an argument");
	else
		c->on(s, arg);
}

/* ---- input ---- */

static struct str input(const struct server *s)
{
	struct str in = buf_str(&s->in);

	return (struct str){ in.p + s->at, in.n - s->at };
}

/* Deal with the next line; false if it has not come yet. */
static bool work_command(struct server *s)
{
	struct str line = input(s);
	const char *lf = memchr(line.p, '\n', line.n);

	if (!lf) {
		s->long_line |= line.n > SERVER_LINE_MAX + 1;
		if (s->long_line)
			s->at += line.n;
		return false;
	}
	line.n = (size_t)(lf - line.p);
	s->at += line.n + 1;
	s->lf = !line.n || lf[-1] != '\r';
	line.n -= !s->lf;
	if (s->long_line || line.n > SERVER_LINE_MAX)
		protest(s, "500 5.5.2 the command is too long");
	else
		run_command(s, line);
	s->long_line = false;
	return true;
}

/* Is what has come of the message more than we take? */
static bool too_large(const struct server *s)
{
	return s->config->size_max && s->size > s->config->size_max;
}

static void refuse_large(struct server *s, size_t times)
{
	while (times--)
		say(s, "552 5.3.4 the message is larger than is taken here");
	abandon(s);
}

/* All content was there. */
static void end_content(struct server *s)
{
	s->mode = MODE_COMMAND;
	s->owed = s->config->lmtp ? s->accepted : 1;
	if (too_large(s))
		refuse_large(s, s->owed);
	else
		s->ask = SERVER_END;
}

static void end_chunk(struct server *s)
{
	char line[80];

	s->mode = MODE_COMMAND;
	if (s->refusal) {
		protest(s, s->refusal);
	} else if (s->last) {
		end_content(s);
	} else if (too_large(s)) {
		refuse_large(s, 1);
	} else {
		snprintf(line, sizeof(line), "250 2.0.0 %llu octets so far",
			 (unsigned long long)s->size);
		say(s, line);
	}
}

/* The content in hand was dealt with. */
static void content_done(struct server *s)
{
	s->ask = SERVER_RECV;
	buf_reset(&s->content);
	if (!s->ended)
		return;
	s->ended = false;
	if (s->mode == MODE_CHUNK)
		end_chunk(s);
	else
		end_content(s);
}

/* Give the content in hand to the driver, unless it is too much. */
static void hand_over(struct server *s)
{
	s->size += s->content.len;
	if (s->content.len && !too_large(s))
		s->ask = SERVER_CONTENT;
	else
		content_done(s);
}

static bool work_data(struct server *s)
{
	struct str in = input(s);

	if (!in.n)
		return false;
	s->ended = undot_feed(&s->undot, &in, &s->content);
	s->at = s->in.len - in.n;
	hand_over(s);
	return true;
}

static bool work_chunk(struct server *s)
{
	struct str in = input(s);

	if (!in.n && s->left)
		return false;
	if (in.n > s->left)
		in.n = (size_t)s->left;
	s->at += in.n;
	s->left -= in.n;
	s->ended = !s->left;
	if (!s->refusal)
		buf_add(&s->content, in);
	hand_over(s);
	return true;
}

static bool work(struct server *s)
{
	switch ((enum server_mode)s->mode) {
	case MODE_COMMAND: return work_command(s);
	case MODE_DATA:    return work_data(s);
	case MODE_CHUNK:   return work_chunk(s);
	default:           return false;
	}
}

/* Go on as far as it goes without the driver. */
static void advance(struct server *s)
{
	while (s->ask == SERVER_RECV && !s->reset_due &&
	       s->out.len < OUTPUT_HIGH && work(s))
		;
}

/* ---- what the driver calls ---- */

void server_init(struct server *s, const struct server_config *config)
{
	*s = (struct server){ .config = config, .ask = SERVER_RECV };
	buf_init(&s->in, INPUT_MAX);
	buf_init(&s->out, OUTPUT_MAX);
	buf_init(&s->content, INPUT_MAX + 2);
	mail_argument_init(&s->mail);
	rcpt_argument_init(&s->rcpt);
	buf_addf(&s->out, "220 %s %s posthaste\r\n", config->name,
		 config->lmtp ? "LMTP" : "ESMTP");
}

void server_release(struct server *s)
{
	buf_release(&s->in);
	buf_release(&s->out);
	buf_release(&s->content);
	mail_argument_release(&s->mail);
	rcpt_argument_release(&s->rcpt);
}

enum server_want server_want(const struct server *s)
{
	if (s->reset_due)
		return SERVER_RESET;
	if (s->ask != SERVER_RECV)
		return s->ask;
	if (s->out.len)
		return SERVER_SEND;
	return s->mode == MODE_OVER ? SERVER_DONE : SERVER_RECV;
}

struct str server_output(const struct server *s)
{
	return buf_str(&s->out);
}

void server_sent(struct server *s, size_t n)
{
	buf_drop(&s->out, n);
	advance(s);
}

void server_recv(struct server *s, struct str bytes)
{
	assert(bytes.n <= SERVER_READ_MAX && s->ask == SERVER_RECV);
	if (!bytes.n) {
		hang_up(s);
		return;
	}
	buf_drop(&s->in, s->at);
	s->at = 0;
	buf_add(&s->in, bytes);
	advance(s);
}

struct str server_content(const struct server *s)
{
	return buf_str(&s->content);
}

void server_taken(struct server *s)
{
	content_done(s);
	advance(s);
}

void server_reset(struct server *s)
{
	s->reset_due = false;
	end_transaction(s);
	advance(s);
}

/* What the answer, of that class, means for the transaction. */
static void settle(struct server *s, bool accepted)
{
	enum server_want asked = s->ask;

	assert(asked == SERVER_MAIL || asked == SERVER_RCPT ||
	       asked == SERVER_END);
	s->ask = SERVER_RECV;
	s->errors = 0;
	if (asked == SERVER_MAIL) {
		s->open = accepted;
	} else if (asked == SERVER_RCPT) {
		s->accepted += accepted;
	} else if (--s->owed) {
		s->ask = SERVER_END;
	} else {
		end_transaction(s);
	}
}

void server_reply(struct server *s, int code, const char *enhanced,
		  struct str text)
{
	answer_add(&s->out, code, enhanced, text, s->mail.utf8);
	settle(s, code / 100 == 2);
	advance(s);
}

void server_verdict(struct server *s, const struct verdict *v)
{
	int code = answer_verdict(&s->out, v, s->mail.utf8);

	settle(s, code / 100 == 2);
	advance(s);
}
