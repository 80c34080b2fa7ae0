#include "conf/privacy.h"

#include <sys/stat.h>
#include <unistd.h>

#include "conf/option.h"

void privacy_note(struct privacy *p, const void *base, unsigned section)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if ((o->flags & OPTION_SECTION) != section)
			continue;
		p->secrets |= option_is_secret(o, base);
		p->commands |= (o->flags & OPTION_COMMAND) &&
			option_given(o, base);
	}
}

int privacy_check(const struct privacy *p, const char *path,
		  const struct file_facts *facts, struct error *err)
{
	if (p->secrets && file_check_private(path, facts, err))
		return -1;
	/* Whose HOME it came from may not be who runs us. */
	if (p->commands && facts->uid && facts->uid != geteuid())
		return error_set(err, ERROR_PERM, "'%s' names a command but "
				 "belongs to uid %lu: run 'chown %lu %s'", path,
				 (unsigned long)facts->uid,
				 (unsigned long)geteuid(), path);
	if (p->commands && (facts->mode & S_IWOTH))
		return error_set(err, ERROR_PERM, "'%s' names a command but "
				 "everybody may write to it: run 'chmod o-w %s'",
				 path, path);
	return 0;
}
