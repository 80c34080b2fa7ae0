#include "sys/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/clock.h"
#include "sys/guard.h"
#include "sys/locked.h"

enum { OUT_MAX = 64 << 10, SAID_MAX = 1 << 17, SECONDS = 10 };

#define PROMPT "Password: "

/*
 * A terminal, a shell in its session, and a job of the shell's that asks.  The
 * job writes what it got to `answer`, the shell what became of the job.
 */
struct stage {
	int master;
	char shown[SAID_MAX];		/* on the terminal */
	size_t n_shown;
	int answer;			/* read end */
	pid_t shell;
};

static bool echoes(int fd)
{
	struct termios t;

	return !tcgetattr(fd, &t) && (t.c_lflag & ECHO) && (t.c_lflag & ICANON);
}

/* What of the job is not the same in every case. */
struct job {
	bool background;
	unsigned seconds;		/* 0: no deadline */
	void (*before)(void);
};

static void ask(const struct job *job, int to)
{
	struct error err = { 0 };
	struct buf out;

	locked_buf(&out, OUT_MAX);
	if (job->before)
		job->before();
	if (terminal_ask(PROMPT, &out, clock_after(job->seconds), &err))
		dprintf(to, "error %d: %s", error_kind_status(err.kind),
			err.text);
	else
		dprintf(to, "%s%.*s", out.over ? "over " : "got ",
			out.over ? 0 : (int)out.len, out.p);
	locked_buf_release(&out);
	_exit(0);
}

/* Wait for the job; where it stops, look at the terminal and bring it back. */
static void watch_job(pid_t pid, int tty, int to)
{
	int status;

	for (;;) {
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		dprintf(to, echoes(tty) ? "" : " [no echo]");
		if (!WIFSTOPPED(status))
			break;
		dprintf(to, "[stopped %d]", WSTOPSIG(status));
		tcsetpgrp(tty, getpgrp());
		tcsetpgrp(tty, pid);
		kill(-pid, SIGCONT);
	}
	if (WIFSIGNALED(status))
		dprintf(to, "[killed %d]", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		dprintf(to, "[exited %d]", WEXITSTATUS(status));
}

static void be_shell(const char *name, const struct job *job, int to)
{
	int tty, gate[2];
	char c;
	pid_t pid;

	alarm(SECONDS + 5);
	setsid();
	signal(SIGTTOU, SIG_IGN);
	tty = open(name, O_RDWR);
	if (tty < 0 || ioctl(tty, TIOCSCTTY, 0) || pipe(gate))
		_exit(99);
	pid = fork();
	if (!pid) {
		alarm(SECONDS + 5);
		signal(SIGTTOU, SIG_DFL);
		close(gate[1]);
		(void)!read(gate[0], &c, 1);
		ask(job, to);
	}
	setpgid(pid, pid);
	tcsetpgrp(tty, job->background ? getpgrp() : pid);
	close(gate[1]);
	watch_job(pid, tty, to);
	_exit(0);
}

static void open_stage(struct stage *s, const struct job *job)
{
	int answer[2];
	const char *name;

	*s = (struct stage){ .master = posix_openpt(O_RDWR | O_NOCTTY) };
	assert_true(s->master >= 0);
	assert_int_equal(grantpt(s->master) || unlockpt(s->master), 0);
	name = ptsname(s->master);
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	s->shell = fork();
	assert_true(s->shell >= 0);
	if (!s->shell) {
		name = strdup(name);
		close(s->master);	/* or its closing would be no hangup */
		be_shell(name, job, answer[1]);
	}
	close(answer[1]);
	s->answer = answer[0];
}

static void look(struct stage *s, int ms)
{
	struct pollfd p = { .fd = s->master, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms) <= 0)
		return;
	n = read(s->master, s->shown + s->n_shown, SAID_MAX - 1 - s->n_shown);
	if (n > 0)
		s->n_shown += (size_t)n;
}

/* Until the question was put so often. */
static void await_prompts(struct stage *s, int times)
{
	int64_t until = clock_after(SECONDS);

	for (;;) {
		const char *p = s->shown;
		int n = 0;

		while ((p = strstr(p, PROMPT)))
			p++, n++;
		if (n >= times)
			return;
		assert_true(clock_left(until));
		look(s, 50);
	}
}

static void type(struct stage *s, const char *keys, size_t n)
{
	while (n) {
		ssize_t did = write(s->master, keys, n > 1000 ? 1000 : n);

		assert_true(did > 0);
		keys += did;
		n -= (size_t)did;
		look(s, 0);
	}
}

/* What the job and the shell had to say; to be freed. */
static char *close_stage(struct stage *s)
{
	char *said = calloc(1, SAID_MAX);
	size_t n = 0;
	ssize_t did;

	assert_non_null(said);
	while ((did = read(s->answer, said + n, SAID_MAX - 1 - n)) > 0)
		n += (size_t)did;
	look(s, 0);
	close(s->answer);
	close(s->master);
	assert_int_equal(waitpid(s->shell, NULL, 0), s->shell);
	return said;
}

static void check_stage(struct stage *s, const char *want)
{
	char *said = close_stage(s);

	if (strncmp(said, want, strlen(want)) != 0)
		fail_msg("'%s', not '%s'", said, want);
	if (strstr(said, "no echo"))
		fail_msg("the echo is not back: '%s'", said);
	free(said);
}

static void what_is_typed(void **state)
{
	static const struct { struct str keys; const char *want; } rows[] = {
		{ STR("hunter2\n"), "got hunter2" },
		{ STR("hunter2\r"), "got hunter2" },
		{ STR("  a b\t\n"), "got   a b\t" },
		{ STR("\n"), "got " },
		{ STR("\004"), "got " },
		{ STR("abc\004"), "got abc" },
		{ STR("huxx\177\bnter2\n"), "got hunter2" },
		{ STR("\177\177a\n"), "got a" },
		{ STR("wrong\025right\n"), "got right" },
		{ STR("wrong\027right\n"), "got right" },
		{ STR("a\xc3\xa4\xe2\x82\xac\177\177\xc3\xb6\n"),
		  "got a\xc3\xb6" },
		{ STR("\xf0\x9f\x98\x80\n"), "got \xf0\x9f\x98\x80" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		static struct stage s;

		open_stage(&s, &(struct job){ .seconds = SECONDS });
		await_prompts(&s, 1);
		type(&s, rows[i].keys.p, rows[i].keys.n);
		check_stage(&s, rows[i].want);
		/* Nothing of it is to be seen. */
		if (strcmp(s.shown, PROMPT "\r\n") != 0)
			fail_msg("row %zu shows '%s'", i, s.shown);
	}
}

/* A terminal by itself takes 4095 octets a line. */
static void long_lines(void **state)
{
	static const struct { size_t n; bool over; } rows[] = {
		{ 4096, false }, { 20000, false }, { OUT_MAX, false },
		{ OUT_MAX + 1, true },
	};
	static char keys[OUT_MAX + 2];
	static struct stage s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *said;

		memset(keys, 'x', rows[i].n);
		keys[rows[i].n] = '\n';
		open_stage(&s, &(struct job){ .seconds = SECONDS });
		await_prompts(&s, 1);
		type(&s, keys, rows[i].n + 1);
		said = close_stage(&s);
		if (strncmp(said, rows[i].over ? "over " : "got x", 5) != 0 ||
		    (!rows[i].over && strlen(said) != 4 + rows[i].n))
			fail_msg("%zu octets: '%.50s', %zu", rows[i].n, said,
				 strlen(said));
		free(said);
	}
}

static void handle_term(void)
{
	signal(SIGTERM, SIG_DFL);
	guard_signals("");	/* without a word on the log */
}

static void ignore_hup(void)
{
	signal(SIGHUP, SIG_IGN);
}

static void on_usr(int number)
{
	(void)number;
}

static void handle_int(void)
{
	signal(SIGINT, on_usr);
}

/* By keys, so that the terminal sends the signal as to any job. */
static void signals(void **state)
{
	static const struct {
		struct str keys;
		void (*before)(void);
		const char *want;
	} rows[] = {
		{ STR("hun\003"), NULL, "[killed 2]" },
		{ STR("hun\034"), NULL, "[killed 3]" },
		{ STR("hun\003"), handle_int, "error 75: interrupted by" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		static struct stage s;

		open_stage(&s, &(struct job){ .before = rows[i].before });
		await_prompts(&s, 1);
		type(&s, rows[i].keys.p, rows[i].keys.n);
		check_stage(&s, rows[i].want);
	}
}

/* From outside: the whole group of the job gets it. */
static void signals_from_others(void **state)
{
	static const struct {
		int number;
		void (*before)(void);
		const char *want;
	} rows[] = {
		{ SIGTERM, NULL, "[killed 15]" },
		{ SIGTERM, handle_term, "[exited 75]" },
		{ SIGHUP, NULL, "[killed 1]" },
		{ SIGHUP, ignore_hup, "got hunter2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		static struct stage s;
		pid_t job;

		open_stage(&s, &(struct job){ .before = rows[i].before });
		await_prompts(&s, 1);
		job = tcgetpgrp(s.master);
		assert_true(job > 0 && job != s.shell);
		type(&s, "hunter2", 7);
		kill(-job, rows[i].number);
		if (rows[i].before == ignore_hup)
			type(&s, "\n", 1);
		check_stage(&s, rows[i].want);
	}
}

/* Stopped, the terminal is as it was; back, the question comes anew. */
static void stopped_and_back(void **state)
{
	static struct stage s;
	char *said;

	(void)state;
	open_stage(&s, &(struct job){ 0 });
	await_prompts(&s, 1);
	type(&s, "wrong\032", 6);
	await_prompts(&s, 2);
	type(&s, "right\n", 6);
	said = close_stage(&s);
	if (strcmp(said, "[stopped 20]got right") != 0)
		fail_msg("'%s'", said);
	free(said);
}

static void nobody_there(void **state)
{
	static struct stage s;

	(void)state;
	open_stage(&s, &(struct job){ .seconds = 1 });
	await_prompts(&s, 1);
	check_stage(&s, "error 75: nobody answered");

	open_stage(&s, &(struct job){ .background = true });
	check_stage(&s, "error 78: the terminal belongs to another job");
	assert_int_equal(s.n_shown, 0);

	/* The window is closed. */
	open_stage(&s, &(struct job){ .before = ignore_hup });
	await_prompts(&s, 1);
	close(s.master);
	s.master = open("/dev/null", O_RDWR);
	check_stage(&s, "error 74: the terminal cannot be read");
}

static void no_terminal(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		struct error err = { 0 };
		struct buf out;

		setsid();
		locked_buf(&out, 10);
		_exit(terminal_there() || !terminal_ask("x", &out, CLOCK_NEVER,
							&err) ||
		      err.kind != ERROR_CONFIG || out.len);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_typed),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(signals),
		cmocka_unit_test(signals_from_others),
		cmocka_unit_test(stopped_and_back),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
