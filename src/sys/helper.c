#include "sys/helper.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LIMIT = 4096 };		/* octets */

static bool is_there(struct buf *out, size_t start, const char *dir,
		     const char *below, const char *name)
{
	out->len = start;
	buf_addf(out, "%s%s/%s", dir, below, name);
	return !out->over && !access(out->p + start, X_OK);
}

int helper_find(const char *name, struct buf *out, struct error *err)
{
	char self[PATH_LIMIT];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t start = out->len;
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	if ((slash && (is_there(out, start, self, "", name) ||
		       is_there(out, start, self, "/../libexec", name))) ||
	    is_there(out, start, LIBEXECDIR, "", name))
		return 0;
	return error_set(err, ERROR_CONFIG, "the helper program '%s' is not "
			 "installed: it is neither in '%.200s' and its "
			 "'../libexec' nor in '" LIBEXECDIR "'", name, self);
}
