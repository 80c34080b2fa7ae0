/*
 * What a setting's text may be, beyond its type.  Each returns 0, or -1 with
 * a reason that follows on "key = value: "; ERROR_CONFIG, or ERROR_UNAVAILABLE
 * for what a later version has.  Values have no control bytes; empty ones
 * come here only where a setting may not be empty.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "util/error.h"
#include "util/str.h"

int check_host(struct str value, struct error *err);
/* Of a section: one word.  A profile's is also that of a file. */
int check_name(struct str name, struct error *err);
int check_profile_name(struct str name, struct error *err);
int check_word(struct str value, struct error *err);	/* no blanks */
int check_domain(struct str value, struct error *err);	/* or [literal] */
int check_helo(struct str value, struct error *err);	/* RFC 5321 s4.1.3 literals */
int check_mailname(struct str value, struct error *err);
int check_auth(struct str value, struct error *err);	/* RFC 4422 s3.1 names */
int check_domains(struct str value, struct error *err);	/* a list */
int check_from(struct str value, struct error *err);
int check_secret_file(struct str value, struct error *err);	/* credential:NAME */
int check_notify(struct str value, struct error *err);	/* RFC 3461 s4.1 */
int check_return(struct str value, struct error *err);	/* RFC 3461 s4.3 */
int check_provider(struct str value, struct error *err);	/* that we know */
/* A URL that tokens may be sent to: https, or http to this host. */
int check_endpoint(struct str value, struct error *err);
int check_pins(struct str value, struct error *err);	/* util/pin.h */
int check_fingerprints(struct str value, struct error *err);
int check_own_cert(struct str value, struct error *err);	/* no PIN in a URI */
int check_retry(struct str value, struct error *err);	/* duration_list() */

#endif
