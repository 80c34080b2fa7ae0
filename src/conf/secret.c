#include "conf/secret.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/netrc.h"
#include "sys/file.h"
#include "sys/locked.h"
#include "sys/process.h"
#include "util/buf.h"
#include "util/xalloc.h"

enum { RAW_MAX = SECRET_MAX + 2 };	/* with the line's end, CRLF */

struct secret_source {
	struct process process;
	int fd;			/* -1: not from a descriptor */
	bool none;		/* none is needed, and there is none */
	struct buf raw;		/* all its memory from the start: no stray copies */
	char what[200];		/* "password_command of account 'work'" */
};

static void name_it(struct secret_source *src, const char *setting,
		    const struct account *a)
{
	if (*a->name)
		snprintf(src->what, sizeof(src->what), "%s of account '%s'",
			 setting, a->name);
	else
		snprintf(src->what, sizeof(src->what), "%s", setting);
}

static int from_command(struct secret_source *src, const char *setting,
			const char *command, const struct account *a,
			struct error *err)
{
	name_it(src, setting, a);
	if (process_start(&src->process, command, err))
		return error_wrap(err, "%s", src->what);
	return 0;
}

/*
 * What the service manager put into $CREDENTIALS_DIRECTORY is closed to
 * others by an access list, whose mask looks like permissions for the group.
 */
static bool is_credential(const char *path)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir ? strlen(dir) : 0;

	return n > 1 && *dir == '/' && !strncmp(path, dir, n) &&
	       path[n] == '/' && !strstr(path + n, "/../");
}

static int from_file(struct secret_source *src, const struct account *a,
		     struct error *err)
{
	const char *path = a->password_file;
	struct file_facts facts;

	name_it(src, "password_file", a);
	if (file_slurp(path, &src->raw, &facts, err))
		return error_wrap(err, "%s", src->what);
	if (facts.missing)
		return error_set(err, ERROR_CONFIG, "%s: '%s' does not exist",
				 src->what, path);
	if (is_credential(path))
		facts.mode &= ~(mode_t)S_IRGRP;
	return file_check_private(path, &facts, err);
}

static int from_netrc(struct secret_source *src, const struct account *a,
		      struct error *err)
{
	struct netrc_query query = { .host = account_host(a), .user = a->user,
				     .password = &src->raw };

	name_it(src, "netrc", a);
	return netrc_read(a, &query, err);
}

static int begin(struct secret_source *src, const struct account *a,
		 const struct secret_ways *ways, struct error *err)
{
	if (ways->fd >= 0) {
		src->fd = ways->fd;
		snprintf(src->what, sizeof(src->what), "--password-fd");
		return 0;
	}
	if (*a->token_command)
		return from_command(src, "token_command", a->token_command, a,
				    err);
	if (*a->password_command)
		return from_command(src, "password_command",
				    a->password_command, a, err);
	if (*a->password_file)
		return from_file(src, a, err);
	if (*a->password) {
		name_it(src, "password", a);
		buf_addz(&src->raw, a->password);
		return 0;
	}
	if (*a->netrc)
		return from_netrc(src, a, err);
	src->none = !account_needs_secret(a);
	if (src->none)
		return 0;
	name_it(src, "the password", a);
	return error_set(err, ERROR_CONFIG, "%s is not known: set "
			 "password_command, password_file, netrc, password "
			 "(in a private file) or token_command, or use "
			 "--password-fd", src->what);
}

struct secret_source *secret_begin(const struct account *a,
				   enum secret_use use,
				   const struct secret_ways *ways,
				   struct error *err)
{
	struct secret_source *src = xcalloc(1, sizeof(*src));

	src->fd = -1;
	buf_init(&src->raw, RAW_MAX);
	buf_room(&src->raw, RAW_MAX);
	buf_add(&src->raw, STR(""));
	(void)use;
	if (!begin(src, a, ways, err))
		return src;
	secret_cancel(src);
	return NULL;
}

static int collect(struct secret_source *src, int64_t deadline,
		   struct error *err)
{
	struct error why = { 0 };

	if (src->process.pid) {
		if (process_finish(&src->process, &src->raw, deadline, &why))
			return error_set(err, why.kind, "%s %s", src->what,
					 why.text);
		return 0;
	}
	if (src->fd >= 0)
		return file_read_fd(src->fd, &src->raw, deadline, src->what,
				    err);
	return 0;
}

static int check(const struct secret_source *src, struct str s,
		 struct error *err)
{
	const char *why = NULL;

	if (src->raw.over || s.n > SECRET_MAX)
		why = "gives more than 64 KiB";
	else if (!s.n && !src->none)
		why = "gives nothing";
	else if (memchr(s.p, '\0', s.n))
		why = "gives a NUL byte";
	else if (memchr(s.p, '\n', s.n))
		why = "gives more than one line: the secret has to be alone";
	if (why)
		return error_set(err, ERROR_CONFIG, "%s %s", src->what, why);
	return 0;
}

int secret_finish(struct secret_source *src, int64_t deadline,
		  struct secret *out, struct error *err)
{
	struct str s;
	int ret = collect(src, deadline, err);

	if (!ret) {
		s = buf_str(&src->raw);
		if (s.n && s.p[s.n - 1] == '\n') {
			s.n--;
			if (s.n && s.p[s.n - 1] == '\r')
				s.n--;
		}
		ret = check(src, s, err);
	}
	if (!ret) {
		out->p = locked_alloc(SECRET_MAX);
		out->n = s.n;
		memcpy(out->p, s.p, s.n);
	}
	secret_cancel(src);
	return ret;
}

void secret_cancel(struct secret_source *src)
{
	if (!src)
		return;
	process_release(&src->process);
	buf_wipe(&src->raw);
	buf_release(&src->raw);
	free(src);
}

struct str secret_str(const struct secret *s)
{
	return (struct str){ s->p ? s->p : "", s->n };
}

void secret_release(struct secret *s)
{
	locked_free(s->p, SECRET_MAX);
	*s = (struct secret){ 0 };
}
