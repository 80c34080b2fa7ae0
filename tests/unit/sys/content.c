#include "sys/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/intake.h"
#include "sys/tempfile.h"

#define A "\xc3\xa4"
#define UNIQUE "unique-123"

/* A descriptor at the start of a file that holds this. */
static int file_of(const char *text, size_t times)
{
	struct error err;
	int fd = tempfile_open(&err);

	assert_true(fd > 2);
	while (times--)
		assert_int_equal(tempfile_write(fd, text, strlen(text), &err),
				 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* A pipe with this in it, which must fit. */
static int pipe_of(const char *text)
{
	int fd[2];
	ssize_t n = (ssize_t)strlen(text);

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], text, strlen(text)), n);
	close(fd[1]);
	return fd[0];
}

/* What the part will be, wherever it is. */
static char *all_of(const struct content *c, size_t *n)
{
	struct error err;
	struct part p = { .fd = -1 };
	char *all;

	content_fill(c, &p);
	*n = p.fd < 0 ? p.text.n : (size_t)p.len;
	all = calloc(1, *n + 1);
	assert_non_null(all);
	if (p.fd < 0)
		memcpy(all, p.text.p ? p.text.p : "", *n);
	else
		assert_int_equal(intake_pread(p.fd, p.at, all, *n, &err), 0);
	assert_int_equal(p.scanned, c->scanned);
	assert_true(!p.scanned || p.facts.size == *n);
	return all;
}

static const struct {
	const char *name;
	const char *set, *in;
	const char *want;	/* NULL: refused, and `error` is said */
	const char *error;
} texts[] = {
	{ "nothing", "UTF-8", "", "", NULL },
	{ "plain", "utf-8", "a\nb\r\nc\n", "a\r\nb\r\nc\r\n", NULL },
	{ "no end", "UTF8", "a\n" A, "a\r\n" A "\r\n", NULL },
	{ "like a header", "UTF-8", "Subject: x\n\n.\ny\n",
	  "Subject: x\r\n\r\n.\r\ny\r\n", NULL },
	{ "like a mailbox", "UTF-8", "From x\ny\n", "From x\r\ny\r\n", NULL },
	{ "blank lines", "UTF-8", "\n\nx\n\n", "\r\n\r\nx\r\n\r\n", NULL },
	{ "Latin-1", "ISO-8859-1", "\xe4\n\xdf\n", A "\r\n\xc3\x9f\r\n",
	  NULL },
	{ "not UTF-8", "UTF-8", "a\n\xe4\n", NULL,
	  "body: line 2 is not valid UTF-8" },
	{ "not ASCII", "US-ASCII", "\n\n" A, NULL,
	  "body: line 3 is not valid US-ASCII" },
	{ "cut short", "UTF-16LE", "a", NULL, "is not valid UTF-16LE" },
};

static void check_text(size_t i, int fd, const char *way)
{
	struct error err = { 0 };
	struct content c;
	char *all;
	size_t n;
	int r;

	content_init(&c);
	r = content_text(&c, fd, "body", texts[i].set, UNIQUE, &err);
	all = all_of(&c, &n);
	if (r != (texts[i].want ? 0 : -1) ||
	    (!r && (strcmp(all, texts[i].want) || !c.scanned)) ||
	    (r && (err.kind != ERROR_DATA ||
		   !strstr(err.text, texts[i].error))))
		fail_msg("'%s' from a %s: %d '%s' %s", texts[i].name, way, r,
			 all, err.text);
	free(all);
	content_release(&c);
	close(fd);
}

static void texts_become_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		check_text(i, file_of(texts[i].in, 1), "file");
		check_text(i, pipe_of(texts[i].in), "pipe");
	}
}

static void an_unknown_set(void **state)
{
	int fd = file_of("x", 1);
	struct error err = { 0 };
	struct content c;

	(void)state;
	content_init(&c);
	assert_int_equal(content_text(&c, fd, "body", "no-such", UNIQUE, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	content_release(&c);
	close(fd);
}

/* A text that is too much for memory is the same in a file. */
static void a_long_text(void **state)
{
	size_t times = INTAKE_MEMORY / 3, n;
	int fd = file_of("\xe4\xf6\n", times);
	struct error err;
	struct content c;
	char *all;

	(void)state;
	content_init(&c);
	assert_int_equal(content_text(&c, fd, "body", "ISO-8859-1", UNIQUE,
				      &err), 0);
	assert_true(c.fd > 2);
	assert_int_equal(c.memory.len, 0);
	assert_int_equal(c.facts.lines, times);
	all = all_of(&c, &n);
	assert_int_equal(n, times * 6);
	for (size_t i = 0; i < n; i += 6)
		if (memcmp(all + i, A "\xc3\xb6\r\n", 6))
			fail_msg("at %zu", i);
	free(all);
	content_release(&c);
	close(fd);
}

/* A file stays where it is, from where it was read to. */
static void files_stay(void **state)
{
	int fd = file_of("0123\n\0", 1);
	struct error err;
	struct content c;
	char *all;
	size_t n;

	(void)state;
	lseek(fd, 2, SEEK_SET);
	content_init(&c);
	assert_int_equal(content_file(&c, fd, "f", &err), 0);
	assert_int_equal(c.fd, fd);
	assert_false(c.scanned);
	all = all_of(&c, &n);
	assert_string_equal(all, "23\n");
	assert_int_equal(content_scan(&c, UNIQUE, &err), 0);
	assert_true(c.facts.bare_lf);
	assert_int_equal(c.facts.size, 3);
	c.facts.size = 99;		/* once is enough */
	assert_int_equal(content_scan(&c, UNIQUE, &err), 0);
	assert_int_equal(c.facts.size, 99);
	free(all);
	content_release(&c);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* Pipes, and files that do not know their size, are copied. */
static void others_are_copied(void **state)
{
	struct error err;
	struct content c;
	char *all;
	size_t n;
	int fd = pipe_of("a\nb");

	(void)state;
	content_init(&c);
	assert_int_equal(content_file(&c, fd, "f", &err), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	all = all_of(&c, &n);
	assert_string_equal(all, "a\nb");
	assert_int_equal(c.len, 3);
	free(all);
	content_release(&c);

	content_init(&c);
	assert_int_equal(content_file(&c, open("/proc/self/stat", O_RDONLY),
				      "f", &err), 0);
	all = all_of(&c, &n);
	assert_true(n > 10);
	free(all);
	content_release(&c);
}

/* Where the kernel says that a file is as long as a page but it is not. */
static void a_size_that_is_not_true(void **state)
{
	int fd = open("/sys/devices/system/cpu/online", O_RDONLY);
	struct error err = { 0 };
	struct content c;

	(void)state;
	if (fd < 0)
		skip();
	content_init(&c);
	if (content_file(&c, fd, "f", &err) || content_scan(&c, UNIQUE, &err))
		fail_msg("%s", err.text);
	assert_true(c.len > 0 && c.len < 4096);
	content_release(&c);
}

/* Much from a pipe goes to a file; nothing of it stays in memory. */
static void a_long_pipe(void **state)
{
	static char text[60001];
	struct error err;
	struct content c;
	char *all;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('a' + i * 7 % 26);
	content_init(&c);
	c.keep = 1000;
	assert_int_equal(content_file(&c, pipe_of(text), "f", &err), 0);
	assert_true(c.fd > 2);
	assert_int_equal(c.memory.len, 0);
	all = all_of(&c, &n);
	assert_string_equal(all, text);
	assert_int_equal(content_scan(&c, UNIQUE, &err), 0);
	assert_int_equal(c.facts.size, 60000);
	free(all);
	content_release(&c);
}

static void what_cannot_be_read(void **state)
{
	struct error err = { 0 };
	struct content c;
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	(void)state;
	content_init(&c);
	assert_int_equal(content_file(&c, fd, "'/'", &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_string_equal(err.text, "'/': it is a directory");
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fd = open("/dev/null", O_WRONLY);
	assert_int_equal(content_file(&c, fd, "f", &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_int_equal(content_file(&c, -1, "f", &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	fd = open("/dev/null", O_WRONLY);
	assert_int_equal(content_text(&c, fd, "f", "UTF-8", UNIQUE, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	close(fd);
	content_release(&c);
}

/* A file that became shorter is not padded. */
static void a_file_that_shrinks(void **state)
{
	int fd = file_of("0123456789", 10);
	struct error err = { 0 };
	struct content c;

	(void)state;
	content_init(&c);
	assert_int_equal(content_file(&c, fd, "f", &err), 0);
	assert_int_equal(ftruncate(fd, 50), 0);
	assert_int_equal(content_scan(&c, UNIQUE, &err), -1);
	assert_int_equal(err.kind, ERROR_IO);
	assert_false(c.scanned);
	content_release(&c);
}

/* Standard input is not ours to close. */
static void standard_input_stays_open(void **state)
{
	struct error err;
	struct content c;
	char *all;
	size_t n;
	int fd = file_of("x\ny\n", 1);

	(void)state;
	assert_int_equal(dup2(fd, 0), 0);
	close(fd);
	content_init(&c);
	assert_int_equal(content_file(&c, 0, "f", &err), 0);
	all = all_of(&c, &n);
	assert_string_equal(all, "x\ny\n");
	free(all);
	content_release(&c);
	assert_true(fcntl(0, F_GETFD) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_become_canonical),
		cmocka_unit_test(an_unknown_set),
		cmocka_unit_test(a_long_text),
		cmocka_unit_test(files_stay),
		cmocka_unit_test(others_are_copied),
		cmocka_unit_test(a_size_that_is_not_true),
		cmocka_unit_test(a_long_pipe),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(a_file_that_shrinks),
		cmocka_unit_test(standard_input_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
