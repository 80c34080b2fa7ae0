#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/override.h"
#include "relay/relay.h"
#include "util/str.h"

static int listen_add(struct config *conf, const char *text);
static int tls_set(struct config *conf, const char *text);

/* How an option's value is kept: a string, a number, on/off, or by a call. */
enum kind { TEXT, COUNT, FLAG, CALL };

#define AT(field) offsetof(struct config, field)
static const struct {
	const char *name;
	enum kind kind;
	size_t at;
	int (*call)(struct config *conf, const char *text);
} table[] = {
	{ "listen", CALL, 0, listen_add },
	{ "tls", CALL, 0, tls_set },
	{ "certs", TEXT, AT(certs), NULL },
	{ "cert", TEXT, AT(cert), NULL },
	{ "make-certs", TEXT, AT(make_certs), NULL },
	{ "tls-priority", TEXT, AT(priority), NULL },
	{ "ocsp", TEXT, AT(ocsp), NULL },
	{ "client-ca", TEXT, AT(client_ca), NULL },
	{ "require-client-cert", FLAG, AT(require_client), NULL },
	{ "on-resume", TEXT, AT(on_resume), NULL },
	{ "tickets", FLAG, AT(tickets), NULL },
	{ "caps", TEXT, AT(caps), NULL },
	{ "caps-tls", TEXT, AT(caps_tls), NULL },
	{ "auth", TEXT, AT(auth), NULL },
	{ "auth-plaintext", FLAG, AT(auth_plaintext), NULL },
	{ "user", TEXT, AT(user), NULL },
	{ "password", TEXT, AT(password), NULL },
	{ "token", TEXT, AT(token), NULL },
	{ "token-file", TEXT, AT(token_file), NULL },
	{ "realm", TEXT, AT(realm), NULL },
	{ "scram-iterations", TEXT, AT(scram_iter), NULL },
	{ "require-auth", FLAG, AT(require_auth), NULL },
	{ "require-tls", FLAG, AT(require_tls), NULL },
	{ "lmtp", FLAG, AT(lmtp), NULL },
	{ "name", TEXT, AT(name), NULL },
	{ "rcpt-limit", COUNT, AT(rcpt_limit), NULL },
	{ "greeting-delay", COUNT, AT(greeting_delay), NULL },
	{ "delay", CALL, 0, delay_add },
	{ "slow-read", COUNT, AT(slow_read), NULL },
	{ "window", COUNT, AT(window), NULL },
	{ "flush-at", COUNT, AT(flush_at), NULL },
	{ "max-connections", COUNT, AT(max_connections), NULL },
	{ "idle-exit", COUNT, AT(idle_exit), NULL },
	{ "reply", CALL, 0, override_add },
	{ "fault", CALL, 0, fault_add },
	{ "script", TEXT, AT(script), NULL },
	{ "log", TEXT, AT(log), NULL },
	{ "raw", TEXT, AT(raw), NULL },
	{ "store", TEXT, AT(store), NULL },
	{ "digest", FLAG, AT(digest), NULL },
	{ "proxy", TEXT, AT(proxy), NULL },
	{ "proxy-delay", COUNT, AT(proxy_delay), NULL },
};

enum { NOPTIONS = sizeof(table) / sizeof(*table) };

static int tls_word(struct str word, enum tls_mode *mode)
{
	static const char *const words[] = { "none", "starttls", "implicit" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_eq(word, str_of(words[i]))) {
			*mode = (enum tls_mode)i;
			return 0;
		}
	return -1;
}

static int tls_set(struct config *conf, const char *text)
{
	return tls_word(str_of(text), &conf->tls);
}

/* HOST:PORT[/MODE] or unix:/path; without a mode --tls decides, at the end. */
static int listen_add(struct config *conf, const char *text)
{
	struct listener *l = &conf->listeners[conf->nlisteners];
	const char *slash = strncmp(text, "unix:", 5) ? strchr(text, '/') : NULL;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (conf->nlisteners == LISTENERS_MAX || n >= sizeof(l->name))
		return -1;
	memcpy(l->name, text, n);
	l->name[n] = '\0';
	l->fd = -1;
	l->tls = TLS_UNSET;
	if (slash && tls_word(str_of(slash + 1), &l->tls))
		return -1;
	conf->nlisteners++;
	return 0;
}

static int number(const char *text, unsigned *out)
{
	uint64_t n;

	if (!str_u64(str_of(text), UINT32_MAX, &n))
		return -1;
	*out = (unsigned)n;
	return 0;
}

static int option_set(struct config *conf, size_t i, const char *value)
{
	char *field = (char *)conf + table[i].at;
	bool off = value && (!strcmp(value, "off") || !strcmp(value, "no"));

	switch (table[i].kind) {
	case TEXT:
		*(const char **)(void *)field = value;
		return 0;
	case COUNT:
		return number(value, (unsigned *)(void *)field);
	case FLAG:
		*(bool *)field = !off;
		return 0;
	case CALL:
		return table[i].call(conf, value);
	}
	return -1;
}

static void defaults(struct config *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->cert = "good";
	conf->priority = "NORMAL";
	conf->caps = "PIPELINING,8BITMIME,SIZE,DSN,ENHANCEDSTATUSCODES,"
		     "CHUNKING,SMTPUTF8";
	conf->auth = "";
	conf->user = "user";
	conf->password = "password";
	conf->token = "token";
	conf->name = "relay.test";
	conf->tickets = true;
	conf->digest = true;
	conf->idle_exit = 120;
}

int options_parse(struct config *conf, int argc, char **argv)
{
	struct option longs[NOPTIONS + 1] = { { 0 } };
	int i;

	defaults(conf);
	for (i = 0; i < NOPTIONS; i++)
		longs[i] = (struct option){ table[i].name,
			table[i].kind == FLAG ? optional_argument :
						required_argument, NULL, i };
	while ((i = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (i >= NOPTIONS)
			return -1;
		if (option_set(conf, (size_t)i, optarg)) {
			fprintf(stderr, "relay: --%s: cannot use '%s'\n",
				table[i].name, optarg ? optarg : "");
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "relay: unexpected '%s'\n", argv[optind]);
		return -1;
	}
	for (size_t k = 0; k < conf->nlisteners; k++)
		if (conf->listeners[k].tls == TLS_UNSET)
			conf->listeners[k].tls = conf->tls;
	return 0;
}

void options_release(struct config *conf)
{
	for (size_t i = 0; i < conf->noverrides; i++)
		override_release(&conf->overrides[i]);
	for (size_t i = 0; i < conf->nfaults; i++)
		override_release(&conf->faults[i]);
}
