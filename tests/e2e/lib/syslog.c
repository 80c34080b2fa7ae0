/*
 * What a program tells syslog, by LD_PRELOAD: a line each, appended to the
 * file that SYSLOG_FILE names.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

static void take(const char *format, va_list args)
{
	const char *name = getenv("SYSLOG_FILE");
	int fd = name ? open(name, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;

	if (fd < 0)
		return;
	vdprintf(fd, format, args);
	dprintf(fd, "\n");
	close(fd);
}

#undef syslog
void syslog(int priority, const char *format, ...)
{
	va_list args;

	(void)priority;
	va_start(args, format);
	take(format, args);
	va_end(args);
}

#undef vsyslog
void vsyslog(int priority, const char *format, va_list args)
{
	(void)priority;
	take(format, args);
}

/* What glibc's headers make of it at -D_FORTIFY_SOURCE. */
void __syslog_chk(int priority, int flag, const char *format, ...);
void __syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)priority;
	(void)flag;
	va_start(args, format);
	take(format, args);
	va_end(args);
}
