#include "spool/enqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/format.h"
#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/intake.h"
#include "util/crc32c.h"
#include "util/xalloc.h"

enum {
	BLOCK = TINY ? 64 : 128 << 10,	/* octets written at once */
	ID_TRIES = 5
};

unsigned enqueue_unsettled(void)
{
	return 1u << OUTCOME_PENDING | 1u << OUTCOME_DEFERRED |
	       1u << OUTCOME_UNKNOWN;
}

/* ---- writing the file ---- */

struct writer {
	struct enqueue *q;
	const struct enqueue_what *what;
	struct crc32c crc;
	struct buf block;	/* not yet in the file */
	struct format_trailer trailer;
	bool in_line;		/* of format_sum_header() */
};

static int fail(const struct enqueue *q, const char *what, struct error *err)
{
	char name[STORE_NAME_ROOM];

	store_name(name, 't', q->id);
	return store_error(q->store, what, name, err);
}

static int write_all(const struct enqueue *q, struct str s, struct error *err)
{
	while (s.n) {
		ssize_t n = write(q->fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(q, "write", err);
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

static int flush(struct writer *w, struct error *err)
{
	int ret = write_all(w->q, buf_str(&w->block), err);

	buf_reset(&w->block);
	return ret;
}

/* What of the header is in the block from `start` on is part of the sum. */
static int put_header(struct writer *w, size_t start, struct error *err)
{
	struct str part = buf_str(&w->block);

	part.p += start;
	part.n -= start;
	format_sum_header(&w->crc, part, &w->in_line);
	w->trailer.header += part.n;
	if (w->trailer.header > FORMAT_HEADER_MAX)
		return error_set(err, ERROR_DATA, "too many recipients for "
				 "one message in the queue: their lines may "
				 "have %d octets", FORMAT_HEADER_MAX);
	return w->block.len >= BLOCK ? flush(w, err) : 0;
}

static int put_head(struct writer *w, struct error *err)
{
	const struct message *m = w->what->message;
	const struct format_head h = {
		.created = clock_wall(),
		.uid = getuid(),
		.account = w->what->account,
		.head_len = m->head.len,
		.binary = m->binary,
		.facts = m->body_facts,
	};

	if (format_head(&w->block, &h, w->what->env, err))
		return -1;
	return put_header(w, 0, err);
}

static int put_rcpts(struct writer *w, struct error *err)
{
	const struct envelope *env = w->what->env;

	for (size_t i = 0; i < env->n_rcpt; i++) {
		enum outcome o = envelope_verdict(env, i)->outcome;
		size_t start = w->block.len;

		if (!(w->what->outcomes & 1u << o))
			continue;
		if (format_rcpt(&w->block, &env->rcpt[i], format_status(o), err) ||
		    put_header(w, start, err))
			return -1;
		w->trailer.rcpts++;
	}
	if (!w->trailer.rcpts)
		return error_set(err, ERROR_BUG, "a message without a "
				 "recipient was to be queued");
	buf_addch(&w->block, '\n');
	return put_header(w, w->block.len - 1, err);
}

static int put_message(struct writer *w, struct error *err)
{
	const struct message *m = w->what->message;
	uint64_t at = 0, size = message_size(m);

	w->trailer.message = size;
	while (at < size) {
		size_t n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
		char *to = buf_room(&w->block, n);

		if (intake_read(m, at, to, n, err))
			return -1;
		crc32c_add(&w->crc, (struct str){ to, n });
		buf_grew(&w->block, n);
		at += n;
		if (w->block.len >= BLOCK && flush(w, err))
			return -1;
	}
	return 0;
}

static int write_file(struct writer *w, struct error *err)
{
	if (put_head(w, err) || put_rcpts(w, err) || put_message(w, err))
		return -1;
	format_trailer(&w->block, &w->trailer, &w->crc);
	return flush(w, err);
}

/* ---- the steps ---- */

static int create(struct enqueue *q, struct error *err)
{
	char name[STORE_NAME_ROOM];

	for (int i = 0; q->fd < 0; i++) {
		store_id(q->id);
		store_name(name, 't', q->id);
		q->fd = openat(q->store->fd, name, O_RDWR | O_CREAT | O_EXCL |
			       O_NOFOLLOW | O_CLOEXEC, 0600);
		if (q->fd < 0 && ((errno != EEXIST && errno != EINTR) ||
				  i == ID_TRIES))
			return fail(q, "create", err);
	}
	q->named = true;
	while (flock(q->fd, LOCK_EX | LOCK_NB))
		if (errno != EINTR)
			return fail(q, "lock", err);
	return 0;
}

static int sync_file(struct enqueue *q, int64_t due, struct error *err)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT }, { .tv_sec = due }
	};

	if (due && futimens(q->fd, times))
		return fail(q, "set the time of", err);
	while (fsync(q->fd))
		if (errno != EINTR)
			return fail(q, "write", err);
	return 0;
}

int enqueue_write(struct enqueue *q, const struct store *s,
		  const struct enqueue_what *what, struct error *err)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	int ret;

	*q = (struct enqueue){ .store = s, .fd = -1 };
	w->q = q;
	w->what = what;
	crc32c_init(&w->crc);
	buf_init(&w->block, 2 * (size_t)BLOCK + 3 * (size_t)FORMAT_LINE_MAX);
	ret = create(q, err);
	if (!ret)
		ret = write_file(w, err);
	if (!ret)
		ret = sync_file(q, what->due, err);
	buf_release(&w->block);
	free(w);
	if (ret)
		enqueue_release(q);
	return ret;
}

/* Is this name the file that is open? */
static bool same_file(const struct enqueue *q, const char *name)
{
	struct stat open, named;

	return !fstat(q->fd, &open) &&
	       !fstatat(q->store->fd, name, &named, AT_SYMLINK_NOFOLLOW) &&
	       open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

static int link_and_sync(struct enqueue *q, struct error *err)
{
	char from[STORE_NAME_ROOM], to[STORE_NAME_ROOM];
	int dir = q->store->fd;

	store_name(from, 't', q->id);
	store_name(to, 'm', q->id);
	/* A call that is said to have failed may have been carried out. */
	while (linkat(dir, from, dir, to, 0)) {
		int why = errno;

		if (same_file(q, to))
			break;
		errno = why;
		if (why != EINTR)
			return fail(q, "commit", err);
	}
	if (store_sync(q->store, err)) {
		if (unlinkat(dir, to, 0) && unlinkat(dir, to, 0) &&
		    errno != ENOENT)
			error_add(err, "; it may be in the queue all the same");
		fsync(dir);
		return -1;
	}
	q->committed = true;
	return 0;
}

int enqueue_commit(struct enqueue *q, struct error *err)
{
	sigset_t old;
	int ret;

	if (signals_hold(&old)) {
		ret = fail(q, "commit", err);
		enqueue_release(q);
		return ret;
	}
	ret = link_and_sync(q, err);
	enqueue_release(q);
	signals_release(&old);
	return ret;
}

void enqueue_release(struct enqueue *q)
{
	char name[STORE_NAME_ROOM];

	store_name(name, 't', q->id);
	if (q->named && unlinkat(q->store->fd, name, 0) && errno == EINTR)
		unlinkat(q->store->fd, name, 0);
	q->named = false;
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}

int enqueue(const struct store *s, const struct enqueue_what *what,
	    char id[STORE_ID_ROOM], struct error *err)
{
	struct enqueue q;

	if (enqueue_write(&q, s, what, err) || enqueue_commit(&q, err))
		return -1;
	memcpy(id, q.id, STORE_ID_ROOM);
	return 0;
}
