#include "sasl/digest.h"

#include <stddef.h>
#include <string.h>

/* What a challenge has said so far; empty: not yet. */
struct challenge {
	struct str user;
	struct str realm;
	bool realm_fits;	/* it is the user's domain */
	struct str nonce;
	bool qop, auth;		/* qop was there; it had "auth" in it */
	bool utf8, algorithm;
};

static int nonsense(struct error *err, const char *why)
{
	return error_set(err, ERROR_PROTOCOL, "DIGEST-MD5: the relay's "
			 "challenge makes no sense: %s", why);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip(struct str *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void skip_space(struct str *s)
{
	while (s->n && is_space(*s->p))
		skip(s, 1);
}

/*
 * Take a value off the front of *s, quoted or not.  What needs a backslash
 * in quotes we could not repeat, and no relay has been seen to send it.
 */
static int take_value(struct str *s, struct str *value)
{
	bool quoted = s->n && *s->p == '"';

	if (quoted)
		skip(s, 1);
	*value = (struct str){ s->p, 0 };
	while (s->n && (quoted ? *s->p != '"' : *s->p != ',' && !is_space(*s->p))) {
		if (*s->p == '\\' || *s->p == '"' || !*s->p)
			return -1;
		skip(s, 1);
		value->n++;
	}
	if (quoted && !s->n)
		return -1;
	if (quoted)
		skip(s, 1);
	return quoted || value->n ? 0 : -1;
}

/* Take "name=value" and the comma after it; at the end name is empty. */
static int take_pair(struct str *s, struct str *name, struct str *value)
{
	*name = *value = (struct str){ "", 0 };
	while (s->n && (is_space(*s->p) || *s->p == ','))
		skip(s, 1);
	if (!s->n)
		return 0;
	*name = (struct str){ s->p, 0 };
	while (s->n && *s->p != '=' && *s->p != ',' && !is_space(*s->p)) {
		skip(s, 1);
		name->n++;
	}
	skip_space(s);
	if (!name->n || !s->n || *s->p != '=')
		return -1;
	skip(s, 1);
	skip_space(s);
	if (take_value(s, value))
		return -1;
	skip_space(s);
	return s->n && *s->p != ',' ? -1 : 0;
}

static int on_realm(struct challenge *c, struct str value, struct error *err)
{
	struct str user = c->user;
	const char *at = user.n ? memrchr(user.p, '@', user.n) : NULL;
	struct str domain = { "", 0 };

	(void)err;
	if (at)
		domain = (struct str){ at + 1,
				       user.n - (size_t)(at + 1 - user.p) };
	if (c->realm_fits)
		return 0;
	c->realm_fits = at && str_caseeq(domain, value);
	if (!c->realm.n || c->realm_fits)
		c->realm = value;
	return 0;
}

static int on_nonce(struct challenge *c, struct str value, struct error *err)
{
	if (c->nonce.n)
		return nonsense(err, "it has two nonces");
	c->nonce = value;
	return 0;
}

static int on_qop(struct challenge *c, struct str value, struct error *err)
{
	if (c->qop)
		return nonsense(err, "it has two lists of qop");
	c->qop = true;
	while (value.n)
		if (str_caseeq(str_trim(str_cut(&value, ',')), STR("auth")))
			c->auth = true;
	return 0;
}

static int on_charset(struct challenge *c, struct str value, struct error *err)
{
	if (c->utf8 || !str_caseeq(value, STR("utf-8")))
		return nonsense(err, "its charset is not utf-8");
	c->utf8 = true;
	return 0;
}

static int on_algorithm(struct challenge *c, struct str value,
			struct error *err)
{
	if (c->algorithm || !str_caseeq(value, STR("md5-sess")))
		return nonsense(err, "its algorithm is not md5-sess");
	c->algorithm = true;
	return 0;
}

static const struct {
	struct str name;
	int (*run)(struct challenge *c, struct str value, struct error *err);
} directives[] = {
	{ { "realm", 5 }, on_realm },
	{ { "nonce", 5 }, on_nonce },
	{ { "qop", 3 }, on_qop },
	{ { "charset", 7 }, on_charset },
	{ { "algorithm", 9 }, on_algorithm },
};

static int read_challenge(struct challenge *c, struct str s, struct error *err)
{
	struct str name, value;

	if (s.n >= DIGEST_MAX)
		return nonsense(err, "it is longer than 2047 octets");
	for (;;) {
		if (take_pair(&s, &name, &value))
			return nonsense(err, "it is no list of name=value");
		if (!name.n)
			return 0;
		for (size_t i = 0; i < sizeof(directives) / sizeof(*directives);
		     i++)
			if (str_caseeq(name, directives[i].name) &&
			    directives[i].run(c, value, err))
				return -1;
	}
}

int digest_challenge(struct buf *out, struct str challenge, struct str user,
		     bool ascii, struct error *err)
{
	struct challenge c = { .user = user };

	if (read_challenge(&c, challenge, err))
		return -1;
	if (!c.nonce.n)
		return nonsense(err, "it has no nonce");
	if (!c.algorithm)
		return nonsense(err, "it has no algorithm");
	if (c.qop && !c.auth)
		return error_set(err, ERROR_AUTH, "DIGEST-MD5: the relay "
				 "insists on a security layer besides TLS");
	if (!c.utf8 && !ascii)
		return error_set(err, ERROR_AUTH, "DIGEST-MD5: user or "
				 "password is not ASCII, and the relay takes "
				 "no UTF-8");
	if (c.realm.n)
		buf_addf(out, "realm=\"%.*s\",", (int)c.realm.n, c.realm.p);
	buf_addf(out, "nonce=\"%.*s\",qop=\"auth\",charset=utf-8,"
		 "algorithm=md5-sess", (int)c.nonce.n, c.nonce.p);
	return 0;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

int digest_proof(struct buf *out, struct str message, struct error *err)
{
	struct str name, value;

	while (!take_pair(&message, &name, &value) && name.n) {
		if (!str_caseeq(name, STR("rspauth")) || value.n != 32 ||
		    !is_hex(value))
			continue;
		buf_addz(out, "rspauth=");
		for (size_t i = 0; i < value.n; i++)
			buf_addch(out, ascii_lower(value.p[i]));
		return 0;
	}
	return error_set(err, ERROR_PROTOCOL, "DIGEST-MD5: the relay's last "
			 "message has no proof in it");
}

struct str digest_response(struct str answer)
{
	const struct str key = STR("response=");

	/* The last: the user's name may look like one. */
	for (size_t at = answer.n; at-- > 0; ) {
		struct str rest = { answer.p + at, answer.n - at };

		if (str_starts(rest, key) && rest.n >= key.n + 32)
			return (struct str){ rest.p + key.n, 32 };
	}
	return (struct str){ "", 0 };
}
