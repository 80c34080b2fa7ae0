#include "net/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/test-known.XXXXXX";
static char file[64];

static const struct known_relay relay = {
	"mail.test:465", "sha256:aa11", "sha256:Key="
};

static void put(const char *text, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char *get(void)
{
	static char b[4096];
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(b, 1, sizeof(b) - 1, f) : 0;

	if (f)
		fclose(f);
	b[n] = '\0';
	return b;
}

static const struct {
	const char *name, *text;
	enum known is;
	const char *stored;
} rows[] = {
	{ "empty", "", KNOWN_NEW, "" },
	{ "same", "mail.test:465 sha256:aa11 sha256:Key=\n", KNOWN_SAME, "" },
	{ "no last newline", "mail.test:465 sha256:aa11", KNOWN_SAME, "" },
	{ "case", "MAIL.test:465 SHA256:AA11\n", KNOWN_SAME, "" },
	{ "blanks", " \tmail.test:465\t \tsha256:aa11\r\n", KNOWN_SAME, "" },
	{ "other port", "mail.test:587 sha256:aa11 sha256:Key=\n",
	  KNOWN_NEW, "" },
	{ "prefix", "mail.test:4650 sha256:aa11\n", KNOWN_NEW, "" },
	{ "comment", "# mail.test:465 sha256:bb\n#mail.test:465 sha256:bb\n",
	  KNOWN_NEW, "" },
	{ "changed", "a:1 x y\nmail.test:465 sha256:bb sha256:Other=\n",
	  KNOWN_CHANGED, "sha256:bb" },
	{ "key in another case is another key",
	  "mail.test:465 sha256:bb sha256:key=\n", KNOWN_CHANGED,
	  "sha256:bb" },
	{ "renewed with the same key",
	  "mail.test:465 sha256:bb sha256:Key=\n", KNOWN_SAME, "" },
	{ "one of two", "mail.test:465 sha256:bb\nmail.test:465 sha256:aa11\n",
	  KNOWN_SAME, NULL },
	{ "nothing on the line", "mail.test:465\n", KNOWN_CHANGED, "" },
	{ "cut fingerprint", "mail.test:465 sha256:aa1\n", KNOWN_CHANGED,
	  "sha256:aa1" },
};

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		enum known is = KNOWN_NEW;
		struct buf stored;

		buf_init(&stored, 1000);
		put(rows[i].text, 0600);
		assert_int_equal(known_find(file, &relay, &is, &stored, &err),
				 0);
		if (is != rows[i].is)
			fail_msg("%s: %d", rows[i].name, (int)is);
		if (rows[i].stored)
			assert_string_equal(buf_cstr(&stored),
					    rows[i].stored);
		buf_release(&stored);
	}
	unlink(file);
}

static void test_add(void **state)
{
	struct error err = { 0 };
	struct known_relay other = { "b:25", "sha256:bb", "sha256:B=" };
	struct stat st;

	(void)state;
	assert_int_equal(known_add(file, &relay, &err), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	put("# mine\nz:1 sha256:zz", 0600);
	assert_int_equal(known_add(file, &relay, &err), 0);
	assert_int_equal(known_add(file, &other, &err), 0);
	assert_int_equal(known_add(file, &other, &err), 0);
	assert_string_equal(get(),
		"# mine\nz:1 sha256:zz\n"
		"mail.test:465 sha256:aa11 sha256:Key=\n"
		"b:25 sha256:bb sha256:B=\n");
	other.fingerprint = "sha256:cc";
	other.pin = "sha256:C=";
	assert_int_equal(known_add(file, &other, &err), -1);
	assert_int_equal(err.kind, ERROR_CERT);
	assert_non_null(strstr(err.text, "sha256:bb"));
	assert_null(strstr(get(), "sha256:cc"));
	unlink(file);
}

static void test_makes_directories(void **state)
{
	struct error err = { 0 };
	char deep[100], path[100];
	struct stat st;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/a/b/known", dir);
	assert_int_equal(known_add(deep, &relay, &err), 0);
	snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	unlink(deep);
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(rmdir(path), 0);		/* nothing is left */
	snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(known_add("/dev/null/x/known", &relay, &err), -1);
	assert_int_equal(err.kind, ERROR_CREATE);
}

static void test_bad_files(void **state)
{
	struct error err = { 0 };
	enum known is;
	struct buf stored;

	(void)state;
	buf_init(&stored, 1000);
	put("mail.test:465 sha256:aa11\n", 0622);
	assert_int_equal(known_find(file, &relay, &is, &stored, &err), -1);
	assert_int_equal(err.kind, ERROR_PERM);
	assert_int_equal(known_add(file, &relay, &err), -1);
	assert_int_equal(err.kind, ERROR_PERM);
	unlink(file);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_int_equal(known_find(file, &relay, &is, &stored, &err), -1);
	unlink(file);
	assert_int_equal(symlink("/dev/null", file), 0);
	assert_int_equal(known_add(file, &relay, &err), -1);
	unlink(file);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(known_add(file, &relay, &err), -1);
	rmdir(file);
	buf_release(&stored);
}

/* Many at once: each line arrives, none is lost. */
static void test_together(void **state)
{
	enum { WRITERS = 8 };
	char key[20], line[60];
	int status;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		struct known_relay r = { key, "sha256:aa", "sha256:A=" };
		struct error err = { 0 };

		snprintf(key, sizeof(key), "host%d:465", i);
		if (!fork())
			_exit(known_add(file, &r, &err) ? 1 : 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		snprintf(line, sizeof(line),
			 "host%d:465 sha256:aa sha256:A=\n", i);
		assert_non_null(strstr(get(), line));
	}
	unlink(file);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/known", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_makes_directories),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
