/*
 * What an NTLM relay says ([MS-NLMP] 2.2.1.2), checked and said again with
 * no more in it than libntlm needs: that reads by the message's own offsets.
 */
#ifndef SASL_NTLM_H
#define SASL_NTLM_H

#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	NTLM_NAME_MAX = 128,	/* octets of user with domain, and of password:
				   libntlm's room */
	NTLM_DOMAIN_MAX = 256	/* octets, UTF-16: two a character */
};

/*
 * Append the relay's CHALLENGE_MESSAGE with its flags, challenge and target
 * name and nothing else.  ERROR_PROTOCOL.
 */
int ntlm_challenge(struct buf *out, struct str challenge, struct error *err);

/*
 * Append the user as libntlm wants it: "DOMAIN\user" becomes "user@DOMAIN",
 * all else stays.  ERROR_AUTH for what it would send garbled: user or
 * password not ASCII, or over NTLM_NAME_MAX.
 */
int ntlm_user(struct buf *out, struct str user, struct str password,
	      struct error *err);

#endif
