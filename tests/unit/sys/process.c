#include "sys/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/clock.h"

static const struct {
	const char *command;
	unsigned seconds;
	const char *out;	/* NULL: not looked at */
	const char *says;	/* NULL: good */
} rows[] = {
	{ "echo a; echo b", 10, "a\nb\n", NULL },
	{ "true", 10, "", NULL },
	{ "exit 3", 10, "", "exited 3" },
	{ "echo a; exit 1", 10, "a\n", "exited 1" },
	{ "kill -15 $$", 10, "", "was killed by signal 15" },
	{ "sleep 100", 1, "", "gave no answer in time" },
	{ "cat", 10, "", NULL },		/* stdin is empty */
	{ "sleep 0.2; echo a", 10, "a\n", NULL },
	{ "exec >&-; sleep 0.2; exit 5", 10, "", "exited 5" },
	{ "sleep 6 & echo a", 10, "a\n", NULL },
	{ "kill -PIPE $$; echo a", 10, "", "was killed by signal 13" },
	{ "yes", 10, NULL, NULL },		/* more than the ceiling */
};

static void each_row(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);	/* which the child must not inherit */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t began = clock_ms();
		struct error err = { 0 };
		struct process p;
		struct buf out;
		int ret;

		buf_init(&out, 100);
		assert_int_equal(process_start(&p, rows[i].command, &err), 0);
		ret = process_finish(&p, &out, clock_after(rows[i].seconds),
				     &err);
		if ((ret == 0) != !rows[i].says ||
		    (ret && !strstr(err.text, rows[i].says)))
			fail_msg("%s: %d %s", rows[i].command, ret, err.text);
		if (rows[i].out && strcmp(rows[i].out, buf_cstr(&out)))
			fail_msg("%s: '%s'", rows[i].command, buf_cstr(&out));
		if (out.over != !rows[i].out)
			fail_msg("%s: over", rows[i].command);
		if (clock_ms() - began > 4000)
			fail_msg("%s: took too long", rows[i].command);
		process_release(&p);
		buf_release(&out);
	}
	/* Nothing of ours is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void released_is_killed(void **state)
{
	struct process none = { 0 };
	struct error err = { 0 };
	struct process p;
	pid_t pid;

	(void)state;
	process_release(&none);
	assert_int_equal(process_start(&p, "sleep 100", &err), 0);
	pid = p.pid;
	process_release(&p);
	process_release(&p);
	assert_int_equal(kill(pid, 0), -1);
}

/* What is on descriptor `at`, as the command's output. */
static int given(int at, struct str input, struct buf *out, struct error *err)
{
	const char *script = at ? "cat <&3; cat" : "cat";
	const char *argv[] = { "sh", "-c", script, NULL };
	const struct process_input in = { .text = input, .at = at };
	struct process p;

	if (process_start_input(&p, argv, &in, err))
		return -1;
	return process_finish(&p, out, clock_after(10), err);
}

static void input_arrives(void **state)
{
	static char large[PROCESS_INPUT_MAX];
	struct error err = { 0 };
	struct buf out;
	int spare[3];

	(void)state;
	memset(large, 'x', sizeof(large));
	buf_init(&out, sizeof(large));
	for (int at = 0; at <= 3; at += 3) {
		assert_int_equal(given(at, STR("a\0b\n"), &out, &err), 0);
		assert_true(str_eq(buf_str(&out), STR("a\0b\n")));
		buf_reset(&out);
		assert_int_equal(given(at, STR(""), &out, &err), 0);
		assert_int_equal(out.len, 0);
		assert_int_equal(given(at, (struct str){ large, 60000 }, &out,
				       &err), 0);
		assert_int_equal(out.len, 60000);
		buf_reset(&out);
	}
	/* Whatever numbers the descriptors have. */
	for (int i = 0; i < 3; i++) {
		spare[i] = dup(0);
		assert_int_equal(given(3, STR("abc"), &out, &err), 0);
		assert_string_equal(buf_cstr(&out), "abc");
		buf_reset(&out);
	}
	for (int i = 0; i < 3; i++)
		close(spare[i]);
	buf_release(&out);
}

/* Its words come at its end; until then it has no hold on our stderr. */
static void words_are_passed_on(void **state)
{
	static const char *const argv[] = {
		"sh", "-c", "echo one >&2; echo two >&2; echo out", NULL
	};
	const struct process_input in = { .at = 3, .speaks = true };
	struct error err = { 0 };
	int own = dup(2), fd[2];
	struct process p;
	struct buf out;
	char text[64];
	ssize_t n;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(pipe(fd), 0);
	dup2(fd[1], 2);
	n = process_start_input(&p, argv, &in, &err);
	n = n ? n : process_finish(&p, &out, clock_after(10), &err);
	dup2(own, 2);
	close(own);
	close(fd[1]);
	assert_int_equal(n, 0);
	assert_string_equal(buf_cstr(&out), "out\n");
	n = read(fd[0], text, sizeof(text));
	assert_int_equal(n, 8);
	assert_memory_equal(text, "one\ntwo\n", 8);
	close(fd[0]);
	buf_release(&out);
}

static void left_goes_on(void **state)
{
	struct error err = { 0 };
	struct process p;
	struct buf out;
	pid_t pid;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(process_start(&p, "sleep 1; exit 7", &err), 0);
	p.left = true;
	pid = p.pid;
	assert_int_equal(process_finish(&p, &out, clock_ms() + 50, &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	assert_int_equal(kill(pid, 0), 0);
	process_release(&p);
	assert_int_equal(waitpid(pid, &p.status, 0), pid);
	assert_int_equal(WEXITSTATUS(p.status), 7);

	assert_int_equal(process_start(&p, "exit 7", &err), 0);
	p.left = true;
	pid = p.pid;
	process_release(&p);
	usleep(200000);
	process_reap();
	assert_int_equal(kill(pid, 0), -1);
	buf_release(&out);
}

static const struct {
	const char *argv[4];
	const char *out;
	const char *says;	/* NULL: good */
} programs[] = {
	{ { "printf", "%s", "a b $HOME ; `x`" }, "a b $HOME ; `x`", NULL },
	{ { "cat" }, "", NULL },
	{ { "false" }, "", "exited 1" },
	{ { "sh", "-c", "echo one >&2; echo two >&2; echo a; exit 3" }, "a\n",
	  "exited 3: one" },
	{ { "sh", "-c", "echo noise >&2; echo a" }, "a\n", NULL },
	{ { "sh", "-c", "printf '\\033[31m' >&2; exit 4" }, "",
	  "exited 4:  [31m" },
	{ { "sleep", "100" }, "", "gave no answer in time" },
};

/* No shell looks at the words, and stderr is not ours. */
static void programs_with_arguments(void **state)
{
	int was = dup(2), got[2];
	char noise[10];

	(void)state;
	assert_int_equal(pipe2(got, O_CLOEXEC | O_NONBLOCK), 0);
	dup2(got[1], 2);
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct error err = { 0 };
		struct process p;
		struct buf out;
		int ret;

		buf_init(&out, 100);
		assert_int_equal(process_start_argv(&p, programs[i].argv, &err),
				 0);
		ret = process_finish(&p, &out, clock_after(1), &err);
		if ((ret == 0) != !programs[i].says ||
		    (ret && strcmp(err.text, programs[i].says) != 0))
			fail_msg("%zu: %d '%s'", i, ret, err.text);
		assert_string_equal(buf_cstr(&out), programs[i].out);
		buf_release(&out);
	}
	dup2(was, 2);
	close(was);
	assert_true(read(got[0], noise, sizeof(noise)) < 0);
	close(got[0]);
	close(got[1]);
}

static void no_such_program(void **state)
{
	const char *argv[] = { "posthaste-no-such-program", NULL };
	struct error err = { 0 };
	struct process p;

	(void)state;
	assert_int_equal(process_start_argv(&p, argv, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "'posthaste-no-such-program'"));
	process_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(released_is_killed),
		cmocka_unit_test(input_arrives),
		cmocka_unit_test(words_are_passed_on),
		cmocka_unit_test(left_goes_on),
		cmocka_unit_test(programs_with_arguments),
		cmocka_unit_test(no_such_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
