#include "conf/secret.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/bearer.h"
#include "conf/keyring.h"
#include "conf/netrc.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/locked.h"
#include "sys/process.h"
#include "sys/terminal.h"
#include "util/buf.h"
#include "util/xalloc.h"

enum {
	RAW_MAX = SECRET_MAX + 2,	/* with the line's end, CRLF */
	PATH_LIMIT = 4096, PROMPT_MAX = 1000	/* octets */
};

#define SCHEME "credential:"

/* The settings for one use of a secret, by their places in struct account. */
struct settings {
	size_t command, file, value;
	const char *command_key, *file_key, *value_key;
	const char *service;		/* in the keyring */
	const char *missing;		/* what to do if there is no source */
};

static const struct settings settings[] = {
	[SECRET_LOGIN] = {
		offsetof(struct account, password_command),
		offsetof(struct account, password_file),
		offsetof(struct account, password),
		"password_command", "password_file", "password", "smtp",
		"the password is not known: set password_command, "
		"password_file, netrc, password (in a private file; or keyring, "
		"or prompt), token_command or oauth2, or use --password-fd",
	},
	[SECRET_KEY] = {
		offsetof(struct account, tls_key_password_command),
		offsetof(struct account, tls_key_password_file),
		offsetof(struct account, tls_key_password),
		"tls_key_password_command", "tls_key_password_file",
		"tls_key_password", "smtp-key",
		"the password of tls_key is not known: set "
		"tls_key_password_command, tls_key_password_file or "
		"tls_key_password (in a private file; or keyring, or prompt)",
	},
};

struct secret_source {
	const struct account *a;
	enum secret_use use;
	struct process process;
	bool keyring;		/* that is what the process looks into */
	bool oauth2;		/* it is the bearer's */
	struct bearer bearer;
	int fd;			/* -1: not from a descriptor */
	bool none;		/* none is needed, and there is none */
	struct buf raw;
	char what[200];		/* "password_command of account 'work'" */
};

static const char *text_at(const struct secret_source *src, size_t at)
{
	return *(char *const *)((const char *)src->a + at);
}

static void name_it(struct secret_source *src, const char *setting)
{
	if (*src->a->name)
		snprintf(src->what, sizeof(src->what), "%s of account '%s'",
			 setting, src->a->name);
	else
		snprintf(src->what, sizeof(src->what), "%s", setting);
}

static int from_command(struct secret_source *src, const char *setting,
			const char *command, struct error *err)
{
	name_it(src, setting);
	if (process_start(&src->process, command, err))
		return error_wrap(err, "%s", src->what);
	return 0;
}

static int from_oauth2(struct secret_source *src,
		       const struct secret_ways *ways, struct error *err)
{
	const struct account *a = src->a;

	name_it(src, "oauth2");
	src->oauth2 = true;
	if (!a->profile)
		return error_set(err, ERROR_CONFIG, "%s: there is no section "
				 "[oauth2 %.64s]", src->what, a->oauth2);
	if (bearer_begin(&src->bearer, a->profile, a->user,
			 ways->stale ? ways->stale : "", err))
		return error_wrap(err, "%s", src->what);
	return 0;
}

/* ---- files ---- */

/* The service manager's directory; NULL if there is none. */
static const char *credentials(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	return dir && *dir == '/' && dir[1] ? dir : NULL;
}

static int read_file(struct secret_source *src, const char *path,
		     struct error *err)
{
	struct file_facts facts;

	if (file_slurp(path, &src->raw, &facts, err))
		return error_wrap(err, "%s", src->what);
	if (facts.missing)
		return error_set(err, ERROR_CONFIG, "%s: '%s' does not exist",
				 src->what, path);
	return file_check_private(path, &facts, err);
}

static int from_credential(struct secret_source *src, const char *name,
			   struct error *err)
{
	const char *dir = credentials();
	struct buf path;
	int ret;

	if (!dir)
		return error_set(err, ERROR_CONFIG, "%s: there are no "
				 "credentials here ($CREDENTIALS_DIRECTORY is "
				 "not set): the systemd unit needs "
				 "LoadCredential=%s:/PATH", src->what, name);
	buf_init(&path, PATH_LIMIT);
	buf_addf(&path, "%s/%s", dir, name);
	if (!path.over && !access(buf_cstr(&path), F_OK))
		ret = read_file(src, buf_cstr(&path), err);
	else
		ret = error_set(err, ERROR_CONFIG, "%s: the service has no "
				"credential '%s': its unit needs "
				"LoadCredential=%s:/PATH", src->what, name,
				name);
	buf_release(&path);
	return ret;
}

static int from_file(struct secret_source *src, const char *setting,
		     const char *path, struct error *err)
{
	name_it(src, setting);
	if (str_starts(str_of(path), STR(SCHEME)))
		return from_credential(src, path + strlen(SCHEME), err);
	return read_file(src, path, err);
}

static int from_netrc(struct secret_source *src, struct error *err)
{
	const struct account *a = src->a;
	struct netrc_query query = { .host = account_host(a), .user = a->user,
				     .password = &src->raw };

	name_it(src, "netrc");
	return netrc_read(a, &query, err);
}

/* ---- keyring and terminal ---- */

static struct keyring_entry entry_of(const struct secret_source *src)
{
	return (struct keyring_entry){ account_host(src->a),
		settings[src->use].service, src->a->user };
}

static int from_keyring(struct secret_source *src, struct error *err)
{
	struct keyring_entry e = entry_of(src);

	src->keyring = true;
	if (keyring_start(&src->process, &e, err))
		return error_wrap(err, "%s", src->what);
	return 0;
}

static void question(const struct secret_source *src, struct buf *out)
{
	const struct account *a = src->a;
	const char *key = *a->tls_key ? a->tls_key : a->tls_cert;
	bool token = str_starts(str_of(key), STR("pkcs11:"));

	if (src->use == SECRET_LOGIN)
		buf_addf(out, "Password for %s at %s: ", a->user,
			 account_host(a));
	else		/* a URI's query part may have a PIN in it */
		buf_addf(out, "%s %.*s: ", token ? "PIN for" :
			 "Password for the key",
			 (int)(token ? strcspn(key, "?") : strlen(key)), key);
}

static int from_terminal(struct secret_source *src,
			 const struct secret_ways *ways, struct error *err)
{
	struct buf prompt;
	int ret;

	if (!ways->terminal)
		return error_set(err, ERROR_CONFIG, "%s is 'prompt', but nobody "
				 "is asked here: use keyring, a file or a "
				 "command", src->what);
	buf_init(&prompt, PROMPT_MAX);
	question(src, &prompt);
	ret = terminal_ask(buf_cstr(&prompt), &src->raw, ways->deadline ?
			   ways->deadline : CLOCK_NEVER, err);
	buf_release(&prompt);
	if (ret)
		return error_wrap(err, "%s", src->what);
	if (!src->raw.len)
		return error_set(err, ERROR_AUTH, "%s: nothing was typed",
				 src->what);
	return 0;
}

static int from_value(struct secret_source *src, const char *value,
		      const struct secret_ways *ways, struct error *err)
{
	name_it(src, settings[src->use].value_key);
	if (!strcmp(value, "keyring"))
		return from_keyring(src, err);
	if (!strcmp(value, "prompt"))
		return from_terminal(src, ways, err);
	buf_addz(&src->raw, value);
	return 0;
}

/* ---- which source ---- */

/* No setting says where it is: perhaps there is somebody to ask. */
static int from_nowhere(struct secret_source *src,
			const struct secret_ways *ways, struct error *err)
{
	src->none = src->use == SECRET_LOGIN && !account_needs_secret(src->a);
	if (src->none)
		return 0;
	if (ways->terminal && terminal_there()) {
		name_it(src, settings[src->use].value_key);
		return from_terminal(src, ways, err);
	}
	error_set(err, ERROR_CONFIG, "%s", settings[src->use].missing);
	return *src->a->name ? error_wrap(err, "account '%s'", src->a->name) :
		-1;
}

/* What only a login may come from, before and after the settings of all. */
static bool login_by(const struct secret_source *src, const char *setting)
{
	return src->use == SECRET_LOGIN && *setting;
}

static int begin(struct secret_source *src, const struct secret_ways *ways,
		 struct error *err)
{
	const struct settings *set = &settings[src->use];
	const struct account *a = src->a;

	if (src->use == SECRET_LOGIN && ways->fd >= 0) {
		src->fd = ways->fd;
		snprintf(src->what, sizeof(src->what), "--password-fd");
		return 0;
	}
	if (login_by(src, a->token_command))
		return from_command(src, "token_command", a->token_command,
				    err);
	if (login_by(src, a->oauth2))
		return from_oauth2(src, ways, err);
	if (*text_at(src, set->command))
		return from_command(src, set->command_key,
				    text_at(src, set->command), err);
	if (*text_at(src, set->file))
		return from_file(src, set->file_key, text_at(src, set->file),
				 err);
	if (*text_at(src, set->value))
		return from_value(src, text_at(src, set->value), ways, err);
	if (login_by(src, a->netrc))
		return from_netrc(src, err);
	return from_nowhere(src, ways, err);
}

bool secret_is_set(const struct account *a, enum secret_use use)
{
	const struct secret_source src = { .a = a, .use = use };
	const struct settings *set = &settings[use];

	return *text_at(&src, set->command) || *text_at(&src, set->file) ||
	       *text_at(&src, set->value) ||
	       login_by(&src, a->token_command) ||
	       login_by(&src, a->oauth2) || login_by(&src, a->netrc);
}

struct secret_source *secret_begin(const struct account *a,
				   enum secret_use use,
				   const struct secret_ways *ways,
				   struct error *err)
{
	struct secret_source *src = xcalloc(1, sizeof(*src));

	src->a = a;
	src->use = use;
	src->fd = -1;
	locked_buf(&src->raw, RAW_MAX);
	if (!begin(src, ways, err))
		return src;
	secret_cancel(src);
	return NULL;
}

static int collect(struct secret_source *src, int64_t deadline,
		   struct error *err)
{
	struct error why = { 0 };
	struct keyring_entry e;

	if (src->oauth2)
		return !bearer_finish(&src->bearer, deadline, &src->raw, err) ?
		       0 : error_wrap(err, "%s", src->what);
	if (src->process.pid) {
		if (!process_finish(&src->process, &src->raw, deadline, &why))
			return 0;
		if (!src->keyring)
			return error_set(err, why.kind, "%s %s", src->what,
					 why.text);
		e = entry_of(src);
		keyring_explain(&e, &why);
		return error_set(err, why.kind, "%s: %s", src->what, why.text);
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
		out->p = locked_strndup(s.p, s.n);
		out->n = s.n;
		out->issued = src->bearer.issued;
	}
	secret_cancel(src);
	return ret;
}

void secret_cancel(struct secret_source *src)
{
	if (!src)
		return;
	process_release(&src->process);
	bearer_release(&src->bearer);
	locked_buf_release(&src->raw);
	free(src);
}

struct str secret_str(const struct secret *s)
{
	return (struct str){ s->p ? s->p : "", s->n };
}

void secret_release(struct secret *s)
{
	locked_free(s->p, s->n + 1);
	*s = (struct secret){ 0 };
}
