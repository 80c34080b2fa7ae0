#include "util/pin.h"

#include <string.h>

#include "util/base64.h"

enum { BASE64_LEN = 44, SHA1_SIZE = 20, MD5_SIZE = 16 };

static bool skip(struct str *s, struct str prefix)
{
	if (!str_casestarts(*s, prefix))
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	return true;
}

/* How many octets s is in hexadecimal; 0 if it is not.  They go into sum. */
static size_t from_hex(struct str s, unsigned char sum[PIN_SIZE])
{
	bool colons = s.n > 2 && s.p[2] == ':';
	size_t n = 0;

	while (s.n >= 2 && n < PIN_SIZE) {
		int octet = str_hex(s);

		if (octet < 0)
			return 0;
		sum[n++] = (unsigned char)octet;
		s.p += 2;
		s.n -= 2;
		if (colons && s.n) {
			if (*s.p != ':')
				return 0;
			s.p++;
			s.n--;
			if (!s.n)
				return 0;
		}
	}
	return s.n ? 0 : n;
}

static bool from_base64(struct str s, unsigned char sum[PIN_SIZE])
{
	struct buf b;
	bool ok;

	if (s.n != BASE64_LEN)
		return false;
	buf_init(&b, PIN_SIZE);
	ok = !base64_decode(&b, s) && b.len == PIN_SIZE && !b.over;
	if (ok)
		memcpy(sum, b.p, PIN_SIZE);
	buf_release(&b);
	return ok;
}

static bool is_weak(struct str w)
{
	unsigned char sum[PIN_SIZE];
	size_t n = from_hex(w, sum);

	return n == SHA1_SIZE || n == MD5_SIZE || skip(&w, STR("sha1:")) ||
	       skip(&w, STR("sha1//")) || skip(&w, STR("sha-1:")) ||
	       skip(&w, STR("md5:"));
}

enum pin_word pin_next(struct str *list, enum pin_kind kind,
		       unsigned char sum[PIN_SIZE])
{
	struct str w = str_word(list, STR_LIST);
	unsigned char key[PIN_SIZE];
	unsigned char cert[PIN_SIZE];
	bool only_key, named, is_key, is_cert;

	if (!w.n)
		return PIN_END;
	if (is_weak(w))
		return PIN_WEAK;
	only_key = skip(&w, STR("sha256//")) || skip(&w, STR("pin-sha256:"));
	named = only_key || skip(&w, STR("sha256:"));
	is_key = named && from_base64(w, key);
	is_cert = !only_key && from_hex(w, cert) == PIN_SIZE;
	if (kind == PIN_KEY ? !is_key : !is_cert)
		return is_key || is_cert ? PIN_OTHER : PIN_BAD;
	memcpy(sum, kind == PIN_KEY ? key : cert, PIN_SIZE);
	return PIN_OK;
}
