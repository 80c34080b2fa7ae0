/*
 * The table of command-line options: what parses argv, what --help prints,
 * and what the man page and the completions are checked against.
 */
#ifndef CMD_FLAG_H
#define CMD_FLAG_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/request.h"
#include "conf/option.h"
#include "util/buf.h"
#include "util/error.h"

enum flag_arg { ARG_NONE, ARG_REQUIRED, ARG_ATTACHED };

enum {
	IN_POSTHASTE = 1u << 0,
	IN_SENDMAIL  = 1u << 1,
	IN_BOTH      = IN_POSTHASTE | IN_SENDMAIL
};

enum flag_group {
	GROUP_ENVELOPE, GROUP_COMPOSE, GROUP_RELAY, GROUP_OUTCOME, GROUP_MODE,
	GROUP_QUEUE, GROUP_COMPAT, GROUP_HIDDEN
};

struct flag {
	char letter;		/* 0: none */
	unsigned char faces;	/* of the letter; long ones are posthaste's */
	const char *word;	/* long name, NULL: none */
	enum flag_arg arg;
	enum flag_group group;
	const char *value;	/* what help calls the argument */
	const char *help;
	/*
	 * What it does; value is "" without an argument.  Or NULL: then the
	 * value is kept in the request at `at`, a const char * or, if it may
	 * be repeated, a struct list.
	 */
	int (*apply)(struct request *r, const char *value, struct error *err);
	size_t at;
	bool repeated;
};

size_t flag_count(void);
const struct flag *flag_at(size_t i);

const struct flag *flag_word(const char *word);	/* by long name, or NULL */

/* Is o a long option of its own?  No: general, secret, or a flag's name. */
bool flag_is_option(const struct option *o);
void flag_option_word(struct buf *out, const struct option *o); /* tls-trust */

/* Append the text of --help. */
void flag_help(struct buf *out);

#endif
