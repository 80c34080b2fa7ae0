#include "mail/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/xalloc.h"

enum { BIG = 1 << 24 };

/*
 * Each address as "spec{name}[source]|"; -1 and the reason if the text is no
 * list.  The text is copied to its exact size so that a sanitizer sees a read
 * past it.
 */
static int read_list(struct str text, struct buf *out, struct error *err)
{
	char *copy = xstrndup(text.p, text.n);
	char *exact = xrealloc(NULL, text.n, 1);
	struct address_iter it;
	struct address a;
	int bad;

	memcpy(exact, copy, text.n);
	address_begin(&it, (struct str){ exact, text.n });
	while (address_next(&it, &a)) {
		buf_add(out, a.spec);
		buf_addch(out, '{');
		buf_add(out, a.name);
		buf_addz(out, "}[");
		buf_add(out, a.source);
		buf_addz(out, "]|");
	}
	bad = address_end(&it, err);
	free(copy);
	free(exact);
	return bad;
}

static const struct {
	const char *text, *want;	/* want NULL: refused... */
	const char *wrong;		/* ...for this reason */
} rows[] = {
	{ "", "", NULL },
	{ " \t ,, ,", "", NULL },
	{ "(nobody)", "", NULL },
	{ "a@b.c", "a@b.c{}[a@b.c]|", NULL },
	{ "root", "root{}[root]|", NULL },
	{ "az09AZ@az09AZ", "az09AZ@az09AZ{}[az09AZ@az09AZ]|", NULL },
	{ "a@x,b@x , c@x", "a@x{}[a@x]|b@x{}[b@x]|c@x{}[c@x]|", NULL },
	{ ",,a@x,,b@x,,", "a@x{}[a@x]|b@x{}[b@x]|", NULL },
	{ "a@x; b@x;", "a@x{}[a@x]|b@x{}[b@x]|", NULL },
	{ "<a@x>", "a@x{}[a@x]|", NULL },
	{ "< a@x >", "a@x{}[a@x]|", NULL },
	{ "<>", "{}[]|", NULL },
	{ "Null <>", "{Null}[]|", NULL },
	{ "N N <a@x>", "a@x{N N}[a@x]|", NULL },
	{ "John Q. Public <j@x>", "j@x{John Q. Public}[j@x]|", NULL },
	{ "j@y <j@x>", "j@x{j@y}[j@x]|", NULL },
	{ "[Bugs] A/B <j@x>", "j@x{[Bugs] A/B}[j@x]|", NULL },
	{ "A\t \r\n B(c)C<j@x>", "j@x{A B C}[j@x]|", NULL },
	{ "\"Q, x\" <b@x> (c, d)", "b@x{Q, x}[b@x]|", NULL },
	{ "\"a\\\"b\\\\\" c <b@x>", "b@x{a\"b\\ c}[b@x]|", NULL },
	{ "\"a\r\n b\" <b@x>", "b@x{a b}[b@x]|", NULL },
	{ "J\xf6rg <b@x>", "b@x{J\xf6rg}[b@x]|", NULL },
	{ "a (c)", "a{}[a]|", NULL },
	{ "root (Cron Daemon)", "root{}[root]|", NULL },
	{ "(a(b(c)\\)d)e)a@x(f)", "a@x{}[a@x]|", NULL },
	{ "a (1) . (2) b (3) @ (4) x (5) . (6) y (7)",
	  "a.b@x.y{}[a (1) . (2) b (3) @ (4) x (5) . (6) y]|", NULL },
	{ "\"a b\"@x", "\"a b\"@x{}[\"a b\"@x]|", NULL },
	{ "\"ab\"@x", "ab@x{}[\"ab\"@x]|", NULL },
	{ "\"a\".\"b\"@x", "a.b@x{}[\"a\".\"b\"@x]|", NULL },
	{ "\"a@b\"", "\"a@b\"{}[\"a@b\"]|", NULL },
	{ "\"a\\\\\\\"\"@x", "\"a\\\\\\\"\"@x{}[\"a\\\\\\\"\"@x]|", NULL },
	{ "\"\"@x", "\"\"@x{}[\"\"@x]|", NULL },
	{ "a..b@x", "\"a..b\"@x{}[a..b@x]|", NULL },
	{ ".a.@x", "\".a.\"@x{}[.a.@x]|", NULL },
	{ "-dash@x", "-dash@x{}[-dash@x]|", NULL },
	{ "a!b%c@x", "a!b%c@x{}[a!b%c@x]|", NULL },
	{ "a@x.", "a@x{}[a@x.]|", NULL },
	{ "a@[127.0.0.1]", "a@[127.0.0.1]{}[a@[127.0.0.1]]|", NULL },
	{ "a@[IPv6:::1], b@x",
	  "a@[IPv6:::1]{}[a@[IPv6:::1]]|b@x{}[b@x]|", NULL },
	{ "a@[ 1\r\n .2 ]", "a@[1.2]{}[a@[ 1\r\n .2 ]]|", NULL },
	{ "<@a,@b:c@d>", "c@d{}[c@d]|", NULL },
	{ "R <@a , ,@[1.2] (x): c@d>", "c@d{R}[c@d]|", NULL },
	{ "j\xc3\xb6@b\xc3\xbc.de",
	  "j\xc3\xb6@b\xc3\xbc.de{}[j\xc3\xb6@b\xc3\xbc.de]|", NULL },
	{ "undisclosed-recipients:;", "", NULL },
	{ "Undisclosed recipients:", "", NULL },
	{ "G: a@x, B <b@x>; , c@x",
	  "a@x{}[a@x]|b@x{B}[b@x]|c@x{}[c@x]|", NULL },
	{ "\"G, g\" (c): ,a@x,; H:;", "a@x{}[a@x]|", NULL },
	{ "a@x,\r\n\tb@x", "a@x{}[a@x]|b@x{}[b@x]|", NULL },

	{ "foo bar", NULL, "two words" },
	{ "\"a\"b@x", NULL, "two words" },
	{ "Full Name", NULL, "two words" },
	{ "a@x b@x", NULL, "blank in it" },
	{ "a@x <b@y> c", NULL, "not a comma" },
	{ "a@x \"c\"", NULL, "not a comma" },
	{ "a@", NULL, "no domain" },
	{ "@x", NULL, "nothing before '@'" },
	{ "<@x>", NULL, "nothing before '@'" },
	{ "a@b@c", NULL, "two '@'" },
	{ "a@b..c", NULL, "empty label" },
	{ "a@.b", NULL, "empty label" },
	{ "a@.", NULL, "empty label" },
	{ "<a@x", NULL, "'<' has no '>'" },
	{ "unterminated <b@x", NULL, "'<' has no '>'" },
	{ "<<a@x>>", NULL, "nothing before" },
	{ "a@x>", NULL, "'>' has no '<'" },
	{ "<a@x>>", NULL, "'>' has no '<'" },
	{ "<a b@x>", NULL, "two words" },
	{ "<a@x,b@x>", NULL, "'<' has no '>'" },
	{ "(a", NULL, "not closed" },
	{ "(a(b)", NULL, "not closed" },
	{ "a) <b@x>", NULL, "')' has no '('" },
	{ "a@x)", NULL, "not a comma" },
	{ "\"a", NULL, "not closed" },
	{ "\"a\\", NULL, "not closed" },
	{ "a@[1.2", NULL, "literal" },
	{ "a@[1[2]", NULL, "literal" },
	{ "a@[1>]", NULL, "literal" },
	{ "a@[\\1]", NULL, "literal" },
	{ "a@x(", NULL, "not closed" },
	{ "a(", NULL, "not closed" },
	{ "a.(", NULL, "not closed" },
	{ "<a@x>(", NULL, "not closed" },
	{ "<(", NULL, "not closed" },
	{ "<@x(", NULL, "not closed" },
	{ "<@x,(", NULL, "not closed" },
	{ "N \"(\" (", NULL, "not closed" },
	{ "a@[1]b", NULL, "not a comma" },
	{ "g:h:a@x;;", NULL, "stands in a group" },
	{ ":;", NULL, "no name" },
	{ "a@x:b@x;", NULL, "':' cannot follow" },
	{ "a@x\nRCPT TO:<e@x>", NULL, "control byte" },
	{ "a@x\r\n", NULL, "control byte" },
	{ "a@x\r\nb@x", NULL, "control byte" },
	{ "a@x\rb", NULL, "control byte" },
	{ "a\x7f@x", NULL, "control byte" },
	{ "(\x01)a@x", NULL, "control byte" },
	{ "\"\x01\"@x", NULL, "control byte" },
	{ "\"\\\x01\"@x", NULL, "control byte" },
	{ "\"a\tb\"@x", NULL, "control byte" },
	{ "N\x1b <a@x>", NULL, "control byte" },
	{ "\xff@x", NULL, "UTF-8" },
	{ "\"\xc3\"@x", NULL, "UTF-8" },
	{ "a@\xff", NULL, "UTF-8" },
};

static void reads_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int bad;

		buf_init(&out, BIG);
		bad = read_list(str_of(rows[i].text), &out, &err);
		if (bad != (rows[i].want ? 0 : -1))
			fail_msg("'%s' gives %d: %s", rows[i].text, bad,
				 err.text);
		if (rows[i].want && strcmp(buf_cstr(&out), rows[i].want))
			fail_msg("'%s' is '%s', not '%s'", rows[i].text,
				 buf_cstr(&out), rows[i].want);
		if (rows[i].wrong && (err.kind != ERROR_DATA ||
				      !strstr(err.text, rows[i].wrong)))
			fail_msg("'%s' refused with '%s'", rows[i].text,
				 err.text);
		buf_release(&out);
	}
}

static void cut_anywhere_it_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t n = 0; n < strlen(rows[i].text); n++) {
			struct error err;
			struct buf out;

			buf_init(&out, BIG);
			read_list((struct str){ rows[i].text, n }, &out, &err);
			buf_release(&out);
		}
}

static void refuses_nul(void **state)
{
	struct error err;
	struct buf out;

	(void)state;
	buf_init(&out, BIG);
	assert_int_equal(read_list((struct str){ "a\0b@x", 5 }, &out, &err),
			 -1);
	assert_non_null(strstr(err.text, "'a\\x00b@x': it has a control"));
	assert_int_equal(read_list((struct str){ "\"\0\"@x", 5 }, &out, &err),
			 -1);
	buf_release(&out);
}

static void refuses_the_endless(void **state)
{
	static const char *const parts[] = { "a", "@a", "@a.", "\"\"", "\"\\\"",
		"(", "<", "[", "@[", "a@[1", ".", "\xc3\xb6", "a (", "\"a",
		"<@a,", "@a,", "<@a" };

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct error err;
		struct buf text, out;

		buf_init(&text, BIG);
		buf_init(&out, BIG);
		while (text.len < 200000)
			buf_addz(&text, parts[i]);
		if (!read_list(buf_str(&text), &out, &err))
			fail_msg("took 200000 octets of '%s'", parts[i]);
		assert_in_range(strlen(err.text), 20, 500);
		buf_release(&text);
		buf_release(&out);
	}
}

static void length_is_bounded(void **state)
{
	char text[ADDRESS_MAX + 2];
	struct error err;
	struct buf out, domain;

	(void)state;
	buf_init(&out, BIG);
	memset(text, 'a', sizeof(text));
	text[300] = '@';
	text[ADDRESS_MAX] = '\0';
	assert_int_equal(address_one(&out, str_of(text), &err), 0);
	assert_int_equal(out.len, ADDRESS_MAX);
	text[ADDRESS_MAX] = 'a';
	text[ADDRESS_MAX + 1] = '\0';
	assert_int_equal(address_one(&out, str_of(text), &err), -1);
	assert_non_null(strstr(err.text, "too long"));
	buf_init(&domain, BIG);
	buf_addz(&domain, "a@b");
	while (domain.len < 100000)
		buf_addz(&domain, ".b");
	assert_int_equal(address_one(&out, buf_str(&domain), &err), -1);
	assert_non_null(strstr(err.text, "too long"));
	buf_release(&domain);
	buf_release(&out);
}

/* An error shows the beginning of a long element, in whole characters. */
static void error_is_cut(void **state)
{
	struct error err;
	struct buf out;
	char text[200] = "a ";

	(void)state;
	for (size_t i = 2; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	buf_init(&out, BIG);
	assert_int_equal(address_one(&out, str_of(text), &err), -1);
	assert_null(strstr(err.text, "\\x"));
	assert_non_null(strstr(err.text, "\xac...': two words"));
	assert_int_equal(address_one(&out, STR("a b"), &err), -1);
	assert_string_equal(err.text, "bad address 'a b': two words stand "
			    "where one address or a comma was expected");
	buf_release(&out);
}

static void a_hundred_thousand(void **state)
{
	struct error err;
	struct buf text, out;
	size_t n = 0;

	(void)state;
	buf_init(&text, BIG);
	buf_init(&out, BIG);
	for (int i = 0; i < 100000; i++)
		buf_addf(&text, "\"User, %d\" <user%d@example.org> (c),\r\n ",
			 i, i);
	assert_int_equal(read_list(buf_str(&text), &out, &err), 0);
	for (size_t i = 0; i < out.len; i++)
		n += out.p[i] == '|';
	assert_int_equal(n, 100000);
	buf_release(&text);
	buf_release(&out);
}

static void deep_comments(void **state)
{
	struct error err;
	struct buf text, out;

	(void)state;
	buf_init(&text, BIG);
	buf_init(&out, BIG);
	for (int i = 0; i < 1000000; i++)
		buf_addch(&text, '(');
	for (int i = 0; i < 1000000; i++)
		buf_addch(&text, ')');
	buf_addz(&text, "a@x");
	assert_int_equal(read_list(buf_str(&text), &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "a@x{}[a@x]|");
	buf_release(&text);
	buf_release(&out);
}

static const struct {
	const char *text, *want;	/* NULL: refused */
} ones[] = {
	{ "", "" },
	{ "<>", "" },
	{ " <> ", "" },
	{ "<env@x>", "env@x" },
	{ "N N <env@x>", "env@x" },
	{ "env", "env" },
	{ " ", NULL },
	{ "a@x, b@x", NULL },
	{ "g:;", NULL },
	{ "x@y\r\nRSET", NULL },
	{ "a@x,\r\n b@x", NULL },
	{ "a@b>\r\nRCPT TO:<evil@x", NULL },
	{ "b@c> NOTIFY=NEVER", NULL },
};

static void one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ones) / sizeof(*ones); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int bad;

		buf_init(&out, 1000);
		bad = address_one(&out, str_of(ones[i].text), &err);
		if (bad != (ones[i].want ? 0 : -1) ||
		    (bad && err.kind != ERROR_DATA))
			fail_msg("'%s' gives %d", ones[i].text, bad);
		if (!bad && strcmp(buf_cstr(&out), ones[i].want))
			fail_msg("'%s' is '%s'", ones[i].text, buf_cstr(&out));
		buf_release(&out);
	}
}

static const struct {
	const char *spec, *mailname, *want, *domain;
} qualified[] = {
	{ "root", "h.example", "root@h.example", "h.example" },
	{ "root", "", "root", "" },
	{ "", "h.example", "", "" },
	{ "a@x", "h.example", "a@x", "x" },
	{ "\"a@b\"", "h", "\"a@b\"@h", "h" },
	{ "\"a\\\"@b\"", "h", "\"a\\\"@b\"@h", "h" },
	{ "\"a@b\"@x", "h", "\"a@b\"@x", "x" },
	{ "a@[1@2]", "h", "a@[1@2]", "[1@2]" },
};

static void qualify(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(qualified) / sizeof(*qualified); i++) {
		struct buf out;

		buf_init(&out, 1000);
		address_qualify(&out, str_of(qualified[i].spec),
				qualified[i].mailname);
		assert_string_equal(buf_cstr(&out), qualified[i].want);
		if (!str_eq(address_domain(buf_str(&out)),
			    str_of(qualified[i].domain)))
			fail_msg("wrong domain in '%s'", buf_cstr(&out));
		buf_release(&out);
	}
}

static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
	{ "a@x", "a@x", true },
	{ "a@example.org", "a@EXAMPLE.ORG", true },
	{ "a@x", "A@x", false },
	{ "a@x", "a@y", false },
	{ "a", "a", true },
	{ "a", "A", false },
	{ "a@xx", "a@x", false },
	{ "ab@x", "a@bx", false },
	{ "\"a@X\"", "\"a@x\"", false },
	{ "a@\xc3\xb6", "a@\xc3\xb6", true },
	{ "a@\xc3\xb6", "a@\xc3\x96", false },
};

static void same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (address_same(str_of(pairs[i].a), str_of(pairs[i].b)) !=
		    pairs[i].same)
			fail_msg("'%s' and '%s'", pairs[i].a, pairs[i].b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lists),
		cmocka_unit_test(cut_anywhere_it_ends),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(refuses_the_endless),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(error_is_cut),
		cmocka_unit_test(a_hundred_thousand),
		cmocka_unit_test(deep_comments),
		cmocka_unit_test(one),
		cmocka_unit_test(qualify),
		cmocka_unit_test(same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
