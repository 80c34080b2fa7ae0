#include "oauth2/url.h"

#include <stdint.h>

/* A dotted quad of the loopback network, and not a name that begins like one. */
static bool is_loopback_quad(struct str host)
{
	uint64_t octet;

	if (!str_eq(str_cut(&host, '.'), STR("127")))
		return false;
	for (int i = 0; i < 2; i++)
		if (!str_u64(str_cut(&host, '.'), 255, &octet))
			return false;
	return str_u64(host, 255, &octet);
}

static bool is_loopback(struct str host)
{
	return str_caseeq(host, STR("localhost")) ||
	       str_eq(host, STR("[::1]")) || is_loopback_quad(host);
}

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#' ||
		    s.p[i] == '\\' || s.p[i] == '"' || s.p[i] == '<' ||
		    s.p[i] == '>')
			return false;
	return true;
}

/* Off the front of s, up to one of the characters of `ends`, which stays. */
static struct str take_until(struct str *s, const char *ends)
{
	struct str found = { s->p, 0 };

	while (found.n < s->n) {
		for (const char *e = ends; *e; e++)
			if (s->p[found.n] == *e)
				goto out;
		found.n++;
	}
out:
	s->p += found.n;
	s->n -= found.n;
	return found;
}

static bool split_authority(struct str authority, struct url *out)
{
	uint64_t port;
	struct str rest = authority;

	if (rest.n && *rest.p == '[') {
		out->host = take_until(&rest, "]");
		if (!rest.n)
			return false;
		out->host.n++;
		rest.p++;
		rest.n--;
	} else {
		out->host = take_until(&rest, ":");
	}
	out->port = rest;
	if (rest.n) {
		if (*rest.p != ':')
			return false;
		out->port.p++;
		out->port.n--;
		if (!str_u64(out->port, 65535, &port) || !port)
			return false;
	}
	out->loopback = is_loopback(out->host);
	return out->host.n > 0;
}

bool url_split(struct str text, struct url *out)
{
	struct str rest = text;
	struct str authority;

	*out = (struct url){ .https = str_casestarts(text, STR("https://")) };
	if (!out->https && !str_casestarts(text, STR("http://")))
		return false;
	if (!is_plain(text))
		return false;
	rest.p += out->https ? 8 : 7;
	rest.n -= out->https ? 8 : 7;
	authority = take_until(&rest, "/?");
	for (size_t i = 0; i < authority.n; i++)
		if (authority.p[i] == '@')
			return false;
	out->origin = (struct str){ text.p, text.n - rest.n };
	out->path = take_until(&rest, "?");
	out->query = rest;
	if (rest.n) {
		out->query.p++;
		out->query.n--;
	}
	return split_authority(authority, out);
}

int url_check(struct str text, const char *what, struct error *err)
{
	struct url url;

	if (!url_split(text, &url))
		return error_set(err, ERROR_CONFIG, "the %s is no URL that "
				 "can be used", what);
	if (!url.https && !url.loopback)
		return error_set(err, ERROR_CONFIG, "the %s is not https: "
				 "no secret is sent there", what);
	return 0;
}

void url_well_known(struct buf *out, const struct url *issuer,
		    enum url_metadata kind)
{
	struct str path = issuer->path;

	if (path.n && path.p[path.n - 1] == '/')
		path.n--;
	buf_add(out, issuer->origin);
	if (kind == URL_OAUTH)
		buf_addz(out, "/.well-known/oauth-authorization-server");
	buf_add(out, path);
	if (kind == URL_OPENID)
		buf_addz(out, "/.well-known/openid-configuration");
}
