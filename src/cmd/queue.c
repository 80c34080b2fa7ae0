#include "cmd/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

#include "cmd/front.h"
#include "cmd/mailq.h"
#include "cmd/postpone.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "sys/clock.h"
#include "sys/intake.h"

enum { BLOCK = 1 << 16, OUT_MAX = 1 << 20 };	/* octets */

/* failed/ has the form of a spool, and is treated as one. */
struct queue {
	const struct request *r;
	struct store store, failed;
	struct buf out;
	int status;		/* the first that is not 0 */
};

static int open_both(struct queue *q, const struct config *c,
		     struct error *err)
{
	struct buf path;
	int ret;

	if (postpone_open(&q->store, c, false, err))
		return -1;
	buf_init(&path, BLOCK);
	buf_addf(&path, "%s/failed", q->store.path);
	ret = store_open(&q->failed, buf_cstr(&path), false, err);
	buf_release(&path);
	return ret;
}

/*
 * Does someone hold an entry's lock?  There is no asking without taking it,
 * so it is taken shared and for no longer than that.
 */
static bool busy(const struct store *s, const char *id)
{
	char name[STORE_NAME_ROOM];
	bool taken;
	int fd;

	store_name(name, 'm', id);
	fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	taken = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return taken;
}

static int flush(struct queue *q, size_t least, struct error *err)
{
	if (q->out.len < least)
		return 0;
	if (say_out(buf_str(&q->out), err))
		return -1;
	buf_reset(&q->out);
	return 0;
}

/* ---- the list ---- */

/* How an entry is written. */
struct form {
	void (*head)(struct buf *out, const struct mailq_item *m);
	void (*rcpt)(struct buf *out, const struct mailq_item *m, size_t i);
	void (*tail)(struct buf *out, const struct mailq_item *m);
};

static const struct form form_text = {
	mailq_text_head, mailq_text_rcpt, mailq_text_tail
}, form_json = {
	mailq_json_head, mailq_json_rcpt, mailq_json_tail
}, form_full = {
	mailq_full_head, mailq_full_rcpt, NULL
};

static int write_item(struct queue *q, const struct form *form,
		      const struct mailq_item *m, struct error *err)
{
	size_t n = m->entry ? m->entry->env.n_rcpt : 0;

	form->head(&q->out, m);
	for (size_t i = 0; i < n; i++) {
		form->rcpt(&q->out, m, i);
		if (flush(q, BLOCK, err))
			return -1;
	}
	if (form->tail)
		form->tail(&q->out, m);
	return flush(q, BLOCK, err);
}

struct listing {
	struct queue *q;
	const struct store *store;
	const struct form *form;
	size_t shown, entries;
	uint64_t octets;
};

static int list_item(struct listing *l, const struct mailq_item *m,
		     struct error *err)
{
	if (!l->shown++ && l->form == &form_text)
		mailq_text_begin(&l->q->out);
	if (m->entry) {
		l->entries++;
		l->octets += m->size;
	}
	return write_item(l->q, l->form, m, err);
}

/* Opened without its lock: what is being delivered is shown as it stands. */
static int list_entry(struct listing *l, struct mailq_item *m, struct error *err)
{
	struct entry e;
	struct error why = { .text = "" };
	struct state state;
	enum entry_result got = entry_open(&e, l->store, m->id, 0, &why);
	int ret = 0;

	state_init(&state);
	if (got == ENTRY_OPEN) {
		state_load(&state, l->store, m->id, e.env.n_rcpt);
		m->size = e.size;
		m->entry = &e;
		m->state = &state;
	} else {
		m->fault = why.text;
	}
	if (got != ENTRY_GONE)
		ret = list_item(l, m, err);
	state_release(&state);
	entry_release(&e);
	return ret;
}

static int list_one(void *ctx, const struct store_item *item,
		    struct error *err)
{
	struct listing *l = ctx;
	struct mailq_item m = {
		.id = *item->id ? item->id : item->name, .size = item->size,
		.due = item->due, .failed = l->store == &l->q->failed,
		.fault = ""
	};

	if (item->odd) {
		m.fault = "it is no queue file of ours";
		return list_item(l, &m, err);
	}
	m.busy = busy(l->store, item->id);
	return list_entry(l, &m, err);
}

static int list(struct queue *q, struct error *err)
{
	bool json = q->r->report == REPORT_JSON;
	struct listing l = { .q = q, .store = &q->store,
			  .form = json ? &form_json : &form_text };

	if (store_each(l.store, list_one, &l, err))
		return -1;
	l.store = &q->failed;
	if (store_each(l.store, list_one, &l, err))
		return -1;
	if (!json && l.shown)
		mailq_text_end(&q->out, l.octets, l.entries);
	else if (!json)
		buf_addz(&q->out, "Mail queue is empty\n");
	return flush(q, 1, err);
}

/* ---- one of them ---- */

static void note(struct queue *q, int status)
{
	if (!q->status)
		q->status = status;
}

static void complain(struct queue *q, const char *id, const char *what,
		     int status)
{
	struct buf text;

	buf_init(&text, BLOCK);
	buf_addf(&text, "'%s' %s", id, what);
	say(q->r, buf_cstr(&text));
	buf_release(&text);
	note(q, status);
}

static void missing(struct queue *q, const char *id)
{
	complain(q, id, "is not in the queue; --queue-list names what is",
		 EX_NOINPUT);
}

static int show_message(struct queue *q, const struct entry *e,
			struct error *err)
{
	for (uint64_t at = 0; at < e->size; at += BLOCK) {
		size_t n = e->size - at < BLOCK ? (size_t)(e->size - at) :
			BLOCK;
		char *room = buf_room(&q->out, n);

		if (intake_read(&e->message, at, room, n, err))
			return -1;
		buf_grew(&q->out, n);
		if (flush(q, BLOCK, err))
			return -1;
	}
	return flush(q, 1, err);
}

static int show_entry(struct queue *q, const struct store *s,
		      const struct entry *e, struct error *err)
{
	struct store_item item = { .due = 0 };
	struct state state;
	struct mailq_item m = { .id = e->id, .size = e->size, .fault = "",
				.failed = s == &q->failed, .entry = e,
				.busy = busy(s, e->id), .state = &state };
	int ret;

	if (store_look(s, e->id, &item))
		m.due = item.due;
	state_init(&state);
	state_load(&state, s, e->id, e->env.n_rcpt);
	if (q->r->report == REPORT_JSON) {
		ret = write_item(q, &form_json, &m, err) || flush(q, 1, err);
	} else {
		ret = write_item(q, &form_full, &m, err);
		buf_addch(&q->out, '\n');
		ret = ret || show_message(q, e, err);
	}
	state_release(&state);
	return ret ? -1 : 0;
}

static int show(struct queue *q, const char *id, struct error *err)
{
	const struct store *s = &q->store;
	struct entry e;
	enum entry_result got = entry_open(&e, s, id, ENTRY_MESSAGE, err);
	int ret = -1;

	if (got == ENTRY_GONE) {
		entry_release(&e);
		s = &q->failed;
		got = entry_open(&e, s, id, ENTRY_MESSAGE, err);
	}
	if (got == ENTRY_OPEN) {
		ret = show_entry(q, s, &e, err);
	} else if (got == ENTRY_GONE) {
		missing(q, id);
		ret = 0;
	}
	entry_release(&e);
	return ret;
}

/* ---- changes ---- */

enum change {
	CHANGED,
	CHANGE_BUSY,		/* a runner is at it */
	CHANGE_GONE,
	CHANGE_REFUSED		/* see err */
};

static enum change change_of(enum entry_result got)
{
	switch (got) {
	case ENTRY_OPEN:
		return CHANGED;
	case ENTRY_BUSY:
		return CHANGE_BUSY;
	case ENTRY_GONE:
		return CHANGE_GONE;
	case ENTRY_FUTURE:
	case ENTRY_CORRUPT:
	case ENTRY_UNREADABLE:
		break;
	}
	return CHANGE_REFUSED;
}

/* What is damaged, or of a later version, can go all the same. */
static enum change remove_in(const struct store *s, const char *id,
			     struct error *err)
{
	struct entry e;
	enum entry_result got = entry_open(&e, s, id, ENTRY_LOCK, err);
	enum change ret = change_of(got);

	if (got == ENTRY_OPEN || got == ENTRY_CORRUPT || got == ENTRY_FUTURE)
		ret = store_remove(s, id, err) ? CHANGE_REFUSED : CHANGED;
	entry_release(&e);
	return ret;
}

/* Plan an entry for `due`; `only_held`: one that is held, others stay. */
static enum change plan(struct queue *q, const char *id, int64_t due,
			bool only_held, struct error *err)
{
	struct entry e;
	struct store_item item;
	enum change ret = change_of(entry_open(&e, &q->store, id, ENTRY_LOCK,
					       err));

	if (ret == CHANGED && (!only_held ||
	    (store_look(&q->store, id, &item) && item.due == STORE_HELD)) &&
	    store_plan(&q->store, id, due, err))
		ret = CHANGE_REFUSED;
	entry_release(&e);
	return ret;
}

static enum change do_remove(struct queue *q, const char *id,
			     struct error *err)
{
	enum change ret = remove_in(&q->store, id, err);

	return ret == CHANGE_GONE ? remove_in(&q->failed, id, err) : ret;
}

static enum change do_hold(struct queue *q, const char *id, struct error *err)
{
	return plan(q, id, STORE_HELD, false, err);
}

static enum change do_release(struct queue *q, const char *id,
			      struct error *err)
{
	return plan(q, id, clock_wall(), true, err);
}

static enum change do_retry(struct queue *q, const char *id,
			    struct error *err)
{
	enum change ret = plan(q, id, clock_wall(), false, err);
	struct store_item item;

	if (ret != CHANGE_GONE || !store_look(&q->failed, id, &item))
		return ret;
	if (busy(&q->failed, id))
		return CHANGE_BUSY;
	return entry_requeue(&q->store, id, err) ? CHANGE_REFUSED : CHANGED;
}

static const struct operation {
	enum mode mode;
	enum change (*change)(struct queue *q, const char *id,
			      struct error *err);
	bool failed;		/* `all` includes what is in failed/... */
	bool held;		/* ...and what is held */
} operations[] = {
	{ MODE_QUEUE_REMOVE, do_remove, true, true },
	{ MODE_QUEUE_HOLD, do_hold, false, true },
	{ MODE_QUEUE_RELEASE, do_release, false, true },
	{ MODE_QUEUE_RETRY, do_retry, true, false },
};

static int change_one(struct queue *q, const struct operation *op,
		      const char *id, struct error *err)
{
	struct store_item item;

	switch (op->change(q, id, err)) {
	case CHANGED:
		return 0;
	case CHANGE_BUSY:
		complain(q, id, "is being delivered; try again", EX_TEMPFAIL);
		return 0;
	case CHANGE_GONE:
		if (store_look(&q->failed, id, &item))
			complain(q, id, "was given up and is in failed/; "
				 "--queue-retry puts it back", EX_NOINPUT);
		else
			missing(q, id);
		return 0;
	case CHANGE_REFUSED:
		break;
	}
	return -1;
}

struct all {
	struct queue *q;
	const struct operation *op;
	size_t n_busy;
};

static int change_each(void *ctx, const struct store_item *item,
		       struct error *err)
{
	struct all *a = ctx;

	/* What has no id is left to the runner, who puts it into corrupt/. */
	if (!*item->id || (item->due == STORE_HELD && !a->op->held))
		return 0;
	switch (a->op->change(a->q, item->id, err)) {
	case CHANGED:
	case CHANGE_GONE:
		return 0;
	case CHANGE_BUSY:
		a->n_busy++;
		return 0;
	case CHANGE_REFUSED:
		break;
	}
	/* A damaged one is one; trouble of the machine is everyone's. */
	if (err->kind != ERROR_DATA)
		return -1;
	note(a->q, say_error(a->q->r, err));
	return 0;
}

static int change_all(struct queue *q, const struct operation *op,
		      struct error *err)
{
	struct all a = { q, op, 0 };
	struct buf text;

	if (store_each(&q->store, change_each, &a, err) ||
	    (op->failed && store_each(&q->failed, change_each, &a, err)))
		return -1;
	/* Who is being delivered is being tried as it is. */
	if (!a.n_busy || op->mode == MODE_QUEUE_RETRY)
		return 0;
	buf_init(&text, BLOCK);
	buf_addf(&text, "left as they are, being delivered: %zu; try again",
		 a.n_busy);
	say(q->r, buf_cstr(&text));
	buf_release(&text);
	note(q, EX_TEMPFAIL);
	return 0;
}

static int change(struct queue *q, struct error *err)
{
	const struct operation *op = operations;
	int ret = 0;

	while (op->mode != q->r->mode)
		op++;
	for (size_t i = 0; i < q->r->queue_ids.n && !ret; i++) {
		const char *id = q->r->queue_ids.item[i];

		ret = !strcmp(id, "all") ? change_all(q, op, err) :
			change_one(q, op, id, err);
	}
	/* What was removed must not be back after a loss of power. */
	if (op->mode == MODE_QUEUE_REMOVE && q->store.fd >= 0 && !ret)
		ret = store_sync(&q->store, err);
	if (op->mode == MODE_QUEUE_REMOVE && q->failed.fd >= 0 && !ret)
		ret = store_sync(&q->failed, err);
	return ret;
}

/* ---- the front end ---- */

static int check(const struct request *r, struct error *err)
{
	if (r->mode == MODE_QUEUE_LIST)
		return 0;
	if (r->n_recipients)
		return error_set(err, ERROR_USAGE, "what the --queue options "
				 "name is no recipient: give the option once "
				 "for each id");
	if (r->mode == MODE_QUEUE_SHOW && r->queue_ids.n > 1)
		return error_set(err, ERROR_USAGE, "--queue-show takes one id");
	return 0;
}

static int run(struct queue *q, struct config *c, struct error *err)
{
	if (setup_config(c, q->r, err) || check(q->r, err) ||
	    open_both(q, c, err))
		return -1;
	switch (q->r->mode) {
	case MODE_QUEUE_LIST:
		return list(q, err);
	case MODE_QUEUE_SHOW:
		return show(q, q->r->queue_ids.item[0], err);
	default:
		return change(q, err);
	}
}

int front_queue(const struct request *r)
{
	struct queue q = { .r = r, .store.fd = -1, .failed.fd = -1 };
	struct config config;
	struct error err;

	buf_init(&q.out, OUT_MAX);
	if (run(&q, &config, &err))
		note(&q, say_error(r, &err));
	buf_release(&q.out);
	store_close(&q.failed);
	store_close(&q.store);
	config_release(&config);
	return q.status;
}
