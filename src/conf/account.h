/*
 * struct account: one relay's settings; struct general: the program's; struct
 * queue_settings: those of the section [queue].  The option table
 * (conf/option.c) fills them; every field has its row there.
 * All text is owned by the struct and is "" when absent, never NULL.
 */
#ifndef CONF_ACCOUNT_H
#define CONF_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/str.h"

enum { GIVEN_WORDS = 2 };	/* 64 rows of the option table each */

enum account_protocol { PROTOCOL_SMTP, PROTOCOL_LMTP };
enum account_tls { ACCOUNT_TLS_IMPLICIT, ACCOUNT_TLS_STARTTLS, ACCOUNT_TLS_NONE };
enum account_dane { DANE_OFF, DANE_ON, DANE_REQUIRE };
enum account_queue { QUEUE_DEFAULT, QUEUE_NEVER, QUEUE_TEMPFAIL, QUEUE_ALWAYS };
enum account_unknown { UNKNOWN_RETRY, UNKNOWN_HOLD };
enum account_log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct oauth2_profile;		/* conf/profile.h */

struct account {
	char *name;		/* of its section; "" when made by options only */
	char *host;		/* name, address, or /path of a socket */
	unsigned port;		/* 0: from protocol and tls */
	unsigned protocol;	/* enum account_protocol */
	unsigned tls;		/* enum account_tls */
	char *tls_trust;	/* "system", "tofu", or a PEM file */
	char *tls_name;		/* name to verify; "" is host */
	char *tls_priority;	/* GnuTLS priority string; "" is ours */
	char *tls_pin;		/* keys the relay may have: conf/check.h */
	char *tls_fingerprint;	/* certificates the relay may have */
	char *tls_crl;		/* PEM file of revocation lists */
	char *tls_cert, *tls_key;	/* ours: PEM files or pkcs11: URIs */
	char *tls_key_password;	/* as password: for the key, or the token's PIN */
	char *tls_key_password_file, *tls_key_password_command;
	bool tls_resume;	/* keep session tickets for the next process */
	unsigned tls_dane;	/* enum account_dane */
	char *auth;		/* "auto", "none", or mechanism names */
	char *user, *authzid;
	char *password;		/* from a private file only; wiped on release */
	char *password_file, *password_command, *token_command, *netrc;
	char *oauth2;		/* name of a profile, section [oauth2 NAME] */
	struct oauth2_profile *profile;	/* that; borrowed, by config_bind() */
	char *from;		/* address globs, commas between; first is default */
	char *from_name;
	char *helo;
	char *ignore_extensions;	/* EHLO keywords to overlook */
	char *source;		/* local address to connect from */
	char *proxy;		/* socks5:// or http:// URL; may hold a password */
	char *fallback;		/* accounts to try when this one's relay is down */
	struct account **further;	/* those, NULL ends them; by config_bind() */
	char *dsn_notify, *dsn_return;
	unsigned timeout_connect, timeout_tls, timeout_command;	/* seconds */
	unsigned timeout_data, timeout_end, deadline;		/* 0: no deadline */
	unsigned queue;		/* enum account_queue; ask account_queue() */
	unsigned unknown;	/* enum account_unknown: queued, outcome unknown */
	bool flush_on_send;	/* due mail goes on a direct send's connection */
	unsigned max_messages;	/* of a connection, 0: no limit */
	unsigned rate;		/* messages a minute, 0: no limit */
	bool strict;		/* refuse NUL and bare CR instead of repairing */
	bool all_or_nothing;
	unsigned long long max_message_size;	/* octets, 0: no limit */
	unsigned max_attachments;		/* files, 0: no limit */
	unsigned long long max_attachment_size;	/* octets of each, 0: no limit */
	char *log;		/* "syslog", "none", or a file */
	unsigned log_format;	/* enum account_log_format */
	uint64_t given[GIVEN_WORDS];	/* private: which rows were set, by option.c */
};

struct general {
	char *default_account;
	char *mailname;		/* domain for unqualified addresses */
	bool ignore_dots;	/* a lone dot never ends a message */
	char *local_domains;	/* blanks or commas between; more than mailname */
	char *aliases;		/* a file as aliases(5); "" is none */
	bool aliases_unsafe;	/* root's file may include lists */
	uint64_t given[GIVEN_WORDS];	/* private: as in struct account */
};

enum { QUEUE_WAITS = 16 };	/* waits that `retry` may list */

struct queue_settings {		/* times in seconds */
	char *spool;		/* directory; "" is store_default()'s */
	char *retry;		/* 1 to QUEUE_WAITS durations: duration_list() */
	unsigned retry_max;	/* after these the wait doubles up to this */
	unsigned jitter;	/* per cent, up to 50 */
	unsigned lifetime;
	unsigned delay_notice;	/* 0: never */
	unsigned unknown_wait;	/* at least, after an unknown outcome */
	unsigned bounces_per_sender, bounces_per_hour;	/* an hour; 0: none */
	unsigned long long bounce_return;	/* octets returned whole */
	uint64_t given[GIVEN_WORDS];	/* private: as in struct account */
};

void account_init(struct account *a);		/* every default set */
void account_release(struct account *a);
void general_init(struct general *g);
void general_release(struct general *g);
void queue_settings_init(struct queue_settings *q);
void queue_settings_release(struct queue_settings *q);

/* Is the relay a socket of this host (its name is a path)? */
bool account_is_local(const struct account *a);

/* Does the host stand for what the SRV records of its domain name? */
bool account_is_srv(const struct account *a);

/*
 * The host without "srv:": what netrc files and keyrings know the relay by,
 * whichever server that is today.
 */
const char *account_host(const struct account *a);

/* TLS in force: as set; for a socket of this host none unless it was set. */
enum account_tls account_tls(const struct account *a);

/*
 * Are tls_pin and tls_fingerprint all there is to trust the relay by?  Yes if
 * one is set, and neither tls_trust nor tls_crl.
 */
bool account_only_pins(const struct account *a);

/* When to queue: as set, else tempfail as sendmail and never as posthaste. */
enum account_queue account_queue(const struct account *a, bool sendmail);

/*
 * Are we to authenticate?  Yes if mechanisms are named, or auth is auto and
 * there is a user, a token or a client certificate.
 */
bool account_wants_auth(const struct account *a);

/*
 * Is the client certificate all there is, and auth auto?  Then a relay that
 * offers EXTERNAL gets that; others may take the certificate as it is.
 */
bool account_offers_cert(const struct account *a);

/*
 * Does that take a password or token?  Not if every mechanism that is named
 * has its proof from elsewhere: EXTERNAL, GSSAPI, ANONYMOUS.
 */
bool account_needs_secret(const struct account *a);

/*
 * key, a setting of a's from the command line, says where a secret comes from:
 * then nothing else that the file has for it counts.
 */
void account_one_source(struct account *a, const char *key);

/* TCP port in force: port, else 465, 587 (starttls), 25 (none), 24 (LMTP). */
unsigned account_port(const struct account *a);

/* Does one of a's from globs match addr (case-insensitively)? */
bool account_matches(const struct account *a, const char *addr);

/* The first of `from` that is an address and not a glob; empty if none is. */
struct str account_sender(const struct account *a);

/* Does text match the glob: `*` any run, `?` one octet, ASCII case ignored? */
bool account_glob(struct str glob, struct str text);

/*
 * Do the settings fit together?  To be asked before sending, after the last
 * option was applied.  ERROR_CONFIG that names the account.
 */
int account_check(const struct account *a, struct error *err);

#endif
