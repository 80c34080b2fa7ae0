#include "sys/tempfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool no_space(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/* Where the file system or the kernel knows no files without a name. */
static int open_and_unlink(const char *dir)
{
	char path[4096];
	int fd, n;

	n = snprintf(path, sizeof(path), "%s/posthaste.XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int open_in(const char *dir)
{
#ifdef O_TMPFILE
	int fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
#endif
	return open_and_unlink(dir);
}

int tempfile_open(struct error *err)
{
	const char *dirs[] = { getenv("TMPDIR"), "/tmp", "/var/tmp" };
	const char *tried = "/tmp";
	int why = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		int fd;

		if (!dirs[i] || !*dirs[i])
			continue;
		fd = open_in(dirs[i]);
		if (fd >= 0)
			return fd;
		if (!why) {
			why = errno;
			tried = dirs[i];
		}
	}
	return error_set(err, no_space(why) ? ERROR_SPACE : ERROR_CREATE,
			 "cannot create a temporary file in '%s': %s "
			 "(TMPDIR says where)", tried, strerror(why));
}

int tempfile_write(int fd, const char *p, size_t n, struct error *err)
{
	while (n) {
		ssize_t got = write(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, no_space(errno) ? ERROR_SPACE :
					 ERROR_IO, "cannot write the temporary "
					 "file: %s", strerror(errno));
		p += got;
		n -= (size_t)got;
	}
	return 0;
}
