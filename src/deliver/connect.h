/*
 * The parts of an attempt up to a relay that is ready: from the account's
 * settings to a connection, TLS, and a login.  For deliver/attempt alone.
 */
#ifndef DELIVER_CONNECT_H
#define DELIVER_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/attempt.h"
#include "util/error.h"

/* A deadline for a wait: the earlier of its own and that of everything. */
int64_t connect_until(const struct attempt *a, unsigned seconds);

/* Fill a->config from the account at hand, but for what is the relay's own. */
void connect_configure(struct attempt *a);

/*
 * Everything up to a connected stream with the next relay of the account at
 * hand; the secret is on its way meanwhile.
 */
int connect_relay(struct attempt *a, struct error *err);

/* What WANT_TLS and WANT_AUTH want; trouble goes to the session. */
void connect_tls(struct attempt *a);
void connect_login(struct attempt *a);

/*
 * Has the relay refused an OAuth 2 token that was kept, and good by our clock?
 * Then it is to be renewed, and the login tried once more over a connection of
 * its own.  True once only for an account.
 */
bool connect_renew(struct attempt *a);

#endif
