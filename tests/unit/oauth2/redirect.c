#include "oauth2/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NO NULL, NULL, NULL, NULL, NULL
#define HOST "Host: 127.0.0.1:8085\r\n"

static const struct {
	const char *text;
	enum redirect_kind kind;
	const char *code, *state, *error, *description, *iss;
} rows[] = {
	{ "GET /cb?code=abc&state=xyz HTTP/1.1\r\n" HOST "\r\n",
	  REDIRECT_ANSWER, "abc", "xyz", "", "", "" },
	{ "GET /cb?state=x%20y&code=4%2F0A+b&scope=a&iss=https%3A%2F%2Fi "
	  "HTTP/1.0\nX: y\nhost:\tLOCALHOST:8085 \n\n",
	  REDIRECT_ANSWER, "4/0A b", "x y", "", "", "https://i" },
	{ "GET /cb?error=access_denied&error_description=no%0Athanks&state=s "
	  "HTTP/1.1\r\nHost: [::1]:8085\r\nAccept: */*\r\n\r\n",
	  REDIRECT_ANSWER, "", "s", "access_denied", "no\nthanks", "" },
	{ "GET /cb?code=a HTTP/1.1\r\n" HOST "\r\nmore that is not read",
	  REDIRECT_ANSWER, "a", "", "", "", "" },

	{ "GET /cb HTTP/1.1\r\n" HOST "\r\n", REDIRECT_ELSEWHERE, NO },
	{ "GET / HTTP/1.1\r\n" HOST "\r\n", REDIRECT_ELSEWHERE, NO },
	{ "GET /favicon.ico HTTP/1.1\r\n" HOST "\r\n", REDIRECT_ELSEWHERE, NO },
	{ "GET /cb/?code=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_ELSEWHERE, NO },
	{ "GET /CB?code=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_ELSEWHERE, NO },
	{ "GET //cb?code=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_ELSEWHERE, NO },
	{ "GET /cb?code=a HTTP/1.1\r\n\r\n", REDIRECT_ELSEWHERE, NO },
	{ "GET /cb?code=a HTTP/1.1\r\nHost: evil.example\r\n\r\n",
	  REDIRECT_ELSEWHERE, NO },
	{ "GET /cb?code=a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
	  REDIRECT_ELSEWHERE, NO },
	{ "GET /cb?code=a HTTP/1.1\r\nHost: 127.0.0.1:80850\r\n\r\n",
	  REDIRECT_ELSEWHERE, NO },
	{ "GET /cb?code=a HTTP/1.1\r\nHost: 127.0.0.1.x:8085\r\n\r\n",
	  REDIRECT_ELSEWHERE, NO },
	{ "GET /cb?code=a HTTP/1.1\r\nHost: localhost:8085.x\r\n\r\n",
	  REDIRECT_ELSEWHERE, NO },
	{ "GET /cb?code=a HTTP/1.1\r\nXHost: 127.0.0.1:8085\r\n\r\n",
	  REDIRECT_ELSEWHERE, NO },

	{ "POST /cb?code=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_METHOD, NO },
	{ "HEAD /cb?code=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_METHOD, NO },
	{ "get /cb?code=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_METHOD, NO },

	{ "GET /cb?code=a\r\n\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a HTTP/2\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET http://127.0.0.1:8085/cb?code=a HTTP/1.1\r\n" HOST "\r\n",
	  REDIRECT_BAD, NO },
	{ "GET /cb?code=a b HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a\x01 HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a HTTP/1.1\r\n" HOST HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a&code=b HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a&code=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a&error=b HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a&state=1&state=1 HTTP/1.1\r\n" HOST "\r\n",
	  REDIRECT_BAD, NO },
	{ "GET /cb?code= HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?state=a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a%0d%0a HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a%00 HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "GET /cb?code=a% HTTP/1.1\r\n" HOST "\r\n", REDIRECT_BAD, NO },
	{ "\x16\x03\x01\n\n", REDIRECT_BAD, NO },
	{ "\r\n\r\n", REDIRECT_BAD, NO },
	{ "\n\n", REDIRECT_BAD, NO },
};

static bool same(const struct buf *b, const char *want)
{
	return !strcmp(buf_cstr(b), want ? want : "");
}

/* In memory of just that size, so that reading on is seen. */
static enum redirect_kind judge(struct redirect *r, const char *text, size_t n)
{
	char *exact = malloc(n ? n : 1);
	enum redirect_kind kind;

	assert_non_null(exact);
	memcpy(exact, text, n);
	kind = redirect_request(r, (struct str){ exact, n }, STR("/cb"), 8085);
	free(exact);
	return kind;
}

/* Before the end of its head a request is nothing, wherever it is cut. */
static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].text);
		enum redirect_kind kind = REDIRECT_MORE;
		struct redirect r;

		redirect_init(&r);
		for (size_t cut = 0; cut <= n; cut++) {
			enum redirect_kind next = judge(&r, rows[i].text, cut);

			if (kind != REDIRECT_MORE && next != kind)
				fail_msg("row %zu at %zu: %d", i, cut, next);
			kind = next;
		}
		if (kind != rows[i].kind)
			fail_msg("row %zu: %d", i, kind);
		if (kind == REDIRECT_ANSWER &&
		    (!same(&r.code, rows[i].code) ||
		     !same(&r.state, rows[i].state) ||
		     !same(&r.error, rows[i].error) ||
		     !same(&r.description, rows[i].description) ||
		     !same(&r.iss, rows[i].iss)))
			fail_msg("row %zu: another answer", i);
		redirect_release(&r);
	}
}

static void too_long(void **state)
{
	char text[REDIRECT_MAX + 1];
	struct redirect r;

	(void)state;
	memset(text, 'x', sizeof(text));
	redirect_init(&r);
	assert_int_equal(judge(&r, text, REDIRECT_MAX - 1), REDIRECT_MORE);
	assert_int_equal(judge(&r, text, REDIRECT_MAX), REDIRECT_BAD);
	redirect_release(&r);
}

static void nul(void **state)
{
	static const char text[] = "GET /cb?code=a HTTP/1.1\r\n" HOST
		"X: \0\r\n\r\n";
	struct redirect r;

	(void)state;
	redirect_init(&r);
	assert_int_equal(judge(&r, text, sizeof(text) - 1), REDIRECT_BAD);
	redirect_release(&r);
}

static void port_80_goes_without_saying(void **state)
{
	struct str text = STR("GET /?code=a HTTP/1.1\r\nHost: localhost\r\n\r\n");
	struct redirect r;

	(void)state;
	redirect_init(&r);
	assert_int_equal(redirect_request(&r, text, STR("/"), 80),
			 REDIRECT_ANSWER);
	redirect_release(&r);
}

static void pasted(void **state)
{
	static const struct {
		const char *line;
		const char *code, *state;	/* NULL: it is none */
	} lines[] = {
		{ "http://127.0.0.1:1/?code=a&state=b", "a", "b" },
		{ "  https://localhost/x?state=b&code=a%2f#top\t", "a/", "b" },
		{ "code=a&state=b", "a", "b" },
		{ "http://x/?error=no&state=b", "", "b" },
		{ "", NULL, NULL }, { "hello", NULL, NULL },
		{ "http://127.0.0.1:1/", NULL, NULL },
		{ "http://x/?code=a&code=b", NULL, NULL },
		{ "http://x/#code=a&state=b", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct redirect r;
		bool ok;

		redirect_init(&r);
		ok = redirect_pasted(&r, str_of(lines[i].line));
		if (ok != !!lines[i].code ||
		    (ok && (!same(&r.code, lines[i].code) ||
			    !same(&r.state, lines[i].state))))
			fail_msg("'%s'", lines[i].line);
		redirect_release(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(too_long),
		cmocka_unit_test(nul),
		cmocka_unit_test(port_80_goes_without_saying),
		cmocka_unit_test(pasted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
