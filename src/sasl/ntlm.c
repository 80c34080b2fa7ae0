#include "sasl/ntlm.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Where things are in a CHALLENGE_MESSAGE, octets. */
enum {
	AT_TYPE = 8,
	AT_DOMAIN = 12,		/* length, room, offset */
	AT_FLAGS = 20,
	AT_NONCE = 24,		/* 8 octets */
	FLAG_UNICODE = 1,
	SHORT_SIZE = 32,	/* of the oldest form */
	HEAD_SIZE = 48		/* of the form that libntlm knows */
};

static uint32_t get(struct str s, size_t at, unsigned octets)
{
	uint32_t n = 0;

	while (octets--)
		n = n << 8 | (unsigned char)s.p[at + octets];
	return n;
}

static void put(struct buf *out, uint32_t n, unsigned octets)
{
	for (; octets; octets--, n >>= 8)
		buf_addch(out, (char)(n & 0xff));
}

static int nonsense(struct error *err, const char *why)
{
	return error_set(err, ERROR_PROTOCOL, "NTLM: the relay's challenge "
			 "makes no sense: %s", why);
}

/* The target's name, UTF-16; it may be anywhere behind the fixed part. */
static int find_domain(struct str s, struct str *domain, struct error *err)
{
	uint32_t n = get(s, AT_DOMAIN, 2);
	uint32_t at = get(s, AT_DOMAIN + 4, 4);

	*domain = (struct str){ "", 0 };
	if (!n)
		return 0;
	if (at < SHORT_SIZE || at > s.n || n > s.n - at)
		return nonsense(err, "its target name lies outside of it");
	if (n % 2 || n > NTLM_DOMAIN_MAX)
		return nonsense(err, "its target name is no name");
	*domain = (struct str){ s.p + at, n };
	return 0;
}

int ntlm_challenge(struct buf *out, struct str challenge, struct error *err)
{
	struct str domain;

	if (challenge.n < SHORT_SIZE)
		return nonsense(err, "it is too short");
	if (memcmp(challenge.p, "NTLMSSP", 8) ||
	    get(challenge, AT_TYPE, 4) != 2)
		return nonsense(err, "it is no challenge of NTLM");
	/* The answer will be, so anything else would be misread. */
	if (!(get(challenge, AT_FLAGS, 4) & FLAG_UNICODE))
		return nonsense(err, "its names are not in Unicode");
	if (find_domain(challenge, &domain, err))
		return -1;
	buf_add(out, (struct str){ challenge.p, AT_DOMAIN });
	put(out, (uint32_t)domain.n, 2);
	put(out, (uint32_t)domain.n, 2);
	put(out, HEAD_SIZE, 4);
	buf_add(out, (struct str){ challenge.p + AT_FLAGS, 4 });
	buf_add(out, (struct str){ challenge.p + AT_NONCE, 8 });
	put(out, 0, 4);
	put(out, 0, 4);
	put(out, 0, 4);			/* nothing more: length and room */
	put(out, HEAD_SIZE, 4);
	buf_add(out, domain);
	return 0;
}

int ntlm_user(struct buf *out, struct str user, struct str password,
	      struct error *err)
{
	const char *slash = user.n ? memchr(user.p, '\\', user.n) : NULL;
	struct str domain = user;

	if (str_has_8bit(user) || str_has_8bit(password))
		return error_set(err, ERROR_AUTH, "NTLM: user or password is "
				 "not ASCII, and this mechanism would garble "
				 "it");
	if (user.n > NTLM_NAME_MAX || password.n > NTLM_NAME_MAX)
		return error_set(err, ERROR_AUTH, "NTLM: user or password is "
				 "longer than %d octets", NTLM_NAME_MAX);
	if (!slash) {
		buf_add(out, user);
		return 0;
	}
	domain.n = (size_t)(slash - user.p);
	buf_add(out, (struct str){ slash + 1, user.n - domain.n - 1 });
	buf_addch(out, '@');
	buf_add(out, domain);
	return 0;
}
