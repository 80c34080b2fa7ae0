#include "deliver/via.h"

#include <stddef.h>

#include "conf/proxyurl.h"
#include "sys/locked.h"

struct via {
	struct proxyurl url;
	struct proxy proxy;
};

int via_open(struct via **v, const struct account *a, struct error *err)
{
	struct via *made;

	*v = NULL;
	if (!*a->proxy)
		return 0;
	made = locked_alloc(sizeof(*made));
	if (proxyurl_parse(&made->url, str_of(a->proxy), err)) {
		via_close(made);
		return error_wrap(err, "'proxy'");
	}
	made->proxy = (struct proxy){
		.kind = made->url.scheme == PROXYURL_HTTP ? PROXY_HTTP :
			PROXY_SOCKS5,
		.host = made->url.host, .port = made->url.port,
		.user = str_of(made->url.user),
		.password = str_of(made->url.password),
	};
	*v = made;
	return 0;
}

void via_close(struct via *v)
{
	locked_free(v, sizeof(*v));
}

const struct proxy *via_proxy(const struct via *v)
{
	return v ? &v->proxy : NULL;
}
