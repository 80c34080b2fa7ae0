#include "conf/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { UNTOUCHED = 12345, MAX = 2 * 86400 };

/* Text, seconds, and what these print as; says: refused. */
static const struct {
	const char *in;
	unsigned seconds;
	const char *out, *says;
} rows[] = {
	{ "5", 5, "5", NULL },
	{ "5s", 5, "5", NULL },
	{ "60", 60, "1m", NULL },
	{ "61", 61, "61", NULL },
	{ "90m", 5400, "90m", NULL },
	{ "60m", 3600, "1h", NULL },
	{ "2H", 7200, "2h", NULL },
	{ "24h", 86400, "1d", NULL },
	{ "36h", 129600, "36h", NULL },
	{ "2d", MAX, "2d", NULL },
	{ "007", 7, "7", NULL },
	{ "4", 0, NULL, "is out of range: 5 to 2d" },
	{ "0d", 0, NULL, "is out of range" },
	{ "172801", 0, NULL, "is out of range" },
	{ "49h", 0, NULL, "is out of range" },
	/* These times 60 or 86400 are small again in 32 or 64 bits. */
	{ "71582789m", 0, NULL, "is out of range" },
	{ "213503982334602d", 0, NULL, "is out of range" },
	{ "18446744073709551615", 0, NULL, "is out of range" },
	{ "18446744073709551616", 0, NULL, "is not a number" },
	{ "", 0, NULL, "is not a number of seconds, or of minutes" },
	{ "m", 0, NULL, "is not a number" },
	{ "5ms", 0, NULL, "is not a number" },
	{ "1w", 0, NULL, "is not a number" },
	{ "-5", 0, NULL, "is not a number" },
	{ "+5", 0, NULL, "is not a number" },
	{ "1.5h", 0, NULL, "is not a number" },
	{ "1h30m", 0, NULL, "is not a number" },
	{ "5 m", 0, NULL, "is not a number" },
};

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned v = UNTOUCHED;
		struct error err = { 0 };
		struct buf b;
		int ret = duration_set(&v, str_of(rows[i].in), 5, MAX, &err);

		if ((ret == 0) != !rows[i].says)
			fail_msg("'%s': %d %s", rows[i].in, ret, err.text);
		if (rows[i].says && (err.kind != ERROR_CONFIG ||
				     v != UNTOUCHED ||
				     !strstr(err.text, rows[i].says)))
			fail_msg("'%s': %u, %s", rows[i].in, v, err.text);
		if (rows[i].says)
			continue;
		buf_init(&b, 32);
		duration_print(v, &b);
		if (v != rows[i].seconds || strcmp(buf_cstr(&b), rows[i].out))
			fail_msg("'%s': %u, '%s'", rows[i].in, v,
				 buf_cstr(&b));
		buf_release(&b);
	}
}

static void nothing_is_zero(void **state)
{
	struct error err;
	unsigned v = 1;
	struct buf b;

	(void)state;
	assert_int_equal(duration_set(&v, STR("0h"), 0, 9, &err), 0);
	assert_int_equal(v, 0);
	buf_init(&b, 32);
	duration_print(v, &b);
	assert_string_equal(buf_cstr(&b), "0");
	buf_release(&b);
}

#define SIXTEEN "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"

/* n 0: refused with says; else so many waits, the last of them `last`. */
static const struct {
	const char *in;
	size_t n;
	unsigned last;
	const char *says;
} lists[] = {
	{ "1m, 5m, 15m, 30m, 1h", 5, 3600, NULL },
	{ "7", 1, 7, NULL },
	{ " 1m ,,\t1d, ", 2, 86400, NULL },
	{ SIXTEEN, 16, 16, NULL },
	{ SIXTEEN " ,", 16, 16, NULL },
	{ SIXTEEN " 17", 0, 0, "has more than 16 waits" },
	{ "", 0, 0, "may not be empty" },
	{ " , ", 0, 0, "may not be empty" },
	{ "1m, 0", 0, 0, "is out of range: 1 to 1d" },
	{ "1m, 86401", 0, 0, "is out of range" },
	{ "1m; 5m", 0, 0, "is not a number" },
};

static void each_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		unsigned wait[QUEUE_WAITS];
		struct error err = { 0 };
		size_t n;
		int ret = duration_list(str_of(lists[i].in), wait, &n, &err);

		if ((ret == 0) != !lists[i].says)
			fail_msg("'%s': %d %s", lists[i].in, ret, err.text);
		if (ret && !strstr(err.text, lists[i].says))
			fail_msg("'%s': %s", lists[i].in, err.text);
		if (!ret && (n != lists[i].n || wait[n - 1] != lists[i].last))
			fail_msg("'%s': %zu, %u", lists[i].in, n, wait[n - 1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(nothing_is_zero),
		cmocka_unit_test(each_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
