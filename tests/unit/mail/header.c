#include "mail/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/message.h"

static void fill(struct buf *head, const char *text)
{
	buf_init(head, MESSAGE_HEAD_MAX);
	buf_addz(head, text);
}

static const struct {
	const char *head, *want;	/* each field as "name=raw value|" */
} rows[] = {
	{ "", "" },
	{ "A: b\r\n", "A= b|" },
	{ "A:b\r\nB:\r\n", "A=b|B=|" },
	{ "A: b\r\n c\r\n\td\r\nB: x\r\n", "A= b\r\n c\r\n\td|B= x|" },
	{ "bCC \t: x\r\n", "bCC= x|" },
	{ "A: b:c\r\n", "A= b:c|" },
	{ "A: b", "A= b|" },
	{ "A: b\r\n \r\n", "A= b\r\n |" },
	{ "junk\r\nA: b\r\n", "=junk|A= b|" },
	{ " odd\r\nA: b\r\n", "= odd|A= b|" },
	{ ": x\r\n", "=: x|" },
	{ "A b: x\r\n", "=A b: x|" },
	{ "!~: x\r\n", "!~= x|" },
	{ "A\x7f: x\r\n", "=A\x7f: x|" },
	{ "\xc3\xb6: x\r\n", "=\xc3\xb6: x|" },
	{ "A\r\n : x\r\n", "=A\r\n : x|" },
};

static void iterates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str rest = str_of(rows[i].head);
		struct header_field f;
		struct buf got;
		size_t raw = 0;

		buf_init(&got, 1000);
		while (header_next(&rest, &f)) {
			buf_add(&got, f.name);
			buf_addch(&got, '=');
			buf_add(&got, f.value);
			buf_addch(&got, '|');
			raw += f.raw.n;
		}
		if (strcmp(buf_cstr(&got), rows[i].want))
			fail_msg("'%s' is '%s'", rows[i].head, buf_cstr(&got));
		assert_int_equal(raw, strlen(rows[i].head));
		buf_release(&got);
	}
}

static void unfolds(void **state)
{
	struct buf out;

	(void)state;
	fill(&out, "x");
	header_unfold(&out, STR(" \r\n a\r\n\tb \r\n  c \r\n "));
	assert_string_equal(buf_cstr(&out), "xa\tb   c");
	header_unfold(&out, STR(" \r\n "));
	assert_string_equal(buf_cstr(&out), "xa\tb   c");
	buf_release(&out);
	header_unfold(&out, STR(""));
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void finds(void **state)
{
	struct str head = STR("Subjects: x\r\nsuBJect : y\r\nSubject: z\r\n");
	struct header_field f;

	(void)state;
	assert_true(header_find(head, STR("Subject"), &f));
	assert_true(str_eq(f.raw, STR("suBJect : y\r\n")));
	assert_false(header_find(head, STR("Subj"), &f));
	assert_false(header_find(head, STR(""), &f));
}

static const struct {
	const char *head, *want;
} removals[] = {
	{ "", "" },
	{ "Bcc: a\r\n", "" },
	{ "A: 1\r\nBcc: a,\r\n  b,\r\n\tc\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n" },
	{ "Bcc :a\r\nbCC\t: b\r\nBCC:\r\nA: 1\r\n", "A: 1\r\n" },
	{ "Resent-Bcc: a\r\n b\r\nA: 1\r\n", "A: 1\r\n" },
	{ "Bccs: a\r\nX-Bcc: b\r\n", "Bccs: a\r\nX-Bcc: b\r\n" },
	{ "A: 1\r\n Bcc: in the value\r\n", "A: 1\r\n Bcc: in the value\r\n" },
};

static void removes(void **state)
{
	static const struct str names[] = { { "Bcc", 3 },
		{ "Resent-Bcc", 10 } };

	(void)state;
	for (size_t i = 0; i < sizeof(removals) / sizeof(*removals); i++) {
		struct buf head;

		fill(&head, removals[i].head);
		header_remove(&head, names, 2);
		if (strcmp(buf_cstr(&head), removals[i].want))
			fail_msg("'%s' leaves '%s'", removals[i].head,
				 buf_cstr(&head));
		assert_int_equal(head.len, strlen(removals[i].want));
		buf_release(&head);
	}
}

static void removes_many(void **state)
{
	struct str name = STR("Bcc");
	struct buf head;

	(void)state;
	fill(&head, "");
	for (int i = 0; i < 20000; i++)
		buf_addz(&head, i % 2 ? "bcc : a@x,\r\n b@x\r\n" : "A: b\r\n");
	header_remove(&head, &name, 1);
	assert_int_equal(head.len, 10000 * 6);
	buf_release(&head);
}

static void counts(void **state)
{
	struct error err = { ERROR_NONE, "" };
	struct buf head;

	(void)state;
	fill(&head, "");
	for (int i = 0; i < HEADER_FIELDS_MAX; i++)
		buf_addz(&head, "A: b\r\n c\r\n");
	assert_int_equal(header_check(buf_str(&head), &err), 0);
	buf_addz(&head, "A: b\r\n");
	assert_int_equal(header_check(buf_str(&head), &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	buf_release(&head);
}

static void edits(void **state)
{
	struct buf head;

	(void)state;
	fill(&head, "");
	header_append(&head, STR("A"), STR("1"));
	header_append(&head, STR("B"), STR(""));
	header_insert(&head, 0, STR("C"), STR("3"));
	header_insert(&head, 6, STR("D"), STR("4"));
	assert_string_equal(buf_cstr(&head),
			    "C: 3\r\nD: 4\r\nA: 1\r\nB: \r\n");
	header_replace(&head, STR("d"), STR("5\r\n 5"));
	header_replace(&head, STR("E"), STR("6"));
	assert_string_equal(buf_cstr(&head), "C: 3\r\nd: 5\r\n 5\r\nA: 1\r\n"
			    "B: \r\nE: 6\r\n");
	header_append(&head, STR("c"), STR("7"));
	header_replace(&head, STR("C"), STR("8"));
	header_replace(&head, STR("E"), STR("9"));
	assert_string_equal(buf_cstr(&head), "C: 8\r\nd: 5\r\n 5\r\nA: 1\r\n"
			    "B: \r\nE: 9\r\n");
	buf_release(&head);
	buf_init(&head, 8);
	header_append(&head, STR("A"), STR("1234"));
	assert_true(head.over);
	assert_int_equal(head.len, 0);
	buf_release(&head);
}

/* text, and n times `more`. */
static void grow(struct buf *b, const char *text, size_t n, const char *more)
{
	buf_addz(b, text);
	while (n--)
		buf_addz(b, more);
}

/* No line is too long or blank, and what is left without folds is `want`. */
static void check_lines(struct str head, struct str want, bool hard)
{
	struct buf got;

	buf_init(&got, MESSAGE_HEAD_MAX);
	while (head.n) {
		struct str line = str_cut(&head, '\n');

		assert_int_equal(line.p[line.n - 1], '\r');
		line.n--;
		assert_in_range(line.n, 1, MESSAGE_LINE_MAX);
		assert_true(str_trim(line).n > 0);
		if (hard && got.len) {	/* the fold put a blank there */
			line.p++;
			line.n--;
		}
		buf_add(&got, line);
	}
	assert_int_equal(got.len, want.n);
	assert_memory_equal(got.p, want.p, want.n);
	buf_release(&got);
}

static const struct {
	const char *row, *start;
	size_t n;
	const char *more;
	bool hard;		/* folds add blanks that were not there */
} folds[] = {
	{ "words", "X:", 3000, " yyy", false },
	{ "commas and blanks", "To:", 3000, " a@example.org,", false },
	{ "commas", "To: x", 3000, ",a@example.org", true },
	{ "no place", "X-L: ", 3000, "y", true },
	{ "one octet more", "X-L:", 995, "y", true },
	{ "just 64 KiB", "X-L: ", (64 << 10) - 900, "y", true },
	{ "characters", "X-L: a", 3000, "\xe2\x82\xac", true },
	{ "not characters", "X-L: a", 3000, "\x80", true },
	{ "continued", "X-L: a\r\n ", 3000, "y", true },
};

static void folds_long_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(folds) / sizeof(*folds); i++) {
		struct error err;
		struct buf head, want;

		fill(&head, "");
		fill(&want, "");
		grow(&head, folds[i].start, folds[i].n, folds[i].more);
		buf_add(&want, buf_str(&head));
		buf_addz(&head, "\r\n");
		if (header_fold(&head, &err))
			fail_msg("%s: %s", folds[i].row, err.text);
		if (strcmp(folds[i].row, "continued")) {
			print_message("%s\n", folds[i].row);
			check_lines(buf_str(&head), buf_str(&want),
				    folds[i].hard);
		}
		buf_release(&head);
		buf_release(&want);
	}
}

static void fold_leaves_the_rest(void **state)
{
	struct error err;
	struct buf head, want;

	(void)state;
	fill(&head, "");
	grow(&head, "A:   b   \r\n \r\n\tc\r\nX:", 996, "y");
	buf_addz(&head, "\r\nB : \r\n");
	fill(&want, buf_cstr(&head));
	assert_int_equal(header_fold(&head, &err), 0);
	assert_string_equal(buf_cstr(&head), buf_cstr(&want));
	grow(&head, "Y: z", 2000, " ");
	buf_addz(&head, "\r\n\t");
	grow(&head, "", 2000, " ");
	buf_addz(&head, "\r\n");
	grow(&head, "Z:", 2000, " ");
	grow(&head, "z\r\n\t", 1200, " \t");
	buf_addz(&head, "zz\r\n");
	grow(&head, "W: ", 900, "w");
	grow(&head, "", 1200, " \t");
	buf_addz(&head, "w\r\n");
	buf_addz(&want, "Y: z\r\nZ: z\r\n\tzz\r\n");
	grow(&want, "W: ", 900, "w");
	grow(&want, "", 900, "");
	assert_int_equal(header_fold(&head, &err), 0);
	assert_true(str_starts(buf_str(&head), buf_str(&want)));
	buf_drop(&head, want.len);
	assert_non_null(strstr(buf_cstr(&head), "\r\n\tw\r\n"));
	buf_release(&head);
	buf_release(&want);
}

/* As few lines as will do; a comma stays on the line it ends. */
static void fold_fills_lines(void **state)
{
	struct error err;
	struct buf head;

	(void)state;
	fill(&head, "");
	grow(&head, "X-L:", 994 + 997, "y");
	buf_addz(&head, "\r\n");
	assert_int_equal(header_fold(&head, &err), 0);
	assert_int_equal(head.len, 998 + 2 + 998 + 2);
	buf_reset(&head);
	grow(&head, "X-L:", 300, "yyyyyy,");
	buf_addz(&head, "\r\n");
	assert_int_equal(header_fold(&head, &err), 0);
	assert_non_null(strstr(buf_cstr(&head), "yy,\r\n yy"));
	assert_null(strstr(buf_cstr(&head), "\r\n ,"));
	buf_release(&head);
}

static void fold_does_not_split_characters(void **state)
{
	struct error err;
	struct buf head;

	(void)state;
	fill(&head, "");
	grow(&head, "X: a", 2000, "\xf0\x9f\x98\x80");
	buf_addz(&head, "\r\n");
	assert_int_equal(header_fold(&head, &err), 0);
	for (size_t i = 0; i < head.len; i++)
		if (head.p[i] == '\r' || head.p[i] == ' ')
			assert_true(((unsigned char)head.p[i + 1] & 0xc0) !=
				    0x80);
	buf_release(&head);
}

static const struct {
	const char *start;
	size_t n;
	const char *more, *end;
} unfoldable[] = {
	{ "A: b\r\nX-L: ", 1 << 20, "y", "\r\n" },
	{ "A: b\r\nX-L: ", (64 << 10) + 1000, "y", "\r\n" },
	{ "A: b\r\nX-L:", 1000, "yyyy yyyy", "zzzzzzzzzzzz" },
	{ "A: b\r\n", 1000, "y", ": x\r\n" },
};

static void refuses_the_unfoldable(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf head, want;

		fill(&head, "");
		grow(&head, unfoldable[i].start, unfoldable[i].n,
		     unfoldable[i].more);
		if (i == 2)	/* blanks earlier on do not help */
			grow(&head, "", 70000, "y");
		buf_addz(&head, unfoldable[i].end);
		fill(&want, buf_cstr(&head));
		if (header_fold(&head, &err) != -1)
			fail_msg("row %zu", i);
		assert_int_equal(err.kind, ERROR_DATA);
		assert_non_null(strstr(err.text, i == 3 ? "yyy" : "'X-L'"));
		assert_string_equal(buf_cstr(&head), buf_cstr(&want));
		buf_release(&head);
		buf_release(&want);
	}
}

static void fold_keeps_the_ceiling(void **state)
{
	struct error err = { ERROR_NONE, "" };
	struct buf head;

	(void)state;
	buf_init(&head, 3007);
	grow(&head, "X-L: ", 3000, "y");
	buf_addz(&head, "\r\n");
	assert_false(head.over);
	assert_int_equal(header_fold(&head, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	assert_int_equal(head.len, 3007);
	buf_release(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iterates),
		cmocka_unit_test(unfolds),
		cmocka_unit_test(finds),
		cmocka_unit_test(removes),
		cmocka_unit_test(removes_many),
		cmocka_unit_test(counts),
		cmocka_unit_test(edits),
		cmocka_unit_test(folds_long_lines),
		cmocka_unit_test(fold_leaves_the_rest),
		cmocka_unit_test(fold_fills_lines),
		cmocka_unit_test(fold_does_not_split_characters),
		cmocka_unit_test(refuses_the_unfoldable),
		cmocka_unit_test(fold_keeps_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
