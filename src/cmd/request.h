/*
 * What the caller asked for: the command line, parsed by cmd/flag.c's table.
 * Text is borrowed from argv.
 */
#ifndef CMD_REQUEST_H
#define CMD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/status.h"
#include "util/error.h"

enum face { FACE_POSTHASTE, FACE_SENDMAIL };	/* the name we are called by */

enum mode {
	MODE_SUBMIT, MODE_QUEUE_RUN, MODE_DRY_RUN, MODE_SMTP_STDIO, MODE_VERIFY,
	MODE_SERVERINFO, MODE_CHECK_CONFIG, MODE_PRINT_CONFIG, MODE_EXPLAIN,
	MODE_NEWALIASES, MODE_NOTHING, MODE_VERSION, MODE_HELP,
	MODE_COMPLETIONS, MODE_QUEUE_LIST, MODE_QUEUE_SHOW, MODE_QUEUE_REMOVE,
	MODE_QUEUE_HOLD, MODE_QUEUE_RELEASE, MODE_QUEUE_RETRY,
	MODE_OAUTH2_LOGIN
};

struct queue_args {		/* -q; text is "" when not given */
	bool all;
	const char *id, *rcpt, *sender;
	unsigned interval;	/* seconds; 0: one run */
};

enum progress { PROGRESS_AUTO, PROGRESS_ON, PROGRESS_OFF };

enum report_kind { REPORT_NONE, REPORT_TEXT, REPORT_JSON };

struct setting {		/* an account setting from the command line */
	const char *key;
	const char *value;	/* NULL: key is "KEY=VALUE" */
};

struct list {			/* arguments of an option that may be repeated */
	const char **item;	/* owned array of borrowed text */
	size_t n;
};

struct compose_args {
	bool on;		/* one of these was given: a message is built */
	const char *subject, *in_reply_to, *charset;	/* NULL: not given */
	const char *text, *html, *calendar;		/* files; "-" is stdin */
	struct list to, cc, bcc, reply_to, header, attach, inlined;
};

struct request {
	enum face face;
	const char *name;	/* for messages: "posthaste" or "sendmail" */
	enum mode mode;
	int explain;		/* status to explain */
	const char *oauth2_login;	/* the profile to log in for */
	const char *oauth2_flow;	/* "auto", "browser" or "device" */
	struct list queue_ids;	/* what --queue-* names: ids, or "all" */

	const char *from;	/* -f; NULL: not given */
	const char *full_name;	/* -F; NULL */
	bool read_recipients;	/* -t */
	bool read_from;		/* --read-envelope-from */
	bool ignore_dots;	/* -i */
	const char *notify, *ret, *envid;	/* canonical; "" */
	bool require_tls, all_or_nothing;
	char deliver_by[24], hold[48], priority[8];
	const char *message;	/* --message=FILE; NULL is stdin */

	struct compose_args compose;
	struct queue_args queue_run;

	const char *account;	/* NULL */
	const char *config;	/* NULL */
	struct setting *settings;	/* owned array */
	size_t n_settings;
	int password_fd;	/* -1 */

	enum report_kind report;
	enum status_scheme scheme;
	enum progress progress;
	unsigned verbose;
	bool quiet;		/* -oeq: no diagnostics */
	bool queue_only;	/* -odq */
	bool print_version;	/* -d0.1 */

	char **recipients;	/* what is left of argv */
	size_t n_recipients;
	bool stdin_closed;
};

/* argv[0] decides the face (DESIGN s2). */
void request_init(struct request *r, const char *argv0);
void request_release(struct request *r);

/* ERROR_USAGE, or ERROR_UNAVAILABLE for what a later version has. */
int request_parse(struct request *r, int argc, char **argv, struct error *err);

#endif
