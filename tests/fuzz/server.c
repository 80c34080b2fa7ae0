/*
 * A client cut as the fuzzer likes: what it is told and what the driver is
 * asked must not depend on where it was cut, and must keep to the rules.
 */
#include "smtp/server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { LOG_MAX = 64 << 20 };

struct run {
	struct server server;
	struct buf said, events;
	bool open;		/* MAIL was accepted */
	size_t accepted, ends;
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool asked_safe(const struct buf *path)
{
	return !path->over && !str_has_ctl(buf_str(path));
}

/* An answer that depends on the question alone. */
static bool answer(struct server *s, size_t salt)
{
	static const int codes[] = { 250, 250, 250, 550, 451, 250, 552 };
	int code = codes[salt % 7];

	server_reply(s, code, "", STR("text"));
	return code == 250;
}

static void on_end(struct run *r)
{
	struct server *s = &r->server;

	require(r->open && r->accepted);
	buf_addch(&r->events, 'E');
	answer(s, r->accepted + r->ends);
	r->ends++;
	if (s->config->lmtp && r->ends < r->accepted)
		return;
	r->open = false;
}

/* True: it wants more input, or is done. */
static bool step(struct run *r)
{
	struct server *s = &r->server;
	struct str part;

	switch (server_want(s)) {
	case SERVER_SEND:
		part = server_output(s);
		require(part.n > 0);
		buf_add(&r->said, part);
		server_sent(s, part.n);
		return false;
	case SERVER_MAIL:
		require(!r->open && asked_safe(&s->mail.from));
		buf_addf(&r->events, "M%s ", buf_cstr(&s->mail.from));
		r->accepted = r->ends = 0;
		r->open = answer(s, s->mail.from.len);
		return false;
	case SERVER_RCPT:
		require(r->open && asked_safe(&s->rcpt.addr) &&
			asked_safe(&s->rcpt.orcpt) && s->rcpt.addr.len);
		buf_addf(&r->events, "R%s ", buf_cstr(&s->rcpt.addr));
		r->accepted += answer(s, s->rcpt.addr.len);
		return false;
	case SERVER_CONTENT:
		part = server_content(s);
		require(r->open && r->accepted && part.n > 0);
		buf_add(&r->events, part);
		server_taken(s);
		return false;
	case SERVER_END:
		on_end(r);
		return false;
	case SERVER_RESET:
		require(r->open);
		r->open = false;
		buf_addch(&r->events, 'X');
		server_reset(s);
		return false;
	default:
		return true;
	}
}

static void run(struct run *r, const struct server_config *config,
		struct str in, size_t cut)
{
	*r = (struct run){ .open = false };
	buf_init(&r->said, LOG_MAX);
	buf_init(&r->events, LOG_MAX);
	server_init(&r->server, config);
	for (;;) {
		size_t n = in.n < cut ? in.n : cut;

		while (!step(r))
			;
		if (server_want(&r->server) == SERVER_DONE)
			break;
		server_recv(&r->server, (struct str){ in.p, n });
		in.p += n;
		in.n -= n;
	}
	require(!r->open);
	server_release(&r->server);
}

/* Lines of printable text: "250 ..." or "250-...", each ended by CRLF. */
static void well_formed(struct str said)
{
	while (said.n) {
		struct str line = str_cut(&said, '\n');

		require(line.n > 4 && line.n < 600 &&
			line.p[--line.n] == '\r' && !str_has_ctl(line));
		require(line.p[0] >= '2' && line.p[0] <= '5' &&
			(line.p[3] == ' ' || line.p[3] == '-'));
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct server_config config = { .name = "host.example" };
	struct run whole, cut;
	struct str in;

	if (size < 2 || size > SERVER_READ_MAX)
		return 0;
	config.lmtp = data[0] & 1;
	config.size_max = data[0] & 2 ? 100 : 0;
	in = (struct str){ (const char *)data + 2, size - 2 };
	run(&whole, &config, in, SERVER_READ_MAX);
	run(&cut, &config, in, 1 + data[1] % 64);
	well_formed(buf_str(&whole.said));
	require(str_eq(buf_str(&whole.said), buf_str(&cut.said)));
	/* Of content over the limit, how much is seen depends on the cuts. */
	if (!config.size_max)
		require(str_eq(buf_str(&whole.events), buf_str(&cut.events)));
	buf_release(&whole.said);
	buf_release(&whole.events);
	buf_release(&cut.said);
	buf_release(&cut.events);
	return 0;
}
