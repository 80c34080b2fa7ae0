/*
 * INI files, read by iniparser, but not before a strict pass over the text
 * has turned everything that iniparser cuts, joins, overrides or skips
 * without a word into an error that names file, line, section and key.
 *
 *	[section]
 *	key = value		; a comment: after a blank, or alone on a line
 *	key = "a; b"		; quotes protect blanks, ';' and '#'
 *
 * Sections that map addresses, [aliases] and [rewrite], have keys of their own
 * choosing; in all others a key is the name of a setting.
 */
#ifndef CONF_INI_H
#define CONF_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/str.h"

enum {
	INI_LINE_MAX = 1022,	/* octets without the LF: iniparser's buffer */
	INI_NAME_MAX = 200,	/* octets in a section's or a setting's name */
	INI_SECTION_MAX = 1024,	/* sections in a file */
	INI_KEY_MAX = 256,	/* settings in a section */
	INI_FREE_MAX = 2048	/* the same, if its keys are free */
};

struct ini_section {
	struct str name;	/* as written, without the brackets */
	unsigned line;		/* counted from 1 */
	/*
	 * [aliases] and [rewrite]: keys are no settings but addresses, or parts
	 * of them, in which '-' and '_' differ.
	 */
	bool free_keys;
	size_t first, n;	/* its entries in struct ini */
};

struct ini_entry {
	struct str key, value;	/* value without quotes and comment */
	unsigned line;
};

struct ini {
	struct ini_section *section;
	size_t n_section;
	struct ini_entry *entry;
	size_t n_entry;
};

/*
 * The strict pass alone, a pure function: fill ini, whose strings point into
 * text.  `file` is for messages.  ERROR_CONFIG.  ini is to be released even
 * after -1.
 */
int ini_check(struct ini *ini, struct str text, const char *file,
	      struct error *err);

/*
 * ini_check(), then let iniparser read the same text and insist that it saw
 * the same.
 */
int ini_load(struct ini *ini, struct str text, const char *file,
	     struct error *err);

void ini_release(struct ini *ini);

#endif
