#include "sys/tempfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void private_and_nameless(void **state)
{
	struct error err;
	struct stat st;
	char back[4];
	int fd;

	(void)state;
	fd = tempfile_open(&err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(tempfile_write(fd, "text", 4, &err), 0);
	assert_int_equal(pread(fd, back, 4, 0), 4);
	assert_memory_equal(back, "text", 4);
	close(fd);
}

/* Whichever file system /proc is: it holds no files of ours. */
static void goes_where_it_can(void **state)
{
	struct error err;
	int fd;

	(void)state;
	setenv("TMPDIR", "/proc/self", 1);
	fd = tempfile_open(&err);
	assert_true(fd >= 0);
	close(fd);
	unsetenv("TMPDIR");
}

static void full_is_not_broken(void **state)
{
	struct rlimit old, small;
	struct error err;
	int fd, ret;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 2;
	fd = tempfile_open(&err);
	setrlimit(RLIMIT_FSIZE, &small);
	ret = tempfile_write(fd, "text", 4, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	close(fd);
	assert_int_equal(ret, -1);
	assert_int_equal(err.kind, ERROR_SPACE);
	fd = open("/dev/full", O_WRONLY);
	assert_int_equal(tempfile_write(fd, "text", 4, &err), -1);
	assert_int_equal(err.kind, ERROR_SPACE);
	close(fd);
	assert_int_equal(tempfile_write(fd, "text", 4, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(private_and_nameless),
		cmocka_unit_test(goes_where_it_can),
		cmocka_unit_test(full_is_not_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
