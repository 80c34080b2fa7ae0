/*
 * A transcript of tests/smtp, played by the server: S: lines are said, C:
 * lines must be heard.  What differs is logged as "mismatch" and ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/log.h"
#include "relay/smtp.h"

struct play {
	struct conn *c;
	unsigned line;		/* of the transcript */
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

static int expect(struct play *p, struct str want)
{
	struct str line;
	bool cut;

	if (str_eq(want, STR("<TLS>"))) {
		p->c->start = p->c->end;
		return conn_flush(p->c) ? -1 : tls_handshake(p->c);
	}
	if (conn_line(p->c, &line, &cut) <= 0)
		return mismatch(p, want, STR("end of file"));
	line = chomp(line);
	conn_command(p->c, line);
	if (!str_eq(want, STR("<ANY>")) && !str_eq(want, line))
		return mismatch(p, want, line);
	return 0;
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
