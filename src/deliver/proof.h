/*
 * What an account's settings say of TLS, as net/tls wants it: whom to trust,
 * and our own certificate, which is loaded before anybody is connected to.
 */
#ifndef DELIVER_PROOF_H
#define DELIVER_PROOF_H

#include "deliver/attempt.h"
#include "net/tls.h"
#include "util/error.h"

/* Load a->identity for a->account, unless it has been, or there is none. */
int proof_load(struct attempt *a, struct error *err);

/* Fill in whom to trust and what to show; relay's texts are borrowed. */
void proof_configure(const struct attempt *a, const struct relay *relay,
		     struct tls_config *config);

/*
 * For --check-config: are the files there, are they what they should be, and
 * do certificate and key belong together, as far as that can be told without
 * a password or token?  As account_check() otherwise.
 */
int proof_check(const struct account *a, struct error *err);

#endif
