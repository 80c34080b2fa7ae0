/*
 * The option table: one row for each setting of an account, of the program and
 * of the queue.
 * It serves the file, --set KEY=VALUE, the long options, --print-config, the
 * help text, the man page and the completions.
 */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/account.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum option_type {
	OPTION_TEXT,		/* char *, owned */
	OPTION_LIST,		/* char *: words with commas or blanks between */
	OPTION_PATH,		/* char *: a file, or one of `choice`; ~/ is expanded */
	OPTION_COUNT,		/* unsigned */
	OPTION_SECONDS,		/* unsigned; suffixes s, m, h, d: conf/duration.h */
	OPTION_CHOICE,		/* unsigned: index into `choice` */
	OPTION_SIZE,		/* unsigned long long, octets; k, M, G are 1024^n */
	OPTION_BOOL		/* bool: yes no on off true false */
};

enum {
	OPTION_GENERAL = 1u << 0,	/* of struct general, section [posthaste] */
	OPTION_SECRET  = 1u << 1,	/* from a private file only; masked */
	OPTION_REQUIRED = 1u << 2,	/* may not be set to nothing */
	OPTION_QUEUE   = 1u << 3,	/* of struct queue_settings, [queue] */
	OPTION_OAUTH2  = 1u << 4,	/* of struct oauth2_profile, [oauth2 NAME] */
	OPTION_COMMAND = 1u << 5,	/* for the shell: from a file nobody else writes */
	OPTION_SECTION = OPTION_GENERAL | OPTION_QUEUE | OPTION_OAUTH2	/* 0: an account's */
};

enum { OPTION_TEXT_MAX = 8192 };	/* octets a text may have */

struct option {
	const char *key;	/* as in the file: tls_trust; long: --tls-trust */
	enum option_type type;
	unsigned flags;
	size_t at;		/* offset in the struct of its section */
	const char *fallback;	/* the default, as text */
	uint64_t min, max;	/* of numbers, inclusive */
	/*
	 * Names, NULL ends them; NULL: none.  Those of a secret say where it
	 * is to come from, so they are no secrets.
	 */
	const char *const *choice;
	const char *scheme;	/* a path may be what begins so: "pkcs11:" */
	/* Judge a text, or one word of a list; NULL: anything will do. */
	int (*check)(struct str value, struct error *err);
	/* What is a secret only at times, and shown but for that; NULL: see
	   OPTION_SECRET. */
	bool (*is_secret)(struct str value);
	void (*mask)(struct str value, struct buf *out);
	const char *arg;	/* what help calls the value: "SECONDS" */
	const char *help;	/* one line, lower case */
};

size_t option_count(void);
const struct option *option_at(size_t i);	/* in the order of help */

/* By key, '-' and '_' being the same and case ignored; NULL if unknown. */
const struct option *option_find(struct str key);

/* The known key most like this one; NULL if none comes near. */
const char *option_nearest(struct str key);

/*
 * As option_find, but says what is wrong: ERROR_UNAVAILABLE for a setting
 * that a later version has, else ERROR_CONFIG with the nearest known key.
 */
const struct option *option_lookup(struct str key, struct error *err);

/* Is value one of o's choices? */
bool option_is_choice(const struct option *o, struct str value);

/*
 * Set o's field in base (struct general if OPTION_GENERAL, queue_settings if
 * OPTION_QUEUE, oauth2_profile if OPTION_OAUTH2, else struct account) from
 * text.  ERROR_CONFIG for a value out of its type or bounds, ERROR_UNAVAILABLE
 * for one that a later version has; the field is then as it was.  The text of
 * a secret is in no error.
 */
int option_set(const struct option *o, void *base, struct str value,
	       struct error *err);

/*
 * The same from the command line, by name: what is wrong is ERROR_USAGE, and
 * secrets are refused there because every user can read argv, and the queue's
 * settings because they hold for every message in it.
 */
int option_set_arg(struct account *a, struct general *g, struct str key,
		   struct str value, struct error *err);
/* The same from "KEY=VALUE", the argument of --set. */
int option_set_pair(struct account *a, struct general *g, const char *pair,
		    struct error *err);

bool option_given(const struct option *o, const void *base);	/* set, not default */

/* Is o's text in base a secret: set, and not a word for where it comes from? */
bool option_is_secret(const struct option *o, const void *base);

/* Append the value as option_set() would read it; a secret as "********". */
void option_value(const struct option *o, const void *base, struct buf *out);

/* Append "key = value\n", quoted if the file would need it. */
void option_print_pair(const char *key, const char *value, struct buf *out);
void option_print(const struct option *o, const void *base, struct buf *out);

/* What base is: a flag of OPTION_SECTION, or 0 for struct account. */
void option_defaults(void *base, unsigned section);	/* base: zeroed memory */
void option_release(void *base, unsigned section);	/* frees; wipes secrets */
/* Where `from` was given and `to` was not, take it over (texts copied). */
void option_merge(void *to, const void *from, unsigned section);

#endif
