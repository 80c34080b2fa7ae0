/*
 * struct tls, which net/tls.c (the engine) and net/trust.c (whom it believes)
 * share with net/resume.c (sessions of other processes), and nobody else.
 */
#ifndef NET_ENGINE_H
#define NET_ENGINE_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/cert.h"
#include "net/identity.h"
#include "net/revoke.h"
#include "net/ticket.h"
#include "net/tls.h"
#include "util/buf.h"
#include "util/error.h"

enum { ENGINE_HEAD = 64 };		/* octets kept of what came first */

struct tls {
	struct tls_config config;
	struct cert_host host;
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	struct buf in;			/* ciphertext, from `taken` on */
	size_t taken;
	uint64_t pulled;		/* octets taken, all in all */
	struct buf out;
	char head[ENGINE_HEAD];		/* the very first octets of the peer */
	size_t head_len;
	bool eof;
	bool end_seen;			/* GnuTLS has been told of it */
	bool ended;			/* tls_read has said so */
	bool up;
	bool judged;			/* the certificate was looked at */
	unsigned rehandshakes;		/* that the relay asked for */
	bool asked;			/* for a certificate of ours */
	struct crls *crls;		/* those of config.crl, or NULL */
	bool trust_loaded;
	struct error no_trust;		/* why not, if that does not matter */
	struct error verdict;
	struct tls_info info;
	char ticket_name[TICKET_NAME];	/* "": sessions are not kept */
	struct ticket ticket;		/* of an earlier process */
	bool offered;			/* it was offered to the relay */
	bool stored;			/* ours was kept */
	bool heard;			/* the relay has said something */
};

/* Make t->config whole: no text is NULL, and t->host is who to expect. */
void trust_configure(struct tls *t);

/*
 * GnuTLS calls this once the relay has shown its certificate and proved to
 * have its key, before anything it says is believed.  Not 0: the handshake
 * ends, and t->verdict says why.
 */
int trust_certificate(gnutls_session_t session);

/* Are sessions to be kept and resumed? */
bool resume_wanted(const struct tls *t);
/*
 * Before the handshake: offer the session that is kept for this relay, if there
 * is one.  -1 when GnuTLS could not read it, and t->session is spoiled by that.
 */
int resume_offer(struct tls *t);
/* After it: was it taken?  Then t->info has the certificate shown then. */
bool resume_took(struct tls *t);
/* The last thing: forget a session that led to nothing. */
void resume_end(struct tls *t);

/* What TLSA records say of the certificate; net/dane.c. */
enum dane_word {
	DANE_SILENT,			/* there are none: as without DANE */
	DANE_TRUSTED,			/* it is right, whoever issued it */
	DANE_AGREES,			/* it is, if the authorities agree */
	DANE_REFUSED			/* *err says why */
};
enum dane_word dane_judge(struct tls *t, struct error *err);

/* Answer a relay that asks for our certificate; net/identity.c. */
void identity_offer(struct tls *t);

#endif
