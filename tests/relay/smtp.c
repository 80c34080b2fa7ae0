#include "relay/smtp.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/log.h"
#include "relay/override.h"
#include "util/xalloc.h"

enum { LINE_MAX_COMMAND = 2048, LINE_MAX_AUTH = 12288 + 32 };

static const char *const names[VERBS] = {
	"GREETING", "TLS", "EHLO", "HELO", "LHLO", "STARTTLS", "AUTH",
	"AUTHRESP", "MAIL", "RCPT", "DATA", "BDAT", "DOT", "RSET", "NOOP",
	"VRFY", "QUIT", "HELP", "UNKNOWN"
};

void violation(struct session *s, const char *text)
{
	log_note(s->c->relay, s->c->id, "violation", text);
}

/* -- capabilities ---------------------------------------------------------- */

static const char *caps(struct session *s)
{
	const struct config *conf = s->c->conf;

	return s->c->tls && conf->caps_tls ? conf->caps_tls : conf->caps;
}

bool cap_offered(struct session *s, const char *word, struct str *arg)
{
	struct str all = str_of(caps(s));

	while (all.n) {
		struct str rest = str_trim(str_cut(&all, ','));
		struct str key = str_cut(&rest, ' ');

		if (!str_caseeq(key, str_of(word)))
			continue;
		if (arg)
			*arg = str_trim(rest);
		return true;
	}
	return false;
}

static bool auth_offered(struct session *s)
{
	const struct config *conf = s->c->conf;

	return *conf->auth && (s->c->tls || s->c->mode == TLS_NONE ||
			       conf->auth_plaintext);
}

/* -- answering -------------------------------------------------------------- */

static void log_reply(struct session *s, enum verb verb, struct str text)
{
	struct buf b;

	if (text.n > 1000)
		text.n = 1000;
	log_begin(s->c->relay, &b, s->c->id, "reply");
	log_str(&b, "verb", str_of(names[verb]));
	log_str(&b, "text", text);
	log_end(s->c->relay, &b);
}

static int code_of(struct str text)
{
	int code = 0;

	if (text.n < 3)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)text.p[i]))
			return 0;
		code = code * 10 + text.p[i] - '0';
	}
	return code;
}

static int byte_by_byte(struct session *s, struct str text)
{
	if (conn_flush(s->c))
		return -1;
	for (size_t i = 0; i < text.n; i++) {
		if (conn_write(s->c, (struct str){ text.p + i, 1 }))
			return -1;
		pause_ms(1);
	}
	return code_of(text);
}

static int repeat(struct session *s, const struct override *o)
{
	char *block;
	size_t per = o->text.n ? 65536 / o->text.n : 0;
	size_t n = per ? per : 1;
	int ret = 0;

	if (!o->text.n)
		return 0;
	if (o->times && o->times < n)
		n = (size_t)o->times;
	block = xrealloc(NULL, n, o->text.n);
	for (size_t i = 0; i < n; i++)
		memcpy(block + i * o->text.n, o->text.p, o->text.n);
	for (uint64_t left = o->times; !ret && (left || !o->times);) {
		size_t k = o->times && left < n ? (size_t)left : n;

		ret = conn_write(s->c, (struct str){ block, k * o->text.n });
		left -= o->times ? k : 0;
	}
	free(block);
	return ret ? -1 : code_of(o->text);
}

/* Agree to STARTTLS and wait for what comes of it; as conn_fill(). */
static int hello_wait(struct session *s, const struct override *o)
{
	buf_add(&s->c->out, o->text.n ? o->text : STR("220 2.0.0 go ahead\r\n"));
	return conn_flush(s->c) ? -1 : conn_fill(s->c, true);
}

static int perform(struct session *s, enum verb verb, const struct override *o)
{
	log_reply(s, verb, o->text);
	switch (o->act) {
	case ACT_BYTES:
		return byte_by_byte(s, o->text);
	case ACT_REPEAT:
		return repeat(s, o);
	case ACT_REPLY:
		buf_add(&s->c->out, o->text);
		return code_of(o->text);
	case ACT_GARBAGE:
		/* In answer to the ClientHello, not before it. */
		if (verb == V_STARTTLS && hello_wait(s, o) <= 0)
			return -1;
		break;
	default:
		break;
	}
	if (o->act != ACT_GARBAGE)
		buf_add(&s->c->out, o->text);
	log_note(s->c->relay, s->c->id, "act", names[verb]);
	return conn_act(s->c, o->act);
}

/* Without ENHANCEDSTATUSCODES (RFC 2034) a reply has only its code. */
static void plain_reply(struct session *s, const char *text)
{
	bool enhanced = isdigit((unsigned char)text[0]) && strlen(text) > 9 &&
			text[4] == text[0] && text[5] == '.';

	if (enhanced && !cap_offered(s, "ENHANCEDSTATUSCODES", NULL)) {
		const char *rest = strchr(text + 4, ' ');

		buf_addf(&s->c->out, "%.4s%s\r\n", text, rest ? rest + 1 : "");
	} else {
		buf_addf(&s->c->out, "%s\r\n", text);
	}
}

const struct override *answer_peek(struct session *s, enum verb verb,
				   const char *arg)
{
	return override_find(s->c->conf, names[verb], s->c->id,
			     s->counts[verb] + 1, arg);
}

int answer(struct session *s, enum verb verb, const char *arg, const char *text)
{
	const struct config *conf = s->c->conf;
	const struct override *o = answer_peek(s, verb, arg);

	s->counts[verb]++;
	for (size_t i = 0; i < conf->ndelays; i++)
		if (!strcmp(conf->delays[i].verb, names[verb])) {
			if (conn_flush(s->c))
				return -1;
			pause_ms(conf->delays[i].ms);
		}
	if (o)
		return perform(s, verb, o);
	log_reply(s, verb, str_of(text));
	plain_reply(s, text);
	if (conf->flush_at && s->c->out.len >= conf->flush_at &&
	    conn_flush(s->c))
		return -1;
	return code_of(str_of(text));
}

/* -- commands ---------------------------------------------------------------- */

void transaction_reset(struct session *s)
{
	content_drop(s);
	for (size_t i = 0; i < s->nrcpts; i++) {
		free(s->rcpts[i].address);
		free(s->rcpts[i].params);
	}
	free(s->rcpts);
	free(s->from);
	free(s->params);
	s->rcpts = NULL;
	s->nrcpts = s->accepted = 0;
	s->from = s->params = NULL;
	s->chunks = 0;
}

static void ehlo_text(struct session *s, struct buf *b)
{
	struct str all = str_of(caps(s));

	buf_addf(b, "250-%s greets you", s->c->conf->name);
	while (all.n) {
		struct str cap = str_trim(str_cut(&all, ','));

		if (!cap.n)
			continue;
		buf_addz(b, "\r\n250-");
		buf_add(b, cap);
	}
	if (s->c->mode == TLS_STARTTLS && !s->c->tls)
		buf_addz(b, "\r\n250-STARTTLS");
	if (auth_offered(s))
		buf_addf(b, "\r\n250-AUTH %s", s->c->conf->auth);
	/* The last line has a blank after its code. */
	for (size_t i = b->len; i >= 4; i--)
		if (!memcmp(b->p + i - 4, "250-", 4) &&
		    (i == 4 || b->p[i - 5] == '\n')) {
			b->p[i - 1] = ' ';
			break;
		}
}

static int hello(struct session *s, enum verb verb, struct str arg)
{
	char *name = xstrndup(arg.p, arg.n);
	struct buf b;
	int code;

	buf_init(&b, 65536);
	if ((verb == V_LHLO) != s->c->conf->lmtp)
		buf_addz(&b, "500 5.5.1 not the protocol spoken here");
	else if (!arg.n)
		buf_addz(&b, "501 5.5.4 say who you are");
	else if (verb == V_HELO)
		buf_addf(&b, "250 %s", s->c->conf->name);
	else
		ehlo_text(s, &b);
	code = answer(s, verb, name, buf_cstr(&b));
	buf_release(&b);
	free(name);
	if (code / 100 == 2) {
		transaction_reset(s);
		s->greeted = true;
		s->esmtp = verb != V_HELO;
	}
	return code < 0 ? -1 : 0;
}

static int ehlo_run(struct session *s, struct str arg)
{
	return hello(s, V_EHLO, arg);
}

static int helo_run(struct session *s, struct str arg)
{
	return hello(s, V_HELO, arg);
}

static int lhlo_run(struct session *s, struct str arg)
{
	return hello(s, V_LHLO, arg);
}

/* The handshake, or what TLS=... says instead of it. */
static int go_tls(struct session *s)
{
	const struct override *o = answer_peek(s, V_TLS, "");

	if (o) {
		s->counts[V_TLS]++;
		/* As a server that chokes on the ClientHello, not one before it. */
		if (o->act != ACT_REPLY && conn_fill(s->c, true) <= 0)
			return -1;
		if (perform(s, V_TLS, o) < 0 || conn_flush(s->c))
			return -1;
		conn_drain(s->c, -1);
		return -1;
	}
	return tls_handshake(s->c);
}

static int starttls_run(struct session *s, struct str arg)
{
	size_t extra;
	int code;

	(void)arg;
	if (s->c->mode != TLS_STARTTLS || s->c->tls)
		code = answer(s, V_STARTTLS, "", "503 5.5.1 no TLS to start");
	else
		code = answer(s, V_STARTTLS, "", "220 2.0.0 go ahead");
	if (code < 0 || code / 100 != 2 || s->c->tls)
		return code < 0 ? -1 : 0;
	extra = conn_unread(s->c);
	if (extra)
		violation(s, "plaintext after STARTTLS");
	s->c->start = s->c->end;
	transaction_reset(s);
	s->greeted = s->esmtp = s->authed = false;
	return conn_flush(s->c) ? -1 : go_tls(s);
}

static int rset_run(struct session *s, struct str arg)
{
	(void)arg;
	transaction_reset(s);
	return answer(s, V_RSET, "", "250 2.0.0 forgotten") < 0 ? -1 : 0;
}

static int noop_run(struct session *s, struct str arg)
{
	(void)arg;
	return answer(s, V_NOOP, "", "250 2.0.0 ok") < 0 ? -1 : 0;
}

static int vrfy_run(struct session *s, struct str arg)
{
	(void)arg;
	return answer(s, V_VRFY, "", "252 2.5.2 cannot say, will try") < 0 ?
		-1 : 0;
}

static int help_run(struct session *s, struct str arg)
{
	(void)arg;
	return answer(s, V_HELP, "", "214 2.0.0 see RFC 5321") < 0 ? -1 : 0;
}

static int quit_run(struct session *s, struct str arg)
{
	(void)arg;
	s->c->quit = true;
	transaction_reset(s);
	if (answer(s, V_QUIT, "", "221 2.0.0 bye") < 0 || conn_flush(s->c))
		return -1;
	if (s->c->tls)
		gnutls_bye(s->c->tls, GNUTLS_SHUT_WR);
	conn_act(s->c, ACT_CLOSE_AFTER);
	return -1;
}

static const struct {
	const char *name;
	int (*run)(struct session *s, struct str arg);
	bool last;		/* of a pipelined group (RFC 2920 s3.1) */
} commands[] = {
	{ "EHLO", ehlo_run, true },
	{ "HELO", helo_run, true },
	{ "LHLO", lhlo_run, true },
	{ "STARTTLS", starttls_run, true },
	{ "AUTH", auth_run, true },
	{ "MAIL", mail_run, false },
	{ "RCPT", rcpt_run, false },
	{ "DATA", data_run, true },
	{ "BDAT", bdat_run, false },
	{ "RSET", rset_run, false },
	{ "NOOP", noop_run, true },
	{ "VRFY", vrfy_run, true },
	{ "HELP", help_run, true },
	{ "QUIT", quit_run, true },
};

static void log_command(struct session *s, struct str verb, struct str line)
{
	struct buf b;

	conn_command(s->c, verb);
	log_begin(s->c->relay, &b, s->c->id, "command");
	log_str(&b, "verb", verb);
	log_str(&b, "line", line);
	log_end(s->c->relay, &b);
}

/* Without its line end; what is wrong with it is noted. */
static struct str chomp(struct session *s, struct str line)
{
	line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	else
		violation(s, "line ends with a bare LF");
	if (str_has_ctl(line))
		violation(s, "control byte in a command");
	return line;
}

static int dispatch(struct session *s, struct str line)
{
	struct str rest = line;
	struct str word = str_cut(&rest, ' ');
	bool pipelining = cap_offered(s, "PIPELINING", NULL);
	char verb[16];
	size_t n = word.n < sizeof(verb) - 1 ? word.n : sizeof(verb) - 1;

	for (size_t i = 0; i < n; i++)
		verb[i] = (char)toupper((unsigned char)word.p[i]);
	word = (struct str){ verb, n };
	log_command(s, word, line);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!str_eq(word, str_of(commands[i].name)))
			continue;
		if (conn_unread(s->c) && commands[i].run != bdat_run &&
		    (!pipelining || commands[i].last))
			violation(s, pipelining ? "command not last of its group" :
						  "pipelining was not offered");
		if (line.n > (commands[i].run == auth_run ? LINE_MAX_AUTH :
							    LINE_MAX_COMMAND))
			break;
		return commands[i].run(s, str_trim(rest));
	}
	return answer(s, V_UNKNOWN, "", line.n > LINE_MAX_COMMAND ?
		      "500 5.5.2 line too long" :
		      "500 5.5.1 unknown command") < 0 ? -1 : 0;
}

/* The rest of a line that is too long for anyone. */
static int skip_line(struct session *s)
{
	struct str line;
	bool cut = true;

	while (cut)
		if (conn_line(s->c, &line, &cut) <= 0)
			return -1;
	return answer(s, V_UNKNOWN, "", "500 5.5.2 line too long") < 0 ? -1 : 0;
}

static int greeting(struct session *s)
{
	const struct config *conf = s->c->conf;
	char text[300];

	if (s->c->mode == TLS_IMPLICIT && go_tls(s))
		return -1;
	pause_ms(conf->greeting_delay);
	if (wire_ready(s->c))
		violation(s, "client did not wait for the greeting");
	/* "#n" of the greeting counts connections. */
	s->counts[V_GREETING] = s->c->id - 1;
	snprintf(text, sizeof(text), "220 %s %s ready", conf->name,
		 conf->lmtp ? "LMTP" : "ESMTP");
	return answer(s, V_GREETING, "", text) < 0 ? -1 : 0;
}

void smtp_run(struct conn *c)
{
	struct session s = { .c = c };
	struct str line;
	bool cut;
	int ret = greeting(&s);

	while (!ret && conn_line(c, &line, &cut) > 0) {
		char *copy = xstrndup(line.p, line.n);

		line.p = copy;
		ret = cut ? skip_line(&s) : dispatch(&s, chomp(&s, line));
		free(copy);
	}
	transaction_reset(&s);
	free(s.rcpts);
}
