#include "mail/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void size_counts_the_blank_line(void **state)
{
	struct message m = { .fd = -1 };

	(void)state;
	buf_init(&m.head, 100);
	assert_int_equal(message_size(&m), 2);
	buf_addz(&m.head, "A: b\r\n");
	m.body_len = (uint64_t)5 << 32;
	assert_int_equal(message_size(&m), 8 + ((uint64_t)5 << 32));
	buf_release(&m.head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_counts_the_blank_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
