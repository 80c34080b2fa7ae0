/*
 * Sessions of earlier processes resumed, and ours kept (net/ticket.h).
 *
 * On a resumed session the relay shows no certificate: what was judged then
 * stands, as far as it cannot have changed, for at most a day.  What can have
 * changed is asked before the session is offered.
 */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "net/engine.h"
#include "net/known.h"
#include "sys/clock.h"
#include "util/xalloc.h"

enum { STORED_MAX = 512 };		/* octets of a fingerprint on record */

/* A key in a token has to be there each time, so its sessions are not kept. */
static bool in_token(const char *name)
{
	return name && !strncmp(name, "pkcs11:", 7);
}

bool resume_wanted(const struct tls *t)
{
	const struct tls_config *c = &t->config;

	return c->verify && c->ticket_dir && *c->ticket_dir && !c->dane &&
	       !in_token(c->cert) && !in_token(c->key);
}

/* Somebody may have taken the relay out of the file since. */
static bool still_known(const struct tls *t)
{
	const struct tls_config *c = &t->config;
	const struct tls_cert *cert = &t->ticket.cert;
	struct known_relay r = {
		.key = c->known_as, .pin = cert->pin,
		.fingerprint = cert->fingerprint
	};
	enum known k = KNOWN_NEW;
	struct error ignored;
	struct buf stored;
	bool same;

	if (strcmp(c->trust, "tofu"))
		return true;
	buf_init(&stored, STORED_MAX);
	same = !known_find(c->known_file, &r, &k, &stored, &ignored) &&
	       k == KNOWN_SAME;
	buf_release(&stored);
	return same;
}

static bool fit(const struct tls *t)
{
	const struct ticket *k = &t->ticket;
	int64_t now = clock_wall();

	return now >= k->judged && now - k->judged < TICKET_AGE &&
	       now >= k->cert.from && now <= k->cert.until && still_known(t);
}

int resume_offer(struct tls *t)
{
	const char *dir = t->config.ticket_dir;
	const struct buf *session = &t->ticket.session;
	int r = 0;

	ticket_name(t->ticket_name, &t->config);
	if (!t->ticket_name[0] || t->config.ticket_fresh ||
	    !ticket_load(&t->ticket, dir, t->ticket_name))
		return 0;
	/* GnuTLS has its own idea of how long a session is good, an hour. */
	gnutls_db_set_cache_expiration(t->session, TICKET_AGE);
	t->offered = fit(t) &&
		     !(r = gnutls_session_set_data(t->session, session->p,
						   session->len));
	if (!t->offered)
		ticket_remove(dir, t->ticket_name);
	return r ? -1 : 0;
}

static void copy_cert(struct tls_cert *to, const struct tls_cert *from)
{
	*to = (struct tls_cert){
		.subject = xstrdup(from->subject),
		.issuer = xstrdup(from->issuer),
		.names = xstrdup(from->names),
		.fingerprint = xstrdup(from->fingerprint),
		.pin = xstrdup(from->pin),
		.from = from->from, .until = from->until
	};
}

/* Is what has come up the session that was offered, judged when it began? */
bool resume_took(struct tls *t)
{
	if (!gnutls_session_is_resumed(t->session) || !t->offered ||
	    t->judged)
		return false;
	cert_release(&t->info.cert);
	copy_cert(&t->info.cert, &t->ticket.cert);
	t->info.resumed = true;
	return true;
}

/*
 * Asking GnuTLS for a session of TLS 1.3 before the relay has sent a ticket
 * would make it wait for one.  Before that version, only the extended master
 * secret (RFC 7627) ties a session to the handshake that was judged.
 */
static bool resumable(const struct tls *t)
{
	unsigned char id[GNUTLS_MAX_SESSION_ID_SIZE];
	size_t n = sizeof(id);
	bool came = gnutls_session_get_flags(t->session) &
		    GNUTLS_SFLAGS_SESSION_TICKET;

	if (gnutls_protocol_get_version(t->session) >= GNUTLS_TLS1_3)
		return came;
	if (!gnutls_session_ext_master_secret_status(t->session))
		return false;
	/* A session resumed by its number goes on under the same. */
	return came || (!t->info.resumed &&
			!gnutls_session_get_id(t->session, id, &n) && n);
}

static void store(struct tls *t)
{
	struct ticket now = { .cert = t->info.cert };
	gnutls_datum_t d = { NULL, 0 };

	/* A day from the certificate, however often it is resumed. */
	now.judged = t->info.resumed ? t->ticket.judged : clock_wall();
	if (gnutls_session_get_data2(t->session, &d))
		return;
	buf_init(&now.session, TICKET_MAX);
	buf_add(&now.session, (struct str){ (char *)d.data, d.size });
	if (!now.session.over)
		ticket_save(&now, t->config.ticket_dir, t->ticket_name);
	buf_wipe(&now.session);
	buf_release(&now.session);
	wipe(d.data, d.size);
	gnutls_free(d.data);
}

void tls_keep(struct tls *t)
{
	if (!t->up || t->stored || !t->ticket_name[0] || !resumable(t))
		return;
	t->stored = true;
	store(t);
}

bool tls_soured(const struct tls *t)
{
	return t->offered && !t->heard && !t->verdict.kind &&
	       (!t->up || t->info.resumed);
}

void resume_end(struct tls *t)
{
	if (t->offered && !t->heard)
		ticket_remove(t->config.ticket_dir, t->ticket_name);
	ticket_release(&t->ticket);
}
