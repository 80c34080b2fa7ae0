/*
 * struct error: what went wrong, for a person and for the exit status.
 *
 * A plain value: no allocation, nothing to free, safe to copy.  A function
 * that can fail for more than one reason returns 0 or -1 and takes
 * `struct error *err` last; on success it leaves *err alone.  err is never
 * NULL.  What a relay said is not an error but a verdict (mail/envelope.h).
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <stdbool.h>

/* Each kind has one exit status and says whether trying again can help. */
enum error_kind {
	ERROR_NONE,
	ERROR_USAGE,		/* 64: the command line */
	ERROR_DATA,		/* 65: the message or an address */
	ERROR_INPUT,		/* 66: a file named or stdin cannot be opened */
	ERROR_HOST,		/* 68: the relay's name does not exist */
	ERROR_UNAVAILABLE,	/* 69: a service or feature is not there */
	ERROR_BUG,		/* 70: a broken invariant of our own */
	ERROR_OS,		/* 71: fork, pipe, descriptors */
	ERROR_CREATE,		/* 73: the spool or an output cannot be created */
	ERROR_IO,		/* 74: reading or writing a local file */
	ERROR_SPACE,		/* 75: no space or quota left on this machine */
	ERROR_NET,		/* 75: network, timeout, resolver */
	ERROR_PROTOCOL,		/* 76: the relay broke SMTP, or lacks what we need */
	ERROR_TLS,		/* 76: the TLS handshake failed */
	ERROR_CERT,		/* 77: the relay's certificate is not to be trusted */
	ERROR_AUTH,		/* 77: credentials refused or not usable */
	ERROR_PERM,		/* 77: permissions of a file of ours; a proxy's rules */
	ERROR_CONFIG,		/* 78: configuration or a secret's source */
	ERROR_KINDS
};

struct error {
	enum error_kind kind;
	char text[600];		/* one line, no newline, never empty if kind */
};

/* Fill *err and return -1, so that failing is one statement. */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "context: " before the text that is there; returns -1. */
int error_wrap(struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Put text after what is there, as far as it fits; returns -1. */
int error_add(struct error *err, const char *text);

int error_kind_status(enum error_kind kind);	/* sysexits(3) */
bool error_kind_transient(enum error_kind kind);

#endif
