#include "mail/compose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/qp.h"
#include "util/base64.h"

#define UNIQUE "0123456789abcdef"
#define B "=_" UNIQUE

/* Files are in memory here too: what descriptors from FILE_FD on read. */
enum { FILE_FD = 0 };

struct given {
	enum part_role role;
	const char *text, *name, *type, *cid;
	bool file;
	size_t n;		/* octets of text, when it has a NUL */
};

struct row {
	const char *name;
	struct given part[5];
	bool binary;
	enum body_kind body;
	const char *head, *want, *warnings;
};

#define TEXT(t) { .role = PART_TEXT, .text = (t) }
#define HTML(t) { .role = PART_HTML, .text = (t) }
#define FILED(t, n) { .role = PART_ATTACH, .text = (t), .name = (n), .file = true }
#define MIME "MIME-Version: 1.0\r\n"
#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=\"" B ".1\"\r\n"
#define ALTERNATIVE "Content-Type: multipart/alternative; boundary=\"" B ".2\"\r\n"
#define ATTACHED(n) "Content-Disposition: attachment; filename=" n "\r\n"
#define STREAM "application/octet-stream"
#define E "\xc3\xa9"

static const struct row rows[] = {
	{ "nothing", { { 0 } }, false, BODY_7BIT, MIME PLAIN, "", "" },
	{ "text", { TEXT("a\nb") }, false, BODY_7BIT, MIME PLAIN, "a\r\nb\r\n", "" },
	{ "text with accents", { TEXT("caf" E " and so on") }, false, BODY_7BIT, MIME PLAIN QP,
	  "caf=C3=A9 and so on\r\n", "" },
	{ "text of accents", { TEXT(E E E E E E E E "\n") }, false, BODY_7BIT, MIME PLAIN B64,
	  "w6nDqcOpw6nDqcOpw6nDqQ0K\r\n", "" },
	{ "8-bit text, binary", { TEXT(E "\n") }, true, BODY_8BIT,
	  MIME PLAIN "Content-Transfer-Encoding: 8bit\r\n", E "\r\n", "" },
	{ "bare CR, binary", { TEXT("a\rb\n") }, true, BODY_BINARY,
	  MIME PLAIN "Content-Transfer-Encoding: binary\r\n", "a\rb\r\n", "" },
	{ "bare CR", { TEXT("a\rb\n") }, false, BODY_7BIT, MIME PLAIN QP, "a=0Db\r\n", "" },
	{ "NUL", { { .role = PART_TEXT, .text = "a\0b\nc", .n = 5 } }, false, BODY_7BIT,
	  MIME PLAIN QP, "a=00b\r\nc\r\n", "" },
	{ "our boundary in a text", { TEXT("--" B ".1\n") }, false, BODY_7BIT, MIME PLAIN QP,
	  "--=3D_" UNIQUE ".1\r\n", "" },
	{ "text from a file", { { .role = PART_TEXT, .text = "a\r\nb", .file = true } }, false,
	  BODY_7BIT, MIME PLAIN, "a\r\nb\r\n", "" },
	{ "8-bit text from a file", { { .role = PART_TEXT, .text = E "\r\n", .file = true } },
	  false, BODY_7BIT, MIME PLAIN B64, "w6kNCg==\r\n", "" },
	{ "text and HTML", { HTML("<p>"), TEXT("a") }, false, BODY_7BIT, MIME ALTERNATIVE,
	  "--" B ".2\r\n" PLAIN "\r\na\r\n\r\n"
	  "--" B ".2\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>\r\n\r\n"
	  "--" B ".2--\r\n", "" },
	{ "attachment", { TEXT("a"), FILED("\1\2\3", "x.bin") }, false, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\n" PLAIN "\r\na\r\n\r\n"
	  "--" B ".1\r\nContent-Type: " STREAM "; name=x.bin\r\n" ATTACHED("x.bin") B64
	  "\r\nAQID\r\n"
	  "--" B ".1--\r\n", "" },
	{ "attachment, binary", { FILED("\1\2\n", "x.bin") }, true, BODY_BINARY,
	  MIME MIXED "Content-Transfer-Encoding: binary\r\n",
	  "--" B ".1\r\nContent-Type: " STREAM "; name=x.bin\r\n" ATTACHED("x.bin")
	  "Content-Transfer-Encoding: binary\r\n\r\n\1\2\n\r\n"
	  "--" B ".1--\r\n", "" },
	{ "our boundary in a file, binary", { FILED("--" B, "x.bin") }, true, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\nContent-Type: " STREAM "; name=x.bin\r\n" ATTACHED("x.bin") B64
	  "\r\nLS09XzAxMjM0NTY3ODlhYmNkZWY=\r\n"
	  "--" B ".1--\r\n", "" },
	{ "empty attachment without a name", { { .role = PART_ATTACH, .text = "" } }, false,
	  BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Disposition: attachment\r\n" B64 "\r\n\r\n"
	  "--" B ".1--\r\n", "" },
	{ "type by content", { FILED(E, "README") }, false, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\nContent-Type: text/plain; charset=utf-8; name=README\r\n"
	  ATTACHED("README") B64 "\r\nw6k=\r\n"
	  "--" B ".1--\r\n", "" },
	{ "type by content, latin 1", { FILED("\xe9", "README") }, false, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\nContent-Type: " STREAM "; name=README\r\n" ATTACHED("README") B64
	  "\r\n6Q==\r\n"
	  "--" B ".1--\r\n", "" },
	{ "type given", { { .role = PART_ATTACH, .text = E, .type = "Text/CSV; header=absent" } },
	  false, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\nContent-Type: text/csv; header=absent; charset=utf-8\r\n"
	  "Content-Disposition: attachment\r\n" B64 "\r\nw6k=\r\n"
	  "--" B ".1--\r\n", "" },
	{ "mail in LF, in memory", { { .role = PART_ATTACH, .text = "A: b\n\nc\n", .name = "m.eml" } },
	  false, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\nContent-Type: message/rfc822; name=m.eml\r\n" ATTACHED("m.eml")
	  "\r\nA: b\r\n\r\nc\r\n\r\n"
	  "--" B ".1--\r\n", "" },
	{ "8-bit mail", { FILED("A: b\r\n\r\n" E, "m.eml") }, false, BODY_8BIT,
	  MIME MIXED "Content-Transfer-Encoding: 8bit\r\n",
	  "--" B ".1\r\nContent-Type: message/rfc822; name=m.eml\r\n" ATTACHED("m.eml")
	  "Content-Transfer-Encoding: 8bit\r\n\r\nA: b\r\n\r\n" E "\r\n"
	  "--" B ".1--\r\n", "" },
	{ "mail that is none", { FILED("A: b\r\n\r\nc\rd", "m.eml") }, false, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\nContent-Type: " STREAM "; name=m.eml\r\n" ATTACHED("m.eml") B64
	  "\r\nQTogYg0KDQpjDWQ=\r\n"
	  "--" B ".1--\r\n", "" },
	{ "invitation", { { .role = PART_CALENDAR, .text = "METHOD:REQUEST\n" } }, false, BODY_7BIT,
	  MIME "Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n",
	  "METHOD:REQUEST\r\n", "" },
	{ "inline", { HTML("<img src=\"cid:l.png\"><img src='cid:x'>"),
	  { .role = PART_INLINE, .text = "P", .name = "l.png", .cid = "l" } }, false, BODY_7BIT,
	  MIME "Content-Type: multipart/related; boundary=\"" B ".3\";\r\n"
	  " type=\"text/html\"; start=\"<1." UNIQUE "@host.example>\"\r\n",
	  "--" B ".3\r\nContent-Type: text/html; charset=utf-8\r\n"
	  "Content-ID: <1." UNIQUE "@host.example>\r\n\r\n"
	  "<img src=\"cid:l\"><img src='cid:x'>\r\n\r\n"
	  "--" B ".3\r\nContent-Type: image/png; name=l.png\r\n"
	  "Content-Disposition: inline; filename=l.png\r\nContent-ID: <l>\r\n" B64
	  "\r\nUA==\r\n"
	  "--" B ".3--\r\n",
	  "the HTML refers to 'cid:x', which no inline part answers\n" },
	{ "inline not shown", { HTML(""), { .role = PART_INLINE, .text = "", .cid = "<l>" } }, true,
	  BODY_BINARY,
	  MIME "Content-Type: multipart/related; boundary=\"" B ".3\";\r\n"
	  " type=\"text/html\"; start=\"<1." UNIQUE "@host.example>\"\r\n"
	  "Content-Transfer-Encoding: binary\r\n",
	  "--" B ".3\r\nContent-Type: text/html; charset=utf-8\r\n"
	  "Content-ID: <1." UNIQUE "@host.example>\r\n\r\n\r\n"
	  "--" B ".3\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Disposition: inline\r\nContent-ID: <l>\r\n"
	  "Content-Transfer-Encoding: binary\r\n\r\n\r\n"
	  "--" B ".3--\r\n",
	  "the HTML does not refer to inline part 'l'\n" },
	{ "a file with a NUL, binary",
	  { TEXT(E), { .role = PART_ATTACH, .text = "\0", .n = 1, .file = true } }, true, BODY_BINARY,
	  MIME MIXED "Content-Transfer-Encoding: binary\r\n", NULL, "" },
	{ "inline without HTML", { { .role = PART_INLINE, .text = "", .name = "l.png" } }, false,
	  BODY_7BIT, MIME MIXED, NULL, "there is no HTML to show inline part 'l.png'\n" },
	{ "HTML in a file", { { .role = PART_HTML, .text = "'cid:x'\r\n", .file = true } }, false,
	  BODY_7BIT, MIME "Content-Type: text/html; charset=utf-8\r\n", "'cid:x'\r\n", "" },
	{ "inline with a bad name", { { .role = PART_INLINE, .text = "", .name = "\33.c", .cid = "l" } },
	  false, BODY_7BIT, NULL, "the name has a control byte", "" },
	{ "everything", { TEXT("t"), HTML("'cid:i'"), { .role = PART_INLINE, .text = "i", .cid = "i" },
	  { .role = PART_CALENDAR, .text = "c" }, FILED("a", "a") }, false, BODY_7BIT, MIME MIXED,
	  "--" B ".1\r\n" ALTERNATIVE "\r\n"
	  "--" B ".2\r\n" PLAIN "\r\nt\r\n\r\n"
	  "--" B ".2\r\nContent-Type: multipart/related; boundary=\"" B ".3\";\r\n"
	  " type=\"text/html\"; start=\"<2." UNIQUE "@host.example>\"\r\n\r\n"
	  "--" B ".3\r\nContent-Type: text/html; charset=utf-8\r\n"
	  "Content-ID: <2." UNIQUE "@host.example>\r\n\r\n'cid:i'\r\n\r\n"
	  "--" B ".3\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Disposition: inline\r\nContent-ID: <i>\r\n" B64 "\r\naQ==\r\n"
	  "--" B ".3--\r\n"
	  "--" B ".2\r\nContent-Type: text/calendar; charset=utf-8\r\n\r\nc\r\n\r\n"
	  "--" B ".2--\r\n"
	  "--" B ".1\r\nContent-Type: text/plain; charset=utf-8; name=a\r\n" ATTACHED("a") B64
	  "\r\nYQ==\r\n"
	  "--" B ".1--\r\n", "" },
	{ "two texts", { TEXT("a"), TEXT("b") }, false, BODY_7BIT, NULL, "there can be but one", "" },
	{ "a text that is not UTF-8", { TEXT("a\n\xff") }, false, BODY_7BIT, NULL, "line 2 is not", "" },
	{ "a type that is none", { { .role = PART_ATTACH, .text = "", .type = "x" } }, false,
	  BODY_7BIT, NULL, "attachment: 'x' is no media type", "" },
	{ "a name with a line break", { FILED("", "a\nb") }, false, BODY_7BIT, NULL,
	  "attachment 'a\\x0ab': the name has a control byte", "" },
	{ "a name that is not UTF-8", { FILED("", "\xff") }, false, BODY_7BIT, NULL, "not UTF-8", "" },
	{ "a cid twice", { { .role = PART_INLINE, .text = "", .cid = "a" },
	  { .role = PART_INLINE, .text = "", .cid = "<a>" } }, false, BODY_7BIT, NULL,
	  "the same cid", "" },
};

static struct str source(const struct piece *p, const struct part *part)
{
	if (p->fd < 0)
		return (struct str){ p->text.p, (size_t)p->len };
	part += p->fd - FILE_FD;	/* its content starts at offset 7 */
	assert_true(p->at >= 7 && p->at + p->len <= 7 + part->len);
	return (struct str){ part->text.p + p->at - 7, (size_t)p->len };
}

static void render(struct buf *out, const struct composed *c,
		   const struct part *part)
{
	for (size_t i = 0; i < c->n_piece; i++) {
		const struct piece *p = &c->piece[i];
		struct str s = source(p, part);
		size_t before = out->len;

		while (p->kind == PIECE_BASE64 && s.n) {
			size_t n = s.n < 57 ? s.n : 57;

			base64_encode(out, (struct str){ s.p, n });
			buf_addz(out, "\r\n");
			s.p += n;
			s.n -= n;
		}
		buf_add(out, s);
		assert_int_equal(out->len - before, piece_size(p));
	}
	assert_int_equal(out->len, c->facts.size);
}

static size_t make_parts(struct part *part, const struct given *given)
{
	size_t n = 0;

	for (; n < 5 && given[n].text; n++) {
		const struct given *g = &given[n];
		struct part_scan s;

		part_init(&part[n], g->role);
		part[n].text = g->n ? (struct str){ g->text, g->n } :
			       str_of(g->text);
		part[n].name = str_of(g->name ? g->name : "");
		part[n].type = str_of(g->type ? g->type : "");
		part[n].cid = str_of(g->cid ? g->cid : "");
		if (!g->file)
			continue;
		part[n].fd = FILE_FD + (int)n;
		part[n].at = 7;
		part[n].len = part[n].text.n;
		part_scan_init(&s, UNIQUE);
		part_scan_feed(&s, part[n].text);
		part_scan_end(&s);
		part[n].facts = s.facts;
		part[n].scanned = true;
	}
	return n;
}

static void run(const struct row *r)
{
	struct part part[5];
	struct compose c = { .part = part, .unique = UNIQUE,
			     .mailname = "host.example" };
	struct error err = { ERROR_NONE, "" };
	struct composed out;
	struct buf body;
	int ret;

	c.n_part = make_parts(part, r->part);
	buf_init(&body, 100000);
	ret = compose(&c, r->binary, &out, &err);
	if (!r->head) {
		if (!ret || err.kind != ERROR_DATA || !strstr(err.text, r->want))
			fail_msg("%s: %d '%s'", r->name, ret, err.text);
	} else {
		assert_int_equal(ret, 0);
		render(&body, &out, part);
		if (strcmp(buf_cstr(&out.head), r->head) ||
		    (r->want && strcmp(buf_cstr(&body), r->want)) ||
		    strcmp(buf_cstr(&out.warnings), r->warnings) ||
		    out.body != r->body)
			fail_msg("%s:\n%s\n%s\n%s %d", r->name,
				 buf_cstr(&out.head), buf_cstr(&body),
				 buf_cstr(&out.warnings), out.body);
		assert_int_equal(out.facts.eightbit, str_has_8bit(buf_str(&body)));
		assert_int_equal(out.facts.nul,
				 memchr(buf_cstr(&body), 0, body.len) != NULL);
		assert_int_equal(out.encoded,
				 strstr(buf_cstr(&body), "base64") ||
				 strstr(buf_cstr(&body), "quoted") ||
				 strstr(r->head, "base64") ||
				 strstr(r->head, "quoted"));
	}
	composed_release(&out);
	buf_release(&body);
}

static void composes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		run(&rows[i]);
}

/* What the facts of a body say, and the limits of a line. */
static void knows_its_lines(void **state)
{
	char line[1000];

	(void)state;
	memset(line, 'a', sizeof(line));
	for (size_t n = 997; n <= 999; n++) {
		struct part part;
		struct compose c = { .part = &part, .n_part = 1,
				     .unique = UNIQUE, .mailname = "" };
		struct composed out;
		struct error err;

		part_init(&part, PART_TEXT);
		part.text = (struct str){ line, n };
		assert_int_equal(compose(&c, false, &out, &err), 0);
		assert_int_equal(out.facts.longest, n <= 998 ? n : 76);
		assert_int_equal(out.encoded, n > 998);
		composed_release(&out);
		assert_int_equal(compose(&c, true, &out, &err), 0);
		assert_int_equal(out.facts.longest, n);
		assert_int_equal(out.body, n <= 998 ? BODY_7BIT : BODY_BINARY);
		composed_release(&out);
	}
}

static void wants_a_boundary(void **state)
{
	static const char *const bad[] = { "", "1234567", "12345678 ",
		"12345678901234567890123456789012345678901" };
	struct composed out;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct compose c = { .unique = bad[i], .mailname = "" };

		assert_int_equal(compose(&c, false, &out, &err), -1);
		assert_int_equal(err.kind, ERROR_BUG);
		composed_release(&out);
	}
}

static void tells_the_type(void **state)
{
	struct compose c = { .mime_types = STR("x/y foo\n") };
	struct part p;

	(void)state;
	part_init(&p, PART_ATTACH);
	p.name = STR("a.foo");
	assert_true(str_eq(compose_type(&c, &p), STR("x/y")));
	p.type = STR("a/b ; c=d");
	assert_true(str_eq(compose_type(&c, &p), STR("a/b")));
	p.type = p.name = STR("");
	assert_true(str_eq(compose_type(&c, &p), STR(STREAM)));
	p.scanned = true;
	assert_true(str_eq(compose_type(&c, &p), STR("text/plain")));
	p.role = PART_HTML;
	assert_true(str_eq(compose_type(&c, &p), STR("text/html")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(composes),
		cmocka_unit_test(knows_its_lines),
		cmocka_unit_test(wants_a_boundary),
		cmocka_unit_test(tells_the_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
