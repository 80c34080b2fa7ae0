#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/file.h"

extern char **environ;

enum {
	TICK = 50,	/* ms between looks whether it has ended */
	LINGER = 20,	/* ms for output that is still in flight after that */
	WORDS_MAX = 300	/* octets of its stderr that go into an error */
};

/*
 * A parent that ignores SIGCHLD bequeaths that to us, and then the kernel
 * throws the exit status away before we can ask for it.
 */
static void keep_children(void)
{
	struct sigaction act;

	if (!sigaction(SIGCHLD, NULL, &act) &&
	    (act.sa_handler == SIG_IGN || (act.sa_flags & SA_NOCLDWAIT))) {
		act = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(SIGCHLD, &act, NULL);
	}
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	return posix_spawnattr_setpgroup(attr, 0) ||
	       posix_spawnattr_setsigdefault(attr, &all) ||
	       posix_spawnattr_setsigmask(attr, &none) ||
	       posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP |
					POSIX_SPAWN_SETSIGDEF |
					POSIX_SPAWN_SETSIGMASK);
}

/* What goes to it beside its arguments: descriptor `from` of ours as `at`. */
struct given {
	int from, at;		/* from -1: nothing */
	bool speaks;
};

static int spawn(struct process *p, char *const *argv, int out,
		 struct given in)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int no;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	no = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
					      0);
	if (!no)
		no = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (!no && p->words >= 0)
		no = posix_spawn_file_actions_adddup2(&files, p->words, 2);
	/* Last: the descriptors above may have the number it is to get. */
	if (!no && in.from >= 0)
		no = posix_spawn_file_actions_adddup2(&files, in.from, in.at);
	if (!no)
		no = set_attributes(&attr);
	if (!no)
		no = posix_spawnp(&p->pid, *argv, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return no;
}

static int start(struct process *p, char *const *argv, struct given in,
		 struct error *err)
{
	int pipe_fd[2];
	int no;

	if (pipe2(pipe_fd, O_CLOEXEC))
		return error_set(err, ERROR_OS, "cannot make a pipe: %s",
				 strerror(errno));
	keep_children();
	no = spawn(p, argv, pipe_fd[1], in);
	close(pipe_fd[1]);
	if (!no) {
		p->out = pipe_fd[0];
		return 0;
	}
	close(pipe_fd[0]);
	p->pid = 0;
	return error_set(err, no == ENOENT ? ERROR_CONFIG : ERROR_OS,
			 "cannot run '%s': %s", *argv, strerror(no));
}

static const struct given nothing = { -1, -1, false };

int process_start(struct process *p, const char *command, struct error *err)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)(uintptr_t)command, NULL };

	*p = (struct process){ .out = -1, .words = -1 };
	return start(p, argv, nothing, err);
}

static int start_argv(struct process *p, const char *const *argv,
		      struct given in, struct error *err)
{
	char path[FILE_MEMORY_PATH];
	int ret;

	*p = (struct process){ .out = -1, .words = -1 };
	p->words = file_in_memory(STR(""), path);
	p->speaks = in.speaks;
	ret = start(p, (char *const *)(uintptr_t)argv, in, err);
	if (ret && p->words >= 0)
		close(p->words);
	return ret;
}

int process_start_argv(struct process *p, const char *const *argv,
		       struct error *err)
{
	return start_argv(p, argv, nothing, err);
}

/* A pipe that has all of the text in it already, so that nobody waits. */
static int fill_pipe(struct str text, struct error *err)
{
	int fd[2];
	ssize_t n;

	if (pipe2(fd, O_CLOEXEC))
		return error_set(err, ERROR_OS, "cannot make a pipe: %s",
				 strerror(errno));
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	n = text.n ? write(fd[1], text.p, text.n) : 0;
	close(fd[1]);
	if (n >= 0 && (size_t)n == text.n)
		return fd[0];
	close(fd[0]);
	return error_set(err, ERROR_OS, "a pipe does not take %zu octets at "
			 "once", text.n);
}

int process_start_input(struct process *p, const char *const *argv,
			const struct process_input *input, struct error *err)
{
	struct given in = { fill_pipe(input->text, err), input->at,
			    input->speaks };
	int ret;

	if (in.from < 0)
		return -1;
	ret = start_argv(p, argv, in, err);
	close(in.from);
	return ret;
}

static void default_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int process_become(const char *const *argv, const struct process_input *input,
		   struct error *err)
{
	int from = fill_pipe(input->text, err);

	if (from < 0)
		return -1;
	/* dup2() of a descriptor to itself would leave it to be closed. */
	if (from == input->at)
		fcntl(from, F_SETFD, 0);
	else if (dup2(from, input->at) < 0)
		return error_set(err, ERROR_OS, "cannot pass a descriptor on: "
				 "%s", strerror(errno));
	default_signals();
	execv(argv[0], (char *const *)(uintptr_t)argv);
	return error_set(err, errno == ENOENT ? ERROR_CONFIG : ERROR_OS,
			 "cannot run '%s': %s", argv[0], strerror(errno));
}

static bool has_ended(struct process *p)
{
	pid_t pid;

	if (p->ended)
		return true;
	do
		pid = waitpid(p->pid, &p->status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid < 0)		/* reaped by somebody else: the status is lost */
		p->status = 0xff00;
	p->ended = pid != 0;
	return p->ended;
}

/* Read once: 1 for something, 0 for nothing just now, -1 at the end. */
static int read_some(struct process *p, struct buf *out, int wait)
{
	struct pollfd fd = { .fd = p->out, .events = POLLIN };
	char piece[4096];
	ssize_t n;

	if (poll(&fd, 1, wait) <= 0)
		return 0;
	n = read(p->out, piece, sizeof(piece));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -1;
	if (!n)
		return -1;
	buf_add(out, (struct str){ piece, (size_t)n });
	explicit_bzero(piece, (size_t)n);
	return 1;
}

/* All output.  False: the deadline came first. */
static bool read_until_end(struct process *p, struct buf *out, int64_t deadline)
{
	for (;;) {
		int left = clock_left(deadline);
		int got;

		if (!left)
			return false;
		got = read_some(p, out, left < 0 || left > TICK ? TICK : left);
		if (got < 0 || out->over)
			return true;
		/* A daemon it left behind may hold the pipe open for ever. */
		if (!got && has_ended(p)) {
			while (read_some(p, out, LINGER) > 0)
				;
			return true;
		}
	}
}

/* After its output ended it has, as a rule, only to exit. */
static bool wait_until_end(struct process *p, int64_t deadline)
{
	long nap = 50000;	/* ns, doubling up to 10 ms */

	while (!has_ended(p)) {
		struct timespec t = { .tv_nsec = nap };

		if (!clock_left(deadline))
			return false;
		nanosleep(&t, NULL);
		nap = nap < 5000000 ? nap * 2 : 10000000;
	}
	return true;
}

/* The first line of what it said on stderr, if we have that. */
static void take_words(const struct process *p, char *to, size_t size)
{
	ssize_t n = p->words >= 0 ? pread(p->words, to, size - 1, 0) : 0;

	to[n > 0 ? n : 0] = '\0';
	to[strcspn(to, "\n")] = '\0';
}

/*
 * Only now: were our stderr its own, whoever reads that to its end would wait
 * for what we have long left.
 */
static void pass_on(const struct process *p)
{
	char piece[512];
	off_t at = 0;
	ssize_t n;

	if (!p->speaks || p->words < 0)
		return;
	while ((n = pread(p->words, piece, sizeof(piece), at)) > 0) {
		if (write(2, piece, (size_t)n) != n)
			return;
		at += n;
	}
}

int process_finish(struct process *p, struct buf *out, int64_t deadline,
		   struct error *err)
{
	bool done = read_until_end(p, out, deadline) &&
		    (out->over || wait_until_end(p, deadline));
	char words[WORDS_MAX];
	int status;

	take_words(p, words, sizeof(words));
	pass_on(p);
	process_release(p);
	status = p->status;
	if (out->over)
		return 0;
	if (!done)
		return error_set(err, ERROR_NET, "gave no answer in time");
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_CONFIG, "was killed by signal %d",
				 WTERMSIG(status));
	if (WEXITSTATUS(status))
		return error_set(err, ERROR_CONFIG, "exited %d%s%s%s",
				 WEXITSTATUS(status),
				 WEXITSTATUS(status) == 127 ?
				 " (command not found)" : "",
				 *words && !p->speaks ? ": " : "",
				 p->speaks ? "" : words);
	return 0;
}

void process_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

void process_release(struct process *p)
{
	if (p->pid && !p->ended && !p->left) {
		kill(-p->pid, SIGKILL);
		/* In case its group was not made yet, or it left it. */
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, &p->status, 0) < 0 && errno == EINTR)
			;
		p->ended = true;
	}
	if (p->pid && p->out >= 0)
		close(p->out);
	if (p->pid && p->words >= 0)
		close(p->words);
	p->out = p->words = -1;
	p->pid = 0;
}
