/*
 * The test certificates, made anew at run time so that none is ever out of
 * date: one good chain, and one for each way in which a chain can be bad.
 */
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "relay/certs.h"
#include "relay/relay.h"

enum {
	ADDRESSES = 1u << 0,		/* SAN 127.0.0.1 and ::1 */
	CA = 1u << 1,
	CLIENT = 1u << 2,		/* for a TLS client only */
	ALONE = 1u << 3,		/* without what signed it */
	CRITICAL = 1u << 4,		/* has an extension nobody knows */
	STAPLE = 1u << 5,		/* demands an OCSP status, RFC 7633 */
	NARROW = 1u << 6,		/* may sign for allowed.test only */
	RSA = 1u << 7,
	SHORT = 1u << 8,		/* RSA with 1024 bits */
	RENEWED = 1u << 9		/* has the key of "good" */
};

struct recipe {
	const char *name;
	enum signer signer;
	int from, until;		/* days from now; both 0: -1, 30 */
	const char *cn;			/* NULL: relay.test */
	size_t cn_len;			/* if it holds a NUL */
	const char *dns;		/* SAN; NULL: localhost relay.test */
	unsigned bits;
	gnutls_digest_algorithm_t digest;	/* 0: SHA-256 */
	const char *srv;		/* SAN by RFC 4985 */
};

/* In the order of enum signer. */
static const struct recipe authorities[SIGNERS] = {
	{ "ca", BY_ITSELF, -90, 90, "posthaste test CA", .dns = "", .bits = CA },
	{ "other-ca", BY_ITSELF, -90, 90, "another test CA", .dns = "",
	  .bits = CA },
	/* Has the CA's name, and another key. */
	{ "impostor-ca", BY_ITSELF, -90, 90, "posthaste test CA", .dns = "",
	  .bits = CA },
	{ "inter", BY_CA, -60, 60, "test intermediate", .dns = "", .bits = CA },
	{ "old-inter", BY_CA, -60, -2, "expired intermediate", .dns = "",
	  .bits = CA },
	{ "narrow-inter", BY_CA, -60, 60, "narrow intermediate", .dns = "",
	  .bits = CA | NARROW },
	{ "rsa-inter", BY_CA, -60, 60, "RSA intermediate", .dns = "",
	  .bits = CA | RSA },
	{ "leaf-inter", BY_CA, -60, 60, "no intermediate", .dns = "" },
	{ "revoked-inter", BY_CA, -60, 60, "revoked intermediate", .dns = "",
	  .bits = CA },
};

static const struct recipe recipes[] = {
	{ "good", BY_CA, .bits = ADDRESSES },
	{ "renewed", BY_CA, .bits = ADDRESSES | RENEWED },
	{ "wronghost", BY_CA, .cn = "elsewhere.test", .dns = "elsewhere.test" },
	{ "expired", BY_CA, -60, -2, .bits = ADDRESSES },
	{ "notyet", BY_CA, 2, 60, .bits = ADDRESSES },
	{ "selfsigned", BY_ITSELF, .bits = ADDRESSES },
	{ "unknownca", BY_OTHER, .bits = ADDRESSES },
	{ "impostor", BY_IMPOSTOR, .bits = ADDRESSES },
	{ "sha1", BY_CA, .bits = ADDRESSES, .digest = GNUTLS_DIG_SHA1 },
	{ "md5", BY_RSA, .bits = ADDRESSES, .digest = GNUTLS_DIG_MD5 },
	{ "rsa1024", BY_CA, .bits = ADDRESSES | SHORT },
	{ "cnonly", BY_CA, .cn = "localhost", .dns = "" },
	/* A name that a C string ends early: "localhost", NUL, ".evil.test". */
	{ "nulname", BY_CA, .cn = "localhost\0.evil.test", .cn_len = 20,
	  .dns = "" },
	{ "chained", BY_INTER, .bits = ADDRESSES },
	{ "nointer", BY_INTER, .bits = ADDRESSES | ALONE },
	{ "oldinter", BY_OLD, .bits = ADDRESSES },
	{ "notca", BY_LEAF, .bits = ADDRESSES },
	{ "constraints", BY_NARROW, .bits = ADDRESSES },
	{ "clientonly", BY_CA, .bits = ADDRESSES | CLIENT },
	{ "critical", BY_CA, .bits = ADDRESSES | CRITICAL },
	{ "muststaple", BY_CA, .bits = ADDRESSES | STAPLE },
	{ "revoked", BY_CA, .bits = ADDRESSES },
	{ "revokedinter", BY_REVOKED, .bits = ADDRESSES },
	{ "domain", BY_CA, .cn = "example.test", .dns = "example.test" },
	{ "srvname", BY_CA, .cn = "example.test", .dns = "",
	  .srv = "_submissions.example.test" },
	{ "client", BY_CA, .cn = "alice", .dns = "", .bits = CLIENT },
	{ "client-rsa", BY_INTER, .cn = "bob", .dns = "", .bits = CLIENT | RSA },
	{ "client-other", BY_OTHER, .cn = "mallory", .dns = "",
	  .bits = CLIENT },
};

int certs_fail(const char *what, int ret)
{
	fprintf(stderr, "relay: %s: %s\n", what, gnutls_strerror(ret));
	return -1;
}

static int pair_new(struct pair *p, unsigned bits)
{
	int ret = gnutls_x509_crt_init(&p->crt);

	if (ret >= 0)
		ret = gnutls_x509_privkey_init(&p->key);
	if (ret >= 0 && bits & (RSA | SHORT))
		ret = gnutls_x509_privkey_generate(p->key, GNUTLS_PK_RSA,
						   bits & SHORT ? 1024 : 2048,
						   0);
	else if (ret >= 0)
		ret = gnutls_x509_privkey_generate(
			p->key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	return ret < 0 ? certs_fail("making a key", ret) : 0;
}

static int key_of_good(struct pair *p, const char *dir)
{
	gnutls_datum_t pem = { NULL, 0 };
	char path[512];
	int ret;

	snprintf(path, sizeof(path), "%s/good.key", dir);
	ret = gnutls_load_file(path, &pem);
	gnutls_x509_privkey_deinit(p->key);
	p->key = NULL;
	if (ret >= 0)
		ret = gnutls_x509_privkey_init(&p->key);
	if (ret >= 0)
		ret = gnutls_x509_privkey_import(p->key, &pem,
						 GNUTLS_X509_FMT_PEM);
	gnutls_free(pem.data);
	return ret < 0 ? certs_fail(path, ret) : 0;
}

static void pair_release(struct pair *p)
{
	if (p->crt)
		gnutls_x509_crt_deinit(p->crt);
	if (p->key)
		gnutls_x509_privkey_deinit(p->key);
}

int certs_save(const char *dir, const char *name, const char *ending,
	       const gnutls_datum_t *pem)
{
	char path[512];
	ssize_t done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.%s", dir, name, ending);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "relay: cannot create '%s': %m\n", path);
		return -1;
	}
	done = write(fd, pem->data, pem->size);
	close(fd);
	return done == (ssize_t)pem->size ? 0 : -1;
}

/* The certificate, followed by what signed it if that is no root. */
static int pem_of(const struct pair *p, const struct pair *by,
		  gnutls_datum_t *pem)
{
	gnutls_datum_t more = { NULL, 0 };
	int ret = gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, pem);

	if (ret < 0 || !by)
		return ret;
	ret = gnutls_x509_crt_export2(by->crt, GNUTLS_X509_FMT_PEM, &more);
	if (ret < 0)
		return ret;
	pem->data = gnutls_realloc(pem->data, pem->size + more.size);
	memcpy(pem->data + pem->size, more.data, more.size);
	pem->size += more.size;
	gnutls_free(more.data);
	return 0;
}

static int pair_save(const struct pair *p, const char *dir, const char *name,
		     const struct pair *by)
{
	gnutls_datum_t pem = { NULL, 0 };
	int ret = pem_of(p, by, &pem);

	if (ret < 0)
		return certs_fail(name, ret);
	ret = certs_save(dir, name, "pem", &pem);
	gnutls_free(pem.data);
	if (ret)
		return -1;
	ret = gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem);
	if (ret < 0)
		return certs_fail(name, ret);
	ret = certs_save(dir, name, "key", &pem);
	gnutls_free(pem.data);
	return ret;
}

static int basics(struct pair *p, const struct recipe *r)
{
	bool dated = r->from || r->until;
	const char *cn = r->cn ? r->cn : "relay.test";
	time_t now = time(NULL);
	unsigned char serial[12];
	unsigned char id[20];
	size_t n = sizeof(id);
	int ret;

	gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] = 1;
	ret = gnutls_x509_crt_set_version(p->crt, 3);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_key(p->crt, p->key);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_serial(p->crt, serial, sizeof(serial));
	if (ret >= 0)
		ret = gnutls_x509_crt_set_activation_time(p->crt,
				now + (dated ? r->from : -1) * DAY);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_expiration_time(p->crt,
				now + (dated ? r->until : 30) * DAY);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_dn_by_oid(p->crt,
				GNUTLS_OID_X520_COMMON_NAME, 0, cn,
				(unsigned)(r->cn_len ? r->cn_len :
						       strlen(cn)));
	if (ret >= 0)
		ret = gnutls_x509_crt_get_key_id(p->crt, 0, id, &n);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_subject_key_id(p->crt, id, n);
	return ret;
}

/* The library ends a name at its NUL, so this one is put in as DER. */
static int nul_name(struct pair *p, const struct recipe *r)
{
	unsigned char der[64] = { 0x30, (unsigned char)(r->cn_len + 2), 0x82,
				  (unsigned char)r->cn_len };

	memcpy(der + 4, r->cn, r->cn_len);
	return gnutls_x509_crt_set_extension_by_oid(p->crt, "2.5.29.17", der,
						    (unsigned)r->cn_len + 4, 0);
}

/* An IA5String, RFC 4985 s2. */
static int srv_name(struct pair *p, const char *name)
{
	unsigned char der[64] = { 0x16, (unsigned char)strlen(name) };

	memcpy(der + 2, name, strlen(name));
	return gnutls_x509_crt_set_subject_alt_othername(p->crt,
			"1.3.6.1.5.5.7.8.7", der, (unsigned)strlen(name) + 2,
			GNUTLS_FSAN_APPEND);
}

static int names(struct pair *p, const struct recipe *r)
{
	static const unsigned char v4[4] = { 127, 0, 0, 1 };
	static const unsigned char v6[16] = { [15] = 1 };
	const char *at = r->dns ? r->dns : "localhost relay.test";
	int ret = 0;

	if (r->cn_len)
		return nul_name(p, r);
	if (r->srv)
		return srv_name(p, r->srv);
	while (ret >= 0 && *at) {
		size_t n = strcspn(at, " ");

		ret = gnutls_x509_crt_set_subject_alt_name(p->crt,
				GNUTLS_SAN_DNSNAME, at, (unsigned)n,
				GNUTLS_FSAN_APPEND);
		at += n + (at[n] == ' ');
	}
	if (ret >= 0 && r->bits & ADDRESSES)
		ret = gnutls_x509_crt_set_subject_alt_name(p->crt,
				GNUTLS_SAN_IPADDRESS, v4, sizeof(v4),
				GNUTLS_FSAN_APPEND);
	if (ret >= 0 && r->bits & ADDRESSES)
		ret = gnutls_x509_crt_set_subject_alt_name(p->crt,
				GNUTLS_SAN_IPADDRESS, v6, sizeof(v6),
				GNUTLS_FSAN_APPEND);
	return ret;
}

static int usage(struct pair *p, const struct recipe *r)
{
	bool ca = r->bits & CA;
	int ret = gnutls_x509_crt_set_basic_constraints(p->crt, ca, -1);

	if (ret < 0)
		return ret;
	if (ca)
		return gnutls_x509_crt_set_key_usage(p->crt,
						     GNUTLS_KEY_KEY_CERT_SIGN |
						     GNUTLS_KEY_CRL_SIGN);
	ret = gnutls_x509_crt_set_key_usage(p->crt,
					    GNUTLS_KEY_DIGITAL_SIGNATURE);
	return ret < 0 ? ret :
	       gnutls_x509_crt_set_key_purpose_oid(p->crt,
			r->bits & CLIENT ? GNUTLS_KP_TLS_WWW_CLIENT :
					   GNUTLS_KP_TLS_WWW_SERVER, 0);
}

static int demand_staple(struct pair *p)
{
	gnutls_x509_tlsfeatures_t f;
	int ret = gnutls_x509_tlsfeatures_init(&f);

	if (ret < 0)
		return ret;
	ret = gnutls_x509_tlsfeatures_add(f, 5);	/* status_request */
	if (ret >= 0)
		ret = gnutls_x509_crt_set_tlsfeatures(p->crt, f);
	gnutls_x509_tlsfeatures_deinit(f);
	return ret;
}

static int constrain(struct pair *p)
{
	static char allowed[] = "allowed.test";
	gnutls_datum_t name = { (unsigned char *)allowed, sizeof(allowed) - 1 };
	gnutls_x509_name_constraints_t nc;
	int ret = gnutls_x509_name_constraints_init(&nc);

	if (ret < 0)
		return ret;
	ret = gnutls_x509_name_constraints_add_permitted(nc,
			GNUTLS_SAN_DNSNAME, &name);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_name_constraints(p->crt, nc, 1);
	gnutls_x509_name_constraints_deinit(nc);
	return ret;
}

static int oddities(struct pair *p, const struct recipe *r)
{
	static const unsigned char null[] = { 0x05, 0x00 };
	int ret = 0;

	if (r->bits & CRITICAL)
		ret = gnutls_x509_crt_set_extension_by_oid(p->crt,
				"1.3.6.1.4.1.55555.1", null, sizeof(null), 1);
	if (ret >= 0 && r->bits & STAPLE)
		ret = demand_staple(p);
	if (ret >= 0 && r->bits & NARROW)
		ret = constrain(p);
	return ret;
}

static int make(const char *dir, const struct recipe *r, struct pair *p,
		const struct pair signers[SIGNERS])
{
	bool chain = r->signer >= BY_INTER && r->signer < SIGNERS &&
		     !(r->bits & ALONE);
	const struct pair *by = r->signer == BY_ITSELF ? p :
				&signers[r->signer];
	int ret;

	if (pair_new(p, r->bits) ||
	    (r->bits & RENEWED && key_of_good(p, dir)))
		return -1;
	ret = basics(p, r);
	if (ret >= 0)
		ret = names(p, r);
	if (ret >= 0)
		ret = usage(p, r);
	if (ret >= 0)
		ret = oddities(p, r);
	if (ret >= 0)
		ret = gnutls_x509_crt_sign2(p->crt, by->crt, by->key,
					    r->digest ? r->digest :
							GNUTLS_DIG_SHA256, 0);
	if (ret < 0)
		return certs_fail(r->name, ret);
	return pair_save(p, dir, r->name, chain ? by : NULL);
}

static int make_leaf(const char *dir, const struct recipe *r,
		     const struct pair signers[SIGNERS])
{
	struct pair p = { 0 };
	int ret = make(dir, r, &p, signers);

	if (!ret && !strcmp(r->name, "revoked"))
		ret = crls_make(dir, signers, p.crt);
	pair_release(&p);
	return ret;
}

int certs_make(const char *dir)
{
	struct pair signers[SIGNERS] = { { 0 } };
	int ret = 0;

	mkdir(dir, 0700);
	for (size_t i = 0; !ret && i < SIGNERS; i++)
		ret = make(dir, &authorities[i], &signers[i], signers);
	for (size_t i = 0; !ret && i < sizeof(recipes) / sizeof(*recipes); i++)
		ret = make_leaf(dir, &recipes[i], signers);
	for (size_t i = 0; i < SIGNERS; i++)
		pair_release(&signers[i]);
	return ret ? -1 : 0;
}
