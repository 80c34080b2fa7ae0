#include "sys/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/scan.h"
#include "sys/charset.h"
#include "sys/intake.h"
#include "sys/tempfile.h"
#include "util/xalloc.h"

enum {
	READ_SIZE = 128 << 10,		/* octets asked for at once */
	UTF8_MAX = 8 * READ_SIZE	/* what a read may become */
};

void content_init(struct content *c)
{
	*c = (struct content){ .fd = -1, .keep = INTAKE_MEMORY };
	buf_init(&c->memory, SIZE_MAX / 4);
}

void content_release(struct content *c)
{
	if (c->fd > 2)
		close(c->fd);
	buf_release(&c->memory);
	c->fd = -1;
}

/* Move what is in memory to the temporary file, if it is much or `all`. */
static int spill(struct content *c, bool all, struct error *err)
{
	if (!all && c->memory.len <= c->keep)
		return 0;
	if (c->fd < 0 && (c->fd = tempfile_open(err)) < 0)
		return -1;
	if (tempfile_write(c->fd, c->memory.p, c->memory.len, err))
		return -1;
	buf_reset(&c->memory);
	return 0;
}

static int finish(struct content *c, uint64_t len, struct error *err)
{
	c->len = len;
	return c->fd < 0 ? 0 : spill(c, c->memory.len, err);
}

/* A text on its way: its set, its line ends. */
struct text {
	struct content *c;
	struct charset *set;	/* NULL: it is UTF-8 */
	struct scan scan;
	struct buf head, utf8;
};

static int text_piece(struct text *t, struct str in, bool end,
		      struct error *err)
{
	buf_reset(&t->utf8);
	if (t->set) {
		if (charset_feed(t->set, in, end, &t->utf8, err))
			return -1;
		in = buf_str(&t->utf8);
	}
	if (scan_feed(&t->scan, in, &t->head, &t->c->memory, err) ||
	    (end && scan_end(&t->scan, &t->head, &t->c->memory, err)))
		return -1;
	return spill(t->c, false, err);
}

static int text_all(struct text *t, int fd, struct error *err)
{
	char *room = xrealloc(NULL, READ_SIZE, 1);
	ssize_t n;
	/* The blank line is the end of an empty header: all that comes is
	   body, even if it looks like a field. */
	int r = scan_feed(&t->scan, STR("\n"), &t->head, &t->c->memory, err);

	while (!r && (n = intake_some(fd, room, READ_SIZE)) != 0) {
		if (n < 0)
			r = error_set(err, ERROR_IO, "%s", strerror(errno));
		else
			r = text_piece(t, (struct str){ room, (size_t)n },
				       false, err);
	}
	if (!r)
		r = text_piece(t, STR(""), true, err);
	free(room);
	return r;
}

static int check_text(const struct content *c, const char *charset,
		      struct error *err)
{
	if (!c->facts.bad_line)
		return 0;
	return error_set(err, ERROR_DATA, "line %llu is not valid %s: say what "
			 "it is with --charset",
			 (unsigned long long)c->facts.bad_line, charset);
}

int content_text(struct content *c, int fd, const char *name,
		 const char *charset, const char *unique, struct error *err)
{
	struct text t = { .c = c };
	int r;

	if (strcasecmp(charset, "UTF-8") && strcasecmp(charset, "UTF8")) {
		t.set = charset_open(charset, err);
		if (!t.set)
			return -1;
	}
	scan_init(&t.scan, 0);
	buf_init(&t.head, 4 * (size_t)MESSAGE_HEAD_MAX);
	buf_init(&t.utf8, UTF8_MAX);
	r = text_all(&t, fd, err) || finish(c, t.scan.body.size, err) ||
		content_scan(c, unique, err) || check_text(c, charset, err);
	charset_close(t.set);
	buf_release(&t.head);
	buf_release(&t.utf8);
	return r ? error_wrap(err, "%s", name) : 0;
}

/* A pipe or a device: there is no reading it twice. */
static int copy(struct content *c, int fd, struct error *err)
{
	uint64_t len = 0;
	char *room;
	ssize_t n;

	for (;;) {
		room = buf_room(&c->memory, READ_SIZE);
		n = intake_some(fd, room, READ_SIZE);
		if (n <= 0)
			break;
		buf_grew(&c->memory, (size_t)n);
		len += (uint64_t)n;
		if (spill(c, false, err))
			return -1;
	}
	if (n < 0)
		return error_set(err, ERROR_IO, "%s", strerror(errno));
	return finish(c, len, err);
}

/* A file of /sys has a size, but less in it: it is read like one of none. */
static bool has_its_size(int fd, const struct stat *st)
{
	char last;

	return pread(fd, &last, 1, st->st_size - 1) != 0;
}

int content_file(struct content *c, int fd, const char *name,
		 struct error *err)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat st;
	int r = 0;

	at = at < 0 ? 0 : at;
	if (fstat(fd, &st)) {
		r = error_set(err, ERROR_INPUT, "%s", strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		r = error_set(err, ERROR_INPUT, "it is a directory");
	} else if (S_ISREG(st.st_mode) && st.st_size > at &&
		   has_its_size(fd, &st)) {
		c->fd = fd;
		c->at = (uint64_t)at;
		c->len = (uint64_t)(st.st_size - at);
		return 0;
	} else {	/* a file of no size may be one of /proc */
		r = copy(c, fd, err);
	}
	if (fd > 2)
		close(fd);
	return r ? error_wrap(err, "%s", name) : 0;
}

static int scan_file(const struct content *c, struct part_scan *scan,
		     struct error *err)
{
	char *room = xrealloc(NULL, READ_SIZE, 1);
	int r = 0;

	for (uint64_t at = 0; at < c->len && !r; at += READ_SIZE) {
		uint64_t left = c->len - at;
		size_t n = left < READ_SIZE ? (size_t)left : READ_SIZE;

		r = intake_pread(c->fd, c->at + at, room, n, err);
		if (!r)
			part_scan_feed(scan, (struct str){ room, n });
	}
	free(room);
	return r;
}

int content_scan(struct content *c, const char *unique, struct error *err)
{
	struct part_scan scan;

	if (c->scanned)
		return 0;
	part_scan_init(&scan, unique);
	if (c->fd < 0)
		part_scan_feed(&scan, buf_str(&c->memory));
	else if (scan_file(c, &scan, err))
		return -1;
	part_scan_end(&scan);
	c->facts = scan.facts;
	c->scanned = true;
	return 0;
}

void content_fill(const struct content *c, struct part *p)
{
	p->text = buf_str(&c->memory);
	p->fd = c->fd;
	p->at = c->at;
	p->len = c->len;
	p->facts = c->facts;
	p->scanned = c->scanned;
}
