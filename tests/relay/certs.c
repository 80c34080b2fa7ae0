/*
 * The test certificates, made anew at run time so that none is ever out of
 * date: one good chain, and one for each way in which a chain can be bad.
 */
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "relay/relay.h"

/* Who signs it. */
enum issuer { BY_CA, BY_OTHER, BY_ITSELF };

enum { DAY = 86400 };

static const struct recipe {
	const char *name;
	enum issuer issuer;
	int from, until;		/* days from now */
	const char *cn;
	size_t cn_len;
	const char *dns;		/* SAN; "" none */
	bool addresses;			/* SAN 127.0.0.1 and ::1 */
	bool ca;
	gnutls_digest_algorithm_t digest;
} recipes[] = {
	{ "good", BY_CA, -1, 30, "relay.test", 10, "localhost relay.test",
	  true, false, GNUTLS_DIG_SHA256 },
	{ "wronghost", BY_CA, -1, 30, "elsewhere.test", 14, "elsewhere.test",
	  false, false, GNUTLS_DIG_SHA256 },
	{ "expired", BY_CA, -60, -2, "relay.test", 10, "localhost relay.test",
	  true, false, GNUTLS_DIG_SHA256 },
	{ "notyet", BY_CA, 2, 60, "relay.test", 10, "localhost relay.test",
	  true, false, GNUTLS_DIG_SHA256 },
	{ "selfsigned", BY_ITSELF, -1, 30, "relay.test", 10,
	  "localhost relay.test", true, false, GNUTLS_DIG_SHA256 },
	{ "unknownca", BY_OTHER, -1, 30, "relay.test", 10,
	  "localhost relay.test", true, false, GNUTLS_DIG_SHA256 },
	{ "sha1", BY_CA, -1, 30, "relay.test", 10, "localhost relay.test",
	  true, false, GNUTLS_DIG_SHA1 },
	{ "cnonly", BY_CA, -1, 30, "localhost", 9, "", false, false,
	  GNUTLS_DIG_SHA256 },
	/* A name that a C string ends early: "localhost", NUL, ".evil.test". */
	{ "nulname", BY_CA, -1, 30, "localhost\0.evil.test", 20,
	  "", false, false, GNUTLS_DIG_SHA256 },
};

struct pair {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

static int fail(const char *what, int ret)
{
	fprintf(stderr, "relay: %s: %s\n", what, gnutls_strerror(ret));
	return -1;
}

static int pair_new(struct pair *p)
{
	int ret = gnutls_x509_crt_init(&p->crt);

	if (ret >= 0)
		ret = gnutls_x509_privkey_init(&p->key);
	if (ret >= 0)
		ret = gnutls_x509_privkey_generate(
			p->key, GNUTLS_PK_ECDSA,
			GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	return ret < 0 ? fail("making a key", ret) : 0;
}

static void pair_release(struct pair *p)
{
	if (p->crt)
		gnutls_x509_crt_deinit(p->crt);
	if (p->key)
		gnutls_x509_privkey_deinit(p->key);
}

static int save(const char *dir, const char *name, const char *ending,
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

static int pair_save(const struct pair *p, const char *dir, const char *name)
{
	gnutls_datum_t pem = { NULL, 0 };
	int ret = gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, &pem);

	if (ret < 0)
		return fail(name, ret);
	ret = save(dir, name, "pem", &pem);
	gnutls_free(pem.data);
	if (ret)
		return -1;
	ret = gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem);
	if (ret < 0)
		return fail(name, ret);
	ret = save(dir, name, "key", &pem);
	gnutls_free(pem.data);
	return ret;
}

static int basics(struct pair *p, const struct recipe *r)
{
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
							  now + r->from * DAY);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_expiration_time(p->crt,
							  now + r->until * DAY);
	if (ret >= 0)
		ret = gnutls_x509_crt_set_dn_by_oid(p->crt,
				GNUTLS_OID_X520_COMMON_NAME, 0, r->cn,
				(unsigned)r->cn_len);
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

static int names(struct pair *p, const struct recipe *r)
{
	static const unsigned char v4[4] = { 127, 0, 0, 1 };
	static const unsigned char v6[16] = { [15] = 1 };
	const char *at = r->dns;
	int ret = 0;

	if (memchr(r->cn, '\0', r->cn_len))
		return nul_name(p, r);
	while (ret >= 0 && *at) {
		size_t n = strcspn(at, " ");

		ret = gnutls_x509_crt_set_subject_alt_name(p->crt,
				GNUTLS_SAN_DNSNAME, at, (unsigned)n,
				GNUTLS_FSAN_APPEND);
		at += n + (at[n] == ' ');
	}
	if (ret >= 0 && r->addresses)
		ret = gnutls_x509_crt_set_subject_alt_name(p->crt,
				GNUTLS_SAN_IPADDRESS, v4, sizeof(v4),
				GNUTLS_FSAN_APPEND);
	if (ret >= 0 && r->addresses)
		ret = gnutls_x509_crt_set_subject_alt_name(p->crt,
				GNUTLS_SAN_IPADDRESS, v6, sizeof(v6),
				GNUTLS_FSAN_APPEND);
	return ret;
}

static int usage(struct pair *p, const struct recipe *r)
{
	int ret = gnutls_x509_crt_set_basic_constraints(p->crt, r->ca, -1);

	if (ret < 0)
		return ret;
	if (r->ca)
		return gnutls_x509_crt_set_key_usage(p->crt,
						     GNUTLS_KEY_KEY_CERT_SIGN |
						     GNUTLS_KEY_CRL_SIGN);
	ret = gnutls_x509_crt_set_key_usage(p->crt,
					    GNUTLS_KEY_DIGITAL_SIGNATURE);
	return ret < 0 ? ret :
	       gnutls_x509_crt_set_key_purpose_oid(p->crt,
						   GNUTLS_KP_TLS_WWW_SERVER, 0);
}

/* by is NULL for a certificate that signs itself. */
static int make(const char *dir, const struct recipe *r, struct pair *p,
		const struct pair *by)
{
	int ret;

	if (pair_new(p))
		return -1;
	ret = basics(p, r);
	if (ret >= 0)
		ret = names(p, r);
	if (ret >= 0)
		ret = usage(p, r);
	by = by ? by : p;
	if (ret >= 0)
		ret = gnutls_x509_crt_sign2(p->crt, by->crt, by->key, r->digest,
					    0);
	if (ret < 0)
		return fail(r->name, ret);
	return pair_save(p, dir, r->name);
}

int certs_make(const char *dir)
{
	static const struct recipe ca = { "ca", BY_ITSELF, -90, 90,
		"posthaste test CA", 17, "", false, true, GNUTLS_DIG_SHA256 };
	static const struct recipe other = { "other-ca", BY_ITSELF, -90, 90,
		"another test CA", 15, "", false, true, GNUTLS_DIG_SHA256 };
	struct pair cas[2] = { { 0 } };
	int ret;

	mkdir(dir, 0700);
	ret = make(dir, &ca, &cas[0], NULL) || make(dir, &other, &cas[1], NULL);
	for (size_t i = 0; !ret && i < sizeof(recipes) / sizeof(*recipes); i++) {
		const struct recipe *r = &recipes[i];
		struct pair p = { 0 };

		ret = make(dir, r, &p, r->issuer == BY_ITSELF ? NULL :
						&cas[r->issuer == BY_OTHER]);
		pair_release(&p);
	}
	pair_release(&cas[0]);
	pair_release(&cas[1]);
	return ret ? -1 : 0;
}
