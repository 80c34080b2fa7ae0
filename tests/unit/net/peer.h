/*
 * For the tests of net/: certificates made on the spot, and the other end of
 * a TLS connection.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/buf.h"

enum { DAY = 86400, PEER_MAX = 64 << 20 };

struct ident {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

struct ident_spec {
	const char *cn;
	const char *dns[3];
	size_t dns_len;			/* of dns[0] if it holds a NUL */
	unsigned char ip[4];		/* 0.0.0.0: none */
	int from, until;		/* days from now; both 0: -1, 30 */
	unsigned more;			/* DNS names besides, many */
	const char *srv;		/* SRV name, RFC 4985 */
	const char *limit;		/* may sign for DNS names below it only */
	bool ca, client_only;
	unsigned rsa;			/* bits; 0: P-256 */
	gnutls_digest_algorithm_t hash;	/* 0: SHA-256 */
	const struct ident *issuer;	/* NULL: self-signed */
};

static inline void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, gnutls_strerror(r));
	abort();
}

/* GnuTLS itself would not write a name that holds a NUL. */
static inline void ident_raw_name(gnutls_x509_crt_t c, const char *p, size_t n)
{
	unsigned char der[128] = { 0x30, (unsigned char)(n + 2), 0x82,
				   (unsigned char)n };

	memcpy(der + 4, p, n);
	must(gnutls_x509_crt_set_extension_by_oid(c, "2.5.29.17", der, n + 4,
						  0), "raw name");
}

static inline void ident_names(gnutls_x509_crt_t c, const struct ident_spec *s)
{
	if (s->dns_len) {
		ident_raw_name(c, s->dns[0], s->dns_len);
		return;
	}
	for (size_t i = 0; i < 3 && s->dns[i]; i++)
		must(gnutls_x509_crt_set_subject_alt_name(c,
			GNUTLS_SAN_DNSNAME, s->dns[i],
			(unsigned)strlen(s->dns[i]),
			GNUTLS_FSAN_APPEND), "dns name");
	for (unsigned i = 0; i < s->more; i++) {
		char name[40];

		snprintf(name, sizeof(name), "host-number-%u.of.many.test", i);
		must(gnutls_x509_crt_set_subject_alt_name(c,
			GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
			GNUTLS_FSAN_APPEND), "many names");
	}
	if (s->srv) {
		unsigned char der[128] = { 0x16, (unsigned char)strlen(s->srv) };

		memcpy(der + 2, s->srv, strlen(s->srv));
		must(gnutls_x509_crt_set_subject_alt_othername(c,
			"1.3.6.1.5.5.7.8.7", der, (unsigned)der[1] + 2,
			GNUTLS_FSAN_APPEND), "SRV name");
	}
	if (s->ip[0])
		must(gnutls_x509_crt_set_subject_alt_name(c,
			GNUTLS_SAN_IPADDRESS, s->ip, 4, GNUTLS_FSAN_APPEND),
		     "ip name");
}

static inline void ident_limit(gnutls_x509_crt_t c, const char *limit)
{
	gnutls_datum_t d = { (unsigned char *)(uintptr_t)limit,
			     (unsigned)strlen(limit) };
	gnutls_x509_name_constraints_t nc;

	must(gnutls_x509_name_constraints_init(&nc), "constraints");
	must(gnutls_x509_name_constraints_add_permitted(nc,
		GNUTLS_SAN_DNSNAME, &d), "constraints");
	must(gnutls_x509_crt_set_name_constraints(c, nc, 1), "constraints");
	gnutls_x509_name_constraints_deinit(nc);
}

static inline struct ident ident_new(const struct ident_spec *s)
{
	static unsigned char serial;
	time_t now = time(NULL);
	bool dated = s->from || s->until;
	struct ident id;

	must(gnutls_x509_privkey_init(&id.key), "key");
	must(gnutls_x509_privkey_generate(id.key,
		s->rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA,
		s->rsa ? s->rsa : GNUTLS_CURVE_TO_BITS(
					GNUTLS_ECC_CURVE_SECP256R1), 0), "key");
	must(gnutls_x509_crt_init(&id.crt), "crt");
	gnutls_x509_crt_set_version(id.crt, 3);
	serial++;
	gnutls_x509_crt_set_serial(id.crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(id.crt,
		now + DAY * (dated ? s->from : -1));
	gnutls_x509_crt_set_expiration_time(id.crt,
		now + DAY * (dated ? s->until : 30));
	gnutls_x509_crt_set_dn_by_oid(id.crt, GNUTLS_OID_X520_COMMON_NAME, 0,
				      s->cn, (unsigned)strlen(s->cn));
	gnutls_x509_crt_set_key(id.crt, id.key);
	ident_names(id.crt, s);
	if (s->ca)
		gnutls_x509_crt_set_basic_constraints(id.crt, 1, -1);
	if (s->limit)
		ident_limit(id.crt, s->limit);
	if (s->client_only)
		gnutls_x509_crt_set_key_purpose_oid(id.crt,
			GNUTLS_KP_TLS_WWW_CLIENT, 0);
	must(gnutls_x509_crt_sign2(id.crt,
		s->issuer ? s->issuer->crt : id.crt,
		s->issuer ? s->issuer->key : id.key,
		s->hash ? s->hash : GNUTLS_DIG_SHA256, 0), "sign");
	return id;
}

static inline void ident_free(struct ident *id)
{
	gnutls_x509_crt_deinit(id->crt);
	gnutls_x509_privkey_deinit(id->key);
}

static inline void ident_save(const struct ident *id, const char *path)
{
	gnutls_datum_t pem;
	FILE *f = fopen(path, "w");

	must(gnutls_x509_crt_export2(id->crt, GNUTLS_X509_FMT_PEM, &pem),
	     "export");
	if (!f || fwrite(pem.data, 1, pem.size, f) != pem.size || fclose(f))
		abort();
	gnutls_free(pem.data);
}

/* ---- a TLS server in memory ---- */

struct peer {
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;
	gnutls_anon_server_credentials_t anon;
	struct buf in, out;
	bool up;
	int failed;
};

static inline ssize_t peer_pull(gnutls_transport_ptr_t ctx, void *to, size_t n)
{
	struct peer *p = ctx;

	if (!p->in.len) {
		gnutls_transport_set_errno(p->session, EAGAIN);
		return -1;
	}
	n = n < p->in.len ? n : p->in.len;
	memcpy(to, p->in.p, n);
	buf_drop(&p->in, n);
	return (ssize_t)n;
}

static inline ssize_t peer_push(gnutls_transport_ptr_t ctx, const void *from,
				size_t n)
{
	struct peer *p = ctx;

	buf_add(&p->out, (struct str){ from, n });
	return (ssize_t)n;
}

static inline void peer_init(struct peer *p, const struct ident *id,
			     const char *priority)
{
	memset(p, 0, sizeof(*p));
	buf_init(&p->in, PEER_MAX);
	buf_init(&p->out, PEER_MAX);
	must(gnutls_init(&p->session, GNUTLS_SERVER | GNUTLS_NONBLOCK |
			 GNUTLS_NO_SIGNAL), "server");
	must(gnutls_priority_set_direct(p->session, priority, NULL),
	     "server priority");
	must(gnutls_certificate_allocate_credentials(&p->cred), "cred");
	if (id) {
		gnutls_x509_crt_t list = id->crt;

		must(gnutls_certificate_set_x509_key(p->cred, &list, 1,
						     id->key), "server key");
	}
	must(gnutls_anon_allocate_server_credentials(&p->anon), "anon");
	gnutls_credentials_set(p->session, GNUTLS_CRD_CERTIFICATE, p->cred);
	gnutls_credentials_set(p->session, GNUTLS_CRD_ANON, p->anon);
	gnutls_handshake_set_timeout(p->session, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_transport_set_ptr(p->session, p);
	gnutls_transport_set_pull_function(p->session, peer_pull);
	gnutls_transport_set_push_function(p->session, peer_push);
}

static inline void peer_release(struct peer *p)
{
	gnutls_deinit(p->session);
	gnutls_certificate_free_credentials(p->cred);
	gnutls_anon_free_server_credentials(p->anon);
	buf_release(&p->in);
	buf_release(&p->out);
}

static inline void peer_step(struct peer *p)
{
	int r;

	if (p->up || p->failed)
		return;
	do
		r = gnutls_handshake(p->session);
	while (r == GNUTLS_E_WARNING_ALERT_RECEIVED);
	if (!r)
		p->up = true;
	else if (r != GNUTLS_E_AGAIN) {
		p->failed = r;
		gnutls_alert_send_appropriate(p->session, r);
	}
}

#endif
