#include "mail/date.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	int64_t seconds;
	int zone;
	const char *want;
} rows[] = {
	{ 0, 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
	{ -1, 0, "Wed, 31 Dec 1969 23:59:59 +0000" },
	{ 0, -570, "Wed, 31 Dec 1969 14:30:00 -0930" },
	{ 0, 825, "Thu, 1 Jan 1970 13:45:00 +1345" },
	{ 0, -30, "Wed, 31 Dec 1969 23:30:00 -0030" },
	{ 951782399, 0, "Mon, 28 Feb 2000 23:59:59 +0000" },
	{ 951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000" },
	{ 951868800, 0, "Wed, 1 Mar 2000 00:00:00 +0000" },
	{ 1230767999, 0, "Wed, 31 Dec 2008 23:59:59 +0000" },
	{ 1230768000, 0, "Thu, 1 Jan 2009 00:00:00 +0000" },
	{ 1230768000, -60, "Wed, 31 Dec 2008 23:00:00 -0100" },
	{ 1709164800, 60, "Thu, 29 Feb 2024 01:00:00 +0100" },
	{ 1795293332, 0, "Sat, 21 Nov 2026 20:35:32 +0000" },
	{ 2147483647, 0, "Tue, 19 Jan 2038 03:14:07 +0000" },
	{ 2147483648, 0, "Tue, 19 Jan 2038 03:14:08 +0000" },
	{ 4107542400, 0, "Mon, 1 Mar 2100 00:00:00 +0000" },
	{ 4107542399, 0, "Sun, 28 Feb 2100 23:59:59 +0000" },
	{ 4294967296, 0, "Sun, 7 Feb 2106 06:28:16 +0000" },
	{ -2208988800, 0, "Mon, 1 Jan 1900 00:00:00 +0000" },
	{ 253402300799, 0, "Fri, 31 Dec 9999 23:59:59 +0000" },
	{ INT64_MAX, INT_MAX, "Fri, 31 Dec 9999 23:59:59 +2359" },
	{ INT64_MIN, INT_MIN, "Mon, 1 Jan 1900 00:00:00 -2359" },
};

static void formats(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char out[DATE_MAX];

		date_format(out, rows[i].seconds, rows[i].zone);
		if (strcmp(out, rows[i].want))
			fail_msg("'%s', not '%s'", out, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
