#include "mail/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *domains, *domain;
	bool want;
} rows[] = {
	{ "", "", true },
	{ "", "h.example", true },
	{ "", "H.Example", true },
	{ "", "LocalHost", true },
	{ "", "localhost.example", false },
	{ "", "x.h.example", false },
	{ "", "a", false },
	{ "a, b c,\td", "a", true },
	{ "a, b c,\td", "B", true },
	{ "a, b c,\td", "c", true },
	{ "a, b c,\td", "d", true },
	{ "a, b c,\td", "e", false },
	{ ", ab ,", "a", false },
	{ ", ab ,", "abc", false },
	{ " ,ab", "ab", true },
};

static void domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct local local = { "h.example", str_of(rows[i].domains) };

		if (local_domain(&local, str_of(rows[i].domain)) !=
		    rows[i].want)
			fail_msg("'%s' in '%s'", rows[i].domain,
				 rows[i].domains);
	}
}

static const struct { const char *spec, *part; } parts[] = {
	{ "a@b", "a" }, { "a", "a" }, { "\"a@b\"@c", "\"a@b\"" },
	{ "\"a@b\"", "\"a@b\"" }, { "", "" }, { "a@[1.2.3.4]", "a" },
};

static void local_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!str_eq(local_part_of(str_of(parts[i].spec)),
			    str_of(parts[i].part)))
			fail_msg("'%s'", parts[i].spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains),
		cmocka_unit_test(local_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
