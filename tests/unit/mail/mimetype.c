#include "mail/mimetype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char system_types[] =
	"# comment txt\n"
	"text/x-first\ttxt  TEXT # foo\n"
	"application/x-none\n"
	"nonsense bad\r\n"
	"multipart/mixed mix\n"
	"image/x-odd odd\r\n"
	"chemical/x-last last";

static const struct {
	const char *name, *system, *want;
} names[] = {
	{ "a.txt", "", "text/plain" },
	{ "A.PDF", "", "application/pdf" },
	{ "a.tar.gz", "", "application/gzip" },
	{ "a.7z", "", "application/x-7z-compressed" },
	{ "a.zst", "", "application/zstd" },
	{ "report.docx", "", "application/vnd.openxmlformats-officedocument"
	  ".wordprocessingml.document" },
	{ "mail.eml", "", "message/rfc822" },
	{ "invite.ics", "", "text/calendar" },
	{ "a", "", "" },
	{ "txt", "", "" },
	{ ".txt", "", "" },
	{ "a.", "", "" },
	{ "", "", "" },
	{ "a.unheard-of", "", "" },
	{ "a.txt", system_types, "text/x-first" },
	{ "a.Text", system_types, "text/x-first" },
	{ "a.foo", system_types, "" },
	{ "a.bad", system_types, "" },
	{ "a.mix", system_types, "" },
	{ "a.odd", system_types, "image/x-odd" },
	{ "a.last", system_types, "chemical/x-last" },
	{ "a.pdf", system_types, "application/pdf" },
};

static void by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct str got = mimetype_by_name(str_of(names[i].name),
						  str_of(names[i].system));

		if (!str_eq(got, str_of(names[i].want)))
			fail_msg("'%s' is '%.*s'", names[i].name, (int)got.n,
				 got.p);
	}
}

static const struct {
	const char *type, *want;	/* NULL: refused */
} rows[] = {
	{ "text/csv", "text/csv" },
	{ " Text/CSV ", "text/csv" },
	{ "text/csv;header=present", "text/csv; header=present" },
	{ "text/plain; Charset=\"utf-8\" ;", "text/plain; charset=utf-8" },
	{ "a/b; c=\"d;\\\"e\"; f=g", "a/b; c=\"d;\\\"e\"; f=g" },
	{ "image/svg+xml", "image/svg+xml" },
	{ "", NULL }, { "text", NULL }, { "text/", NULL }, { "/csv", NULL },
	{ "a/b/c", NULL }, { "a b/c", NULL }, { "a/b; c", NULL },
	{ "a/b; c=", NULL }, { "a/b; =d", NULL }, { "a/b; c=\"d", NULL },
	{ "a/b; c=\"d\"e", NULL }, { "a/b; c=d e", NULL },
	{ "a/b; c=\"d\\", NULL },
	{ "a/b\r\nX: y", NULL }, { "a/b; c=\"\n\"", NULL },
	{ "a/b; c=\"\xff\"", NULL },
	{ "multipart/mixed", NULL }, { "Multipart/x; a=b", NULL },
};

static void adds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int ret;

		buf_init(&out, 1000);
		ret = mimetype_add(&out, str_of(rows[i].type), &err);
		if (ret != (rows[i].want ? 0 : -1) || (!out.len && !ret) ||
		    !str_eq(buf_str(&out),
			    str_of(rows[i].want ? rows[i].want : "")))
			fail_msg("'%s': %d '%.*s'", rows[i].type, ret,
				 (int)out.len, buf_cstr(&out));
		if (ret)
			assert_int_equal(err.kind, ERROR_DATA);
		assert_true(!ret == (err.kind == ERROR_NONE));
		assert_false(str_has_ctl(str_of(err.text)));
		buf_release(&out);
	}
}

static void has(void **state)
{
	struct str type = STR("text/plain; a=\"; b=c\"; Charset=x");

	(void)state;
	assert_true(mimetype_has(type, STR("charset")));
	assert_true(mimetype_has(type, STR("a")));
	assert_false(mimetype_has(type, STR("b")));
	assert_false(mimetype_has(STR("charset/x"), STR("charset/x")));
	assert_true(str_eq(mimetype_essence(STR(" a/b ; c")), STR("a/b")));
}

static void tokens(void **state)
{
	(void)state;
	assert_true(mimetype_token(STR("x-y.z+1")));
	assert_false(mimetype_token(STR("")));
	assert_false(mimetype_token(STR("a b")));
	assert_false(mimetype_token(STR("a\x7f")));
	assert_false(mimetype_token(STR("\xc3\xa9")));
	for (const char *p = "()<>@,;:\\\"/[]?="; *p; p++)
		assert_false(mimetype_token((struct str){ p, 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
		cmocka_unit_test(adds),
		cmocka_unit_test(has),
		cmocka_unit_test(tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
