/* Whatever a name server says, targets are names of hosts within bounds. */
#include "net/dns.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool host_char(char c)
{
	return c == '-' || c == '_' || c == '.' || (c >= '0' && c <= '9') ||
		(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct dns_srv got[MOST];
	size_t n;
	enum dns_result r = dns_read_srv(in, "_submissions._tcp.a.test", got,
					 MOST, &n);

	require(n <= MOST && (r == DNS_RECORDS) == (n > 0));
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(got[i].target);

		require(len <= DNS_NAME_MAX && got[i].port <= 65535);
		require(got[i].port || !len);
		for (size_t k = 0; k < len; k++)
			require(host_char(got[i].target[k]));
	}
	return 0;
}
