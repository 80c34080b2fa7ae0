/*
 * One SMTP or LMTP server session (RFC 5321, RFC 2033) as a machine without
 * I/O, the counterpart of smtp/session: it says what it wants, the driver
 * does that and tells it what came of it.
 *
 *	for (;;) switch (server_want(s)) {
 *	case SERVER_SEND:	n = write(fd, server_output(s)); server_sent(s, n);
 *	case SERVER_RECV:	n = read(fd, ...); server_recv(s, bytes);
 *	case SERVER_MAIL:	judge s->mail; server_reply() or server_verdict()
 *	case SERVER_RCPT:	judge s->rcpt; the same
 *	case SERVER_CONTENT:	keep server_content(s); server_taken(s);
 *	case SERVER_END:	the message is whole; judge it as above
 *	case SERVER_RESET:	forget the transaction; server_reset(s);
 *	case SERVER_DONE:	return
 *	}
 *
 * A 2yz to MAIL, RCPT or END is an acceptance.  LMTP asks END once for each
 * accepted recipient, in their order.  Content comes without the doubled dots
 * and with the client's line ends.  A message that does not end is never
 * asked about: SERVER_RESET comes instead.
 *
 * Commands end in LF, with or without CR, and may all have been sent before
 * the greeting: whoever talks to us over a pipe does so.  Memory is bounded
 * whatever the client sends.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "smtp/argument.h"
#include "smtp/undot.h"
#include "util/buf.h"
#include "util/str.h"

enum server_want {
	SERVER_SEND, SERVER_RECV, SERVER_MAIL, SERVER_RCPT, SERVER_CONTENT,
	SERVER_END, SERVER_RESET, SERVER_DONE
};

enum {
	SERVER_LINE_MAX = 4096,		/* octets in a command, less its end */
	SERVER_RCPT_MAX = 100000,	/* recipients accepted for a message */
	SERVER_ERRORS_MAX = 20,		/* in a row, then we hang up */
	SERVER_READ_MAX = 64 << 10	/* octets in one server_recv() */
};

struct server_config {
	const char *name;	/* ours, for greeting and EHLO */
	bool lmtp;
	uint64_t size_max;	/* octets of a message; 0: no limit */
};

struct server {
	struct mail_argument mail;	/* at SERVER_MAIL, until its end */
	struct rcpt_argument rcpt;	/* at SERVER_RCPT */
	size_t accepted;		/* recipients of this transaction */

	/* Private from here on. */
	const struct server_config *config;
	struct buf in, out, content;
	size_t at;		/* what of in was dealt with */
	enum server_want ask;	/* what the driver owes us; RECV: nothing */
	unsigned mode;		/* enum server_mode in server.c */
	struct undot undot;
	uint64_t size;		/* octets of content so far */
	uint64_t left;		/* octets of the BDAT chunk still to come */
	const char *refusal;	/* of the BDAT chunk; NULL: it is welcome */
	size_t owed;		/* replies still due for the content */
	unsigned errors;	/* in a row */
	bool greeted;		/* EHLO, HELO or LHLO was said */
	bool open;		/* MAIL was accepted */
	bool chunked;		/* BDAT has begun */
	bool last;		/* the BDAT chunk is the last one */
	bool ended;		/* the content in hand is its end */
	bool reset_due;		/* the driver must forget the transaction */
	bool long_line;		/* the rest of a line is skipped */
	bool lf;		/* the last command ended in LF alone */
};

/* config must outlive s.  Every server_init needs server_release. */
void server_init(struct server *s, const struct server_config *config);
void server_release(struct server *s);

enum server_want server_want(const struct server *s);

struct str server_output(const struct server *s);
void server_sent(struct server *s, size_t n);		/* octets, <= output */
void server_recv(struct server *s, struct str bytes);	/* empty: EOF */
struct str server_content(const struct server *s);	/* never empty */
void server_taken(struct server *s);
void server_reset(struct server *s);

/*
 * Answer MAIL, RCPT or END with a code (200..599), an enhanced code ("" is
 * the class's general one) and text, which may have several lines (LF), may
 * begin with the enhanced code, and is escaped.
 */
void server_reply(struct server *s, int code, const char *enhanced,
		  struct str text);

/*
 * The same with what a relay said, or what befell us.  Its own reply to the
 * message goes through as it is; trouble that concerns the relay, not the
 * message, is 451 whatever its code, for the client is to try again.
 */
void server_verdict(struct server *s, const struct verdict *v);

/* We must go (a deadline, a signal): 421 with this reason, and the end. */
void server_close(struct server *s, const char *why);

#endif
