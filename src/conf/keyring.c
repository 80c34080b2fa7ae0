#include "conf/keyring.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"

enum { SHOWN_MAX = 400 };	/* octets of a command that is shown */

int keyring_start(struct process *p, const struct keyring_entry *entry,
		  struct error *err)
{
	const char *argv[] = {
		"secret-tool", "lookup", "host", entry->host,
		"service", entry->service, "user", entry->user, NULL
	};

	if (!process_start_argv(p, argv, err))
		return 0;
	if (err->kind != ERROR_CONFIG)
		return -1;
	return error_set(err, ERROR_CONFIG, "the keyring is read by "
			 "'secret-tool', which is not installed: it is in "
			 "libsecret-tools or libsecret");
}

/* Where libdbus looks if nobody says where the bus is. */
static bool has_bus(void)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct buf path;
	bool there;

	if (address && *address)
		return true;
	if (!dir || !*dir)
		return false;
	buf_init(&path, 1 << 12);
	buf_addf(&path, "%s/bus", dir);
	there = !path.over && !access(buf_cstr(&path), F_OK);
	buf_release(&path);
	return there;
}

/* As an argument of a shell's command. */
static void quote(struct buf *out, const char *word)
{
	buf_addch(out, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_addz(out, "'\\''");
		else
			buf_addch(out, *word);
	buf_addch(out, '\'');
}

static void store_command(struct buf *out, const struct keyring_entry *entry)
{
	buf_addz(out, "secret-tool store --label=posthaste host ");
	quote(out, entry->host);
	buf_addf(out, " service %s user ", entry->service);
	quote(out, entry->user);
}

int keyring_explain(const struct keyring_entry *entry, struct error *err)
{
	struct buf command;

	if (err->kind == ERROR_NET)
		return error_set(err, ERROR_NET, "the keyring gave no answer in "
				 "time: is it locked?");
	if (!has_bus())
		return error_set(err, ERROR_CONFIG, "there is no keyring "
				 "without a session bus (D-Bus), as in cron and "
				 "services: use password_file or "
				 "password_command there");
	buf_init(&command, SHOWN_MAX);
	store_command(&command, entry);
	/* A reason is given for everything but "there is none". */
	if (strchr(err->text, ':'))
		error_wrap(err, "secret-tool");
	else
		error_set(err, ERROR_CONFIG, "the keyring has no such entry, or "
			  "stays locked: store it by \"%s\"",
			  command.over ? "secret-tool store" :
			  buf_cstr(&command));
	buf_release(&command);
	return -1;
}
