#include "sasl/oauth.h"

#include <string.h>

#include "util/error.h"

static void presize(struct buf *out, const struct sasl_config *c)
{
	buf_room(out, 3 * strlen(c->user) + 3 * strlen(c->authzid) +
		 strlen(c->host) + c->secret.n + 64);
}

void oauth_xoauth2(struct buf *out, const struct sasl_config *c)
{
	presize(out, c);
	buf_addz(out, "user=");
	buf_addz(out, c->user);
	buf_addz(out, "\001auth=Bearer ");
	buf_add(out, c->secret);
	buf_addz(out, "\001\001");
}

/* A saslname (RFC 5801 s4): its "," and "=" would be syntax. */
static void add_saslname(struct buf *out, const char *name)
{
	for (; *name; name++) {
		if (*name == ',')
			buf_addz(out, "=2C");
		else if (*name == '=')
			buf_addz(out, "=3D");
		else
			buf_addch(out, *name);
	}
}

void oauth_bearer(struct buf *out, const struct sasl_config *c)
{
	presize(out, c);
	buf_addz(out, "n,a=");
	add_saslname(out, *c->authzid ? c->authzid : c->user);
	/* An address without its interface, which means nothing to others. */
	buf_addz(out, ",\001host=");
	buf_add(out, (struct str){ c->host, strcspn(c->host, "%") });
	buf_addf(out, "\001port=%u\001auth=Bearer ", c->port);
	buf_add(out, c->secret);
	buf_addz(out, "\001\001");
}

static struct str skip_blank(struct str s)
{
	while (s.n && strchr(" \t\r\n", *s.p) && *s.p) {
		s.p++;
		s.n--;
	}
	return s;
}

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
}

/*
 * Not a JSON parser: the word is only shown, so a relay that hides it behind
 * escapes gets none shown.
 */
void oauth_status(struct buf *out, struct str json)
{
	const struct str key = STR("\"status\"");
	struct str s = json;

	while (s.n && !str_starts(s, key)) {
		s.p++;
		s.n--;
	}
	if (!s.n)
		return;
	s = skip_blank((struct str){ s.p + key.n, s.n - key.n });
	if (!s.n || *s.p != ':')
		return;
	s = skip_blank((struct str){ s.p + 1, s.n - 1 });
	if (s.n && *s.p == '"') {
		s.p++;
		s.n--;
	}
	for (size_t i = 0; i < s.n && i < OAUTH_STATUS_MAX; i++) {
		if (!is_plain(s.p[i]))
			break;
		buf_addch(out, s.p[i]);
	}
}
