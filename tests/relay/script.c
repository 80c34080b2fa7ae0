/*
 * A transcript of tests/smtp, played by the server: S: lines are said, C:
 * lines must be heard.  What differs is logged as "mismatch" and ends it.
 *
 * The session that a transcript was written for sends its content as it is; a
 * whole program completes the header first.  So lines may be added to the
 * content of DATA, that of BDAT is not compared, and sizes may differ.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/log.h"
#include "relay/smtp.h"

struct play {
	struct conn *c;
	unsigned line;		/* of the transcript */
	bool content;		/* after a 354 */
	uint64_t skip;		/* octets of the transcript's chunk to come */
};

static int mismatch(struct play *p, struct str expected, struct str got)
{
	struct buf b;

	log_begin(p->c->relay, &b, p->c->id, "mismatch");
	log_int(&b, "line", p->line);
	log_str(&b, "expected", expected);
	log_str(&b, "got", got);
	log_end(p->c->relay, &b);
	return conn_end(p->c, "mismatch");
}

static struct str chomp(struct str line)
{
	while (line.n && (line.p[line.n - 1] == '\n' ||
			  line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}

/* Take the digits after "SIZE=" out of a MAIL command: into out, a copy. */
static void without_size(struct buf *out, struct str line)
{
	const char *at = memmem(line.p, line.n, " SIZE=", 6);
	size_t n = at ? (size_t)(at - line.p) + 6 : line.n;

	buf_add(out, (struct str){ line.p, n });
	while (n < line.n && line.p[n] >= '0' && line.p[n] <= '9')
		n++;
	buf_add(out, (struct str){ line.p + n, line.n - n });
}

static bool same_mail(struct str want, struct str got)
{
	struct buf a;
	struct buf b;
	bool same;

	if (!str_starts(want, STR("MAIL ")) || !str_starts(got, STR("MAIL ")))
		return false;
	buf_init(&a, CONN_LINE);
	buf_init(&b, CONN_LINE);
	without_size(&a, want);
	without_size(&b, got);
	same = str_eq(buf_str(&a), buf_str(&b));
	buf_release(&a);
	buf_release(&b);
	return same;
}

/* "BDAT size [LAST]": false if it is not that. */
static bool chunk(struct str line, uint64_t *size, bool *last)
{
	struct str word = str_cut(&line, ' ');

	*last = false;
	if (!str_eq(word, STR("BDAT")))
		return false;
	word = str_cut(&line, ' ');
	*last = str_eq(line, STR("LAST"));
	return str_u64(word, UINT64_MAX, size);
}

static int take_chunk(struct play *p, uint64_t left)
{
	struct conn *c = p->c;

	while (left) {
		size_t n = conn_unread(c);

		if (!n && conn_fill(c, true) <= 0)
			return -1;
		n = conn_unread(c);
		n = left < n ? (size_t)left : n;
		c->start += n;
		left -= n;
	}
	return 0;
}

/* The next line of the client, which must be `want`. */
static int hear(struct play *p, struct str want)
{
	struct str line;
	bool cut;

	for (;;) {
		uint64_t theirs;
		bool last[2];

		if (conn_line(p->c, &line, &cut) <= 0)
			return mismatch(p, want, STR("end of file"));
		line = chomp(line);
		if (!p->content)
			conn_command(p->c, line);
		if (str_eq(want, STR("<ANY>")) || str_eq(want, line) ||
		    same_mail(want, line))
			break;
		if (chunk(want, &p->skip, &last[0]) &&
		    chunk(line, &theirs, &last[1]) && last[0] == last[1])
			return take_chunk(p, theirs);
		p->skip = 0;
		if (!p->content || str_eq(line, STR(".")))
			return mismatch(p, want, line);
	}
	if (chunk(want, &p->skip, &cut))
		return take_chunk(p, p->skip);
	p->content = p->content && !str_eq(want, STR("."));
	return 0;
}

static int expect(struct play *p, struct str want)
{
	if (p->skip) {
		p->skip -= want.n + 2 < p->skip ? want.n + 2 : p->skip;
		return 0;
	}
	if (str_eq(want, STR("<TLS>"))) {
		p->c->start = p->c->end;
		return conn_flush(p->c) ? -1 : tls_handshake(p->c);
	}
	return hear(p, want);
}

static int step(struct play *p, struct str line)
{
	if (str_eq(line, STR("S:")))
		line = STR("S: ");
	if (str_eq(line, STR("C:")))
		line = STR("C: ");
	if (str_starts(line, STR("S: "))) {
		buf_add(&p->c->out, (struct str){ line.p + 3, line.n - 3 });
		buf_addz(&p->c->out, "\r\n");
		p->content = str_starts(line, STR("S: 354"));
		return 0;
	}
	if (str_starts(line, STR("C: ")))
		return expect(p, (struct str){ line.p + 3, line.n - 3 });
	if (str_eq(line, STR("EOF")))
		return conn_act(p->c, ACT_CLOSE);
	if (str_eq(line, STR("RESET")))
		return conn_act(p->c, ACT_RESET);
	return 0;		/* a comment, a blank line, or for another reader */
}

/* Everything has been said: the client should have nothing to add. */
static void the_rest(struct play *p)
{
	struct str line;
	bool cut;

	if (p->c->ended)
		return;
	while (conn_line(p->c, &line, &cut) > 0)
		mismatch(p, STR("end of file"), chomp(line));
}

void script_run(struct conn *c, const char *path)
{
	struct play p = { .c = c };
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int ret = 0;

	if (!f) {
		fprintf(stderr, "relay: cannot open '%s': %m\n", path);
		conn_end(c, "no script");
		return;
	}
	if (c->mode == TLS_IMPLICIT)
		ret = tls_handshake(c);
	while (!ret && (n = getline(&text, &size, f)) >= 0) {
		p.line++;
		ret = step(&p, chomp((struct str){ text, (size_t)n }));
	}
	if (!ret && !conn_flush(c))
		the_rest(&p);
	log_note(c->relay, c->id, "script",
		 c->ended && !strcmp(c->ended, "mismatch") ? "mismatch" : "played");
	free(text);
	fclose(f);
}
