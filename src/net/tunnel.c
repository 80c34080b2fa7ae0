#include "net/tunnel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/xalloc.h"

void tunnel_fail(struct tunnel *t, enum error_kind kind, const char *fmt, ...)
{
	char text[sizeof(t->error.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	error_set(&t->error, kind, "%s", text);
	t->want = TUNNEL_FAILED;
}

/* Whose ways it has, as far as one octet can tell. */
static const char *likeness(unsigned char c)
{
	switch (c) {
	case 0x05:	return ": it answers as SOCKS5 does; try socks5://";
	case 0x00:
	case 0x04:	return ": it answers as SOCKS4 does, which is not "
			       "supported";
	case 0x15:
	case 0x16:	return ": it speaks TLS, which is not supported on the "
			       "way to a proxy";
	case 'H':	return ": it answers as HTTP does; try http://";
	case '2':
	case '4':
	case '5':	return ": it answers as a mail server does";
	default:	return "";
	}
}

void tunnel_alien(struct tunnel *t, unsigned char c, const char *protocol)
{
	tunnel_fail(t, ERROR_PROTOCOL, "not a proxy that speaks %s%s",
		    protocol, likeness(c));
}

void tunnel_put(struct tunnel *t, struct str bytes)
{
	if (bytes.n > sizeof(t->out) - t->out_n) {
		tunnel_fail(t, ERROR_BUG, "a request to the proxy is longer "
			    "than %d octets", TUNNEL_OUT_MAX);
		return;
	}
	if (bytes.n)
		memcpy(t->out + t->out_n, bytes.p, bytes.n);
	t->out_n += bytes.n;
}

void tunnel_say(struct tunnel *t, enum tunnel_stage stage)
{
	if (t->want == TUNNEL_FAILED)
		return;
	t->stage = stage;
	t->want = TUNNEL_SEND;
}

/*
 * Could it be the name of a host, or an address?  In HTTP it stands within a
 * line, and what is no name here would be one for nobody else either.
 */
static bool may_ask(struct tunnel *t)
{
	size_t n = strlen(t->host);

	if (strchr(t->host, '%'))
		tunnel_fail(t, ERROR_CONFIG, "the link-local address '%s' "
			    "means nothing to a proxy", t->host);
	else if (!n || n > TUNNEL_HOST_MAX)
		tunnel_fail(t, ERROR_CONFIG, "the relay's name has %zu octets: "
			    "a proxy takes 1 to %d", n, TUNNEL_HOST_MAX);
	else if (!t->port || t->port > 65535)
		tunnel_fail(t, ERROR_CONFIG, "there is no port %u", t->port);
	for (size_t i = 0; i < n && t->want != TUNNEL_FAILED; i++)
		if (t->host[i] <= ' ' || t->host[i] > '~' ||
		    strchr("/@\\\"<>?#", t->host[i]))
			tunnel_fail(t, ERROR_CONFIG, "the relay's name is not "
				    "that of a host");
	return t->want != TUNNEL_FAILED;
}

void tunnel_init(struct tunnel *t, const struct proxy *p, const char *host,
		 unsigned port)
{
	*t = (struct tunnel){ .proxy = p, .host = host, .port = port };
	buf_init(&t->line, TUNNEL_HEAD_MAX);
	if (!may_ask(t))
		return;
	if (p->user.n > PROXY_CREDENTIAL_MAX ||
	    p->password.n > PROXY_CREDENTIAL_MAX)
		tunnel_fail(t, ERROR_CONFIG, "its user and password may have "
			    "%d octets each", PROXY_CREDENTIAL_MAX);
	else if (p->kind == PROXY_HTTP)
		httpconnect_begin(t);
	else
		socks5_begin(t);
}

void tunnel_release(struct tunnel *t)
{
	wipe(t->out, sizeof(t->out));
	buf_release(&t->line);
}

enum tunnel_want tunnel_want(const struct tunnel *t)
{
	return t->want;
}

const char *tunnel_awaited(const struct tunnel *t)
{
	switch (t->stage) {
	case TUNNEL_GREETING:
		return "the answer to our greeting";
	case TUNNEL_LOGIN:
		return "the answer to the login";
	case TUNNEL_REQUEST:
		break;
	}
	return "the connection to the relay";
}

struct str tunnel_output(const struct tunnel *t)
{
	return (struct str){ t->out + t->out_sent, t->out_n - t->out_sent };
}

void tunnel_sent(struct tunnel *t, size_t n)
{
	t->out_sent += n;
	if (t->out_sent < t->out_n)
		return;
	wipe(t->out, t->out_n);
	t->out_n = t->out_sent = 0;
	t->trips++;
	t->want = TUNNEL_RECV;
}

size_t tunnel_recv(struct tunnel *t, struct str bytes)
{
	size_t n = 0;

	if (!bytes.n && t->want == TUNNEL_RECV)
		tunnel_fail(t, ERROR_NET, "closed the connection before %s",
			    tunnel_awaited(t));
	while (n < bytes.n && t->want == TUNNEL_RECV) {
		unsigned char c = (unsigned char)bytes.p[n++];

		if (t->proxy->kind == PROXY_HTTP)
			httpconnect_octet(t, c);
		else
			socks5_octet(t, c);
	}
	return n;
}
