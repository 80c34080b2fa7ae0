#include "util/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void empty(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal(buf_str(&b).n, 0);
	assert_non_null(buf_str(&b).p);
	buf_add(&b, (struct str){ NULL, 0 });
	assert_string_equal(buf_cstr(&b), "");
	buf_drop(&b, 0);
	buf_wipe(&b);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_false(b.over);
	buf_release(&b);
	buf_release(&b);
	assert_null(b.p);
	assert_int_equal(b.max, 10);
}

/* Each way to append `n` octets to a buffer of ceiling `max` with 3 in it. */
static void append(struct buf *b, int way, size_t n)
{
	static const char text[] = "0123456789";
	char *room;

	if (way == 0) {
		buf_add(b, (struct str){ text, n });
	} else if (way == 1) {
		buf_addf(b, "%.*s", (int)n, text);
	} else if (way == 2) {
		buf_addz(b, text + 10 - n);
	} else if (way == 3) {
		if ((room = buf_room(b, n))) {
			memset(room, 'r', n);
			buf_grew(b, n);
		}
	} else {
		while (n--)
			buf_addch(b, 'c');
	}
}

static void ceilings(void **state)
{
	(void)state;
	for (int way = 0; way < 5; way++)
		for (size_t max = 3; max < 12; max++)
			for (size_t n = 0; n <= 10; n++) {
				bool fits = 3 + n <= max;
				struct buf b;
				size_t want = fits ? 3 + n :
					way == 4 ? max : 3;

				buf_init(&b, max);
				buf_addz(&b, "abc");
				append(&b, way, n);
				if (b.over == fits || b.len != want ||
				    memcmp(b.p, "abc", 3) || b.p[b.len])
					fail_msg("way %d: %zu under %zu", way,
						 n, max);
				buf_release(&b);
			}
}

/* What did not fit makes all that follows not fit: no text with a hole. */
static void over_stays(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_addz(&b, "abc");
	buf_addz(&b, "defg");
	buf_addch(&b, 'h');
	buf_addf(&b, "%d", 1);
	assert_null(buf_room(&b, 0));
	assert_true(b.over);
	assert_string_equal(buf_cstr(&b), "abc");
	buf_reset(&b);
	assert_false(b.over);
	assert_string_equal(buf_cstr(&b), "");
	buf_addz(&b, "12345");
	assert_false(b.over);
	assert_string_equal(buf_cstr(&b), "12345");
	buf_addz(&b, "6");
	buf_wipe(&b);
	assert_false(b.over);
	assert_int_equal(b.len, 0);
	buf_release(&b);

	buf_init(&b, 0);
	buf_addz(&b, "");
	assert_false(b.over);
	buf_addch(&b, 'a');
	assert_true(b.over);
	buf_release(&b);

	buf_init(&b, SIZE_MAX);
	buf_addz(&b, "a");
	assert_null(buf_room(&b, SIZE_MAX));
	buf_release(&b);
}

static void growth(void **state)
{
	size_t cap = 0, steps = 0;
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	for (size_t i = 0; i < 100000; i++) {
		buf_addch(&b, (char)(i % 251));
		steps += b.cap != cap;
		cap = b.cap;
	}
	assert_in_range(steps, 2, 40);	/* not one for every few octets */
	assert_false(b.over);
	assert_int_equal(b.len, 100000);
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal((unsigned char)b.p[i], i % 251);
	assert_int_equal(b.p[100000], 0);
	buf_addch(&b, 'a');
	assert_true(b.over);
	buf_release(&b);
}

static void dropping(void **state)
{
	struct buf b;

	(void)state;
	for (size_t n = 0; n <= 6; n++) {
		buf_init(&b, 10);
		buf_addz(&b, "abcdef");
		buf_drop(&b, n);
		assert_int_equal(b.len, 6 - n);
		assert_string_equal(buf_cstr(&b), &"abcdef"[n]);
		buf_addz(&b, "!");
		assert_int_equal(buf_cstr(&b)[6 - n], '!');
		buf_release(&b);
	}
}

/* Not only what is in it now: also what was there before a reset or drop. */
static void wiping(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_addz(&b, "secret secret");
	buf_drop(&b, 7);
	buf_reset(&b);
	buf_addz(&b, "s");
	buf_wipe(&b);
	for (size_t i = 0; i < b.cap; i++)
		assert_int_equal(b.p[i], 0);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

static void bytes_of_any_value(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_add(&b, STR("a\0b"));
	buf_addch(&b, '\0');
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.p, "a\0b\0\0", 5);
	assert_true(str_eq(buf_str(&b), STR("a\0b\0")));
	buf_addf(&b, "%s%u%c", "x", 7u, '!');
	assert_memory_equal(b.p, "a\0b\0x7!", 8);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(ceilings),
		cmocka_unit_test(over_stays),
		cmocka_unit_test(growth),
		cmocka_unit_test(dropping),
		cmocka_unit_test(wiping),
		cmocka_unit_test(bytes_of_any_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
