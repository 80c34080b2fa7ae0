/*
 * The test relay: an SMTP and LMTP server that records everything its client
 * does and misbehaves on request.  See README for its options.
 */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/str.h"

enum tls_mode { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT, TLS_UNSET };

/* What the relay does in place of, or besides, its reply. */
enum act {
	ACT_REPLY,		/* only the reply */
	ACT_CLOSE,		/* close, at once */
	ACT_CLOSE_AFTER,	/* reply, then end of file */
	ACT_RESET,		/* RST */
	ACT_SILENCE,		/* never a word again */
	ACT_STOP,		/* read no more */
	ACT_GARBAGE,		/* bytes that are not TLS */
	ACT_BYTES,		/* the reply, one byte a segment */
	ACT_REPEAT		/* the text, `times` times; 0 is for ever */
};

/* One --reply (or --fault, whose `at` is the octet of content it waits for). */
struct override {
	char verb[12];		/* upper case */
	unsigned nth;		/* only the nth of this verb; 0 any */
	bool onward;		/* the nth and all later ones */
	unsigned conn;		/* only on this connection; 0 any */
	char *glob;		/* fnmatch(3) on the argument; NULL any */
	enum act act;
	uint64_t times;
	uint64_t at;
	struct str text;	/* with its line ends; owned */
};

struct delay {
	char verb[12];
	unsigned ms;
};

struct listener {
	int fd;
	enum tls_mode tls;
	char name[160];
};

enum { LISTENERS_MAX = 16, OVERRIDES_MAX = 256, DELAYS_MAX = 32 };

struct config {
	struct listener listeners[LISTENERS_MAX];
	size_t nlisteners;
	struct override overrides[OVERRIDES_MAX];
	size_t noverrides;
	struct override faults[OVERRIDES_MAX];
	size_t nfaults;
	struct delay delays[DELAYS_MAX];
	size_t ndelays;
	enum tls_mode tls;
	const char *on_resume;
	const char *certs, *cert, *priority, *make_certs, *ocsp, *client_ca;
	const char *caps, *caps_tls;
	const char *auth, *user, *password, *token, *token_file, *scram_iter, *realm;
	const char *log, *raw, *store, *script, *proxy, *name;
	bool require_auth, require_tls, require_client, lmtp, tickets, digest, auth_plaintext;
	unsigned rcpt_limit, greeting_delay, slow_read, window, flush_at;
	unsigned max_connections, idle_exit, proxy_delay;
};

struct relay {
	struct config conf;
	gnutls_certificate_credentials_t creds;
	gnutls_datum_t ticket_key;
	pthread_mutex_t log_lock;
	int log_fd;
	int64_t started;		/* microseconds, monotonic */
	atomic_llong activity;		/* the same clock: last sign of life */
	atomic_uint open;		/* connections not yet ended */
	atomic_uint messages;		/* numbers given to messages */
};

int64_t now_us(void);			/* CLOCK_MONOTONIC, microseconds */
void pause_ms(unsigned ms);

/* options.c.  0, or -1 after saying on stderr what is wrong. */
int options_parse(struct config *conf, int argc, char **argv);
void options_release(struct config *conf);

/* listen.c: open every listener and print its name on stdout. */
int listen_all(struct config *conf);

/* certs.c: make the test certificates; 0 or -1 after saying why. */
int certs_make(const char *dir);

/* proxy.c: forward LISTENPORT to TARGETPORT with a delay; an exit status. */
int proxy_run(const char *ports, unsigned delay_ms, unsigned idle_seconds);

#endif
