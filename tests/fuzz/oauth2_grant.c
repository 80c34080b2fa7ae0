/*
 * Whatever a provider says: a grant has only what may be kept as a line and
 * sent to a relay, and a refusal only what may be shown once it is escaped.
 */
#include "oauth2/grant.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oauth2/device.h"
#include "oauth2/object.h"
#include "oauth2/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool is_word(struct str s)
{
	return !str_has_ctl(s) && !str_has_8bit(s) &&
	       !(s.n && memchr(s.p, ' ', s.n));
}

static void granted(struct str body)
{
	struct error err = { ERROR_NONE, "" };
	struct grant g;

	if (grant_read(&g, body, &err)) {
		require(err.kind == ERROR_PROTOCOL);
		require(!g.access.n && is_word(g.refresh));
	} else {
		require(g.access.n && is_word(g.access) && is_word(g.refresh));
		require(g.lifetime >= 0 && g.lifetime <= GRANT_LIFE_MAX);
	}
	grant_release(&g);
}

static void refused(struct str body)
{
	struct refusal r;

	require(refusal_read(&r, 400, body));
	require(refusal_kind(&r) != ERROR_NONE);
	require(is_word(str_of(r.code)) && r.plain == !*r.code);
}

static void begun(struct str body)
{
	struct error err;
	struct device d;
	struct url url;

	if (!device_read(&d, body, &err)) {
		require(url_split(d.uri, &url));
		require(d.interval > 0 && d.expires_in > 0);
	}
	device_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = { (const char *)data, size };

	granted(body);
	refused(body);
	begun(body);
	return 0;
}
