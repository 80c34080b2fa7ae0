/*
 * A line of the log, made member by member: key=value, or a JSON object.
 * Text is a JSON string in both, so a line is one line whatever it holds.
 */
#ifndef MAIL_LOGLINE_H
#define MAIL_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/str.h"

struct logline {
	struct buf *out;	/* borrowed; the line is appended */
	bool json;
	size_t start;		/* private */
};

void logline_begin(struct logline *l, struct buf *out, bool json);
void logline_text(struct logline *l, const char *key, struct str value);
/* For what has no blanks or quotes: bare in key=value. */
void logline_word(struct logline *l, const char *key, const char *value);
void logline_number(struct logline *l, const char *key, int64_t value);
void logline_end(struct logline *l);	/* with LF */

#endif
