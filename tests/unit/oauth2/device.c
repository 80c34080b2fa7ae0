#include "oauth2/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CODES "\"device_code\":\"d\",\"user_code\":\"U-1\""
#define URI ",\"verification_uri\":\"https://x.org/d\""

static const struct {
	const char *body;
	const char *why;	/* NULL: it is good */
	const char *uri, *complete;
	int64_t expires_in, interval;
} rows[] = {
	{ "{" CODES URI ",\"expires_in\":1800}", NULL,
	  "https://x.org/d", "", 1800, 5 },
	{ "{" CODES URI ",\"expires_in\":1800,\"interval\":0}", NULL,
	  "https://x.org/d", "", 1800, 1 },
	{ "{" CODES URI ",\"expires_in\":\"1800\",\"interval\":\"9\","
	  "\"verification_uri_complete\":\"https://x.org/d?c=U-1\"}", NULL,
	  "https://x.org/d", "https://x.org/d?c=U-1", 1800, 9 },
	{ "{" CODES ",\"verification_url\":\"https://x.org/u\","
	  "\"expires_in\":60}", NULL, "https://x.org/u", "", 60, 5 },
	{ "{" CODES URI ",\"expires_in\":9,\"verification_uri_complete\":"
	  "\"javascript:1\"}", NULL, "https://x.org/d", "", 9, 5 },

	{ "", "JSON", NULL, NULL, 0, 0 },
	{ "{}", "device_code", NULL, NULL, 0, 0 },
	{ "{\"device_code\":\"d\"}", "user_code", NULL, NULL, 0, 0 },
	{ "{\"device_code\":\"\",\"user_code\":\"u\"}", "device_code",
	  NULL, NULL, 0, 0 },
	{ "{" CODES "}", "verification_uri", NULL, NULL, 0, 0 },
	{ "{" CODES ",\"verification_uri\":\"x.org\",\"expires_in\":1}",
	  "verification_uri", NULL, NULL, 0, 0 },
	{ "{" CODES ",\"verification_uri\":\"https://x/\\u001b\","
	  "\"expires_in\":1}", "verification_uri", NULL, NULL, 0, 0 },
	{ "{" CODES URI "}", "how long", NULL, NULL, 0, 0 },
	{ "{" CODES URI ",\"expires_in\":0}", "how long", NULL, NULL, 0, 0 },
	{ "{" CODES URI ",\"expires_in\":-5}", "how long", NULL, NULL, 0, 0 },
	{ "{" CODES URI ",\"expires_in\":5,\"interval\":-5}", "interval",
	  NULL, NULL, 0, 0 },
	{ "{" CODES URI ",\"expires_in\":5,\"interval\":{}}", "interval",
	  NULL, NULL, 0, 0 },
};

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { ERROR_NONE, "" };
		struct device d;
		int ret = device_read(&d, str_of(rows[i].body), &err);

		if (rows[i].why) {
			if (!ret || err.kind != ERROR_PROTOCOL ||
			    !strstr(err.text, rows[i].why))
				fail_msg("row %zu: %d %s", i, ret, err.text);
		} else if (ret || !str_eq(d.uri, str_of(rows[i].uri)) ||
			   !str_eq(d.uri_complete, str_of(rows[i].complete)) ||
			   !str_eq(d.device_code, STR("d")) ||
			   !str_eq(d.user_code, STR("U-1")) ||
			   d.expires_in != rows[i].expires_in ||
			   d.interval != rows[i].interval) {
			fail_msg("row %zu: %d %s", i, ret, err.text);
		}
		device_release(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_row) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
