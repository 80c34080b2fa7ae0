/*
 * What a queue run has to do: the entries that are due, and whose they are.
 */
#include <stdlib.h>
#include <string.h>

#include "deliver/running.h"
#include "sys/clock.h"
#include "util/xalloc.h"

void run_tell(const struct run *r, const struct run_news *news)
{
	if (r->setup->tell)
		r->setup->tell(r->setup->ctx, news);
}

void run_tell_error(const struct run *r, const struct error *err)
{
	run_tell(r, &(struct run_news){ .error = err });
}

bool run_stopped(const struct run *r)
{
	return r->setup->stop && r->setup->stop(r->setup->ctx);
}

/* ---- what there is to do ---- */

static int collect(void *ctx, const struct store_item *item, struct error *err)
{
	struct run *r = ctx;
	const struct run_setup *s = r->setup;
	struct run_todo *t;

	if (item->odd) {
		if (store_quarantine(s->store, item->name, err))
			run_tell_error(r, err);
		error_set(err, ERROR_DATA, "'%.64s' in the spool is no queue "
			  "file; it is in corrupt/ now", item->name);
		run_tell_error(r, err);
		return 0;
	}
	if (item->due == STORE_HELD || (!s->filter.all &&
	    !store_due(item, s->policy, clock_wall())))
		return 0;
	if (!(r->n_todo & (r->n_todo - 1)))	/* full at each power of two */
		r->todo = xrealloc(r->todo, r->n_todo ? 2 * r->n_todo : 1,
				   sizeof(*r->todo));
	t = &r->todo[r->n_todo++];
	*t = (struct run_todo){ .account = NULL };
	memcpy(t->id, item->id, sizeof(t->id));
	return 0;
}

/* Ids are in the order of their times. */
static int older(const void *a, const void *b)
{
	return strcmp(((const struct run_todo *)a)->id,
		      ((const struct run_todo *)b)->id);
}

static bool contains(const char *text, const char *part)
{
	struct str s = str_of(text), p = str_of(part);

	for (; s.n >= p.n; s.p++, s.n--)
		if (str_casestarts(s, p))
			return true;
	return false;
}

static bool wanted(const struct run *r, const struct entry *e)
{
	const struct run_filter *f = &r->setup->filter;
	bool rcpt = !*f->rcpt;

	for (size_t i = 0; i < e->env.n_rcpt && !rcpt; i++)
		rcpt = contains(e->env.rcpt[i].addr, f->rcpt);
	return rcpt && contains(e->id, f->id) &&
		contains(e->env.from, f->sender);
}

static struct account *account_of(const struct run *r, const struct entry *e)
{
	struct config *c = r->setup->config;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->accounts[i].name, e->head.account))
			return &c->accounts[i];
	return NULL;
}

bool run_open(struct run *r, struct entry *e, const char *id, unsigned flags)
{
	const struct store *s = r->setup->store;
	char name[STORE_NAME_ROOM];
	struct error err, moved;

	switch (entry_open(e, s, id, flags, &err)) {
	case ENTRY_OPEN:
		return true;
	case ENTRY_CORRUPT:
		store_name(name, 'm', id);
		if (store_quarantine(s, name, &moved))
			run_tell_error(r, &moved);
		else
			error_add(&err, "; it is in corrupt/ now");
		run_tell_error(r, &err);
		break;
	case ENTRY_UNREADABLE:
	case ENTRY_FUTURE:
		run_tell_error(r, &err);
		break;
	case ENTRY_BUSY:
	case ENTRY_GONE:
		break;		/* another runner's */
	}
	entry_release(e);
	return false;
}

/* Learn each entry's account, so that each relay is visited once. */
static void sort_out(struct run *r, struct run_todo *t)
{
	struct entry e;
	struct error err;

	if (!run_open(r, &e, t->id, 0)) {
		t->done = true;
		return;
	}
	t->account = account_of(r, &e);
	t->done = !wanted(r, &e);
	if (!t->account && !t->done) {
		error_set(&err, ERROR_CONFIG, "queue file %s is for account "
			  "'%.100s', which the configuration lacks; it waits",
			  t->id, e.head.account);
		run_tell_error(r, &err);
		t->done = true;
		r->left++;
	}
	entry_release(&e);
}

int run_list(struct run *r, struct error *err)
{
	if (store_each(r->setup->store, collect, r, err))
		return -1;
	if (r->n_todo)
		qsort(r->todo, r->n_todo, sizeof(*r->todo), older);
	for (size_t i = 0; i < r->n_todo && !run_stopped(r); i++)
		sort_out(r, &r->todo[i]);
	return 0;
}
