#include "sys/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/clock.h"

static char path[] = "/tmp/file-XXXXXX";

static void fill(size_t n)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void up_to_the_ceiling(void **state)
{
	static const struct { size_t size, max; bool fits; } rows[] = {
		{ 0, 10, true }, { 9, 10, true }, { 10, 10, true },
		{ 11, 10, false }, { 20000, 40000, true }, { 20000, 19999, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct file_facts facts;
		struct error err = { 0 };
		struct buf b;
		int ret;

		fill(rows[i].size);
		buf_init(&b, rows[i].max);
		ret = file_slurp(path, &b, &facts, &err);
		if ((ret == 0) != rows[i].fits)
			fail_msg("%zu of %zu: %s", rows[i].size, rows[i].max,
				 err.text);
		if (!ret) {
			assert_int_equal(b.len, rows[i].size);
			assert_int_equal(facts.mode & 0777, 0600);
			assert_int_equal(facts.uid, geteuid());
			assert_false(facts.missing);
		} else {
			assert_int_equal(err.kind, ERROR_CONFIG);
			assert_int_equal(b.cap, 0);	/* not a bit of it */
		}
		buf_release(&b);
	}
}

/* The kernel says 0 octets, and yet there are some. */
static void files_that_lie_about_their_size(void **state)
{
	struct file_facts facts;
	struct error err = { 0 };
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(file_slurp("/proc/self/status", &b, &facts, &err), 0);
	assert_non_null(strstr(buf_cstr(&b), "VmSize"));
	buf_release(&b);
}

static void not_a_file(void **state)
{
	static const struct { const char *path; bool missing; } rows[] = {
		{ "/nonexistent/x", true }, { "/etc/passwd/x", true },
		{ "/tmp", false }, { "/dev/zero", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct file_facts facts;
		struct error err = { 0 };
		struct buf b;
		int ret;

		buf_init(&b, 100);
		ret = file_slurp(rows[i].path, &b, &facts, &err);
		if (facts.missing != rows[i].missing ||
		    (ret == 0) != rows[i].missing)
			fail_msg("%s: %s", rows[i].path, err.text);
		buf_release(&b);
	}
}

static void nothing_at_all(void **state)
{
	struct file_facts facts;
	struct error err = { 0 };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(file_slurp("/dev/null", &b, &facts, &err), 0);
	assert_false(facts.missing);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

/* There, but not to be read: each with its kind. */
static void what_cannot_be_read(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[300];
	const struct { const char *path; enum error_kind kind; } rows[] = {
		{ sun.sun_path, ERROR_CONFIG },	/* a socket */
		{ name, ERROR_IO },		/* too long */
		{ "/proc/self/mem", ERROR_IO },	/* nothing is at 0 */
	};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s.sock", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct file_facts facts;
		struct error err = { 0 };
		struct buf b;

		buf_init(&b, 1000);
		if (file_slurp(rows[i].path, &b, &facts, &err) != -1 ||
		    err.kind != rows[i].kind || facts.missing || facts.denied)
			fail_msg("%s: %d %s", rows[i].path, (int)err.kind,
				 err.text);
		buf_release(&b);
	}
	unlink(sun.sun_path);
	close(fd);
}

static void private(void **state)
{
	static const struct { bool ours; mode_t mode; const char *says; } rows[] = {
		{ true, 0100600, NULL }, { true, 0100400, NULL },
		{ true, 0100640, "mode 640 opens it to others: run 'chmod 600 f'" },
		{ true, 0100601, "chmod" }, { true, 0100602, "chmod" },
		{ false, 0100600, "chown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct file_facts facts = { .mode = rows[i].mode,
			.uid = rows[i].ours ? geteuid() : geteuid() + 7 };
		struct error err = { 0 };
		int ret = file_check_private("f", &facts, &err);

		if ((ret == 0) != !rows[i].says ||
		    (ret && (err.kind != ERROR_PERM ||
			     !strstr(err.text, rows[i].says))))
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void descriptors(void **state)
{
	struct error err = { 0 };
	struct buf b;
	int fd[2];

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "abc", 3), 3);
	assert_int_equal(file_read_fd(fd[0], &b, clock_ms() + 50, "it", &err),
			 -1);
	assert_int_equal(err.kind, ERROR_NET);
	assert_string_equal(buf_cstr(&b), "abc");
	assert_int_equal(write(fd[1], "de", 2), 2);
	close(fd[1]);
	assert_int_equal(file_read_fd(fd[0], &b, CLOCK_NEVER, "it", &err), 0);
	assert_string_equal(buf_cstr(&b), "abcde");
	assert_false(b.over);
	close(fd[0]);
	assert_int_equal(file_read_fd(fd[0], &b, CLOCK_NEVER, "it", &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	buf_release(&b);
}

static void in_memory(void **state)
{
	char name[FILE_MEMORY_PATH];
	int fd = file_in_memory(STR("text"), name);
	char got[10] = "";
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	f = fopen(name, "r");
	assert_non_null(f);
	assert_non_null(fgets(got, sizeof(got), f));
	assert_string_equal(got, "text");
	fclose(f);
	close(fd);
}

static int make(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0 ? -1 : 0;
}

static int take_away(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_the_ceiling),
		cmocka_unit_test(files_that_lie_about_their_size),
		cmocka_unit_test(not_a_file),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(private),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(in_memory),
	};

	return cmocka_run_group_tests(tests, make, take_away);
}
