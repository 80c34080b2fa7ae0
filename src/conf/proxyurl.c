#include "conf/proxyurl.h"

#include <arpa/inet.h>
#include <string.h>

#include "conf/check.h"
#include "mail/idn.h"
#include "util/xalloc.h"

#define MASK "********"
#define NO_ADDRESS "between [ and ] there is no IPv6 address"

enum { ZONE_MAX = 64 };		/* octets of an interface's name */

static const struct {
	struct str prefix;
	enum proxyurl_scheme scheme;
	unsigned port;			/* 0: it must be given */
} schemes[] = {
	{ { "socks5://", 9 }, PROXYURL_SOCKS5, PROXYURL_PORT },
	{ { "socks5h://", 10 }, PROXYURL_SOCKS5, PROXYURL_PORT },
	{ { "http://", 7 }, PROXYURL_HTTP, 0 },
};

static int bad(struct error *err, const char *why)
{
	return error_set(err, ERROR_CONFIG, "%s", why);
}

/* Where c stands last in s; s.n if nowhere. */
static size_t last(struct str s, char c)
{
	size_t n = s.n;

	while (n && s.p[n - 1] != c)
		n--;
	return n ? n - 1 : s.n;
}

static size_t first(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

static struct str from(struct str s, size_t n)
{
	return (struct str){ s.p + n, s.n - n };
}

static struct str until(struct str s, size_t n)
{
	return (struct str){ s.p, n };
}

/* RFC 3986 s2.1.  A control byte could not be sent by HTTP (RFC 7617 s2). */
static int unescape(char to[PROXYURL_LOGIN_MAX + 1], struct str s,
		    struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '%') {
			int octet = str_hex((struct str){ s.p + i + 1,
							  s.n - i - 1 });

			if (octet < 0)
				return bad(err, "a '%' in the user or the "
					   "password must begin %XX: write it "
					   "as %25");
			c = (unsigned char)octet;
			i += 2;
		} else if (strchr(" \"<>\\^`{|}[]@", c)) {
			return bad(err, "the user or the password has a "
				   "character that is written as %XX in a URL");
		}
		if (c < 0x20 || c == 0x7f)
			return bad(err, "the user or the password has a "
				   "control byte in it");
		if (n == PROXYURL_LOGIN_MAX)
			return bad(err, "the user and the password may have "
				   "255 octets each");
		to[n++] = (char)c;
	}
	to[n] = '\0';
	return 0;
}

static int set_login(struct proxyurl *u, struct str login, struct error *err)
{
	size_t colon = first(login, ':');

	if (unescape(u->user, until(login, colon), err) ||
	    (colon < login.n &&
	     unescape(u->password, from(login, colon + 1), err)))
		return -1;
	if (!*u->user)
		return bad(err, "there is no user before the '@'");
	if (u->scheme == PROXYURL_HTTP && strchr(u->user, ':'))
		return bad(err, "the user has a ':' in it, which HTTP cannot "
			   "tell from the password's");
	return 0;
}

/* RFC 6874: the zone of an address stands after %25; a mere % is meant so. */
static int set_address(struct proxyurl *u, struct str host, struct error *err)
{
	size_t end = first(host, '%');
	bool zoned = end < host.n;
	struct str zone = from(host, end + zoned);
	unsigned char raw[16];

	if (zone.n > 2 && str_starts(zone, STR("25")))
		zone = from(zone, 2);
	if (end >= INET6_ADDRSTRLEN || zone.n > ZONE_MAX || zoned != !!zone.n ||
	    first(zone, ' ') < zone.n)
		return bad(err, NO_ADDRESS);
	memcpy(u->host, host.p, end);
	u->host[end] = '\0';
	if (inet_pton(AF_INET6, u->host, raw) != 1)
		return bad(err, NO_ADDRESS);
	if (zoned) {
		u->host[end++] = '%';
		memcpy(u->host + end, zone.p, zone.n);
		u->host[end + zone.n] = '\0';
	}
	return 0;
}

static int set_name(struct proxyurl *u, struct str host, struct error *err)
{
	struct error why;
	struct buf ascii;
	int ret = 0;

	if (!host.n)
		return bad(err, "names no host");
	if (check_host(host, &why) || first(host, '%') < host.n ||
	    first(host, ':') < host.n)
		return bad(err, "the host's name is none; an IPv6 address "
			   "stands in brackets");
	buf_init(&ascii, PROXYURL_HOST_MAX);
	if (idn_domain(&ascii, host, &why) || ascii.over)
		ret = bad(err, "the host's name is not one of IDNA");
	else
		memcpy(u->host, buf_cstr(&ascii), ascii.len + 1);
	buf_release(&ascii);
	return ret;
}

static int set_port(struct proxyurl *u, struct str port, struct error *err)
{
	uint64_t n;

	if (!str_u64(port, 65535, &n) || !n)
		return bad(err, "the port is not a number from 1 to 65535");
	u->port = (unsigned)n;
	return 0;
}

static int set_host(struct proxyurl *u, struct str rest, struct error *err)
{
	bool address = str_starts(rest, STR("["));
	struct str host;

	if (address) {
		size_t end = first(rest, ']');

		if (end == rest.n)
			return bad(err, "there is a '[' without its ']'");
		host = (struct str){ rest.p + 1, end - 1 };
		rest = from(rest, end + 1);
	} else {
		host = until(rest, last(rest, ':'));
		rest = from(rest, host.n);
	}
	if (rest.n && rest.p[0] != ':')
		return bad(err, "after the ']' only a ':' and the port can "
			   "stand");
	if (rest.n && set_port(u, from(rest, 1), err))
		return -1;
	return address ? set_address(u, host, err) : set_name(u, host, err);
}

static int parse(struct proxyurl *u, struct str s, struct error *err)
{
	size_t i = 0, at;

	if (str_has_ctl(s))
		return bad(err, "has a control byte in it");
	while (i < sizeof(schemes) / sizeof(*schemes) &&
	       !str_casestarts(s, schemes[i].prefix))
		i++;
	if (i == sizeof(schemes) / sizeof(*schemes))
		return bad(err, "is neither socks5://HOST:PORT nor "
			   "http://HOST:PORT: other kinds of proxy are not "
			   "supported");
	u->scheme = schemes[i].scheme;
	u->port = schemes[i].port;
	s = from(s, schemes[i].prefix.n);
	if (s.n && s.p[s.n - 1] == '/')
		s.n--;			/* a path, but the empty one */
	for (const char *c = "/?#"; *c; c++)
		if (first(s, *c) < s.n)
			return bad(err, "has a path, a query or a fragment; "
				   "in the user or the password '/', '?' and "
				   "'#' are written %2F, %3F and %23");
	at = last(s, '@');
	if (at < s.n && set_login(u, until(s, at), err))
		return -1;
	if (set_host(u, at < s.n ? from(s, at + 1) : s, err))
		return -1;
	if (!u->port)
		return bad(err, "names no port: an HTTP proxy has no usual one");
	return 0;
}

int proxyurl_parse(struct proxyurl *u, struct str value, struct error *err)
{
	struct error why;

	memset(u, 0, sizeof(*u));
	if (!value.n || !parse(u, value, &why))
		return 0;
	proxyurl_wipe(u);
	*err = why;
	return -1;
}

void proxyurl_wipe(struct proxyurl *u)
{
	wipe(u, sizeof(*u));
}

int proxyurl_check(struct str value, struct error *err)
{
	struct proxyurl u;
	int ret = proxyurl_parse(&u, value, err);

	proxyurl_wipe(&u);
	return ret;
}

bool proxyurl_is_secret(struct str value)
{
	struct error ignored;
	struct proxyurl u;
	bool secret;

	if (proxyurl_parse(&u, value, &ignored))
		return true;
	secret = *u.password;
	proxyurl_wipe(&u);
	return secret;
}

void proxyurl_mask(struct str value, struct buf *out)
{
	struct error ignored;
	struct str rest = value;
	size_t at = last(value, '@');

	if (!proxyurl_is_secret(value)) {
		buf_add(out, value);
		return;
	}
	if (proxyurl_check(value, &ignored)) {
		buf_addz(out, MASK);
		return;
	}
	/* The scheme's colon, and then the one before the password. */
	rest = from(rest, first(rest, ':') + 1);
	rest = from(rest, first(rest, ':') + 1);
	buf_add(out, until(value, (size_t)(rest.p - value.p)));
	buf_addz(out, MASK);
	buf_add(out, from(value, at));
}
