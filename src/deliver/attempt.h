/*
 * One connection to a relay and the messages that go over it: the driver of
 * the pure session (smtp/session.h).  All waiting happens here, under
 * deadlines of the monotonic clock.
 *
 *	attempt_open(&a, &setup);	connect, TLS, EHLO, AUTH
 *	attempt_submit(&a, env, message);	any number of times
 *	attempt_quit(&a);		QUIT, whose reply is not waited for
 *	attempt_release(&a);
 */
#ifndef DELIVER_ATTEMPT_H
#define DELIVER_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/account.h"
#include "conf/bearer.h"
#include "conf/secret.h"
#include "deliver/adapt.h"
#include "deliver/relay.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "net/stream.h"
#include "sasl/sasl.h"
#include "smtp/session.h"
#include "util/buf.h"
#include "util/error.h"

struct attempt;

/* A relay that could not be used. */
struct attempt_tried {
	const struct account *account;
	const char *relay;		/* as struct attempt's; owned */
	struct verdict verdict;		/* why; its text is owned */
};

struct attempt_setup {			/* borrowed for the attempt's life */
	const struct account *account;
	/* Those to fall back on, NULL ends them; NULL: none. */
	struct account *const *further;
	const char *mailname;		/* our name for EHLO, unless the account's */
	struct secret_ways ways;	/* to account's password, beside settings */
	bool look;			/* --serverinfo: no login, no verification
					   (what is wrong is told, not refused) */
	bool several;			/* deliver/flight is to be used */
	int64_t deadline;		/* clock_ms() instant for everything */
	const char *known_file;		/* relays trusted on first use */
	bool (*ask)(void *ctx, const char *known_as, const char *fingerprint);
	void (*trace)(void *ctx, char who, struct str line);
	void *ctx;			/* of ask and trace */
	/* May be NULL: one relay was given up, a->account's is tried next; or
	   there is no other, and a is NULL. */
	void (*moved)(void *ctx, const struct attempt *a,
		      const struct attempt_tried *given_up);
	void *moved_ctx;
	/* May be NULL: so many octets of the message are on their way. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;
};

struct attempt {
	/* For reports. */
	const struct account *account;	/* whose relay it is */
	struct buf relay;		/* "smtp.example.org:465" */
	struct buf peer;		/* "192.0.2.1:465" */
	unsigned trips;			/* round trips waited for */
	const char *tls;		/* "TLS1.3", or "" */
	bool resumed;			/* it goes on with an earlier session */
	struct session session;
	/*
	 * Relays that were given up; the verdicts of an envelope have their
	 * numbers (via), and n_tried for what the relay in use said.
	 */
	struct attempt_tried *tried;
	size_t n_tried;

	/* Private from here on. */
	const struct attempt_setup *setup;
	struct relays relays;
	bool opened;			/* one was ready for a message */
	struct session_config config;
	struct buf helo, block;
	struct dane *dane;		/* TLSA records asked for; or NULL */
	struct buf tickets, ticket_for;	/* net/tls.h: ticket_dir, ticket_for */
	bool again;			/* the kept TLS session was no good */
	struct identity *identity;	/* our certificate for it, or NULL */
	const struct account *identity_of;	/* whose that is */
	struct stream *stream;
	struct secret_source *source;
	struct secret secret;
	char stale[TOKEN_DIGEST];	/* the token that was refused */
	struct sasl *sasl;
	struct sasl_config sasl_config;
	struct message *message;	/* being submitted */
	struct adapted adapted;		/* of a stepwise transaction */
	struct envelope *stepping;	/* its envelope; NULL: there is none */
	struct error error;		/* of a step that was not taken */
	unsigned epoch;
	int64_t wait_until;
	bool turn;			/* something was said since the last wait */
	void (*settled)(void *ctx, struct envelope *env);	/* flight's */
	void *settled_ctx;
};

/*
 * Connect and go on until the relay is ready for a message; if that one cannot
 * be used, another, as deliver/relay.h says.  0, or -1 when none will be: then
 * attempt_trouble() says why.  attempt_release() is due after either.
 */
int attempt_open(struct attempt *a, const struct attempt_setup *setup);

/*
 * Why the connection is of no more use (stage, code or kind, text); its
 * outcome is PENDING if it is.  If no relay would do, this is what was wrong
 * with the first: to fall back on others does not change what a caller is told
 * unless it helps.
 */
const struct verdict *attempt_trouble(const struct attempt *a);

/* The relay that attempt_trouble() speaks of, and whose it is. */
const char *attempt_relay(const struct attempt *a);
const struct account *attempt_account(const struct attempt *a);

/*
 * Submit one message to every recipient of env that is still pending.  Each
 * is settled afterwards.  If nothing of it was sent to anybody and some were
 * put off, they are tried at the further relays.  -1 when the connection is of
 * no more use.
 */
int attempt_submit(struct attempt *a, struct envelope *env,
		   struct message *message);

/*
 * The same step by step (session_step): MAIL, then RCPT for the recipient that
 * was added to env last, any number of times, then the message to those
 * accepted, or attempt_drop().  The first two return the answer, valid until
 * the next step; SENT is an acceptance.  After attempt_content() all of env is
 * settled.  env must live until attempt_drop(), which may be called at any
 * time.  attempt_alive() is false when the connection is of no more use.
 */
const struct verdict *attempt_mail(struct attempt *a, struct envelope *env);
const struct verdict *attempt_rcpt(struct attempt *a);
void attempt_content(struct attempt *a, struct message *message);
void attempt_drop(struct attempt *a);
bool attempt_alive(const struct attempt *a);

/*
 * For deliver/flight.  Go on until a message may begin; false if none ever
 * may.  Then begin one, which both must outlive.
 */
bool attempt_ready(struct attempt *a);
void attempt_begin(struct attempt *a, struct envelope *env,
		   struct message *message);

void attempt_quit(struct attempt *a);	/* the stream is closed after this */
void attempt_release(struct attempt *a);

#endif
