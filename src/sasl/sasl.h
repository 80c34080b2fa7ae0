/*
 * SASL client mechanisms (RFC 4422) behind the session's struct auth:
 * libgsasl's, and XOAUTH2, OAUTHBEARER (RFC 7628) and GSSAPI (sasl/kerberos.h),
 * which are ours.
 */
#ifndef SASL_SASL_H
#define SASL_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/auth.h"
#include "util/error.h"
#include "util/str.h"

struct sasl_config {
	const char *mechs;	/* "auto", "scram" (the family), or names with
				   blanks or commas between, the first that can
				   be used is; "-NAME" takes one out */
	const char *user;	/* UTF-8; "" if no mechanism needs one */
	const char *authzid;	/* "" for none */
	const char *host;	/* of the relay, for the mechanisms that name it */
	unsigned port;
	struct str secret;	/* password or token; borrowed for life; empty:
				   there is none */
	bool is_token;		/* secret is an OAuth 2 token */
	bool has_cert;		/* the connection proves who we are: a client
				   certificate, or a socket of this host */
	bool secure;		/* the connection is encrypted and verified, or
				   never leaves this host (unix socket) */
	struct str exporter;	/* tls-exporter binding, raw; empty: none */
	struct str unique;	/* tls-unique binding, raw; empty: none */
	int64_t deadline;	/* ms, CLOCK_MONOTONIC: GSSAPI asks a KDC */
};

struct sasl;

/*
 * config and everything it points to must outlive it.  NULL with ERROR_CONFIG
 * (mechanisms, user or secret that cannot work) or ERROR_OS.
 */
struct sasl *sasl_new(const struct sasl_config *config, struct error *err);
void sasl_free(struct sasl *s);			/* wipes; NULL is fine */
const struct auth *sasl_auth(struct sasl *s);	/* lives as long as s */

/*
 * What an OAuth relay gave as "status" when it refused the token ("401",
 * "invalid_token"; safe to print), or "".  Lives as long as s.
 */
const char *sasl_status(const struct sasl *s);

/*
 * Would mechs (a config value) name only mechanisms we know, and one at least
 * that the libraries have?  "none" by itself passes.  ERROR_CONFIG.
 */
int sasl_check_mechs(const char *mechs, struct error *err);

/* What a config value allows that passed sasl_check_mechs(). */
enum {
	SASL_AUTO = 1u << 0,	/* it leaves the choice to us: no name but
				   "auto" and exclusions */
	SASL_SECRET = 1u << 1,	/* mechanisms with a password or token */
	SASL_CERT = 1u << 2,	/* EXTERNAL */
	SASL_FREE = 1u << 3	/* GSSAPI and ANONYMOUS, which need nothing */
};
unsigned sasl_allows(const char *mechs);

#endif
