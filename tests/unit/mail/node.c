#include "mail/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* One leaf: what is known of it, and how it goes out. */
static const struct row {
	const char *name;
	enum part_role role;
	const char *type;
	struct part_facts facts;
	bool unknown;		/* not scanned */
	bool file;
	enum node_coding plain, binary;
} rows[] = {
	{ "ASCII text", PART_TEXT, "text/plain", { .longest = 998 }, false, false,
	  NODE_7BIT, NODE_7BIT },
	{ "long lines", PART_TEXT, "text/plain", { .longest = 999 }, false, false,
	  NODE_QP, NODE_BINARY },
	{ "8-bit HTML", PART_HTML, "text/html", { .eightbit = true }, false, false,
	  NODE_QP, NODE_8BIT },
	{ "8-bit calendar file", PART_CALENDAR, "text/calendar", { .eightbit = true }, false, true,
	  NODE_BASE64, NODE_8BIT },
	{ "text file not scanned", PART_TEXT, "text/plain", { .size = 0 }, true, true,
	  NODE_BASE64, NODE_BASE64 },
	{ "NUL", PART_TEXT, "text/plain", { .nul = true }, false, false, NODE_QP, NODE_BINARY },
	{ "CR", PART_TEXT, "text/plain", { .bare_cr = true }, false, false, NODE_QP, NODE_BINARY },
	{ "LF", PART_TEXT, "text/plain", { .bare_lf = true }, false, true,
	  NODE_BASE64, NODE_BINARY },
	{ "marked text", PART_TEXT, "text/plain", { .marked = true }, false, false,
	  NODE_QP, NODE_QP },
	{ "file", PART_ATTACH, "image/png", { .size = 0 }, false, true, NODE_BASE64, NODE_BINARY },
	{ "inline", PART_INLINE, "image/png", { .size = 0 }, false, true, NODE_BASE64, NODE_BINARY },
	{ "file not scanned", PART_ATTACH, "image/png", { .size = 0 }, true, true,
	  NODE_BASE64, NODE_BASE64 },
	{ "marked file", PART_ATTACH, "image/png", { .marked = true }, false, true,
	  NODE_BASE64, NODE_BASE64 },
	{ "mail", PART_ATTACH, "Message/rfc822", { .longest = 998 }, false, true,
	  NODE_7BIT, NODE_7BIT },
	{ "8-bit mail", PART_ATTACH, "message/rfc822", { .eightbit = true }, false, true,
	  NODE_8BIT, NODE_8BIT },
	{ "mail with long lines", PART_ATTACH, "message/rfc822", { .longest = 999 }, false, true,
	  NODE_BASE64, NODE_BINARY },
	{ "mail with LF", PART_ATTACH, "message/rfc822", { .bare_lf = true }, false, true,
	  NODE_BASE64, NODE_BINARY },
	{ "marked mail", PART_ATTACH, "message/rfc822", { .marked = true }, false, true,
	  NODE_BASE64, NODE_BASE64 },
	{ "mail not scanned", PART_ATTACH, "message/rfc822", { .size = 0 }, true, true,
	  NODE_BASE64, NODE_BASE64 },
};

static void chooses(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i / 2];
		enum node_coding want = i % 2 ? r->binary : r->plain;
		struct part part;
		struct node n = { .part = &part, .text = STR("aaaaaaaaaa"),
				  .facts = r->facts, .scanned = !r->unknown,
				  .type = str_of(r->type) };
		bool encoded = false, moved;
		enum node_coding above;

		part_init(&part, r->role);
		part.fd = r->file ? 0 : -1;
		above = node_choose(&n, i % 2, &encoded);
		moved = str_casestarts(str_of(r->type), STR("message/")) &&
			want != NODE_7BIT && want != NODE_8BIT;
		if (n.coding != want || encoded != (want > NODE_BINARY) ||
		    above != (encoded ? NODE_7BIT : want) ||
		    !str_eq(n.type, moved ? STR("application/octet-stream") :
			    str_of(r->type)))
			fail_msg("%s, %d: %d '%.*s'", r->name, (int)(i % 2),
				 n.coding, (int)n.type.n, n.type.p);
	}
}

/* A multipart is what the most demanding of its parts is. */
static void passes_it_up(void **state)
{
	struct part text, mail;
	struct node a = { .part = &text, .scanned = true, .type = STR("text/plain"),
			  .text = STR("") };
	struct node b = { .part = &mail, .scanned = true, .facts.eightbit = true,
			  .type = STR("message/rfc822"), .next = &a };
	struct node inner = { .subtype = "mixed", .first = &b, .last = &a };
	struct node outer = { .subtype = "mixed", .first = &inner, .last = &inner };
	bool encoded = false;

	(void)state;
	part_init(&text, PART_TEXT);
	part_init(&mail, PART_ATTACH);
	assert_int_equal(node_choose(&outer, false, &encoded), NODE_8BIT);
	assert_int_equal(inner.coding, NODE_8BIT);
	assert_int_equal(outer.coding, NODE_8BIT);
	assert_int_equal(a.coding, NODE_7BIT);
	assert_false(encoded);
}

static void says_where(void **state)
{
	struct error err;
	struct part p;

	(void)state;
	part_init(&p, PART_INLINE);
	p.name = STR("a\nb");
	error_set(&err, ERROR_DATA, "wrong");
	assert_int_equal(node_wrap(&err, &p), -1);
	assert_string_equal(err.text, "inline part 'a\\x0ab': wrong");
	part_init(&p, PART_CALENDAR);
	error_set(&err, ERROR_DATA, "wrong");
	node_wrap(&err, &p);
	assert_string_equal(err.text, "calendar: wrong");
}

static void charsets(void **state)
{
	static const struct {
		const char *type, *charset;
		bool eightbit, bad, guessed;
		const char *want;
	} c[] = {
		{ "text/csv", "", false, false, false, "text/csv" },
		{ "text/csv", "", true, false, false, "text/csv; charset=utf-8" },
		{ "text/csv", "", true, true, false, "text/csv" },
		{ "text/plain", "", false, false, true, "text/plain; charset=utf-8" },
		{ "text/csv", "koi8-r", true, true, false, "text/csv; charset=koi8-r" },
		{ "text/csv; charset=x", "koi8-r", true, false, false, "text/csv; charset=x" },
		{ "image/svg+xml", "koi8-r", true, false, false, "image/svg+xml" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct part p;
		struct node n = { .part = &p, .type = str_of(c[i].type),
				  .scanned = true, .guessed = c[i].guessed };
		struct error err;
		struct buf out, want;

		part_init(&p, PART_ATTACH);
		p.charset = str_of(c[i].charset);
		n.facts.eightbit = c[i].eightbit;
		n.facts.bad_line = c[i].bad;
		buf_init(&out, 1000);
		buf_init(&want, 1000);
		buf_addf(&want, "Content-Type: %s\r\n"
			 "Content-Disposition: attachment\r\n", c[i].want);
		assert_int_equal(node_fields(&out, &n, "u", &err), 0);
		assert_string_equal(buf_cstr(&out), buf_cstr(&want));
		buf_release(&out);
		buf_release(&want);
	}
}

static void methods(void **state)
{
	struct part p;
	struct node n = { .part = &p, .type = STR("text/calendar") };
	struct error err;
	struct buf out;

	(void)state;
	part_init(&p, PART_CALENDAR);
	p.text = STR("METHOD:REPLY\n");
	for (int i = 0; i < 3; i++) {
		p.method = i == 1 ? STR("CANCEL") : STR("");
		p.fd = i == 2 ? 0 : -1;
		buf_init(&out, 1000);
		assert_int_equal(node_fields(&out, &n, "u", &err), 0);
		assert_string_equal(strchr(buf_cstr(&out), '8') + 1,
				    i == 2 ? "\r\n" : i ?
				    "; method=CANCEL\r\n" :
				    "; method=REPLY\r\n");
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses),
		cmocka_unit_test(passes_it_up),
		cmocka_unit_test(says_where),
		cmocka_unit_test(charsets),
		cmocka_unit_test(methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
