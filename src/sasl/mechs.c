#include "sasl/mechs.h"

#include <stddef.h>

#include "util/buf.h"
#include "util/utf8.h"

enum { OFFER_SHOWN = 100 };	/* octets of what the relay offers, in errors */

/*
 * Strongest first: what binds the login to this TLS channel, so that nobody
 * in the middle can pass it on; what proves the relay's knowledge too; what
 * hides the password; what does not.
 */
static const struct mech mechs[] = {
	{ "SCRAM-SHA-256-PLUS",
	  MECH_SCRAM | MECH_PLUS | MECH_INITIAL | MECH_AUTHZID },
	{ "SCRAM-SHA-1-PLUS",
	  MECH_SCRAM | MECH_PLUS | MECH_INITIAL | MECH_AUTHZID },
	{ "SCRAM-SHA-256", MECH_SCRAM | MECH_INITIAL | MECH_AUTHZID },
	{ "SCRAM-SHA-1", MECH_SCRAM | MECH_INITIAL | MECH_AUTHZID },
	{ "CRAM-MD5", 0 },
	{ "PLAIN", MECH_CLEAR | MECH_INITIAL | MECH_AUTHZID },
	/* Old relays know no initial response with this one. */
	{ "LOGIN", MECH_CLEAR },
	{ "OAUTHBEARER",
	  MECH_TOKEN | MECH_CLEAR | MECH_INITIAL | MECH_AUTHZID },
	{ "XOAUTH2", MECH_TOKEN | MECH_CLEAR | MECH_INITIAL },
	{ "DIGEST-MD5", MECH_LATER },
	{ "EXTERNAL", MECH_LATER },
	{ "GSSAPI", MECH_LATER },
	{ "NTLM", MECH_LATER },
};

enum { MECHS = sizeof(mechs) / sizeof(*mechs) };

/* Why what both sides know cannot be used; the last is the best to know. */
enum why {
	WHY_NOT, WHY_TOKEN, WHY_PASSWORD, WHY_BINDING, WHY_AUTHZID, WHY_CLEAR
};

static const char *const why_text[] = {
	[WHY_NOT] = "",
	[WHY_TOKEN] = "takes an OAuth 2 token, not a password",
	[WHY_PASSWORD] = "takes a password, not an OAuth 2 token",
	[WHY_BINDING] = "needs channel binding, impossible on this connection",
	[WHY_AUTHZID] = "cannot carry authzid",
	[WHY_CLEAR] = "shows the secret and is never used without TLS",
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* Take a name off the front of *s; empty at the end. */
static struct str next_name(struct str *s)
{
	struct str name;

	while (s->n && is_blank(*s->p)) {
		s->p++;
		s->n--;
	}
	name = (struct str){ s->p, 0 };
	while (s->n && !is_blank(*s->p)) {
		s->p++;
		s->n--;
		name.n++;
	}
	return name;
}

static bool is_offered(struct str offered, const char *mech)
{
	struct str name;

	while ((name = next_name(&offered)).n)
		if (str_caseeq(name, str_of(mech)))
			return true;
	return false;
}

/* Does a name in the configuration mean this mechanism? */
static bool means(struct str name, const struct mech *m)
{
	if (str_caseeq(name, STR("auto")))
		return !(m->flags & MECH_LATER);
	if (str_caseeq(name, STR("scram")))
		return m->flags & MECH_SCRAM;
	return str_caseeq(name, str_of(m->name));
}

static int check_name(struct str name, struct error *err)
{
	struct buf known;

	for (size_t i = 0; i < MECHS; i++) {
		if (!means(name, &mechs[i]))
			continue;
		if (!(mechs[i].flags & MECH_LATER))
			return 0;
		return error_set(err, ERROR_CONFIG, "SASL mechanism '%s' is "
				 "not in this version", mechs[i].name);
	}
	buf_init(&known, 400);
	for (size_t i = 0; i < MECHS; i++)
		if (!(mechs[i].flags & MECH_LATER))
			buf_addf(&known, ", %s", mechs[i].name);
	error_set(err, ERROR_CONFIG, "unknown SASL mechanism '%.*s'; "
		  "there are auto, none, scram%s", (int)(name.n < 40 ? name.n : 40),
		  name.p, buf_cstr(&known));
	buf_release(&known);
	return -1;
}

int mechs_check(const char *value, struct error *err)
{
	struct str list = str_of(value);
	struct str name;

	if (!next_name(&list).n)
		return error_set(err, ERROR_CONFIG, "no SASL mechanism is "
				 "named; write auto, none, or a list");
	list = str_of(value);
	if (str_caseeq(str_trim(list), STR("none")))
		return 0;
	while ((name = next_name(&list)).n)
		if (check_name(name, err))
			return -1;
	return 0;
}

static enum why unfit(const struct mech *m, const struct sasl_config *c,
		      bool bound)
{
	if (c->is_token && !(m->flags & MECH_TOKEN))
		return WHY_PASSWORD;
	if (!c->is_token && m->flags & MECH_TOKEN)
		return WHY_TOKEN;
	if (!c->secure && m->flags & MECH_CLEAR)
		return WHY_CLEAR;
	if (!bound && m->flags & MECH_PLUS)
		return WHY_BINDING;
	if (*c->authzid && !(m->flags & MECH_AUTHZID))
		return WHY_AUTHZID;
	return WHY_NOT;
}

static void say_none(const struct sasl_config *config, struct str offered,
		     const struct mech *best, enum why why, struct error *err)
{
	struct buf shown;

	buf_init(&shown, 4 * OFFER_SHOWN);
	utf8_escape(&shown, (struct str){ offered.p,
		    offered.n < OFFER_SHOWN ? offered.n : OFFER_SHOWN });
	error_set(err, ERROR_AUTH, "no usable mechanism: the relay offers "
		  "'%s', auth allows '%.160s'%s%s%s%s",
		  buf_cstr(&shown), config->mechs, best ? "; " : "",
		  best ? best->name : "", best ? " " : "", why_text[why]);
	buf_release(&shown);
}

const struct mech *mechs_choose(const struct sasl_config *config,
				struct str offered, bool bound,
				struct error *err)
{
	struct str list = str_of(config->mechs);
	const struct mech *best = NULL;	/* so close, and yet unfit */
	enum why best_why = WHY_NOT;
	struct str name;

	while ((name = next_name(&list)).n) {
		for (size_t i = 0; i < MECHS; i++) {
			const struct mech *m = &mechs[i];
			enum why why;

			if (!means(name, m) || !is_offered(offered, m->name))
				continue;
			why = unfit(m, config, bound);
			if (why == WHY_NOT)
				return m;
			if (why > best_why) {
				best = m;
				best_why = why;
			}
		}
	}
	say_none(config, offered, best, best_why, err);
	return NULL;
}

bool mechs_plus_offered(struct str offered)
{
	for (size_t i = 0; i < MECHS; i++)
		if (mechs[i].flags & MECH_PLUS &&
		    is_offered(offered, mechs[i].name))
			return true;
	return false;
}
