#include "smtp/undot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/dot.h"

static const struct row {
	const char *in, *crlf, *lf;	/* NULL: its end has not come */
	const char *rest_crlf, *rest_lf;
} rows[] = {
	{ "", NULL, NULL, "", "" },
	{ ".\r\nQ", "", "", "Q", "Q" },
	{ ".\nQ", NULL, "", "", "Q" },
	{ ".\n.\r\n.\r\n", "\n.\r\n", "", "", ".\r\n.\r\n" },
	{ "a\r\n.\r\nQ", "a\r\n", "a\r\n", "Q", "Q" },
	{ "a\n.\nQ\r\n.\r\n", "a\n.\nQ\r\n", "a\n", "", "Q\r\n.\r\n" },
	{ "a\n.\r\n\r\n.\r\n", "a\n.\r\n\r\n", "a\n", "", "\r\n.\r\n" },
	{ "a\r.\r\n.\r\n", "a\r.\r\n", "a\r.\r\n", "", "" },
	{ "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "a\r\n\rb\r\n", "", "" },
	{ "a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n", "a\r\n\r\r\n", "", "" },
	{ ".\r\r\n.\r\n", "\r\r\n", "\r\r\n", "", "" },
	{ "..\r\n...\r\n.a.\r\n.\r\n", ".\r\n..\r\na.\r\n",
	  ".\r\n..\r\na.\r\n", "", "" },
	{ "..\n..\r\n.\r\n", ".\n..\r\n", ".\n.\r\n", "", "" },
	{ "a.\r\n .\r\n.\r\n", "a.\r\n .\r\n", "a.\r\n .\r\n", "", "" },
	{ "a\r\r\n.\r\n", "a\r\r\n", "a\r\r\n", "", "" },
	{ "\r\n.\n\r\n.\r\n", "\r\n\n\r\n", "\r\n", "", "\r\n.\r\n" },
};

static void try(const struct row *r, bool lf, size_t cut)
{
	const char *want = lf ? r->lf : r->crlf;
	const char *want_rest = lf ? r->rest_lf : r->rest_crlf;
	struct str in = { r->in, cut };
	struct undot u;
	struct buf out;
	bool done;

	buf_init(&out, 1000);
	undot_init(&u, lf);
	done = undot_feed(&u, &in, &out);
	in.n += strlen(r->in) - cut;
	if (!done)
		done = undot_feed(&u, &in, &out);
	if (done != (want != NULL) ||
	    (want && (strcmp(buf_cstr(&out), want) ||
		      strcmp(in.p, want_rest))))
		fail_msg("'%s' lf %d cut at %zu: '%s', rest '%s'", r->in, lf,
			 cut, buf_cstr(&out), in.p);
	buf_release(&out);
}

static void contents(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t cut = 0; cut <= strlen(rows[i].in); cut++) {
			try(&rows[i], false, cut);
			try(&rows[i], true, cut);
		}
}

/* What smtp/dot makes of canonical content, this takes back. */
static void inverse(void **state)
{
	static const char *const texts[] = {
		"", "a\r\n", ".\r\n", "..\r\n.\r\n", "\r\n.\r\n\r\n",
		"a.\r\n.b\r\n"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct dot d = { .mid_line = false };
		struct buf wire, out;
		struct undot u;
		struct str in;

		buf_init(&wire, 1000);
		buf_init(&out, 1000);
		dot_feed(&d, str_of(texts[i]), &wire);
		dot_end(&d, &wire);
		undot_init(&u, i % 2);
		in = buf_str(&wire);
		assert_true(undot_feed(&u, &in, &out));
		assert_string_equal(buf_cstr(&out), texts[i]);
		assert_int_equal(in.n, 0);
		buf_release(&wire);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents), cmocka_unit_test(inverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
