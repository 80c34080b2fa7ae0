#include "net/revoke.h"

#include <gnutls/ocsp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "net/cert.h"
#include "sys/file.h"
#include "util/xalloc.h"

enum {
	FILE_MAX = 256 << 20,		/* octets; large authorities revoke a lot */
	SERIAL_MAX = 64
};

struct crls {
	char *file;
	gnutls_x509_crl_t *list;
	unsigned n;
};

/* ---- the file ---- */

static int import(struct crls *c, const struct buf *b, struct error *err)
{
	gnutls_datum_t d = { (unsigned char *)b->p, (unsigned)b->len };
	bool der = b->p[0] == 0x30;	/* a SEQUENCE; PEM is text */
	int r = gnutls_x509_crl_list_import2(&c->list, &c->n, &d,
					     der ? GNUTLS_X509_FMT_DER :
						   GNUTLS_X509_FMT_PEM, 0);

	if (r >= 0 && c->n)
		return 0;
	c->n = 0;
	if (r >= 0 || r == GNUTLS_E_NO_CERTIFICATE_FOUND ||
	    r == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR ||
	    r == GNUTLS_E_BASE64_DECODING_ERROR)
		return error_set(err, ERROR_CONFIG, "CRL file '%s' has no "
				 "revocation list in it", c->file);
	return error_set(err, ERROR_CONFIG, "CRL file '%s': %s", c->file,
			 gnutls_strerror(r));
}

static int load(struct crls *c, struct error *err)
{
	struct file_facts facts;
	struct buf b;
	int ret;

	buf_init(&b, FILE_MAX);
	ret = file_slurp(c->file, &b, &facts, err);
	if (ret)
		error_wrap(err, "tls_crl");
	else if (facts.missing)
		ret = error_set(err, ERROR_CONFIG, "CRL file '%s' does not "
				"exist", c->file);
	else if (!b.len)
		ret = error_set(err, ERROR_CONFIG, "CRL file '%s' is empty",
				c->file);
	else
		ret = import(c, &b, err);
	buf_release(&b);
	return ret;
}

struct crls *crls_load(const char *file, struct error *err)
{
	struct crls *c = xcalloc(1, sizeof(*c));

	c->file = xstrdup(file);
	if (!load(c, err))
		return c;
	crls_free(c);
	return NULL;
}

void crls_free(struct crls *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n; i++)
		gnutls_x509_crl_deinit(c->list[i]);
	gnutls_free(c->list);
	free(c->file);
	free(c);
}

/* ---- one certificate ---- */

static void add_issuer(struct buf *why, gnutls_x509_crt_t crt)
{
	gnutls_datum_t d = { NULL, 0 };

	if (!gnutls_x509_crt_get_issuer_dn3(crt, &d, 0))
		cert_add_text(why, (char *)d.data, d.size);
	gnutls_free(d.data);
}

static bool is_revoked(gnutls_x509_crl_t crl, gnutls_x509_crt_t crt,
		       int64_t *when)
{
	unsigned char ours[SERIAL_MAX], serial[SERIAL_MAX];
	size_t n_ours = sizeof(ours), n = sizeof(serial);
	gnutls_x509_crl_iter_t iter = NULL;
	time_t date = -1;
	int r;

	*when = -1;
	if (gnutls_x509_crt_check_revocation(crt, &crl, 1) != 1)
		return false;
	if (gnutls_x509_crt_get_serial(crt, ours, &n_ours))
		return true;
	while (!(r = gnutls_x509_crl_iter_crt_serial(crl, &iter, serial, &n,
						     &date))) {
		if (n == n_ours && !memcmp(serial, ours, n))
			break;
		n = sizeof(serial);
	}
	gnutls_x509_crl_iter_deinit(iter);
	*when = r ? -1 : (int64_t)date;
	return true;
}

/* What may be the matter with a list, and how a reason goes on. */
static void add_fault(const struct crls *c, gnutls_x509_crl_t crl,
		      unsigned status, struct buf *why)
{
	buf_addf(why, "the revocation list of its issuer (CRL '%.200s') ",
		 c->file);
	if (status & GNUTLS_CERT_INSECURE_ALGORITHM) {
		buf_addz(why, "has a weak signature");
	} else if (status & GNUTLS_CERT_INVALID) {
		buf_addz(why, "is not signed by that issuer");
	} else if (status & GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED) {
		buf_addz(why, "is out of date since ");
		cert_add_date(why, gnutls_x509_crl_get_next_update(crl));
	} else {
		buf_addz(why, "is from the future, ");
		cert_add_date(why, gnutls_x509_crl_get_this_update(crl));
	}
}

/*
 * 0, or what is wrong.  INVALID: it says nothing at all.  The dates are ours to
 * judge: an old list is not enough, but what it revokes is revoked.
 */
static unsigned check_list(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer,
			   int64_t now)
{
	int64_t next = gnutls_x509_crl_get_next_update(crl);
	unsigned dates = GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |
			 GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
	unsigned status = 0;

	if (gnutls_x509_crl_verify(crl, &issuer, 1,
				   GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status))
		return GNUTLS_CERT_INVALID;
	if (status & ~(dates | GNUTLS_CERT_INVALID) ||
	    (status & GNUTLS_CERT_INVALID && !(status & dates)))
		return status | GNUTLS_CERT_INVALID;
	if (next != -1 && next < now)
		return GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED;
	if (gnutls_x509_crl_get_this_update(crl) > now)
		return GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
	return 0;
}

struct search {
	const struct crls *c;
	gnutls_x509_crt_t crt, issuer;
	struct buf *why;
	bool own;		/* it is the relay's, which must have a list */
};

static void add_revoked(const struct search *s, int64_t when)
{
	if (s->own) {
		buf_addz(s->why, "it has been revoked");
	} else {
		buf_addz(s->why, "the certificate of an issuer, by '");
		add_issuer(s->why, s->crt);
		buf_addz(s->why, "', has been revoked");
	}
	buf_addf(s->why, " (CRL '%.200s')", s->c->file);
	if (when != -1) {
		buf_addz(s->why, ", on ");
		cert_add_date(s->why, when);
	}
}

/*
 * Of several lists by one issuer the newest will do, but whatever any of them
 * revokes stays revoked.
 */
static void look_up(const struct search *s, int64_t now)
{
	gnutls_x509_crl_t fault = NULL;
	unsigned status = 0;
	bool fresh = false;

	for (unsigned i = 0; i < s->c->n; i++) {
		gnutls_x509_crl_t crl = s->c->list[i];
		int64_t when;
		unsigned bits;

		if (gnutls_x509_crl_check_issuer(crl, s->issuer) != 1)
			continue;
		bits = check_list(crl, s->issuer, now);
		if (!(bits & GNUTLS_CERT_INVALID) &&
		    is_revoked(crl, s->crt, &when)) {
			cert_also(s->why);
			add_revoked(s, when);
			return;
		}
		fresh = fresh || !bits;
		fault = bits ? crl : fault;
		status = bits ? bits : status;
	}
	if (fresh || (!fault && !s->own))
		return;
	cert_also(s->why);
	if (fault) {
		add_fault(s->c, fault, status, s->why);
		return;
	}
	buf_addf(s->why, "CRL file '%.200s' has no list of its issuer '",
		 s->c->file);
	add_issuer(s->why, s->crt);
	buf_addz(s->why, "', so that it may have been revoked");
}

void crls_judge(const struct crls *c, struct buf *why,
		const struct revoke_case *rc)
{
	for (size_t i = 0; i < rc->n; i++) {
		struct search s = { .c = c, .crt = rc->chain[i], .why = why,
				    .own = !i };

		if (i + 1 < rc->n)
			s.issuer = rc->chain[i + 1];
		else if (gnutls_x509_crt_check_issuer(s.crt, s.crt) && !i)
			s.issuer = s.crt;
		if (s.issuer) {
			look_up(&s, rc->now);
		} else if (!i) {
			cert_also(why);
			buf_addf(why, "without its issuer's certificate "
				 "nobody can tell whether CRL '%.200s' "
				 "revokes it", c->file);
		}
	}
}

/* ---- OCSP ---- */

static const char *reason_text(unsigned reason)
{
	switch (reason) {
	case GNUTLS_X509_CRLREASON_KEYCOMPROMISE:
		return "its key was compromised";
	case GNUTLS_X509_CRLREASON_CACOMPROMISE:
		return "its issuer was compromised";
	case GNUTLS_X509_CRLREASON_AFFILIATIONCHANGED:
		return "its owner has changed";
	case GNUTLS_X509_CRLREASON_SUPERSEDED:
		return "it has been replaced";
	case GNUTLS_X509_CRLREASON_CESSATIONOFOPERATION:
		return "it is no longer in use";
	case GNUTLS_X509_CRLREASON_CERTIFICATEHOLD:
		return "it is on hold";
	case GNUTLS_X509_CRLREASON_PRIVILEGEWITHDRAWN:
		return "its rights were withdrawn";
	default:
		return "no reason given";
	}
}

struct answer {
	unsigned status, reason;
	time_t from, until, revoked;
};

/* The answer about the relay's own certificate; false if there is none. */
static bool read_answer(gnutls_session_t session, struct answer *a)
{
	gnutls_datum_t d = { NULL, 0 };
	gnutls_ocsp_resp_t resp;
	bool ok;

	if (gnutls_ocsp_status_request_get(session, &d) < 0 || !d.size ||
	    gnutls_ocsp_resp_init(&resp))
		return false;
	ok = gnutls_ocsp_resp_import(resp, &d) >= 0 &&
	     gnutls_ocsp_resp_get_single(resp, 0, NULL, NULL, NULL, NULL,
					 &a->status, &a->from, &a->until,
					 &a->revoked, &a->reason) >= 0;
	gnutls_ocsp_resp_deinit(resp);
	return ok;
}

static void add_ocsp_revoked(struct buf *why, const struct answer *a)
{
	cert_also(why);
	buf_addz(why, "it has been revoked (OCSP), on ");
	cert_add_date(why, a->revoked);
	buf_addf(why, ": %s", reason_text(a->reason));
}

void ocsp_judge(gnutls_session_t session, unsigned status, struct buf *why,
		int64_t now)
{
	struct answer a = { 0 };
	bool is = read_answer(session, &a);
	/* Or else it is about another certificate, or anybody's. */
	bool sound = is && !(status & GNUTLS_CERT_INVALID_OCSP_STATUS);

	if (sound && a.status == GNUTLS_OCSP_CERT_REVOKED) {
		add_ocsp_revoked(why, &a);
	} else if (is && a.until != -1 && a.until < now) {
		cert_also(why);
		buf_addz(why, "the OCSP status sent with it is out of date "
			 "since ");
		cert_add_date(why, a.until);
	} else if (is && a.from > now) {
		cert_also(why);
		buf_addz(why, "the OCSP status sent with it is from the "
			 "future, ");
		cert_add_date(why, a.from);
	} else if (sound && a.status == GNUTLS_OCSP_CERT_UNKNOWN) {
		cert_also(why);
		buf_addz(why, "the OCSP status sent with it does not know it");
	} else if (status & GNUTLS_CERT_MISSING_OCSP_STATUS) {
		cert_also(why);
		buf_addz(why, "it demands an OCSP status, which the relay did "
			 "not send");
	} else if (status & GNUTLS_CERT_INVALID_OCSP_STATUS) {
		cert_also(why);
		buf_addz(why, "the OCSP status sent with it is invalid");
	} else if (status & GNUTLS_CERT_REVOKED && !why->len) {
		buf_addz(why, "it or one of its issuers has been revoked");
	}
}
