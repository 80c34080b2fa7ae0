#include "mail/part.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/utf8.h"
#include "util/xalloc.h"

#define UNIQUE "abcdabcdX"
#define MARK "--=_" UNIQUE
#define E "\xc3\xa9"

static const struct row {
	const char *name;
	struct str text;
	uint64_t lines, longest, bad_line;
	const char *facts;	/* 8 NUL ctl cr lf ends marked */
} rows[] = {
	{ "empty", { "", 0 }, 0, 0, 0, "" },
	{ "one line", { "abc\r\n", 5 }, 1, 3, 0, "e" },
	{ "no end", { "abc\r\nde", 7 }, 2, 3, 0, "" },
	{ "LF", { "a\nbcd\n", 6 }, 2, 3, 0, "le" },
	{ "CR", { "a\rbcd\r", 6 }, 2, 3, 0, "c" },
	{ "CR CR LF", { "a\r\r\n", 4 }, 2, 1, 0, "ce" },
	{ "CRLF LF", { "a\r\n\n", 4 }, 2, 1, 0, "le" },
	{ "LF CR", { "a\n\r", 3 }, 2, 1, 0, "cl" },
	{ "tab and form feed", { "a\tb\fc", 5 }, 1, 5, 0, "" },
	{ "escape", { "a\033b", 3 }, 1, 3, 0, "t" },
	{ "NUL", { "ab\0c\n", 5 }, 0, 0, 0, "0te" },
	{ "two octets", { "12345678" E "1234567\n", 18 }, 1, 17, 0, "8le" },
	{ "UTF-8 of 3", { "\xe2\x82\xac\xed\x9f\xbf\xe0\xa0\x80\r\n", 11 }, 1, 9, 0, "8e" },
	{ "UTF-8 of 4", { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\r\n", 10 }, 1, 8, 0, "8e" },
	{ "latin 1", { "a\n\xe9 b\n\xe9\n", 8 }, 3, 3, 2, "8le" },
	{ "latin 1 then lines", { "\xe9" "abcdefghijk\r\nb\xe9\t\r\n", 19 }, 2, 12, 1, "8e" },
	{ "overlong 2", { "\xc1\xbf", 2 }, 1, 2, 1, "8" },
	{ "overlong 3", { "\xe0\x9f\xbf", 3 }, 1, 3, 1, "8" },
	{ "overlong 4", { "\xf0\x8f\xbf\xbf", 4 }, 1, 4, 1, "8" },
	{ "surrogate", { "\n\xed\xa0\x80", 4 }, 2, 3, 2, "8l" },
	{ "too high", { "\xf4\x90\x80\x80", 4 }, 1, 4, 1, "8" },
	{ "cut by the end", { "\n\xe2\x82", 3 }, 2, 2, 2, "8l" },
	{ "cut by a letter", { "\xe2\x82" "a\n", 4 }, 1, 3, 1, "8le" },
	{ "cut by a line end", { "\xe2\x82\n", 3 }, 1, 2, 1, "8le" },
	{ "stray continuation", { "\x80", 1 }, 1, 1, 1, "8" },
	{ "marked", { MARK, 13 }, 1, 13, 0, "m" },
	{ "marked inside", { "some text that goes before " MARK " and after", 50 }, 1, 50, 0, "m" },
	{ "marked after a near miss", { "--=_abcd" MARK, 21 }, 1, 21, 0, "m" },
	{ "nearly marked", { "--=_abcdabcdY --=_abcdabcd", 26 }, 1, 26, 0, "" },
	{ "marked after NUL", { "\0" MARK "\n", 15 }, 0, 0, 0, "0tem" },
};

static void facts_text(char out[16], const struct part_facts *f)
{
	const bool has[] = { f->eightbit, f->nul, f->control, f->bare_cr,
			     f->bare_lf, f->ends_line, f->marked };
	size_t n = 0;

	for (size_t i = 0; i < 7; i++)
		if (has[i])
			out[n++] = "80tclem"[i];
	out[n] = '\0';
}

static void check(const struct row *r, size_t cut, size_t cut2)
{
	struct part_scan s;
	struct str t = r->text;
	char facts[16];

	part_scan_init(&s, UNIQUE);
	part_scan_feed(&s, (struct str){ t.p, cut });
	part_scan_feed(&s, (struct str){ t.p + cut, cut2 - cut });
	part_scan_feed(&s, (struct str){ t.p + cut2, t.n - cut2 });
	part_scan_end(&s);
	facts_text(facts, &s.facts);
	if (s.facts.size != t.n || strcmp(facts, r->facts) ||
	    s.facts.bad_line != r->bad_line ||
	    (!s.facts.nul && (s.facts.lines != r->lines ||
			      s.facts.longest != r->longest)))
		fail_msg("%s cut at %zu and %zu: '%s' %d lines, longest %d, "
			 "bad %d", r->name, cut, cut2, facts,
			 (int)s.facts.lines, (int)s.facts.longest,
			 (int)s.facts.bad_line);
}

static void scans(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t cut = 0; cut <= rows[i].text.n; cut++)
			for (size_t k = cut; k <= rows[i].text.n; k++)
				check(&rows[i], cut, k);
}

/* Every first and second octet: our bounds are those of util/utf8. */
static void agrees_on_utf8(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65536; i++)
		for (int k = 0; k < 3; k++) {
			char text[] = { (char)(i >> 8), (char)i, '\x80', '\x80' };
			struct str s = { text, (size_t)(2 + k) };
			struct part_scan scan;

			part_scan_init(&scan, "");
			part_scan_feed(&scan, s);
			part_scan_end(&scan);
			if (!scan.facts.nul &&
			    utf8_valid(s) != !scan.facts.bad_line)
				fail_msg("%04x and %d", i, k);
		}
}

/* Without something to look for, nothing is found; too long is as nothing. */
static void no_mark(void **state)
{
	struct part_scan s;

	(void)state;
	part_scan_init(&s, "");
	part_scan_feed(&s, STR("--=_--=_"));
	part_scan_end(&s);
	assert_false(s.facts.marked);
}

static const struct {
	const char *text, *want;
} canonical[] = {
	{ "", "" }, { "a", "a\r\n" }, { "\n", "\r\n" }, { "\r\n", "\r\n" },
	{ "a\nb\r\nc", "a\r\nb\r\nc\r\n" }, { "a\rb\r", "a\rb\r\r\n" },
	{ "a\r\r\n", "a\r\r\n" }, { "\n\n", "\r\n\r\n" },
};

static void makes_canonical(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(canonical) / sizeof(*canonical); i++) {
		struct buf out;

		buf_init(&out, 100);
		part_canonical(&out, str_of(canonical[i].text));
		assert_string_equal(buf_cstr(&out), canonical[i].want);
		buf_release(&out);
	}
}

static const struct {
	const char *text, *want;
} methods[] = {
	{ "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nX:y\r\n", "REQUEST" },
	{ "BEGIN:VCALENDAR\nmethod:reply", "REPLY" },
	{ "METHOD:DECLINE-COUNTER\r\n", "DECLINE-COUNTER" },
	{ "X-METHOD:PUBLISH\r\n", "" },
	{ "METHOD:A; b=c\r\n", "" },
	{ "METHOD:ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG\r\n", "" },
	{ "METHOD:\r\n", "" },
	{ "", "" },
};

static void finds_methods(void **state)
{
	char method[PART_METHOD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		part_calendar_method(method, str_of(methods[i].text));
		if (strcmp(method, methods[i].want))
			fail_msg("'%s': '%s'", methods[i].text, method);
	}
}

static void sizes(void **state)
{
	struct part p;

	(void)state;
	part_init(&p, PART_HTML);
	assert_int_equal(p.role, PART_HTML);
	assert_int_equal(part_size(&p), 0);
	p.text = STR("abc");
	assert_int_equal(part_size(&p), 3);
	p.fd = 0;
	p.len = 77;
	assert_int_equal(part_size(&p), 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scans),
		cmocka_unit_test(agrees_on_utf8),
		cmocka_unit_test(no_mark),
		cmocka_unit_test(makes_canonical),
		cmocka_unit_test(finds_methods),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
