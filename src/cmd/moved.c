#include "cmd/moved.h"

#include "cmd/front.h"
#include "mail/logline.h"
#include "sys/log.h"
#include "util/xalloc.h"

enum { LINE_OCTETS = 1 << 17 };

static void log_it(const struct request *r, const struct account *account,
		   struct str text)
{
	struct logline l;
	struct buf line;
	struct error err;

	buf_init(&line, 2 * LINE_OCTETS);
	logline_begin(&l, &line, account->log_format == LOG_FORMAT_JSON);
	logline_text(&l, "trouble", text);
	logline_end(&l);
	(void)log_lines(account->log, r->name, buf_str(&line), &err);
	buf_release(&line);
}

void moved_say(void *request, const struct attempt *a,
	       const struct attempt_tried *given_up)
{
	const struct request *r = request;
	const bool same = a && a->account == given_up->account;
	struct buf text;

	buf_init(&text, LINE_OCTETS);
	buf_addf(&text, "%s: ", given_up->relay);
	report_verdict(&text, &given_up->verdict, "");
	if (!a)
		buf_addz(&text, "; no other is left");
	else if (same)
		buf_addf(&text, "; trying %s", relays_at(&a->relays)->name);
	else
		buf_addf(&text, "; trying account '%s'", a->account->name);
	if (r->verbose || (!same && r->face != FACE_SENDMAIL))
		say_escaped(r, buf_str(&text));
	if (!same)
		log_it(r, given_up->account, buf_str(&text));
	buf_release(&text);
}

void moved_report(struct report *r, const struct attempt *a)
{
	struct report_tried *tried = NULL;

	if (a->n_tried)
		tried = xcalloc(a->n_tried, sizeof(*tried));
	for (size_t i = 0; i < a->n_tried; i++)
		tried[i] = (struct report_tried){
			.account = a->tried[i].account->name,
			.relay = a->tried[i].relay,
			.verdict = &a->tried[i].verdict,
		};
	r->account = attempt_account(a)->name;
	r->relay = attempt_relay(a);
	r->tried = tried;
	r->n_tried = a->n_tried;
}
