/*
 * Plays the transcripts of tests/smtp, whose README says what a line means:
 * at each run of S: lines the client must have said exactly the C: lines
 * before it, however the octets of both sides are cut.
 */
#include "smtp/session.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "czNjcmV0"	/* what the fake mechanism must never show */
#define CHALLENGE "YWJj"	/* a challenge, which may tell of it */

enum { TEXT_MAX = 1 << 16, LINES_MAX = 400, RCPTS_MAX = 12, WORDS = 4 };

static const char content[] = "Subject: hi\r\n\r\n.dot\r\n";

/* What is expected of a recipient, or of the session (addr is unused). */
struct wanted {
	const char *addr, *outcome, *stage, *code;
};

struct script {
	const char *path;
	struct buf text;
	char *line[LINES_MAX];
	size_t n_lines;
	struct wanted rcpt[2][RCPTS_MAX];	/* of the 1st and 2nd message */
	size_t n_rcpt[2];
	/* Headers, "" if absent. */
	const char *from, *tls, *lmtp, *auth, *auth_initial, *auth_fail, *utf8,
		*body, *size, *notify, *orcpt, *ret, *envid, *all_or_nothing,
		*require_tls, *hold, *by, *priority, *session, *why, *messages,
		*mech, *final;
};

#define AT(field) offsetof(struct script, field)

static const struct {
	const char *key;
	size_t at;
} headers[] = {
	{ "from", AT(from) }, { "tls", AT(tls) }, { "lmtp", AT(lmtp) },
	{ "auth", AT(auth) }, { "auth-initial", AT(auth_initial) },
	{ "auth-fail", AT(auth_fail) }, { "utf8", AT(utf8) },
	{ "body", AT(body) }, { "size", AT(size) }, { "notify", AT(notify) },
	{ "orcpt", AT(orcpt) }, { "ret", AT(ret) }, { "envid", AT(envid) },
	{ "all-or-nothing", AT(all_or_nothing) },
	{ "require-tls", AT(require_tls) }, { "hold", AT(hold) },
	{ "by", AT(by) }, { "priority", AT(priority) },
	{ "session", AT(session) }, { "why", AT(why) },
	{ "messages", AT(messages) }, { "mech", AT(mech) },
	{ "final", AT(final) },
};

enum { N_HEADERS = sizeof(headers) / sizeof(*headers) };

static const char *const stages[] = {
	"local", "connect", "tls", "greeting", "ehlo", "starttls", "auth",
	"mail", "rcpt", "data", "content", "quit"
};

/* -- reading a transcript ------------------------------------------------ */

/* Cut text at its blanks, in place; words that are not there are "". */
static void split(char *text, const char *word[WORDS])
{
	for (size_t i = 0; i < WORDS; i++) {
		size_t n = strcspn(text, " ");

		word[i] = text;
		text += n;
		if (*text)
			*text++ = '\0';
	}
}

static struct wanted wanted(const char *const word[WORDS])
{
	return (struct wanted){ word[0], word[1], word[2], word[3] };
}

static void add_rcpt(struct script *sc, size_t message, char *value)
{
	const char *word[WORDS];

	split(value, word);
	assert_true(sc->n_rcpt[message] < RCPTS_MAX);
	sc->rcpt[message][sc->n_rcpt[message]++] = wanted(word);
}

static void header(struct script *sc, char *line)
{
	char *value = strchr(line, ':');
	size_t i = 0;

	if (!value)
		fail_msg("%s: what is '%s'?", sc->path, line);
	*value++ = '\0';
	value += *value == ' ';
	if (!strcmp(line, "rcpt")) {
		add_rcpt(sc, 0, value);
		return;
	}
	if (!strcmp(line, "second")) {
		add_rcpt(sc, 1, value);
		return;
	}
	while (i < N_HEADERS && strcmp(headers[i].key, line))
		i++;
	if (i == N_HEADERS)
		fail_msg("%s: unknown header '%s'", sc->path, line);
	memcpy((char *)sc + headers[i].at, &value, sizeof(value));
}

static void script_load(struct script *sc, const char *path)
{
	FILE *f = fopen(path, "r");
	static const char *const none = "";
	char *line, *next;

	assert_non_null(f);
	*sc = (struct script){ .path = path };
	for (size_t i = 0; i < N_HEADERS; i++)
		memcpy((char *)sc + headers[i].at, &none, sizeof(none));
	sc->from = "a@example.org";
	sc->tls = "none";
	buf_init(&sc->text, TEXT_MAX);
	buf_grew(&sc->text, fread(buf_room(&sc->text, TEXT_MAX), 1, TEXT_MAX, f));
	fclose(f);
	for (line = sc->text.p; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (*line >= 'a' && *line <= 'z')
			header(sc, line);
		assert_true(sc->n_lines < LINES_MAX);
		sc->line[sc->n_lines++] = line;
	}
}

static int number(const char *value)
{
	return (int)strtol(value, NULL, 10);
}

static bool yes(const char *value)
{
	return !strcmp(value, "yes");
}

/* -- the fake mechanism -------------------------------------------------- */

static int fake_fail(const struct script *sc, const char *where,
		     enum error_kind kind, struct error *err)
{
	if (strcmp(sc->auth_fail, where))
		return 0;
	return error_set(err, kind, "fake failure of %s", where);
}

static int fake_start(void *ctx, struct str offered, const char **mech,
		      bool *has_initial, struct buf *initial, struct error *err)
{
	const struct script *sc = ctx;
	bool found = false;

	while (offered.n)
		found |= str_eq(str_cut(&offered, ' '), STR("FAKE"));
	if (!found)
		return error_set(err, ERROR_AUTH, "no FAKE among the offers");
	if (fake_fail(sc, "start", ERROR_AUTH, err))
		return -1;
	*mech = "FAKE";
	*has_initial = strcmp(sc->auth_initial, "none") != 0;
	if (!*sc->auth_initial)
		buf_addz(initial, SECRET);
	for (int i = 0; i < number(sc->auth_initial); i++)
		buf_addch(initial, SECRET[i % (int)strlen(SECRET)]);
	return 0;
}

static int fake_step(void *ctx, struct str challenge, struct buf *response,
		     struct error *err)
{
	buf_addz(response, SECRET);
	buf_add(response, challenge);
	return fake_fail(ctx, "step", ERROR_PROTOCOL, err);
}

static int fake_finish(void *ctx, struct error *err)
{
	return fake_fail(ctx, "finish", ERROR_AUTH, err);
}

static void fake_mask(void *ctx, struct buf *text)
{
	(void)ctx;
	for (size_t i = 0; i + strlen(SECRET) <= text->len; i++)
		if (!memcmp(text->p + i, SECRET, strlen(SECRET)))
			memset(text->p + i, '*', strlen(SECRET));
}

/* -- playing ------------------------------------------------------------- */

struct game {
	struct script *sc;
	const char *mode;
	size_t heard;		/* octets of the relay fed at once */
	size_t taken;		/* octets of output taken at once */
	size_t piece;		/* octets of content given at once */
	size_t line;		/* of the transcript, from 1 */
	struct session_config config;
	struct session s;
	struct envelope env[2];
	size_t begun;
	struct auth auth;
	struct buf wrote, want, say, trace;
};

static const struct game modes[] = {
	{ .mode = "whole", .heard = -1, .taken = -1, .piece = -1 },
	{ .mode = "relay octet by octet", .heard = 1, .taken = -1, .piece = -1 },
	{ .mode = "output octet by octet", .heard = -1, .taken = 1, .piece = -1 },
	{ .mode = "content octet by octet", .heard = -1, .taken = -1, .piece = 1 },
	{ .mode = "all octet by octet", .heard = 1, .taken = 1, .piece = 1 },
	{ .mode = "by sevens", .heard = 7, .taken = 7, .piece = 7 },
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void note(void *ctx, char who, struct str line)
{
	struct buf *trace = ctx;

	buf_addch(trace, who);
	buf_addz(trace, ": ");
	buf_add(trace, line);
	buf_addch(trace, '\n');
}

static void envelope_fill(struct game *g, size_t message)
{
	struct script *sc = g->sc;
	struct envelope *e = &g->env[message];
	size_t which = sc->n_rcpt[message] ? message : 0;

	envelope_init(e);
	e->from = sc->from;
	e->ret = sc->ret;
	e->envid = sc->envid;
	e->size = *sc->size ? strtoull(sc->size, NULL, 10) :
		sizeof(content) - 1;
	e->body = !strcmp(sc->body, "8bit") ? BODY_8BIT :
		!strcmp(sc->body, "binary") ? BODY_BINARY : BODY_7BIT;
	e->utf8 = yes(sc->utf8);
	e->all_or_nothing = yes(sc->all_or_nothing);
	e->require_tls = yes(sc->require_tls);
	e->deliver_by = sc->by;
	e->hold = sc->hold;
	e->priority = sc->priority;
	for (size_t i = 0; i < sc->n_rcpt[which]; i++)
		envelope_add(e, sc->rcpt[which][i].addr, sc->notify, sc->orcpt);
}

static void game_open(struct game *g, struct script *sc)
{
	g->sc = sc;
	g->config = (struct session_config){
		.helo = "me.example",
		.tls = !strcmp(sc->tls, "none") ? TLS_NONE :
			!strcmp(sc->tls, "starttls") ? TLS_STARTTLS :
			TLS_IMPLICIT,
		.lmtp = yes(sc->lmtp),
		.auth = yes(sc->auth),
		.timeout = { 300, 180, 600 },
		.trace = note,
		.trace_ctx = &g->trace,
	};
	g->auth = (struct auth){ sc, fake_start, fake_step, fake_finish,
		fake_mask };
	buf_init(&g->wrote, 1 << 20);
	buf_init(&g->want, 1 << 20);
	buf_init(&g->say, 1 << 20);
	buf_init(&g->trace, 1 << 20);
	envelope_fill(g, 0);
	envelope_fill(g, 1);
	session_init(&g->s, &g->config);
}

static void game_close(struct game *g)
{
	session_release(&g->s);
	envelope_release(&g->env[0]);
	envelope_release(&g->env[1]);
	buf_release(&g->wrote);
	buf_release(&g->want);
	buf_release(&g->say);
	buf_release(&g->trace);
}

/* The line as people count them, for an editor to jump to. */
static void wrong(const struct game *g, const char *what, const char *wanted,
		  const char *got)
{
	fail_msg("%s:%zu (%s): %s\n-- wanted:\n%s\n-- got:\n%s\n-- trace:\n%s",
		 g->sc->path, g->line, g->mode, what, wanted, got,
		 buf_cstr(&g->trace));
}

static void give_body(struct game *g)
{
	size_t at = (size_t)session_body_at(&g->s);
	size_t n = least(session_body_room(&g->s), g->piece);

	assert_true(n > 0 && at + n <= sizeof(content) - 1);
	session_body(&g->s, (struct str){ content + at, n });
}

static void next_message(struct game *g)
{
	size_t messages = *g->sc->messages ? (size_t)*g->sc->messages - '0' : 1;

	if (g->begun && envelope_count(&g->env[g->begun - 1], OUTCOME_PENDING))
		wrong(g, "somebody is pending", "nobody", "");
	if (g->begun < messages)
		session_begin(&g->s, &g->env[g->begun++]);
	else
		session_quit(&g->s);
}

/* Do what the client wants until it needs the relay. */
static void drive(struct game *g)
{
	struct str out;

	for (;;) switch (session_want(&g->s)) {
	case WANT_SEND:
		out = session_output(&g->s);
		out.n = least(out.n, g->taken);
		buf_add(&g->wrote, out);
		session_sent(&g->s, out.n);
		break;
	case WANT_BODY:
		give_body(g);
		break;
	case WANT_TLS:
		buf_addz(&g->wrote, "<TLS>\r\n");
		session_tls_up(&g->s);
		break;
	case WANT_AUTH:
		session_auth(&g->s, &g->auth);
		break;
	case WANT_NEXT:
		next_message(g);
		break;
	default:
		return;
	}
}

/* The client must have said what the C: lines since the last time say. */
static void compare(struct game *g)
{
	struct str wrote = buf_str(&g->wrote), want = buf_str(&g->want);
	bool same = !wrote.n || wrote.p[wrote.n - 1] == '\n';

	while (same && (wrote.n || want.n)) {
		struct str got = str_cut(&wrote, '\n');
		struct str line = str_cut(&want, '\n');

		same = str_eq(line, STR("<ANY>\r")) ? got.n > 0 :
			str_eq(got, line);
	}
	if (!same)
		wrong(g, "the client said something else", buf_cstr(&g->want),
		      buf_cstr(&g->wrote));
	buf_reset(&g->wrote);
	buf_reset(&g->want);
}

static void relay_speaks(struct game *g)
{
	struct str say = buf_str(&g->say);
	unsigned epoch = session_epoch(&g->s);

	if (!say.n)
		return;
	while (say.n) {
		size_t n = least(say.n, g->heard);

		session_recv(&g->s, (struct str){ say.p, n });
		say.p += n;
		say.n -= n;
	}
	/* A whole reply begins a new wait, unless it was not waited for. */
	if (session_want(&g->s) == WANT_RECV && !reply_begun(&g->s.reply) &&
	    epoch == session_epoch(&g->s))
		wrong(g, "the epoch did not change", "", "");
	buf_reset(&g->say);
	drive(g);
}

static void relay_goes(struct game *g, const char *how)
{
	struct error err;

	relay_speaks(g);
	compare(g);
	error_set(&err, ERROR_NET, "%s", how);
	if (!strcmp(how, "EOF"))
		session_recv(&g->s, STR(""));
	else
		session_fail(&g->s, &err);
	drive(g);
}

static void play_line(struct game *g, const char *line)
{
	bool to = !strncmp(line, "C:", 2), from = !strncmp(line, "S:", 2);
	const char *text = line + 2;

	if (to || from)
		text += *text == ' ';
	if (to) {
		relay_speaks(g);
		buf_addf(&g->want, "%s\r\n", text);
	} else if (from) {
		if (!g->say.len)
			compare(g);
		buf_addf(&g->say, "%s\r\n", text);
	} else if (!strcmp(line, "EOF") || !strcmp(line, "RESET") ||
		   !strcmp(line, "TIMEOUT")) {
		relay_goes(g, line);
	}
}

/* -- what came of it ----------------------------------------------------- */

static void check_verdict(struct game *g, const struct verdict *v,
			  const struct wanted *w)
{
	char want[200], got[200];
	const char *stage = *w->stage ? w->stage : stages[v->stage];
	int code = *w->code ? number(w->code) : *w->stage ? 0 : v->code;

	snprintf(want, sizeof(want), "%s %s %s %d", w->addr, w->outcome, stage,
		 code);
	snprintf(got, sizeof(got), "%s %s %s %d", w->addr,
		 outcome_name(v->outcome), stages[v->stage], v->code);
	if (strcmp(want, got))
		wrong(g, "another verdict", want, got);
	if (v->text.n && memmem(v->text.p, v->text.n, SECRET, strlen(SECRET)))
		wrong(g, "a verdict has the secret", "", "");
	if (v->outcome != OUTCOME_PENDING && !v->code && !v->kind)
		wrong(g, "neither a code nor a kind", "", "");
}

static void check_session(struct game *g)
{
	static const char pending[] = "session pending";
	char text[200];
	const char *word[WORDS];
	struct wanted w;

	snprintf(text, sizeof(text), "session %s", g->sc->session);
	if (!*g->sc->session)
		memcpy(text, pending, sizeof(pending));
	split(text, word);
	/* "session: STAGE OUTCOME CODE", the order of the dialogue. */
	w = *g->sc->session ? (struct wanted){ word[0], word[2], word[1],
		word[3] } : wanted(word);
	check_verdict(g, &g->s.verdict, &w);
	if (!strstr(buf_cstr(&g->s.verdict_text), g->sc->why))
		wrong(g, "another reason", g->sc->why,
		      buf_cstr(&g->s.verdict_text));
	if (strcmp(g->s.mech, g->sc->mech))
		wrong(g, "another mechanism", g->sc->mech, g->s.mech);
	if (*g->sc->final && g->s.final.code != number(g->sc->final))
		wrong(g, "another last word", g->sc->final, "");
}

static void check_end(struct game *g)
{
	if (session_want(&g->s) != WANT_DONE)
		wrong(g, "the session is not over", "", session_awaited(&g->s));
	for (size_t m = 0; m < g->begun; m++) {
		size_t which = g->sc->n_rcpt[m] ? m : 0;

		for (size_t i = 0; i < g->env[m].n_rcpt; i++)
			check_verdict(g, envelope_verdict(&g->env[m], i),
				      &g->sc->rcpt[which][i]);
	}
	/* Nothing was said to the relay: the driver answers for the rest. */
	for (size_t i = 0; !g->begun && i < g->sc->n_rcpt[0]; i++)
		if (strcmp(g->sc->rcpt[0][i].outcome, "unsaid"))
			wrong(g, "no message was begun",
			      g->sc->rcpt[0][i].outcome, "unsaid");
	check_session(g);
	if (strstr(buf_cstr(&g->trace), SECRET))
		wrong(g, "the trace has the secret", "", "");
	if (strstr(buf_cstr(&g->trace), CHALLENGE))
		wrong(g, "the trace has a challenge", "", "");
	if (strstr(buf_cstr(&g->trace), ".dot"))
		wrong(g, "the trace has content", "", "");
}

static void play(const struct game *mode, struct script *sc, struct buf *trace)
{
	struct game g = *mode;

	game_open(&g, sc);
	drive(&g);
	for (g.line = 1; g.line <= sc->n_lines; g.line++)
		play_line(&g, sc->line[g.line - 1]);
	relay_speaks(&g);
	compare(&g);
	check_end(&g);
	if (!trace->len)
		buf_add(trace, buf_str(&g.trace));
	else if (!str_eq(buf_str(trace), buf_str(&g.trace)))
		wrong(&g, "the trace depends on the cuts", buf_cstr(trace),
		      buf_cstr(&g.trace));
	game_close(&g);
}

static void transcript(const char *path)
{
	struct script sc;
	struct buf trace;

	script_load(&sc, path);
	buf_init(&trace, 1 << 20);
	for (size_t m = 0; m < sizeof(modes) / sizeof(*modes); m++)
		play(&modes[m], &sc, &trace);
	buf_release(&trace);
	buf_release(&sc.text);
}

/* All of them, or those named on the command line. */
static void transcripts(void **state)
{
	char **path = (char **)*state + 1;
	glob_t g;

	for (; *path; path++)
		transcript(*path);
	if (path > (char **)*state + 1)
		return;
	assert_int_equal(glob(TESTS "/smtp/*.txt", 0, NULL, &g), 0);
	assert_true(g.gl_pathc > 100);
	for (size_t i = 0; i < g.gl_pathc; i++)
		transcript(g.gl_pathv[i]);
	globfree(&g);
}

/* -- what a transcript cannot say ---------------------------------------- */

static void hear(struct session *s, const char *text)
{
	if (*text)
		session_recv(s, str_of(text));
}

/* Take all output. */
static void take(struct session *s)
{
	while (session_want(s) == WANT_SEND)
		session_sent(s, session_output(s).n);
}

#define HELLO "250-mx\r\n250-AUTH FAKE\r\n250-STARTTLS\r\n250 HELP\r\n"

/* Lock-step, and what is awaited after each reply (and what it sets off). */
static const struct {
	const char *heard, *awaited;
	unsigned seconds;
	enum stage stage;
} waits[] = {
	{ "", "the greeting", 1, STAGE_GREETING },
	{ "220 mx\r\n", "the reply to EHLO", 1, STAGE_EHLO },
	{ HELLO, "the reply to STARTTLS", 1, STAGE_STARTTLS },
	{ "220 go\r\n", "the reply to EHLO", 1, STAGE_EHLO },
	{ HELLO, "the reply to AUTH", 1, STAGE_AUTH },
	{ "334 \r\n", "the reply to AUTH", 1, STAGE_AUTH },
	{ "235 in\r\n", "the reply to MAIL", 1, STAGE_MAIL },
	{ "250 ok\r\n", "the reply to RCPT", 1, STAGE_RCPT },
	{ "250 ok\r\n", "the reply to DATA", 2, STAGE_DATA },
	{ "354 go\r\n", "the verdict on the message", 3, STAGE_CONTENT },
	{ "250 ok\r\n", "the reply to MAIL", 1, STAGE_MAIL },
	{ "250 ok\r\n", "the reply to RCPT", 1, STAGE_RCPT },
	{ "550 no\r\n", "the reply to RSET", 1, STAGE_MAIL },
	{ "250 ok\r\n", "the reply to MAIL", 1, STAGE_MAIL },
	{ "500 no\r\n", "the reply to QUIT", 1, STAGE_QUIT },
};

static void each_wait(void **state)
{
	static struct script sc = { .auth_initial = "none", .auth_fail = "" };
	struct auth auth = { &sc, fake_start, fake_step, fake_finish, fake_mask };
	struct session_config config = { .helo = "h", .tls = TLS_STARTTLS,
		.auth = true, .timeout = { 1, 2, 3 } };
	struct envelope env[3];
	struct session s;
	unsigned epoch = 0;
	size_t begun = 0;

	(void)state;
	session_init(&s, &config);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		hear(&s, waits[i].heard);
		for (bool more = true; more;) switch (session_want(&s)) {
		case WANT_TLS:
			session_tls_up(&s);
			break;
		case WANT_AUTH:
			session_auth(&s, &auth);
			break;
		case WANT_NEXT:
			if (begun == 3) {
				session_quit(&s);
				more = false;
				break;
			}
			envelope_init(&env[begun]);
			env[begun].size = sizeof(content) - 1;
			envelope_add(&env[begun], "b@x", "", "");
			session_begin(&s, &env[begun++]);
			break;
		case WANT_BODY:
			assert_string_equal(session_awaited(&s),
					    "the relay to take the message");
			assert_int_equal(session_timeout(&s), 2);
			assert_int_equal(session_stage(&s), STAGE_CONTENT);
			session_body(&s, (struct str){ content,
				     sizeof(content) - 1 });
			assert_string_equal(session_awaited(&s),
					    "the relay to take the message");
			assert_int_equal(session_timeout(&s), 2);
			break;
		case WANT_SEND:
			take(&s);
			break;
		default:
			more = false;
		}
		if (i && session_epoch(&s) == epoch)
			fail_msg("%zu: the epoch did not change", i);
		epoch = session_epoch(&s);
		if (strcmp(session_awaited(&s), waits[i].awaited) ||
		    session_timeout(&s) != waits[i].seconds ||
		    session_stage(&s) != waits[i].stage)
			fail_msg("%zu: awaited '%s' for %u s, not '%s' for %u",
				 i, session_awaited(&s), session_timeout(&s),
				 waits[i].awaited, waits[i].seconds);
	}
	session_release(&s);
	while (begun--)
		envelope_release(&env[begun]);
}

/* The wait for the verdict is not what is left of the wait to be read. */
static void sending_ends_a_wait(void **state)
{
	struct session_config config = { .helo = "h" };
	struct session s;
	unsigned epoch;

	(void)state;
	session_init(&s, &config);
	hear(&s, "220 mx\r\n");
	epoch = session_epoch(&s);
	session_sent(&s, 1);
	assert_int_equal(session_epoch(&s), epoch);
	take(&s);
	assert_int_not_equal(session_epoch(&s), epoch);
	epoch = session_epoch(&s);
	hear(&s, "250-a");	/* a drip gains no time */
	hear(&s, "\r\n250-");
	assert_int_equal(session_epoch(&s), epoch);
	session_release(&s);
}

static const struct {
	const char *said, *why;
	size_t n;
} strangers[] = {
	{ "\x15\x03\x01\x00\x02\x02\x0a", "it speaks TLS here", 7 },
	{ "HTTP/1.1 400 Bad Request\r\n", "it speaks HTTP", 26 },
	{ "+OK ready\r\n", "it speaks POP3", 11 },
	{ "* OK IMAP4rev1\r\n", "it speaks IMAP", 16 },
	{ "22 hi\r\n", "not an SMTP server", 7 },
	{ "2200 x\r\n", "not an SMTP server", 8 },
	{ "SSH-2.0-x\r\n", "not an SMTP server", 11 },
	{ "\n", "not an SMTP server", 1 },
};

static void not_smtp(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
		for (size_t cut = 0; cut < strangers[i].n; cut++) {
			struct session_config config = { .helo = "h" };
			struct str said = { strangers[i].said, strangers[i].n };
			struct session s;

			session_init(&s, &config);
			if (cut)
				session_recv(&s, (struct str){ said.p, cut });
			session_recv(&s, (struct str){ said.p + cut,
				     said.n - cut });
			if (s.verdict.kind != ERROR_PROTOCOL ||
			    s.verdict.outcome != OUTCOME_DEFERRED ||
			    session_want(&s) != WANT_DONE ||
			    !strstr(buf_cstr(&s.verdict_text),
				    strangers[i].why))
				fail_msg("%zu cut at %zu: %s", i, cut,
					 buf_cstr(&s.verdict_text));
			session_release(&s);
		}
}

static const struct {
	const char *from, *to;
} smuggled[] = {
	{ "a@x>\r\nRCPT TO:<evil@x", "b@x" },
	{ "a@x", "b@x>\nDATA" },
	{ "a@x", "b@x\r" },
	{ "a@x", "b\x01@x" },
};

/* The one guard that no front end can forget. */
static void no_smuggling(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(smuggled) / sizeof(*smuggled); i++) {
		struct session_config config = { .helo = "h" };
		struct envelope env;
		struct session s;

		envelope_init(&env);
		env.from = smuggled[i].from;
		env.size = 10;
		envelope_add(&env, smuggled[i].to, "", "");
		session_init(&s, &config);
		hear(&s, "220 mx\r\n");
		take(&s);
		hear(&s, "250-mx\r\n250 PIPELINING\r\n");
		session_begin(&s, &env);
		assert_int_equal(session_want(&s), WANT_DONE);
		assert_int_equal(envelope_verdict(&env, 0)->kind, ERROR_DATA);
		assert_int_equal(envelope_count(&env, OUTCOME_FAILED), 1);
		session_release(&s);
		envelope_release(&env);
	}
}

/* A command over 16 KiB is not sent cut short: none of the three. */
static void no_cut_commands(void **state)
{
	char *name = malloc(20001);

	(void)state;
	memset(name, 'x', 20000);
	name[20000] = '\0';
	for (int which = 0; which < 3; which++) {
		struct session_config config = { .helo = which ? "h" : name };
		struct envelope env;
		struct session s;

		envelope_init(&env);
		env.size = 10;
		env.from = which == 1 ? name : "a@x";
		envelope_add(&env, which == 2 ? name : "b@x", "", "");
		session_init(&s, &config);
		hear(&s, "220 mx\r\n");
		take(&s);
		if (which) {
			hear(&s, "250-mx\r\n250 PIPELINING\r\n");
			session_begin(&s, &env);
			assert_int_equal(envelope_count(&env, OUTCOME_FAILED), 1);
		}
		assert_int_equal(session_want(&s), WANT_DONE);
		assert_int_equal(s.verdict.kind, ERROR_DATA);
		session_release(&s);
		envelope_release(&env);
	}
	free(name);
}

/* A failure that the driver knows better than the session. */
static void failed_by_the_driver(void **state)
{
	struct session_config config = { .helo = "h", .tls = TLS_IMPLICIT };
	struct verdict v = { .outcome = OUTCOME_DEFERRED, .stage = STAGE_TLS,
		.kind = ERROR_CERT, .text = { "expired", 7 } };
	struct session s;

	(void)state;
	session_init(&s, &config);
	assert_true(s.secure);
	session_fail_at(&s, &v);
	v.stage = STAGE_QUIT;
	session_fail_at(&s, &v);	/* the first word is final */
	assert_int_equal(s.verdict.stage, STAGE_TLS);
	assert_int_equal(session_want(&s), WANT_DONE);
	hear(&s, "220 late\r\n");
	assert_int_equal(session_want(&s), WANT_DONE);
	session_release(&s);
	/* Nor does it matter how QUIT fares after a refusal. */
	session_init(&s, &config);
	hear(&s, "554 no\r\n");
	session_fail_at(&s, &v);
	assert_int_equal(s.verdict.stage, STAGE_GREETING);
	assert_int_equal(s.verdict.code, 554);
	assert_int_equal(session_want(&s), WANT_DONE);
	session_release(&s);
}

/* What fails while the driver is at work has the stage of that work. */
static void failed_at_work(void **state)
{
	struct session_config config = { .helo = "h", .tls = TLS_STARTTLS,
		.auth = true };
	struct error err;
	struct session s;

	(void)state;
	error_set(&err, ERROR_CONFIG, "no password");
	for (int later = 0; later < 2; later++) {
		session_init(&s, &config);
		hear(&s, "220 mx\r\n");
		take(&s);
		hear(&s, HELLO);
		take(&s);
		hear(&s, "220 go\r\n");
		assert_int_equal(session_want(&s), WANT_TLS);
		if (later) {
			session_tls_up(&s);
			take(&s);
			hear(&s, HELLO);
			assert_int_equal(session_want(&s), WANT_AUTH);
		}
		session_fail(&s, &err);
		assert_int_equal(s.verdict.stage, later ? STAGE_AUTH :
				 STAGE_STARTTLS);
		assert_int_equal(s.verdict.kind, ERROR_CONFIG);
		assert_int_equal(s.secure, later);
		session_release(&s);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(transcripts, argv),
		cmocka_unit_test(each_wait),
		cmocka_unit_test(sending_ends_a_wait),
		cmocka_unit_test(not_smtp),
		cmocka_unit_test(no_smuggling),
		cmocka_unit_test(no_cut_commands),
		cmocka_unit_test(failed_by_the_driver),
		cmocka_unit_test(failed_at_work),
	};

	(void)argc;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
