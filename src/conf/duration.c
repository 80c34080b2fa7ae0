#include "conf/duration.h"

#include <stdbool.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static const struct { char letter; unsigned seconds; } units[] = {
	{ 'd', DAY }, { 'h', HOUR }, { 'm', MINUTE }, { 's', 1 },
};
enum { UNITS = sizeof(units) / sizeof(*units) };

/* Take the unit off the end of *text: its seconds, 1 if there is none. */
static unsigned take_unit(struct str *text)
{
	for (size_t i = 0; text->n && i < UNITS; i++)
		if (ascii_lower(text->p[text->n - 1]) == units[i].letter) {
			text->n--;
			return units[i].seconds;
		}
	return 1;
}

int duration_set(unsigned *out, struct str text, unsigned min, unsigned max,
		 struct error *err)
{
	uint64_t factor = take_unit(&text);
	struct buf least, most;
	uint64_t v;

	if (!str_u64(text, UINT64_MAX, &v))
		return error_set(err, ERROR_CONFIG, "is not a number of "
				 "seconds, or of minutes (m), hours (h) or "
				 "days (d)");
	if (v <= max / factor && v * factor >= min) {
		*out = (unsigned)(v * factor);
		return 0;
	}
	buf_init(&least, 32);
	buf_init(&most, 32);
	duration_print(min, &least);
	duration_print(max, &most);
	error_set(err, ERROR_CONFIG, "is out of range: %s to %s",
		  min ? buf_cstr(&least) : "0", buf_cstr(&most));
	buf_release(&least);
	buf_release(&most);
	return -1;
}

static bool is_between(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

int duration_list(struct str text, unsigned wait[QUEUE_WAITS], size_t *n,
		  struct error *err)
{
	*n = 0;
	for (;;) {
		struct str word;

		while (text.n && is_between(*text.p))
			text = (struct str){ text.p + 1, text.n - 1 };
		if (!text.n)
			break;
		word = (struct str){ text.p, 0 };
		while (word.n < text.n && !is_between(word.p[word.n]))
			word.n++;
		text = (struct str){ text.p + word.n, text.n - word.n };
		if (*n == QUEUE_WAITS)
			return error_set(err, ERROR_CONFIG, "has more than %d "
					 "waits", QUEUE_WAITS);
		if (duration_set(&wait[*n], word, 1, DAY, err))
			return -1;
		++*n;
	}
	if (!*n)
		return error_set(err, ERROR_CONFIG, "may not be empty: "
				 "at least one wait, as 15m");
	return 0;
}

void duration_print(uint64_t seconds, struct buf *out)
{
	size_t i = 0;

	/* Seconds need no letter, and 0 is 0 of anything. */
	while (i < UNITS - 1 && seconds % units[i].seconds)
		i++;
	buf_addf(out, "%llu",
		 (unsigned long long)(seconds / units[i].seconds));
	if (seconds && i < UNITS - 1)
		buf_addch(out, units[i].letter);
}
