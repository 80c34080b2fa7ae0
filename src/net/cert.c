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

/* Is it what follows of an IA5String in DER?  Then leave the text of it. */
static bool is_ia5(struct str *s)
{
	if (s->n < 2 || s->p[0] != 0x16 || (unsigned char)s->p[1] != s->n - 2 ||
	    s->n - 2 > 127)
		return false;
	s->p += 2;
	s->n -= 2;
	return true;
}

/*
 * An SRV name (RFC 4985) from alternative *i on, in `name`; *i then is the one
 * to go on with.  Some versions of GnuTLS take the text out of its DER, and say
 * so by a type of their own.
 */
static bool next_srv(gnutls_x509_crt_t crt, unsigned *i,
		     char name[NAME_MAX_LEN], struct str *found)
{
	for (;; ++*i) {
		size_t n = NAME_MAX_LEN;
		char oid[64];
		size_t oid_n = sizeof(oid);
		int type = gnutls_x509_crt_get_subject_alt_name(crt, *i, name,
								&n, NULL);

		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue;
		if (type < 0)
			return false;
		if (gnutls_x509_crt_get_subject_alt_othername_oid(crt, *i, oid,
								  &oid_n) < 0 ||
		    strcmp(oid, "1.3.6.1.5.5.7.8.7") != 0)
			continue;
		*found = (struct str){ name, n };
		if (type == GNUTLS_SAN_OTHERNAME && !is_ia5(found))
			continue;
		++*i;
		return true;
	}
}

static void srv_names(gnutls_x509_crt_t crt, struct buf *to)
{
	char name[NAME_MAX_LEN];
	struct str found;

	for (unsigned i = 0; next_srv(crt, &i, name, &found); ) {
		if (to->len)
			buf_addz(to, ", ");
		utf8_escape(to, found);
	}
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
	srv_names(crt, &b);
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
	{ GNUTLS_CERT_SIGNER_NOT_CA, "its issuer is no CA" },
	{ GNUTLS_CERT_SIGNATURE_FAILURE,
	  "its signature, or one above it, is wrong" },
	{ GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for a TLS server" },
	{ GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
	  "it has an unknown critical extension" },
};

void cert_add_date(struct buf *why, int64_t when)
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

void cert_add_text(struct buf *why, const char *p, size_t n)
{
	utf8_escape(why, (struct str){ p, n < SHOWN ? n : SHOWN });
}

void cert_also(struct buf *why)
{
	if (why->len)
		buf_addz(why, "; ");
}

/*
 * The subject's common name is never a host name (RFC 9525 s2), though GnuTLS
 * would fall back to it: so the alternatives have to be there.
 */
static bool is_for_name(gnutls_x509_crt_t crt, const char *name)
{
	return names(crt, false, NULL) &&
	       gnutls_x509_crt_check_hostname2(crt, name, 0);
}

static bool is_for_host(gnutls_x509_crt_t crt, const struct cert_host *h)
{
	if (!h->ip_len)
		return is_for_name(crt, h->name);
	return names(crt, true, NULL) &&
	       gnutls_x509_crt_check_ip(crt, h->ip, h->ip_len, 0);
}

/*
 * GnuTLS knows nothing of constraints on SRV names; those of the chain on DNS
 * names hold for them as well, or else they would be a way around.
 */
static bool may_be_for(const struct cert_case *c, const char *domain)
{
	gnutls_datum_t name = { (unsigned char *)(uintptr_t)domain,
				(unsigned)strlen(domain) };
	bool ok = true;

	for (size_t i = 1; i < c->n && ok; i++) {
		gnutls_x509_name_constraints_t nc;

		if (gnutls_x509_name_constraints_init(&nc))
			return false;
		if (!gnutls_x509_crt_get_name_constraints(c->chain[i], nc, 0,
							  NULL))
			ok = gnutls_x509_name_constraints_check(nc,
					GNUTLS_SAN_DNSNAME, &name);
		gnutls_x509_name_constraints_deinit(nc);
	}
	return ok;
}

/* By any service of the domain's that we could be. */
static bool is_for_domain(const struct cert_case *c)
{
	static const struct str services[] = {
		{ "_submissions.", 13 }, { "_submission.", 12 },
	};
	gnutls_x509_crt_t crt = c->chain[0];
	char name[NAME_MAX_LEN];
	struct str found;

	if (is_for_name(crt, c->domain))
		return true;
	for (unsigned i = 0; next_srv(crt, &i, name, &found); )
		for (size_t k = 0; k < 2; k++) {
			struct str rest = found;

			if (!str_casestarts(rest, services[k]))
				continue;
			rest.p += services[k].n;
			rest.n -= services[k].n;
			if (str_caseeq(rest, str_of(c->domain)) &&
			    may_be_for(c, c->domain))
				return true;
		}
	return false;
}

/* A NUL is there to deceive whoever takes the name for a C string. */
static bool has_nul(gnutls_x509_crt_t crt)
{
	char name[NAME_MAX_LEN];

	for (unsigned i = 0; ; i++) {
		size_t n = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name,
								&n, NULL);

		if (type == GNUTLS_SAN_DNSNAME && memchr(name, '\0', n))
			return true;
		if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
			return false;
	}
}

static void judge_names(struct buf *why, const struct cert_case *c)
{
	const struct cert_host *h = c->host;
	const char *names_it = c->facts->names;
	bool both = *c->domain && strcmp(c->domain, h->name) != 0;

	if (is_for_host(c->chain[0], h) || (*c->domain && is_for_domain(c)))
		return;
	cert_also(why);
	if (!*names_it)
		buf_addz(why, "it names no host (no subject alternative "
			 "name), so not ");
	else
		buf_addf(why, "it is for %.*s, not for ", (int)SHOWN, names_it);
	buf_addf(why, "%s'%s'", h->ip_len && !names(c->chain[0], true, NULL) ?
		 "the address " : "", h->name);
	if (both)
		buf_addf(why, " or its domain '%s'", c->domain);
	if (has_nul(c->chain[0]))
		buf_addz(why, "; that has a NUL in it, to deceive");
}

static void add_subject(struct buf *why, gnutls_x509_crt_t crt)
{
	char *text = subject(crt);

	buf_addf(why, "'%.*s'", (int)SHOWN, text);
	free(text);
}

static void judge_issuer_times(struct buf *why, const struct cert_case *c,
			       bool expired)
{
	cert_also(why);
	for (size_t i = 1; i < c->n; i++) {
		int64_t from = gnutls_x509_crt_get_activation_time(c->chain[i]);
		int64_t until = gnutls_x509_crt_get_expiration_time(c->chain[i]);

		if (expired ? until >= c->now : from <= c->now)
			continue;
		buf_addz(why, "the certificate of its issuer ");
		add_subject(why, c->chain[i]);
		buf_addz(why, expired ? " expired on " : " is not valid before ");
		cert_add_date(why, expired ? until : from);
		return;
	}
	buf_addz(why, expired ? "a certificate of its issuers has expired" :
				"a certificate of its issuers is not yet valid");
}

static void judge_times(struct buf *why, const struct cert_case *c)
{
	if (c->now > c->facts->until) {
		cert_also(why);
		buf_addz(why, "it expired on ");
		cert_add_date(why, c->facts->until);
	} else if (c->now < c->facts->from) {
		cert_also(why);
		buf_addz(why, "it is not valid before ");
		cert_add_date(why, c->facts->from);
	} else if (c->status & GNUTLS_CERT_EXPIRED) {
		judge_issuer_times(why, c, true);
	} else if (c->status & GNUTLS_CERT_NOT_ACTIVATED) {
		judge_issuer_times(why, c, false);
	}
}

/* The chain ends, and nobody trusted has signed what it ends with. */
static void judge_issuer(struct buf *why, const struct cert_case *c)
{
	gnutls_x509_crt_t last = c->chain[c->n - 1];
	char *by;

	if (!(c->status & GNUTLS_CERT_SIGNER_NOT_FOUND))
		return;
	cert_also(why);
	if (c->n == 1 && gnutls_x509_crt_check_issuer(last, last)) {
		buf_addz(why, "it is self-signed (to trust it, set tls_trust "
			 "to a PEM file with it, or to tofu)");
		return;
	}
	by = issuer(last);
	if (c->n == 1)
		buf_addf(why, "its issuer '%.*s' is not trusted, nor did the "
			 "relay send a certificate of it: one is missing "
			 "there, or tls_trust has to be a PEM file with it",
			 (int)SHOWN, by);
	else
		buf_addf(why, "its authority '%.*s' is not trusted (set "
			 "tls_trust to a PEM file with it if it should be)",
			 (int)SHOWN, by);
	free(by);
}

static bool limits_names(gnutls_x509_crt_t crt)
{
	unsigned char der[1];
	size_t n = sizeof(der);

	return gnutls_x509_crt_get_extension_by_oid(crt, "2.5.29.30", 0, der,
						    &n, NULL) !=
	       GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/* What is no authority has issued nothing, whatever else it might not. */
static void judge_constraints(struct buf *why, const struct cert_case *c)
{
	bool on_names = false;

	if (!(c->status & GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE) ||
	    c->status & GNUTLS_CERT_SIGNER_NOT_CA)
		return;
	for (size_t i = 1; i < c->n; i++)
		on_names = on_names || limits_names(c->chain[i]);
	cert_also(why);
	buf_addf(why, "its issuer may not issue it (%s)", on_names ?
		 "name constraints" : "constraints on the chain");
}

static void judge_strength(struct buf *why, const struct cert_case *c)
{
	gnutls_x509_crt_t crt = c->chain[0];
	int sign = gnutls_x509_crt_get_signature_algorithm(crt);
	unsigned bits = 0;
	int key = gnutls_x509_crt_get_pk_algorithm(crt, &bits);

	if (!(c->status & GNUTLS_CERT_INSECURE_ALGORITHM))
		return;
	cert_also(why);
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
	judge_constraints(why, c);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (c->status & reasons[i].bit) {
			cert_also(why);
			buf_addz(why, reasons[i].text);
		}
}
