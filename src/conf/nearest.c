#include "conf/nearest.h"

enum { WORD_MAX = 40 };		/* octets; longer words have no neighbours */

static char folded(char c)
{
	return c == '-' ? '_' : ascii_lower(c);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance, three rows of its table at a time. */
static size_t distance(struct str a, struct str b)
{
	size_t row[3][WORD_MAX + 1];
	size_t *prev2 = row[0], *prev = row[1], *cur = row[2];

	for (size_t j = 0; j <= b.n; j++)
		prev[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		char x = folded(a.p[i - 1]);
		size_t *oldest = prev2;

		cur[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			char y = folded(b.p[j - 1]);

			cur[j] = least(prev[j - 1] + (x != y),
				       least(prev[j], cur[j - 1]) + 1);
			if (i > 1 && j > 1 && x == folded(b.p[j - 2]) &&
			    y == folded(a.p[i - 2]))
				cur[j] = least(cur[j], prev2[j - 2] + 1);
		}
		prev2 = prev;
		prev = cur;
		cur = oldest;
	}
	return prev[b.n];
}

void nearest_try(struct nearest *best, struct str word, const char *name)
{
	struct str n = str_of(name);
	size_t limit = word.n / 3;
	size_t d;

	if (word.n > WORD_MAX || n.n > WORD_MAX)
		return;
	limit = limit < 1 ? 1 : least(limit, 3);
	d = distance(word, n);
	if (d > limit || d >= n.n || (best->name && d >= best->distance))
		return;
	*best = (struct nearest){ name, d };
}
