#include "cmd/postpone.h"

#include <string.h>

#include "spool/enqueue.h"
#include "spool/store.h"
#include "sys/dir.h"

enum { PATH_OCTETS = 1 << 14 };

enum account_queue postpone_policy(const struct submission *s)
{
	/* The account's word decides for both names (DESIGN s2). */
	if (s->r->queue_only && s->account->queue != QUEUE_NEVER)
		return QUEUE_ALWAYS;
	return account_queue(s->account, s->r->face == FACE_SENDMAIL);
}

int postpone_open(struct store *store, const struct config *c, bool create,
		  struct error *err)
{
	struct buf path;
	int r;

	buf_init(&path, PATH_OCTETS);
	if (*c->queue.spool)
		buf_addz(&path, c->queue.spool);
	else
		store_default(&path);
	r = store_open(store, buf_cstr(&path), create, err);
	buf_release(&path);
	return r;
}

/* Whoever is still pending is put off as well. */
static void settle_pending(struct submission *s)
{
	struct verdict v = { .outcome = OUTCOME_DEFERRED,
		.stage = STAGE_LOCAL, .text = STR("put into the queue") };

	envelope_settle(&s->env, &v);
}

static int commit(struct submission *s, const struct store *store,
		  struct error *err)
{
	struct enqueue_what what = { .env = &s->env, .message = s->message,
		.account = s->account->name,
		.outcomes = enqueue_unsettled() };
	struct enqueue q;
	sigset_t old;
	int r = enqueue_write(&q, store, &what, err);

	if (!r) {
		/* From here to the exit nothing may come between. */
		signals_hold(&old);
		r = enqueue_commit(&q, err);
		if (r)
			signals_release(&old);
		else
			memcpy(s->queue_id, q.id, sizeof(s->queue_id));
	}
	enqueue_release(&q);
	return r;
}

int postpone(struct submission *s, struct error *err)
{
	struct store store;
	int r;

	if (!*s->account->name)
		return error_set(err, ERROR_CONFIG, "only messages of a "
				 "configured account can be queued");
	r = postpone_open(&store, &s->config, true, err);
	if (!r)
		r = commit(s, &store, err);
	if (!r && store.in_memory && s->r->face == FACE_POSTHASTE)
		say(s->r, "warning: the spool is on a file system that a loss "
		    "of power empties");
	store_close(&store);
	if (r) {
		/* A disk's trouble is no reason for a caller to give up. */
		if (err->kind == ERROR_IO || err->kind == ERROR_OS)
			err->kind = ERROR_SPACE;
		return error_wrap(err, "cannot queue the message");
	}
	settle_pending(s);
	envelope_queued(&s->env);
	return 0;
}
