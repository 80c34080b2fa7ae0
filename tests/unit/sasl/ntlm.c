#include "sasl/ntlm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "NTLMSSP\0\2\0\0\0"
#define FLAGS "\1\2\3\4"
#define NONCE "\1\x23\x45\x67\x89\xab\xcd\xef"
#define EMPTY "\0\0\0\0\0\0\0\0"

#define RAW(text) { text, sizeof(text) - 1 }

/* want.n 0: must fail, and say `says`. */
static const struct {
	struct str in, want;
	const char *says;
} rows[] = {
	/* the oldest form, without a name */
	{ RAW(HEAD "\0\0\0\0\x20\0\0\0" FLAGS NONCE),
	  RAW(HEAD "\0\0\0\0\x30\0\0\0" FLAGS NONCE EMPTY
	      "\0\0\0\0\x30\0\0\0"), NULL },
	/* a name right behind, and one far off with target information */
	{ RAW(HEAD "\4\0\4\0\x20\0\0\0" FLAGS NONCE "D\0M\0"),
	  RAW(HEAD "\4\0\4\0\x30\0\0\0" FLAGS NONCE EMPTY
	      "\0\0\0\0\x30\0\0\0" "D\0M\0"), NULL },
	{ RAW(HEAD "\2\0\2\0\x38\0\0\0" FLAGS NONCE EMPTY
	      "\4\0\4\0\x34\0\0\0" "\0\0\0\0" "X\0D\0more"),
	  RAW(HEAD "\2\0\2\0\x30\0\0\0" FLAGS NONCE EMPTY
	      "\0\0\0\0\x30\0\0\0" "mo"), NULL },

	{ RAW(""), { "", 0 }, "too short" },
	{ RAW(HEAD "\0\0\0\0\x20\0\0\0" FLAGS "1234567"), { "", 0 },
	  "too short" },
	{ RAW("NTLMSSQ\0\2\0\0\0" "\0\0\0\0\x20\0\0\0" FLAGS NONCE), { "", 0 },
	  "no challenge" },
	{ RAW("NTLMSSP\0\3\0\0\0" "\0\0\0\0\x20\0\0\0" FLAGS NONCE), { "", 0 },
	  "no challenge" },
	{ RAW(HEAD "\0\0\0\0\x20\0\0\0" "\2\2\3\4" NONCE), { "", 0 },
	  "Unicode" },
	/* names that lie: before, beyond, wrapping around, odd, huge */
	{ RAW(HEAD "\4\0\4\0\x1e\0\0\0" FLAGS NONCE "D\0M\0"), { "", 0 },
	  "outside" },
	{ RAW(HEAD "\6\0\6\0\x20\0\0\0" FLAGS NONCE "D\0M\0"), { "", 0 },
	  "outside" },
	{ RAW(HEAD "\4\0\4\0\x24\0\0\0" FLAGS NONCE "D\0M\0"), { "", 0 },
	  "outside" },
	{ RAW(HEAD "\4\0\4\0\xfe\xff\xff\xff" FLAGS NONCE "D\0M\0"),
	  { "", 0 }, "outside" },
	{ RAW(HEAD "\xfe\xff\xfe\xff\x20\0\0\0" FLAGS NONCE "D\0M\0"),
	  { "", 0 }, "outside" },
	{ RAW(HEAD "\3\0\3\0\x20\0\0\0" FLAGS NONCE "D\0M\0"), { "", 0 },
	  "no name" },
};

static void challenges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct buf out;
		int ret;

		buf_init(&out, 10000);
		ret = ntlm_challenge(&out, rows[i].in, &err);
		if (!ret != !!rows[i].want.n)
			print_error("row %zu: %s\n", i, err.text);
		assert_int_equal(ret, rows[i].want.n ? 0 : -1);
		if (ret) {
			assert_int_equal(err.kind, ERROR_PROTOCOL);
			assert_non_null(strstr(err.text, rows[i].says));
		} else {
			assert_int_equal(out.len, rows[i].want.n);
			assert_memory_equal(out.p, rows[i].want.p, out.len);
		}
		buf_release(&out);
	}
}

static void long_name(void **state)
{
	char text[32 + NTLM_DOMAIN_MAX + 2] =
		HEAD "\0\1\0\1\x20\0\0\0" FLAGS NONCE;
	struct error err;
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(ntlm_challenge(&out, (struct str){ text,
			 sizeof(text) }, &err), 0);
	assert_int_equal(out.len, 48 + NTLM_DOMAIN_MAX);
	text[12] = 2;
	assert_int_equal(ntlm_challenge(&out, (struct str){ text,
			 sizeof(text) }, &err), -1);
	assert_non_null(strstr(err.text, "no name"));
	buf_release(&out);
}

static void cut_and_garbled(void **state)
{
	const struct str whole = rows[1].in;

	(void)state;
	for (size_t n = 0; n <= whole.n; n++)
		for (int c = 0; c < 256; c++) {
			char *text = malloc(n + 1);	/* its own, for ASan */
			struct error err;
			struct buf out;

			memcpy(text, whole.p, n);
			text[n] = (char)c;
			buf_init(&out, 10000);
			ntlm_challenge(&out, (struct str){ text, n + 1 }, &err);
			if (n >= 13)
				text[12 + c % (n - 12)] = (char)(c * 7);
			ntlm_challenge(&out, (struct str){ text, n + 1 }, &err);
			buf_release(&out);
			free(text);
		}
}

static void users(void **state)
{
	static const struct {
		const char *user, *password, *want;
	} names[] = {
		{ "alice", "pw", "alice" },
		{ "DOMAIN\\alice", "pw", "alice@DOMAIN" },
		{ "alice@example.org", "pw", "alice@example.org" },
		{ "\\alice", "pw", "alice@" },
		{ "\xc3\xa4lice", "pw", NULL }, { "alice", "p\xc3\xa4", NULL },
	};
	static char name[NTLM_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct error err;
		struct buf out;
		int ret;

		buf_init(&out, 1000);
		ret = ntlm_user(&out, str_of(names[i].user),
				str_of(names[i].password), &err);
		assert_int_equal(ret, names[i].want ? 0 : -1);
		if (!ret)
			assert_string_equal(buf_cstr(&out), names[i].want);
		else
			assert_int_equal(err.kind, ERROR_AUTH);
		buf_release(&out);
	}
	for (size_t n = NTLM_NAME_MAX; n <= NTLM_NAME_MAX + 1; n++) {
		struct str s = { memset(name, 'a', sizeof(name)), n };
		struct error err;
		struct buf out;

		buf_init(&out, 1000);
		assert_int_equal(ntlm_user(&out, s, STR("x"), &err),
				 n > NTLM_NAME_MAX ? -1 : 0);
		assert_int_equal(ntlm_user(&out, STR("x"), s, &err),
				 n > NTLM_NAME_MAX ? -1 : 0);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(challenges),
		cmocka_unit_test(long_name),
		cmocka_unit_test(cut_and_garbled),
		cmocka_unit_test(users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
