/*
 * One SMTP or LMTP client session (RFC 5321, RFC 2033) as a machine without
 * I/O.  It neither reads, writes, waits nor looks at a clock: it says what it
 * wants, the driver does that and tells it what happened.
 *
 *	for (;;) switch (session_want(s)) {
 *	case WANT_SEND:	n = write(fd, session_output(s)); session_sent(s, n);
 *	case WANT_RECV:	n = read(fd, ...);   session_recv(s, bytes);
 *	case WANT_TLS:	handshake(fd);       session_tls_up(s);
 *	case WANT_AUTH:	get the secret;      session_auth(s, auth);
 *	case WANT_NEXT:	session_begin(s, envelope) or session_quit(s);
 *	case WANT_STEP:	only after session_step(), see there
 *	case WANT_BODY:	read at session_body_at(s);  session_body(s, bytes);
 *	case WANT_DONE:	the verdicts are in the envelope; return
 *	}
 *
 * Invariant: every command written queues exactly one expected reply, and
 * every reply takes exactly one off, so pipelining (RFC 2920) is not a
 * special case but a longer queue.
 *
 * While there is output the driver should read as well as write: replies may
 * come (session_recv) before everything is sent.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "smtp/auth.h"
#include "smtp/dot.h"
#include "smtp/ehlo.h"
#include "smtp/reply.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum want {
	WANT_SEND, WANT_RECV, WANT_TLS, WANT_AUTH, WANT_NEXT, WANT_STEP,
	WANT_BODY, WANT_DONE
};

enum tls_policy { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT };

enum {
	SESSION_FLIGHT_MAX = 256 << 10,	/* octets of message sent unasked */
	SESSION_RCPT_MAX = 1000,	/* recipients a transaction, at most */
	SESSION_RCPT_FLIGHT = 100,	/* of them unanswered at a time: some
					   relays choke on more */
	/* While more than one message is in flight: a further one may start
	   when fewer than so many, or fewer than so many octets, are. */
	SESSION_WINDOW = 20,
	SESSION_WINDOW_OCTETS = 256 << 10,
	SESSION_WINDOW_MAX = 100	/* never more: each has a file open */
};

/* Seconds, RFC 5321 s4.5.3.2. */
struct session_timeouts {
	unsigned command;	/* greeting, EHLO, AUTH, MAIL, RCPT */
	unsigned data;		/* DATA, and each block of content */
	unsigned end;		/* the reply to the whole message */
};

struct session_config {
	const char *helo;	/* our name for EHLO */
	enum tls_policy tls;
	bool lmtp;
	bool auth;		/* WANT_AUTH before the first message */
	const char *auth_if;	/* only where this mechanism is offered; NULL:
				   no login, no mail */
	const char *ignore;	/* EHLO keywords to overlook; may be NULL */
	struct session_timeouts timeout;
	/*
	 * May be NULL.  Told each line of the dialogue without its CRLF, from
	 * us ('C') or the relay ('S'), with secrets and content left out.
	 */
	void (*trace)(void *ctx, char who, struct str line);
	void *trace_ctx;
	/*
	 * If not NULL, several messages may be in flight: WANT_NEXT then comes
	 * before the last one is settled, and each is reported here when it
	 * is.  When there is no message for WANT_NEXT: session_await().
	 * Recipients that are still pending then were too many for one
	 * transaction: session_begin() it again, or settle them.
	 */
	void (*settled)(void *ctx, struct envelope *env);
	void *settled_ctx;
};

struct expect {
	unsigned char verb;	/* enum verb, smtp/machine.h */
	uint32_t owner;		/* the message it belongs to: its serial */
	uint32_t rcpt;		/* index, for RCPT and LMTP's final replies */
};

/* One MAIL transaction: a batch of the envelope's recipients. */
struct transaction {
	uint32_t *batch;	/* recipients; the accepted ones move to the front */
	size_t n, asked, answered, accepted;
	size_t overflow;	/* answered "too many": for the next transaction */
	size_t full_at;		/* how many were accepted before the first such */
	uint64_t given;		/* octets of the message put into out so far */
	bool mail_ok;		/* MAIL was accepted */
	bool chunk;		/* the content goes by BDAT */
	bool said_data;		/* DATA or BDAT is on its way */
	bool all_given;		/* the whole content is in out, or sent */
	bool open;		/* MAIL was said and not yet concluded */
	bool step;		/* the driver says each command's time */
	bool ended;		/* by the relay: BDAT ends it only if taken */
};

/* A message whose replies are still to come while the next one goes out. */
struct parked {
	struct envelope *env;
	struct transaction t;
};

struct session {
	/* Results; texts are owned by the session. */
	struct verdict verdict;	/* trouble of the session itself; PENDING if none */
	struct verdict final;	/* the relay's last word on content; code 0: none */
	struct verdict word;	/* to MAIL or RCPT, after session_step() */
	struct ehlo ehlo;
	bool secure;		/* TLS is up */
	const char *mech;	/* SASL mechanism that succeeded, or "" */
	struct buf greeting, hello;	/* texts of the greeting and of EHLO */

	/* Private from here on. */
	const struct session_config *config;
	struct envelope *env;	/* borrowed; NULL between messages */
	const struct auth *auth;
	const char *trying;	/* SASL mechanism of the dialogue in hand */
	struct reply reply;
	struct buf verdict_text, final_text, word_text;
	struct buf out, initial;
	struct dot dot;
	struct expect *expect;	/* queue of replies still to come */
	size_t expect_head, expect_len, expect_cap;
	struct transaction t;
	struct parked *parked;	/* oldest first; the replies come in order */
	size_t n_parked;
	uint64_t parked_octets;
	uint32_t serial;	/* of the message in hand */
	struct error auth_error;	/* why "*" was sent */
	size_t mails;		/* MAIL commands said so far */
	size_t scan;		/* recipients before this one are settled */
	size_t rcpt_limit;	/* recipients a transaction, as learned */
	unsigned phase;		/* enum phase, smtp/machine.h */
	unsigned epoch;
	unsigned rounds;	/* AUTH challenges so far */
	bool initial_due;	/* the initial response waits for a 334 */
	bool helo;		/* fell back to HELO */
	bool reset_due;		/* RSET before the next MAIL */
};

/* config must outlive s.  Every session_init needs session_release. */
void session_init(struct session *s, const struct session_config *config);
void session_release(struct session *s);

enum want session_want(const struct session *s);

struct str session_output(const struct session *s);
void session_sent(struct session *s, size_t n);		/* octets, <= output */
void session_recv(struct session *s, struct str bytes);	/* empty: EOF */
void session_tls_up(struct session *s);
void session_auth(struct session *s, const struct auth *auth); /* borrowed */

/*
 * WANT_NEXT: submit env, which must live until the next WANT_NEXT or
 * WANT_DONE; at either every recipient of it is settled.
 */
void session_begin(struct session *s, struct envelope *env);
void session_quit(struct session *s);

/*
 * WANT_NEXT with messages in flight (session_in_flight() is not 0): there is
 * none to add now; WANT_NEXT comes again when one of them is settled.
 */
void session_await(struct session *s);
size_t session_in_flight(const struct session *s);

/* May the relay have a message by now on which it has said no word? */
bool session_in_doubt(const struct session *s);

/*
 * A transaction step by step, for who must hear the relay's word on each
 * recipient before there is a message.  At WANT_NEXT, session_step() says
 * MAIL for env, whose size may be unknown (0).  s->word is the answer: SENT
 * for 2yz, after which WANT_STEP comes, where one of these is due:
 * session_rcpt() asks for the last recipient of env, again answered by
 * s->word and WANT_STEP; session_content() sends the message, of env->size
 * octets, to those accepted (at least one) and leaves all settled;
 * session_drop() gives up.  WANT_NEXT after the latter two, or MAIL refused.
 */
void session_step(struct session *s, struct envelope *env);
void session_rcpt(struct session *s);
void session_content(struct session *s);
void session_drop(struct session *s);

/*
 * WANT_BODY: the next octets of the message (header, blank line and body as
 * one run of env->size octets), from session_body_at() on, at least one and
 * at most session_body_room().
 */
uint64_t session_body_at(const struct session *s);
size_t session_body_room(const struct session *s);
void session_body(struct session *s, struct str bytes);

/* The driver failed (timeout, reset, handshake...): settle and stop. */
void session_fail(struct session *s, const struct error *err);
/* The same while the relay waits for us, with a QUIT. */
void session_give_up(struct session *s, const struct error *err);
/* The same with a verdict, whose stage the session would not know. */
void session_fail_at(struct session *s, const struct verdict *v);

/*
 * What is awaited: how many seconds it may take, its stage, and its name for
 * a person ("the greeting").  session_epoch changes whenever the wait is a
 * new one, so a relay that drips bytes gains no time.
 */
unsigned session_timeout(const struct session *s);
enum stage session_stage(const struct session *s);
const char *session_awaited(const struct session *s);
unsigned session_epoch(const struct session *s);

#endif
