/*
 * The desktop's keyring (the Secret Service of freedesktop.org), by the program
 * secret-tool of libsecret.
 */
#ifndef CONF_KEYRING_H
#define CONF_KEYRING_H

#include "sys/process.h"
#include "util/error.h"

/* What an entry is found by; msmtp's users have theirs under the same. */
struct keyring_entry {		/* borrowed */
	const char *host;
	const char *service;	/* "smtp"; "smtp-key" for a key's password */
	const char *user;
};

/* Start to look it up.  ERROR_CONFIG if there is no secret-tool. */
int keyring_start(struct process *p, const struct keyring_entry *entry,
		  struct error *err);

/*
 * Say what to do about a lookup that has failed with *err: store the entry,
 * unlock the keyring, or have a session bus first.
 */
int keyring_explain(const struct keyring_entry *entry, struct error *err);

#endif
