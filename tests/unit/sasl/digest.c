#include "sasl/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE "nonce=\"n\",algorithm=md5-sess"
#define TAIL "nonce=\"n\",qop=\"auth\",charset=utf-8,algorithm=md5-sess"

/* want NULL: must fail, and say `says`. */
static const struct {
	const char *challenge, *user;
	bool ascii;
	const char *want, *says;
} rows[] = {
	/* RFC 2831 s4 */
	{ "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\","
	  "algorithm=md5-sess,charset=utf-8", "chris", true,
	  "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\","
	  "charset=utf-8,algorithm=md5-sess", NULL },
	{ BASE, "u", true, TAIL, NULL },
	{ BASE ",charset=utf-8", "u", false, TAIL, NULL },
	{ " nonce = n , , algorithm = \"MD5-Sess\" ,", "u", true, TAIL, NULL },
	{ "NONCE=n,Algorithm=md5-sess", "u", true, TAIL, NULL },
	{ BASE ",qop=\"auth-int, auth\"", "u", true, TAIL, NULL },
	{ BASE ",maxbuf=65536,cipher=\"3des,rc4\",stale=true,future=\"a,b\"",
	  "u", true, TAIL, NULL },
	{ BASE ",realm=\"\"", "u", true, TAIL, NULL },
	{ BASE ",realm=\"a b,c\"", "u", true, "realm=\"a b,c\"," TAIL, NULL },
	/* which realm */
	{ BASE ",realm=a,realm=b.example", "u", true, "realm=\"a\"," TAIL,
	  NULL },
	{ BASE ",realm=a,realm=b.example,realm=c", "u@B.example", true,
	  "realm=\"b.example\"," TAIL, NULL },
	{ BASE ",realm=a,realm=b", "u@b@", true, "realm=\"a\"," TAIL, NULL },

	{ "", "u", true, NULL, "no nonce" },
	{ "algorithm=md5-sess", "u", true, NULL, "no nonce" },
	{ "nonce=\"\",algorithm=md5-sess", "u", true, NULL, "no nonce" },
	{ "nonce=n", "u", true, NULL, "no algorithm" },
	{ BASE ",nonce=m", "u", true, NULL, "two nonces" },
	{ BASE ",qop=auth,qop=auth", "u", true, NULL, "two lists" },
	{ BASE ",qop=\"auth-int,auth-conf\"", "u", true, NULL, "insists" },
	{ BASE ",qop=\"\"", "u", true, NULL, "insists" },
	{ "nonce=n,algorithm=md5", "u", true, NULL, "not md5-sess" },
	{ BASE ",algorithm=md5-sess", "u", true, NULL, "algorithm" },
	{ BASE ",charset=latin1", "u", true, NULL, "charset" },
	{ BASE, "u", false, NULL, "takes no UTF-8" },
	/* what kills readers */
	{ "nonce", "u", true, NULL, "no list" },
	{ "realm", "u", true, NULL, "no list" },
	{ "nonce=,algorithm=md5-sess", "u", true, NULL, "no list" },
	{ "=n," BASE, "u", true, NULL, "no list" },
	{ BASE ",realm=\"open", "u", true, NULL, "no list" },
	{ BASE ",realm=\"a\"b", "u", true, NULL, "no list" },
	{ BASE ",realm=\"a\\\"b\"", "u", true, NULL, "no list" },
	{ BASE ",realm=a b", "u", true, NULL, "no list" },
	{ "\"\"\"\"\"\"\"\"", "u", true, NULL, "no list" },
};

static void challenges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int ret;

		buf_init(&out, 10000);
		ret = digest_challenge(&out, str_of(rows[i].challenge),
				       str_of(rows[i].user), rows[i].ascii,
				       &err);
		if (!ret != !!rows[i].want)
			print_error("row %zu: %s\n", i, err.text);
		assert_int_equal(ret, rows[i].want ? 0 : -1);
		if (!ret)
			assert_string_equal(buf_cstr(&out), rows[i].want);
		else if (!strstr(err.text, rows[i].says))
			fail_msg("row %zu: %s", i, err.text);
		buf_release(&out);
	}
}

static void proofs(void **state)
{
	static const struct {
		const char *message;
		bool good;
	} messages[] = {
		{ "rspauth=EA40f60335c427b5527b84dbabcdfffd", true },
		{ "rspauth=\"ea40f60335c427b5527b84dbabcdfffd\"", true },
		{ "x=y, RSPAUTH=ea40f60335c427b5527b84dbabcdfffd", true },
		{ "rspauth=ea40f60335c427b5527b84dbabcdfff", false },
		{ "rspauth=ea40f60335c427b5527b84dbabcdfffg", false },
		{ "rspauth", false }, { "rspauth=", false }, { "", false },
		{ "rspauth=\"ea40f60335c427b5527b84dbabcdfffd", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int ret;

		buf_init(&out, 100);
		ret = digest_proof(&out, str_of(messages[i].message), &err);
		assert_int_equal(ret, messages[i].good ? 0 : -1);
		if (messages[i].good)
			assert_string_equal(buf_cstr(&out), "rspauth="
				"ea40f60335c427b5527b84dbabcdfffd");
		buf_release(&out);
	}
}

/* Cut anywhere, and with any octet in any place: no reading beyond. */
static void cut_and_garbled(void **state)
{
	static const char whole[] = "realm=\"a.example\",nonce=\"OA6MG9\","
		"qop=\"auth,auth-int\",algorithm=md5-sess,charset=utf-8";

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++)
		for (int c = 0; c < 256; c++) {
			struct error err;
			struct buf out;
			char *text = malloc(n + 1);	/* its own, for ASan */

			memcpy(text, whole, n);
			text[n] = (char)c;
			buf_init(&out, 10000);
			digest_challenge(&out, (struct str){ text, n + 1 },
					 STR("u@a.example"), true, &err);
			buf_reset(&out);
			digest_proof(&out, (struct str){ text, n + 1 }, &err);
			buf_release(&out);
			free(text);
		}
}

static void too_long(void **state)
{
	static char text[DIGEST_MAX];
	struct error err;
	struct buf out;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, BASE ",x=", sizeof(BASE ",x=") - 1);
	buf_init(&out, 10000);
	assert_int_equal(digest_challenge(&out, (struct str){ text,
			 DIGEST_MAX - 1 }, STR("u"), true, &err), 0);
	assert_string_equal(buf_cstr(&out), TAIL);
	assert_int_equal(digest_challenge(&out, (struct str){ text,
			 DIGEST_MAX }, STR("u"), true, &err), -1);
	assert_non_null(strstr(err.text, "longer"));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenges),
		cmocka_unit_test(proofs),
		cmocka_unit_test(cut_and_garbled),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
