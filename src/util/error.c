#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The one place that decides exit status and retry for each kind. */
static const struct {
	int status;
	bool transient;
} kinds[ERROR_KINDS] = {
	[ERROR_NONE]        = { 0,  false },
	[ERROR_USAGE]       = { 64, false },
	[ERROR_DATA]        = { 65, false },
	[ERROR_INPUT]       = { 66, false },
	[ERROR_HOST]        = { 68, true  },
	[ERROR_UNAVAILABLE] = { 69, false },
	[ERROR_BUG]         = { 70, false },
	[ERROR_OS]          = { 71, true  },
	[ERROR_CREATE]      = { 73, true  },
	[ERROR_IO]          = { 74, true  },
	[ERROR_SPACE]       = { 75, true  },
	[ERROR_NET]         = { 75, true  },
	[ERROR_PROTOCOL]    = { 76, true  },
	[ERROR_TLS]         = { 76, true  },
	[ERROR_CERT]        = { 77, true  },
	[ERROR_AUTH]        = { 77, true  },
	[ERROR_PERM]        = { 77, true  },
	[ERROR_CONFIG]      = { 78, true  },
};

/* A text that was cut ends in "..."; one line always. */
static void tidy(struct error *err, int wanted)
{
	size_t room = sizeof(err->text);

	if (wanted >= (int)room)
		memcpy(err->text + room - 4, "...", 4);
	for (char *p = err->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	va_list ap;
	int n;

	err->kind = kind;
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	tidy(err, n);
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	struct error old = *err;
	va_list ap;
	size_t n;
	int more;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	n = strlen(err->text);
	more = snprintf(err->text + n, sizeof(err->text) - n, ": %s", old.text);
	tidy(err, (int)n + more);
	return -1;
}

int error_add(struct error *err, const char *text)
{
	size_t n = strlen(err->text);
	int more = snprintf(err->text + n, sizeof(err->text) - n, "%s", text);

	tidy(err, (int)n + more);
	return -1;
}

int error_kind_status(enum error_kind kind)
{
	return kinds[kind].status;
}

bool error_kind_transient(enum error_kind kind)
{
	return kinds[kind].transient;
}
