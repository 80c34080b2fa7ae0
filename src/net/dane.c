#include "net/dane.h"

#include <gnutls/x509.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/chain.h"
#include "net/engine.h"
#include "net/resolve.h"
#include "net/tlsa.h"
#include "sys/clock.h"
#include "sys/helper.h"
#include "sys/process.h"
#include "util/xalloc.h"

#define HELPER "posthaste-dane"

enum { PATH_LIMIT = 4096, WHY_MAX = 480, NAME_ROOM = 300 };	/* octets */

struct dane {
	struct process helper;
	bool known;			/* answer is */
	struct tlsa answer;
	char host[NAME_ROOM];
	char name[NAME_ROOM];		/* "_465._tcp.smtp.example.org" */
};

/* ---- asking ---- */

static int find(struct buf *path, struct error *err)
{
#ifdef HAVE_DANE
	return helper_find(HELPER, path, err);
#else
	(void)path;
	return error_set(err, ERROR_CONFIG, "tls_dane: this posthaste was "
			 "built without DANE (configure --with-dane)");
#endif
}

int dane_check(struct error *err)
{
	struct buf path;
	int ret;

	buf_init(&path, PATH_LIMIT);
	ret = find(&path, err);
	buf_release(&path);
	return ret;
}

static bool is_address(const char *host)
{
	struct addrinfo *found = NULL;
	bool is = resolve_literal(host, 0, &found);

	if (is)
		freeaddrinfo(found);
	return is;
}

static int start(struct dane *d, const char *host, unsigned port,
		 const char *srv, struct error *err)
{
	char number[16];
	const char *argv[] = { NULL, host, number, *srv ? srv : NULL, NULL };
	struct buf path;
	int ret;

	snprintf(number, sizeof(number), "%u", port);
	buf_init(&path, PATH_LIMIT);
	ret = find(&path, err);
	argv[0] = buf_cstr(&path);
	if (!ret)
		ret = process_start_argv(&d->helper, argv, err);
	buf_release(&path);
	return ret;
}

struct dane *dane_begin(const char *host, unsigned port, const char *srv,
			struct error *err)
{
	struct dane *d = xcalloc(1, sizeof(*d));

	tlsa_init(&d->answer);
	d->helper.out = d->helper.words = -1;
	snprintf(d->host, sizeof(d->host), "%s", host);
	snprintf(d->name, sizeof(d->name), "_%u._tcp.%s", port, host);
	if (is_address(host)) {
		d->known = true;	/* TLSA_NONE */
		buf_addz(&d->answer.why, "an address can have none");
	} else if (start(d, host, port, srv, err)) {
		dane_free(d);
		return NULL;
	}
	return d;
}

void dane_free(struct dane *d)
{
	if (!d)
		return;
	process_release(&d->helper);
	tlsa_release(&d->answer);
	free(d);
}

static int finish(struct dane *d, int64_t deadline, struct error *err)
{
	struct buf text;
	int ret = 0;

	if (d->known)
		return 0;
	buf_init(&text, TLSA_ANSWER_MAX);
	if (process_finish(&d->helper, &text, deadline, err))
		ret = error_wrap(err, "looking up TLSA records of '%s'",
				 d->name);
	else if (text.over || !tlsa_parse(&d->answer, buf_str(&text)))
		ret = error_set(err, ERROR_CONFIG, "'" HELPER "' gives an "
				"answer that is not understood: is it of this "
				"version?");
	d->known = !ret;
	buf_release(&text);
	return ret;
}

/* ---- judging ---- */

/* RFC 7671 s5.2: the chain up to the certificate that a record names. */
static bool anchored(struct tls *t, const struct chain *c, size_t anchor,
		     struct buf *why)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_SERVER
	};
	const char *given = t->config.host;
	struct cert_host host;
	struct cert_case cc = {
		.chain = c->at, .n = anchor + 1, .facts = &t->info.cert,
		.host = &host, .domain = t->config.domain, .now = clock_wall()
	};
	gnutls_x509_trust_list_t list;
	int r;

	if (gnutls_x509_trust_list_init(&list, 1))
		return false;
	/* SRV records led here, and are proved: RFC 7673 s4.2. */
	cert_host_init(&host, *given ? given : t->config.tlsa->host);
	r = gnutls_x509_trust_list_add_cas(list, &c->at[anchor], 1, 0) != 1 ||
	    gnutls_x509_trust_list_verify_crt2(list,
			(gnutls_x509_crt_t *)c->at, (unsigned)anchor + 1,
			&purpose, 1,
			GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM),
			&cc.status, NULL);
	gnutls_x509_trust_list_deinit(list, 0);
	cert_judge(why, &cc);
	cert_host_release(&host);
	if ((r || cc.status) && !why->len)
		buf_addz(why, "its chain does not verify");
	return !why->len;
}

static bool fits(struct tls *t, const struct chain *c, size_t i,
		 struct buf *why)
{
	const struct tlsa *a = &t->config.tlsa->answer;
	unsigned usage = a->record[i].usage;

	if (usage == TLSA_DANE_EE || usage == TLSA_PKIX_EE)
		return tlsa_matches(a, i, c->at[0]);
	for (size_t k = 1; k < c->n; k++)
		if (tlsa_matches(a, i, c->at[k]) &&
		    (usage == TLSA_PKIX_TA || anchored(t, c, k, why)))
			return true;
	return false;
}

/* The records in their order of use: those that need nobody else first. */
static enum dane_word weigh(struct tls *t, const struct chain *c,
			    struct buf *why)
{
	const struct tlsa *a = &t->config.tlsa->answer;

	for (int usage = TLSA_DANE_EE; usage >= TLSA_PKIX_TA; usage--)
		for (size_t i = 0; i < a->n; i++)
			if ((int)a->record[i].usage == usage &&
			    fits(t, c, i, why))
				return usage >= TLSA_DANE_TA ? DANE_TRUSTED :
					DANE_AGREES;
	return DANE_REFUSED;
}

static bool has_pkix(const struct tlsa *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->record[i].usage <= TLSA_PKIX_EE)
			return true;
	return false;
}

static enum dane_word compare(struct tls *t, struct error *err)
{
	const struct dane *d = t->config.tlsa;
	enum dane_word word;
	struct chain chain;
	struct buf why;

	/* A record may name an authority that the relay does not send. */
	if (has_pkix(&d->answer) && tls_load_trust(t, err))
		return DANE_REFUSED;
	if (chain_init(&chain, t->session, t->cred)) {
		error_set(err, ERROR_CERT, "'%s' showed a certificate that "
			  "cannot be read", t->host.name);
		return DANE_REFUSED;
	}
	buf_init(&why, WHY_MAX);
	word = weigh(t, &chain, &why);
	if (word == DANE_REFUSED && why.len)
		error_set(err, ERROR_CERT, "the certificate of '%s' has an "
			  "issuer that TLSA records of '%s' name, but %s",
			  t->host.name, d->name, buf_cstr(&why));
	else if (word == DANE_REFUSED)
		error_set(err, ERROR_CERT, "the certificate of '%s' is none "
			  "that the TLSA records of '%s' name: its key is %s",
			  t->host.name, d->name, t->info.cert.pin);
	buf_release(&why);
	chain_release(&chain);
	return word;
}

static enum dane_word without(const struct tls *t, struct error *err)
{
	const struct dane *d = t->config.tlsa;
	const char *why = buf_cstr(&d->answer.why);

	if (t->config.dane != DANE_MODE_REQUIRE)
		return DANE_SILENT;
	error_set(err, ERROR_CERT, "tls_dane = require, but '%s' has no TLSA "
		  "records that DNSSEC proves%s%s", d->name, *why ? ": " : "",
		  why);
	return DANE_REFUSED;
}

enum dane_word dane_judge(struct tls *t, struct error *err)
{
	struct dane *d = t->config.tlsa;

	if (!d)
		return DANE_SILENT;
	if (finish(d, t->config.tlsa_until, err))
		return DANE_REFUSED;
	switch (d->answer.state) {
	case TLSA_NONE:
		return without(t, err);
	case TLSA_SECURE:
		return compare(t, err);
	case TLSA_BOGUS:
		error_set(err, ERROR_NET, "the TLSA records of '%s' are not "
			  "to be believed: %s", d->name,
			  buf_cstr(&d->answer.why));
		break;
	case TLSA_FAILED:
		error_set(err, ERROR_NET, "looking up TLSA records of '%s': "
			  "%s", d->name, buf_cstr(&d->answer.why));
		break;
	}
	return DANE_REFUSED;
}
