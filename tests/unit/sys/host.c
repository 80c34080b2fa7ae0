#include "sys/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/str.h"

static void configured_wins(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	host_mailname("mail.example.org", &b);
	assert_string_equal(buf_cstr(&b), "mail.example.org");
	buf_release(&b);
}

/* Whatever this host is called, it is a domain and not localhost. */
static void a_name_is_found(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	host_mailname("", &b);
	assert_true(b.len > 2);
	assert_non_null(strchr(buf_cstr(&b), '.'));
	assert_null(strpbrk(buf_cstr(&b), " \t\n@"));
	assert_false(str_casestarts(buf_str(&b), STR("localhost")));
	buf_release(&b);
}

/* The answers of a process with this uid (if root) and environment. */
static void ask(unsigned uid, const char *const env[], char *got, size_t n)
{
	int fd[2], status;
	pid_t pid;
	ssize_t len;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		struct buf b;

		clearenv();
		for (; *env; env++)
			putenv((char *)(uintptr_t)*env);
		if (setuid(uid))
			_exit(1);
		buf_init(&b, 1000);
		host_login(&b);
		buf_addch(&b, '|');
		host_full_name(&b);
		buf_addch(&b, '|');
		host_home(&b);
		if (write(fd[1], b.p, b.len) < 0)
			_exit(1);
		buf_release(&b);
		_exit(0);
	}
	close(fd[1]);
	len = read(fd[0], got, n - 1);
	assert_true(len > 0);
	got[len] = '\0';
	close(fd[0]);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

enum { NOBODY_HAS = 54321 };	/* a uid without a passwd entry */

static const struct {
	unsigned uid;
	const char *env[5];
	const char *want;
} rows[] = {
	{ 0, { NULL }, "root|root|/root" },
	{ 0, { "HOME=/h", "LOGNAME=x", "USER=y", NULL }, "root|root|/h" },
	{ 0, { "NAME= A B ", "HOME=", NULL }, "root|A B|/root" },
	{ 0, { "NAME=A\nB", NULL }, "root|root|/root" },
	{ NOBODY_HAS, { NULL }, "uid54321||" },
	{ NOBODY_HAS, { "LOGNAME=svc", "USER=y", NULL }, "svc||" },
	{ NOBODY_HAS, { "LOGNAME=", "USER=y", "HOME=/h", NULL }, "y||/h" },
	{ NOBODY_HAS, { "LOGNAME=a b", NULL }, "uid54321||" },
	{ NOBODY_HAS, { "LOGNAME=a@b", "USER=a\nb", NULL }, "uid54321||" },
};

static void who_we_are(void **state)
{
	(void)state;
	if (getuid())
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char got[1000];

		ask(rows[i].uid, rows[i].env, got, sizeof(got));
		if (strcmp(got, rows[i].want))
			fail_msg("row %zu: %s", i, got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configured_wins),
		cmocka_unit_test(a_name_is_found),
		cmocka_unit_test(who_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
