#include "sasl/scram.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/utf8.h"

enum { WORD_SHOWN = 60 };	/* octets of the relay's words, in errors */

struct str scram_attribute(struct str message, char name)
{
	while (message.n) {
		struct str field = str_cut(&message, ',');

		if (field.n >= 2 && field.p[0] == name && field.p[1] == '=')
			return (struct str){ field.p + 2, field.n - 2 };
	}
	return (struct str){ "", 0 };
}

/* "e=..." in place of an answer: the relay's reason to refuse (s7). */
static int check_refusal(struct str message, struct error *err)
{
	struct str word = scram_attribute(message, 'e');
	struct buf shown;

	if (!str_starts(message, STR("e=")))
		return 0;
	if (word.n > WORD_SHOWN)
		word.n = WORD_SHOWN;
	buf_init(&shown, 4 * WORD_SHOWN);
	utf8_escape(&shown, word);
	error_set(err, ERROR_AUTH, "SCRAM: the relay refuses: '%s'",
		  buf_cstr(&shown));
	buf_release(&shown);
	return -1;
}

static int check_iterations(struct str digits, struct error *err)
{
	uint64_t n;

	if (!str_u64(digits, UINT64_MAX, &n))
		return error_set(err, ERROR_PROTOCOL, "SCRAM: the relay's "
				 "iteration count is not a number");
	if (n < SCRAM_ITERATIONS_MIN)
		return error_set(err, ERROR_AUTH, "SCRAM: iteration count %"
				 PRIu64 " is below %d; to whoever asks for so "
				 "little the password would be cheap to guess",
				 n, SCRAM_ITERATIONS_MIN);
	if (n > SCRAM_ITERATIONS_MAX)
		return error_set(err, ERROR_AUTH, "SCRAM: iteration count %"
				 PRIu64 " is above %d", n,
				 SCRAM_ITERATIONS_MAX);
	return 0;
}

int scram_check_first(struct str message, struct str nonce,
		      struct error *err)
{
	struct str theirs, salt;

	if (check_refusal(message, err))
		return -1;
	/* libgsasl would believe it to end there, and sign what it read. */
	if (message.n && memchr(message.p, '\0', message.n))
		return error_set(err, ERROR_PROTOCOL, "SCRAM: the relay's "
				 "first message has a NUL in it");
	/* Order is fixed; a leading m= is an extension that binds us (s5.1). */
	if (!str_starts(message, STR("r=")))
		return error_set(err, ERROR_PROTOCOL, "SCRAM: the relay's "
				 "first message does not begin with its nonce");
	theirs = str_cut(&message, ',');
	theirs.p += 2;
	theirs.n -= 2;
	if (!nonce.n || theirs.n <= nonce.n || !str_starts(theirs, nonce))
		return error_set(err, ERROR_AUTH, "SCRAM: the relay's nonce "
				 "does not extend ours; it may be replayed");
	salt = str_cut(&message, ',');
	if (!str_starts(salt, STR("s=")) || salt.n == 2 ||
	    !str_starts(message, STR("i=")))
		return error_set(err, ERROR_PROTOCOL, "SCRAM: the relay's "
				 "first message lacks salt or iteration count");
	return check_iterations(scram_attribute(message, 'i'), err);
}

int scram_check_final(struct str message, struct error *err)
{
	if (check_refusal(message, err))
		return -1;
	if (!str_starts(message, STR("v=")))
		return error_set(err, ERROR_PROTOCOL, "SCRAM: the relay's "
				 "last message has no signature");
	return 0;
}
