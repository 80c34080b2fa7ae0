#include "net/tlsa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

#define H32 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static const struct row {
	const char *text;
	bool ok;
	enum tlsa_state state;
	size_t n;
	const char *why;
} rows[] = {
	{ "none\n", true, TLSA_NONE, 0, "" },
	{ "bogus signature expired\n", true, TLSA_BOGUS, 0,
	  "signature expired" },
	{ "failed \n", true, TLSA_FAILED, 0, "" },
	{ "failed\n", true, TLSA_FAILED, 0, "" },
	{ "secure\n3 1 1 " H32 "\n", true, TLSA_SECURE, 1, "" },
	{ "secure\n3 1 2 " H32 H32 "\n0 0 0 00\n", true, TLSA_SECURE, 2, "" },
	/* What cannot be used is as if it were not there. */
	{ "secure\n", true, TLSA_NONE, 0, "none of them can be used" },
	{ "secure\n4 1 1 " H32 "\n", true, TLSA_NONE, 0, "none of" },
	{ "secure\n3 2 1 " H32 "\n", true, TLSA_NONE, 0, "none of" },
	{ "secure\n3 1 3 " H32 "\n", true, TLSA_NONE, 0, "none of" },
	{ "secure\n3 1 1 " H32 "00\n", true, TLSA_NONE, 0, "none of" },
	{ "secure\n3 1 2 " H32 "\n", true, TLSA_NONE, 0, "none of" },
	{ "secure\n255 255 255 00\n3 0 0 00\n", true, TLSA_SECURE, 1, "" },
	/* What is no answer. */
	{ "", false, 0, 0, "" },
	{ "\n", false, 0, 0, "" },
	{ "none", false, 0, 0, "" },
	{ "None\n", false, 0, 0, "" },
	{ "none\nmore\n", false, 0, 0, "" },
	{ "secure\n3 1 1 " H32, false, 0, 0, "" },
	{ "secure\n256 1 1 " H32 "\n", false, 0, 0, "" },
	{ "secure\n-3 1 1 " H32 "\n", false, 0, 0, "" },
	{ "secure\n3 1 1\n", false, 0, 0, "" },
	{ "secure\n3 1 1 \n", false, 0, 0, "" },
	{ "secure\n3 1 1 0\n", false, 0, 0, "" },
	{ "secure\n3 1 1 0x\n", false, 0, 0, "" },
	{ "secure\n3 1 1 00 00\n", false, 0, 0, "" },
	{ "secure\n\n", false, 0, 0, "" },
	{ "bogus \033[1m\n", false, 0, 0, "" },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct tlsa t;
		bool ok;

		tlsa_init(&t);
		ok = tlsa_parse(&t, str_of(r->text));
		if (ok != r->ok || (ok && (t.state != r->state ||
					   t.n != r->n ||
					   strncmp(buf_cstr(&t.why), r->why,
						   strlen(r->why))))) {
			fprintf(stderr, "'%s': %d %d %zu '%s'\n", r->text, ok,
				t.state, t.n, buf_cstr(&t.why));
			fail();
		}
		tlsa_release(&t);
	}
}

/* Cut anywhere it is no answer, or fewer records: never other ones. */
static void test_cut(void **state)
{
	static const char text[] = "secure\n3 1 1 " H32 "\n2 0 2 " H32 H32
				   "\n";

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct tlsa t;
		bool ok;

		tlsa_init(&t);
		ok = tlsa_parse(&t, (struct str){ text, n });
		assert_int_equal(ok, n && text[n - 1] == '\n');
		assert_true(t.n < 2);
		tlsa_release(&t);
	}
}

static void test_many(void **state)
{
	struct tlsa t;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_addz(&b, "secure\n");
	for (int i = 0; i < 1000; i++)
		buf_addz(&b, "3 1 1 " H32 "\n");
	tlsa_init(&t);
	assert_true(tlsa_parse(&t, buf_str(&b)));
	assert_int_equal(t.n, TLSA_RECORDS);
	tlsa_release(&t);
	buf_release(&b);
}

/* ---- comparing ---- */

static struct ident one, two;

static void add_hex(struct buf *b, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%02x", p[i]);
	buf_addch(b, '\n');
}

static void key_of(const struct ident *id, gnutls_datum_t *out)
{
	gnutls_pubkey_t key;

	must(gnutls_pubkey_init(&key), "key");
	must(gnutls_pubkey_import_x509(key, id->crt, 0), "key");
	must(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, out), "key");
	gnutls_pubkey_deinit(key);
}

static void answer_for(struct buf *b, unsigned selector, unsigned matching)
{
	gnutls_datum_t der;
	unsigned char sum[64];

	if (selector)
		key_of(&one, &der);
	else
		must(gnutls_x509_crt_export2(one.crt, GNUTLS_X509_FMT_DER,
					     &der), "export");
	buf_addf(b, "secure\n3 %u %u ", selector, matching);
	if (matching)
		must(gnutls_hash_fast(matching == 1 ? GNUTLS_DIG_SHA256 :
				      GNUTLS_DIG_SHA512, der.data, der.size,
				      sum), "hash");
	add_hex(b, matching ? sum : der.data,
		matching == 1 ? 32 : matching == 2 ? 64 : der.size);
	gnutls_free(der.data);
}

static void test_matches(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct tlsa t;
		struct buf b;

		buf_init(&b, 1 << 16);
		answer_for(&b, i % 2, i / 2);
		tlsa_init(&t);
		assert_true(tlsa_parse(&t, buf_str(&b)));
		assert_int_equal(t.n, 1);
		assert_true(tlsa_matches(&t, 0, one.crt));
		assert_false(tlsa_matches(&t, 0, two.crt));
		t.data.p[t.data.len - 1] ^= 1;
		assert_false(tlsa_matches(&t, 0, one.crt));
		tlsa_release(&t);
		buf_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_matches),
	};
	int failed;

	one = ident_new(&(struct ident_spec){ .cn = "one" });
	two = ident_new(&(struct ident_spec){ .cn = "two" });
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ident_free(&one);
	ident_free(&two);
	return failed;
}
