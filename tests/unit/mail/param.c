#include "mail/param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	void (*f)(struct buf *out, struct str name, struct str value);
	const char *value, *want;
} rows[] = {
	{ param_add, "a.txt", "X: y; name=a.txt" },
	{ param_add, "my file.txt", "X: y; name=\"my file.txt\"" },
	{ param_add, "", "X: y; name=\"\"" },
	{ param_add, "a\"b\\c", "X: y; name=\"a\\\"b\\\\c\"" },
	{ param_add, "it's", "X: y; name=\"it's\"" },
	{ param_add, "50%", "X: y; name=\"50%\"" },
	{ param_add, "a*b", "X: y; name=\"a*b\"" },
	{ param_add, "gr\xc3\xbc\xc3\x9f.txt", "X: y; name*=UTF-8''gr%C3%BC%C3%9F.txt" },
	{ param_add, "\xc3\xa9 '%*.x", "X: y; name*=UTF-8''%C3%A9%20%27%25%2A.x" },
	/* As much as fits the line of the field, the line after, and no more. */
	{ param_add, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "X: y; name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	{ param_add, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "X: y;\r\n name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	{ param_add, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "X: y;\r\n name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	{ param_add, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
	  "X: y;\r\n name*0=\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\";\r\n"
	  " name*1=\"aaaab\"" },
	{ param_add, "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5",
	  "X: y;\r\n name*0*=UTF-8''%E6%97%A5%E6%97%A5%E6%97%A5%E6%97%A5%E6%97%A5%E6%97%A5;\r\n"
	  " name*1*=%E6%97%A5%E6%97%A5" },
	{ param_add_plain, "a.txt", "X: y; name=a.txt" },
	{ param_add_plain, "gr\xc3\xbc\xc3\x9f.txt", "X: y; name=gr__.txt" },
	{ param_add_plain, "\xe6\x97\xa5 \xf0\x9f\x8e\x89\"", "X: y; name=\"_ _\\\"\"" },
	{ param_add_plain,
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabcdefgh.tar.gz",
	  "X: y;\r\n name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaadefgh.tar.gz" },
};

static void writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;

		buf_init(&out, 1000);
		buf_addz(&out, "X: y");
		rows[i].f(&out, STR("name"), str_of(rows[i].value));
		if (strcmp(buf_cstr(&out), rows[i].want))
			fail_msg("'%s' is\n'%s', not\n'%s'", rows[i].value,
				 buf_cstr(&out), rows[i].want);
		buf_release(&out);
	}
}

/* No length of value makes a line too long, wherever the line stands. */
static void keeps_to_the_line(void **state)
{
	static const char *const chars[] = { "a", "\"", "\xc3\xa9", "\xf0\x9f\x8e\x89" };

	(void)state;
	for (size_t c = 0; c < 4; c++)
		for (size_t n = 0; n < 300; n++) {
			struct buf out, value;
			struct str rest;

			buf_init(&out, 10000);
			buf_init(&value, 10000);
			for (size_t i = 0; i < n; i++)
				buf_addz(&value, chars[c]);
			buf_addz(&out, "Content-Disposition: attachment");
			param_add(&out, STR("filename"), buf_str(&value));
			param_add(&out, STR("x"), STR("y"));
			param_add_plain(&out, STR("name"), buf_str(&value));
			rest = buf_str(&out);
			while (rest.n) {
				struct str line = str_cut(&rest, '\n');

				if (line.n > PARAM_LINE_MAX + (rest.n > 0))
					fail_msg("%zu of '%s': '%.*s'", n,
						 chars[c], (int)line.n, line.p);
			}
			assert_false(out.over);
			buf_release(&out);
			buf_release(&value);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),
		cmocka_unit_test(keeps_to_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
