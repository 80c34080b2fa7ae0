/*
 * Which relays an attempt may try, and in what order: the account's own, or
 * those that the SRV records of its domain name; then those of the accounts
 * that it falls back on.
 */
#ifndef DELIVER_RELAY_H
#define DELIVER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/account.h"
#include "mail/envelope.h"
#include "util/error.h"

/* One server to connect to; its texts are owned by struct relays. */
struct relay {
	const char *host;	/* name in ASCII, address, or /path */
	unsigned port;		/* means nothing for a path */
	enum account_tls tls;
	const char *name;	/* for reports: "smtp.example.org:465" */
	/*
	 * For trust on first use: the same; "DOMAIN/NAME" for a host elsewhere,
	 * so that DNS cannot lead to what is known as another account's relay.
	 */
	const char *known_as;
	/*
	 * The domain, in ASCII, whose SRV record led here; else "".  What DNS
	 * answers is not to be trusted, so a host outside the domain has to
	 * show the domain's certificate.
	 */
	const char *domain;
	unsigned priority, weight;	/* of that record */
	bool foreign;		/* host is neither the domain nor below it */
};

struct relays {
	const struct account *account;	/* whose relays are at hand */

	/* Private from here on. */
	struct account *const *further;	/* borrowed, NULL ends them */
	struct relay *list;
	size_t n, at;
};

/* further: the accounts to fall back on, NULL ends them; NULL: none. */
void relays_init(struct relays *r, const struct account *first,
		 struct account *const *further);
void relays_release(struct relays *r);

/*
 * Learn the relays of the account at hand, unless they are known.  SRV records
 * are looked up, which waits no longer than the deadline.  0, or -1: as
 * idn_domain() and srv_find() fail.
 */
int relays_find(struct relays *r, int64_t deadline, struct error *err);

/* All relays of the account at hand, in their order; NULL past the last. */
const struct relay *relays_nth(const struct relays *r, size_t i);

/* The relay at hand, valid until the next of these calls; NULL: not found. */
const struct relay *relays_at(const struct relays *r);

/*
 * With the relay at hand v went wrong.  Go on to the next one of the same
 * account, which is right only if nothing but connecting or the greeting
 * failed: nobody hunts through hosts with a password.  False if there is none.
 */
bool relays_another(struct relays *r, const struct verdict *v);

/* Go on to the relays of the next account; false if there is none. */
bool relays_fall_back(struct relays *r);

/*
 * May env, all of whose recipients have their verdict, go to another relay?
 * Only if nobody can have got the message from this one: each of those it did
 * not refuse for good was put off in so many words at MAIL or RCPT, or else no
 * octet of the message was on its way.
 */
bool relays_may_retry(const struct envelope *env);

#endif
