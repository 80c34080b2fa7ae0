#include "conf/ini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define X100 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

/* `want`: "section|key=value" a line; NULL: must fail, with `says` in it. */
static const struct {
	const char *name;
	struct str text;
	const char *want, *says;
} rows[] = {
	{ "empty", { "", 0 }, "", NULL },
	{ "only comments", STR("; one\n# two\n\n \t\n"), "", NULL },
	{ "plain", STR("[a]\nk = v\n"), "a|k=v\n", NULL },
	{ "no last newline", STR("[a]\nk = v"), "a|k=v\n", NULL },
	{ "CRLF", STR("[a]\r\nk = v\r\n\r\n"), "a|k=v\n", NULL },
	{ "indented", STR("  [a]\n\tk=v\n"), "a|k=v\n", NULL },
	{ "empty value", STR("[a]\nk =\nl= \nm = \"\"\nn = ''\n"),
	  "a|k=\na|l=\na|m=\na|n=\n", NULL },
	{ "comment", STR("[a]\nk = v ; c\nl = v\t# c = \"d\"\nm = ; c\n"),
	  "a|k=v\na|l=v\na|m=\n", NULL },
	{ "quoted", STR("[a]\nk = \"x; y # z\"\nl = ' b '\n"),
	  "a|k=x; y # z\na|l= b \n", NULL },
	{ "comment after quotes", STR("[a]\nk = \"x;y\" ; c \"d\"\n"),
	  "a|k=x;y\n", NULL },
	{ "other quotes inside", STR("[a]\nk = 'sh -c \"a; b\"'\n"),
	  "a|k=sh -c \"a; b\"\n", NULL },
	{ "equals in value", STR("[a]\nk = x=y==\n"), "a|k=x=y==\n", NULL },
	{ "value begins with equals", STR("[a]\nk == x\n"), "a|k== x\n", NULL },
	{ "quotes in the middle", STR("[a]\nk = b \"c\" 'd'\n"),
	  "a|k=b \"c\" 'd'\n", NULL },
	{ "backslash inside", STR("[a]\nk = a\\b\n"), "a|k=a\\b\n", NULL },
	{ "8-bit", STR("[a]\nk = J\xc3\xb6rg \xff\xa0x\n"),
	  "a|k=J\xc3\xb6rg \xff\xa0x\n", NULL },
	{ "key case", STR("[a]\nKEY = v\n"), "a|KEY=v\n", NULL },
	{ "section case", STR("[Account Work]\nk = v\n"),
	  "Account Work|k=v\n", NULL },
	{ "brackets in a value", STR("[a]\nk = [b]\n"), "a|k=[b]\n", NULL },
	{ "percent is nothing special", STR("[a]\nk = %s%n\n"),
	  "a|k=%s%n\n", NULL },
	{ "one too many", STR("[a]\nk=" X1000 "xxxxxxxxxxxxxxxxxxxxx\n"),
	  NULL, "line 2, [a]: the line is longer than 1022" },
	{ "just fits", STR("[a]\nk=" X1000 "xxxxxxxxxxxxxxxxxxxx\n"),
	  "a|k=" X1000 "xxxxxxxxxxxxxxxxxxxx\n", NULL },
	{ "just fits, no newline", STR("[a]\nk=" X1000 "xxxxxxxxxxxxxxxxxxxx"),
	  "a|k=" X1000 "xxxxxxxxxxxxxxxxxxxx\n", NULL },
	{ "comment too long", STR(";" X1000 X100 "\n"), NULL, "longer" },

	{ "key before a section", STR("k = v\n[a]\n"), NULL,
	  "'f' line 1, 'k': a setting before the first section" },
	{ "duplicate key", STR("[a]\nk = 1\nK = 2\n"), NULL,
	  "'f' line 3, [a], 'K': is set twice, first in line 2" },
	{ "duplicate by dash", STR("[a]\nk_l = 1\nk-l = 2\n"), NULL, "twice" },
	{ "duplicate by dash first", STR("[a]\nk-l = 1\nk_l = 2\n"), NULL,
	  "twice" },
	{ "same key in two sections", STR("[a]\nk = 1\n[b]\nk = 2\n"),
	  "a|k=1\nb|k=2\n", NULL },
	{ "free keys", STR("[Aliases]\na-b = 1\na_b = 2\n* = 3\nx+y@z.org = 4\n"
	  "@z = 5\nk\xc3\xb6 = 6\npassword = 7 ; c\n"),
	  "Aliases|a-b=1\nAliases|a_b=2\nAliases|*=3\nAliases|x+y@z.org=4\n"
	  "Aliases|@z=5\nAliases|k\xc3\xb6=6\nAliases|password=7\n", NULL },
	{ "free key twice", STR("[rewrite]\n@a = 1\n@A = 2\n"), NULL,
	  "'f' line 3, [rewrite], '@A': is set twice, first in line 2" },
	{ "free key with blank", STR("[rewrite]\na b = 1\n"), NULL,
	  "not an address or a part of one" },
	{ "colon in free key", STR("[aliases]\na:b = 1\n"), NULL,
	  "not an address" },
	{ "no free key", STR("[aliases]\n= 1\n"), NULL, "not an address" },
	{ "address as a key elsewhere", STR("[a]\nb@c = 1\n"), NULL,
	  "not the name of a setting" },
	{ "duplicate section", STR("[a]\n[b]\n[A]\n"), NULL, "in line 1" },
	{ "duplicate by blanks", STR("[a b]\n[ a \t b ]\n"), NULL, "in line 1" },
	{ "other by blanks", STR("[ab]\nk=1\n[a b]\nk=2\n"),
	  "ab|k=1\na b|k=2\n", NULL },
	{ "no closing bracket", STR("[a\nk = v\n"), NULL, "no closing" },
	{ "comment after section", STR("[a] ; c\n"), NULL, "line of its own" },
	{ "comment that closes", STR("[a] ; c ]\n"), NULL, "line of its own" },
	{ "empty section", STR("[ ]\n"), NULL, "is empty" },
	{ "colon in section", STR("[a:b]\nk = v\n"), NULL, "no ':'" },
	{ "colon in key", STR("[a]\nb:k = v\n"), NULL, "not the name" },
	{ "no equals", STR("[a]\nk v\n"), NULL, "neither" },
	{ "colon for equals", STR("[a]\nk: v\n"), NULL, "neither" },
	{ "no key", STR("[a]\n= v\n"), NULL, "not the name" },
	{ "blank in key", STR("[a]\nk l = v\n"), NULL, "not the name" },
	{ "8-bit key", STR("[a]\nk\xc3\xb6 = v\n"), NULL, "not the name" },
	{ "long key", STR("[a]\n" X100 X100 "x = v\n"), NULL, "too long" },
	{ "long section", STR("[" X100 X100 "x]\n"), NULL, "too long" },
	{ "unquoted semicolon", STR("[a]\nk = x;y\n"), NULL,
	  "'f' line 2, [a], 'k': the value would end before" },
	{ "unquoted hash", STR("[a]\nk = x#y\n"), NULL, "would end before" },
	{ "hash in a comment", STR("[a]\nk = x ;y#z;\n"), "a|k=x\n", NULL },
	{ "semicolon in front", STR("[a]\nk =;x\n"), NULL, "begins with" },
	{ "secret with semicolon", STR("[a]\npassword = x ;y\n"), NULL,
	  "put the secret into quotes" },
	{ "secret with hash", STR("[a]\nPassword = #y\n"), NULL, "secret" },
	{ "secret in quotes", STR("[a]\npassword = \"x ;#y\"\n"),
	  "a|password=x ;#y\n", NULL },
	{ "open quote", STR("[a]\nk = \"x\n"), NULL, "not closed" },
	{ "lonely quote", STR("[a]\nk = '\n"), NULL, "not closed" },
	{ "text after quote", STR("[a]\nk = \"Jo\" <j@x>\n"), NULL,
	  "follows the closing quote" },
	{ "comment glued to quote", STR("[a]\nk = \"x\";c\n"), NULL,
	  "follows the closing quote" },
	{ "continuation", STR("[a]\nk = x\\\ny\n"), NULL, "backslash" },
	{ "continuation and blanks", STR("[a]\nk = x\\ \t\r\n"), NULL,
	  "backslash" },
	{ "continued comment", STR("[a]\n; x\\\nk = v\n"), NULL, "backslash" },
	{ "NUL", STR("[a]\nk = x\0y\n"), NULL, "(0x00)" },
	{ "escape", STR("[a]\nk = \033[31m\n"), NULL, "(0x1b)" },
	{ "bare CR", STR("[a]\rk = v\n"), NULL, "(0x0d)" },
	{ "vertical tab", STR("[a]\nk = v\v\n"), NULL, "(0x0b)" },
	{ "DEL", STR("[a]\nk = v\x7f\n"), NULL, "(0x7f)" },
	{ "UTF-8 mark", STR("\xef\xbb\xbf[a]\n"), NULL, "byte order mark" },
	{ "UTF-16", STR("\xff\xfe[\0a\0]\0"), NULL, "byte order mark" },
	{ "UTF-16, no mark", STR("[\0a\0]\0"), NULL, "(0x00)" },
};

static void render(const struct ini *ini, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t s = 0; s < ini->n_section; s++)
		for (size_t i = 0; i < ini->section[s].n; i++) {
			const struct ini_section *sec = &ini->section[s];
			const struct ini_entry *e =
				&ini->entry[sec->first + i];

			at += (size_t)snprintf(out + at, n - at,
				"%.*s|%.*s=%.*s\n", (int)sec->name.n,
				sec->name.p, (int)e->key.n, e->key.p,
				(int)e->value.n, e->value.p);
		}
}

static void each_row(void **state)
{
	static char got[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct ini ini;
		int ret = ini_load(&ini, rows[i].text, "f", &err);

		if ((ret == 0) != !!rows[i].want)
			fail_msg("%s: %d %s", rows[i].name, ret, err.text);
		if (!ret) {
			render(&ini, got, sizeof(got));
			if (strcmp(got, rows[i].want))
				fail_msg("%s: %s", rows[i].name, got);
		} else if (!strstr(err.text, rows[i].says) ||
			   err.kind != ERROR_CONFIG) {
			fail_msg("%s: %s", rows[i].name, err.text);
		}
		ini_release(&ini);
	}
}

/* A secret is in no message, whatever is wrong with its line. */
static void secrets_are_not_shown(void **state)
{
	static const char *const lines[] = {
		"password = hunter2;x", "password = \"hunter2", "hunter2",
		"password = 'hunter2' x", "password = hunter2\\",
		"password = hunter2\033", "password hunter2",
		"password: hunter2 = x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct error err = { 0 };
		char text[100];
		struct ini ini;

		snprintf(text, sizeof(text), "[account a]\n%s\n", lines[i]);
		assert_int_equal(ini_check(&ini, str_of(text), "f", &err), -1);
		if (strstr(err.text, "hunter2"))
			fail_msg("%s: %s", lines[i], err.text);
		ini_release(&ini);
	}
}

static int fill(char *text, size_t n, const char *first, bool sections,
		int many)
{
	struct error err = { 0 };
	struct ini ini;
	size_t at = (size_t)snprintf(text, n, "%s\n", first);
	int ret;

	for (int i = 0; i < many; i++)
		at += (size_t)snprintf(text + at, n - at, "%s%d%s\n",
				       sections ? "[s" : "k", i,
				       sections ? "]" : " = v");
	ret = ini_check(&ini, str_of(text), "f", &err);
	if (ret)
		assert_non_null(strstr(err.text, "too many"));
	ini_release(&ini);
	return ret;
}

static void there_are_limits(void **state)
{
	static const struct {
		const char *first;
		bool sections;
		int many;
	} limits[] = {
		{ "[a]", false, INI_KEY_MAX },
		{ "[aliases]", false, INI_FREE_MAX },
		{ "[a]", true, INI_SECTION_MAX - 1 },
	};
	static char text[32768];

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (fill(text, sizeof(text), limits[i].first,
			 limits[i].sections, limits[i].many) != 0)
			fail_msg("row %zu: the limit is too low", i);
		if (fill(text, sizeof(text), limits[i].first,
			 limits[i].sections, limits[i].many + 1) != -1)
			fail_msg("row %zu: there is no limit", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(secrets_are_not_shown),
		cmocka_unit_test(there_are_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
