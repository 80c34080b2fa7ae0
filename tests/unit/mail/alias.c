#include "mail/alias.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Lists by path, as if they were root's files. */
static const struct { const char *path, *text; } lists[] = {
	{ "/l/two", "x@a.example\n# y@a.example\n\n\t joe, y@a.example\r\n" },
	{ "/l/self", "z@a.example\n:include:/l/self\n" },
	{ "/l/a b", "q@a.example" },
	{ "/l/team", "team, \\joe" },
	{ "/l/bad", "x@a.example\nx y@\n" },
	{ "/l/nested", ":include:/l/two" },
};

static int include(void *ctx, const char *path, struct buf *out,
		   struct error *err)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (!strcmp(path, lists[i].path)) {
			buf_addz(out, lists[i].text);
			return 0;
		}
	return error_set(err, ERROR_CONFIG, "the list '%s' is missing", path);
}

static struct alias_rules rules(void)
{
	return (struct alias_rules){
		.local = { "h.example", STR("l.example") },
		.include = include,
	};
}

/* want NULL: parsing fails; says: a part of that error. */
static const struct {
	const char *name, *text, *want, *says;
} files[] = {
	{ "empty", "", "", NULL },
	{ "one", "root: a@x", "root=a@x\n", NULL },
	{ "no blank", "root:a@x\n", "root=a@x\n", NULL },
	{ "blank before the colon", "root : a@x\n", "root=a@x\n", NULL },
	{ "CRLF", "root: a@x\r\nops: b@x\r\n", "root=a@x\nops=b@x\n", NULL },
	{ "comments", "# c: d\n\n  # e\nroot: a@x\n", "root=a@x\n", NULL },
	{ "continued", "root: a@x,\n\tb@x\n , c@x\nops: d\n",
	  "root=a@x, b@x , c@x\nops=d\n", NULL },
	{ "comment within", "root: a@x,\n# c\n\n\tb@x\n", "root=a@x, b@x\n",
	  NULL },
	{ "value on the next line", "root:\n a@x\n", "root=a@x\n", NULL },
	{ "case", "Root: a@X\n", "root=a@X\n", NULL },
	{ "quoted name", "\"a:b c\": d@x\n", "\"a:b c\"=d@x\n", NULL },
	{ "needless quotes", "\"root\": d@x\n", "root=d@x\n", NULL },
	{ "full address", "Joe@L.Example: d@x\n", "joe@l.example=d@x\n", NULL },
	{ "catch-all", "default: d@x\n", "*=d@x\n", NULL },
	{ "colon in the value", "a: :include:/x\n", "a=:include:/x\n", NULL },
	{ "odd values", "a: |\"b c\", /d\nb: <\n", "a=|\"b c\", /d\nb=<\n",
	  NULL },
	{ "8-bit", "j\xc3\xb6rg: d@x\n", "j\xc3\xb6rg=d@x\n", NULL },
	{ "no colon", "a: b\nroot a@x\n", NULL,
	  "'f' line 2: 'root a@x': is not 'name: value, ...'" },
	{ "colon in quotes", "\"a: b\n", NULL, "line 1" },
	{ "no value", "a: b\nroot:\nb: c\n", NULL,
	  "'f' line 2: 'root': the alias has no value" },
	{ "no value at the end", "root: \t\n", NULL, "no value" },
	{ "no name", ": a@x\n", NULL, "'f' line 1: '': is not one address" },
	{ "two names", "a, b: c\n", NULL, "is not one address" },
	{ "null name", "<>: c\n", NULL, "is not one address" },
	{ "domain", "@x: c\n", NULL, "nothing before '@'" },
	{ "twice", "a: b\n\nA: c\n", NULL,
	  "'f' line 3: 'a': is an alias already, in 'f' line 1" },
	{ "continues nothing", " a: b\n", NULL, "line 1: 'a: b': the line "
	  "begins with a blank" },
	{ "control byte", "a: b\nc: d\033[2J\n", NULL,
	  "'f' line 2: 'c: d\\x1b[2J': the line has a control byte" },
	{ "bare CR", "a: b\rc: d\n", NULL, "control byte" },
	{ "not UTF-8", "\xff: b\n", NULL, "not UTF-8" },
	{ "byte order mark", "\xef\xbb\xbf" "a: b\n", NULL, "byte order" },
};

static void files_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct error err = { 0 };
		struct aliases a;
		struct buf got;
		int ret;

		aliases_init(&a);
		buf_init(&got, 1000);
		aliases_begin(&a, true);
		ret = aliases_parse(&a, str_of(files[i].text), "f", &err);
		for (size_t k = 0; k < a.n; k++)
			buf_addf(&got, "%s=%s\n", a.at[k].name, a.at[k].value);
		if ((ret == 0) != !!files[i].want)
			fail_msg("%s: %d %s", files[i].name, ret, err.text);
		if (!ret && strcmp(buf_cstr(&got), files[i].want))
			fail_msg("%s: %s", files[i].name, buf_cstr(&got));
		if (ret && (err.kind != ERROR_CONFIG ||
			    !strstr(err.text, files[i].says)))
			fail_msg("%s: %s", files[i].name, err.text);
		buf_release(&got);
		aliases_release(&a);
	}
}

static void a_control_byte_of_any_kind(void **state)
{
	(void)state;
	for (int c = 0; c < 0x20; c++) {
		char text[] = "a: b c\n";
		struct error err = { 0 };
		struct aliases a;
		int ret;

		text[4] = (char)c;
		aliases_init(&a);
		ret = aliases_parse(&a, STR("a: b?c\n"), "f", &err);
		assert_int_equal(ret, 0);
		aliases_release(&a);
		ret = aliases_parse(&a, (struct str){ text, 7 }, "f", &err);
		if ((ret == 0) != (c == '\t'))
			fail_msg("0x%02x: %d", (unsigned)c, ret);
		aliases_release(&a);
	}
}

/* Recipients in, recipients out; want NULL: fails. */
static const struct {
	const char *name, *text, *in, *want, *says;
} rows[] = {
	{ "none", "", "root@h.example a@x", "root@h.example a@x", NULL },
	{ "mailname", "root: ops@x", "root@h.example", "ops@x", NULL },
	{ "localhost", "root: ops@x", "root@localhost", "ops@x", NULL },
	{ "local domain", "root: ops@x", "root@L.example", "ops@x", NULL },
	{ "elsewhere", "root: ops@x", "root@x", "root@x", NULL },
	{ "case", "Root: ops@x", "ROOT@H.example", "ops@x", NULL },
	{ "a list", "r: a@x, b@x,, c@x,", "r@localhost", "a@x b@x c@x", NULL },
	{ "once each", "r: a@x, s\ns: a@X, b@x", "b@x r@localhost s@localhost",
	  "b@x a@x", NULL },
	{ "qualified", "r: bob", "r@localhost", "bob@h.example", NULL },
	{ "again", "r: s\ns: t, u@l.example\nt: a@x\nu: b@x", "r@localhost",
	  "a@x b@x", NULL },
	{ "backslash", "r: \\s, t@x\ns: a@x", "r@localhost",
	  "s@h.example t@x", NULL },
	{ "backslash, itself", "r: \\r, t@x", "r@localhost",
	  "r@h.example t@x", NULL },
	{ "itself", "r: r, t@x", "r@h.example", "r@h.example t@x", NULL },
	{ "itself, by name", "r: R@L.Example", "r@localhost", "R@L.Example",
	  NULL },
	{ "full address first", "r@l.example: a@x\nr: b@x",
	  "r@L.example r@localhost", "a@x b@x", NULL },
	{ "catch-all", "*: a@x\nr: b@x", "r@localhost q@localhost q@x",
	  "b@x a@x q@x", NULL },
	{ "default", "default: a@x", "q@localhost", "a@x", NULL },
	{ "catch-all of a value", "r: bob\n*: a@x", "r@localhost", "a@x",
	  NULL },
	{ "catch-all to a local", "*: bob", "q@localhost z@localhost",
	  "bob@h.example", NULL },
	{ "catch-all, further", "*: t\nt: bob, a@x", "q@localhost",
	  "bob@h.example a@x", NULL },
	{ "names", "r: Bob B. <bob@x> (c, d), \"E, F\" <e@x>", "r@localhost",
	  "bob@x e@x", NULL },
	{ "quoted", "r: \"a, b\"@x, \"c\"", "r@localhost",
	  "\"a, b\"@x c@h.example", NULL },
	{ "quoted recipient", "\"a b\": c@x", "\"a b\"@localhost", "c@x",
	  NULL },
	{ "tab", "r: a@x,\tb@x", "r@localhost", "a@x b@x", NULL },
	{ "circle", "a: b\nb: c\nc: a", "a@localhost", NULL,
	  "alias 'c' ('f' line 3): goes round in a circle: a -> b -> c -> a" },
	{ "circle aside", "r: a\na: b\nb: a", "r@localhost", NULL,
	  "circle: a -> b -> a" },
	{ "whom all leads to", "t: bob\n*: t", "t@localhost q@localhost",
	  "bob@h.example", NULL },
	{ "whom all leads to, other order", "t: bob\n*: t",
	  "q@localhost t@localhost", "bob@h.example", NULL },
	{ "through an alias to all", "s: t, c@x\nt: bob\n*: a, a@x\na: \\z",
	  "s@localhost", "z@h.example a@x c@x", NULL },
	{ "error in all", "t: bob, b@x\n*: |c", "t@localhost", NULL,
	  "alias '*' ('f' line 2): '|c': a command" },
	{ "circle elsewhere", "a: b\nb: a\nc: d@x", "c@localhost", "d@x",
	  NULL },
	{ "diamond", "a: b, c\nb: d\nc: d\nd: e@x", "a@localhost", "e@x",
	  NULL },
	{ "command", "r: \"|/bin/vacation joe\"", "r@localhost", NULL,
	  "alias 'r' ('f' line 1): '|/bin/vacation joe': a command is not "
	  "supported: posthaste delivers to a relay" },
	{ "bare command", "r: s, |prog\ns: a@x", "r@localhost", NULL,
	  "a command is not" },
	{ "no command", "r: \"|a\"@x, \"/b\"@x", "r@localhost", "|a@x /b@x",
	  NULL },
	{ "lonely quote", "r: \"", "r@localhost", NULL, "not closed" },
	{ "file", "r: /dev/null", "r@localhost", NULL,
	  "'/dev/null': a file is not supported" },
	{ "unused command", "r: |x\ns: a@x", "s@localhost", "a@x", NULL },
	{ "bad address", "r: s\ns: a b", "r@localhost", NULL,
	  "alias 's' ('f' line 2): bad address 'a b'" },
	{ "null address", "r: <>", "r@localhost", NULL, "is not one address" },
	{ "lonely backslash", "r: \\", "r@localhost", NULL, "not one address" },
	{ "open quote", "r: a@x, \"b", "r@localhost", NULL, "not closed" },
	{ "list", "r: :include:/l/two\njoe: j@x", "r@localhost",
	  "x@a.example j@x y@a.example", NULL },
	{ "quoted list", "r: \":include:/l/a b\", b@x", "r@localhost",
	  "q@a.example b@x", NULL },
	{ "list of itself", "r: :Include: /l/self", "r@localhost",
	  "z@a.example", NULL },
	{ "list in a list", "r: :include:/l/nested, k@x", "r@localhost",
	  "x@a.example joe@h.example y@a.example k@x", NULL },
	{ "list names the alias", "team: :include:/l/team, t@x",
	  "team@localhost", "team@h.example joe@h.example t@x", NULL },
	{ "list twice", "r: :include:/l/a b\ns: :include:/l/a b, b@x",
	  "r@localhost s@localhost", "q@a.example b@x", NULL },
	{ "relative list", "r: :include:l", "r@localhost", NULL,
	  "'l': the path of a list begins with '/'" },
	{ "missing list", "r: :include:/none", "r@localhost", NULL,
	  "alias 'r' ('f' line 1): the list '/none' is missing" },
	{ "bad list", "r: :include:/l/bad", "r@localhost", NULL,
	  "bad address 'x y@'" },
};

static int expand(const struct aliases *a, const char *in, struct buf *got,
		  struct error *err)
{
	struct alias_rules how = rules();
	struct roster from, to;
	struct str rest = str_of(in);
	int ret;

	roster_init(&from);
	roster_init(&to);
	/* A blank that is in quotes stands before another '"'. */
	while (rest.n) {
		size_t n = 0;

		while (n < rest.n && (rest.p[n] != ' ' || *rest.p == '"'))
			n++;
		assert_int_equal(roster_add(&from, (struct str){ rest.p, n },
					    err), 0);
		n += n < rest.n;
		rest.p += n;
		rest.n -= n;
	}
	ret = aliases_expand(a, &how, &from, &to, err);
	for (size_t i = 0; i < to.n; i++)
		buf_addf(got, "%s%s", i ? " " : "", roster_get(&to, i));
	roster_release(&from);
	roster_release(&to);
	return ret;
}

static int count(const char *text, const char *word)
{
	int n = 0;

	while ((text = strstr(text, word)) && ++n)
		text++;
	return n;
}

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct aliases a;
		struct buf got;
		int ret;

		aliases_init(&a);
		aliases_begin(&a, true);
		buf_init(&got, 1000);
		if (aliases_parse(&a, str_of(rows[i].text), "f", &err))
			fail_msg("%s: %s", rows[i].name, err.text);
		ret = expand(&a, rows[i].in, &got, &err);
		if ((ret == 0) != !!rows[i].want)
			fail_msg("%s: %d %s %s", rows[i].name, ret, err.text,
				 buf_cstr(&got));
		if (!ret && strcmp(buf_cstr(&got), rows[i].want))
			fail_msg("%s: %s", rows[i].name, buf_cstr(&got));
		if (ret && (!strstr(err.text, rows[i].says) ||
			    err.kind != (strstr(err.text, "not supported") ?
					 ERROR_UNAVAILABLE : ERROR_CONFIG) ||
			    count(err.text, "alias '") != 1))
			fail_msg("%s: %d %s", rows[i].name, err.kind, err.text);
		buf_release(&got);
		aliases_release(&a);
	}
}

static void lists_are_for_those_who_may(void **state)
{
	struct error err = { 0 };
	struct aliases a;
	struct buf got;

	(void)state;
	aliases_init(&a);
	buf_init(&got, 1000);
	aliases_begin(&a, false);
	assert_int_equal(aliases_parse(&a, STR("r: :include:/l/two\n"), "f",
				       &err), 0);
	assert_int_equal(expand(&a, "r@localhost", &got, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "aliases_unsafe = yes"));
	buf_release(&got);
	aliases_release(&a);
}

/* a0: a1, a2; a1: a2, a3; ...: 2^n ways, each alias entered once. */
static void as_many_levels_as_said(void **state)
{
	(void)state;
	for (int n = ALIAS_DEPTH - 1; n <= ALIAS_DEPTH; n++) {
		struct error err = { 0 };
		struct aliases a;
		struct buf text, got;
		int ret;

		aliases_init(&a);
		aliases_begin(&a, false);
		buf_init(&text, 10000);
		buf_init(&got, 1000);
		for (int i = 0; i < n; i++)
			buf_addf(&text, "a%d: a%d, a%d, u%d@x\n", i, i + 1,
				 i + 2 > n ? n : i + 2, i);
		buf_addf(&text, "a%d: end@x\n", n);
		assert_int_equal(aliases_parse(&a, buf_str(&text), "f", &err),
				 0);
		ret = expand(&a, "a0@localhost", &got, &err);
		if (n < ALIAS_DEPTH)
			assert_int_equal(ret, 0);
		else
			assert_non_null(strstr(err.text, "alias 'a20' ('f' line "
					       "21): is reached through more "
					       "than 20 others"));
		buf_release(&text);
		buf_release(&got);
		aliases_release(&a);
	}
}

static void many(void **state)
{
	enum { N = 100000 };
	struct error err = { 0 };
	struct alias_rules how = rules();
	struct roster in, out;
	struct aliases a;
	struct buf text;

	(void)state;
	aliases_init(&a);
	aliases_begin(&a, false);
	buf_init(&text, ALIAS_TEXT_MAX);
	roster_init(&in);
	roster_init(&out);
	for (int i = 0; i < N; i++) {
		char spec[40];

		buf_addf(&text, "user%d: u%d@x\n", i, i);
		snprintf(spec, sizeof(spec), "User%d@localhost", i);
		roster_add(&in, str_of(spec), &err);
	}
	assert_int_equal(aliases_parse(&a, buf_str(&text), "f", &err), 0);
	assert_int_equal(aliases_expand(&a, &how, &in, &out, &err), 0);
	assert_int_equal(out.n, N);
	assert_string_equal(roster_get(&out, N - 1), "u99999@x");
	roster_release(&in);
	roster_release(&out);
	buf_release(&text);
	aliases_release(&a);
}

/* An earlier source's alias stays, and that is no error. */
static void the_first_source_wins(void **state)
{
	struct error err = { 0 };
	struct aliases a;
	struct buf got;

	(void)state;
	aliases_init(&a);
	buf_init(&got, 1000);
	aliases_begin(&a, false);
	assert_int_equal(aliases_add(&a, STR("Root"), STR(" a@x "), "w", &err),
			 0);
	aliases_begin(&a, false);
	assert_int_equal(aliases_add(&a, STR("root"), STR("b@x"), "v", &err),
			 0);
	assert_int_equal(aliases_add(&a, STR("ops"), STR("c@x"), "v", &err),
			 0);
	assert_int_equal(aliases_add(&a, STR("OPS"), STR("d@x"), "u", &err),
			 -1);
	assert_string_equal(err.text, "u: 'ops': is an alias already, in v");
	assert_int_equal(a.n, 2);
	assert_string_equal(a.at[0].value, "a@x");
	assert_int_equal(expand(&a, "root@localhost ops@localhost", &got,
				&err), 0);
	assert_string_equal(buf_cstr(&got), "a@x c@x");
	buf_release(&got);
	aliases_release(&a);
	aliases_release(&a);
}

static const struct { const char *text, *says; } checks[] = {
	{ "", NULL },
	{ "a: b@x\nc: a\nd: \\a", NULL },
	{ "a@localhost: b@x\nc@L.EXAMPLE: d\ne@h.example: f", NULL },
	{ "a: b@x\nb: c\nc: b", "circle: b -> c -> b" },
	{ "a: b@x\nb: |c", "alias 'b' ('f' line 2): '|c': a command" },
	{ "a: b@x, @", "alias 'a' ('f' line 1): bad address" },
	{ "a: b\nb@x: c", "alias 'b@x' ('f' line 2): its domain is not local" },
	{ "*: a\na: b", NULL },
	{ "a: b\n*: a", NULL },
	{ "*: a\na: \\b", NULL },
	{ "r: :include:/l/bad", "bad address 'x y@'" },
};

static void everything_is_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct alias_rules how = rules();
		struct error err = { 0 };
		struct aliases a;
		int ret;

		aliases_init(&a);
		aliases_begin(&a, true);
		assert_int_equal(aliases_parse(&a, str_of(checks[i].text), "f",
					       &err), 0);
		ret = aliases_check(&a, &how, &err);
		if ((ret == 0) != !checks[i].says ||
		    (ret && !strstr(err.text, checks[i].says)))
			fail_msg("row %zu: %d %s", i, ret, err.text);
		aliases_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_parsed),
		cmocka_unit_test(a_control_byte_of_any_kind),
		cmocka_unit_test(each_row),
		cmocka_unit_test(lists_are_for_those_who_may),
		cmocka_unit_test(as_many_levels_as_said),
		cmocka_unit_test(many),
		cmocka_unit_test(the_first_source_wins),
		cmocka_unit_test(everything_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
