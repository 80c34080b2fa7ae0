/*
 * TLS by GnuTLS (RFC 8446, RFC 8314).  Nothing outside of net/ calls its TLS or
 * X.509; its hashes alone serve sasl/, conf/ and oauth2/ too.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

struct identity;

struct tls_config {		/* strings are borrowed until tls_free() */
	const char *host;	/* name (ASCII) or address to verify */
	const char *trust;	/* "system" (or ""), "tofu", or a PEM file of CAs */
	const char *priority;	/* GnuTLS priority string, "" for ours */
	/* tofu: file of known relays, and whom to ask about a new one (may be
	   NULL: then an unknown relay is refused). */
	const char *known_file;
	const char *known_as;	/* key in that file: "host:port" or such */
	bool (*ask)(void *ctx, const char *known_as, const char *fingerprint);
	void *ask_ctx;
	bool verify;		/* false: --serverinfo looks at what is there */
	/* A second name that will do: the domain whose SRV record led here
	   (RFC 6186 s6); "" for none. */
	const char *domain;	/* if host is "", it is the only one */
	const char *pins, *fingerprints;	/* lists as in the settings, or "" */
	bool only_pins;		/* they are all there is: ask no authority */
	const char *crl;	/* file of revocation lists, or "" */
	const char *cert, *key;	/* where ours is from, as in the settings */
	struct identity *identity;	/* ours: net/identity.h; or NULL */
	/*
	 * net/ticket.h: where sessions are kept for later processes, "" for
	 * nowhere; whose they are, beside what is said above; and whether to
	 * begin anew, whatever is kept.
	 */
	const char *ticket_dir, *ticket_for;
	bool ticket_fresh;
	unsigned dane;		/* enum dane_mode of net/dane.h */
	struct dane *tlsa;	/* the lookup of its records; or NULL */
	int64_t tlsa_until;	/* clock_ms() instant for that */
};

struct tls_cert {		/* all owned by the tls_info */
	char *subject, *issuer, *names;	/* names: DNS/IP alternatives, ", " */
	char *fingerprint;		/* "sha256:" hex of the certificate */
	char *pin;			/* "sha256:" base64 of its SPKI */
	int64_t from, until;		/* seconds since 1970 */
};

struct tls_info {
	bool resumed;			/* then the certificate below was shown
					   when the session began */
	const char *version;		/* "TLS1.3" */
	char *cipher;			/* suite description; owned */
	struct tls_cert cert;
	char *trouble;			/* why it would not verify, or ""; owned */
	struct buf exporter;		/* channel bindings, raw; empty if none: */
	struct buf unique;		/*   tls-exporter RFC 9266, tls-unique */
};

/* The engine under a stream: bytes in, bytes out, no socket. */
struct tls;

enum { TLS_AGAIN = -2 };

/* NULL with ERROR_CONFIG (priority string, host) or ERROR_OS. */
struct tls *tls_new(const struct tls_config *config, struct error *err);
void tls_free(struct tls *t);

/* Ciphertext from the peer goes in here; what must go to it is in tls_out. */
void tls_feed(struct tls *t, struct str bytes);		/* empty: EOF */
struct buf *tls_out(struct tls *t);

/*
 * 1 done, 0 more input is needed, -1 failed with *err (ERROR_CERT, ERROR_TLS,
 * ERROR_NET at the end of input); then tls_out may hold an alert to send.
 */
int tls_handshake(struct tls *t, struct error *err);
/*
 * What can be done while the network is awaited: load the trust store.  Not
 * when a session is to be resumed, which takes none: it is loaded by itself
 * should the relay decline.
 */
int tls_prepare(struct tls *t, struct error *err);
int tls_load_trust(struct tls *t, struct error *err);

/*
 * The relay has proved to be of use: keep the session for a later process, if
 * the relay has sent what that takes.  Costs nothing when called again.
 */
void tls_keep(struct tls *t);
/*
 * Did it end while a session of an earlier process was offered, before the
 * relay said anything?  Then that may be why, and it is not kept any longer.
 */
bool tls_soured(const struct tls *t);

/* Is `trust`, if it names a file, one of authorities?  As tls_load_trust(). */
int tls_check_trust(const char *trust, struct error *err);

int tls_write(struct tls *t, struct str bytes, struct error *err);
/* Octets, 0 at the end (with or without close_notify), TLS_AGAIN, or -1. */
ptrdiff_t tls_read(struct tls *t, void *to, size_t n, struct error *err);
bool tls_pending(const struct tls *t);	/* tls_read may not say AGAIN */
void tls_bye(struct tls *t);		/* close_notify into tls_out */

const struct tls_info *tls_info(const struct tls *t);

#endif
