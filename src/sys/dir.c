#include "sys/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "util/xalloc.h"

static enum error_kind kind_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return ERROR_PERM;
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return ERROR_SPACE;
	}
	return ERROR_CREATE;
}

/* A new name is on the disk only when its directory was written. */
static void sync_parent(char *path)
{
	char *slash = strrchr(path, '/');
	int fd;

	if (!slash)
		return;
	*slash = '\0';
	fd = open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static int make_one(char *path, struct error *err)
{
	struct stat st;

	if (!mkdir(path, 0700)) {
		sync_parent(path);
		return 0;
	}
	/* Where it exists, a file system may say first that it is read-only. */
	if (errno == EEXIST || !lstat(path, &st))
		return 0;
	return error_set(err, kind_of(errno), "cannot create the directory "
			 "'%s': %s", path, strerror(errno));
}

int dir_make(const char *path, struct error *err)
{
	char *copy = xstrdup(path);
	struct stat st;
	int ret = 0;

	if (lstat(path, &st)) {
		for (char *p = copy; !ret && *p; p++) {
			if (p == copy || *p != '/' || p[-1] == '/')
				continue;
			*p = '\0';
			ret = stat(copy, &st) ? make_one(copy, err) : 0;
			*p = '/';
		}
		if (!ret)
			ret = make_one(copy, err);
	}
	free(copy);
	return ret;
}

static int refuse_open(int error, const char *shown, struct error *err)
{
	enum error_kind kind;

	if (error == ELOOP || error == ENOTDIR)
		return error_set(err, ERROR_PERM, "'%s' is a symbolic link or "
				 "no directory: it must be a directory of its "
				 "own", shown);
	kind = kind_of(error);
	return error_set(err, kind == ERROR_CREATE ? ERROR_IO : kind,
			 "cannot open the directory '%s': %s", shown,
			 strerror(error));
}

static int check_private(int fd, const char *shown, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return error_set(err, ERROR_IO, "cannot examine '%s': %s",
				 shown, strerror(errno));
	if (st.st_uid != geteuid())
		return error_set(err, ERROR_PERM, "the directory '%s' belongs "
				 "to uid %lu, not to uid %lu, who would use it",
				 shown, (unsigned long)st.st_uid,
				 (unsigned long)geteuid());
	if (st.st_mode & 077)
		return error_set(err, ERROR_PERM, "the directory '%s' is open "
				 "to others, its mode is %03o: run 'chmod 700 "
				 "%s'", shown, (unsigned)st.st_mode & 0777,
				 shown);
	return 0;
}

int dir_open(int at, const char *name, const char *shown, bool *missing,
	     struct error *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);

	while (fd < 0 && errno == EINTR)
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			    O_CLOEXEC);
	*missing = fd < 0 && errno == ENOENT;
	if (*missing)
		return -1;
	if (fd < 0)
		return refuse_open(errno, shown, err);
	if (check_private(fd, shown, err)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool dir_volatile(int fd)
{
#ifdef __linux__
	enum { TMPFS = 0x01021994 };
	const uint32_t ramfs = 0x858458f6;
	struct statfs fs;

	return !fstatfs(fd, &fs) && ((uint32_t)fs.f_type == TMPFS ||
				     (uint32_t)fs.f_type == ramfs);
#else
	(void)fd;
	return false;
#endif
}

static int each_of(DIR *d, const char *shown,
		   int (*each)(void *ctx, const char *name, struct error *err),
		   void *ctx, struct error *err)
{
	for (;;) {
		const struct dirent *e;
		int ret;

		errno = 0;
		e = readdir(d);
		if (!e && errno == EINTR)
			continue;
		if (!e)
			return !errno ? 0 : error_set(err, ERROR_IO, "cannot "
				"read the directory '%s': %s", shown,
				strerror(errno));
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		ret = each(ctx, e->d_name, err);
		if (ret)
			return ret;
	}
}

int dir_each(int fd, const char *shown,
	     int (*each)(void *ctx, const char *name, struct error *err),
	     void *ctx, struct error *err)
{
	/* A description of its own: two listings do not share an offset. */
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	int ret;

	if (!d) {
		ret = error_set(err, ERROR_IO, "cannot read the directory "
				"'%s': %s", shown, strerror(errno));
		if (own >= 0)
			close(own);
		return ret;
	}
	ret = each_of(d, shown, each, ctx, err);
	closedir(d);
	return ret;
}

int signals_hold(sigset_t *old)
{
	sigset_t all;

	sigfillset(&all);
	return sigprocmask(SIG_BLOCK, &all, old);
}

void signals_release(const sigset_t *old)
{
	sigprocmask(SIG_SETMASK, old, NULL);
}
