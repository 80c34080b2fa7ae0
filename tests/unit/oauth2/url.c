#include "oauth2/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	bool https, loopback;
	const char *origin, *host, *port, *path, *query;
} good[] = {
	{ "https://example.org", true, false, "https://example.org",
	  "example.org", "", "", "" },
	{ "HTTPS://Example.org:8443/a/b?c=d&e", true, false,
	  "HTTPS://Example.org:8443", "Example.org", "8443", "/a/b",
	  "c=d&e" },
	{ "https://example.org?x", true, false, "https://example.org",
	  "example.org", "", "", "x" },
	{ "https://example.org/?", true, false, "https://example.org",
	  "example.org", "", "/", "" },
	{ "http://127.0.0.1:80/", false, true, "http://127.0.0.1:80",
	  "127.0.0.1", "80", "/", "" },
	{ "http://127.255.1.2/", false, true, "http://127.255.1.2",
	  "127.255.1.2", "", "/", "" },
	{ "http://LOCALHOST/", false, true, "http://LOCALHOST", "LOCALHOST",
	  "", "/", "" },
	{ "http://[::1]:9/x", false, true, "http://[::1]:9", "[::1]", "9",
	  "/x", "" },
	{ "http://[::2]/", false, false, "http://[::2]", "[::2]", "", "/",
	  "" },
	{ "http://127.0.0.1.evil.example/", false, false,
	  "http://127.0.0.1.evil.example", "127.0.0.1.evil.example", "", "/",
	  "" },
	{ "http://localhost.evil.example/", false, false,
	  "http://localhost.evil.example", "localhost.evil.example", "", "/",
	  "" },
	{ "http://128.0.0.1/", false, false, "http://128.0.0.1", "128.0.0.1",
	  "", "/", "" },
	{ "http://127.0.0.256/", false, false, "http://127.0.0.256",
	  "127.0.0.256", "", "/", "" },
	{ "http://127.0.1/", false, false, "http://127.0.1", "127.0.1", "",
	  "/", "" },
};

static bool same(struct str s, const char *want)
{
	return str_eq(s, str_of(want));
}

static void splitting(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct url url;

		if (!url_split(str_of(good[i].text), &url) ||
		    url.https != good[i].https ||
		    url.loopback != good[i].loopback ||
		    !same(url.origin, good[i].origin) ||
		    !same(url.host, good[i].host) ||
		    !same(url.port, good[i].port) ||
		    !same(url.path, good[i].path) ||
		    !same(url.query, good[i].query))
			fail_msg("%s", good[i].text);
	}
}

static void nonsense(void **state)
{
	static const char *const bad[] = {
		"", "x", "https:", "https:/", "https://", "https:///a",
		"https://?a", "ftp://x/", "file:///etc/passwd", "https://:80/",
		"https://x:/", "https://x:0/", "https://x:65536/",
		"https://x:8a/", "https://[::1", "https://[::1]x/",
		"https://a@x/", "http://localhost@evil.example/",
		"https://x/ y", "https://x/#y", "https://x/\n", "https://x/\x7f",
		"https://\xc3\xb6/", "https://x\\y/", "https://x/\"",
		"https://x/<y>", " https://x/", "javascript:alert(1)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = { ERROR_NONE, "" };
		struct url url;

		if (url_split(str_of(bad[i]), &url))
			fail_msg("'%s'", bad[i]);
		assert_int_equal(url_check(str_of(bad[i]), "x_endpoint", &err),
				 -1);
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_non_null(strstr(err.text, "x_endpoint"));
	}
}

static void safety(void **state)
{
	static const struct {
		const char *text;
		int ret;
	} rows[] = {
		{ "https://example.org/", 0 }, { "http://localhost/", 0 },
		{ "http://[::1]/", 0 }, { "http://127.1.2.3:4/", 0 },
		{ "http://example.org/", -1 }, { "http://localhost.x/", -1 },
		{ "http://10.0.0.1/", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };

		if (url_check(str_of(rows[i].text), "e", &err) != rows[i].ret)
			fail_msg("%s", rows[i].text);
	}
}

static void metadata(void **state)
{
	static const struct {
		const char *issuer, *oauth, *openid;
	} rows[] = {
		{ "https://example.com",	/* RFC 8414 s3.1 */
		  "https://example.com/.well-known/oauth-authorization-server",
		  "https://example.com/.well-known/openid-configuration" },
		{ "https://example.com/issuer1",
		  "https://example.com/.well-known/oauth-authorization-server"
		  "/issuer1",
		  "https://example.com/issuer1/.well-known"
		  "/openid-configuration" },
		{ "https://example.com/",
		  "https://example.com/.well-known/oauth-authorization-server",
		  "https://example.com/.well-known/openid-configuration" },
		{ "https://example.com:8443/a/b/",
		  "https://example.com:8443/.well-known"
		  "/oauth-authorization-server/a/b",
		  "https://example.com:8443/a/b/.well-known"
		  "/openid-configuration" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out;
		struct url url;

		buf_init(&out, 500);
		assert_true(url_split(str_of(rows[i].issuer), &url));
		url_well_known(&out, &url, URL_OAUTH);
		assert_string_equal(buf_cstr(&out), rows[i].oauth);
		buf_reset(&out);
		url_well_known(&out, &url, URL_OPENID);
		assert_string_equal(buf_cstr(&out), rows[i].openid);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splitting),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(safety),
		cmocka_unit_test(metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
