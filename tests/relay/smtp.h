/*
 * The SMTP (RFC 5321) and LMTP (RFC 2033) dialogue of one connection.
 */
#ifndef RELAY_SMTP_H
#define RELAY_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/conn.h"
#include "util/str.h"

enum verb {
	V_GREETING, V_TLS, V_EHLO, V_HELO, V_LHLO, V_STARTTLS, V_AUTH,
	V_AUTHRESP, V_MAIL, V_RCPT, V_DATA, V_BDAT, V_DOT, V_RSET, V_NOOP,
	V_VRFY, V_QUIT, V_HELP, V_UNKNOWN, VERBS
};

struct rcpt {
	char *address;
	char *params;
	int code;
};

struct content;

struct session {
	struct conn *c;
	bool esmtp;			/* EHLO or LHLO, since TLS */
	bool greeted;			/* those, or HELO */
	bool authed;
	char *from;			/* NULL: no transaction */
	char *params;			/* of MAIL */
	struct rcpt *rcpts;
	size_t nrcpts, accepted;
	struct content *content;	/* BDAT between chunks */
	unsigned chunks;
	unsigned counts[VERBS];		/* how often each was answered */
	unsigned contents;		/* messages begun on this connection */
};

/* Serve c until it ends. */
void smtp_run(struct conn *c);

/* Play the transcript in `path` as the server; ends with the connection. */
void script_run(struct conn *c, const char *path);

/*
 * Answer the verb, whose argument is arg: with what an override says, else
 * with text (no line end).  Returns the code of the reply, or -1 if the
 * connection is over.
 */
int answer(struct session *s, enum verb verb, const char *arg, const char *text);

/* The override that the next answer() to this verb would use, or NULL. */
const struct override *answer_peek(struct session *s, enum verb verb,
				   const char *arg);

/* Is the EHLO keyword `word` offered now?  Its argument, if any, in *arg. */
bool cap_offered(struct session *s, const char *word, struct str *arg);

void transaction_reset(struct session *s);
void violation(struct session *s, const char *text);

/* auth.c: `arg` is what followed AUTH.  0, or -1 if the connection is over. */
int auth_run(struct session *s, struct str arg);

/* envelope.c: MAIL and RCPT; 0, or -1 if the connection is over. */
int mail_run(struct session *s, struct str arg);
int rcpt_run(struct session *s, struct str arg);

/* content.c: the same; DATA's argument is not looked at. */
int data_run(struct session *s, struct str arg);
int bdat_run(struct session *s, struct str arg);
void content_drop(struct session *s);		/* incomplete: logged so */

#endif
