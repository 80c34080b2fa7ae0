/*
 * However a browser's request is cut, it is nothing before its head is whole,
 * and the same after; what is taken from it has no control byte.
 */
#include "oauth2/redirect.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static enum redirect_kind judge(struct redirect *r, struct str bytes)
{
	return redirect_request(r, bytes, STR("/"), 80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = { (const char *)data, size };
	enum redirect_kind was = REDIRECT_MORE;
	struct redirect r;

	redirect_init(&r);
	for (size_t n = 0; n <= size && n <= REDIRECT_MAX; n++) {
		enum redirect_kind is = judge(&r, (struct str){ all.p, n });

		require(was == REDIRECT_MORE || is == was);
		was = is;
	}
	if (was == REDIRECT_ANSWER) {
		require(!r.code.len != !r.error.len);
		require(!str_has_ctl(buf_str(&r.code)));
		require(!str_has_ctl(buf_str(&r.state)));
		require(!str_has_ctl(buf_str(&r.error)));
		require(!str_has_ctl(buf_str(&r.iss)));
	}
	redirect_pasted(&r, all);
	redirect_release(&r);
	return 0;
}
