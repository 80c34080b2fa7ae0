#include "sys/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/header.h"
#include "mail/recode.h"
#include "mail/scan.h"
#include "sys/tempfile.h"
#include "util/base64.h"
#include "util/xalloc.h"

enum {
	READ_SIZE = TINY ? 7 : 128 << 10,	/* octets asked for at once */
	RECODED_MAX = 4 * READ_SIZE + RECODE_ROOM,
	PIECE_MAX = RECODED_MAX,	/* the most that is scanned at once */
	BASE64_LINES = TINY ? 1 : 256	/* encoded at once */
};

void intake_init(struct intake *in)
{
	*in = (struct intake){ .fd = -1 };
	/* scan enforces its own limit; the header may grow by editing. */
	buf_init(&in->message.head, 4 * (size_t)MESSAGE_HEAD_MAX);
	buf_init(&in->body, INTAKE_MEMORY + 2 * PIECE_MAX + SCAN_ROOM);
}

void intake_release(struct intake *in)
{
	if (in->fd >= 0)
		close(in->fd);
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

ssize_t intake_some(int fd, char *to, size_t n)
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
	if (in->fd < 0 && (in->fd = tempfile_open(err)) < 0)
		return -1;
	if (tempfile_write(in->fd, in->body.p, in->body.len, err))
		return -1;
	buf_reset(&in->body);
	return 0;
}

int intake_feed(struct intake *in, struct scan *scan, struct str piece,
		struct error *err)
{
	if (scan_feed(scan, piece, &in->message.head, &in->body, err))
		return -1;
	if (in->body.len > INTAKE_MEMORY)
		return spill(in, err);
	return 0;
}

int intake_end(struct intake *in, struct scan *scan, struct error *err)
{
	struct message *m = &in->message;

	if (scan_end(scan, &m->head, &in->body, err))
		return -1;
	if (in->fd >= 0) {
		if (spill(in, err))
			return -1;
		buf_release(&in->body);
	}
	in->piece = piece_text(buf_str(&in->body));
	in->piece.fd = in->fd;
	in->piece.len = scan->body.size;
	m->piece = &in->piece;
	m->n_piece = 1;
	m->body_len = scan->body.size;
	m->body_facts = scan->body;
	in->head_facts = scan->head;
	in->dot = scan->done;
	return 0;
}

static int take_all(struct intake *in, struct scan *scan, int fd,
		    char *piece, struct error *err)
{
	ssize_t n;

	while ((n = intake_some(fd, piece, READ_SIZE)) > 0)
		if (intake_feed(in, scan, (struct str){ piece, (size_t)n }, err))
			return -1;
	if (n < 0)
		return error_set(err, ERROR_IO, "cannot read the message: %s",
				 strerror(errno));
	return intake_end(in, scan, err);
}

int intake_take(struct intake *in, int fd, const char *name, unsigned flags,
		struct error *err)
{
	char *piece = xrealloc(NULL, READ_SIZE, 1);
	struct scan scan;
	int ret;

	scan_init(&scan, flags);
	ret = take_all(in, &scan, fd, piece, err);
	free(piece);
	return ret ? error_wrap(err, "%s", name) : 0;
}

void intake_drain(int fd)
{
	char *piece = xrealloc(NULL, READ_SIZE, 1);

	while (intake_some(fd, piece, READ_SIZE) > 0)
		;
	free(piece);
}

int intake_pread(int fd, uint64_t at, char *to, size_t n, struct error *err)
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

/* Octets of a piece's source. */
static int read_source(const struct piece *p, uint64_t at, char *to, size_t n,
		       struct error *err)
{
	if (p->fd >= 0)
		return intake_pread(p->fd, p->at + at, to, n, err);
	memcpy(to, p->text.p + at, n);
	return 0;
}

/*
 * Octets [at, at + n) of a piece in base64, at least one: as many as whole
 * lines read at once give, *n says how many.
 */
static int read_base64(const struct piece *p, uint64_t at, char *to,
		       size_t *n, struct error *err)
{
	char in[BASE64_LINE_IN * BASE64_LINES], out[BASE64_LINE_OUT * BASE64_LINES];
	uint64_t from = at / BASE64_LINE_OUT * BASE64_LINE_IN;
	size_t skip = (size_t)(at % BASE64_LINE_OUT);
	uint64_t left = p->len - from;
	size_t have = left < sizeof(in) ? (size_t)left : sizeof(in);

	if (read_source(p, from, in, have, err))
		return -1;
	have = base64_lines(out, (struct str){ in, have }) - skip;
	*n = *n < have ? *n : have;
	memcpy(to, out + skip, *n);
	return 0;
}

/* As read_memory(), for a piece; *at is relative to its beginning. */
static int read_piece(const struct piece *p, uint64_t *at, char **to,
		      size_t *n, struct error *err)
{
	uint64_t size = piece_size(p);

	while (*n && *at < size) {
		size_t some = size - *at < *n ? (size_t)(size - *at) : *n;

		if (p->kind == PIECE_PLAIN ?
		    read_source(p, *at, *to, some, err) :
		    read_base64(p, *at, *to, &some, err))
			return -1;
		*at += some;
		*to += some;
		*n -= some;
	}
	*at -= size < *at ? size : *at;
	return 0;
}

int intake_read(const struct message *m, uint64_t at, char *to, size_t n,
		struct error *err)
{
	read_memory(buf_str(&m->head), &at, &to, &n);
	read_memory(STR("\r\n"), &at, &to, &n);
	if (n && (at > m->body_len || n > m->body_len - at))
		return error_set(err, ERROR_BUG,
				 "reading past the end of the message");
	for (size_t i = 0; i < m->n_piece && n; i++)
		if (read_piece(&m->piece[i], &at, &to, &n, err))
			return -1;
	return 0;
}

/* -- recoding ---------------------------------------------------------------- */

/* A piece of the body from `at` on; empty at its end.  0 or -1. */
static int body_piece(const struct message *m, uint64_t at, char *to,
		      struct str *piece, struct error *err)
{
	uint64_t left = m->body_len - at;

	*piece = (struct str){ to, left < READ_SIZE ? (size_t)left :
						      READ_SIZE };
	return intake_read(m, m->head.len + 2 + at, to, piece->n, err);
}

static int look(struct recode *r, const struct message *m, char *room,
		bool *needed, struct error *err)
{
	struct str piece;

	for (uint64_t at = 0; at < m->body_len; at += piece.n) {
		if (body_piece(m, at, room, &piece, err))
			return -1;
		recode_look(r, piece);
	}
	return recode_decide(r, needed, err);
}

/*
 * The body goes through scan once more: for its facts, and because that is
 * the way into memory or file.  The LF before it is an empty header's.
 */
static int rewrite(struct intake *to, struct recode *r,
		   const struct message *m, char *room, struct error *err)
{
	struct str piece = STR("\n");
	struct scan scan;
	struct buf out;
	int ret;

	scan_init(&scan, 0);
	buf_init(&out, RECODED_MAX);
	ret = intake_feed(to, &scan, piece, err);
	for (uint64_t at = 0; !ret && at < m->body_len; at += piece.n) {
		ret = body_piece(m, at, room, &piece, err);
		if (ret)
			break;
		recode_feed(r, piece, &out);
		ret = intake_feed(to, &scan, buf_str(&out), err);
		buf_reset(&out);
	}
	if (!ret) {
		recode_end(r, &out);
		ret = intake_feed(to, &scan, buf_str(&out), err) ||
		      intake_end(to, &scan, err) ? -1 : 0;
	}
	buf_release(&out);
	return ret;
}

/* The body as it is, which stays m's. */
static void share(struct intake *to, const struct message *m)
{
	struct message *t = &to->message;

	t->piece = m->piece;
	t->n_piece = m->n_piece;
	t->body_len = m->body_len;
	t->body_facts = m->body_facts;
}

static int recode_body(struct intake *to, const struct message *m,
		       bool eightbit, bool *needed, struct error *err)
{
	char *room = xrealloc(NULL, READ_SIZE, 1);
	struct recode r;
	int ret;

	recode_init(&r, buf_str(&m->head), &m->body_facts, eightbit);
	ret = look(&r, m, room, needed, err);
	if (!ret && *needed) {
		recode_head(&r, &to->message.head);
		ret = rewrite(to, &r, m, room, err);
	}
	recode_release(&r);
	free(room);
	return ret;
}

int intake_recode(struct intake *to, const struct message *m, bool eightbit,
		  bool *changed, struct error *err)
{
	struct buf *head = &to->message.head;
	bool recoded = false;

	buf_add(head, buf_str(&m->head));
	if (header_fold(head, err))
		return -1;
	*changed = !str_eq(buf_str(head), buf_str(&m->head));
	if (recode_wanted(&m->body_facts, eightbit) &&
	    recode_body(to, m, eightbit, &recoded, err))
		return -1;
	if (recoded)
		*changed = true;
	else if (*changed)
		share(to, m);
	else
		buf_reset(head);
	return 0;
}
