#include "sys/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What a guard does lasts, so each case has a process of its own. */
struct child {
	int status;		/* of waitpid(2) */
	char said[400];		/* on its stderr, or by a function below */
};

static struct child run(void (*f)(int to, int arg), int arg)
{
	struct child c = { 0 };
	size_t len = 0;
	int ends[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* Out of the way of descriptors 0 to 2. */
		f(fcntl(ends[1], F_DUPFD, 20), arg);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], c.said + len, sizeof(c.said) - 1 - len)) > 0)
		len += (size_t)n;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &c.status, 0), pid);
	return c;
}

/* Bit n of closed: descriptor n was closed by who started us. */
static void with_closed(int to, int closed)
{
	struct stat null, st;
	bool was;

	for (int fd = 0; fd <= 2; fd++)
		if (closed & 1 << fd)
			close(fd);
	was = guard_descriptors();
	if (was != (closed & 1))
		dprintf(to, "answer ");
	if (stat("/dev/null", &null))
		dprintf(to, "stat ");
	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &st))
			dprintf(to, "closed%d ", fd);
		else if (closed & 1 << fd && st.st_rdev != null.st_rdev)
			dprintf(to, "other%d ", fd);
	if (open("/dev/null", O_RDONLY) <= 2)
		dprintf(to, "low ");
}

static void descriptors(void **state)
{
	(void)state;
	for (int closed = 0; closed < 8; closed++) {
		struct child c = run(with_closed, closed);

		if (*c.said || c.status)
			fail_msg("closed %d: %s, %x", closed, c.said, c.status);
	}
}

/* The table is full: it cannot go on, and says so by its status. */
static void without_room(int to, int arg)
{
	struct rlimit none = { 0, 0 };

	(void)to;
	(void)arg;
	close(1);
	setrlimit(RLIMIT_NOFILE, &none);
	guard_descriptors();
}

static void no_descriptors_left(void **state)
{
	struct child c = run(without_room, 0);

	(void)state;
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 71);
}

static void signalled(int to, int number)
{
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	dup2(to, 2);
	guard_signals("demo");
	raise(number);
	_exit(3);
}

static void signalled_in_doubt(int to, int number)
{
	dup2(to, 2);
	signal(SIGTERM, SIG_DFL);
	guard_signals("demo");
	guard_doubt(true);
	raise(number);
}

static void doubt_is_said(void **state)
{
	struct child c = run(signalled_in_doubt, SIGTERM);

	(void)state;
	assert_string_equal(c.said, "demo: ended by a signal while the verdict "
			    "was awaited; the outcome is unknown\n");
	assert_int_equal(WEXITSTATUS(c.status), 75);
}

static void signals(void **state)
{
	static const char text[] = "demo: ended by a signal; nothing was sent, "
		"try again\n";
	static const struct { int number, status; const char *said; } rows[] = {
		{ SIGTERM, 75, text }, { SIGHUP, 75, text },
		{ SIGPIPE, 3, "" }, { SIGXFSZ, 3, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct child c = run(signalled, rows[i].number);

		if (!WIFEXITED(c.status) ||
		    WEXITSTATUS(c.status) != rows[i].status ||
		    strcmp(c.said, rows[i].said) != 0)
			fail_msg("signal %d: %x '%s'", rows[i].number, c.status,
				 c.said);
	}
}

/* What nohup(1) and others that ignore SIGCHLD hand down. */
static void inherited(int to, int arg)
{
	struct sigaction sa;
	int status;
	pid_t pid;

	(void)arg;
	dup2(to, 2);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	guard_signals("a name that is too long to be said in a farewell of "
		      "ninety-six octets, however it is put");
	raise(SIGHUP);
	raise(SIGTERM);
	dprintf(to, "alive ");
	sigaction(SIGCHLD, NULL, &sa);
	if (sa.sa_handler != SIG_DFL)
		dprintf(to, "SIGCHLD ");
	pid = fork();
	if (!pid)
		_exit(7);
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
		dprintf(to, "wait ");
	if (umask(0) != 077)
		dprintf(to, "umask ");
	signal(SIGTERM, SIG_DFL);
	guard_signals("another name that is too long to be said in a farewell "
		      "of ninety-six octets, however put");
	raise(SIGTERM);
}

static void ignored_stays_ignored(void **state)
{
	struct child c = run(inherited, 0);

	(void)state;
	assert_string_equal(c.said, "alive ");
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 75);
}

/* There with the address sanitizer: its leak check has to look at us. */
extern void __asan_init(void) __attribute__((weak));

static void hide(int to, int arg)
{
	struct rlimit limit;

	(void)arg;
	prctl(PR_SET_DUMPABLE, 1);
	guard_secrets();
	getrlimit(RLIMIT_CORE, &limit);
	dprintf(to, "%d %d", prctl(PR_GET_DUMPABLE), (int)limit.rlim_cur);
}

static void secrets(void **state)
{
	struct child c = run(hide, 0);

	(void)state;
	if (__asan_init)
		skip();
	assert_string_equal(c.said, "0 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors),
		cmocka_unit_test(no_descriptors_left),
		cmocka_unit_test(signals),
		cmocka_unit_test(doubt_is_said),
		cmocka_unit_test(ignored_stays_ignored),
		cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
