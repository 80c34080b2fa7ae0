#include "mail/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void make(struct buf *out, bool json)
{
	struct logline l;

	logline_begin(&l, out, json);
	logline_word(&l, "relay", "mx.example:465");
	logline_text(&l, "text", STR("a \"b\"\n\x80"));
	logline_number(&l, "code", 450);
	logline_number(&l, "delay", -3);
	logline_end(&l);
}

static void both_forms(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	make(&out, false);
	assert_string_equal(buf_cstr(&out), "relay=mx.example:465 "
		"text=\"a \\\"b\\\"\\n\\\\x80\" code=450 delay=-3\n");
	buf_reset(&out);
	make(&out, true);
	assert_string_equal(buf_cstr(&out), "{\"relay\":\"mx.example:465\","
		"\"text\":\"a \\\"b\\\"\\n\\\\x80\",\"code\":450,"
		"\"delay\":-3}\n");
	buf_release(&out);
}

/* A line that comes after others begins like the first. */
static void several_lines(void **state)
{
	struct buf out;

	(void)state;
	for (int json = 0; json < 2; json++) {
		size_t one;

		buf_init(&out, 1000);
		make(&out, json);
		one = out.len;
		make(&out, json);
		assert_int_equal(out.len, 2 * one);
		assert_memory_equal(out.p, out.p + one, one);
		buf_release(&out);
	}
}

static void nothing_in_it(void **state)
{
	struct logline l;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	logline_begin(&l, &out, true);
	logline_end(&l);
	logline_begin(&l, &out, false);
	logline_end(&l);
	assert_string_equal(buf_cstr(&out), "{}\n\n");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(several_lines),
		cmocka_unit_test(nothing_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
