/*
 * The front ends, one file each, and what they share.
 */
#ifndef CMD_FRONT_H
#define CMD_FRONT_H

#include <stdbool.h>

#include "cmd/request.h"
#include "conf/config.h"
#include "mail/envelope.h"
#include "mail/report.h"
#include "util/buf.h"
#include "util/error.h"

/* Each does one mode and returns the exit status. */
int front_submit(const struct request *r);	/* and --dry-run */
int front_stdio(const struct request *r);	/* -bs */
int front_verify(const struct request *r);	/* -bv */
int front_serverinfo(const struct request *r);
int front_oauth2_login(const struct request *r);
int front_show(const struct request *r);	/* help, version, explain... */
int front_config(const struct request *r);	/* check, print */

/* ---- say.c: what is printed ---- */

/* One line on stderr: "posthaste: text", escaped.  Silent under -oeq. */
void say(const struct request *r, const char *text);
/* The same with a kind: returns its exit status. */
int say_error(const struct request *r, const struct error *err);

/* The same for text that is escaped already. */
void say_escaped(const struct request *r, struct str text);

/* A line of the dialogue on stderr, for -v: struct session_config.trace. */
void say_trace(void *ctx, char who, struct str line);

/* One line for each recipient, or cause, that was not sent. */
void say_failures(const struct request *r, const struct report *report);
/* --report on stdout; log lines where the account wants them. */
void say_report(const struct request *r, const struct report *report);
void say_log(const struct request *r, const struct report *report,
	     const struct account *account);

/* Write all of it to stdout; 0, or -1 with ERROR_IO. */
int say_out(struct str text, struct error *err);

/* ---- setup.c: configuration, account, and asking ---- */

/*
 * Load the configuration and choose the account for `sender` ("" if unknown),
 * with the command line's settings applied.  NULL with *err.
 */
struct account *setup_account(struct config *c, const struct request *r,
			      const char *sender, struct error *err);
/* The same in two steps. */
int setup_config(struct config *c, const struct request *r, struct error *err);
struct account *setup_select(struct config *c, const struct request *r,
			     const char *sender, struct error *err);

/* Does the command line alone decide on the account, whoever sends? */
bool setup_is_fixed(const struct request *r);

/* The file of relays trusted on first use; "" if there is no home. */
void setup_known_file(struct buf *out);

/* Ask on the terminal whether to trust a relay; false without one. */
bool setup_ask(void *ctx, const char *known_as, const char *fingerprint);

#endif
