/*
 * What session.c, login.c and transaction.c share: the expectation queue, the making
 * of command lines, and the phases.  Private to smtp/.
 */
#ifndef SMTP_MACHINE_H
#define SMTP_MACHINE_H

#include "smtp/session.h"

enum { COMMAND_MAX = 16 << 10 };	/* octets in a command, less its CRLF */

enum phase {
	PHASE_TALK,		/* commands and replies */
	PHASE_TLS,		/* the driver does the handshake */
	PHASE_AUTH,		/* the driver fetches the secret */
	PHASE_NEXT,		/* the driver says what comes next */
	PHASE_STEP,		/* the driver says how the transaction goes on */
	PHASE_BODY,		/* the driver reads the message */
	PHASE_BYE,		/* only what is in out still goes */
	PHASE_DONE
};

enum verb {
	VERB_GREETING, VERB_EHLO, VERB_HELO, VERB_STARTTLS, VERB_AUTH,
	VERB_CANCEL, VERB_MAIL, VERB_RCPT, VERB_DATA, VERB_DOT, VERB_LONE_DOT,
	VERB_RSET, VERB_QUIT
};

/*
 * Queue one command line and the reply it will get.  Commands are made
 * nowhere else, so this is the one guard against a CR or LF smuggled in by an
 * address.  shown is what the trace gets ("" is the line itself).
 */
void session_command(struct session *s, enum verb verb, uint32_t rcpt,
		     struct str line, struct str shown);
/* What was made in `line`; if it did not fit, what session_command refuses. */
struct str session_line(const struct buf *line);
void session_expect(struct session *s, enum verb verb, uint32_t rcpt);
void session_trace(struct session *s, char who, struct str line);

/* The reply in hand as a verdict at `stage`; borrows its text. */
struct verdict session_said(const struct session *s, enum stage stage);
/* 2 for a positive completion, 3, 4, 5; the reply in hand. */
int session_class(const struct session *s);

/* The relay broke the rules: fail with ERROR_PROTOCOL. */
void session_broken(struct session *s, enum stage stage, const char *what);

/*
 * Trouble of the relay as such, which a polite QUIT ends.  It defers, even
 * when it is 5yz: only what is said to MAIL, RCPT, DATA or the content speaks
 * of the message.  kind, if any, decides the exit status instead of the code.
 */
void session_refuse(struct session *s, struct verdict v, enum error_kind kind);

/* Say QUIT and stop when it is on its way. */
void session_bye(struct session *s);

/* login.c */
void login_reply(struct session *s, struct expect e);

/* transaction.c */
void transaction_reply(struct session *s, struct expect e);
void transaction_advance(struct session *s);	/* no reply is outstanding */
void transaction_early(struct session *s);	/* a reply amid the content */
void transaction_lost(struct session *s, const struct verdict *v);
/* The effects of one reply on the message in hand, and nothing else. */
void transaction_effect(struct session *s, struct expect e);
void transaction_settled(struct session *s, struct envelope *env);

/* window.c */
bool window_park(struct session *s);	/* the message in hand, if it may be */
bool window_owns(const struct session *s, struct expect e);
void window_reply(struct session *s, struct expect e);
/*
 * Is the message that is answered not all on its way yet?  If so it becomes
 * the message in hand, for transaction_early().
 */
bool window_early(struct session *s);
void window_lost(struct session *s, const struct verdict *v);
/*
 * The connection is gone: settle a message with v.  With `doubt`, whoever may
 * have it by now is UNKNOWN: all content was on its way and no word on it came.
 */
void window_abandon(struct session *s, struct parked *p,
		    const struct verdict *v, bool doubt);

#endif
