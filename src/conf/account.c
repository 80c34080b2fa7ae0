#include "conf/account.h"

#include <stdlib.h>
#include <string.h>

#include "conf/option.h"
#include "sasl/sasl.h"

void account_init(struct account *a)
{
	*a = (struct account){ 0 };
	option_defaults(a, 0);
}

void account_release(struct account *a)
{
	free(a->further);
	a->further = NULL;
	option_release(a, 0);
}

void general_init(struct general *g)
{
	*g = (struct general){ 0 };
	option_defaults(g, OPTION_GENERAL);
}

void general_release(struct general *g)
{
	option_release(g, OPTION_GENERAL);
}

void queue_settings_init(struct queue_settings *q)
{
	*q = (struct queue_settings){ 0 };
	option_defaults(q, OPTION_QUEUE);
}

void queue_settings_release(struct queue_settings *q)
{
	option_release(q, OPTION_QUEUE);
}

bool account_is_local(const struct account *a)
{
	return a->host[0] == '/';
}

static const struct str srv = { "srv:", 4 };

bool account_is_srv(const struct account *a)
{
	return str_casestarts(str_of(a->host), srv);
}

const char *account_host(const struct account *a)
{
	return a->host + (account_is_srv(a) ? srv.n : 0);
}

enum account_tls account_tls(const struct account *a)
{
	/* What never leaves this host needs no TLS, and the usual default
	 * would make every client of a local service say so. */
	if (account_is_local(a) &&
	    !option_given(option_find(STR("tls")), a))
		return ACCOUNT_TLS_NONE;
	return (enum account_tls)a->tls;
}

bool account_only_pins(const struct account *a)
{
	return (*a->tls_pin || *a->tls_fingerprint) && !*a->tls_crl &&
	       !option_given(option_find(STR("tls_trust")), a);
}

enum account_queue account_queue(const struct account *a, bool sendmail)
{
	if (a->queue == QUEUE_DEFAULT)
		return sendmail ? QUEUE_TEMPFAIL : QUEUE_NEVER;
	return (enum account_queue)a->queue;
}

/* Of each group one at most: where a secret comes from. */
static const char *const login_sources[] = {
	"password", "password_file", "password_command", "token_command",
	"oauth2", "netrc", NULL
};
static const char *const key_sources[] = {
	"tls_key_password", "tls_key_password_file",
	"tls_key_password_command", NULL
};

static const char *source(const struct account *a, const char *key)
{
	size_t at = option_find(str_of(key))->at;

	return *(char *const *)((const char *)a + at);
}

static unsigned count_sources(const struct account *a, const char *const *key)
{
	unsigned n = 0;

	for (; *key; key++)
		n += *source(a, *key) != '\0';
	return n;
}

bool account_offers_cert(const struct account *a)
{
	unsigned allowed = sasl_allows(a->auth);

	return *a->tls_cert && !count_sources(a, login_sources) &&
	       allowed & SASL_AUTO && allowed & SASL_CERT;
}

bool account_wants_auth(const struct account *a)
{
	if (!strcmp(a->auth, "none"))
		return false;
	if (!(sasl_allows(a->auth) & SASL_AUTO))
		return true;
	return *a->user || *a->token_command || *a->oauth2 || *a->netrc ||
	       account_offers_cert(a);
}

bool account_needs_secret(const struct account *a)
{
	return account_wants_auth(a) && sasl_allows(a->auth) & SASL_SECRET &&
	       !account_offers_cert(a);
}

unsigned account_port(const struct account *a)
{
	if (a->port)
		return a->port;
	if (a->protocol == PROTOCOL_LMTP)
		return 24;
	switch (account_tls(a)) {
	case ACCOUNT_TLS_IMPLICIT:
		return 465;		/* RFC 8314 s3.3 */
	case ACCOUNT_TLS_STARTTLS:
		return 587;		/* RFC 6409 s3.1 */
	case ACCOUNT_TLS_NONE:
		break;
	}
	return 25;
}

bool account_glob(struct str glob, struct str text)
{
	size_t g = 0, t = 0;
	size_t star = SIZE_MAX, retry = 0;

	/* Greedy with one point of return: linear enough, no recursion. */
	while (t < text.n) {
		if (g < glob.n && glob.p[g] == '*') {
			star = g++;
			retry = t;
		} else if (g < glob.n &&
			   (glob.p[g] == '?' || ascii_lower(glob.p[g]) ==
						ascii_lower(text.p[t]))) {
			g++;
			t++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			t = ++retry;
		} else {
			return false;
		}
	}
	while (g < glob.n && glob.p[g] == '*')
		g++;
	return g == glob.n;
}

bool account_matches(const struct account *a, const char *addr)
{
	struct str rest = str_of(a->from);

	while (rest.n) {
		struct str glob = str_trim(str_cut(&rest, ','));

		if (glob.n && account_glob(glob, str_of(addr)))
			return true;
	}
	return false;
}

struct str account_sender(const struct account *a)
{
	struct str rest = str_of(a->from);

	while (rest.n) {
		struct str glob = str_trim(str_cut(&rest, ','));

		if (glob.n && !memchr(glob.p, '*', glob.n) &&
		    !memchr(glob.p, '?', glob.n))
			return glob;
	}
	return STR("");
}

static int fails(const struct account *a, struct error *err, const char *why)
{
	if (*a->name)
		return error_set(err, ERROR_CONFIG, "account '%s': %s",
				 a->name, why);
	return error_set(err, ERROR_CONFIG, "%s", why);
}

static bool has_key(const char *const *group, const char *key)
{
	while (*group && strcmp(*group, key) != 0)
		group++;
	return *group;
}

void account_one_source(struct account *a, const char *key)
{
	const char *const *group = has_key(login_sources, key) ?
		login_sources : key_sources;
	struct error never;

	if (!has_key(group, key))
		return;
	for (; *group; group++)
		if (strcmp(*group, key) != 0 && *source(a, *group))
			option_set(option_find(str_of(*group)), a, STR(""),
				   &never);
}

static int check_secrets(const struct account *a, struct error *err)
{
	unsigned sources = count_sources(a, login_sources);

	if (sources > 1)
		return fails(a, err, "more than one of password, password_file,"
			     " password_command, token_command, oauth2 and"
			     " netrc is set: keep one");
	if (count_sources(a, key_sources) > 1)
		return fails(a, err, "more than one of tls_key_password, "
			     "tls_key_password_file and "
			     "tls_key_password_command is set: keep one");
	if (strcmp(a->auth, "none") && !*a->user && !*a->netrc && sources)
		return fails(a, err, "there is a password or token but no "
			     "'user' to go with it");
	return 0;
}

/* EXTERNAL is all that may be used, and there is nothing to show. */
static int check_external(const struct account *a, struct error *err)
{
	unsigned allowed = sasl_allows(a->auth);

	if (allowed & (SASL_SECRET | SASL_FREE) || !(allowed & SASL_CERT) ||
	    *a->tls_cert || account_is_local(a))
		return 0;
	return fails(a, err, "auth = EXTERNAL needs a client certificate: set "
		     "'tls_cert' and 'tls_key'");
}

/* What would be without effect is taken for protection. */
static int check_trust(const struct account *a, struct error *err)
{
	bool none = account_tls(a) == ACCOUNT_TLS_NONE;

	if (*a->tls_key && !*a->tls_cert)
		return fails(a, err, "'tls_key' without 'tls_cert': set the "
			     "certificate that goes with the key");
	if (none && *a->tls_cert)
		return fails(a, err, "'tls_cert' is shown in TLS only, and "
			     "there is none: set tls");
	if (none && (*a->tls_pin || *a->tls_fingerprint || *a->tls_crl))
		return fails(a, err, "'tls_pin', 'tls_fingerprint' and "
			     "'tls_crl' need TLS, and there is none: set tls");
	if (*a->tls_crl && !strcmp(a->tls_trust, "tofu"))
		return fails(a, err, "'tls_crl' with tls_trust = tofu: "
			     "without authorities nobody's list counts");
	return 0;
}

/* The records name the port, and hosts that speak SMTP. */
static int check_srv(const struct account *a, struct error *err)
{
	if (!account_is_srv(a))
		return 0;
	if (a->port)
		return fails(a, err, "'port' does not go with host = srv:, "
			     "for the SRV records name the port");
	if (*a->proxy)
		return fails(a, err, "'proxy' does not go with host = srv:, "
			     "for SRV records are not looked up through it: "
			     "set host to the relay's name");
	if (a->protocol == PROTOCOL_LMTP)
		return fails(a, err, "protocol = lmtp does not go with host = "
			     "srv:, for no SRV record is about LMTP");
	return 0;
}

int account_check(const struct account *a, struct error *err)
{
	if (!*a->host)
		return fails(a, err, "no 'host' is set: name the relay to "
			     "send through");
	if (check_secrets(a, err) || check_trust(a, err) ||
	    check_external(a, err) || check_srv(a, err))
		return -1;
	if (account_is_local(a) && *a->proxy)
		return fails(a, err, "'proxy' is set, but the host is a socket"
			     " of this machine: remove one of them");
	/* RFC 2033 s5: port 25 is SMTP's. */
	if (!account_is_local(a) && a->protocol == PROTOCOL_LMTP &&
	    account_port(a) == 25)
		return fails(a, err, "protocol = lmtp must not be used on "
			     "port 25");
	if (account_wants_auth(a) && !account_is_local(a) &&
	    account_tls(a) == ACCOUNT_TLS_NONE)
		return fails(a, err, "'auth' with tls = none would show the "
			     "password to the network: use tls = implicit or "
			     "starttls, or auth = none");
	return 0;
}
