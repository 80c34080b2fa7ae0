/*
 * struct str: a borrowed run of bytes.  It never owns memory and is not
 * NUL-terminated; it lives as long as what it points into.
 */
#ifndef UTIL_STR_H
#define UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_LIST " \t,"	/* str_word: what stands between words of a list */

struct str str_of(const char *cstr);
bool str_eq(struct str a, struct str b);
bool str_caseeq(struct str a, struct str b);		/* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_casestarts(struct str s, struct str prefix);	/* ASCII only */
bool str_has_ctl(struct str s);				/* any byte < 0x20, or DEL */
bool str_has_8bit(struct str s);			/* any byte > 0x7f */

/* Take what comes before `sep` off the front of *s; all of it if absent. */
struct str str_cut(struct str *s, char sep);

/*
 * Take a word off the front of *s, and the octets of `gaps` before it: empty
 * when there is none left.
 */
struct str str_word(struct str *s, const char *gaps);

struct str str_trim(struct str s);	/* without blanks and tabs at both ends */

/* Parse all of s as decimal.  False if empty, not digits, or over max. */
bool str_u64(struct str s, uint64_t max, uint64_t *out);

/* The octet that two hex digits at the front of s make, or -1. */
int str_hex(struct str s);

char ascii_lower(char c);

#endif
