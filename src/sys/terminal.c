#include "sys/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "sys/clock.h"

/* What would leave the terminal without echo if it ended or stopped us. */
static const int watched[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU
};
enum { WATCHED = sizeof(watched) / sizeof(*watched) };

struct dialogue {
	int fd;
	struct buf *out;
	int64_t deadline;
	struct termios before;
	struct sigaction old[WATCHED];
	sigset_t mask;			/* as it was, and while we wait */
};

enum answer { MORE, DONE, LATE, CAUGHT, GONE };

/* All that a handler may touch. */
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static int open_terminal(void)
{
	return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static bool in_foreground(int fd)
{
	return tcgetpgrp(fd) == getpgrp();
}

bool terminal_there(void)
{
	int fd = open_terminal();
	bool there = fd >= 0 && in_foreground(fd);

	if (fd >= 0)
		close(fd);
	return there;
}

/* They are let in only while we wait, so none comes between two steps. */
static void watch(struct dialogue *d)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < WATCHED; i++)
		sigaddset(&set, watched[i]);
	sigprocmask(SIG_BLOCK, &set, &d->mask);
	caught = 0;
	sigemptyset(&act.sa_mask);
	for (size_t i = 0; i < WATCHED; i++) {
		sigaction(watched[i], NULL, &d->old[i]);
		/* What nohup(1) and the like have turned off stays off. */
		if (d->old[i].sa_handler != SIG_IGN)
			sigaction(watched[i], &act, NULL);
	}
}

static void unwatch(const struct dialogue *d)
{
	for (size_t i = 0; i < WATCHED; i++)
		sigaction(watched[i], &d->old[i], NULL);
	sigprocmask(SIG_SETMASK, &d->mask, NULL);
}

/* Not line by line either: the terminal would cut a line at 4095 octets. */
static int hide(struct dialogue *d)
{
	struct termios t;

	if (tcgetattr(d->fd, &d->before))
		return -1;
	t = d->before;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return tcsetattr(d->fd, TCSAFLUSH, &t);
}

static void show(const struct dialogue *d)
{
	(void)!write(d->fd, "\n", 1);
	tcsetattr(d->fd, TCSADRAIN, &d->before);
}

static void forget(struct buf *b, size_t len)
{
	explicit_bzero(b->p + len, b->len - len);
	b->len = len;
}

/* One character less, of UTF-8 all its octets. */
static void erase(struct buf *b)
{
	size_t len = b->len;

	while (len && ((unsigned char)b->p[len - 1] & 0xc0) == 0x80)
		len--;
	forget(b, len ? len - 1 : 0);
}

static bool is_key(const struct dialogue *d, int key, char c)
{
	cc_t set = d->before.c_cc[key];

	return set != _POSIX_VDISABLE && set == (unsigned char)c;
}

static enum answer take(struct dialogue *d, char c)
{
	if (c == '\n' || c == '\r' || is_key(d, VEOF, c) || is_key(d, VEOL, c))
		return DONE;
	if (is_key(d, VERASE, c) || c == '\b' || c == '\177')
		erase(d->out);
	else if (is_key(d, VKILL, c) || is_key(d, VWERASE, c))
		forget(d->out, 0);
	else
		buf_addch(d->out, c);
	return d->out->over ? DONE : MORE;
}

static enum answer next(struct dialogue *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLIN };
	int ms = clock_left(d->deadline);
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };
	int ready = ppoll(&p, 1, ms < 0 ? NULL : &left, &d->mask);
	enum answer a;
	ssize_t n;
	char c;

	if (caught)
		return CAUGHT;
	if (!ready)
		return LATE;
	if (ready < 0)
		return errno == EINTR ? MORE : GONE;
	n = read(d->fd, &c, 1);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return MORE;
	if (!n)
		errno = EIO;
	if (n <= 0)
		return GONE;
	a = take(d, c);
	explicit_bzero(&c, 1);
	return a;
}

static enum answer converse(struct dialogue *d, const char *prompt)
{
	enum answer a = MORE;

	watch(d);
	if (hide(d)) {
		unwatch(d);
		return GONE;
	}
	if (write(d->fd, prompt, strlen(prompt)) < 0)
		a = GONE;
	while (a == MORE)
		a = next(d);
	show(d);
	unwatch(d);
	return a;
}

static bool is_stop(int number)
{
	return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

/* Whoever brought us back with bg(1) has to say fg(1) before we go on. */
static bool await_foreground(int fd)
{
	if (!in_foreground(fd))
		raise(SIGTTIN);
	return in_foreground(fd);
}

static int ask(struct dialogue *d, const char *prompt, struct error *err)
{
	for (;;) {
		size_t len = d->out->len;

		switch (converse(d, prompt)) {
		case MORE:
		case DONE:
			return 0;
		case LATE:
			return error_set(err, ERROR_NET, "nobody answered at "
					 "the terminal in time");
		case GONE:
			return error_set(err, ERROR_IO, "the terminal cannot "
					 "be read: %s", strerror(errno));
		case CAUGHT:
			break;
		}
		forget(d->out, len);
		raise(caught);		/* which ends us, as a rule */
		if (!is_stop(caught) || !await_foreground(d->fd))
			return error_set(err, ERROR_NET, "interrupted by "
					 "signal %d at the terminal",
					 (int)caught);
	}
}

int terminal_ask(const char *prompt, struct buf *out, int64_t deadline,
		 struct error *err)
{
	struct dialogue d = { .out = out, .deadline = deadline };
	int ret;

	d.fd = open_terminal();
	if (d.fd < 0)
		return error_set(err, ERROR_CONFIG, "there is no terminal to "
				 "ask at");
	if (in_foreground(d.fd))
		ret = ask(&d, prompt, err);
	else
		ret = error_set(err, ERROR_CONFIG, "the terminal belongs to "
				"another job: bring this one to the foreground");
	close(d.fd);
	return ret;
}
