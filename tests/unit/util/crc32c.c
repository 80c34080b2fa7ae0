#include "util/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/xalloc.h"

/* RFC 3720 appendix B.4, and the check value of every catalogue. */
static void known_values(void **state)
{
	static char zeros[32], ones[32], up[32], down[32];
	const struct {
		const char *name;
		struct str in;
		uint32_t sum;
	} rows[] = {
		{ "nothing", { "", 0 }, 0 },
		{ "check", STR("123456789"), 0xe3069283 },
		{ "zeros", { zeros, 32 }, 0x8a9136aa },
		{ "ones", { ones, 32 }, 0x62a8ab43 },
		{ "rising", { up, 32 }, 0x46dd794e },
		{ "falling", { down, 32 }, 0x113fdb5c },
	};

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (int i = 0; i < 32; i++) {
		up[i] = (char)i;
		down[i] = (char)(31 - i);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t cut = 0; cut <= rows[i].in.n; cut++) {
			struct crc32c *c = xcalloc(1, sizeof(*c));
			struct str in = rows[i].in;

			crc32c_init(c);
			crc32c_add(c, (struct str){ in.p, cut });
			crc32c_add(c, (struct str){ in.p + cut, in.n - cut });
			if (crc32c_value(c) != rows[i].sum)
				fail_msg("%s cut at %zu: %08x", rows[i].name,
					 cut, (unsigned)crc32c_value(c));
			free(c);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
