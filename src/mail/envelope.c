#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

enum { TEXT_MAX = 1024 };	/* octets of a reply kept for each verdict */

void envelope_init(struct envelope *e)
{
	static const struct verdict pending = { .text = { "", 0 } };

	*e = (struct envelope){ .from = "", .ret = "", .envid = "",
		.deliver_by = "", .hold = "", .priority = "" };
	envelope_say(e, &pending);	/* number 0 */
}

void envelope_release(struct envelope *e)
{
	for (size_t i = 0; i < e->n_verdicts; i++)
		free((char *)e->verdicts[i].text.p);
	free(e->verdicts);
	free(e->rcpt);
	*e = (struct envelope){ .from = "" };
}

void envelope_add(struct envelope *e, const char *addr, const char *notify,
		  const char *orcpt)
{
	if (e->n_rcpt == e->rcpt_cap) {
		e->rcpt_cap = e->rcpt_cap * 2 + 4;
		e->rcpt = xrealloc(e->rcpt, e->rcpt_cap, sizeof(*e->rcpt));
	}
	e->rcpt[e->n_rcpt++] = (struct rcpt){ addr, notify, orcpt, 0, 0 };
}

uint32_t envelope_say(struct envelope *e, const struct verdict *v)
{
	size_t n = e->n_verdicts;
	struct verdict *copy;

	if (!(n & (n - 1)))	/* full at each power of two */
		e->verdicts = xrealloc(e->verdicts, n ? 2 * n : 1,
				       sizeof(*e->verdicts));
	copy = &e->verdicts[n];
	*copy = *v;
	copy->via = e->via;
	copy->text.n = v->text.n < TEXT_MAX ? v->text.n : TEXT_MAX;
	copy->text.p = xstrndup(v->text.p, copy->text.n);
	e->n_verdicts++;
	return (uint32_t)n;
}

void envelope_queued(struct envelope *e)
{
	for (size_t i = 0; i < e->n_verdicts; i++) {
		struct verdict *v = &e->verdicts[i];

		if (v->outcome == OUTCOME_DEFERRED ||
		    v->outcome == OUTCOME_UNKNOWN)
			v->outcome = OUTCOME_QUEUED;
	}
}

bool envelope_pending(const struct envelope *e, size_t rcpt)
{
	return !e->rcpt[rcpt].verdict;
}

void envelope_retry(struct envelope *e)
{
	for (size_t i = 0; i < e->n_rcpt; i++) {
		if (envelope_verdict(e, i)->outcome != OUTCOME_DEFERRED)
			continue;
		e->rcpt[i].before = e->rcpt[i].verdict;
		e->rcpt[i].verdict = 0;
	}
}

void envelope_settle_as(struct envelope *e, size_t rcpt, uint32_t number)
{
	struct rcpt *r = &e->rcpt[rcpt];

	if (!envelope_pending(e, rcpt))
		return;
	r->verdict = r->before && e->verdicts[number].outcome ==
		OUTCOME_DEFERRED ? r->before : number;
}

void envelope_settle_one(struct envelope *e, size_t rcpt,
			 const struct verdict *v)
{
	if (envelope_pending(e, rcpt))
		envelope_settle_as(e, rcpt, envelope_say(e, v));
}

void envelope_settle(struct envelope *e, const struct verdict *v)
{
	uint32_t number = 0;

	for (size_t i = 0; i < e->n_rcpt; i++) {
		if (!envelope_pending(e, i))
			continue;
		if (!number)
			number = envelope_say(e, v);
		envelope_settle_as(e, i, number);
	}
}

const struct verdict *envelope_verdict(const struct envelope *e, size_t rcpt)
{
	return &e->verdicts[e->rcpt[rcpt].verdict];
}

size_t envelope_count(const struct envelope *e, enum outcome o)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n_rcpt; i++)
		n += envelope_verdict(e, i)->outcome == o;
	return n;
}

struct verdict verdict_of_error(const struct error *err, enum stage stage)
{
	return (struct verdict){
		.outcome = error_kind_transient(err->kind) ? OUTCOME_DEFERRED :
			OUTCOME_FAILED,
		.stage = stage,
		.kind = err->kind,
		.text = str_of(err->text),
	};
}

const char *outcome_name(enum outcome o)
{
	static const char *const name[] = {
		"pending", "sent", "deferred", "failed", "unknown", "queued"
	};

	return name[o];
}

const char *stage_name(enum stage s)
{
	static const char *const name[] = {
		"local", "connect", "TLS", "greeting", "EHLO", "STARTTLS",
		"AUTH", "MAIL FROM", "RCPT TO", "DATA", "message", "QUIT"
	};

	return name[s];
}
