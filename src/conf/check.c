#include "conf/check.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

#include "conf/duration.h"
#include "conf/profile.h"
#include "mail/address.h"
#include "mail/idn.h"
#include "sasl/sasl.h"
#include "util/buf.h"
#include "util/pin.h"

enum { DOMAIN_MAX = 255, MECH_MAX = 20, NAME_LIMIT = 64 };	/* octets:
				RFC 1035 s2.3.4; RFC 4422 s3.1; ours */
enum { CREDENTIAL_MAX = 255 };		/* octets: a file's name */

static bool has(struct str s, char c)
{
	return s.n && memchr(s.p, c, s.n);
}

static bool has_any(struct str s, const char *chars)
{
	for (; *chars; chars++)
		if (has(s, *chars))
			return true;
	return false;
}

static int bad(struct error *err, const char *why)
{
	return error_set(err, ERROR_CONFIG, "%s", why);
}

int check_word(struct str value, struct error *err)
{
	if (has_any(value, " \t"))
		return bad(err, "may have no blank in it");
	return 0;
}

static bool is_name_char(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c & 0x80 ||
	       (c && strchr("._@+-", c));
}

int check_name(struct str name, struct error *err)
{
	if (name.n > NAME_LIMIT)
		return error_set(err, ERROR_CONFIG, "the name is longer than "
				 "%d octets", NAME_LIMIT);
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return error_set(err, ERROR_CONFIG, "a name is one "
					 "word of letters, digits and "
					 ". _ @ + -");
	return name.n ? 0 : bad(err, "there is no name");
}

int check_profile_name(struct str name, struct error *err)
{
	if (name.n && (*name.p == '.' || *name.p == '-'))
		return bad(err, "the name of a profile does not begin with "
			   "a dot or a hyphen");
	return check_name(name, err);
}

static size_t count(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

/* The longest label that is put before it, and a dot. */
enum { SRV_LABEL = sizeof("_submissions._tcp.") - 1 };

static int check_srv(struct str domain, struct error *err)
{
	bool name = false;

	for (size_t i = 0; i < domain.n; i++)
		name |= domain.p[i] != '.' &&
			(domain.p[i] < '0' || domain.p[i] > '9');
	if (!name || has_any(domain, "/[]:@ \t,;<>()\"'\\"))
		return bad(err, "names no domain: srv: stands before the "
			   "domain of a mail address");
	if (domain.n + SRV_LABEL > DOMAIN_MAX)
		return bad(err, "is too long for a domain");
	return 0;
}

int check_host(struct str value, struct error *err)
{
	struct sockaddr_un un;

	if (str_casestarts(value, STR("srv:")))
		return check_srv((struct str){ value.p + 4, value.n - 4 }, err);
	if (!value.n)
		return bad(err, "may not be empty");
	if (value.p[0] == '/') {
		if (value.n >= sizeof(un.sun_path))
			return bad(err, "the path is too long for a socket");
		return 0;
	}
	if (has_any(value, " \t,;@<>\"'\\"))
		return bad(err, "is not a host name");
	if (has(value, '/'))
		return bad(err, "is not a host name: a URL's scheme and path "
			   "do not belong here");
	if (has_any(value, "[]"))
		return bad(err, "is not a host name: an IPv6 address stands "
			   "without brackets");
	if (count(value, ':') == 1)
		return bad(err, "is not a host name: the port goes into "
			   "'port'");
	if (value.n > DOMAIN_MAX)
		return bad(err, "is too long for a host name");
	return 0;
}

int check_domain(struct str value, struct error *err)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || value.p[i] > '~')
			return bad(err, "must be printable ASCII without "
				   "blanks");
	if (value.n > DOMAIN_MAX)
		return bad(err, "is too long for a domain");
	if (value.n && value.p[0] == '[') {
		if (value.p[value.n - 1] != ']')
			return bad(err, "is an address literal without its ']'");
		return 0;
	}
	if (has_any(value, "@<>()[]\\,;:\"/"))
		return bad(err, "is not a domain");
	return 0;
}

static int check_literal(struct str value, struct error *err)
{
	const struct str tag = STR("[IPv6:");
	bool v6 = str_casestarts(value, tag);
	size_t skip = v6 ? tag.n : 1;
	char text[INET6_ADDRSTRLEN];
	unsigned char raw[16];

	if (value.p[value.n - 1] != ']')
		return bad(err, "is an address literal without its ']'");
	value = (struct str){ value.p + skip, value.n - skip - 1 };
	if (!v6 && has(value, ':'))
		return bad(err, "is no address literal: one of IPv6 begins "
			   "with '[IPv6:'");
	if (value.n >= sizeof(text))
		return bad(err, "is no address literal");
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, raw) != 1)
		return bad(err, "is no address literal");
	return 0;
}

int check_helo(struct str value, struct error *err)
{
	struct error why;
	struct buf ascii;
	int ret;

	if (str_starts(value, STR("[")))
		return check_literal(value, err);
	buf_init(&ascii, 2 * DOMAIN_MAX);
	if (idn_domain(&ascii, value, &why))
		ret = bad(err, "is not a domain");
	else
		ret = check_domain(buf_str(&ascii), err);
	buf_release(&ascii);
	return ret;
}

int check_mailname(struct str value, struct error *err)
{
	if (has_any(value, " \t@<>()[]\\,;:\"/"))
		return bad(err, "is not a domain");
	if (value.n > DOMAIN_MAX)
		return bad(err, "is too long for a domain");
	if (str_caseeq(value, STR("localhost")) ||
	    str_casestarts(value, STR("localhost.")))
		return bad(err, "means nothing to other hosts");
	return 0;
}

static bool mech_char(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

static int check_mechs(struct str value, struct error *err)
{
	struct buf mechs;
	int r;

	buf_init(&mechs, value.n + 1);
	buf_add(&mechs, value);
	r = sasl_check_mechs(buf_cstr(&mechs), err);
	buf_release(&mechs);
	return r;
}

int check_auth(struct str value, struct error *err)
{
	struct str rest = value;
	size_t words = 0;
	bool alone = false;
	struct str w;

	while ((w = str_word(&rest, STR_LIST)).n) {
		words++;
		if (str_caseeq(w, STR("none")))
			alone = true;
		if (w.n > 1 && *w.p == '-') {
			w.p++;
			w.n--;
		}
		if (w.n > MECH_MAX)
			return bad(err, "is not a mechanism's name");
		for (size_t i = 0; i < w.n; i++)
			if (!mech_char(w.p[i]))
				return bad(err, "is not auto, none, or a list "
					   "of mechanism names");
	}
	if (!words)
		return bad(err, "may not be empty: auto, none, or mechanisms");
	if (alone && words > 1)
		return bad(err, "none stands alone");
	return check_mechs(value, err);
}

int check_domains(struct str value, struct error *err)
{
	struct str w;

	while ((w = str_word(&value, STR_LIST)).n)
		if (check_domain(w, err))
			return -1;
	return 0;
}

/* As it goes into the envelope; what a pattern matches is not our say. */
static bool is_bare(struct str s)
{
	struct error ignored;
	struct buf spec;
	bool same;

	if (has_any(s, "*?"))
		return true;
	buf_init(&spec, 2 * ADDRESS_MAX);
	same = !address_one(&spec, s, &ignored) && str_eq(buf_str(&spec), s);
	buf_release(&spec);
	return same;
}

int check_from(struct str value, struct error *err)
{
	while (value.n) {
		struct str w = str_trim(str_cut(&value, ','));

		if (!w.n)
			return bad(err, "has an empty address between commas");
		if (has_any(w, " \t<>()"))
			return bad(err, "takes bare addresses with commas "
				   "between; a name goes into 'from_name'");
		if (!has_any(w, "@*?"))
			return bad(err, "has an address without a domain");
		if (!is_bare(w))
			return bad(err, "has what is no address");
	}
	return 0;
}

int check_secret_file(struct str value, struct error *err)
{
	static const struct str scheme = { "credential:", 11 };
	struct str name;

	if (!str_starts(value, scheme))
		return 0;
	name = (struct str){ value.p + scheme.n, value.n - scheme.n };
	if (!name.n || name.n > CREDENTIAL_MAX || has_any(name, "/:") ||
	    str_eq(name, STR(".")) || str_eq(name, STR("..")))
		return bad(err, "is not the name of a credential: one word "
			   "without '/' and ':'");
	return 0;
}

int check_notify(struct str value, struct error *err)
{
	static const struct str kinds[] = {
		{ "success", 7 }, { "failure", 7 }, { "delay", 5 },
	};
	unsigned seen = 0;

	if (!value.n || str_caseeq(value, STR("never")))
		return 0;
	while (value.n) {
		struct str w = str_trim(str_cut(&value, ','));
		size_t i = 0;

		while (i < 3 && !str_caseeq(w, kinds[i]))
			i++;
		if (i == 3 || (seen & (1u << i)))
			return bad(err, "is not never, or a list of success, "
				   "failure and delay");
		seen |= 1u << i;
	}
	return 0;
}

int check_return(struct str value, struct error *err)
{
	if (!value.n || str_caseeq(value, STR("full")) ||
	    str_caseeq(value, STR("hdrs")))
		return 0;
	return bad(err, "is not full or hdrs");
}

int check_provider(struct str value, struct error *err)
{
	if (!value.n || profile_knows(value))
		return 0;
	return bad(err, "is none of google, microsoft, yahoo and fastmail; "
		   "for another, set issuer, or auth_endpoint and "
		   "token_endpoint");
}

/* Does the URL's host, up to its port or path, name this host? */
static bool is_loopback(struct str rest)
{
	static const struct str here[] = {
		{ "localhost", 9 }, { "127.0.0.1", 9 }, { "[::1]", 5 },
	};

	for (size_t i = 0; i < sizeof(here) / sizeof(*here); i++)
		if (str_casestarts(rest, here[i]) &&
		    (rest.n == here[i].n || strchr(":/", rest.p[here[i].n])))
			return true;
	return false;
}

int check_endpoint(struct str value, struct error *err)
{
	if (!value.n)
		return 0;
	if (has_any(value, " \t\"<>\\^`{|}"))
		return bad(err, "is not a URL");
	if (str_casestarts(value, STR("https://")) && value.n > 8)
		return 0;
	if (str_casestarts(value, STR("http://")) &&
	    is_loopback((struct str){ value.p + 7, value.n - 7 }))
		return 0;
	return bad(err, "is not an https:// URL: tokens are sent there");
}

int check_pins(struct str value, struct error *err)
{
	unsigned char sum[PIN_SIZE];

	for (;;) switch (pin_next(&value, PIN_KEY, sum)) {
	case PIN_OK:
		break;
	case PIN_END:
		return 0;
	case PIN_WEAK:
		return bad(err, "SHA-1 and MD5 are too weak to know a key by: "
			   "give sha256:BASE64");
	case PIN_OTHER:
		return bad(err, "that is a certificate's fingerprint, which "
			   "goes into tls_fingerprint; a key's pin is "
			   "sha256:BASE64 (see --serverinfo)");
	case PIN_BAD:
		return bad(err, "is not a list of pins, sha256:BASE64 of 32 "
			   "octets each (see --serverinfo)");
	}
}

int check_fingerprints(struct str value, struct error *err)
{
	unsigned char sum[PIN_SIZE];

	for (;;) switch (pin_next(&value, PIN_CERT, sum)) {
	case PIN_OK:
		break;
	case PIN_END:
		return 0;
	case PIN_WEAK:
		return bad(err, "SHA-1 and MD5 are too weak to know a "
			   "certificate by: give sha256:HEX (openssl x509 "
			   "-noout -fingerprint -sha256)");
	case PIN_OTHER:
		return bad(err, "that is a key's pin, which goes into tls_pin;"
			   " a certificate's fingerprint is sha256:HEX");
	case PIN_BAD:
		return bad(err, "is not a list of fingerprints, sha256: and 64 "
			   "hexadecimal digits each (see --serverinfo)");
	}
}

/* RFC 7512 s2.4: a PIN in a URI would stand in a file that need be no secret. */
int check_own_cert(struct str value, struct error *err)
{
	struct str rest = value;

	if (!str_starts(value, STR("pkcs11:")))
		return 0;
	str_cut(&rest, '?');
	while (rest.n) {
		struct str name = str_cut(&rest, '&');

		if (str_casestarts(name, STR("pin-value")) ||
		    str_casestarts(name, STR("pin-source")))
			return bad(err, "the PIN does not belong into the URI: "
				   "set tls_key_password_file or "
				   "tls_key_password_command");
	}
	return 0;
}

int check_retry(struct str value, struct error *err)
{
	unsigned wait[QUEUE_WAITS];
	size_t n;

	return duration_list(value, wait, &n, err);
}
