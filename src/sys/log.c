#include "sys/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static void to_syslog(const char *name, struct str lines)
{
	openlog(name, LOG_PID, LOG_MAIL);
	while (lines.n) {
		struct str line = str_cut(&lines, '\n');

		syslog(LOG_INFO, "%.*s", (int)line.n, line.p);
	}
	closelog();
}

/*
 * In a file each line gets its time in front, UTC; a JSON object, which is to
 * be the whole line, gets it inside.
 */
static void add_stamped(struct buf *out, const char *name, struct str line)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (line.n > 1 && *line.p == '{' && line.p[1] != '}')
		buf_addf(out, "{\"time\":\"%s\",\"program\":\"%s\","
			 "\"pid\":%d,%.*s\n", text, name, (int)getpid(),
			 (int)line.n - 1, line.p + 1);
	else
		buf_addf(out, "%s %s[%d]: %.*s\n", text, name, (int)getpid(),
			 (int)line.n, line.p);
}

static int write_line(int fd, struct buf *line)
{
	ssize_t n;

	do
		n = write(fd, line->p, line->len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && n < (ssize_t)line->len)
		errno = ENOSPC;	/* a short write says nothing of its cause */
	return n == (ssize_t)line->len ? 0 : -1;
}

static int to_file(int fd, const char *name, struct str lines)
{
	struct buf line;
	int r = 0;

	buf_init(&line, 1 << 16);
	while (lines.n && !r) {
		buf_reset(&line);
		add_stamped(&line, name, str_cut(&lines, '\n'));
		r = write_line(fd, &line);
	}
	buf_release(&line);
	return r;
}

int log_lines(const char *where, const char *name, struct str lines,
	      struct error *err)
{
	int r = 0;
	int fd;

	if (!strcmp(where, "none"))
		return 0;
	if (!strcmp(where, "syslog")) {
		to_syslog(name, lines);
		return 0;
	}
	fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
		  O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0)
		return error_set(err, ERROR_IO, "cannot open log '%s': %s",
				 where, strerror(errno));
	if (to_file(fd, name, lines))
		r = error_set(err, ERROR_IO, "cannot write log '%s': %s",
			      where, strerror(errno));
	close(fd);
	return r;
}
