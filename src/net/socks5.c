/*
 * SOCKS5, RFC 1928, with a user and a password, RFC 1929.  Each step waits for
 * the one before it: proxies are known that forget what they read too early.
 */
#include <arpa/inet.h>
#include <string.h>

#include "net/tunnel.h"

enum { SOCKS_VERSION = 5, LOGIN_VERSION = 1 };
enum { METHOD_NONE = 0, METHOD_LOGIN = 2, METHOD_REFUSED = 0xff };
enum { CONNECT = 1 };
enum { TYPE_IPV4 = 1, TYPE_NAME = 3, TYPE_IPV6 = 4 };
enum { PORT_LEN = 2 };			/* octets */

enum step {		/* the octet that comes next */
	STEP_VERSION, STEP_METHOD,
	STEP_LOGIN_VERSION, STEP_LOGIN_STATUS,
	STEP_REPLY_VERSION, STEP_REPLY_CODE, STEP_RESERVED, STEP_TYPE,
	STEP_NAME_LEN, STEP_BOUND
};

/* RFC 1928 s6.  That a host is not there, or not yet, is no rule of anyone. */
static const struct {
	enum error_kind kind;
	const char *text;
} replies[] = {
	[1] = { ERROR_NET, "general failure" },
	[2] = { ERROR_PERM, "the proxy's rules do not allow it" },
	[3] = { ERROR_NET, "network is unreachable" },
	[4] = { ERROR_NET, "host is unreachable, or the name does not exist" },
	[5] = { ERROR_NET, "connection refused" },
	[6] = { ERROR_NET, "too many hops (TTL expired)" },
	[7] = { ERROR_PROTOCOL, "the proxy does not know CONNECT" },
	[8] = { ERROR_PROTOCOL, "the proxy does not know this kind of "
		"address" },
};

static void put_octet(struct tunnel *t, unsigned c)
{
	char octet = (char)c;

	tunnel_put(t, (struct str){ &octet, 1 });
}

static void put_counted(struct tunnel *t, struct str s)
{
	put_octet(t, (unsigned)s.n);
	tunnel_put(t, s);
}

void socks5_begin(struct tunnel *t)
{
	bool login = t->proxy->user.n;

	put_octet(t, SOCKS_VERSION);
	put_octet(t, login ? 2 : 1);
	put_octet(t, METHOD_NONE);
	if (login)
		put_octet(t, METHOD_LOGIN);
	t->step = STEP_VERSION;
	tunnel_say(t, TUNNEL_GREETING);
}

static void log_in(struct tunnel *t)
{
	put_octet(t, LOGIN_VERSION);
	put_counted(t, t->proxy->user);
	put_counted(t, t->proxy->password);
	t->step = STEP_LOGIN_VERSION;
	tunnel_say(t, TUNNEL_LOGIN);
}

/* The address of the relay, or its name: that is for the proxy to look up. */
static void put_address(struct tunnel *t)
{
	struct str host = str_of(t->host);
	char plain[TUNNEL_HOST_MAX + 1];
	unsigned char raw[16];

	if (host.n > 2 && host.p[0] == '[') {
		host.p++;
		host.n -= 2;
	}
	memcpy(plain, host.p, host.n);
	plain[host.n] = '\0';
	if (inet_pton(AF_INET, plain, raw) == 1) {
		put_octet(t, TYPE_IPV4);
		tunnel_put(t, (struct str){ (char *)raw, 4 });
	} else if (inet_pton(AF_INET6, plain, raw) == 1) {
		put_octet(t, TYPE_IPV6);
		tunnel_put(t, (struct str){ (char *)raw, 16 });
	} else {
		put_octet(t, TYPE_NAME);
		put_counted(t, str_of(t->host));
	}
}

static void request(struct tunnel *t)
{
	put_octet(t, SOCKS_VERSION);
	put_octet(t, CONNECT);
	put_octet(t, 0);
	put_address(t);
	put_octet(t, t->port >> 8);
	put_octet(t, t->port & 0xff);
	t->step = STEP_REPLY_VERSION;
	tunnel_say(t, TUNNEL_REQUEST);
}

static void on_method(struct tunnel *t, unsigned char c)
{
	bool login = t->proxy->user.n;

	if (c == METHOD_NONE)
		request(t);
	else if (c == METHOD_LOGIN && login)
		log_in(t);
	else if (c != METHOD_REFUSED)
		tunnel_fail(t, ERROR_PROTOCOL, "chose the way to log in %u, "
			    "which was not offered", c);
	else if (login)
		tunnel_fail(t, ERROR_AUTH, "takes neither a user with a "
			    "password nor nobody: GSSAPI is not supported");
	else
		tunnel_fail(t, ERROR_AUTH, "wants a login: set proxy = "
			    "socks5://USER:PASSWORD@HOST:PORT");
}

/* RFC 1929 says 1; there are proxies that say 5, and mean the same. */
static void on_login_version(struct tunnel *t, unsigned char c)
{
	if (c == LOGIN_VERSION || c == SOCKS_VERSION)
		t->step = STEP_LOGIN_STATUS;
	else
		tunnel_fail(t, ERROR_PROTOCOL, "broke SOCKS5 in its answer to "
			    "the login");
}

static void on_code(struct tunnel *t, unsigned char c)
{
	if (!c)
		t->step = STEP_RESERVED;
	else if (c < sizeof(replies) / sizeof(*replies))
		tunnel_fail(t, replies[c].kind, "connect to '%s' port %u: %s "
			    "(SOCKS5 reply %u)", t->host, t->port,
			    replies[c].text, c);
	else
		tunnel_fail(t, ERROR_NET, "connect to '%s' port %u: failed "
			    "(SOCKS5 reply %u)", t->host, t->port, c);
}

/* The address it connects from is of no interest, but it is there. */
static void on_type(struct tunnel *t, unsigned char c)
{
	t->step = c == TYPE_NAME ? STEP_NAME_LEN : STEP_BOUND;
	if (c == TYPE_IPV4)
		t->skip = 4 + PORT_LEN;
	else if (c == TYPE_IPV6)
		t->skip = 16 + PORT_LEN;
	else if (c != TYPE_NAME)
		tunnel_fail(t, ERROR_PROTOCOL, "broke SOCKS5: its answer has "
			    "an address of the unknown type %u", c);
}

void socks5_octet(struct tunnel *t, unsigned char c)
{
	switch ((enum step)t->step) {
	case STEP_VERSION:
		if (c != SOCKS_VERSION)
			tunnel_alien(t, c, "SOCKS5");
		t->step = STEP_METHOD;
		break;
	case STEP_METHOD:
		on_method(t, c);
		break;
	case STEP_LOGIN_VERSION:
		on_login_version(t, c);
		break;
	case STEP_LOGIN_STATUS:
		if (c)
			tunnel_fail(t, ERROR_AUTH, "refused the user or the "
				    "password");
		else
			request(t);
		break;
	case STEP_REPLY_VERSION:
		if (c != SOCKS_VERSION)
			tunnel_fail(t, ERROR_PROTOCOL, "broke SOCKS5 in its "
				    "answer to the request");
		t->step = STEP_REPLY_CODE;
		break;
	case STEP_REPLY_CODE:
		on_code(t, c);
		break;
	case STEP_RESERVED:
		t->step = STEP_TYPE;
		break;
	case STEP_TYPE:
		on_type(t, c);
		break;
	case STEP_NAME_LEN:
		t->skip = (size_t)c + PORT_LEN;
		t->step = STEP_BOUND;
		break;
	case STEP_BOUND:
		if (!--t->skip)
			t->want = TUNNEL_UP;
		break;
	}
}
