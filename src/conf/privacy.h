/*
 * What a configuration file may hold depends on who can read and change it.
 */
#ifndef CONF_PRIVACY_H
#define CONF_PRIVACY_H

#include <stdbool.h>

#include "sys/file.h"
#include "util/error.h"

struct privacy {
	bool secrets, commands;		/* it has some */
};

/* Note what a section of the file (as in option_defaults()) has of these. */
void privacy_note(struct privacy *p, const void *base, unsigned section);

/*
 * A file with a secret has to be private, and one with a command ours or
 * root's and closed to the writing of everybody: else ERROR_PERM with the
 * shell command that mends it.
 */
int privacy_check(const struct privacy *p, const char *path,
		  const struct file_facts *facts, struct error *err);

#endif
