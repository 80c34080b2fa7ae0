#include "conf/proxyurl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "conf/option.h"

#define SOCKS PROXYURL_SOCKS5
#define HTTP PROXYURL_HTTP
#define X15 "xxxxxxxxxxxxxxx"
#define X255 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15 X15

/* host NULL: refused with `user`; shown NULL: as it was written. */
static const struct {
	const char *url;
	enum proxyurl_scheme scheme;
	const char *host;
	unsigned port;
	const char *user, *password, *shown;
} rows[] = {
	{ "", PROXYURL_NONE, "", 0, "", "", NULL },
	{ "socks5://h", SOCKS, "h", 1080, "", "", NULL },
	{ "SOCKS5H://h.example:9", SOCKS, "h.example", 9, "", "", NULL },
	{ "socks5://h/", SOCKS, "h", 1080, "", "", NULL },
	{ "http://192.0.2.1:3128", HTTP, "192.0.2.1", 3128, "", "", NULL },
	{ "http://[2001:db8::1]:65535/", HTTP, "2001:db8::1", 65535, "", "",
	  NULL },
	{ "socks5://[::1]", SOCKS, "::1", 1080, "", "", NULL },
	{ "socks5://[fe80::1%25eth0]:1", SOCKS, "fe80::1%eth0", 1, "", "",
	  NULL },
	{ "socks5://[fe80::1%eth0]:1", SOCKS, "fe80::1%eth0", 1, "", "", NULL },
	{ "socks5://[fe80::1%2]:1", SOCKS, "fe80::1%2", 1, "", "", NULL },
	{ "socks5://[fe80::1%25]:1", SOCKS, "fe80::1%25", 1, "", "", NULL },
	{ "socks5://b\xc3\xbc" "cher.example", SOCKS, "xn--bcher-kva.example",
	  1080, "", "", NULL },
	{ "socks5://joe@h", SOCKS, "h", 1080, "joe", "", NULL },
	{ "socks5://joe:@h", SOCKS, "h", 1080, "joe", "", NULL },
	{ "socks5://joe:s3@h", SOCKS, "h", 1080, "joe", "s3",
	  "socks5://joe:********@h" },
	{ "http://joe:s3:x@[::1]:1", HTTP, "::1", 1, "joe", "s3:x",
	  "http://joe:********@[::1]:1" },
	{ "socks5://j%6fe%3A:%40%2f%25%C3%bc@h:2", SOCKS, "h", 2, "joe:",
	  "@/%\xc3\xbc", "socks5://j%6fe%3A:********@h:2" },
	{ "socks5://a!$&'()*+,;=~-._:p!$&'()*+,;=@h", SOCKS, "h", 1080,
	  "a!$&'()*+,;=~-._", "p!$&'()*+,;=",
	  "socks5://a!$&'()*+,;=~-._:********@h" },
	{ "socks5://" X255 ":" X255 "@h", SOCKS, "h", 1080, X255, X255,
	  "socks5://" X255 ":********@h" },

	{ "socks4://h", 0, NULL, 0, "other kinds of proxy", "", "********" },
	{ "socks4a://u:secret@h", 0, NULL, 0, "other kinds", "", "********" },
	{ "https://u:secret@h:1", 0, NULL, 0, "other kinds", "", "********" },
	{ "h:1080", 0, NULL, 0, "is neither socks5://HOST:PORT nor", "",
	  "********" },
	{ "u:secret@h:1080", 0, NULL, 0, "is neither", "", "********" },
	{ "socks5:h", 0, NULL, 0, "is neither", "", "********" },
	{ "socks5://", 0, NULL, 0, "names no host", "", "********" },
	{ "socks5:///run/socket", 0, NULL, 0, "has a path", "", "********" },
	{ "socks5://u:secret@", 0, NULL, 0, "names no host", "", "********" },
	{ "socks5://u:secret", 0, NULL, 0, "the port is not a number", "",
	  "********" },
	{ "socks5://:secret@h", 0, NULL, 0, "no user", "", "********" },
	{ "socks5://@h", 0, NULL, 0, "no user", "", "********" },
	{ "socks5://u:sec/ret@h", 0, NULL, 0, "%2F", "", "********" },
	{ "socks5://u:sec?ret@h", 0, NULL, 0, "%3F", "", "********" },
	{ "socks5://u:secret@h/path", 0, NULL, 0, "has a path", "",
	  "********" },
	{ "http://h:1?q", 0, NULL, 0, "has a path, a query", "", "********" },
	{ "http://h:1#f", 0, NULL, 0, "fragment", "", "********" },
	{ "socks5://h//", 0, NULL, 0, "has a path", "", "********" },
	{ "http://u:secret@h", 0, NULL, 0, "names no port", "", "********" },
	{ "http://h:0", 0, NULL, 0, "1 to 65535", "", "********" },
	{ "http://h:65536", 0, NULL, 0, "1 to 65535", "", "********" },
	{ "socks5://h:", 0, NULL, 0, "1 to 65535", "", "********" },
	{ "socks5://h:1x", 0, NULL, 0, "1 to 65535", "", "********" },
	{ "socks5://h:-1", 0, NULL, 0, "1 to 65535", "", "********" },
	{ "socks5://::1", 0, NULL, 0, "brackets", "", "********" },
	{ "socks5://[::1", 0, NULL, 0, "without its ']'", "", "********" },
	{ "socks5://[::1]1", 0, NULL, 0, "after the ']'", "", "********" },
	{ "socks5://[]", 0, NULL, 0, "no IPv6 address", "", "********" },
	{ "socks5://[::g]", 0, NULL, 0, "no IPv6 address", "", "********" },
	{ "socks5://[192.0.2.1]", 0, NULL, 0, "no IPv6 address", "",
	  "********" },
	{ "socks5://u:secret\n@h", 0, NULL, 0, "control byte in it", "",
	  "********" },
	{ "socks5://[host]", 0, NULL, 0, "no IPv6 address", "", "********" },
	{ "socks5://[%25eth0]", 0, NULL, 0, "no IPv6 address", "", "********" },
	{ "socks5://[fe80::1%]", 0, NULL, 0, "no IPv6 address", "",
	  "********" },
	{ "socks5://a b", 0, NULL, 0, "host's name is none", "", "********" },
	{ "socks5://a%62", 0, NULL, 0, "host's name is none", "", "********" },
	{ "socks5://" X255 "h", 0, NULL, 0, "host's name is none", "",
	  "********" },
	{ "socks5://\xff.example", 0, NULL, 0, "IDNA", "", "********" },
	{ "socks5://u:secret%@h", 0, NULL, 0, "begin %XX", "", "********" },
	{ "socks5://u:secret%4@h", 0, NULL, 0, "begin %XX", "", "********" },
	{ "socks5://u:secret%4g@h", 0, NULL, 0, "begin %XX", "", "********" },
	{ "socks5://u%:secret@h", 0, NULL, 0, "begin %XX", "", "********" },
	{ "socks5://u:secret%00@h", 0, NULL, 0, "control byte", "",
	  "********" },
	{ "socks5://u:secret%0A@h", 0, NULL, 0, "control byte", "",
	  "********" },
	{ "socks5://u:secret%7f@h", 0, NULL, 0, "control byte", "",
	  "********" },
	{ "socks5://u:se cret@h", 0, NULL, 0, "written as %XX", "",
	  "********" },
	{ "socks5://u:se@cret@h", 0, NULL, 0, "written as %XX", "",
	  "********" },
	{ "socks5://" X255 "x:secret@h", 0, NULL, 0, "255 octets", "",
	  "********" },
	{ "socks5://u:" X255 "x@h", 0, NULL, 0, "255 octets", "", "********" },
	{ "http://u%3A:secret@h:1", 0, NULL, 0, "a ':' in it", "",
	  "********" },
};

static void check_shown(size_t i)
{
	struct buf out;

	buf_init(&out, 1 << 12);
	proxyurl_mask(str_of(rows[i].url), &out);
	if (strcmp(buf_cstr(&out), rows[i].shown ? rows[i].shown : rows[i].url))
		fail_msg("%s: shown as '%s'", rows[i].url, buf_cstr(&out));
	buf_release(&out);
	if (proxyurl_is_secret(str_of(rows[i].url)) != !!rows[i].shown)
		fail_msg("%s: a secret?", rows[i].url);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct proxyurl u;

		check_shown(i);
		memset(&u, 'x', sizeof(u));
		if (!rows[i].host) {
			if (!proxyurl_parse(&u, str_of(rows[i].url), &err))
				fail_msg("%s: taken", rows[i].url);
			assert_int_equal(err.kind, ERROR_CONFIG);
			if (!strstr(err.text, rows[i].user) ||
			    strstr(err.text, "secret"))
				fail_msg("%s: '%s'", rows[i].url, err.text);
			for (size_t k = 0; k < sizeof(u); k++)
				assert_int_equal(((char *)&u)[k], 0);
			continue;
		}
		if (proxyurl_parse(&u, str_of(rows[i].url), &err))
			fail_msg("%s: %s", rows[i].url, err.text);
		assert_int_equal(u.scheme, rows[i].scheme);
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
		assert_string_equal(u.user, rows[i].user);
		assert_string_equal(u.password, rows[i].password);
	}
}

/* Every beginning of every URL is taken or refused, and tells nothing. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t n = 0; n < strlen(rows[i].url); n++) {
			struct str cut = { rows[i].url, n };
			struct error err = { 0 };
			struct buf out;

			buf_init(&out, 1 << 12);
			if (proxyurl_check(cut, &err))
				assert_null(strstr(err.text, "secret"));
			proxyurl_mask(cut, &out);
			assert_null(strstr(buf_cstr(&out), "secret"));
			assert_null(strstr(buf_cstr(&out), ":s3"));
			buf_release(&out);
		}
}

/* As a setting: what the file may, the command line may not. */
static void test_setting(void **state)
{
	const struct option *o = option_find(STR("proxy"));
	struct error err = { 0 };
	struct account a;
	struct general g;
	struct buf out;

	(void)state;
	account_init(&a);
	general_init(&g);
	buf_init(&out, 1 << 12);
	assert_int_equal(option_set_arg(&a, &g, STR("proxy"),
					STR("socks5://u:secret@h"), &err), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_non_null(strstr(err.text, "may not be on the command line"));
	assert_null(strstr(err.text, "secret"));
	assert_false(option_given(o, &a));
	assert_int_equal(option_set_pair(&a, &g, "proxy=u:secret@h", &err), -1);
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_null(strstr(err.text, "secret"));
	assert_int_equal(option_set_arg(&a, &g, STR("proxy"),
					STR("socks5://u@h"), &err), 0);
	assert_false(option_is_secret(o, &a));
	assert_int_equal(option_set(o, &a, STR("socks5://u:secret@h"), &err),
			 0);
	assert_true(option_is_secret(o, &a));
	option_print(o, &a, &out);
	assert_string_equal(buf_cstr(&out), "proxy = socks5://u:********@h\n");
	assert_int_equal(option_set(o, &a, STR("socks5://u:secret@h:x"), &err),
			 -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, "'proxy': the port is not a number from "
			    "1 to 65535");
	buf_release(&out);
	account_release(&a);
	general_release(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_setting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
