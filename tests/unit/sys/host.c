#include "sys/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pwd.h>
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
	{ NOBODY_HAS, { "LOGNAME=j\xff", NULL }, "uid54321||" },
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

static void answer(void (*f)(struct buf *out), struct buf *b)
{
	buf_reset(b);
	f(b);
}

/* The same in this process, whoever runs it. */
static void who_i_am(void **state)
{
	struct passwd *pw = getpwuid(getuid());
	struct buf b;

	(void)state;
	if (!pw)
		skip();
	buf_init(&b, 1000);
	answer(host_login, &b);
	assert_string_equal(buf_cstr(&b), pw->pw_name);
	unsetenv("HOME");
	answer(host_home, &b);
	assert_string_equal(buf_cstr(&b), pw->pw_dir);
	setenv("HOME", "/h", 1);
	answer(host_home, &b);
	assert_string_equal(buf_cstr(&b), "/h");
	buf_reset(&b);
	setenv("XDG_CACHE_HOME", "/c", 1);
	assert_true(host_directory("XDG_CACHE_HOME", "/.cache", &b));
	assert_string_equal(buf_cstr(&b), "/c");
	setenv("XDG_CACHE_HOME", "c", 1);
	buf_reset(&b);
	assert_true(host_directory("XDG_CACHE_HOME", "/.cache", &b));
	assert_string_equal(buf_cstr(&b), "/h/.cache");
	buf_reset(&b);
	setenv("HOME", "h", 1);
	assert_false(host_directory("XDG_CACHE_HOME", "/.cache", &b));
	assert_int_equal(b.len, 0);
	unsetenv("XDG_CACHE_HOME");
	setenv("NAME", "J\xc3\xb6rg ", 1);
	answer(host_full_name, &b);
	assert_string_equal(buf_cstr(&b), "J\xc3\xb6rg");
	setenv("NAME", "a\x7f", 1);
	answer(host_full_name, &b);
	assert_null(strchr(buf_cstr(&b), '\x7f'));
	assert_null(strchr(buf_cstr(&b), ','));
	buf_release(&b);
}

static void gecos(void **state)
{
	static const struct { const char *gecos, *login, *want; } names[] = {
		{ "Test User,,,", "t", "Test User" },
		{ "Test User", "t", "Test User" },
		{ " A & B ,x", "joe", "A Joe B" },
		{ "&", "Joe", "Joe" },
		{ "&", "", "" },
		{ "", "joe", "" },
		{ ",x", "joe", "" },
		{ "J\xc3\xb6rg", "j", "J\xc3\xb6rg" },
		{ "a\nb", "j", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct buf b;

		buf_init(&b, 100);
		host_gecos(names[i].gecos, names[i].login, &b);
		if (strcmp(buf_cstr(&b), names[i].want))
			fail_msg("%s: %s", names[i].gecos, buf_cstr(&b));
		buf_release(&b);
	}
}

static void hosts_file(void **state)
{
	static const char text[] =
		"127.0.0.1\tlocalhost.localdomain localhost\n"
		"# 192.0.2.1 no.example no\n"
		"192.0.2.2 mx.example.org  mx\n"
		"192.0.2.3\tbox box.example.net # mx.example.com\n"
		"192.0.2.4 short\n"
		"192.0.2.5 localhost.box two.example.org two";
	static const struct { const char *host, *want; } hosts[] = {
		{ "mx", "mx.example.org" }, { "MX", "mx.example.org" },
		{ "box", "box.example.net" }, { "short", "" },
		{ "no", "" }, { "localhost", "" }, { "192.0.2.2", "" },
		{ "two", "two.example.org" }, { "m", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
		if (!str_eq(host_in_hosts(str_of(text), str_of(hosts[i].host)),
			    str_of(hosts[i].want)))
			fail_msg("%s", hosts[i].host);
}

static void names_of_hosts(void **state)
{
	static const struct { const char *name; bool good; } names[] = {
		{ "mx", true }, { "mx.example.org", true },
		{ "localhostess", true },
		{ "b\xc3\xbc" "cher.example", true },
		{ "", false }, { ".mx", false }, { "mx.", false },
		{ "localhost", false }, { "LOCALHOST.localdomain", false },
		{ "a b", false }, { "a@b", false }, { "a\tb", false },
		{ "(none)", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (host_is_name(str_of(names[i].name)) != names[i].good)
			fail_msg("%s", names[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configured_wins),
		cmocka_unit_test(a_name_is_found),
		cmocka_unit_test(who_i_am),
		cmocka_unit_test(gecos),
		cmocka_unit_test(hosts_file),
		cmocka_unit_test(names_of_hosts),
		cmocka_unit_test(who_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
