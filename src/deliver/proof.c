#include "deliver/proof.h"

#include <string.h>

#include "conf/secret.h"
#include "deliver/connect.h"
#include "net/dane.h"
#include "net/identity.h"
#include "net/revoke.h"

static int copy(struct str secret, char *to, size_t max, struct error *err)
{
	if (secret.n >= max)
		return error_set(err, ERROR_CONFIG, "the password of tls_key "
				 "is longer than %zu octets", max - 1);
	memcpy(to, secret.p, secret.n);
	to[secret.n] = '\0';
	return 0;
}

static int unlock(void *ctx, char *to, size_t max, struct error *err)
{
	struct attempt *a = ctx;
	struct secret_source *source = secret_begin(a->account, SECRET_KEY,
						    &a->setup->ways, err);
	struct secret secret = { 0 };
	int ret;

	if (!source ||
	    secret_finish(source,
			  connect_until(a, a->account->timeout_command),
			  &secret, err))
		return -1;
	ret = copy(secret_str(&secret), to, max, err);
	secret_release(&secret);
	return ret;
}

int proof_load(struct attempt *a, struct error *err)
{
	struct identity_config c = {
		.cert = a->account->tls_cert, .key = a->account->tls_key,
		.unlock = unlock, .ctx = a
	};

	if (a->identity_of == a->account)
		return 0;
	if (a->account->tls_dane != DANE_OFF && dane_check(err))
		return -1;
	identity_free(a->identity);
	a->identity = NULL;
	a->identity_of = NULL;
	if (*c.cert && !(a->identity = identity_new(&c, err)))
		return -1;
	a->identity_of = a->account;
	return 0;
}

void proof_configure(const struct attempt *a, const struct relay *relay,
		     struct tls_config *config)
{
	const struct account *acc = a->account;

	*config = (struct tls_config){
		.host = *acc->tls_name ? acc->tls_name : relay->host,
		.trust = acc->tls_trust,
		.priority = acc->tls_priority,
		.known_file = a->setup->known_file,
		.known_as = relay->known_as,
		.ask = a->setup->ask,
		.ask_ctx = a->setup->ctx,
		.verify = !a->setup->look,
		.domain = "",
		.pins = acc->tls_pin,
		.fingerprints = acc->tls_fingerprint,
		.only_pins = account_only_pins(acc),
		.crl = acc->tls_crl,
		.cert = acc->tls_cert,
		.key = acc->tls_key,
		.identity = a->identity,
	};
	if (*acc->tls_name)
		return;
	/* RFC 6186 s6: DNS may name any host, so it proves the domain's name. */
	config->domain = relay->domain;
	if (relay->foreign)
		config->host = "";
}

static int check(const struct account *a, struct error *err)
{
	struct identity_config c = { .cert = a->tls_cert, .key = a->tls_key };
	struct identity *id;
	struct crls *crls;

	if (tls_check_trust(a->tls_trust, err) ||
	    (a->tls_dane != DANE_OFF && dane_check(err)))
		return -1;
	if (*a->tls_cert) {
		id = identity_new(&c, err);
		identity_free(id);
		if (!id)
			return -1;
	}
	if (*a->tls_crl) {
		crls = crls_load(a->tls_crl, err);
		crls_free(crls);
		return crls ? 0 : -1;
	}
	return 0;
}

int proof_check(const struct account *a, struct error *err)
{
	if (!check(a, err))
		return 0;
	return *a->name ? error_wrap(err, "account '%s'", a->name) : -1;
}
