/*
 * However a proxy's answers are cut, the same comes of them, and what is not
 * the proxy's is left.  The first octet picks the kind of proxy and whether
 * there is a login; or the rest is the setting itself.
 */
#include "net/tunnel.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/proxyurl.h"

#define SECRET "sEcReT-4711"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* Talk with it in pieces of `step`; what was said and how it ended. */
static void talk(const struct proxy *p, struct str in, size_t step,
		 struct buf *log)
{
	struct tunnel t;
	struct str out, piece;
	size_t used;

	tunnel_init(&t, p, "relay.test", 465);
	while (tunnel_want(&t) == TUNNEL_SEND ||
	       tunnel_want(&t) == TUNNEL_RECV) {
		if (tunnel_want(&t) == TUNNEL_SEND) {
			out = tunnel_output(&t);
			require(out.n);
			buf_add(log, out);
			tunnel_sent(&t, out.n);
			continue;
		}
		piece = (struct str){ in.p, in.n < step ? in.n : step };
		used = tunnel_recv(&t, piece);
		require(used == piece.n || tunnel_want(&t) != TUNNEL_RECV);
		in.p += used;
		in.n -= used;
	}
	require(t.trips <= 3);
	require(t.head <= TUNNEL_HEAD_MAX + 1);
	if (tunnel_want(&t) == TUNNEL_FAILED) {
		require(t.error.kind != ERROR_NONE && t.error.kind != ERROR_BUG);
		require(!strstr(t.error.text, SECRET));
		require(!strstr(t.error.text, "c0VjUmVUL"));
		buf_addz(log, t.error.text);
	}
	buf_addf(log, " %d %zu", tunnel_want(&t), in.n);
	tunnel_release(&t);
}

static void read_url(struct str in)
{
	struct proxyurl u;
	struct error err;
	struct buf shown;

	buf_init(&shown, 1 << 20);
	proxyurl_mask(in, &shown);
	if (proxyurl_parse(&u, in, &err)) {
		require(err.kind == ERROR_CONFIG);
		require(!in.n || str_eq(buf_str(&shown), STR("********")));
		require(proxyurl_is_secret(in));
	} else if (u.scheme != PROXYURL_NONE) {
		require(*u.host && u.port && u.port < 65536);
		require(*u.user || !*u.password);
		require(proxyurl_is_secret(in) == !!*u.password);
		require(!*u.password || !proxyurl_check(buf_str(&shown), &err));
	}
	proxyurl_wipe(&u);
	buf_release(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data + 1, size - 1 };
	struct proxy p = { .host = "proxy.test", .port = 1080,
			   .user = { "", 0 }, .password = { "", 0 } };
	struct buf whole, cut;

	if (!size)
		return 0;
	if (data[0] & 4) {
		read_url(in);
		return 0;
	}
	p.kind = data[0] & 1 ? PROXY_HTTP : PROXY_SOCKS5;
	if (data[0] & 2) {
		p.user = STR("u");
		p.password = STR(SECRET);
	}
	buf_init(&whole, 1 << 20);
	buf_init(&cut, 1 << 20);
	talk(&p, in, SIZE_MAX, &whole);
	for (size_t step = 1; step < 8; step += 3) {
		buf_reset(&cut);
		talk(&p, in, step, &cut);
		require(str_eq(buf_str(&whole), buf_str(&cut)));
	}
	buf_release(&whole);
	buf_release(&cut);
	return 0;
}
