#include "net/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "net/cert.h"
#include "net/engine.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	IN_MAX = 1 << 20,		/* bytes fed and not yet taken */
	OUT_MAX = 256 << 20,		/* bytes not yet sent */
	BINDING_MAX = 64,
	RECORD = 16384,			/* octets of plain text a record */
	CODE = 3,			/* digits an SMTP reply begins with */
	REHANDSHAKES = 8		/* that a relay may ask for in vain */
};

/* SHA-1 signatures and keys under 2048 bits are out by the profile. */
static const char priority[] =
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%PROFILE_MEDIUM";

/* ---- ciphertext in and out ---- */

static ssize_t pull(gnutls_transport_ptr_t ctx, void *to, size_t n)
{
	struct tls *t = ctx;
	size_t left = t->in.len - t->taken;

	if (!left && t->eof)
		return 0;
	if (!left) {
		gnutls_transport_set_errno(t->session, EAGAIN);
		return -1;
	}
	n = n < left ? n : left;
	memcpy(to, t->in.p + t->taken, n);
	t->taken += n;
	t->pulled += n;
	if (t->taken == t->in.len) {
		buf_reset(&t->in);
		t->taken = 0;
	}
	return (ssize_t)n;
}

/*
 * When input ends within a record GnuTLS asks to be called again once, and
 * then sees the end.
 */
static bool at_end(struct tls *t, int r)
{
	bool first = !t->end_seen;

	if (r != GNUTLS_E_AGAIN || !t->eof || t->in.len > t->taken)
		return false;
	t->end_seen = true;
	return first;
}

static int pull_wait(gnutls_transport_ptr_t ctx, unsigned ms)
{
	struct tls *t = ctx;

	(void)ms;
	return t->eof || t->in.len > t->taken;
}

static ssize_t push(gnutls_transport_ptr_t ctx, const giovec_t *v, int n)
{
	struct tls *t = ctx;
	size_t sum = 0;

	for (int i = 0; i < n; i++) {
		buf_add(&t->out, (struct str){ v[i].iov_base, v[i].iov_len });
		sum += v[i].iov_len;
	}
	if (!t->out.over)
		return (ssize_t)sum;
	gnutls_transport_set_errno(t->session, ENOMEM);
	return -1;
}

void tls_feed(struct tls *t, struct str bytes)
{
	if (!bytes.n)
		t->eof = true;
	for (size_t i = 0; i < bytes.n && t->head_len < sizeof(t->head); i++)
		t->head[t->head_len++] = bytes.p[i];
	buf_add(&t->in, bytes);
	if (t->in.over)			/* a driver that feeds and never reads */
		t->eof = true;
}

struct buf *tls_out(struct tls *t)
{
	return &t->out;
}

/* ---- setting up ---- */

static int set_priority(struct tls *t, struct error *err)
{
	const char *wanted = t->config.priority;
	const char *at = NULL;
	int r;

	if (!wanted[0])
		wanted = priority;
	r = gnutls_priority_set_direct(t->session, wanted, &at);
	if (!r)
		return 0;
	return error_set(err, ERROR_CONFIG, "tls_priority '%.200s': not "
			 "understood at character %zu: '%.100s'", wanted,
			 at ? (size_t)(at - wanted) + 1 : 1, at ? at : wanted);
}

static int set_up(struct tls *t, struct error *err)
{
	unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;

	if (!resume_wanted(t))		/* tickets cost the relay */
		flags |= GNUTLS_NO_TICKETS;
	if (gnutls_init(&t->session, flags)) {
		t->session = NULL;
		return error_set(err, ERROR_OS, "cannot begin a TLS session");
	}
	if (set_priority(t, err))
		return -1;
	if (gnutls_certificate_allocate_credentials(&t->cred) ||
	    gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE,
				   t->cred))
		return error_set(err, ERROR_OS, "cannot begin a TLS session");
	identity_offer(t);
	if (!t->host.ip_len &&
	    gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, t->host.name,
				   strlen(t->host.name)))
		return error_set(err, ERROR_CONFIG, "'%s' is not a host name",
				 t->host.name);
	gnutls_session_set_ptr(t->session, t);
	gnutls_session_set_verify_function(t->session, trust_certificate);
	gnutls_handshake_set_timeout(t->session, GNUTLS_INDEFINITE_TIMEOUT);
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_transport_set_pull_timeout_function(t->session, pull_wait);
	gnutls_transport_set_vec_push_function(t->session, push);
	return 0;
}

static void take_down(struct tls *t)
{
	if (t->session)
		gnutls_deinit(t->session);
	if (t->cred)
		gnutls_certificate_free_credentials(t->cred);
	t->session = NULL;
	t->cred = NULL;
}

/*
 * GnuTLS does not get over kept octets that it cannot read: a handshake on that
 * session would crash it.  So there is another.
 */
static int set_up_to_resume(struct tls *t, struct error *err)
{
	if (set_up(t, err))
		return -1;
	if (!resume_wanted(t) || !resume_offer(t))
		return 0;
	take_down(t);
	return set_up(t, err);
}

struct tls *tls_new(const struct tls_config *config, struct error *err)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	t->config = *config;
	trust_configure(t);
	ticket_init(&t->ticket);
	buf_init(&t->in, IN_MAX);
	buf_init(&t->out, OUT_MAX);
	buf_init(&t->info.exporter, BINDING_MAX);
	buf_init(&t->info.unique, BINDING_MAX);
	t->info.version = "";
	t->info.cipher = xstrdup("");
	t->info.trouble = xstrdup("");
	if (!set_up_to_resume(t, err))
		return t;
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	resume_end(t);
	take_down(t);
	crls_free(t->crls);
	cert_host_release(&t->host);
	cert_release(&t->info.cert);
	free(t->info.cipher);
	free(t->info.trouble);
	buf_release(&t->info.exporter);
	buf_release(&t->info.unique);
	buf_release(&t->in);
	buf_release(&t->out);
	free(t);
}

/* ---- the handshake ---- */

static void bind_channel(struct tls *t, gnutls_channel_binding_t kind,
			 struct buf *to)
{
	gnutls_datum_t d = { NULL, 0 };

	if (!gnutls_session_channel_binding(t->session, kind, &d))
		buf_add(to, (struct str){ (char *)d.data, d.size });
	gnutls_free(d.data);
}

static void learn(struct tls *t)
{
	gnutls_protocol_t v = gnutls_protocol_get_version(t->session);
	char *desc = gnutls_session_get_desc(t->session);

	t->info.version = gnutls_protocol_get_name(v);
	free(t->info.cipher);
	t->info.cipher = xstrdup(desc ? desc : "");
	gnutls_free(desc);
	/* Not defined beyond, RFC 9266 s3; resumed, RFC 7627 s5.4 is needed. */
	if (v < GNUTLS_TLS1_3 &&
	    (!t->info.resumed ||
	     gnutls_session_ext_master_secret_status(t->session)))
		bind_channel(t, GNUTLS_CB_TLS_UNIQUE, &t->info.unique);
#if GNUTLS_VERSION_NUMBER >= 0x030702
	if (v >= GNUTLS_TLS1_3 ||
	    gnutls_session_ext_master_secret_status(t->session))
		bind_channel(t, GNUTLS_CB_TLS_EXPORTER, &t->info.exporter);
#else
	if (v >= GNUTLS_TLS1_3) {
		char b[32];

		if (!gnutls_prf_rfc5705(t->session, 24,
					"EXPORTER-Channel-Binding", 0, NULL,
					sizeof(b), b))
			buf_add(&t->info.exporter,
				(struct str){ b, sizeof(b) });
	}
#endif
}

/* A TLS record begins with a byte from 20 to 24; SMTP begins with digits. */
static int check_head(const struct tls *t, struct error *err)
{
	struct str line = { t->head, t->head_len };
	struct buf said;

	if (t->head_len < CODE)
		return 0;
	for (size_t i = 0; i < CODE; i++)
		if (t->head[i] < '0' || t->head[i] > '9')
			return 0;
	buf_init(&said, (size_t)4 * ENGINE_HEAD);
	line = str_cut(&line, '\r');
	utf8_escape(&said, line);
	error_set(err, ERROR_TLS, "'%s' speaks plain SMTP here ('%s'), not "
		  "TLS; try tls = starttls", t->host.name, buf_cstr(&said));
	buf_release(&said);
	return -1;
}

/* Is it about a certificate of ours, given that the relay has asked for one? */
static bool is_about_ours(gnutls_alert_description_t alert)
{
	switch ((int)alert) {
	case GNUTLS_A_CERTIFICATE_REQUIRED:
	case GNUTLS_A_BAD_CERTIFICATE:
	case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
	case GNUTLS_A_CERTIFICATE_REVOKED:
	case GNUTLS_A_CERTIFICATE_EXPIRED:
	case GNUTLS_A_CERTIFICATE_UNKNOWN:
	case GNUTLS_A_UNKNOWN_CA:
	case GNUTLS_A_ACCESS_DENIED:
		return true;
	default:
		return false;
	}
}

static int explain_alert(const struct tls *t, struct error *err)
{
	gnutls_alert_description_t alert = gnutls_alert_get(t->session);
	const char *name = gnutls_alert_get_name(alert);

	if (t->asked && t->config.identity && is_about_ours(alert))
		return error_set(err, ERROR_AUTH, "'%s' does not accept our "
				 "certificate (tls_cert): its alert is '%s'",
				 t->host.name, name);
	if (t->asked && !t->config.identity)
		return error_set(err, ERROR_AUTH, "'%s' wants a certificate of "
				 "ours (tls_cert): its alert is '%s'",
				 t->host.name, name);
	return error_set(err, ERROR_TLS, "'%s' ended TLS with the alert '%s'",
			 t->host.name, name);
}

static int explain(struct tls *t, int r, struct error *err)
{
	const char *host = t->host.name;

	if (t->end_seen)		/* whatever GnuTLS makes of a cut record */
		r = GNUTLS_E_PREMATURE_TERMINATION;
	switch (r) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return explain_alert(t, err);
	case GNUTLS_E_PREMATURE_TERMINATION:
		return error_set(err, ERROR_NET, "connection closed by '%s' "
				 "during the TLS handshake", host);
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		return error_set(err, ERROR_TLS, "TLS handshake with '%s' "
				 "failed: it offers no version of TLS that is "
				 "allowed, or speaks something else", host);
	default:
		return error_set(err, ERROR_TLS, "TLS with '%s' failed: %s",
				 host, gnutls_strerror(r));
	}
}

/*
 * GnuTLS may say AGAIN when a message of several records is not yet complete,
 * though all of it has come: only when it takes no more is there no more.
 */
int tls_handshake(struct tls *t, struct error *err)
{
	uint64_t before;
	int r;

	if (t->up)
		return 1;
	if (check_head(t, err))
		return -1;
	do {
		before = t->pulled;
		r = gnutls_handshake(t->session);
	} while (r == GNUTLS_E_WARNING_ALERT_RECEIVED || at_end(t, r) ||
		 (r == GNUTLS_E_AGAIN && t->pulled != before));
	if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED)
		return 0;
	if (r) {
		gnutls_alert_send_appropriate(t->session, r);
		if (!t->verdict.kind)
			return explain(t, r, err);
		*err = t->verdict;
		return -1;
	}
	/* Anonymous key exchange shows none, whatever the priorities say. */
	if (!resume_took(t) && !t->judged && trust_certificate(t->session)) {
		*err = t->verdict;
		return -1;
	}
	learn(t);
	t->up = true;
	return 1;
}

const struct tls_info *tls_info(const struct tls *t)
{
	return &t->info;
}

/* ---- application data ---- */

int tls_write(struct tls *t, struct str bytes, struct error *err)
{
	while (bytes.n) {
		size_t n = bytes.n < RECORD ? bytes.n : RECORD;
		ssize_t r = gnutls_record_send(t->session, bytes.p, n);

		if (r <= 0)
			return t->out.over
				? error_set(err, ERROR_BUG, "over %d bytes "
					    "wait to be sent", (int)OUT_MAX)
				: explain(t, (int)r, err);
		bytes.p += r;
		bytes.n -= (size_t)r;
	}
	return 0;
}

/*
 * No renegotiation (RFC 5246 s7.2.2).  Each answer has to be kept until it is
 * read, so whoever only asks does not get any number of them.
 */
static int decline(struct tls *t, struct error *err)
{
	if (++t->rehandshakes > REHANDSHAKES)
		return error_set(err, ERROR_TLS, "'%s' asks for another TLS "
				 "handshake again and again", t->host.name);
	gnutls_alert_send(t->session, GNUTLS_AL_WARNING,
			  GNUTLS_A_NO_RENEGOTIATION);
	return 0;
}

ptrdiff_t tls_read(struct tls *t, void *to, size_t n, struct error *err)
{
	ssize_t r;

	while (!t->ended) {
		r = gnutls_record_recv(t->session, to, n);
		if (r > 0) {
			t->heard = true;
			return r;
		}
		if (at_end(t, (int)r))
			continue;
		if (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED)
			return TLS_AGAIN;
		if (r == 0 || r == GNUTLS_E_PREMATURE_TERMINATION ||
		    t->end_seen)
			t->ended = true;
		else if (r == GNUTLS_E_REHANDSHAKE) {
			if (decline(t, err))
				return -1;
		} else if (r != GNUTLS_E_WARNING_ALERT_RECEIVED)
			return explain(t, (int)r, err);
	}
	return 0;
}

bool tls_pending(const struct tls *t)
{
	return gnutls_record_check_pending(t->session) > 0 ||
	       t->in.len > t->taken;
}

void tls_bye(struct tls *t)
{
	if (t->up)
		gnutls_bye(t->session, GNUTLS_SHUT_WR);
}
