#include "oauth2/wiped.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void as_malloc(void **state)
{
	char *p = wiped_alloc(5);
	char *q = wiped_strdup("four");
	unsigned char *z = wiped_calloc(3, 7);

	(void)state;
	assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
	memcpy(p, "12345", 5);
	p = wiped_realloc(p, 500);
	assert_memory_equal(p, "12345", 5);
	memset(p, 'x', 500);
	p = wiped_realloc(p, 2);
	assert_memory_equal(p, "xx", 2);
	assert_string_equal(q, "four");
	for (int i = 0; i < 21; i++)
		assert_int_equal(z[i], 0);
	wiped_free(p);
	wiped_free(q);
	wiped_free(z);
	wiped_free(NULL);
	p = wiped_realloc(NULL, 1);
	assert_non_null(p);
	wiped_free(p);
}

static void too_much(void **state)
{
	(void)state;
	assert_null(wiped_alloc(SIZE_MAX));
	assert_null(wiped_calloc(SIZE_MAX / 2, 3));
	assert_null(wiped_calloc(SIZE_MAX, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_malloc),
		cmocka_unit_test(too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
