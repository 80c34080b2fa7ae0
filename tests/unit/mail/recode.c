#include "mail/recode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MIME "MIME-Version: 1.0\r\n"
#define TYPE "Content-Type: "
#define CODE "Content-Transfer-Encoding: "
#define QP CODE "quoted-printable\r\n"
#define MIXED TYPE "multipart/mixed; boundary=b\r\n"
#define A "\xc3\xa4"
#define Z10 "zzzzzzzzzz"
#define X69 Z10 Z10 Z10 Z10 Z10 Z10 "zzzzzzzzz"
#define Z76 X69 "zzzzzzz"

/* "@" in a body stands for 1000 octets of "x", in what is written too. */
enum { SEVEN = 0, EIGHT = 1 };		/* does the relay offer 8BITMIME? */

static const struct {
	const char *name;
	int relay;
	const char *head, *body;
	const char *new_head;	/* NULL: goes as it is; "": is refused */
	const char *new_body;
} rows[] = {
	{ "8-bit, no MIME", SEVEN, "A: b\r\n", A "=\r\n",
	  "A: b\r\n" MIME TYPE "text/plain; charset=utf-8\r\n" QP,
	  "=C3=A4=3D\r\n" },
	{ "not UTF-8", SEVEN, "A: b\r\n", "x\xe4\r\n",
	  "A: b\r\n" MIME TYPE "text/plain; charset=unknown-8bit\r\n" QP,
	  "x=E4\r\n" },
	{ "UTF-8, cut short", SEVEN, "", "\xe2\x82\r\n",
	  MIME TYPE "text/plain; charset=unknown-8bit\r\n" QP,
	  "=E2=82\r\n" },
	{ "UTF-8, overlong", SEVEN, "", "\xe0\x9f\xbf\r\n",
	  MIME TYPE "text/plain; charset=unknown-8bit\r\n" QP,
	  "=E0=9F=BF\r\n" },
	{ "UTF-8, a surrogate", SEVEN, "", "\xed\xa0\x80\r\n",
	  MIME TYPE "text/plain; charset=unknown-8bit\r\n" QP,
	  "=ED=A0=80\r\n" },
	{ "UTF-8, four octets", SEVEN, "", "\xf0\x9f\x98\x80\r\n",
	  MIME TYPE "text/plain; charset=utf-8\r\n" QP,
	  "=F0=9F=98=80\r\n" },
	{ "8-bit, relay takes it", EIGHT, "A: b\r\n", A "\r\n", NULL, NULL },
	{ "7-bit", SEVEN, "A: b\r\n", "x\r\n", NULL, NULL },
	{ "text, its charset", SEVEN,
	  MIME TYPE "text/plain; charset=x\r\n" CODE "8bit\r\nA: b\r\n", A,
	  MIME TYPE "text/plain; charset=x\r\n" QP "A: b\r\n", "=C3=A4" },
	{ "no MIME-Version", SEVEN, TYPE "text/html\r\n", A,
	  TYPE "text/html\r\n" MIME QP, "=C3=A4" },
	{ "long line", EIGHT, "", "@\r\n",
	  MIME TYPE "text/plain; charset=us-ascii\r\n" QP, "@\r\n" },
	{ "long line in base64", EIGHT, MIME CODE "base64\r\n",
	  "@\r\nxxxx\r\n", MIME CODE "base64\r\n", "@xxxx\r\n" },
	{ "8-bit in base64", SEVEN, MIME CODE "base64\r\n", A "\r\n", NULL,
	  NULL },
	{ "long line in quoted-printable", EIGHT, MIME QP,
	  "=C3=A4@=\r\n=3D\r\n", MIME QP, "=C3=A4@=\r\n=3D\r\n" },
	{ "8-bit in quoted-printable", SEVEN, MIME QP, A "=3D=\r\nx\r\n",
	  MIME QP, "=C3=A4=3D=\r\nx\r\n" },
	{ "8-bit after the beginning of an octet", SEVEN, MIME QP,
	  "=" A "=4\xc3=4\r\n", MIME QP, "=3D=C3=A4=3D4=C3=4\r\n" },
	{ "no boundary is made", SEVEN, MIME MIXED,
	  "--b\r\n" QP "\r\n" A X69 "--b\r\n--b\r\n\r\n" A X69 "--b\r\n"
	  "--b--\r\n", MIME MIXED,
	  "--b\r\n" QP "\r\n=C3=A4" X69 "=\r\n=2D-b\r\n--b\r\n" QP "\r\n"
	  "=C3=A4" X69 "=\r\n=2D-b\r\n--b--\r\n" },
	{ "no boundary is made of base64", EIGHT, MIME MIXED,
	  "--b\r\n" CODE "base64\r\n\r\n" Z76 "--b\r\n@\r\n--b--\r\n",
	  MIME MIXED,
	  "--b\r\n" CODE "base64\r\n\r\n" Z76 "--\r\nb@\r\n--b--\r\n" },
	{ "another encoding", EIGHT, MIME CODE "x-uue\r\n", "@\r\n", "", "" },
	{ "another encoding, 8-bit", SEVEN, MIME CODE "x-uue\r\n", A "\r\n",
	  NULL, NULL },
	{ "a part of a message", EIGHT, TYPE "message/partial\r\n", "@\r\n",
	  "", "" },

	{ "one part of two", SEVEN, MIME MIXED,
	  "--b\r\n\r\n" A "\r\n--b\r\nX: y\r\n\r\nx \r\n--b--\r\n",
	  MIME MIXED,
	  "--b\r\n" QP "\r\n=C3=A4\r\n--b\r\nX: y\r\n\r\nx \r\n--b--\r\n" },
	{ "long line in a part", EIGHT, MIME MIXED CODE "8bit\r\n",
	  "hi\r\n--b \t\r\n" TYPE "text/x\r\n" CODE "7BIT\r\n\r\n@\r\n"
	  "--b\r\n" CODE "8bit\r\n\r\n" A "\r\n--b--\r\nbye\r\n",
	  MIME MIXED CODE "8bit\r\n",
	  "hi\r\n--b \t\r\n" TYPE "text/x\r\n" QP "\r\n@\r\n"
	  "--b\r\n" CODE "8bit\r\n\r\n" A "\r\n--b--\r\nbye\r\n" },
	{ "8bit containers become 7bit", SEVEN, MIME MIXED CODE "8bit\r\n",
	  "--b\r\n" TYPE "message/rfc822\r\n" CODE "8bit\r\n\r\n"
	  "Subject: " A "\r\n\r\n" A "\r\n--b--\r\n",
	  MIME MIXED CODE "7bit\r\n",
	  "--b\r\n" TYPE "message/rfc822\r\n" CODE "7bit\r\n\r\n"
	  "Subject: " A "\r\n" QP "\r\n=C3=A4\r\n--b--\r\n" },
	{ "8bit containers with loose 8-bit stay", SEVEN,
	  MIME MIXED CODE "8bit\r\n", A "\r\n--b\r\n\r\n" A "\r\n--b--\r\n",
	  MIME MIXED CODE "8bit\r\n",
	  A "\r\n--b\r\n" QP "\r\n=C3=A4\r\n--b--\r\n" },
	{ "parts in parts", SEVEN, MIME MIXED,
	  "--b\r\n" TYPE "multipart/alternative; boundary=\"--\"\r\n\r\n"
	  "----\r\n\r\n" A "\r\n--x\r\n--bb\r\n-- b\r\n------\r\n"
	  "--b\r\n\r\n-\r\n--\r\n" A "\r\n--b--\r\n",
	  MIME MIXED,
	  "--b\r\n" TYPE "multipart/alternative; boundary=\"--\"\r\n\r\n"
	  "----\r\n" QP "\r\n=C3=A4\r\n--x\r\n--bb\r\n-- b\r\n------\r\n"
	  "--b\r\n" QP "\r\n-\r\n--\r\n=C3=A4\r\n--b--\r\n" },
	{ "digest", SEVEN, MIME TYPE "multipart/digest; boundary=b\r\n",
	  "--b\r\n\r\nSubject: x\r\n\r\n" A "\r\n--b--\r\n",
	  MIME TYPE "multipart/digest; boundary=b\r\n",
	  "--b\r\n\r\nSubject: x\r\n" QP "\r\n=C3=A4\r\n--b--\r\n" },
	{ "a message in it, broken off in its header", SEVEN, MIME MIXED,
	  "--b\r\n\r\n" A "\r\n--b\r\n" TYPE "message/rfc822\r\n\r\nX: y\r\n"
	  "--b\r\nX: y\r\n--b\r\n--b--\r\n", MIME MIXED,
	  "--b\r\n" QP "\r\n=C3=A4\r\n--b\r\n" TYPE "message/rfc822\r\n\r\n"
	  "X: y\r\n--b\r\nX: y\r\n--b\r\n--b--\r\n" },
	{ "long field in a part", EIGHT, MIME MIXED,
	  "--b\r\nX: y @\r\n\r\nx\r\n--b--\r\n", MIME MIXED,
	  "--b\r\nX: y\r\n @\r\n\r\nx\r\n--b--\r\n" },
	{ "8-bit between parts", SEVEN, MIME MIXED,
	  A "\r\n--b\r\n\r\nx\r\n--b--\r\n", NULL, NULL },
	{ "long line between parts", SEVEN, MIME MIXED,
	  "@\r\n--b\r\n\r\nx\r\n--b--\r\n", "", "" },
	{ "no end", EIGHT, MIME MIXED, "--b\r\n\r\n@\r\n", "", "" },
	{ "no end, 8-bit", SEVEN, MIME MIXED, "--b\r\n\r\n" A "\r\n", NULL,
	  NULL },
	{ "no boundary", EIGHT, MIME TYPE "multipart/mixed\r\n", "@\r\n", "",
	  "" },
	{ "a part does not end", SEVEN, MIME MIXED,
	  "--b\r\n" TYPE "multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n" A
	  "\r\n--b--\r\n", NULL, NULL },

	{ "signed", SEVEN, MIME TYPE "multipart/signed; boundary=b\r\n",
	  "--b\r\n\r\n" A "\r\n--b--\r\n", "", "" },
	{ "signed, relay takes it", EIGHT,
	  MIME TYPE "multipart/signed; boundary=b\r\n",
	  "--b\r\n\r\n" A "\r\n--b--\r\n", NULL, NULL },
	{ "signed, long", EIGHT, MIME TYPE "multipart/signed; boundary=b\r\n",
	  "--b\r\n\r\n@\r\n--b--\r\n", "", "" },
	{ "encrypted", EIGHT, TYPE "application/pkcs7-mime\r\n" CODE
	  "base64\r\n", "@\r\n", "", "" },
	{ "a signed part stays", SEVEN, MIME MIXED,
	  "--b\r\n\r\n" A "\r\n--b\r\n"
	  TYPE "multipart/signed; boundary=c\r\n\r\n--c\r\n\r\nx \r\n--c--\r\n"
	  "--b--\r\n", MIME MIXED,
	  "--b\r\n" QP "\r\n=C3=A4\r\n--b\r\n"
	  TYPE "multipart/signed; boundary=c\r\n\r\n--c\r\n\r\nx \r\n--c--\r\n"
	  "--b--\r\n" },
	{ "a signed part is in the way", SEVEN, MIME MIXED,
	  "--b\r\n" TYPE "multipart/signed; boundary=c\r\n\r\n--c\r\n\r\n" A
	  "\r\n--c--\r\n--b--\r\n", "", "" },
};

static void expand(struct buf *out, const char *text)
{
	buf_init(out, 100000);
	for (; *text; text++)
		for (int i = 0; i < (*text == '@' ? 1000 : 1); i++)
			buf_addch(out, *text == '@' ? 'x' : *text);
}

/*
 * The other way, and without the line breaks that were put into it,
 * whatever their place.
 */
static void contract(struct buf *out, struct str text)
{
	size_t run = 0;

	buf_init(out, 100000);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (run > 50 && text.n - i > 3) {
			if (c == '=' && text.p[i + 1] == '\r') {
				i += 2;
				continue;
			}
			if (c == '\r') {
				i += text.p[i + 2] == ' ' ? 2 : 1;
				continue;
			}
		}
		run = c == 'x' ? run + 1 : 0;
		if (run < 1000)
			buf_addch(out, c);
		else if (run == 1000)
			out->p[out->len -= 999] = '\0';
		if (run == 1000) {
			buf_addch(out, '@');
			run = 0;
		}
	}
}

static struct facts facts_of(struct str text)
{
	struct facts f = { .size = text.n, .eightbit = str_has_8bit(text) };

	while (text.n) {
		struct str line = str_cut(&text, '\n');
		uint64_t n = line.n && line.p[line.n - 1] == '\r' ?
			     line.n - 1 : line.n;

		if (n > f.longest)
			f.longest = n;
	}
	return f;
}

struct result {
	struct buf head, body;
	bool needed;
	int ret;
	struct error err;
};

/* Both passes, the first cut at a, the second at b. */
static void run(struct result *t, struct str head, struct str body,
		const size_t *cut, bool eightbit)
{
	struct facts facts = facts_of(body);
	struct recode r;

	buf_init(&t->head, 10000);
	buf_init(&t->body, 4 * body.n + RECODE_ROOM);
	buf_add(&t->head, head);
	t->needed = false;
	recode_init(&r, head, &facts, eightbit);
	recode_look(&r, (struct str){ body.p, cut[0] });
	recode_look(&r, (struct str){ body.p + cut[0], body.n - cut[0] });
	t->ret = recode_decide(&r, &t->needed, &t->err);
	if (!t->ret && t->needed) {
		recode_head(&r, &t->head);
		recode_feed(&r, (struct str){ body.p, cut[1] }, &t->body);
		recode_feed(&r, (struct str){ body.p + cut[1],
					      body.n - cut[1] }, &t->body);
		recode_end(&r, &t->body);
	}
	recode_release(&r);
}

static void check_row(size_t i, const struct result *t, const size_t *cut)
{
	const char *head = rows[i].new_head;
	struct buf body;

	contract(&body, buf_str(&t->body));
	if (t->ret != (head && !*head ? -1 : 0) ||
	    (t->ret && t->err.kind != ERROR_DATA) ||
	    (!t->ret && t->needed != (head && *head)) ||
	    (t->needed && (strcmp(buf_cstr(&t->head), head) ||
			   strcmp(buf_cstr(&body), rows[i].new_body))))
		fail_msg("'%s' cut %zu %zu: %s\n%s\n%s", rows[i].name, cut[0],
			 cut[1], t->ret ? t->err.text : t->needed ? "needed" :
			 "not needed", buf_cstr(&t->head), buf_cstr(&body));
	if (t->needed && facts_of(buf_str(&t->body)).longest > 998)
		fail_msg("'%s': a long line is left", rows[i].name);
	buf_release(&body);
}

static void every_row_cut_every_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf body;

		expand(&body, rows[i].body);
		for (size_t at = 0; at <= body.len; at++) {
			size_t cut[2] = { at, body.len - at };
			struct result t;

			run(&t, str_of(rows[i].head), buf_str(&body), cut,
			    rows[i].relay == EIGHT);
			check_row(i, &t, cut);
			buf_release(&t.head);
			buf_release(&t.body);
		}
		buf_release(&body);
	}
}

/* A part with a line of 998 octets stays, one with 999 does not. */
static void the_longest_line_that_stays(void **state)
{
	(void)state;
	for (size_t n = 997; n < 1001; n++) {
		const size_t cut[2] = { n, n };
		struct result t;
		struct buf body;

		buf_init(&body, 100000);
		buf_addz(&body, "--b\r\n\r\n");
		for (int i = 0; i < 1500; i++)
			buf_addch(&body, 'x');
		buf_addz(&body, "\r\n--b\r\nX: y\r\n\r\n");
		for (size_t i = 0; i < n; i++)
			buf_addch(&body, 'x');
		buf_addz(&body, "\r\n--b--\r\n");
		run(&t, STR(MIXED), buf_str(&body), cut, true);
		assert_int_equal(t.ret, 0);
		assert_true(t.needed);
		if ((strstr(buf_cstr(&t.body), "X: y\r\n\r\n") != NULL) !=
		    (n <= 998))
			fail_msg("a line of %zu octets", n);
		buf_release(&t.head);
		buf_release(&t.body);
		buf_release(&body);
	}
}

/* Parts in parts: 50 levels can be handled, 51 are refused. */
static void depth_has_a_limit(void **state)
{
	(void)state;
	for (int depth = 48; depth < 54; depth++) {
		const size_t cut[2] = { 0, 0 };
		struct result t;
		struct buf body;

		buf_init(&body, 100000);
		for (int i = 1; i < depth; i++)
			buf_addf(&body, "--b%d\r\n" TYPE "multipart/mixed; "
				 "boundary=b%d\r\n\r\n", i - 1, i);
		buf_addf(&body, "--b%d\r\n\r\n", depth - 1);
		for (int i = 0; i < 1000; i++)
			buf_addch(&body, 'x');
		for (int i = depth; i; i--)
			buf_addf(&body, "\r\n--b%d--\r\n", i - 1);
		run(&t, STR(MIME TYPE "multipart/mixed; boundary=b0\r\n"),
		    buf_str(&body), cut, true);
		assert_int_equal(t.ret, depth > RECODE_DEPTH_MAX ? -1 : 0);
		buf_release(&t.head);
		buf_release(&t.body);
		buf_release(&body);
	}
}

/* What has no line ends in sight is encoded all the same. */
static void one_huge_line(void **state)
{
	const size_t cut[2] = { 12345, 54321 };
	struct buf body, back;
	struct result t;

	(void)state;
	buf_init(&body, 1 << 20);
	buf_init(&back, 1 << 20);
	for (int i = 0; i < 500000; i++)
		buf_addch(&body, (char)(i % 251 + 1 == '\n' ||
					i % 251 + 1 == '\r' ? '=' :
					i % 251 + 1));
	buf_addz(&body, "\r\n");
	run(&t, STR("A: b\r\n"), buf_str(&body), cut, true);
	assert_int_equal(t.ret, 0);
	assert_true(t.needed);
	assert_int_equal(qp_decode(&back, buf_str(&t.body)), 0);
	assert_true(str_eq(buf_str(&back), buf_str(&body)));
	buf_release(&t.head);
	buf_release(&t.body);
	buf_release(&body);
	buf_release(&back);
}

static void wanted_by_facts(void **state)
{
	(void)state;
	assert_false(recode_wanted(&(struct facts){ .longest = 998 }, false));
	assert_true(recode_wanted(&(struct facts){ .longest = 999 }, true));
	assert_true(recode_wanted(&(struct facts){ .eightbit = true }, false));
	assert_false(recode_wanted(&(struct facts){ .eightbit = true }, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_cut_every_way),
		cmocka_unit_test(the_longest_line_that_stays),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(one_huge_line),
		cmocka_unit_test(wanted_by_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
