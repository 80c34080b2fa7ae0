#include "sasl/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECRET "p@ss, w\xc3\xb6rd?>~"

/* In base64: cEBzcywgd8O2cmQ/Pn4=  skewed by 1: YHBAc3MsIHfDtnJkPz5+
   (of "`" SECRET), by 2: YGBwQHNzLCB3w7ZyZD8+fg== (of "``" SECRET). */
static const struct {
	const char *name, *secret, *sent, *text, *want;
} rows[] = {
	{ "nothing", SECRET, "", "", "" },
	{ "no secret there", SECRET, "", "535 5.7.8 go away", "535 5.7.8 go away" },
	{ "plain", SECRET, "", "got " SECRET "!", "got [secret]!" },
	{ "alone", SECRET, "", SECRET, "[secret]" },
	{ "twice", SECRET, "", SECRET SECRET " " SECRET,
	  "[secret] [secret]" },
	{ "overlapping itself", "abab", "", "xabababx", "x[secret]x" },
	{ "cut short", SECRET, "", "p@ss, w\xc3\xb6rd?>", "p@ss, w\xc3\xb6rd?>" },
	{ "case differs", "hunter22", "", "HUNTER22", "HUNTER22" },
	{ "too short to hide", "ab", "", "ab cab", "ab cab" },
	{ "three octets", "xyz", "", "it is xyz", "it is [secret]" },
	{ "the mark itself", "secret", "", "a secret", "a [secret]" },
	{ "mark is not masked", "secret", "", "[secret]", "[[secret]]" },

	{ "two lines", "hunter22", "", "a hunt\ner22 b",
	  "a [secret]\n[secret] b" },
	{ "a line each", "abc", "", "a\nb\nc\nd\n",
	  "[secret]\n[secret]\n[secret]\nd\n" },
	{ "base64 in lines", SECRET, "", "x cEBzcywg\nd8O2cmQ/Pn4= y",
	  "x [secret]\n[secret] y" },
	{ "hex in lines", "hunter22", "", "68756e7\n465723232",
	  "[secret]\n[secret]" },

	{ "percent, all", SECRET, "",
	  "q=%70%40%73%73%2C%20%77%C3%B6%72%64%3f%3E%7e.", "q=[secret]." },
	{ "percent, some", SECRET, "", "q=p%40ss%2C%20w%C3%B6rd%3F%3E~",
	  "q=[secret]" },
	{ "percent, form", SECRET, "", "p%40ss%2C+w%C3%B6rd%3F%3E~", "[secret]" },
	{ "percent in the secret", "10%41", "", "10%41", "[secret]" },
	{ "percent of percent", "10%41", "", "10%2541", "[secret]" },
	{ "percent at the end", "abc", "", "ab%6", "ab%6" },
	{ "not percent", "abc", "", "ab%zz", "ab%zz" },

	{ "hex", "hunter22", "", "=68756e7465723232=", "=[secret]=" },
	{ "HEX", "hunter22", "", "68756E7465723232", "[secret]" },
	{ "hex cut", "hunter22", "", "68756E746572323", "68756E746572323" },
	{ "hex wrong", "hunter22", "", "68756E7465723233", "68756E7465723233" },

	{ "base64", SECRET, "", "x cEBzcywgd8O2cmQ/Pn4= y", "x [secret] y" },
	{ "base64, no pad", SECRET, "", "cEBzcywgd8O2cmQ/Pn4", "[secret]" },
	{ "base64url", SECRET, "", "cEBzcywgd8O2cmQ_Pn4", "[secret]" },
	{ "base64, within", SECRET, "", "AGEAcEBzcywgd8O2cmQ/Pn5hYWE=",
	  "AGEA[secret]hYWE=" },
	{ "base64, skew 1", SECRET, "", "YHBAc3MsIHfDtnJkPz5+", "Y[secret]" },
	{ "base64url, skew 1", SECRET, "", "YHBAc3MsIHfDtnJkPz5-", "Y[secret]" },
	{ "base64, skew 2", SECRET, "", "YGBwQHNzLCB3w7ZyZD8+fg==",
	  "YG[secret]" },
	{ "base64, skew 2, within", SECRET, "", "QUFBQWBgcEBzcywgd8O2cmQ/Pn4=",
	  "QUFBQWBg[secret]" },
	{ "base64, wrong case", SECRET, "", "CEBZCYWGD8O2CMQ/PN4=",
	  "CEBZCYWGD8O2CMQ/PN4=" },
	{ "base64, one digit off", SECRET, "", "cEBzcywgd8O2cmQ/Pm4=",
	  "cEBzcywgd8O2cmQ/Pm4=" },
	{ "base64 of three", "xyz", "", "eHl6", "[secret]" },

	{ "sent, whole", "-----", "AGFsaWNlAGh1bnRlcjIy\n",
	  "501 AGFsaWNlAGh1bnRlcjIy", "501 [secret]" },
	{ "sent, 16 of it", "-----", "AGFsaWNlAGh1bnRlcjIy\n",
	  "ZWNlAGh1bnRlcjIyZ", "ZWNlAGh1bnRlcjIyZ" },
	{ "sent, the middle", "-----", "AGFsaWNlAGh1bnRlcjIy\n",
	  "..FsaWNlAGh1bnRlcj..", "..[secret].." },
	{ "sent, 15 of it", "-----", "AGFsaWNlAGh1bnRlcjIy\n",
	  "FsaWNlAGh1bnRlc", "FsaWNlAGh1bnRlc" },
	{ "sent, cut in two", "-----", "AGFsaWNlAGh1bnRlcjIyAGFsaWNlAGZh\n",
	  "AGFsaWNlAGh1bnRl cjIyAGFsaWNlAGZh", "[secret] [secret]" },
	{ "sent, short and whole", "-----", "cHc=\n", "pw is cHc=", "pw is [secret]" },
	{ "sent, short and cut", "-----", "cHc=\n", "pw is cHc", "pw is cHc" },
	{ "second line", "-----", "abcd\nAGFsaWNlAGh1bnRlcjIy\n",
	  "AGFsaWNlAGh1bnRlcjIy", "[secret]" },
	{ "not across lines", "-----", "AGFsaWNlAGh1\nbnRlcjIyAGFh\n",
	  "aWNlAGh1\nbnRlcjIy", "aWNlAGh1\nbnRlcjIy" },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf text;

		buf_init(&text, 1000);
		buf_addz(&text, rows[i].text);
		mask_text(&text, str_of(rows[i].secret), str_of(rows[i].sent));
		if (strcmp(buf_cstr(&text), rows[i].want))
			print_error("row '%s'\n", rows[i].name);
		assert_string_equal(buf_cstr(&text), rows[i].want);
		assert_false(text.over);
		buf_release(&text);
	}
}

/* Not rows but all of them: whatever surrounds it, base64 hides no secret. */
static void any_neighbour(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				     "qrstuvwxyz0123456789+/";
	const char *secret = "hunter22";

	(void)state;
	for (size_t before = 0; before < 7; before++) {
		for (size_t after = 0; after < 7; after++) {
			char raw[24], coded[40];
			size_t n = before + 8 + after;
			size_t out = 0;
			struct buf text;

			memset(raw, 'Z', sizeof(raw));
			memcpy(raw + before, secret, 8);
			memset(raw + n, 0, sizeof(raw) - n);
			for (size_t bit = 0; bit < 8 * n; bit += 6) {
				unsigned two = (unsigned)(unsigned char)
					raw[bit / 8] << 8 |
					(unsigned char)raw[bit / 8 + 1];

				coded[out++] = digits[two >> (10 - bit % 8) & 63];
			}
			buf_init(&text, 100);
			buf_add(&text, (struct str){ coded, out });
			mask_text(&text, str_of(secret), STR(""));
			assert_non_null(strstr(buf_cstr(&text), "[secret]"));
			/* All that is left encodes Zs and nothing else. */
			assert_true(text.len <= before * 8 / 6 +
				    (after * 8 + 5) / 6 + 8);
			buf_release(&text);
		}
	}
}

static void binary_secret(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 100);
	buf_add(&text, ((struct str){ "a\0b\xff\0z c", 8 }));
	mask_text(&text, (struct str){ "\0b\xff\0", 4 }, STR(""));
	assert_string_equal(buf_cstr(&text), "a[secret]z c");
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(any_neighbour),
		cmocka_unit_test(binary_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
