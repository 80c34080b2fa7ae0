#include "oauth2/browser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 7636 appendix B has the verifier and its challenge. */
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define PROOF "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" \
	"&code_challenge_method=S256"

static const struct {
	const char *auth, *redirect_uri;
	unsigned redirect_port;
	const char *scope, *user;
	bool here;
	unsigned port;
	const char *path, *url;
} rows[] = {
	{ "https://a.org/auth", "", 0, "", "", true, 0, "/",
	  "https://a.org/auth?response_type=code&client_id=my%20id"
	  "&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2F&state=st8" PROOF },
	{ "https://a.org/auth?x=1", "", 99, "mail send", "a@b.org", true, 99,
	  "/", "https://a.org/auth?x=1&response_type=code&client_id=my%20id"
	  "&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2F"
	  "&scope=mail%20send&state=st8" PROOF "&login_hint=a%40b.org" },
	{ "https://a.org", "http://localhost", 0, "", "", true, 0, "/",
	  "https://a.org?response_type=code&client_id=my%20id"
	  "&redirect_uri=http%3A%2F%2Flocalhost%3A4711&state=st8" PROOF },
	{ "https://a.org/", "http://[::1]:8085/cb/x", 99, "", "", true, 8085,
	  "/cb/x", "https://a.org/?response_type=code&client_id=my%20id"
	  "&redirect_uri=http%3A%2F%2F%5B%3A%3A1%5D%3A4711%2Fcb%2Fx"
	  "&state=st8" PROOF },
	/* There nobody of ours can listen: it is as it was registered. */
	{ "https://a.org/", "https://localhost:8443/x?y", 0, "", "", false,
	  8443, "", "https://a.org/?response_type=code&client_id=my%20id"
	  "&redirect_uri=https%3A%2F%2Flocalhost%3A8443%2Fx%3Fy"
	  "&state=st8" PROOF },
	{ "https://a.org/", "http://example.org/", 0, "", "", false, 0, "",
	  "https://a.org/?response_type=code&client_id=my%20id"
	  "&redirect_uri=http%3A%2F%2Fexample.org%2F&state=st8" PROOF },
	{ "https://accounts.google.com/o", "", 0, "", "", true, 0, "/",
	  "https://accounts.google.com/o?response_type=code&client_id=my%20id"
	  "&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2F&state=st8" PROOF
	  "&access_type=offline&prompt=consent" },
	{ "https://login.microsoftonline.com/common", "", 0, "", "", true, 0,
	  "/", "https://login.microsoftonline.com/common?response_type=code"
	  "&client_id=my%20id&redirect_uri=http%3A%2F%2Flocalhost%3A4711%2F"
	  "&state=st8" PROOF },
	{ "https://login.microsoftonline.com/common", "http://127.0.0.1/", 0,
	  "", "", true, 0, "/",
	  "https://login.microsoftonline.com/common?response_type=code"
	  "&client_id=my%20id&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2F"
	  "&state=st8" PROOF },
};

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct oauth2_profile p = {
			.client_id = (char *)(uintptr_t)"my id",
			.scope = (char *)(uintptr_t)rows[i].scope,
			.redirect_uri = (char *)(uintptr_t)rows[i].redirect_uri,
			.redirect_port = rows[i].redirect_port,
		};
		struct client c = {
			.profile = &p, .user = rows[i].user,
			.auth = (char *)(uintptr_t)rows[i].auth,
		};
		struct error err = { ERROR_NONE, "" };
		struct journey j;
		unsigned port = 1;
		bool here = !rows[i].here;

		journey_init(&j);
		buf_addz(&j.state, "st8");
		buf_addz(&j.verifier, VERIFIER);
		if (journey_redirect(&c, &here, &port, &j, &err) ||
		    here != rows[i].here || port != rows[i].port ||
		    strcmp(buf_cstr(&j.path), rows[i].path) ||
		    journey_plan(&c, 4711, &j, &err))
			fail_msg("row %zu: %d %u '%s' %s", i, here, port,
				 buf_cstr(&j.path), err.text);
		assert_string_equal(buf_cstr(&j.url), rows[i].url);
		journey_release(&j);
	}
}

static void no_address(void **state)
{
	static const char *const bad[] = { "x", "urn:ietf:wg:oauth:2.0:oob",
					   "com.example:/done", "http://" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct oauth2_profile p = {
			.redirect_uri = (char *)(uintptr_t)bad[i],
		};
		struct client c = { .profile = &p, .user = "",
				    .auth = (char *)(uintptr_t)"" };
		struct error err = { ERROR_NONE, "" };
		struct journey j;
		unsigned port;
		bool here;

		journey_init(&j);
		assert_int_equal(journey_redirect(&c, &here, &port, &j, &err),
				 -1);
		assert_int_equal(err.kind, ERROR_CONFIG);
		journey_release(&j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
