/*
 * JSON that came from a provider: parsed strictly, read with care.
 */
#ifndef OAUTH2_OBJECT_H
#define OAUTH2_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/str.h"

struct json_t;

/* jansson's memory is wiped from here on; before its first use. */
void object_wipe_memory(void);

/*
 * The object that is all of text, or NULL: no object, a name twice, NUL or
 * what is not UTF-8.  To be given back by object_drop().
 */
struct json_t *object_parse(struct str text);
void object_drop(struct json_t *o);		/* NULL is fine */

/* A member's string; empty, and false, if there is none. */
bool object_text(const struct json_t *o, const char *name, struct str *out);

bool object_lacks(const struct json_t *o, const char *name);	/* or null */

bool object_true(const struct json_t *o, const char *name);

/*
 * A member that counts: a number, or one in a string, as some write it; cut
 * to an integer.  OBJECT_COUNT_NONE if it is absent or null, OBJECT_COUNT_BAD for
 * anything else, and beyond 0..max.
 */
enum object_count { OBJECT_COUNT_NONE, OBJECT_COUNT_OK, OBJECT_COUNT_BAD };
enum object_count object_number(const struct json_t *o, const char *name,
			    int64_t max, int64_t *out);

#endif
