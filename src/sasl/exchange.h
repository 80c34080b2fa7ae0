/*
 * An exchange in hand: what sasl.c and its callback for libgsasl share.
 */
#ifndef SASL_EXCHANGE_H
#define SASL_EXCHANGE_H

#include <gsasl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sasl/kerberos.h"
#include "sasl/mechs.h"
#include "sasl/sasl.h"
#include "util/buf.h"
#include "util/str.h"

/*
 * tls-exporter came with libgsasl 2.0.  An older one never asks for it, so
 * its number is all we need to build with either.
 */
enum { GSASL_EXPORTER = 25 };

struct sasl {
	const struct sasl_config *config;
	struct auth auth;
	const struct mech *mech;	/* NULL before start */
	Gsasl *lib;
	uint32_t have;			/* mechanisms, by place in the table */
	Gsasl_session *session;		/* NULL with those that are ours */
	struct kerberos *kerberos;	/* NULL with all but GSSAPI */
	struct buf login;		/* the user as NTLM spells it */
	struct str binding;		/* what libgsasl may know of the two */
	Gsasl_property binding_kind;
	struct buf nonce;		/* ours, SCRAM */
	struct buf sent;		/* lines that mask() looks for */
	struct buf status;		/* a refusal's "status", OAuth */
	unsigned steps;			/* challenges answered */
	bool done;			/* the mechanism wants nothing more */
};

bool exchange_is(const struct sasl *s, const char *mech);

/* libgsasl's callback: what it asks for, by the hook, which is the exchange. */
int exchange_provide(Gsasl *lib, Gsasl_session *session, Gsasl_property prop);

void exchange_close(struct sasl *s);	/* the session; wipes its secrets */

/* Wipe n octets of libgsasl's at p, and give them back; NULL is fine. */
void exchange_free(char *p, size_t n);

#endif
