#include "net/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/base64.h"

#define S(lit) { (lit), sizeof(lit) - 1 }
#define UP TUNNEL_UP, ERROR_NONE
#define BAD(kind) TUNNEL_FAILED, (kind)
/* A reply to a request that went well, from 10.0.0.9 port 1. */
#define BOUND "\5\0\0\1\12\0\0\11\0\1"

/* A proxy says all of `says`; of that `rest` octets are not its own. */
static const struct row {
	enum proxy_kind kind;
	const char *host;
	unsigned port;
	const char *user, *password;
	struct str says, said;
	size_t rest;
	enum tunnel_want end;
	enum error_kind error;
	const char *text;		/* in the error */
	unsigned trips;
} rows[] = {
	/* SOCKS5: the name goes to the proxy, an address as what it is. */
	{ PROXY_SOCKS5, "mx.test", 465, "", "", S("\5\0" BOUND),
	  S("\5\1\0\5\1\0\3\7mx.test\1\321"), 0, UP, NULL, 2 },
	{ PROXY_SOCKS5, "192.0.2.1", 25, "", "", S("\5\0" BOUND "220 hi\r\n"),
	  S("\5\1\0\5\1\0\1\300\0\2\1\0\31"), 8, UP, NULL, 2 },
	{ PROXY_SOCKS5, "2001:db8::1", 587, "", "", S("\5\0" BOUND),
	  S("\5\1\0\5\1\0\4 \1\r\270\0\0\0\0\0\0\0\0\0\0\0\1\2K"), 0, UP, NULL,
	  2 },
	{ PROXY_SOCKS5, "[::1]", 587, "", "", S("\5\0" BOUND),
	  S("\5\1\0\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2K"), 0, UP, NULL,
	  2 },
	/* Each form of the bound address, and what follows is not touched. */
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\0\0\3\4host\0\0""220 x"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 5, UP, NULL, 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\0\0\3\0\0\0""2"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 1, UP, NULL, 2 },
	{ PROXY_SOCKS5, "a", 1, "", "",
	  S("\5\0\5\0\377\4""0123456789abcdefpp220"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 3, UP, NULL, 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\0\0\2"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_PROTOCOL), "unknown type 2",
	  2 },
	/* Logging in: asked for, not asked for, refused. */
	{ PROXY_SOCKS5, "a", 1, "joe", "s3", S("\5\2\1\0" BOUND "2"),
	  S("\5\2\0\2\1\3joe\2s3\5\1\0\3\1a\0\1"), 1, UP, NULL, 3 },
	{ PROXY_SOCKS5, "a", 1, "joe", "", S("\5\2\5\0" BOUND),
	  S("\5\2\0\2\1\3joe\0\5\1\0\3\1a\0\1"), 0, UP, NULL, 3 },
	{ PROXY_SOCKS5, "a", 1, "joe", "s3", S("\5\0" BOUND),
	  S("\5\2\0\2\5\1\0\3\1a\0\1"), 0, UP, NULL, 2 },
	{ PROXY_SOCKS5, "a", 1, "joe", "s3", S("\5\2\1\1"),
	  S("\5\2\0\2\1\3joe\2s3"), 0, BAD(ERROR_AUTH),
	  "refused the user or the password", 2 },
	{ PROXY_SOCKS5, "a", 1, "joe", "s3", S("\5\2\2\0"),
	  S("\5\2\0\2\1\3joe\2s3"), 1, BAD(ERROR_PROTOCOL), "broke SOCKS5", 2 },
	{ PROXY_SOCKS5, "a", 1, "joe", "s3", S("\5\2"),
	  S("\5\2\0\2\1\3joe\2s3"), 0, BAD(ERROR_NET),
	  "closed the connection before the answer to the login", 2 },
	{ PROXY_SOCKS5, "a", 1, "joe", "s3", S("\5\377"), S("\5\2\0\2"), 0,
	  BAD(ERROR_AUTH), "GSSAPI is not supported", 1 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\377"), S("\5\1\0"), 0,
	  BAD(ERROR_AUTH), "socks5://USER:PASSWORD@", 1 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\2"), S("\5\1\0"), 0,
	  BAD(ERROR_PROTOCOL), "log in 2, which was not offered", 1 },
	{ PROXY_SOCKS5, "a", 1, "joe", "s3", S("\5\1"), S("\5\2\0\2"), 0,
	  BAD(ERROR_PROTOCOL), "not offered", 1 },
	/* What the proxy could not do: at its second octet it is known. */
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\1\0\1"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 2, BAD(ERROR_NET),
	  "connect to 'a' port 1: general failure (SOCKS5 reply 1)", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\2"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_PERM), "rules", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\3"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_NET), "network is unr", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\4"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_NET), "host is unr", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\5"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_NET), "refused", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\6"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_NET), "TTL", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\7"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_PROTOCOL), "CONNECT", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\10"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_PROTOCOL), "kind of add", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\11"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_NET), "reply 9", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\377"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_NET), "reply 255", 2 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\4\0"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 1, BAD(ERROR_PROTOCOL), "to the req", 2 },
	/* It ends too early. */
	{ PROXY_SOCKS5, "a", 1, "", "", S(""), S("\5\1\0"), 0, BAD(ERROR_NET),
	  "closed the connection before the answer to our greeting", 1 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\5\0\5\0\0\3\4hos"),
	  S("\5\1\0\5\1\0\3\1a\0\1"), 0, BAD(ERROR_NET),
	  "before the connection to the relay", 2 },
	/* Something else listens there. */
	{ PROXY_SOCKS5, "a", 1, "", "", S("HTTP/1.1 400 Bad Request\r\n"),
	  S("\5\1\0"), 25, BAD(ERROR_PROTOCOL), "try http://", 1 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("220 mx ESMTP\r\n"), S("\5\1\0"), 13,
	  BAD(ERROR_PROTOCOL), "as a mail server does", 1 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\0[\0\0"), S("\5\1\0"), 3,
	  BAD(ERROR_PROTOCOL), "SOCKS4", 1 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("\25\3\1"), S("\5\1\0"), 2,
	  BAD(ERROR_PROTOCOL), "TLS", 1 },
	{ PROXY_SOCKS5, "a", 1, "", "", S("x"), S("\5\1\0"), 0,
	  BAD(ERROR_PROTOCOL), "not a proxy that speaks SOCKS5", 1 },
	/* What cannot be asked for: nothing is said. */
	{ PROXY_SOCKS5, "fe80::1%eth0", 1, "", "", S(""), S(""), 0,
	  BAD(ERROR_CONFIG), "means nothing to a proxy", 0 },
	{ PROXY_SOCKS5, "", 1, "", "", S(""), S(""), 0, BAD(ERROR_CONFIG),
	  "has 0 octets", 0 },
	{ PROXY_SOCKS5, "a", 0, "", "", S(""), S(""), 0, BAD(ERROR_CONFIG),
	  "port 0", 0 },
	{ PROXY_SOCKS5, "a", 65536, "", "", S(""), S(""), 0, BAD(ERROR_CONFIG),
	  "port 65536", 0 },
	{ PROXY_HTTP, "a\r\nX: y", 1, "", "", S(""), S(""), 0,
	  BAD(ERROR_CONFIG), "not that of a host", 0 },
	{ PROXY_HTTP, "a b", 1, "", "", S(""), S(""), 0,
	  BAD(ERROR_CONFIG), "not that of a host", 0 },
	{ PROXY_HTTP, "b\303\274cher", 1, "", "", S(""), S(""), 0,
	  BAD(ERROR_CONFIG), "not that of a host", 0 },
	{ PROXY_HTTP, "u@h", 1, "", "", S(""), S(""), 0,
	  BAD(ERROR_CONFIG), "not that of a host", 0 },

	/* HTTP. */
	{ PROXY_HTTP, "mx.test", 465, "", "",
	  S("HTTP/1.1 200 Connection established\r\n\r\n220 hi"),
	  S("CONNECT mx.test:465 HTTP/1.1\r\nHost: mx.test:465\r\n\r\n"), 6, UP,
	  NULL, 1 },
	{ PROXY_HTTP, "2001:db8::1", 65535, "", "",
	  S("HTTP/1.0 200\r\nX-Any: thing\r\n\r\n\r\n"),
	  S("CONNECT [2001:db8::1]:65535 HTTP/1.1\r\n"
	    "Host: [2001:db8::1]:65535\r\n\r\n"), 2, UP, NULL, 1 },
	{ PROXY_HTTP, "[::1]", 1, "", "", S("HTTP/1.0 299 \n\n"),
	  S("CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\r\n"), 0, UP, NULL,
	  1 },
	{ PROXY_HTTP, "a", 1, "joe", "s:3", S("HTTP/1.1 200 \r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"
	    "Proxy-Authorization: Basic am9lOnM6Mw==\r\n\r\n"), 0, UP, NULL,
	  1 },
	{ PROXY_HTTP, "a", 1, "j\303\266", "", S("HTTP/1.1 200 \r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"
	    "Proxy-Authorization: Basic asO2Og==\r\n\r\n"), 0, UP, NULL, 1 },
	/* 1xx is not the answer; a body of 200 is none (RFC 9110 s9.3.6). */
	{ PROXY_HTTP, "a", 1, "", "",
	  S("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 x\r\nA: b\r\n\r\n"
	    "HTTP/1.1 200 ok\r\nContent-Length: 3\r\n"
	    "Transfer-Encoding: chunked\r\n folded: on\r\n\r\n220"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 3, UP, NULL, 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 101 Switching\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 2,
	  BAD(ERROR_PROTOCOL), "101", 1 },
	/* Ways to log in. */
	{ PROXY_HTTP, "a", 1, "", "",
	  S("HTTP/1.1 407 x\r\nproxy-authenticate: Digest realm=\"a, NTLM b\", "
	    "qop=auth, basic realm = \"x\\\", Negotiate\"\r\n\r\n<html>"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 6, BAD(ERROR_AUTH),
	  "wants a login by Basic, Digest: set proxy", 1 },
	{ PROXY_HTTP, "a", 1, "joe", "s3",
	  S("HTTP/1.1 407 am9lOnMz\r\nProxy-Authenticate: am9lOnMz\r\n"
	    "Proxy-Authenticate: Negotiate, NTLM\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"
	    "Proxy-Authorization: Basic am9lOnMz\r\n\r\n"), 0, BAD(ERROR_AUTH),
	  "wants another login; it takes NTLM, Negotiate, others: only Basic", 1 },
	{ PROXY_HTTP, "a", 1, "joe", "s3",
	  S("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"
	    "Proxy-Authorization: Basic am9lOnMz\r\n\r\n"), 0, BAD(ERROR_AUTH),
	  "refused the user or the password; it takes Basic", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 407 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0, BAD(ERROR_AUTH),
	  "wants a login: set proxy", 1 },
	{ PROXY_HTTP, "a", 1, "joe", "", S("HTTP/1.1 401 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n"
	    "Proxy-Authorization: Basic am9lOg==\r\n\r\n"), 0,
	  BAD(ERROR_AUTH), "refused the user or the password (HTTP status 401)",
	  1 },
	/* Other answers. */
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 403 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0, BAD(ERROR_PERM),
	  "connect to 'a' port 1: its rules do not allow it (HTTP status 403)",
	  1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 405 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0, BAD(ERROR_PERM),
	  "CONNECT", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 502 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0, BAD(ERROR_NET),
	  "502", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 503 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0, BAD(ERROR_NET),
	  "503", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 504 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0, BAD(ERROR_NET),
	  "timed out (HTTP status 504)", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 599 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0, BAD(ERROR_NET),
	  "it failed (HTTP status 599)", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 302 x\r\nLocation: b\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0,
	  BAD(ERROR_PROTOCOL), "302", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 400 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0,
	  BAD(ERROR_PROTOCOL), "did not understand", 1 },
	/* What is no HTTP, or broken. */
	{ PROXY_HTTP, "a", 1, "", "", S("\5\377"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 1,
	  BAD(ERROR_PROTOCOL), "try socks5://", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("220 mx ESMTP\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 13,
	  BAD(ERROR_PROTOCOL), "as a mail server does", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/2 200\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 8,
	  BAD(ERROR_PROTOCOL), "not a proxy that speaks HTTP/1.1", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("\r\nHTTP/1.1 200\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 17,
	  BAD(ERROR_PROTOCOL), "not a proxy", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 2000 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 2,
	  BAD(ERROR_PROTOCOL), "not a proxy", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 099 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 2,
	  BAD(ERROR_PROTOCOL), "not a proxy", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1  200 x\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 2,
	  BAD(ERROR_PROTOCOL), "not a proxy", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 200 x\r\nno field\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 2,
	  BAD(ERROR_PROTOCOL), "no header field", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 200 x\r\na : b\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 2,
	  BAD(ERROR_PROTOCOL), "no header field", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 200 x\r\na: \0\r\n\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 4,
	  BAD(ERROR_PROTOCOL), "NUL", 1 },
	{ PROXY_HTTP, "a", 1, "", "", S("HTTP/1.1 200 x\r\na: b\r\n"),
	  S("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), 0,
	  BAD(ERROR_NET), "before the connection to the relay", 1 },
};

/* Let the machine and the row's proxy talk; pieces of so many octets. */
static void talk(struct tunnel *t, const struct row *r, size_t first,
		 size_t step, struct buf *said, size_t *rest)
{
	struct proxy p = {
		.kind = r->kind, .host = "proxy.test", .port = 1080,
		.user = str_of(r->user), .password = str_of(r->password),
	};
	struct str left = r->says;

	tunnel_init(t, &p, r->host, r->port);
	for (;;) {
		struct str piece = { left.p, left.n < first ? left.n : first };
		struct str out = tunnel_output(t);
		size_t used;

		if (tunnel_want(t) == TUNNEL_SEND) {
			out.n = out.n > step ? step : out.n;
			assert_true(out.n > 0);
			buf_add(said, out);
			tunnel_sent(t, out.n);
		} else if (tunnel_want(t) == TUNNEL_RECV) {
			used = tunnel_recv(t, piece);
			assert_true(used == piece.n ||
				    tunnel_want(t) != TUNNEL_RECV);
			left.p += used;
			left.n -= used;
			first = step;
		} else {
			break;
		}
	}
	*rest = left.n;
	tunnel_release(t);
}

static void check_row(size_t i, size_t first, size_t step)
{
	const struct row *r = &rows[i];
	struct tunnel t;
	struct buf said;
	size_t rest;

	buf_init(&said, 1 << 16);
	talk(&t, r, first, step, &said, &rest);
	if (tunnel_want(&t) != r->end || t.error.kind != r->error)
		fail_msg("row %zu, cut %zu: ends in %d, %d '%s'", i, first,
			 tunnel_want(&t), t.error.kind, t.error.text);
	if (r->text && !strstr(t.error.text, r->text))
		fail_msg("row %zu: '%s'", i, t.error.text);
	if (!str_eq(buf_str(&said), r->said))
		fail_msg("row %zu, cut %zu: said '%s'", i, first,
			 buf_cstr(&said));
	if (rest != r->rest)
		fail_msg("row %zu, cut %zu: leaves %zu", i, first, rest);
	if (t.trips != r->trips)
		fail_msg("row %zu: %u round trips", i, t.trips);
	if (*r->password && strstr(t.error.text, r->password))
		fail_msg("row %zu: '%s'", i, t.error.text);
	for (size_t k = 0; k < sizeof(t.out); k++)
		assert_int_equal(t.out[k], 0);
	buf_release(&said);
}

static void test_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check_row(i, 1, 1);
		for (size_t cut = 1; cut <= rows[i].says.n; cut++)
			check_row(i, cut, SIZE_MAX);
		check_row(i, SIZE_MAX, SIZE_MAX);
	}
}

static enum tunnel_want feed(const char *start, const char *line, size_t times,
			     const char *end, struct error *err)
{
	struct proxy p = { .kind = PROXY_HTTP, .host = "p", .port = 1,
			   .user = str_of(""), .password = str_of("") };
	struct tunnel t;
	enum tunnel_want want;

	tunnel_init(&t, &p, "a", 1);
	tunnel_sent(&t, tunnel_output(&t).n);
	tunnel_recv(&t, str_of(start));
	for (size_t i = 0; i < times && tunnel_want(&t) == TUNNEL_RECV; i++)
		tunnel_recv(&t, str_of(line));
	if (tunnel_want(&t) == TUNNEL_RECV)
		tunnel_recv(&t, str_of(end));
	want = tunnel_want(&t);
	*err = t.error;
	tunnel_release(&t);
	return want;
}

/* 100 lines and 16 KiB are taken, and one more is not. */
static void test_ceilings(void **state)
{
	const char *ok = "HTTP/1.1 200 ok\r\n";		/* 17 octets */
	struct error err;

	(void)state;
	assert_int_equal(feed(ok, "a: b\r\n", 98, "\r\n", &err), TUNNEL_UP);
	assert_int_equal(feed(ok, "a: b\r\n", 99, "\r\n", &err),
			 TUNNEL_FAILED);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	assert_non_null(strstr(err.text, "more than 100 lines or 16384"));
	/* 17 + 2 + 16363 + 2 = 16384 */
	assert_int_equal(feed("HTTP/1.1 200 ok\r\na:", "x", 16361, "\r\n\r\n",
			      &err), TUNNEL_UP);
	assert_int_equal(feed("HTTP/1.1 200 ok\r\na:", "x", 16362, "\r\n\r\n",
			      &err), TUNNEL_FAILED);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	/* Answers before the answer count, too. */
	assert_int_equal(feed("HTTP/1.1 100 on\r\n\r\n", "HTTP/1.1 100 on\r\n\r\n", 1000, ok, &err),
			 TUNNEL_FAILED);
	assert_non_null(strstr(err.text, "more than 100 lines"));
	assert_int_equal(feed("HTTP/1.1 200 ", "x", 1 << 20, ok, &err),
			 TUNNEL_FAILED);
}

/* The longest there may be fits, and not one octet more. */
static void test_lengths(void **state)
{
	char host[257], word[257];
	struct proxy p = { .host = "p", .port = 1 };
	struct tunnel t;

	(void)state;
	memset(host, 'h', sizeof(host));
	memset(word, 'w', sizeof(word));
	for (int kind = PROXY_SOCKS5; kind <= PROXY_HTTP; kind++) {
		p.kind = (enum proxy_kind)kind;
		p.user = p.password = (struct str){ word, 255 };
		host[255] = '\0';
		tunnel_init(&t, &p, host, 65535);
		assert_int_equal(tunnel_want(&t), TUNNEL_SEND);
		tunnel_sent(&t, tunnel_output(&t).n);
		if (kind == PROXY_SOCKS5) {
			assert_int_equal(tunnel_recv(&t, STR("\5\2")), 2);
			assert_int_equal(tunnel_output(&t).n, 513);
			tunnel_sent(&t, 513);
			assert_int_equal(tunnel_recv(&t, STR("\1\0")), 2);
			assert_int_equal(tunnel_output(&t).n, 262);
		}
		tunnel_release(&t);
		p.password.n = 256;
		tunnel_init(&t, &p, host, 1);
		assert_int_equal(t.error.kind, ERROR_CONFIG);
		tunnel_release(&t);
		p.password.n = 255;
		host[255] = 'h';
		host[256] = '\0';
		tunnel_init(&t, &p, host, 1);
		assert_int_equal(tunnel_want(&t), TUNNEL_FAILED);
		assert_int_equal(t.error.kind, ERROR_CONFIG);
		assert_non_null(strstr(t.error.text, "256 octets"));
		tunnel_release(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
