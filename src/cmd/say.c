#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/front.h"
#include "sys/log.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum { SAY_MAX = 1 << 16, REPORT_BLOCK = 1 << 16, REPORT_MAX = 1 << 20 };

/* Write all of text to fd, whatever a signal or a pipe makes of it. */
static int write_all(int fd, struct str text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text.p += n;
		text.n -= (size_t)n;
	}
	return 0;
}

void say_escaped(const struct request *r, struct str text)
{
	struct buf line;

	if (r->quiet)
		return;
	buf_init(&line, SAY_MAX);
	buf_addf(&line, "%s: ", r->name);
	buf_add(&line, text);
	buf_addch(&line, '\n');
	(void)write_all(2, buf_str(&line));
	buf_release(&line);
}

void say(const struct request *r, const char *text)
{
	struct buf shown;

	buf_init(&shown, SAY_MAX);
	utf8_escape(&shown, str_of(text));
	say_escaped(r, buf_str(&shown));
	buf_release(&shown);
}

/* Error texts have what came from outside escaped already. */
int say_error(const struct request *r, const struct error *err)
{
	struct buf safe;

	buf_init(&safe, SAY_MAX);
	utf8_ensure(&safe, str_of(err->text));
	say_escaped(r, buf_str(&safe));
	buf_release(&safe);
	return error_kind_status(err->kind);
}

void say_trace(void *ctx, char who, struct str line)
{
	struct buf out;

	(void)ctx;
	buf_init(&out, SAY_MAX);
	buf_addf(&out, "%c: ", who);
	utf8_escape(&out, line);
	buf_addch(&out, '\n');
	(void)write_all(2, buf_str(&out));
	buf_release(&out);
}

static void say_failure(const struct request *r, const struct report *report,
			size_t i, bool alone)
{
	const struct envelope *e = report->env;
	const struct verdict *v = envelope_verdict(e, i);
	const struct report_tried by = report_by(report, i);
	struct buf line;

	buf_init(&line, SAY_MAX);
	if (v->stage != STAGE_LOCAL && *by.relay)
		buf_addf(&line, "%s: ", by.relay);
	report_verdict(&line, v, alone ? e->rcpt[i].addr : "");
	if (v->outcome == OUTCOME_UNKNOWN) {
		buf_addz(&line, "; the relay may have the message ");
		utf8_escape(&line, str_of(report->message_id));
		buf_addz(&line, " or not: its outcome is unknown");
	}
	say_escaped(r, buf_str(&line));
	buf_release(&line);
}

void say_failures(const struct request *r, const struct report *report)
{
	const struct envelope *e = report->env;
	unsigned *count = xcalloc(e->n_verdicts + 1, sizeof(*count));

	for (size_t i = 0; i < e->n_rcpt; i++)
		count[e->rcpt[i].verdict]++;
	for (size_t i = 0; i < e->n_rcpt; i++) {
		unsigned n = count[e->rcpt[i].verdict];

		/* A cause that several share is one fact, said once. */
		if (!n || !status_of_verdict(r->scheme, envelope_verdict(e, i)))
			continue;
		say_failure(r, report, i, n == 1 && (e->n_rcpt > 1 ||
			    envelope_verdict(e, i)->stage == STAGE_RCPT));
		count[e->rcpt[i].verdict] = 0;
	}
	free(count);
}

int say_out(struct str text, struct error *err)
{
	if (!write_all(1, text))
		return 0;
	return error_set(err, ERROR_IO, "cannot write to standard output: %s",
			 strerror(errno));
}

/* How a report is written; tail may be NULL. */
struct writer {
	void (*head)(struct buf *out, const struct report *r);
	void (*rcpt)(struct buf *out, const struct report *r, size_t i);
	void (*tail)(struct buf *out, const struct report *r);
};

static int write_report(const struct writer *w, const struct report *report,
			struct error *err)
{
	struct buf out;
	int r = 0;

	buf_init(&out, REPORT_MAX);
	w->head(&out, report);
	for (size_t i = 0; i < report->env->n_rcpt && !r; i++) {
		w->rcpt(&out, report, i);
		if (out.len < REPORT_BLOCK)
			continue;
		r = say_out(buf_str(&out), err);
		buf_reset(&out);
	}
	if (w->tail)
		w->tail(&out, report);
	if (!r)
		r = say_out(buf_str(&out), err);
	buf_release(&out);
	return r;
}

void say_report(const struct request *r, const struct report *report)
{
	static const struct writer writers[] = {
		[REPORT_TEXT] = { report_text_head, report_text_rcpt, NULL },
		[REPORT_JSON] = { report_json_head, report_json_rcpt,
				  report_json_tail },
	};
	struct error err;

	/* The mail is where it is: a closed stdout does not change that. */
	if (r->report != REPORT_NONE &&
	    write_report(&writers[r->report], report, &err))
		say_error(r, &err);
}

void say_log(const struct request *r, const struct report *report,
	     const struct account *account)
{
	const bool json = account->log_format == LOG_FORMAT_JSON;
	size_t n = report->env->n_rcpt;
	struct error err;
	struct buf out;
	int bad = 0;

	if (!strcmp(account->log, "none"))
		return;
	buf_init(&out, REPORT_MAX);
	for (size_t i = 0; i < n && !bad; i++) {
		report_log_rcpt(&out, report, i, json);
		if (out.len < REPORT_BLOCK && i + 1 < n)
			continue;
		bad = log_lines(account->log, r->name, buf_str(&out), &err);
		buf_reset(&out);
	}
	if (bad && r->face == FACE_POSTHASTE)
		say_error(r, &err);
	buf_release(&out);
}
