/*
 * A command whose output is read: password_command and its like.
 */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct process {
	pid_t pid;		/* its own process group; 0: none */
	int out;		/* read end of its stdout; -1: closed */
	int words;		/* file with its stderr; -1: that is ours */
	bool speaks;		/* what it says there goes onto ours at its end */
	bool left;		/* set by the caller: for what must not end
				   half-way; it is not killed but left running */
	bool ended;		/* reaped: status is valid */
	int status;		/* of waitpid(2) */
};

/*
 * Start `/bin/sh -c command` with stdin from /dev/null, stdout to a pipe,
 * stderr ours, default signals and an empty signal mask.  ERROR_OS.
 */
int process_start(struct process *p, const char *command, struct error *err);

/*
 * The same without a shell: argv[0] is looked for in PATH (ERROR_CONFIG if it
 * is not there), and the first line of its stderr goes into the error of
 * process_finish() instead of onto ours.
 */
int process_start_argv(struct process *p, const char *const *argv,
		       struct error *err);

/*
 * The same, and it finds text on a descriptor: for what must be neither in its
 * arguments nor on a disk.  At most a pipe's worth, PROCESS_INPUT_MAX octets:
 * else ERROR_OS.
 */
enum { PROCESS_INPUT_MAX = 64 << 10 };
struct process_input {
	struct str text;
	int at;			/* the descriptor: 0, or from 3 on */
	bool speaks;		/* its stderr goes onto ours, once it ended */
};
int process_start_input(struct process *p, const char *const *argv,
			const struct process_input *input, struct error *err);

/*
 * Become that program: with our standard descriptors, default signals and an
 * empty signal mask.  Comes back only with -1: ERROR_CONFIG, ERROR_OS.
 */
int process_become(const char *const *argv, const struct process_input *input,
		   struct error *err);

/*
 * Append its output to out until it ends or the deadline (clock_ms()) comes,
 * when its whole group is killed: ERROR_NET, "gave no answer in time".  What
 * it left running in the background does not hold us up.  Output past out's
 * ceiling ends it: it is killed, and 0 with out->over set.  Otherwise anything
 * but exit status 0 is ERROR_CONFIG and named: "exited 3", "was killed by
 * signal 9".
 */
int process_finish(struct process *p, struct buf *out, int64_t deadline,
		   struct error *err);

/* Forget those of ours that were left and have ended since. */
void process_reap(void);

/* Kill the group and reap, if it has not ended; closes. A zeroed one is fine. */
void process_release(struct process *p);

#endif
