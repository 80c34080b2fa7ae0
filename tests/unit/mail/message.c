#include "mail/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void size_counts_the_blank_line(void **state)
{
	struct message m = { .n_piece = 0 };

	(void)state;
	buf_init(&m.head, 100);
	assert_int_equal(message_size(&m), 2);
	buf_addz(&m.head, "A: b\r\n");
	m.body_len = (uint64_t)5 << 32;
	assert_int_equal(message_size(&m), 8 + ((uint64_t)5 << 32));
	buf_release(&m.head);
}

static void pieces_know_their_size(void **state)
{
	static const struct {
		uint64_t len, size;
	} rows[] = {
		{ 0, 0 }, { 1, 6 }, { 2, 6 }, { 3, 6 }, { 4, 10 }, { 56, 78 },
		{ 57, 78 }, { 58, 84 }, { 114, 156 },
		{ (uint64_t)57 << 32, (uint64_t)78 << 32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct piece p = { .kind = PIECE_BASE64, .len = rows[i].len };

		assert_int_equal(piece_size(&p), rows[i].size);
		p.kind = PIECE_PLAIN;
		assert_int_equal(piece_size(&p), rows[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_counts_the_blank_line),
		cmocka_unit_test(pieces_know_their_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
