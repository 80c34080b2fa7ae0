#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "relay/conn.h"
#include "relay/log.h"

/* Whatever the file holds, be it out of date or nonsense. */
static int staple(gnutls_session_t session, void *path, gnutls_datum_t *out)
{
	(void)session;
	return gnutls_load_file(path, out) < 0 ?
	       GNUTLS_E_NO_CERTIFICATE_STATUS : 0;
}

static int extras(struct relay *r)
{
	const char *ca = r->conf.client_ca;
	int ret;

	if (r->conf.ocsp)
		gnutls_certificate_set_ocsp_status_request_function(r->creds,
				staple, (void *)(uintptr_t)r->conf.ocsp);
	if (!ca)
		return 0;
	ret = gnutls_certificate_set_x509_trust_file(r->creds, ca,
						     GNUTLS_X509_FMT_PEM);
	if (ret <= 0)
		fprintf(stderr, "relay: --client-ca '%s': %s\n", ca,
			gnutls_strerror(ret));
	return ret <= 0 ? -1 : 0;
}

int tls_setup(struct relay *r)
{
	const struct config *conf = &r->conf;
	char cert[512];
	char key[512];
	int ret;

	if (gnutls_certificate_allocate_credentials(&r->creds) < 0)
		return -1;
	if (gnutls_session_ticket_key_generate(&r->ticket_key) < 0)
		return -1;
	if (!conf->certs)
		return 0;
	snprintf(cert, sizeof(cert), "%s/%s.pem", conf->certs, conf->cert);
	snprintf(key, sizeof(key), "%s/%s.key", conf->certs, conf->cert);
	ret = gnutls_certificate_set_x509_key_file(r->creds, cert, key,
						   GNUTLS_X509_FMT_PEM);
	if (ret < 0)
		fprintf(stderr, "relay: certificate '%s': %s\n", cert,
			gnutls_strerror(ret));
	return ret < 0 ? -1 : extras(r);
}

void tls_release(struct relay *r)
{
	if (r->creds)
		gnutls_certificate_free_credentials(r->creds);
	gnutls_free(r->ticket_key.data);
}

static ssize_t pull(gnutls_transport_ptr_t ctx, void *p, size_t n)
{
	struct conn *c = ctx;
	ssize_t got = wire_recv(c, p, n);

	if (got < 0)
		gnutls_transport_set_errno(c->tls, errno);
	return got;
}

static ssize_t push(gnutls_transport_ptr_t ctx, const void *p, size_t n)
{
	struct conn *c = ctx;

	if (wire_send(c, p, n)) {
		gnutls_transport_set_errno(c->tls, errno);
		return -1;
	}
	return (ssize_t)n;
}

static int pull_wait(gnutls_transport_ptr_t ctx, unsigned int ms)
{
	(void)ms;
	return wire_ready(ctx) ? 1 : 0;
}

/* The subject of the client's certificate, also if the session is resumed. */
static void learn_client(struct conn *c)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(c->tls, &n);
	gnutls_datum_t dn = { NULL, 0 };
	gnutls_x509_crt_t crt;

	if (!list || !n || gnutls_x509_crt_init(&crt))
		return;
	if (!gnutls_x509_crt_import(crt, list, GNUTLS_X509_FMT_DER) &&
	    !gnutls_x509_crt_get_dn3(crt, &dn, 0))
		snprintf(c->client, sizeof(c->client), "%.*s", (int)dn.size,
			 (char *)dn.data);
	gnutls_free(dn.data);
	gnutls_x509_crt_deinit(crt);
}

static void log_result(struct conn *c, int ret)
{
	struct buf b;

	log_begin(c->relay, &b, c->id, "tls");
	log_bool(&b, "ok", ret >= 0);
	if (ret >= 0) {
		gnutls_protocol_t v = gnutls_protocol_get_version(c->tls);
		gnutls_cipher_algorithm_t a = gnutls_cipher_get(c->tls);
		char sni[256] = "";
		size_t n = sizeof(sni) - 1;
		unsigned type;

		log_str(&b, "version", str_of(gnutls_protocol_get_name(v)));
		log_str(&b, "cipher", str_of(gnutls_cipher_get_name(a)));
		log_bool(&b, "resumed", gnutls_session_is_resumed(c->tls) != 0);
		learn_client(c);
		if (gnutls_server_name_get(c->tls, sni, &n, &type, 0) < 0)
			n = 0;
		log_str(&b, "sni", (struct str){ sni, n });
		log_str(&b, "client", str_of(c->client));
	} else {
		const char *alert = NULL;

		log_str(&b, "error", str_of(gnutls_strerror(ret)));
		if (ret == GNUTLS_E_FATAL_ALERT_RECEIVED ||
		    ret == GNUTLS_E_WARNING_ALERT_RECEIVED)
			alert = gnutls_alert_get_name(gnutls_alert_get(c->tls));
		log_str(&b, "alert", str_of(alert ? alert : ""));
	}
	log_end(c->relay, &b);
}

/* A client may show a certificate, which must then be the client CA's. */
static int judge_client(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT
	};
	unsigned status = 0;
	unsigned n = 0;

	if (!gnutls_certificate_get_peers(session, &n) || !n)
		return 0;
	if (gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0 ||
	    status)
		return GNUTLS_E_CERTIFICATE_ERROR;
	return 0;
}

static void ask_for_client(struct conn *c)
{
	if (!c->conf->client_ca)
		return;
	gnutls_certificate_server_set_request(c->tls,
			c->conf->require_client ? GNUTLS_CERT_REQUIRE :
						  GNUTLS_CERT_REQUEST);
	gnutls_session_set_verify_function(c->tls, judge_client);
}

static int session_make(struct conn *c)
{
	const char *where = "";
	int ret;

	ret = gnutls_init(&c->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
	if (ret < 0)
		return ret;
	gnutls_transport_set_ptr(c->tls, c);
	gnutls_transport_set_pull_function(c->tls, pull);
	gnutls_transport_set_push_function(c->tls, push);
	gnutls_transport_set_pull_timeout_function(c->tls, pull_wait);
	ask_for_client(c);
	resume_watch(c);
	if (c->conf->tickets)
		gnutls_session_ticket_enable_server(c->tls, &c->relay->ticket_key);
	ret = gnutls_priority_set_direct(c->tls, c->conf->priority, &where);
	if (ret < 0)
		fprintf(stderr, "relay: --tls-priority at '%s': %s\n", where,
			gnutls_strerror(ret));
	return ret < 0 ? ret :
	       gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE,
				      c->relay->creds);
}

int tls_handshake(struct conn *c)
{
	int ret;

	c->handshaking = true;
	ret = session_make(c);
	while (ret >= 0) {
		ret = gnutls_handshake(c->tls);
		if (ret >= 0 || gnutls_error_is_fatal(ret))
			break;
		ret = 0;
	}
	if (resume_act(c)) {
		log_result(c, ret < 0 ? ret : GNUTLS_E_SESSION_EOF);
		return -1;
	}
	if (ret < 0 && c->tls && ret != GNUTLS_E_FATAL_ALERT_RECEIVED)
		gnutls_alert_send_appropriate(c->tls, ret);
	log_result(c, ret);
	c->handshaking = false;
	/* Tickets answer nothing: what comes now belongs to the same flight. */
	c->wrote = false;
	if (ret >= 0)
		return 0;
	return conn_end(c, "handshake failed");
}

bool tls_binding(struct conn *c, bool exporter, gnutls_datum_t *out)
{
	*out = (gnutls_datum_t){ NULL, 0 };
	if (!c->tls)
		return false;
	/* Without the extended master secret TLS 1.2's exporter binds nothing. */
	if (exporter && gnutls_protocol_get_version(c->tls) != GNUTLS_TLS1_3)
		return false;
	return gnutls_session_channel_binding(c->tls,
					      exporter ? GNUTLS_CB_TLS_EXPORTER :
							 GNUTLS_CB_TLS_UNIQUE,
					      out) >= 0;
}
