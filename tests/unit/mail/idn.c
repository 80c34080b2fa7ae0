#include "mail/idn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text, *want;	/* NULL: refused */
} rows[] = {
	{ "", "" },
	{ "Example.ORG", "Example.ORG" },
	{ "a_b.example", "a_b.example" },
	{ "[IPv6:::1]", "[IPv6:::1]" },
	{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
	{ "B\xc3\x9c" "CHER.example", "xn--bcher-kva.example" },
	{ "bu\xcc\x88" "cher.example", "xn--bcher-kva.example" },
	{ "fa\xc3\x9f.de", "xn--fa-hia.de" },	/* not transitional "fass" */
	{ "\xe4\xbe\x8b\xe3\x80\x82jp", "xn--fsq.jp" },
	{ "x\xef\xbc\x8ey.example", "x.y.example" },
	/* Full-width and compound characters, whose ASCII is syntax. */
	{ "x\xef\xbc\x9ey.example", NULL },		/* > */
	{ "x\xef\xbc\xa0y.example", NULL },		/* @ */
	{ "x\xe3\x80\x80y.example", NULL },		/* blank */
	{ "x\xef\xbc\x8cy.example", NULL },		/* , */
	{ "x\xef\xbc\x9ay", NULL },			/* : */
	{ "x\xef\xbc\x82y", NULL },			/* " */
	{ "x\xe2\x84\x80y.example", NULL },		/* a/c */
	{ "x\xef\xbc\x9e\xe3\x80\x80NOTIFY\xef\xbc\x9dNEVER", NULL },
	{ "\xff.example", NULL },
	{ "\xc3\xbc\r\nX: y", NULL },
	{ "\xe2\x80\x8b\xc3\xbc.example\xe2\x84", NULL },
	{ "-\xc3\xbc-.\xcc\x88x", NULL },
	{ "\xc3\xbc" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaa.example", NULL },
};

static void domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int bad;

		buf_init(&out, 300);
		buf_addz(&out, "@");
		bad = idn_domain(&out, str_of(rows[i].text), &err);
		if (bad != (rows[i].want ? 0 : -1) ||
		    (bad && err.kind != ERROR_DATA))
			fail_msg("'%s' gives %d %s", rows[i].text, bad,
				 buf_cstr(&out));
		if (strcmp(buf_cstr(&out) + 1, bad ? "" : rows[i].want))
			fail_msg("'%s' is '%s'", rows[i].text, buf_cstr(&out));
		buf_release(&out);
	}
}

static void addresses(void **state)
{
	struct error err;
	struct buf out;

	(void)state;
	buf_init(&out, 300);
	assert_int_equal(idn_address(&out, STR("j\xc3\xb6@b\xc3\xbc.x"), &err),
			 0);
	assert_string_equal(buf_cstr(&out), "j\xc3\xb6@xn--b-eha.x");
	assert_int_equal(idn_address(&out, STR(" \"@\xc3\xb6\""), &err), 0);
	assert_string_equal(buf_cstr(&out),
			    "j\xc3\xb6@xn--b-eha.x \"@\xc3\xb6\"");
	assert_int_equal(idn_address(&out, STR("a@\xff"), &err), -1);
	assert_string_equal(buf_cstr(&out),
			    "j\xc3\xb6@xn--b-eha.x \"@\xc3\xb6\"");
	buf_release(&out);
	assert_int_equal(idn_address(&out, STR("a@\xff"), &err), -1);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains),
		cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
