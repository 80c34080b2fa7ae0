#include "net/cert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	NAME_MAX_LEN = 1024,		/* octets of one alternative name */
	NAMES_MAX = 8 << 10,		/* octets of all of them, for display */
	DN_MAX = 2 << 10,
	SHOWN = 160			/* octets of a list in an error */
};

/* ---- the host ---- */

void cert_host_init(struct cert_host *h, const char *host)
{
	size_t n = strlen(host);

	memset(h, 0, sizeof(*h));
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n > 1 && host[n - 1] == '.')
		n--;
	h->name = xstrndup(host, n);
	if (inet_pton(AF_INET, h->name, h->ip) == 1) {
		h->ip_len = 4;
	} else if (strchr(h->name, ':')) {
		char *scope = strchr(h->name, '%');

		if (scope)
			*scope = '\0';
		if (inet_pton(AF_INET6, h->name, h->ip) == 1)
			h->ip_len = 16;
	}
}

void cert_host_release(struct cert_host *h)
{
	free(h->name);
	memset(h, 0, sizeof(*h));
}

/* ---- facts ---- */

static char *taken(struct buf *b)
{
	char *s = xstrdup(buf_cstr(b));

	buf_release(b);
	return s;
}

static char *printable(gnutls_datum_t *d)
{
	struct buf b;

	buf_init(&b, DN_MAX);
	if (d->data)
		utf8_escape(&b, (struct str){ (char *)d->data, d->size });
	gnutls_free(d->data);
	d->data = NULL;
	return taken(&b);
}

static char *subject(gnutls_x509_crt_t crt)
{
	gnutls_datum_t d = { NULL, 0 };

	gnutls_x509_crt_get_dn3(crt, &d, 0);
	return printable(&d);
}

static char *issuer(gnutls_x509_crt_t crt)
{
	gnutls_datum_t d = { NULL, 0 };

	gnutls_x509_crt_get_issuer_dn3(crt, &d, 0);
	return printable(&d);
}

static void add_name(struct buf *to, unsigned type, const char *p, size_t n)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (type == GNUTLS_SAN_DNSNAME) {
		utf8_escape(to, (struct str){ p, n });
		return;
	}
	if (n == 4 || n == 16)
		inet_ntop(n == 4 ? AF_INET : AF_INET6, p, text, sizeof(text));
	buf_addz(to, text);
}

/*
 * Append the DNS and IP alternatives to `to`, which may be NULL; returns how
 * many there are of the kind that a name (or an address) is compared with.
 */
static unsigned names(gnutls_x509_crt_t crt, bool ip, struct buf *to)
{
	unsigned wanted = ip ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME;
	unsigned found = 0;
	char name[NAME_MAX_LEN];

	for (unsigned i = 0; ; i++) {
		size_t n = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name,
								&n, NULL);

		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return found;
		if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
			return found;
		found += type == (int)wanted;
		if (!to || (type != GNUTLS_SAN_DNSNAME &&
			    type != GNUTLS_SAN_IPADDRESS))
			continue;
		if (to->len)
			buf_addz(to, ", ");
		add_name(to, (unsigned)type, name, n);
	}
}

static char *fingerprint(gnutls_x509_crt_t crt)
{
	unsigned char sum[32];
	size_t n = sizeof(sum);
	struct buf b;

	buf_init(&b, NAME_MAX_LEN);
	buf_addz(&b, "sha256:");
	if (!gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, sum, &n))
		for (size_t i = 0; i < n; i++)
			buf_addf(&b, "%02x", sum[i]);
	return taken(&b);
}

static char *pin(gnutls_x509_crt_t crt)
{
	unsigned char sum[32];
	size_t n = sizeof(sum);
	gnutls_datum_t raw = { sum, sizeof(sum) }, text = { NULL, 0 };
	struct buf b;

	buf_init(&b, NAME_MAX_LEN);
	buf_addz(&b, "sha256:");
	if (!gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, sum,
					&n) &&
	    !gnutls_base64_encode2(&raw, &text))
		buf_add(&b, (struct str){ (char *)text.data, text.size });
	gnutls_free(text.data);
	return taken(&b);
}

int cert_read(struct tls_cert *c, gnutls_x509_crt_t crt, struct error *err)
{
	struct buf b;

	c->from = (int64_t)gnutls_x509_crt_get_activation_time(crt);
	c->until = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
	if (c->from == -1 || c->until == -1)
		return error_set(err, ERROR_CERT, "the relay's certificate "
				 "has no readable dates");
	buf_init(&b, NAMES_MAX);
	names(crt, false, &b);
	c->names = taken(&b);
	c->subject = subject(crt);
	c->issuer = issuer(crt);
	c->fingerprint = fingerprint(crt);
	c->pin = pin(crt);
	return 0;
}

void cert_release(struct tls_cert *c)
{
	free(c->subject);
	free(c->issuer);
	free(c->names);
	free(c->fingerprint);
	free(c->pin);
	memset(c, 0, sizeof(*c));
}

/* ---- the judgement ---- */

static const struct {
	unsigned bit;
	const char *text;
} reasons[] = {
	{ GNUTLS_CERT_REVOKED, "it has been revoked" },
	{ GNUTLS_CERT_SIGNER_NOT_CA, "its issuer is no CA" },
	{ GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong" },
	{ GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
	  "its issuer may not issue it" },
	{ GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for a TLS server" },
	{ GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
	  "it has an unknown critical extension" },
	{ GNUTLS_CERT_MISSING_OCSP_STATUS,
	  "it demands an OCSP status, which the relay did not send" },
	{ GNUTLS_CERT_INVALID_OCSP_STATUS,
	  "the OCSP status sent with it is invalid" },
	{ GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED,
	  "its revocation data are out of date" },
	{ GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
	  "its revocation data are from the future" },
};

static void add_date(struct buf *why, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[40];

	if (gmtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		buf_addz(why, text);
	else
		buf_addz(why, "a date out of range");
}

static void also(struct buf *why)
{
	if (why->len)
		buf_addz(why, "; ");
}

/*
 * The subject's common name is never a host name (RFC 9525 s2), though GnuTLS
 * would fall back to it: so the alternatives have to be there.
 */
static void judge_names(struct buf *why, const struct cert_case *c)
{
	const struct cert_host *h = c->host;
	bool ip = h->ip_len > 0;

	if (!names(c->crt, ip, NULL)) {
		also(why);
		if (!c->facts->names[0])
			buf_addf(why, "it names no host (no subject "
				 "alternative name), so not '%s'", h->name);
		else
			buf_addf(why, "it is for %.*s, not for %s'%s'",
				 (int)SHOWN, c->facts->names,
				 ip ? "the address " : "", h->name);
		return;
	}
	if (ip ? gnutls_x509_crt_check_ip(c->crt, h->ip, h->ip_len, 0)
	       : gnutls_x509_crt_check_hostname2(c->crt, h->name, 0))
		return;
	also(why);
	buf_addf(why, "it is for %.*s, not for '%s'", (int)SHOWN,
		 c->facts->names, h->name);
}

static void judge_times(struct buf *why, const struct cert_case *c)
{
	if (c->now > c->facts->until) {
		also(why);
		buf_addz(why, "it expired on ");
		add_date(why, c->facts->until);
	} else if (c->now < c->facts->from) {
		also(why);
		buf_addz(why, "it is not valid before ");
		add_date(why, c->facts->from);
	} else if (c->status & GNUTLS_CERT_EXPIRED) {
		also(why);
		buf_addz(why, "a certificate of its issuers has expired");
	} else if (c->status & GNUTLS_CERT_NOT_ACTIVATED) {
		also(why);
		buf_addz(why, "a certificate of its issuers is not yet valid");
	}
}

static void judge_issuer(struct buf *why, const struct cert_case *c)
{
	if (!(c->status & GNUTLS_CERT_SIGNER_NOT_FOUND))
		return;
	also(why);
	if (gnutls_x509_crt_check_issuer(c->crt, c->crt))
		buf_addz(why, "it is self-signed (to trust it, set tls_trust "
			 "to a PEM file with it, or to tofu)");
	else
		buf_addf(why, "its issuer '%.*s' is not trusted (set "
			 "tls_trust to a PEM file with it if it should be)",
			 (int)SHOWN, c->facts->issuer);
}

static void judge_strength(struct buf *why, const struct cert_case *c)
{
	int sign = gnutls_x509_crt_get_signature_algorithm(c->crt);
	unsigned bits = 0;
	int key = gnutls_x509_crt_get_pk_algorithm(c->crt, &bits);

	if (!(c->status & GNUTLS_CERT_INSECURE_ALGORITHM))
		return;
	also(why);
	if (sign > 0 && !gnutls_sign_is_secure2((gnutls_sign_algorithm_t)sign,
					GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
		buf_addf(why, "its signature is weak (%s)",
			 gnutls_sign_get_name((gnutls_sign_algorithm_t)sign));
	else if (key == GNUTLS_PK_RSA && bits < 2048)
		buf_addf(why, "its RSA key is weak (%u bits)", bits);
	else
		buf_addz(why, "its chain uses a weak algorithm");
}

void cert_judge(struct buf *why, const struct cert_case *c)
{
	judge_names(why, c);
	judge_times(why, c);
	judge_issuer(why, c);
	judge_strength(why, c);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (c->status & reasons[i].bit) {
			also(why);
			buf_addz(why, reasons[i].text);
		}
	if (c->status && !why->len)
		buf_addz(why, "its chain does not verify");
}
