#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/clock.h"

enum { CHUNK = 16 << 10 };	/* octets read at a time */

static int cannot_open(const char *path, struct file_facts *facts,
		       struct error *err)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		facts->missing = true;
		return 0;
	case EACCES:
	case EPERM:
		facts->denied = true;
		return error_set(err, ERROR_PERM, "'%s' exists but cannot be "
				 "read by uid %lu: %s", path,
				 (unsigned long)geteuid(), strerror(errno));
	case ENXIO:
		return error_set(err, ERROR_CONFIG, "'%s' is not a regular "
				 "file", path);
	}
	return error_set(err, ERROR_IO, "cannot open '%s': %s", path,
			 strerror(errno));
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int read_all(int fd, struct buf *out)
{
	for (;;) {
		size_t left = out->max - out->len;
		/* What slurp_fd() made room for first: growing would leave a
		 * copy of what may be a secret behind. */
		size_t spare = out->cap ? out->cap - out->len - 1 : 0;
		size_t want = least(left, spare ? spare : CHUNK);
		char *to = buf_room(out, want);
		char more;
		ssize_t n;

		/* Full: one octet more tells whether that was all. */
		n = want ? read(fd, to, want) : read(fd, &more, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		if (!want) {
			out->over = true;
			return 0;
		}
		buf_grew(out, (size_t)n);
	}
}

/* "-C /dev/null" is how people say: no file at all. */
static bool is_null(const struct stat *st)
{
	struct stat null;

	return S_ISCHR(st->st_mode) && !stat("/dev/null", &null) &&
		S_ISCHR(null.st_mode) && null.st_rdev == st->st_rdev;
}

static int slurp_fd(int fd, const char *path, struct buf *out,
		    struct file_facts *facts, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return error_set(err, ERROR_IO, "cannot examine '%s': %s",
				 path, strerror(errno));
	facts->uid = st.st_uid;
	facts->mode = st.st_mode;
	if (S_ISDIR(st.st_mode))
		return error_set(err, ERROR_CONFIG, "'%s' is a directory, not "
				 "a file", path);
	if (is_null(&st)) {
		/* Open to all, but nobody can put anything into it. */
		facts->mode &= ~(mode_t)(S_IRWXG | S_IRWXO);
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_CONFIG, "'%s' is not a regular "
				 "file", path);
	/* What cannot fit costs no memory. */
	if ((uintmax_t)st.st_size > out->max - out->len)
		out->over = true;
	else
		buf_room(out, least((size_t)st.st_size + 1,
				    out->max - out->len));
	if (!out->over && read_all(fd, out))
		return error_set(err, ERROR_IO, "cannot read '%s': %s", path,
				 strerror(errno));
	if (out->over)
		return error_set(err, ERROR_CONFIG, "'%s' is larger than %zu "
				 "octets", path, out->max);
	return 0;
}

int file_slurp(const char *path, struct buf *out, struct file_facts *facts,
	       struct error *err)
{
	/* Non-blocking, so that opening a FIFO does not wait for a writer. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int ret;

	*facts = (struct file_facts){ 0 };
	if (fd < 0)
		return cannot_open(path, facts, err);
	ret = slurp_fd(fd, path, out, facts, err);
	close(fd);
	return ret;
}

/*
 * What the service manager put into $CREDENTIALS_DIRECTORY is closed to
 * others by an access list, whose mask looks like permissions for the group.
 */
static bool is_credential(const char *path)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir ? strlen(dir) : 0;

	return n > 1 && *dir == '/' && !strncmp(path, dir, n) &&
	       path[n] == '/' && !strstr(path + n, "/../");
}

int file_check_private(const char *path, const struct file_facts *facts,
		       struct error *err)
{
	mode_t others = S_IRWXG | S_IRWXO;

	if (is_credential(path))
		others &= ~(mode_t)S_IRGRP;
	if (facts->uid != geteuid() && facts->uid != 0)
		return error_set(err, ERROR_PERM, "'%s' holds a secret but "
				 "belongs to uid %lu: run 'chown %lu %s'", path,
				 (unsigned long)facts->uid,
				 (unsigned long)geteuid(), path);
	if (facts->mode & others)
		return error_set(err, ERROR_PERM, "'%s' holds a secret but "
				 "its mode %03o opens it to others: run "
				 "'chmod 600 %s'", path,
				 (unsigned)facts->mode & 0777, path);
	return 0;
}

int file_read_fd(int fd, struct buf *out, int64_t deadline, const char *what,
		 struct error *err)
{
	while (!out->over) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = poll(&p, 1, clock_left(deadline));
		char piece[512];
		ssize_t n;

		if (!ready)
			return error_set(err, ERROR_NET, "%s: nothing came in "
					 "time", what);
		n = ready < 0 ? -1 : read(fd, piece, sizeof(piece));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return error_set(err, ERROR_IO, "%s: cannot be read: %s",
					 what, strerror(errno));
		if (!n)
			break;
		buf_add(out, (struct str){ piece, (size_t)n });
		explicit_bzero(piece, (size_t)n);
	}
	return 0;
}

int file_in_memory(struct str text, char path[FILE_MEMORY_PATH])
{
	int fd = memfd_create("posthaste", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return -1;
		}
		text.p += n;
		text.n -= (size_t)n;
	}
	snprintf(path, FILE_MEMORY_PATH, "/proc/self/fd/%d", fd);
	return fd;
}
