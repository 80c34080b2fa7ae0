#include "mail/cid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The parts are "logo.png" of id ID and "my pic.png" of id "given". */
static const struct {
	const char *html, *want;
	const char *missing;	/* the last that is, or "" */
	int n_missing;
	bool logo, pic;		/* shown */
} rows[] = {
	{ "", "", "", 0, false, false },
	{ "<img src=\"cid:logo.png\">", "<img src=\"cid:ID\">", "", 0, true, false },
	{ "<img src=\"cid:ID\">", "<img src=\"cid:ID\">", "", 0, true, false },
	{ "<img src=\"CID:given\">", "<img src=\"CID:given\">", "", 0, false, true },
	{ "<img src='cid:my%20pic.png'>", "<img src='cid:given'>", "", 0, false, true },
	{ "<img src='cid:my pic.png'>", "<img src='cid:given'>", "", 0, false, true },
	{ "<img src=cid:logo.png>x", "<img src=cid:ID>x", "", 0, true, false },
	{ "<img src=cid:logo.png alt=x>", "<img src=cid:ID alt=x>", "", 0, true, false },
	{ "url(cid:logo.png)", "url(cid:ID)", "", 0, true, false },
	{ "style=\"url(&quot;cid:logo.png&quot;)\"",
	  "style=\"url(&quot;cid:ID&quot;)\"", "", 0, true, false },
	{ "'cid:logo.png''cid:given''cid:logo.png'", "'cid:ID''cid:given''cid:ID'", "", 0, true, true },
	{ "\"cid:gone\" \"cid:gone\" \"cid:too\"", "\"cid:gone\" \"cid:gone\" \"cid:too\"", "too", 2,
	  false, false },
	{ "'cid:Logo.png'", "'cid:Logo.png'", "Logo.png", 1, false, false },
	{ "'cid:%6cogo.png'", "'cid:ID'", "", 0, true, false },
	{ "'cid:%6xogo.png'", "'cid:%6xogo.png'", "%6xogo.png", 1, false, false },
	{ "'cid:%x6ogo.png'", "'cid:%x6ogo.png'", "%x6ogo.png", 1, false, false },
	{ "'cid:1ccogo.png'", "'cid:1ccogo.png'", "1ccogo.png", 1, false, false },
	{ "'cid:a%2", "'cid:a%2", "a%2", 1, false, false },
	{ "'cid:", "'cid:", "", 0, false, false },
	{ "'cid:'", "'cid:'", "", 0, false, false },
	{ "cid:logo.png", "cid:logo.png", "", 0, false, false },
	{ "the acid:logo.png", "the acid:logo.png", "", 0, false, false },
	{ "a cid: b", "a cid: b", "", 0, false, false },
	{ "http://x/=cid:logo.png", "http://x/=cid:ID", "", 0, true, false },
};

static void resolves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cid cid[] = { { STR("logo.png"), STR("ID"), false },
				     { STR("my pic.png"), STR("given"), false } };
		struct roster missing;
		const char *last;
		struct buf out;

		buf_init(&out, 1000);
		roster_init(&missing);
		cid_resolve(&out, str_of(rows[i].html), cid, 2, &missing);
		last = missing.n ? roster_get(&missing, missing.n - 1) : "";
		if (strcmp(buf_cstr(&out), rows[i].want) ||
		    (int)missing.n != rows[i].n_missing ||
		    strcmp(last, rows[i].missing) ||
		    cid[0].shown != rows[i].logo || cid[1].shown != rows[i].pic)
			fail_msg("%s: '%s', %zu missing", rows[i].html,
				 buf_cstr(&out), missing.n);
		roster_release(&missing);
		buf_release(&out);
	}
}

static const struct {
	const char *name, *mailname, *want;
} made[] = {
	{ "logo.png", "host.example", "logo.png.8.u@host.example" },
	{ "", "host.example", "8.u@host.example" },
	{ "my pic\xc3\xa9(1).png", "h", "mypic1.png.8.u@h" },
	{ "..a..b.", "h", "a.b.8.u@h" },
	{ "\xe6\x97\xa5.png", "b\xc3\xbc" "cher", "png.8.u@mail" },
	{ "x", "", "x.8.u@mail" },
	{ "azAZ09-_@[`{/:", "h", "azAZ09-_.8.u@h" },
};

static void makes(void **state)
{
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		struct buf out, again;

		buf_init(&out, 1000);
		buf_init(&again, 1000);
		cid_make(&out, str_of(made[i].name), 7, "u", made[i].mailname);
		if (strcmp(buf_cstr(&out), made[i].want))
			fail_msg("'%s': '%s'", made[i].name, buf_cstr(&out));
		assert_int_equal(cid_check(&again, buf_str(&out), &err), 0);
		buf_release(&out);
		buf_release(&again);
	}
}

static const struct {
	const char *given, *want;	/* NULL: refused */
} ids[] = {
	{ "logo", "logo" }, { "<a@b>", "a@b" }, { "a.b-c_d@e", "a.b-c_d@e" },
	{ "", NULL }, { "<>", NULL }, { "a b", NULL }, { "a\nb", NULL },
	{ "<a", NULL }, { "a>", NULL }, { "a>b", NULL }, { "\xc3\xa9", NULL }, { "a\x7f", NULL },
	{ "a\"", NULL }, { "a%20", NULL },
};

static void checks(void **state)
{
	char longest[202];

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int ret;

		buf_init(&out, 1000);
		ret = cid_check(&out, str_of(ids[i].given), &err);
		if (ids[i].want ? ret || strcmp(buf_cstr(&out), ids[i].want)
				: !ret || err.kind != ERROR_DATA)
			fail_msg("'%s': %d '%s'", ids[i].given, ret,
				 buf_cstr(&out));
		buf_release(&out);
	}
	memset(longest, 'a', sizeof(longest));
	for (size_t n = 200; n <= 201; n++) {
		struct error err;
		struct buf out;

		buf_init(&out, 1000);
		assert_int_equal(cid_check(&out, (struct str){ longest, n },
					   &err), n == 200 ? 0 : -1);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolves),
		cmocka_unit_test(makes),
		cmocka_unit_test(checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
