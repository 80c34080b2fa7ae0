#include "sys/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/file.h"

static char dir[] = "/tmp/log-XXXXXX";
static char path[64];

static int enter(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* "2026-11-21T20:00:00Z name[123]: text" */
static void check_line(struct str line, const char *text)
{
	static const char shape[] = "9999-99-99T99:99:99Z demo[";
	char end[100];
	size_t i;

	for (i = 0; shape[i]; i++) {
		if (i >= line.n || (shape[i] == '9' ? line.p[i] < '0' ||
				    line.p[i] > '9' : line.p[i] != shape[i]))
			fail_msg("'%.*s'", (int)line.n, line.p);
	}
	snprintf(end, sizeof(end), "%d]: %s", (int)getpid(), text);
	line.p += i;
	line.n -= i;
	if (!str_eq(line, str_of(end)))
		fail_msg("'%.*s' is not '%s'", (int)line.n, line.p, end);
}

static void appends_to_a_private_file(void **state)
{
	struct file_facts facts;
	struct error err = { 0 };
	struct str rest;
	struct buf b;

	(void)state;
	umask(0);
	assert_int_equal(log_lines(path, "demo", STR("one\ntwo\n"), &err), 0);
	assert_int_equal(log_lines(path, "demo", STR("three\n"), &err), 0);
	assert_int_equal(log_lines(path, "demo", STR(""), &err), 0);
	buf_init(&b, 10000);
	assert_int_equal(file_slurp(path, &b, &facts, &err), 0);
	assert_int_equal(facts.mode & 0777, 0600);
	rest = buf_str(&b);
	check_line(str_cut(&rest, '\n'), "one");
	check_line(str_cut(&rest, '\n'), "two");
	check_line(str_cut(&rest, '\n'), "three");
	assert_int_equal(rest.n, 0);
	buf_release(&b);
}

/* {"time":"2026-11-21T20:00:00Z","program":"demo","pid":123,"code":250} */
static void an_object_stays_one(void **state)
{
	static const char shape[] = "{\"time\":\"9999-99-99T99:99:99Z\","
		"\"program\":\"demo\",\"pid\":";
	char want[300], *at = want;
	struct file_facts facts;
	struct error err = { 0 };
	struct buf b;

	(void)state;
	unlink(path);
	assert_int_equal(log_lines(path, "demo", STR("{\"code\":250}\n"),
				   &err), 0);
	buf_init(&b, 10000);
	assert_int_equal(file_slurp(path, &b, &facts, &err), 0);
	snprintf(want, sizeof(want), "%s%d,\"code\":250}\n", shape,
		 (int)getpid());
	for (size_t i = 0; *at && i < b.len; i++, at++)
		if (*at == '9' && i < sizeof(shape) && b.p[i] >= '0' &&
		    b.p[i] <= '9')
			*at = b.p[i];
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
	unlink(path);
}

static void elsewhere(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(log_lines("none", "demo", STR("x\n"), &err), 0);
	assert_int_equal(log_lines("syslog", "demo", STR("a\nb\n"), &err), 0);
	assert_int_equal(access("none", F_OK), -1);
	assert_int_equal(access("syslog", F_OK), -1);
}

static void what_fails_is_named(void **state)
{
	char fifo[80];
	const struct { const char *where, *says; } rows[] = {
		{ "/nonexistent/log", "cannot open log '/nonexistent/log': No "
				      "such file or directory" },
		{ dir, "cannot open log '" },
		{ "/dev/full", "cannot write log '/dev/full': No space left "
			       "on device" },
		{ fifo, "cannot open log '" },	/* that nobody reads */
	};

	(void)state;
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };

		if (log_lines(rows[i].where, "demo", STR("x\ny\n"), &err) != -1 ||
		    err.kind != ERROR_IO || strncmp(err.text, rows[i].says,
						    strlen(rows[i].says)))
			fail_msg("%s: '%s'", rows[i].where, err.text);
	}
	unlink(fifo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_to_a_private_file),
		cmocka_unit_test(an_object_stays_one),
		cmocka_unit_test(elsewhere),
		cmocka_unit_test(what_fails_is_named),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
