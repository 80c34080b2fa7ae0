#include "spool/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/intake.h"
#include "util/crc32c.h"
#include "util/xalloc.h"

enum { BLOCK = TINY ? 64 : 128 << 10 };	/* octets read at once */

/* An entry while it is being opened. */
struct opening {
	struct entry *e;
	const struct store *s;
	unsigned flags;
	char name[STORE_NAME_ROOM + 8];	/* "failed/m.ID" */
	uint64_t size;			/* of the file */
	struct format_trailer trailer;
};

static enum entry_result corrupt(const struct opening *o, const char *why,
				 struct error *err)
{
	error_set(err, ERROR_DATA, "'%s/%s' is no good queue file: %s",
		  o->s->path, o->name, why);
	return ENTRY_CORRUPT;
}

static enum entry_result unreadable(const struct opening *o, const char *what,
				    struct error *err)
{
	store_error(o->s, what, o->name, err);
	return ENTRY_UNREADABLE;
}

static enum entry_result gone(const struct opening *o, struct error *err)
{
	error_set(err, ERROR_INPUT, "there is no '%s/%s'", o->s->path,
		  o->name);
	return ENTRY_GONE;
}

/* ---- the file itself ---- */

static enum entry_result open_file(struct opening *o, struct error *err)
{
	int mode = o->flags & ENTRY_LOCK ? O_RDWR : O_RDONLY;

	/* Non-blocking, so that a FIFO does not make us wait. */
	do
		o->e->fd = openat(o->s->fd, o->name, mode | O_NOFOLLOW |
				  O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (o->e->fd < 0 && errno == EINTR);
	if (o->e->fd >= 0)
		return ENTRY_OPEN;
	switch (errno) {
	case ENOENT:
		return gone(o, err);
	case ELOOP:
		return corrupt(o, "it is a symbolic link", err);
	case EISDIR:
	case ENXIO:
	case ENODEV:
		return corrupt(o, "it is no regular file", err);
	}
	return unreadable(o, "open", err);
}

static enum entry_result lock(struct opening *o, struct error *err)
{
	while (flock(o->e->fd, LOCK_EX | LOCK_NB)) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return unreadable(o, "lock", err);
		error_set(err, ERROR_INPUT, "'%s/%s' is being worked on",
			  o->s->path, o->name);
		return ENTRY_BUSY;
	}
	return ENTRY_OPEN;
}

/*
 * A second name may be what a writer left that died, or that is just about to
 * remove it; any other would let someone else change the file.
 */
static enum entry_result check_names(struct opening *o, struct error *err)
{
	char name[STORE_NAME_ROOM];
	struct stat st, other;
	bool missing;

	store_name(name, 't', o->e->id);
	missing = fstatat(o->s->fd, name, &other, AT_SYMLINK_NOFOLLOW);
	if (missing && errno != ENOENT)
		return unreadable(o, "examine the other name of", err);
	/* Counted after the look: it may have gone in between. */
	if (fstat(o->e->fd, &st))
		return unreadable(o, "examine", err);
	if (st.st_nlink == 1)
		return ENTRY_OPEN;
	if (missing || st.st_nlink != 2 || other.st_ino != st.st_ino ||
	    other.st_dev != st.st_dev)
		return corrupt(o, "it has another name somewhere", err);
	if (o->flags & ENTRY_LOCK)
		unlinkat(o->s->fd, name, 0);
	return ENTRY_OPEN;
}

static enum entry_result check_file(struct opening *o, struct error *err)
{
	struct stat st, named;

	if (fstat(o->e->fd, &st))
		return unreadable(o, "examine", err);
	if (!S_ISREG(st.st_mode))
		return corrupt(o, "it is no regular file", err);
	/* The one that was locked may not be the one of that name any more. */
	if (fstatat(o->s->fd, o->name, &named, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return gone(o, err);
		return unreadable(o, "examine", err);
	}
	if (named.st_ino != st.st_ino || named.st_dev != st.st_dev ||
	    !st.st_nlink)
		return gone(o, err);
	if (st.st_uid != geteuid())
		return corrupt(o, "it belongs to someone else", err);
	o->size = (uint64_t)st.st_size;
	return st.st_nlink == 1 ? ENTRY_OPEN : check_names(o, err);
}

/* ---- its parts ---- */

static enum entry_result read_at(struct opening *o, uint64_t at, char *to,
				 size_t n, struct error *err)
{
	struct error why;

	if (!intake_pread(o->e->fd, at, to, n, &why))
		return ENTRY_OPEN;
	error_set(err, ERROR_IO, "'%s/%s': %s", o->s->path, o->name,
		  why.text);
	return ENTRY_UNREADABLE;
}

static enum entry_result read_version(struct opening *o, struct error *err)
{
	char text[64];
	size_t n = o->size < sizeof(text) ? (size_t)o->size : sizeof(text);
	enum entry_result ret = read_at(o, 0, text, n, err);
	int version;

	if (ret != ENTRY_OPEN)
		return ret;
	version = format_version((struct str){ text, n });
	if (version < 0)
		return corrupt(o, "it does not begin as one", err);
	if (version == 1)
		return ENTRY_OPEN;
	error_set(err, ERROR_DATA, "'%s/%s' was written by a later version of "
		  "posthaste", o->s->path, o->name);
	return ENTRY_FUTURE;
}

static enum entry_result read_trailer(struct opening *o, struct error *err)
{
	struct format_trailer *t = &o->trailer;
	char text[FORMAT_TRAILER];
	enum entry_result ret;
	uint64_t rest;

	if (o->size < FORMAT_TRAILER)
		return corrupt(o, "it is cut", err);
	rest = o->size - FORMAT_TRAILER;
	ret = read_at(o, rest, text, sizeof(text), err);
	if (ret != ENTRY_OPEN)
		return ret;
	if (!format_trailer_parse((struct str){ text, sizeof(text) }, t))
		return corrupt(o, "its end is missing", err);
	if (t->header > FORMAT_HEADER_MAX || t->header > rest ||
	    t->message != rest - t->header)
		return corrupt(o, "its length is not what it says", err);
	return ENTRY_OPEN;
}

static enum entry_result check_sum(struct opening *o, struct error *err)
{
	struct crc32c *c = xcalloc(1, sizeof(*c));
	char *block = xrealloc(NULL, BLOCK, 1);
	uint64_t at = o->trailer.header, end = at + o->trailer.message;
	enum entry_result ret = ENTRY_OPEN;
	bool in_line = false;

	crc32c_init(c);
	format_sum_header(c, (struct str){ o->e->text,
			  (size_t)o->trailer.header }, &in_line);
	while (ret == ENTRY_OPEN && at < end) {
		size_t n = end - at < BLOCK ? (size_t)(end - at) : BLOCK;

		ret = read_at(o, at, block, n, err);
		if (ret == ENTRY_OPEN)
			crc32c_add(c, (struct str){ block, n });
		at += n;
	}
	if (ret == ENTRY_OPEN &&
	    format_trailer_sum(&o->trailer, c) != o->trailer.crc)
		ret = corrupt(o, "its checksum is wrong", err);
	free(block);
	free(c);
	return ret;
}

static enum entry_result read_header(struct opening *o, struct error *err)
{
	struct entry *e = o->e;
	size_t n = (size_t)o->trailer.header;
	const char *why = "";
	enum entry_result ret;

	e->text = xrealloc(NULL, n + 1, 1);
	ret = read_at(o, 0, e->text, n, err);
	if (ret == ENTRY_OPEN && o->flags & ENTRY_CHECK)
		ret = check_sum(o, err);
	if (ret != ENTRY_OPEN)
		return ret;
	switch (format_parse(e->text, n, &e->head, &e->env, &why)) {
	case FORMAT_GOOD:
		break;
	case FORMAT_CORRUPT:
		return corrupt(o, why, err);
	case FORMAT_FUTURE:
		error_set(err, ERROR_DATA, "'%s/%s': %s", o->s->path, o->name,
			  why);
		return ENTRY_FUTURE;
	}
	if (e->env.n_rcpt != o->trailer.rcpts)
		return corrupt(o, "recipients are missing", err);
	if (e->head.head_len > MESSAGE_HEAD_MAX * UINT64_C(4) ||
	    e->head.head_len + 2 > o->trailer.message)
		return corrupt(o, "its message is cut", err);
	e->size = e->env.size = o->trailer.message;
	return ENTRY_OPEN;
}

/* The message's header block in memory, the rest a piece of the file. */
static enum entry_result read_message(struct opening *o, struct error *err)
{
	struct entry *e = o->e;
	struct message *m = &e->message;
	size_t n = (size_t)e->head.head_len;
	char *to = buf_room(&m->head, n + 2);
	enum entry_result ret = read_at(o, o->trailer.header, to, n + 2, err);

	if (ret != ENTRY_OPEN)
		return ret;
	buf_grew(&m->head, n + 2);
	if (memcmp(m->head.p + n, "\r\n", 2) ||
	    (n && (n < 2 || memcmp(m->head.p + n - 2, "\r\n", 2))))
		return corrupt(o, "its message has no header", err);
	m->head.p[m->head.len -= 2] = '\0';
	e->piece = (struct piece){ .kind = PIECE_PLAIN, .fd = e->fd,
				   .at = o->trailer.header + n + 2,
				   .len = e->size - n - 2 };
	m->piece = &e->piece;
	m->n_piece = 1;
	m->body_len = e->piece.len;
	m->body_facts = e->head.facts;
	m->body_facts.size = m->body_len;
	m->binary = e->head.binary;
	return ENTRY_OPEN;
}

/* Who is settled already stays so, whatever this attempt brings. */
static void settle(struct entry *e)
{
	const struct verdict sent = { .outcome = OUTCOME_SENT };
	const struct verdict lost = { .outcome = OUTCOME_FAILED };
	uint32_t sent_as = envelope_say(&e->env, &sent);
	uint32_t lost_as = envelope_say(&e->env, &lost);

	for (size_t i = 0; i < e->env.n_rcpt; i++)
		if (entry_status(e, i) == FORMAT_DELIVERED)
			envelope_settle_as(&e->env, i, sent_as);
		else if (entry_status(e, i) == FORMAT_FAILED)
			envelope_settle_as(&e->env, i, lost_as);
}

/* ---- opening ---- */

static enum entry_result open_steps(struct opening *o, struct error *err)
{
	enum entry_result ret = open_file(o, err);

	/* Locked first: what is looked at then no longer changes. */
	if (ret == ENTRY_OPEN && o->flags & ENTRY_LOCK)
		ret = lock(o, err);
	if (ret == ENTRY_OPEN)
		ret = check_file(o, err);
	if (ret == ENTRY_OPEN)
		ret = read_version(o, err);
	if (ret == ENTRY_OPEN)
		ret = read_trailer(o, err);
	if (ret == ENTRY_OPEN)
		ret = read_header(o, err);
	if (ret == ENTRY_OPEN && o->flags & ENTRY_MESSAGE)
		ret = read_message(o, err);
	return ret;
}

enum entry_result entry_open(struct entry *e, const struct store *s,
			     const char *id, unsigned flags,
			     struct error *err)
{
	struct opening o = { .e = e, .s = s, .flags = flags };
	char name[STORE_NAME_ROOM];
	enum entry_result ret;

	*e = (struct entry){ .fd = -1, .head.account = "" };
	envelope_init(&e->env);
	buf_init(&e->message.head, 4 * (size_t)MESSAGE_HEAD_MAX + 2);
	if (s->fd < 0 || !store_id_valid(str_of(id))) {
		error_set(err, ERROR_INPUT, "the queue has no '%.40s'", id);
		return ENTRY_GONE;
	}
	snprintf(e->id, sizeof(e->id), "%s", id);
	store_name(name, 'm', id);
	snprintf(o.name, sizeof(o.name), "%s%s",
		 flags & ENTRY_FAILED ? "failed/" : "", name);
	ret = open_steps(&o, err);
	if (ret == ENTRY_OPEN)
		settle(e);
	return ret;
}

void entry_release(struct entry *e)
{
	envelope_release(&e->env);
	buf_release(&e->message.head);
	free(e->text);
	if (e->fd >= 0)
		close(e->fd);
	*e = (struct entry){ .fd = -1, .head.account = "" };
}

/* ---- statuses ---- */

/* Where the file has it: two before the address, which was decoded in place. */
static size_t status_at(const struct entry *e, size_t rcpt)
{
	return (size_t)(e->env.rcpt[rcpt].addr - e->text) - 2;
}

char entry_status(const struct entry *e, size_t rcpt)
{
	return e->text[status_at(e, rcpt)];
}

size_t entry_count(const struct entry *e, char status)
{
	size_t n = 0;

	for (size_t i = 0; i < e->env.n_rcpt; i++)
		n += entry_status(e, i) == status;
	return n;
}

static int record_error(const struct entry *e, struct error *err)
{
	return error_set(err, ERROR_IO, "the queue cannot record what became "
			 "of '%s': %s", e->id, strerror(errno));
}

static int put_status(struct entry *e, size_t rcpt, char status,
		      struct error *err)
{
	ssize_t n;

	do
		n = pwrite(e->fd, &status, 1, (off_t)status_at(e, rcpt));
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return record_error(e, err);
	e->text[status_at(e, rcpt)] = status;
	return 0;
}

static int sync_status(struct entry *e, struct error *err)
{
	while (fdatasync(e->fd))
		if (errno != EINTR)
			return record_error(e, err);
	return 0;
}

int entry_mark(struct entry *e, size_t rcpt, char status, struct error *err)
{
	return put_status(e, rcpt, status, err) || sync_status(e, err) ? -1 : 0;
}

int entry_record(struct entry *e, struct error *err)
{
	bool changed = false;

	for (size_t i = 0; i < e->env.n_rcpt; i++) {
		enum outcome o = envelope_verdict(&e->env, i)->outcome;

		/* Not tried: what is known of it stays. */
		if (o == OUTCOME_PENDING || format_status(o) == entry_status(e, i))
			continue;
		if (put_status(e, i, format_status(o), err))
			return -1;
		changed = true;
	}
	return changed ? sync_status(e, err) : 0;
}

/* ---- back from failed/ ---- */

static int retry_all(struct entry *e, struct error *err)
{
	for (size_t i = 0; i < e->env.n_rcpt; i++)
		if (entry_status(e, i) != FORMAT_DELIVERED &&
		    put_status(e, i, FORMAT_PENDING, err))
			return -1;
	return sync_status(e, err);
}

int entry_requeue(const struct store *s, const char *id, struct error *err)
{
	struct entry e;
	int ret = -1;

	if (entry_open(&e, s, id, ENTRY_LOCK | ENTRY_CHECK | ENTRY_FAILED,
		       err) == ENTRY_OPEN && !retry_all(&e, err))
		ret = store_unfail(s, id, err);
	entry_release(&e);
	return ret;
}
