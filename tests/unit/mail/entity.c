#include "mail/entity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/buf.h"

#define TYPE "Content-Type: "
#define CODE "Content-Transfer-Encoding: "

static const struct {
	const char *head;
	enum entity_kind kind;
	enum entity_coding coding;
	bool typed, eightbit, digest;
	const char *boundary;
} rows[] = {
	{ "", ENTITY_LEAF, CODING_NONE, 0, 0, 0, "" },
	{ "Subject: x\r\n", ENTITY_LEAF, CODING_NONE, 0, 0, 0, "" },
	{ TYPE "text/plain\r\n", ENTITY_LEAF, CODING_NONE, 1, 0, 0, "" },
	{ TYPE "\r\n", ENTITY_LEAF, CODING_NONE, 1, 0, 0, "" },
	{ TYPE "text/plain\r\n" CODE "8BIT\r\n",
	  ENTITY_LEAF, CODING_NONE, 1, 1, 0, "" },
	{ CODE "binary (it is)\r\n", ENTITY_LEAF, CODING_NONE, 0, 1, 0, "" },
	{ CODE "(so) Base64;\r\n", ENTITY_LEAF, CODING_BASE64, 0, 0, 0, "" },
	{ CODE "quoted-printable\r\n", ENTITY_LEAF, CODING_QP, 0, 0, 0, "" },
	{ CODE "x-uuencode\r\n", ENTITY_LEAF, CODING_OTHER, 0, 0, 0, "" },
	{ CODE "\r\n", ENTITY_LEAF, CODING_NONE, 0, 0, 0, "" },
	{ TYPE "multipart/mixed; boundary=abc\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 0, "abc" },
	{ TYPE "Multipart / MIXED (x) ;\r\n\tcharset=\"a;boundary=no\\\"\";\r\n"
	  " Boundary = (c) \"a b\\\"c\" (d); x=y\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 0, "a b\"c" },
	{ TYPE "multipart/mixed; junk; =; ;; boundary=a=b\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 0, "a" },
	{ TYPE "multipart/mixed x boundary=no; boundary=yes\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 0, "yes" },
	{ TYPE "multipart/mixed; xboundary=no; boundary\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 0, "" },
	{ TYPE "multipart/mixed; boundary=\"open\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 0, "open" },
	{ TYPE "multipart/mixed; boundary=\"\"\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 0, "" },
	{ TYPE "multipart/digest; boundary=d\r\n",
	  ENTITY_MULTIPART, CODING_NONE, 1, 0, 1, "d" },
	{ TYPE "multipart/signed; boundary=d\r\n",
	  ENTITY_SEALED, CODING_NONE, 1, 0, 0, "d" },
	{ TYPE "multipart/encrypted\r\n", ENTITY_SEALED, CODING_NONE, 1, 0, 0,
	  "" },
	{ TYPE "application/pkcs7-mime; name=x\r\n" CODE "base64\r\n",
	  ENTITY_SEALED, CODING_BASE64, 1, 0, 0, "" },
	{ TYPE "application/x-pkcs7-mime\r\n", ENTITY_SEALED, CODING_NONE,
	  1, 0, 0, "" },
	{ TYPE "application/pkcs7-signature\r\n", ENTITY_LEAF, CODING_NONE,
	  1, 0, 0, "" },
	{ TYPE "message/rfc822\r\n", ENTITY_MESSAGE, CODING_NONE, 1, 0, 0,
	  "" },
	{ TYPE "message/partial\r\n", ENTITY_FIXED, CODING_NONE, 1, 0, 0, "" },
	{ TYPE "message/delivery-status\r\n", ENTITY_LEAF, CODING_NONE,
	  1, 0, 0, "" },
};

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct entity e;

		entity_read(&e, str_of(rows[i].head), false);
		if (e.kind != rows[i].kind || e.coding != rows[i].coding ||
		    e.typed != rows[i].typed || e.digest != rows[i].digest ||
		    e.eightbit != rows[i].eightbit ||
		    strcmp(e.boundary, rows[i].boundary))
			fail_msg("'%s': kind %d coding %d boundary '%s'",
				 rows[i].head, e.kind, e.coding, e.boundary);
	}
}

static void in_a_digest(void **state)
{
	struct entity e;

	(void)state;
	entity_read(&e, STR(""), true);
	assert_int_equal(e.kind, ENTITY_MESSAGE);
	entity_read(&e, STR("Content-Type: text/plain\r\n"), true);
	assert_int_equal(e.kind, ENTITY_LEAF);
}

static void a_boundary_has_a_limit(void **state)
{
	struct entity e;
	struct buf head;

	(void)state;
	buf_init(&head, 1000);
	for (size_t n = 199; n < 203; n++) {
		buf_reset(&head);
		buf_addz(&head, "Content-Type: multipart/mixed; boundary=");
		for (size_t i = 0; i < n; i++)
			buf_addch(&head, 'x');
		buf_addz(&head, "\r\n");
		entity_read(&e, buf_str(&head), false);
		assert_int_equal(strlen(e.boundary),
				 n > ENTITY_BOUNDARY_MAX ? 0 : n);
	}
	buf_release(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(in_a_digest),
		cmocka_unit_test(a_boundary_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
