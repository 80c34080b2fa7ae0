#include "sys/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1	/* its leak check must be able to look at us */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

bool guard_descriptors(void)
{
	bool closed = fcntl(0, F_GETFD) < 0;

	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(71);
	return closed;
}

/* The handler may only use what write(2) can take. */
static char program[64];
static volatile sig_atomic_t in_doubt;

static void on_end(int signal)
{
	static const char plain[] = ": ended by a signal; nothing was sent, "
		"try again\n";
	static const char doubt[] = ": ended by a signal while the verdict was "
		"awaited; the outcome is unknown\n";

	(void)signal;
	if (!*program)
		_exit(75);
	(void)!write(2, program, strlen(program));
	if (in_doubt)
		(void)!write(2, doubt, sizeof(doubt) - 1);
	else
		(void)!write(2, plain, sizeof(plain) - 1);
	_exit(75);
}

void guard_doubt(bool doubt)
{
	in_doubt = doubt;
}

void guard_signals(const char *name)
{
	struct sigaction sa = { .sa_handler = SIG_IGN }, old;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
	umask(077);
	if (strlen(name) < sizeof(program))
		memcpy(program, name, strlen(name) + 1);
	sa.sa_handler = on_end;
	if (!sigaction(SIGTERM, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(SIGTERM, &sa, NULL);
	if (!sigaction(SIGHUP, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
}

void guard_secrets(void)
{
#ifndef SANITIZED
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
#endif
}
