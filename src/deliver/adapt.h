/*
 * A message and its envelope made to fit what the relay offers: addresses
 * without SMTPUTF8 get A-label domains (RFC 5891), content that the relay
 * could not carry is re-encoded without loss.  The originals stay as they
 * are, for another relay.
 */
#ifndef DELIVER_ADAPT_H
#define DELIVER_ADAPT_H

#include "mail/envelope.h"
#include "mail/message.h"
#include "smtp/ehlo.h"
#include "sys/intake.h"
#include "util/error.h"

struct adapted {
	struct message message;		/* what goes out */

	/* Private from here on: what adapt_release() puts back. */
	struct intake recoded;
	const char *from;
	char *ascii_from;
	struct swap *swap;
	size_t n_swap;
};

/*
 * Fit env and m to ehlo.  A recipient that cannot be expressed is settled as
 * FAILED and does not stop the others.  Changes addresses, size, body kind and
 * the SMTPUTF8 flag of env; adapt_release() restores the addresses, and is due
 * after -1 too.  -1: ERROR_DATA when the message itself cannot go out as it is,
 * or what sys/intake says of temporary files.
 */
int adapt(struct adapted *a, struct envelope *env, const struct message *m,
	  const struct ehlo *ehlo, struct error *err);

/*
 * The same in the steps of session_step(): the sender (env's fields as above,
 * utf8 as the client asked), each recipient that is added, and the message.
 */
int adapt_sender(struct adapted *a, struct envelope *env,
		 const struct ehlo *ehlo, struct error *err);
void adapt_rcpt(struct adapted *a, struct envelope *env, size_t i);
int adapt_message(struct adapted *a, struct envelope *env,
		  const struct message *m, const struct ehlo *ehlo,
		  struct error *err);

void adapt_release(struct adapted *a, struct envelope *env);

#endif
