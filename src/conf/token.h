/*
 * What a provider gave us: kept in a file of the user's ($XDG_STATE_HOME or
 * ~/.local/state, posthaste/oauth2/NAME, 0600) or, as the same text, in the
 * keyring.  Read by the sender, written by the helper that talks to the
 * provider.
 *
 *	posthaste-token 1
 *	access ACCESS-TOKEN
 *	expires SECONDS-SINCE-1970
 *	lifetime SECONDS
 *	refresh REFRESH-TOKEN
 *	token_endpoint URL
 *	end
 *
 * Unknown keys are passed over: a later version may have more.
 */
#ifndef CONF_TOKEN_H
#define CONF_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/profile.h"
#include "sys/process.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

enum {
	TOKEN_TEXT_MAX = 128 << 10,	/* octets of the whole text */
	TOKEN_RING_MAX = 8000,		/* the same in the keyring: secret-tool
					   cuts at 8192 without a word */
	TOKEN_MARGIN = 300		/* seconds before its end that an access
					   token is renewed, or a tenth of its
					   life if that is less */
};

struct token {
	char *text;		/* locked memory that the rest points into */
	struct str access;	/* empty: there is none that is of use */
	struct str refresh;	/* empty: the provider gave none */
	struct str token_endpoint;	/* that gave it */
	int64_t expires;	/* seconds since 1970; 0: the provider did not say */
	int64_t lifetime;	/* seconds that the access token was given for */
};

/*
 * Read what is kept.  0 with t->text NULL if there is nothing; -1 with
 * ERROR_PERM (others can read it), ERROR_AUTH (damaged: log in anew),
 * ERROR_CONFIG (no file, too large), ERROR_IO, or what secret-tool's failure
 * is.  token_release() after either.
 */
int token_load(struct token *t, const struct oauth2_profile *p,
	       int64_t deadline, struct error *err);

/*
 * The same in two steps: the keyring is asked meanwhile.  look is to be
 * process_release()d if it does not come to the second.
 */
int token_begin(struct process *look, const struct oauth2_profile *p,
		struct error *err);
int token_finish(struct token *t, const struct oauth2_profile *p,
		 struct process *look, int64_t deadline, struct error *err);
void token_release(struct token *t);		/* wipes; a zeroed one is fine */

/* Where it is kept, for a person: "'/home/...'" or "the keyring". */
void token_where(const struct oauth2_profile *p, struct buf *out);

/*
 * Will the access token do for a login now (wall clock, seconds)?  Not if it
 * would live longer than it was given for: then the clock was set back.
 */
bool token_is_fresh(const struct token *t, int64_t now);

/* ---- the text, pure ---- */

/* Fill all but t->text from it; the strings point into it.  ERROR_AUTH. */
int token_parse(struct token *t, struct str text, struct error *err);

/* Append it.  ERROR_PROTOCOL for what would not come back as it is. */
int token_print(const struct token *t, struct buf *out, struct error *err);

/* What names a token without giving it away: 16 hex digits of SHA-256. */
enum { TOKEN_DIGEST = 17 };		/* with the NUL */
void token_digest(struct str access, char out[TOKEN_DIGEST]);

/* ---- for the helper, which alone writes ---- */

/*
 * Who renews holds this lock, so that the provider is asked once however many
 * processes need a token.  ERROR_NET if another has it until the deadline
 * (clock_ms()); ERROR_CREATE, ERROR_PERM, ERROR_SPACE.  p is borrowed.
 */
struct token_lock;
struct token_lock *token_lock(const struct oauth2_profile *p,
			      int64_t deadline, struct error *err);
void token_unlock(struct token_lock *l);	/* NULL is fine */

/*
 * What one could not renew, those who waited for it meanwhile need not try in
 * their turn: a provider that is down costs each of them its timeout once, and
 * not once for each before it.  token_failed() leaves the error for them;
 * token_has_failed() is whether one was left at `since` (clock_ms(), when the
 * waiting began) or later, and fills *err with it.
 */
void token_failed(struct token_lock *l, const struct error *err);
bool token_has_failed(struct token_lock *l, int64_t since, struct error *err);

/*
 * Before the provider is asked, make sure that its answer can be kept: a
 * refresh token that was rotated and then lost locks the user out.  Reserves
 * disk space beside the file; the keyring has to keep a word.
 */
int token_reserve(struct token_lock *l, struct error *err);

/*
 * Replace what is kept by t: all of it or nothing, whenever we are killed.
 * What was reserved is used up by this, and given back by token_unlock().
 */
int token_save(struct token_lock *l, const struct token *t,
	       struct error *err);

#endif
