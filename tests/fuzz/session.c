/*
 * A relay that says anything at any time: the first octets choose what is sent
 * and how both sides are cut, the rest is what the relay says.
 */
#include "smtp/session.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "czNjcmV0"

enum {
	OCTETS = 8,		/* at the front, for what follows */
	RCPTS_MAX = 7,
	LINE = 64		/* octets in a line of content */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct game {
	uint32_t dice;
	struct session_config config;
	struct session s;
	struct auth auth;
	bool auth_initial, step_fails, finish_fails;
	struct envelope env[3];
	size_t messages, begun;
	struct str in;
	uint64_t given;		/* of the content in hand */
	char last;		/* octet of output */
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static unsigned roll(struct game *g, unsigned sides)
{
	g->dice = g->dice * 1664525 + 1013904223;
	return (g->dice >> 8) % sides;
}

/* -- the mechanism --------------------------------------------------------- */

static int start(void *ctx, struct str offered, const char **mech,
		 bool *has_initial, struct buf *initial, struct error *err)
{
	const struct game *g = ctx;

	if (!offered.n)
		return error_set(err, ERROR_AUTH, "no mechanism");
	*mech = "FAKE";
	*has_initial = g->auth_initial;
	for (int i = 0; g->auth_initial && i < (g->messages > 2 ? 80 : 1); i++)
		buf_addz(initial, SECRET);
	return 0;
}

static int step(void *ctx, struct str challenge, struct buf *response,
		struct error *err)
{
	const struct game *g = ctx;

	(void)challenge;
	buf_addz(response, SECRET);
	return g->step_fails ? error_set(err, ERROR_PROTOCOL, "bad step") : 0;
}

static int finish(void *ctx, struct error *err)
{
	const struct game *g = ctx;

	return g->finish_fails ? error_set(err, ERROR_AUTH, "not proven") : 0;
}

static void mask(void *ctx, struct buf *text)
{
	(void)ctx;
	for (size_t i = 0; i + 8 <= text->len; i++)
		if (!memcmp(text->p + i, SECRET, 8))
			memset(text->p + i, '*', 8);
}

static void trace(void *ctx, char who, struct str line)
{
	struct game *g = ctx;

	require(who == 'C' || who == 'S');
	require(!memchr(line.n ? line.p : "", '\n', line.n));
	/* A relay may say it before it was told: that is no leak of ours. */
	require(who == 'S' || !line.n || !memmem(line.p, line.n, SECRET, 8));
	require(!g->s.auth || !line.n || !memmem(line.p, line.n, SECRET, 8));
}

/* -- the driver ------------------------------------------------------------ */

/* Lines end in CR LF, commands and content alike, and nothing is NUL. */
static void look(struct game *g, struct str out)
{
	for (size_t i = 0; i < out.n; i++) {
		require(out.p[i]);
		require((out.p[i] == '\n') == (g->last == '\r'));
		g->last = out.p[i];
	}
	if (g->config.tls == TLS_STARTTLS && !g->s.secure)
		require(!memmem(out.p, out.n, SECRET, 8) &&
			!memmem(out.p, out.n, "MAIL", 4));
}

static void take(struct game *g)
{
	struct str out = session_output(&g->s);

	if (!roll(g, 4))
		out.n = 1 + roll(g, (unsigned)out.n);
	look(g, out);
	session_sent(&g->s, out.n);
}

static void give(struct game *g)
{
	static const char line[LINE + 1] = ".2345678901234567890123456789"
		"012345678901234567890123456789012\r\n";
	static char block[SESSION_FLIGHT_MAX];
	size_t n = session_body_room(&g->s);
	uint64_t at = session_body_at(&g->s);

	require(n > 0 && n <= sizeof(block));
	require(!at || at == g->given);
	if (!roll(g, 3))
		n = 1 + roll(g, (unsigned)n);
	for (size_t i = 0; i < n; i++)
		block[i] = line[(at + i) % LINE];
	session_body(&g->s, (struct str){ block, n });
	g->given = at + n;
	require(g->given <= g->env[g->begun - 1].size);
}

static void nobody_pending(struct game *g)
{
	for (size_t i = 0; i < g->begun; i++)
		require(!envelope_count(&g->env[i], OUTCOME_PENDING));
}

static void next(struct game *g)
{
	nobody_pending(g);
	if (g->begun == g->messages) {
		session_quit(&g->s);
		return;
	}
	g->given = 0;
	session_begin(&g->s, &g->env[g->begun++]);
}

static size_t count(const struct game *g, enum outcome o)
{
	size_t n = 0;

	for (size_t i = 0; i < g->begun; i++)
		n += envelope_count(&g->env[i], o);
	return n;
}

static bool all_went(const struct game *g)
{
	return g->begun && g->given == g->env[g->begun - 1].size &&
		!session_output(&g->s).n;
}

static void hear(struct game *g, struct str bytes)
{
	size_t sent = count(g, OUTCOME_SENT);
	size_t unknown = count(g, OUTCOME_UNKNOWN);
	bool went = all_went(g);

	session_recv(&g->s, bytes);
	(void)session_stage(&g->s);
	require(session_awaited(&g->s) && session_timeout(&g->s) > 0);
	require(went || count(g, OUTCOME_SENT) == sent);
	require(went || count(g, OUTCOME_UNKNOWN) == unknown);
}

static void listen(struct game *g)
{
	struct str part = g->in;

	if (roll(g, 3) && part.n)
		part.n = 1 + roll(g, part.n > 200 ? 200 : (unsigned)part.n);
	g->in.p += part.n;
	g->in.n -= part.n;
	hear(g, part);		/* the end, when there is no more */
}

static void drive(struct game *g)
{
	enum want want;

	while ((want = session_want(&g->s)) != WANT_DONE) {
		if (want != WANT_RECV && want != WANT_TLS && !roll(g, 20)) {
			listen(g);	/* when it is not expected */
			continue;
		}
		switch (want) {
		case WANT_SEND: take(g); break;
		case WANT_RECV: listen(g); break;
		case WANT_TLS:  session_tls_up(&g->s); break;
		case WANT_AUTH: session_auth(&g->s, &g->auth); break;
		case WANT_NEXT: next(g); break;
		case WANT_BODY: give(g); break;
		default:        abort();
		}
	}
}

static void check(struct game *g)
{
	nobody_pending(g);
	for (size_t m = 0; m < g->begun; m++)
		for (size_t i = 0; i < g->env[m].n_rcpt; i++) {
			const struct verdict *v = envelope_verdict(&g->env[m], i);

			if (v->outcome == OUTCOME_SENT)
				require(v->code / 100 == 2 &&
					v->stage == STAGE_CONTENT);
			if (v->outcome == OUTCOME_FAILED && v->code)
				require(v->code / 100 == 5);
			if (v->outcome == OUTCOME_UNKNOWN)
				require(!v->code && v->kind);
			require(v->code || v->kind);
		}
	require(g->s.verdict.outcome == OUTCOME_PENDING ||
		g->s.verdict.outcome == OUTCOME_DEFERRED);
	session_recv(&g->s, STR("250 late\r\n"));
	require(session_want(&g->s) == WANT_DONE);
}

static void envelope_make(struct envelope *e, const uint8_t *octet)
{
	static const char *const names[RCPTS_MAX] = {
		"b@x", "c@x", "d@x", "e@x", "f@x", "g@x", "h@x"
	};
	static const uint64_t sizes[] = {
		LINE, 10 * LINE, SESSION_FLIGHT_MAX, SESSION_FLIGHT_MAX + LINE,
		3 * SESSION_FLIGHT_MAX
	};

	envelope_init(e);
	e->from = octet[2] & 1 ? "" : "a@x";
	e->all_or_nothing = octet[2] & 2;
	e->utf8 = octet[2] & 4;
	e->require_tls = octet[2] & 8;
	e->ret = octet[2] & 16 ? "HDRS" : "";
	e->body = (enum body_kind)((octet[2] >> 5) % 3);
	/* Large ones are seldom: they cost time. */
	e->size = sizes[octet[3] < 250 ? octet[3] % 2 : octet[3] % 5];
	for (size_t i = 0; i < 1u + octet[1] % RCPTS_MAX; i++)
		envelope_add(e, names[i], octet[2] & 16 ? "NEVER" : "", "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct game g = { .given = 0 };

	if (size < OCTETS)
		return 0;
	g.config = (struct session_config){
		.helo = "h", .tls = (enum tls_policy)(data[0] % 3),
		.lmtp = data[0] & 4, .auth = data[0] & 8,
		.timeout = { 1, 2, 3 }, .trace = trace, .trace_ctx = &g,
	};
	g.auth_initial = data[0] & 16;
	g.step_fails = data[0] & 32;
	g.finish_fails = data[0] & 64;
	g.messages = 1 + data[4] % 3u;
	memcpy(&g.dice, data + 4, sizeof(g.dice));
	g.auth = (struct auth){ &g, start, step, finish, mask };
	for (size_t i = 0; i < 3; i++)
		envelope_make(&g.env[i], data);
	g.in = (struct str){ (const char *)data + OCTETS, size - OCTETS };
	session_init(&g.s, &g.config);
	drive(&g);
	check(&g);
	session_release(&g.s);
	for (size_t i = 0; i < 3; i++)
		envelope_release(&g.env[i]);
	return 0;
}
