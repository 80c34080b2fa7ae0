#include "net/known.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/file.h"
#include "util/str.h"
#include "util/xalloc.h"

enum {
	FILE_MAX = 1 << 20,		/* bytes; some 5,000 relays */
	LOCK_WAIT = 5,			/* seconds */
	LOCK_RETRY = 20			/* ms */
};

/* ---- reading ---- */

/* Append all of `file` to *to; a missing one is empty. */
static int load(const char *file, struct buf *to, struct error *err)
{
	struct file_facts facts;

	if (file_slurp(file, to, &facts, err))
		return -1;
	if (!facts.missing && ((facts.uid != geteuid() && facts.uid != 0) ||
			       facts.mode & 022))
		return error_set(err, ERROR_PERM, "'%s' could be changed by "
				 "other users: chmod go-w it, and own it", file);
	return 0;
}

static enum known find(struct str text, const struct known_relay *r,
		       struct buf *stored)
{
	enum known found = KNOWN_NEW;

	while (text.n) {
		struct str line = str_cut(&text, '\n');
		struct str key = str_word(&line, " \t\r");
		struct str cert = str_word(&line, " \t\r");
		struct str pin = str_word(&line, " \t\r");

		if (!key.n || key.p[0] == '#' ||
		    !str_caseeq(key, str_of(r->key)))
			continue;
		if (str_caseeq(cert, str_of(r->fingerprint)) ||
		    (pin.n && str_eq(pin, str_of(r->pin))))
			return KNOWN_SAME;
		if (found == KNOWN_NEW)
			buf_add(stored, cert);
		found = KNOWN_CHANGED;
	}
	return found;
}

int known_find(const char *file, const struct known_relay *r,
	       enum known *out, struct buf *stored, struct error *err)
{
	struct buf text;
	int ret;

	buf_init(&text, FILE_MAX);
	ret = load(file, &text, err);
	if (!ret)
		*out = find(buf_str(&text), r, stored);
	buf_release(&text);
	return ret;
}

/* ---- writing ---- */

/* Open the directory `file` is in, making what is missing of the way there. */
static int open_dir(const char *file, struct error *err)
{
	char *dir = xstrdup(file);
	char *slash = strrchr(dir, '/');
	int fd;

	if (slash)
		slash[slash == dir] = '\0';
	for (char *p = dir + 1; slash && slash != dir && *p; p++)
		if (*p == '/') {
			*p = '\0';
			mkdir(dir, 0700);
			*p = '/';
		}
	if (slash)
		mkdir(dir, 0700);
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error_set(err, ERROR_CREATE, "cannot open directory '%s': %s",
			  slash ? dir : ".", strerror(errno));
	free(dir);
	return fd;
}

static int lock_wait(int fd, int64_t deadline)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	while (fcntl(fd, F_OFD_SETLK, &all)) {
		if ((errno != EAGAIN && errno != EINTR) ||
		    !clock_left(deadline))
			return -1;
		poll(NULL, 0, LOCK_RETRY);
	}
	return 0;
}

/*
 * Open and lock the file, made if it is missing.  Since it is replaced by
 * every change, it has to be the one of that name still once the lock is ours.
 */
static int lock(int dir, const char *base, int64_t deadline)
{
	struct stat held, named;
	int fd, error;

	for (;;) {
		fd = openat(dir, base, O_RDWR | O_CREAT | O_NOFOLLOW |
			    O_CLOEXEC, 0600);
		if (fd < 0)
			return -1;
		if (lock_wait(fd, deadline) || fstat(fd, &held))
			break;
		if (!fstatat(dir, base, &named, AT_SYMLINK_NOFOLLOW) &&
		    held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			s.p += n;
			s.n -= (size_t)n;
		}
	}
	return fsync(fd);
}

static const char *base_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

/* Replace `file`, which is in `dir`, by text. */
static int replace(int dir, const char *file, struct str text,
		   struct error *err)
{
	char tmp[64];
	int fd;

	snprintf(tmp, sizeof(tmp), ".known.%ld.tmp", (long)getpid());
	unlinkat(dir, tmp, 0);		/* left by a crash, under our own pid */
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set(err, ERROR_CREATE, "cannot write beside "
				 "'%s': %s", file, strerror(errno));
	if (write_all(fd, text) || renameat(dir, tmp, dir, base_of(file))) {
		error_set(err, ERROR_IO, "cannot write '%s': %s", file,
			  strerror(errno));
		close(fd);
		unlinkat(dir, tmp, 0);
		return -1;
	}
	close(fd);
	fsync(dir);
	return 0;
}

static int add_locked(int dir, const char *file, const struct known_relay *r,
		      struct error *err)
{
	struct buf text, stored;
	int ret = -1;

	buf_init(&text, FILE_MAX);
	buf_init(&stored, FILE_MAX);
	if (load(file, &text, err))
		goto out;
	switch (find(buf_str(&text), r, &stored)) {
	case KNOWN_SAME:
		ret = 0;
		break;
	case KNOWN_CHANGED:
		error_set(err, ERROR_CERT, "'%s' has meanwhile got another "
			  "certificate for '%s': %.100s", file, r->key,
			  buf_cstr(&stored));
		break;
	case KNOWN_NEW:
		if (text.len && text.p[text.len - 1] != '\n')
			buf_addch(&text, '\n');
		buf_addf(&text, "%s %s %s\n", r->key, r->fingerprint, r->pin);
		ret = text.over ? error_set(err, ERROR_IO, "'%s' is full", file)
				: replace(dir, file, buf_str(&text), err);
	}
out:
	buf_release(&text);
	buf_release(&stored);
	return ret;
}

int known_add(const char *file, const struct known_relay *r,
	      struct error *err)
{
	int dir = open_dir(file, err);
	int held, ret = -1;

	if (dir < 0)
		return -1;
	held = lock(dir, base_of(file), clock_after(LOCK_WAIT));
	if (held < 0) {
		error_set(err, ERROR_CREATE, "cannot open and lock '%s': %s",
			  file, strerror(errno));
	} else {
		ret = add_locked(dir, file, r, err);
		close(held);
	}
	close(dir);
	return ret;
}
