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

/* What cannot be had at all: the error says where it was tried first. */
static void nowhere_to_go(void **state)
{
	char name[5000];
	struct rlimit old, none;
	struct error err = { 0 };
	int fd, ret;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 0;
	setenv("TMPDIR", "/nonexistent", 1);
	setrlimit(RLIMIT_NOFILE, &none);
	ret = tempfile_open(&err);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(ret, -1);
	assert_int_equal(err.kind, ERROR_CREATE);
	assert_non_null(strstr(err.text, "'/nonexistent'"));
	assert_non_null(strstr(err.text, "TMPDIR"));
	/* A name of more than a path may have is no reason to fail. */
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	setenv("TMPDIR", name, 1);
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
		cmocka_unit_test(nowhere_to_go),
		cmocka_unit_test(full_is_not_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
