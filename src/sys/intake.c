#include "sys/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/scan.h"
#include "sys/tempfile.h"
#include "util/xalloc.h"

enum { READ_SIZE = 128 << 10 };		/* octets asked for at once */

void intake_init(struct intake *in)
{
	*in = (struct intake){ .message = { .fd = -1, .body = STR("") } };
	/* scan enforces its own limit; the header may grow by editing. */
	buf_init(&in->message.head, 4 * (size_t)MESSAGE_HEAD_MAX);
	buf_init(&in->body, INTAKE_MEMORY + 2 * READ_SIZE + SCAN_ROOM);
}

void intake_release(struct intake *in)
{
	if (in->message.fd >= 0)
		close(in->message.fd);
	buf_release(&in->message.head);
	buf_release(&in->body);
	intake_init(in);
}

int intake_open(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return error_set(err, ERROR_INPUT, "cannot open '%s': %s",
				 path, strerror(errno));
	return fd;
}

/* As read(2), but waits whatever the descriptor's flags and signals say. */
static ssize_t read_some(int fd, char *to, size_t n)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got = read(fd, to, n);

		if (got >= 0)
			return got;
		if (errno == EAGAIN)
			poll(&p, 1, -1);
		else if (errno != EINTR)
			return -1;
	}
}

/* Move the body from memory to the temporary file. */
static int spill(struct intake *in, struct error *err)
{
	struct message *m = &in->message;

	if (m->fd < 0 && (m->fd = tempfile_open(err)) < 0)
		return -1;
	if (tempfile_write(m->fd, in->body.p, in->body.len, err))
		return -1;
	buf_reset(&in->body);
	return 0;
}

static int take_all(struct intake *in, struct scan *scan, int fd,
		    char *piece, struct error *err)
{
	struct buf *head = &in->message.head;
	ssize_t n;

	while ((n = read_some(fd, piece, READ_SIZE)) > 0) {
		if (scan_feed(scan, (struct str){ piece, (size_t)n }, head,
			      &in->body, err))
			return -1;
		if (in->body.len > INTAKE_MEMORY && spill(in, err))
			return -1;
	}
	if (n < 0)
		return error_set(err, ERROR_IO, "cannot read the message: %s",
				 strerror(errno));
	return scan_end(scan, head, &in->body, err);
}

int intake_take(struct intake *in, int fd, const char *name, unsigned flags,
		struct error *err)
{
	struct message *m = &in->message;
	char *piece = xrealloc(NULL, READ_SIZE, 1);
	struct scan scan;
	int ret;

	scan_init(&scan, flags);
	ret = take_all(in, &scan, fd, piece, err);
	free(piece);
	if (!ret && m->fd >= 0)
		ret = spill(in, err);
	if (ret)
		return error_wrap(err, "%s", name);
	m->body = buf_str(&in->body);
	m->body_at = 0;
	m->body_len = scan.body.size;
	m->body_facts = scan.body;
	in->head_facts = scan.head;
	in->dot = scan.done;
	return 0;
}

void intake_drain(int fd)
{
	char *piece = xrealloc(NULL, READ_SIZE, 1);

	while (read_some(fd, piece, READ_SIZE) > 0)
		;
	free(piece);
}

/* As pread(2), but all of it or ERROR_IO. */
static int read_file(int fd, uint64_t at, char *to, size_t n,
		     struct error *err)
{
	while (n) {
		ssize_t got = pread(fd, to, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set(err, ERROR_IO, "cannot read the "
					 "message back: %s", got ?
					 strerror(errno) : "it became shorter");
		at += (uint64_t)got;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

/*
 * Copy what of [*at, *at + *n) lies in `part`, which begins at 0, and move
 * on: *at becomes relative to the part's end.
 */
static void read_memory(struct str part, uint64_t *at, char **to, size_t *n)
{
	if (*at < part.n) {
		size_t have = part.n - (size_t)*at;

		if (have > *n)
			have = *n;
		memcpy(*to, part.p + *at, have);
		*at += have;
		*to += have;
		*n -= have;
	}
	*at = *at < part.n ? 0 : *at - part.n;
}

int intake_read(const struct message *m, uint64_t at, char *to, size_t n,
		struct error *err)
{
	read_memory(buf_str(&m->head), &at, &to, &n);
	read_memory(STR("\r\n"), &at, &to, &n);
	if (n && (at > m->body_len || n > m->body_len - at))
		return error_set(err, ERROR_BUG,
				 "reading past the end of the message");
	if (m->fd >= 0)
		return read_file(m->fd, m->body_at + at, to, n, err);
	read_memory(m->body, &at, &to, &n);
	return 0;
}
