#include "sys/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mail/scan.h"
#include "sys/tempfile.h"

/* A descriptor at the start of a file that holds this. */
static int file_of(const char *head, const char *line, size_t times)
{
	struct error err;
	int fd = tempfile_open(&err);

	assert_true(fd >= 0);
	assert_int_equal(tempfile_write(fd, head, strlen(head), &err), 0);
	while (times--)
		assert_int_equal(tempfile_write(fd, line, strlen(line), &err),
				 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* The whole message, read back `step` octets at a time. */
static char *read_back(const struct message *m, size_t step)
{
	uint64_t size = message_size(m);
	char *all = calloc(1, size + 1);
	struct error err;

	for (uint64_t at = 0; at < size; at += step) {
		size_t n = size - at < step ? (size_t)(size - at) : step;

		assert_int_equal(intake_read(m, at, all + at, n, &err), 0);
	}
	assert_int_equal(intake_read(m, size, all, 1, &err), -1);
	assert_int_equal(intake_read(m, size - 1, all, 2, &err), -1);
	return all;
}

static void small_stays_in_memory(void **state)
{
	int fd = file_of("A: b\n\nx\ny", "", 0);
	struct intake in;
	struct error err;

	(void)state;
	intake_init(&in);
	assert_int_equal(intake_take(&in, fd, "input", 0, &err), 0);
	assert_int_equal(in.fd, -1);
	assert_int_equal(in.message.body_len, 6);
	assert_int_equal(in.message.body_facts.lines, 2);
	assert_int_equal(in.head_facts.lines, 1);
	for (size_t step = 1; step < 16; step++) {
		char *all = read_back(&in.message, step);

		assert_string_equal(all, "A: b\r\n\r\nx\r\ny\r\n");
		free(all);
	}
	intake_release(&in);
	close(fd);
}

static void large_goes_to_a_file(void **state)
{
	static const size_t steps[] = { 4096, 4099, 1 << 20 };
	const size_t lines = 100000;
	int fd = file_of("A: b\n\n", "0123456789\n", lines);
	struct intake in;
	struct error err;

	(void)state;
	intake_init(&in);
	assert_int_equal(intake_take(&in, fd, "input", 0, &err), 0);
	assert_true(in.fd >= 0);
	assert_int_equal(in.message.body_len, lines * 12);
	for (size_t i = 0; i < 3; i++) {
		char *all = read_back(&in.message, steps[i]);

		assert_memory_equal(all, "A: b\r\n\r\n", 8);
		for (size_t k = 0; k < lines; k++)
			if (memcmp(all + 8 + 12 * k, "0123456789\r\n", 12))
				fail_msg("line %zu", k);
		free(all);
	}
	intake_release(&in);
	close(fd);
}

/* Around the size at which the body leaves memory. */
static void the_edge(void **state)
{
	(void)state;
	for (size_t n = INTAKE_MEMORY / 4 - 2; n < INTAKE_MEMORY / 4 + 3; n++) {
		int fd = file_of("\n", "ab\n", n);
		struct intake in;
		struct error err;
		char *all;

		intake_init(&in);
		assert_int_equal(intake_take(&in, fd, "input", 0, &err), 0);
		assert_int_equal(in.message.body_len, n * 4);
		assert_int_equal(in.fd >= 0, n > INTAKE_MEMORY / 4);
		all = read_back(&in.message, 1000);
		assert_string_equal(all + 2 + (n - 1) * 4, "ab\r\n");
		free(all);
		intake_release(&in);
		close(fd);
	}
}

static void dot_drains_the_rest(void **state)
{
	int fd = file_of("A: b\n\nx\n.\n", "more\n", 100000);
	struct intake in;
	struct error err;

	(void)state;
	intake_init(&in);
	assert_int_equal(intake_take(&in, fd, "input", SCAN_DOT, &err), 0);
	assert_true(in.dot);
	assert_int_equal(in.message.body_len, 3);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), lseek(fd, 0, SEEK_END));
	intake_release(&in);
	close(fd);
}

static void trouble(struct error *err, int fd, unsigned flags)
{
	struct intake in;

	intake_init(&in);
	assert_int_equal(intake_take(&in, fd, "input", flags, err), -1);
	assert_memory_equal(err->text, "input: ", 7);
	intake_release(&in);
}

static void errors_are_told_apart(void **state)
{
	struct rlimit old, small;
	struct error err;
	int fd;

	(void)state;
	assert_int_equal(intake_open("/nonexistent/file", &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	fd = intake_open("/", &err);
	trouble(&err, fd, 0);
	assert_int_equal(err.kind, ERROR_IO);
	close(fd);
	trouble(&err, fd, 0);
	assert_int_equal(err.kind, ERROR_IO);
	fd = file_of("A: b\n\nx\r\n\ry\n", "", 0);
	trouble(&err, fd, SCAN_STRICT);
	assert_int_equal(err.kind, ERROR_DATA);
	intake_drain(fd);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 12);
	close(fd);

	fd = file_of("\n", "text\n", 200000);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 300000;
	setrlimit(RLIMIT_FSIZE, &small);
	trouble(&err, fd, 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(err.kind, ERROR_SPACE);
	close(fd);
}

/* A writer that dawdles, into a pipe that does not block. */
static void waits_for_a_slow_writer(void **state)
{
	struct intake in;
	struct error err;
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		for (const char *p = "A: b\n\nx\n"; *p; p++) {
			usleep(1000);
			if (write(fds[1], p, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	intake_init(&in);
	assert_int_equal(intake_take(&in, fds[0], "input", 0, &err), 0);
	assert_int_equal(in.message.body_len, 3);
	intake_release(&in);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Small and large, through both passes; a message of more than one piece. */
static void recodes(void **state)
{
	static const size_t lines[] = { 1, 100000 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd = file_of("A: b\n\n", "0123456\xc3\xa4\n", lines[i]);
		struct intake in, to;
		struct error err;
		bool changed;
		char *all;

		intake_init(&in);
		intake_init(&to);
		assert_int_equal(intake_take(&in, fd, "input", 0, &err), 0);
		assert_int_equal(intake_recode(&to, &in.message, true,
					       &changed, &err), 0);
		assert_false(changed);
		assert_int_equal(message_size(&to.message), 2);
		assert_int_equal(intake_recode(&to, &in.message, false,
					       &changed, &err), 0);
		assert_true(changed);
		assert_false(to.message.body_facts.eightbit);
		assert_int_equal(to.message.body_len, lines[i] * 15);
		all = read_back(&to.message, 10007);
		assert_non_null(strstr(all, "quoted-printable\r\n\r\n"
				       "0123456=C3=A4\r\n"));
		assert_string_equal(all + message_size(&to.message) - 15,
				    "0123456=C3=A4\r\n");
		free(all);
		intake_release(&in);
		intake_release(&to);
		close(fd);
	}
}

/* Only the header is in the way: the body is the same one. */
static void folds(void **state)
{
	static const size_t lines[] = { 1, 100000 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		char head[3000];
		struct intake in, to;
		struct error err;
		bool changed;
		char *all;
		int fd;

		memset(head, 'x', sizeof(head));
		memcpy(head, "A: ", 3);
		memcpy(head + 900, " y", 2);
		memcpy(head + 1800, " y", 2);
		memcpy(head + 2000, "\n\n", 3);
		fd = file_of(head, "text\n", lines[i]);
		intake_init(&in);
		intake_init(&to);
		assert_int_equal(intake_take(&in, fd, "input", 0, &err), 0);
		assert_int_equal(in.fd >= 0, i);
		assert_int_equal(intake_recode(&to, &in.message, false,
					       &changed, &err), 0);
		assert_true(changed);
		all = read_back(&to.message, 10007);
		assert_true(message_size(&to.message) >
			    message_size(&in.message));
		assert_memory_equal(all + 900, "\r\n y", 4);
		assert_string_equal(all + message_size(&to.message) - 8,
				    "\r\ntext\r\n");
		free(all);
		intake_release(&in);
		intake_release(&to);
		close(fd);
	}
}

static void signed_is_refused(void **state)
{
	int fd = file_of("Content-Type: multipart/signed; boundary=b\n\n",
			 "\xc3\xa4\n", 1);
	struct intake in, to;
	struct error err;
	bool changed;

	(void)state;
	intake_init(&in);
	intake_init(&to);
	assert_int_equal(intake_take(&in, fd, "input", 0, &err), 0);
	assert_int_equal(intake_recode(&to, &in.message, false, &changed,
				       &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	intake_release(&in);
	intake_release(&to);
	close(fd);
}

/* Every cut of a message made of all kinds of pieces reads the same. */
static void pieces_are_read_anywhere(void **state)
{
	static const char want[] = "A: b\r\n\r\n--x\r\n"
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKiss"
		"LS4vMDEyMzQ1Njc4\r\nOTo7PD0=\r\n--y\r\n:;<=";
	char octets[62], got[sizeof(want)];
	struct piece piece[] = {
		piece_text(STR("--x\r\n")),
		{ .kind = PIECE_BASE64, .fd = -1,
		  .text = { octets, sizeof(octets) }, .len = sizeof(octets) },
		piece_text(STR("--y\r\n")),
		{ .kind = PIECE_PLAIN, .at = 58, .len = 4 },
	};
	struct message m = { .piece = piece, .n_piece = 4 };
	FILE *file = tmpfile();
	size_t n = sizeof(want) - 1;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)i;
	assert_int_equal(fwrite(octets, 1, sizeof(octets), file),
			 sizeof(octets));
	assert_int_equal(fflush(file), 0);
	piece[3].fd = fileno(file);
	buf_init(&m.head, 100);
	buf_addz(&m.head, "A: b\r\n");
	for (size_t i = 0; i < 4; i++)
		m.body_len += piece_size(&piece[i]);
	assert_int_equal(message_size(&m), n);
	for (size_t at = 0; at <= n; at++)
		for (size_t end = at; end <= n; end++) {
			assert_int_equal(intake_read(&m, at, got, end - at,
						     &err), 0);
			assert_memory_equal(got, want + at, end - at);
		}
	assert_int_equal(intake_read(&m, n, got, 1, &err), -1);
	assert_int_equal(err.kind, ERROR_BUG);
	buf_release(&m.head);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_stays_in_memory),
		cmocka_unit_test(large_goes_to_a_file),
		cmocka_unit_test(the_edge),
		cmocka_unit_test(dot_drains_the_rest),
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(waits_for_a_slow_writer),
		cmocka_unit_test(recodes),
		cmocka_unit_test(folds),
		cmocka_unit_test(signed_is_refused),
		cmocka_unit_test(pieces_are_read_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
