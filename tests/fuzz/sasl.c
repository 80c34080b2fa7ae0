/*
 * A relay that says anything to any mechanism.  The first octet picks the
 * mechanism; the rest is its challenges, a line each, in clear: they are put
 * into base64 here.  No challenge makes an answer to what was refused, a
 * relay that proved nothing is never believed, and no error shows the secret.
 */
#include "sasl/sasl.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/base64.h"

#define SECRET "sEcReT-4711"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *name;
	bool proof;		/* the relay must show that it knows the secret */
} mechs[] = {
	{ "DIGEST-MD5", true }, { "NTLM", false }, { "SCRAM-SHA-1", true },
	{ "SCRAM-SHA-256", true }, { "CRAM-MD5", false }, { "LOGIN", false },
	{ "XOAUTH2", false }, { "OAUTHBEARER", false },
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_error(const struct error *err)
{
	require(err->kind == ERROR_AUTH || err->kind == ERROR_PROTOCOL);
	require(*err->text && !strstr(err->text, SECRET));
}

/* Lines until one is refused, and then no more.  Was it all taken? */
static bool talk(const struct auth *auth, struct str in, struct error *err)
{
	int rounds = 0;

	while (in.n && rounds++ < 4) {
		struct str line = str_cut(&in, '\n');
		struct buf coded, out;
		int ret;

		buf_init(&coded, 1 << 20);
		buf_init(&out, 1 << 20);
		base64_encode(&coded, line);
		ret = auth->step(auth->ctx, buf_str(&coded), &out, err);
		require(!ret || !out.len);
		buf_release(&coded);
		buf_release(&out);
		if (ret)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data + 1, size - 1 };
	struct sasl_config c = { .user = "alice@example.org", .authzid = "",
				 .host = "mx.example.org", .port = 587,
				 .secret = STR(SECRET), .secure = true };
	struct error err = { ERROR_NONE, "" };
	const struct auth *auth;
	struct buf initial;
	struct sasl *s;
	const char *mech;
	bool has_initial;
	size_t which;

	if (!size)
		return 0;
	which = data[0] % (sizeof(mechs) / sizeof(*mechs));
	c.mechs = mechs[which].name;
	c.is_token = strstr(c.mechs, "OAUTH");
	s = sasl_new(&c, &err);
	require(s);
	auth = sasl_auth(s);
	buf_init(&initial, 1 << 20);
	require(!auth->start(auth->ctx, str_of(c.mechs), &mech, &has_initial,
			     &initial, &err));
	if (!talk(auth, in, &err))
		check_error(&err);
	else if (auth->finish(auth->ctx, &err))
		check_error(&err);
	else
		require(!mechs[which].proof);
	buf_release(&initial);
	sasl_free(s);
	return 0;
}
