#include "conf/tokenfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/dir.h"
#include "sys/host.h"
#include "util/xalloc.h"

enum {
	PATH_LIMIT = 4096,		/* octets */
	NAME_LIMIT = 256,
	TICK = 20			/* ms between looks at the lock */
};

/* ---- the directory ---- */

int tokenfile_where(struct buf *out, struct error *err)
{
	if (!host_directory("XDG_STATE_HOME", "/.local/state", out))
		return error_set(err, ERROR_CONFIG, "there is no home directory "
				 "to keep OAuth 2 tokens in: set HOME or "
				 "XDG_STATE_HOME");
	buf_addz(out, "/posthaste/oauth2");
	return 0;
}

int tokenfile_open(struct tokenfile *f, const char *name, bool make,
		   struct error *err)
{
	struct buf path;
	bool missing;
	int ret;

	*f = (struct tokenfile){ .name = name, .dir = -1, .lock = -1,
				 .spare = -1 };
	buf_init(&path, PATH_LIMIT);
	ret = tokenfile_where(&path, err);
	f->path = xstrdup(buf_cstr(&path));
	buf_release(&path);
	if (ret || (make && dir_make(f->path, err)))
		return -1;
	f->dir = dir_open(AT_FDCWD, f->path, f->path, &missing, err);
	if (f->dir >= 0)
		return 0;
	if (!missing)
		return -1;
	return !make ? 0 : error_set(err, ERROR_CREATE, "the directory '%s' "
				     "vanished", f->path);
}

/* ".NAME.lock" and its like: no profile's name begins with a dot. */
static const char *beside(const struct tokenfile *f, const char *what,
			  char out[NAME_LIMIT])
{
	snprintf(out, NAME_LIMIT, ".%s.%s", f->name, what);
	return out;
}

static void drop_spare(struct tokenfile *f)
{
	char name[NAME_LIMIT];

	if (f->spare < 0)
		return;
	unlinkat(f->dir, beside(f, "new", name), 0);
	close(f->spare);
	f->spare = -1;
}

void tokenfile_close(struct tokenfile *f)
{
	drop_spare(f);
	if (f->lock >= 0)
		close(f->lock);
	if (f->dir >= 0)
		close(f->dir);
	free(f->path);
	*f = (struct tokenfile){ .dir = -1, .lock = -1, .spare = -1 };
}

/* ---- reading ---- */

static int check_owner(const struct tokenfile *f, const struct stat *st,
		       struct error *err)
{
	if (!S_ISREG(st->st_mode))
		return error_set(err, ERROR_CONFIG, "'%s/%s' is no regular "
				 "file", f->path, f->name);
	if (st->st_uid != geteuid())
		return error_set(err, ERROR_PERM, "the tokens in '%s/%s' "
				 "belong to uid %lu, not to uid %lu",
				 f->path, f->name, (unsigned long)st->st_uid,
				 (unsigned long)geteuid());
	if (st->st_mode & 077)
		return error_set(err, ERROR_PERM, "others can use the tokens "
				 "in '%s/%s', its mode is %03o: run 'chmod 600 "
				 "%s/%s', and log in anew if somebody did",
				 f->path, f->name,
				 (unsigned)st->st_mode & 0777, f->path,
				 f->name);
	return 0;
}

static ptrdiff_t read_text(const struct tokenfile *f, int fd, char *text,
			   size_t max, struct error *err)
{
	size_t n = 0;

	for (;;) {
		char more;
		ssize_t got = n < max ? read(fd, text + n, max - n) :
					read(fd, &more, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, ERROR_IO, "cannot read '%s/%s': "
					 "%s", f->path, f->name,
					 strerror(errno));
		if (!got)
			return (ptrdiff_t)n;
		if (n == max)
			return error_set(err, ERROR_CONFIG, "'%s/%s' is larger "
					 "than %zu octets", f->path, f->name,
					 max);
		n += (size_t)got;
	}
}

static int cannot_open(const struct tokenfile *f, int error, struct error *err)
{
	if (error == ELOOP)
		return error_set(err, ERROR_PERM, "'%s/%s' is a symbolic link: "
				 "it must be a file of its own", f->path,
				 f->name);
	return error_set(err, error == EACCES ? ERROR_PERM : ERROR_IO,
			 "cannot open '%s/%s': %s", f->path, f->name,
			 strerror(error));
}

ptrdiff_t tokenfile_read(const struct tokenfile *f, char *text, size_t max,
			 bool *missing, struct error *err)
{
	struct stat st;
	ptrdiff_t n = -1;
	int fd = f->dir < 0 ? -1 : openat(f->dir, f->name, O_RDONLY |
			O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*missing = f->dir < 0 || (fd < 0 && errno == ENOENT);
	if (*missing)
		return 0;
	if (fd < 0)
		return cannot_open(f, errno, err);
	if (fstat(fd, &st))
		error_set(err, ERROR_IO, "cannot examine '%s/%s': %s", f->path,
			  f->name, strerror(errno));
	else if (!check_owner(f, &st, err))
		n = read_text(f, fd, text, max, err);
	close(fd);
	return n;
}

/* ---- writing ---- */

static int cannot(const struct tokenfile *f, const char *what,
		  struct error *err)
{
	enum error_kind kind = ERROR_CREATE;
	int why = errno;

	if (why == ENOSPC || why == EDQUOT || why == EFBIG || why == ENFILE ||
	    why == EMFILE)
		kind = ERROR_SPACE;
	else if (why == EACCES || why == EPERM)
		kind = ERROR_PERM;
	else if (why == EIO)
		kind = ERROR_IO;
	return error_set(err, kind, "cannot %s the tokens in '%s/%s': %s",
			 what, f->path, f->name, strerror(why));
}

/* Its own name is said: it may be another's while the tokens are ours. */
static int cannot_lock(const struct tokenfile *f, const char *name,
		       struct error *err)
{
	int why = errno;

	cannot(f, "lock", err);
	return error_set(err, err->kind, "cannot lock '%s/%s': %s", f->path,
			 name, strerror(why));
}

int tokenfile_lock(struct tokenfile *f, int64_t deadline, struct error *err)
{
	char name[NAME_LIMIT];

	f->lock = openat(f->dir, beside(f, "lock", name), O_RDWR | O_CREAT |
			 O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (f->lock < 0)
		return cannot_lock(f, name, err);
	while (flock(f->lock, LOCK_EX | LOCK_NB)) {
		int64_t next = clock_ms() + TICK;

		if (errno != EWOULDBLOCK && errno != EINTR)
			return cannot_lock(f, beside(f, "lock", name), err);
		if (!clock_left(deadline))
			return error_set(err, ERROR_NET, "another process is "
					 "renewing the token of '%s', and did "
					 "not finish in time", f->name);
		clock_sleep(next < deadline ? next : deadline);
	}
	return 0;
}

int tokenfile_reserve(struct tokenfile *f, size_t n, struct error *err)
{
	char name[NAME_LIMIT];

	drop_spare(f);
	/* Of somebody who was killed; we have the lock. */
	unlinkat(f->dir, beside(f, "new", name), 0);
	f->spare = openat(f->dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
			  O_CLOEXEC, 0600);
	if (f->spare < 0)
		return cannot(f, "make room for", err);
	do
		errno = posix_fallocate(f->spare, 0, (off_t)n);
	while (errno == EINTR);
	/* Where no space can be promised, there is none to be missed. */
	if (errno && errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS) {
		cannot(f, "make room for", err);
		drop_spare(f);
		return -1;
	}
	return 0;
}

static int write_text(int fd, struct str text)
{
	off_t at = 0;

	while (text.n) {
		ssize_t n = pwrite(fd, text.p, text.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		text.p += n;
		text.n -= (size_t)n;
	}
	return ftruncate(fd, at);
}

void tokenfile_note(const struct tokenfile *f, struct str text)
{
	if (ftruncate(f->lock, 0) || write_text(f->lock, text))
		(void)!ftruncate(f->lock, 0);
}

size_t tokenfile_noted(const struct tokenfile *f, char *text, size_t max)
{
	ssize_t n = pread(f->lock, text, max, 0);

	return n > 0 ? (size_t)n : 0;
}

int tokenfile_replace(struct tokenfile *f, struct str text,
		      struct error *err)
{
	char name[NAME_LIMIT];

	if (f->spare < 0 && tokenfile_reserve(f, text.n, err))
		return -1;
	if (write_text(f->spare, text) || fsync(f->spare) ||
	    renameat(f->dir, beside(f, "new", name), f->dir, f->name)) {
		cannot(f, "save", err);
		drop_spare(f);
		return -1;
	}
	close(f->spare);
	f->spare = -1;
	return fsync(f->dir) ? cannot(f, "save", err) : 0;
}
