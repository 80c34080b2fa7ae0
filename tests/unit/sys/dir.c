#include "sys/dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/test-dir.XXXXXX";
static struct error err;

static const char *in_base(const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void making(void **state)
{
	static const char *const ways[] = { "a/b/c", "a/b/c", "a//d/", "e" };
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (dir_make(in_base(ways[i]), &err))
			fail_msg("%s: %s", ways[i], err.text);
		assert_int_equal(stat(in_base(ways[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
	}
	close(open(in_base("file"), O_WRONLY | O_CREAT, 0600));
	assert_int_equal(dir_make(in_base("file/x"), &err), -1);
	assert_int_equal(err.kind, ERROR_CREATE);
	assert_non_null(strstr(err.text, "file/x"));
	assert_int_equal(dir_make("/proc/self/x", &err), -1);
	assert_int_equal(chdir(base), 0);
	assert_int_equal(dir_make("relative/way", &err), 0);
	assert_int_equal(stat(in_base("relative/way"), &st), 0);
}

static void opening(void **state)
{
	bool missing;
	int fd;

	(void)state;
	assert_int_equal(dir_make(in_base("open"), &err), 0);
	fd = dir_open(AT_FDCWD, in_base("open"), "it", &missing, &err);
	assert_true(fd >= 0 && !missing);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	memset(&err, 0, sizeof(err));
	assert_int_equal(dir_open(AT_FDCWD, in_base("nowhere"), "it",
				  &missing, &err), -1);
	assert_true(missing);
	assert_int_equal(err.kind, ERROR_NONE);
	chmod(in_base("open"), 0701);
	assert_int_equal(dir_open(AT_FDCWD, in_base("open"), "the one",
				  &missing, &err), -1);
	assert_false(missing);
	assert_int_equal(err.kind, ERROR_PERM);
	assert_non_null(strstr(err.text, "chmod 700 the one"));
}

static void lasting(void **state)
{
	int shm = open("/dev/shm", O_RDONLY | O_DIRECTORY);
	int proc = open("/proc", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_false(dir_volatile(proc));
	assert_false(dir_volatile(-1));
	if (shm >= 0)
		assert_true(dir_volatile(shm));
	close(proc);
	close(shm);
}

struct seen {
	int dots, others, end;
};

static int see(void *ctx, const char *name, struct error *e)
{
	struct seen *s = ctx;

	(void)e;
	s->dots += *name == '.';
	s->others++;
	return s->others == s->end ? 5 : 0;
}

static void listing(void **state)
{
	struct seen seen = { 0 };
	char name[40];
	int fd;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "list/%d", i);
		if (!i)
			dir_make(in_base("list"), &err);
		close(open(in_base(name), O_WRONLY | O_CREAT, 0600));
	}
	fd = open(in_base("list"), O_RDONLY);
	for (int again = 0; again < 2; again++) {
		seen = (struct seen){ 0 };
		assert_int_equal(dir_each(fd, "it", see, &seen, &err), 0);
		assert_int_equal(seen.others, 3000);
		assert_int_equal(seen.dots, 0);
	}
	seen = (struct seen){ .end = 10 };
	assert_int_equal(dir_each(fd, "it", see, &seen, &err), 5);
	assert_int_equal(seen.others, 10);
	close(fd);
	assert_int_equal(dir_each(-1, "it", see, &seen, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
}

static volatile sig_atomic_t came;

static void note(int signal)
{
	came = signal;
}

static void holding(void **state)
{
	sigset_t outer, inner;

	(void)state;
	signal(SIGUSR1, note);
	assert_int_equal(signals_hold(&outer), 0);
	assert_int_equal(signals_hold(&inner), 0);
	raise(SIGUSR1);
	assert_int_equal(came, 0);
	signals_release(&inner);
	assert_int_equal(came, 0);
	signals_release(&outer);
	assert_int_equal(came, SIGUSR1);
}

static int up(void **state)
{
	(void)state;
	return mkdtemp(base) ? 0 : -1;
}

static int down(void **state)
{
	char command[64];

	(void)state;
	(void)!chdir("/");
	snprintf(command, sizeof(command), "rm -rf %s", base);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(making), cmocka_unit_test(opening),
		cmocka_unit_test(lasting), cmocka_unit_test(listing),
		cmocka_unit_test(holding),
	};

	return cmocka_run_group_tests(tests, up, down);
}
