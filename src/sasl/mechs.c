#include "sasl/mechs.h"

#include <stddef.h>

#include "util/buf.h"
#include "util/utf8.h"

enum { OFFER_SHOWN = 100 };	/* octets of what the relay offers, in errors */

/*
 * Strongest first: what gives no secret away at all; what binds the login to
 * this TLS channel, so that nobody in the middle can pass it on; what proves
 * the relay's knowledge too; what hides the password; what does not.
 */
static const struct mech mechs[] = {
	{ "EXTERNAL", MECH_CERT | MECH_INITIAL | MECH_AUTHZID },
	{ "SCRAM-SHA-512-PLUS", MECH_SCRAM | MECH_PLUS | MECH_INITIAL |
	  MECH_AUTHZID | MECH_PROOF | MECH_MAYBE },
	{ "SCRAM-SHA-256-PLUS", MECH_SCRAM | MECH_PLUS | MECH_INITIAL |
	  MECH_AUTHZID | MECH_PROOF },
	{ "SCRAM-SHA-1-PLUS", MECH_SCRAM | MECH_PLUS | MECH_INITIAL |
	  MECH_AUTHZID | MECH_PROOF },
	{ "SCRAM-SHA-512", MECH_SCRAM | MECH_INITIAL | MECH_AUTHZID |
	  MECH_PROOF | MECH_MAYBE },
	{ "SCRAM-SHA-256",
	  MECH_SCRAM | MECH_INITIAL | MECH_AUTHZID | MECH_PROOF },
	{ "SCRAM-SHA-1",
	  MECH_SCRAM | MECH_INITIAL | MECH_AUTHZID | MECH_PROOF },
	{ "CRAM-MD5", 0 },
	{ "PLAIN", MECH_CLEAR | MECH_INITIAL | MECH_AUTHZID },
	/* Old relays know no initial response with this one. */
	{ "LOGIN", MECH_CLEAR },
	{ "OAUTHBEARER",
	  MECH_TOKEN | MECH_CLEAR | MECH_INITIAL | MECH_AUTHZID },
	{ "XOAUTH2", MECH_TOKEN | MECH_CLEAR | MECH_INITIAL },
	{ "GSSAPI", MECH_NAMED | MECH_FREE | MECH_INITIAL | MECH_AUTHZID |
	  MECH_PROOF | MECH_MAYBE },
	{ "DIGEST-MD5", MECH_NAMED | MECH_AUTHZID | MECH_PROOF | MECH_MAYBE },
	/* Version 1 of it, which is guessed in hours. */
	{ "NTLM", MECH_NAMED | MECH_CLEAR | MECH_INITIAL | MECH_MAYBE },
	{ "ANONYMOUS", MECH_NAMED | MECH_FREE | MECH_INITIAL },
};

enum { MECHS = sizeof(mechs) / sizeof(*mechs) };

_Static_assert(sizeof(mechs) / sizeof(*mechs) <= MECHS_MAX,
	       "a set of mechanisms is 32 bits");

/* Why what both sides know cannot be used; the last is the best to know. */
enum why {
	WHY_NOT, WHY_LACKED, WHY_SECRET, WHY_USER, WHY_TOKEN, WHY_PASSWORD,
	WHY_CERT, WHY_BINDING, WHY_AUTHZID, WHY_CLEAR
};

static const char *const why_text[] = {
	[WHY_NOT] = "",
	[WHY_LACKED] = "is not in the libraries of this build",
	[WHY_SECRET] = "needs a password or token, and the account has none",
	[WHY_USER] = "needs a user name: set user",
	[WHY_TOKEN] = "takes an OAuth 2 token, not a password",
	[WHY_PASSWORD] = "takes a password, not an OAuth 2 token",
	[WHY_CERT] = "needs a client certificate: set tls_cert",
	[WHY_BINDING] = "needs channel binding, impossible on this connection",
	[WHY_AUTHZID] = "cannot carry authzid",
	[WHY_CLEAR] = "shows the secret and is never used without TLS",
};

const struct mech *mechs_at(size_t i)
{
	return i < MECHS ? &mechs[i] : NULL;
}

static bool is_offered(struct str offered, const char *mech)
{
	struct str name;

	while ((name = str_word(&offered, STR_LIST)).n)
		if (str_caseeq(name, str_of(mech)))
			return true;
	return false;
}

/* Does a name in the configuration mean this mechanism? */
static bool means(struct str name, const struct mech *m)
{
	if (str_caseeq(name, STR("auto")))
		return !(m->flags & MECH_NAMED);
	if (str_caseeq(name, STR("scram")))
		return m->flags & MECH_SCRAM;
	return str_caseeq(name, str_of(m->name));
}

/* "-NAME": take the dash off. */
static bool is_exclusion(struct str *name)
{
	if (!name->n || *name->p != '-')
		return false;
	name->p++;
	name->n--;
	return true;
}

static bool is_excluded(const char *value, const struct mech *m)
{
	struct str list = str_of(value);
	struct str name;

	while ((name = str_word(&list, STR_LIST)).n)
		if (is_exclusion(&name) && means(name, m))
			return true;
	return false;
}

static int unknown(struct str name, struct error *err)
{
	struct buf known;

	buf_init(&known, 400);
	for (size_t i = 0; i < MECHS; i++)
		buf_addf(&known, ", %s", mechs[i].name);
	error_set(err, ERROR_CONFIG, "unknown SASL mechanism '%.*s'; "
		  "there are auto, none, scram%s", (int)(name.n < 40 ? name.n : 40),
		  name.p, buf_cstr(&known));
	buf_release(&known);
	return -1;
}

static bool is_known(struct str name)
{
	for (size_t i = 0; i < MECHS; i++)
		if (means(name, &mechs[i]))
			return true;
	return false;
}

int mechs_check(const char *value, struct error *err)
{
	struct str list = str_of(value);
	struct str name;
	bool any = false;

	if (str_caseeq(str_trim(list), STR("none")))
		return 0;
	while ((name = str_word(&list, STR_LIST)).n) {
		any |= !is_exclusion(&name);
		if (!is_known(name))
			return unknown(name, err);
	}
	if (any && !mechs_any(value, ~(uint32_t)0, NULL))
		return error_set(err, ERROR_CONFIG, "every SASL mechanism that "
				 "is named is also excluded");
	if (!any)
		return error_set(err, ERROR_CONFIG, "no SASL mechanism is "
				 "named; write auto, none, or a list");
	return 0;
}

bool mechs_any(const char *value, uint32_t have, const struct mech **first)
{
	struct str list = str_of(value);
	bool seen = false;
	struct str name;

	while ((name = str_word(&list, STR_LIST)).n) {
		if (is_exclusion(&name))
			continue;
		for (size_t i = 0; i < MECHS; i++) {
			if (!means(name, &mechs[i]) ||
			    is_excluded(value, &mechs[i]))
				continue;
			if (have >> i & 1)
				return true;
			if (first && !seen)
				*first = &mechs[i];
			seen = true;
		}
	}
	return false;
}

/* For those that take a secret: is there one, of their kind, and a user? */
static enum why unfit_secret(const struct mech *m, const struct sasl_config *c)
{
	if (!c->secret.n)
		return WHY_SECRET;
	if (c->is_token && !(m->flags & MECH_TOKEN))
		return WHY_PASSWORD;
	if (!c->is_token && m->flags & MECH_TOKEN)
		return WHY_TOKEN;
	return *c->user ? WHY_NOT : WHY_USER;
}

static enum why unfit(const struct mech *m, const struct sasl_config *c,
		      struct mech_facts facts)
{
	enum why why = WHY_NOT;

	if (!(facts.have >> (m - mechs) & 1))
		return WHY_LACKED;
	if (!(m->flags & (MECH_CERT | MECH_FREE)))
		why = unfit_secret(m, c);
	if (why != WHY_NOT)
		return why;
	if (m->flags & MECH_CERT && !c->has_cert)
		return WHY_CERT;
	if (!c->secure && m->flags & MECH_CLEAR)
		return WHY_CLEAR;
	if (!facts.bound && m->flags & MECH_PLUS)
		return WHY_BINDING;
	if (*c->authzid && !(m->flags & MECH_AUTHZID))
		return WHY_AUTHZID;
	return WHY_NOT;
}

/*
 * "auto" takes EXTERNAL only if there is nothing else to log in with: relays
 * may want the certificate for the connection and the password for the user.
 */
static bool is_wanted(struct str name, const struct mech *m,
		      const struct sasl_config *c)
{
	if (!means(name, m) || is_excluded(c->mechs, m))
		return false;
	return !(m->flags & MECH_CERT) || !str_caseeq(name, STR("auto")) ||
	       (c->has_cert && !c->secret.n);
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
				struct str offered, struct mech_facts facts,
				struct error *err)
{
	struct str list = str_of(config->mechs);
	const struct mech *best = NULL;	/* so close, and yet unfit */
	enum why best_why = WHY_NOT;
	struct str name;

	while ((name = str_word(&list, STR_LIST)).n) {
		for (size_t i = 0; i < MECHS; i++) {
			const struct mech *m = &mechs[i];
			enum why why;

			if (!is_wanted(name, m, config) ||
			    !is_offered(offered, m->name))
				continue;
			why = unfit(m, config, facts);
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

unsigned sasl_allows(const char *value)
{
	unsigned allowed = SASL_AUTO;
	struct str list = str_of(value);
	struct str name;

	while ((name = str_word(&list, STR_LIST)).n) {
		if (!is_exclusion(&name) && !str_caseeq(name, STR("auto")))
			allowed = 0;
	}
	for (size_t i = 0; i < MECHS; i++) {
		if (!mechs_any(value, (uint32_t)1 << i, NULL))
			continue;
		if (mechs[i].flags & MECH_CERT)
			allowed |= SASL_CERT;
		else if (mechs[i].flags & MECH_FREE)
			allowed |= SASL_FREE;
		else
			allowed |= SASL_SECRET;
	}
	return allowed;
}
