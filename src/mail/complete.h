/*
 * What a message needs before it goes out, and what its header says about
 * the envelope: RFC 5322 s3.6, RFC 6409 s8.
 */
#ifndef MAIL_COMPLETE_H
#define MAIL_COMPLETE_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/local.h"
#include "mail/message.h"
#include "mail/rewrite.h"
#include "mail/roster.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/* What is put where something is missing.  Text is borrowed, never NULL. */
struct completion {
	const char *sender;	/* envelope sender, qualified; "" is null */
	const char *login;	/* login@mailname, for when sender is null */
	const char *name;	/* full name for From, UTF-8; or "" */
	const char *mailname;	/* this host's name in mail */
	const char *unique;	/* 16 or more random characters, all atext */
	int64_t now;		/* seconds since 1970, UTC */
	int zone;		/* minutes east of Greenwich */
	const struct rewrite *rewrite;	/* for the header; NULL leaves it */
	struct local local;		/* for that */
};

/*
 * Make m's header complete, once, before it is queued or sent.
 *
 * Its addresses are qualified and rewritten first (mail/rewrite.h).
 * Bcc, Resent-Bcc, Return-Path and Content-Length go.  Date, Message-ID and
 * From are appended when missing or empty; if there is a Resent- field, then
 * Resent-Date, -Message-ID and -From are put in front of the first block of
 * them when it lacks them (s3.6.6).  All else keeps its order and text.
 *
 * The Message-ID in force ("<...>") replaces what is in `id`.  ERROR_DATA if
 * the name has control bytes, or the header is too long or has too many
 * fields.
 */
int complete_message(struct message *m, const struct completion *c,
		     struct buf *id, struct error *err);

/*
 * Collect the recipients of -t into `to`, qualified with mailname: To, Cc and
 * Bcc, all of them; but if there is any Resent-To, -Cc or -Bcc, only those.
 * Before complete_message, which removes some.  ERROR_DATA names the field
 * and the address.
 */
int complete_recipients(struct str head, const char *mailname,
			struct roster *to, struct error *err);

/*
 * Append the envelope sender that the header asks for: of a resent message
 * Resent-Sender, then Resent-From; else Return-Path ("<>" is the null path),
 * then Sender if From has several, then From's first.  *found is false when
 * no such field has an address.  Unqualified addresses stay so.  ERROR_DATA.
 * Before complete_message.
 */
int complete_sender(struct str head, struct buf *out, bool *found,
		    struct error *err);

/*
 * Append "Name <addr>" for a field whose name takes `column` octets, the name
 * quoted or encoded as it needs; without a name, addr.  ERROR_DATA if the
 * name has control bytes.
 */
int complete_from_name(struct buf *out, struct str name, struct str addr,
		       size_t column, struct error *err);

#endif
