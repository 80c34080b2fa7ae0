#include "deliver/connect.h"

#include <string.h>

#include "deliver/proof.h"
#include "deliver/hello.h"
#include "deliver/via.h"
#include "net/dane.h"
#include "net/dial.h"
#include "net/ticket.h"
#include "sys/clock.h"

int64_t connect_until(const struct attempt *a, unsigned seconds)
{
	int64_t own = clock_after(seconds);

	return own < a->setup->deadline ? own : a->setup->deadline;
}

static enum tls_policy tls_of(enum account_tls tls)
{
	static const enum tls_policy policy[] = {
		[ACCOUNT_TLS_IMPLICIT] = TLS_IMPLICIT,
		[ACCOUNT_TLS_STARTTLS] = TLS_STARTTLS,
		[ACCOUNT_TLS_NONE] = TLS_NONE,
	};

	return policy[tls];
}

/* A descriptor with a password is for the account that was asked for. */
static struct secret_ways ways(const struct attempt *a)
{
	struct secret_ways w = a->setup->ways;

	if (a->account != a->setup->account)
		w.fd = -1;
	w.stale = a->stale;
	return w;
}

void connect_configure(struct attempt *a)
{
	const struct account *acc = a->account;

	buf_reset(&a->helo);
	hello_name(&a->helo, acc->helo, a->setup->mailname, HELLO_NO_ADDRESS);
	a->config = (struct session_config){
		.helo = buf_cstr(&a->helo),
		.tls = tls_of(account_tls(acc)),
		.lmtp = acc->protocol == PROTOCOL_LMTP,
		.ignore = acc->ignore_extensions,
		.auth = !a->setup->look && (account_wants_auth(acc) ||
			ways(a).fd >= 0),
		.auth_if = ways(a).fd < 0 && account_offers_cert(acc) ?
			"EXTERNAL" : NULL,
		.timeout = { acc->timeout_command, acc->timeout_data,
			     acc->timeout_end },
		.trace = a->setup->trace,
		.trace_ctx = a->setup->ctx,
		.settled_ctx = a,
	};
}

/* The secret may come while names are looked up. */
static int begin_secret(struct attempt *a, struct error *err)
{
	struct secret_ways w = ways(a);

	if (!a->config.auth || a->source)
		return 0;
	a->source = secret_begin(a->account, SECRET_LOGIN, &w, err);
	return a->source ? 0 : -1;
}

static void say_way(const struct attempt *a)
{
	struct buf line;

	buf_init(&line, 1 << 16);
	buf_addf(&line, "connected to %s", buf_cstr(&a->peer));
	a->setup->trace(a->setup->ctx, '*', buf_str(&line));
	buf_release(&line);
}

/*
 * TLSA records may come while we connect.  Those of a host that SRV records
 * led to count only if these are proved, too: anybody can sign a zone of his.
 */
static int begin_dane(struct attempt *a, const struct relay *relay,
		      struct error *err)
{
	struct buf srv;

	dane_free(a->dane);
	a->dane = NULL;
	if (a->account->tls_dane == DANE_OFF ||
	    relay->tls == ACCOUNT_TLS_NONE || *relay->host == '/')
		return 0;
	buf_init(&srv, 1 << 10);
	if (*relay->domain)
		buf_addf(&srv, "_%s._tcp.%s", relay->tls ==
			 ACCOUNT_TLS_IMPLICIT ? "submissions" : "submission",
			 relay->domain);
	a->dane = dane_begin(relay->host, relay->port, buf_cstr(&srv), err);
	buf_release(&srv);
	return a->dane ? 0 : -1;
}

int connect_relay(struct attempt *a, struct error *err)
{
	const struct account *acc = a->account;
	struct dial d = {
		.source = acc->source, .timeout = acc->timeout_connect,
		.deadline = a->setup->deadline,
	};
	const struct relay *relay;
	struct via *via;
	int fd;

	buf_addz(&a->relay, acc->host);
	if (begin_secret(a, err) || proof_load(a, err) ||
	    relays_find(&a->relays, connect_until(a, acc->timeout_connect),
			err))
		return -1;
	relay = relays_at(&a->relays);
	buf_reset(&a->relay);
	buf_addz(&a->relay, relay->name);
	a->config.tls = tls_of(relay->tls);
	d.host = relay->host;
	d.port = relay->port;
	d.trips = &a->trips;
	if (begin_dane(a, relay, err) || via_open(&via, acc, err))
		return -1;
	d.proxy = via_proxy(via);
	buf_reset(&a->peer);
	fd = dial(&d, &a->peer, err);
	via_close(via);
	if (fd < 0)
		return -1;
	/* Our end of the way to a proxy is nothing to the relay. */
	buf_reset(&a->helo);
	hello_name(&a->helo, acc->helo, a->setup->mailname,
		   d.proxy ? HELLO_NO_ADDRESS : fd);
	a->config.helo = buf_cstr(&a->helo);
	if (d.proxy && a->setup->trace)
		say_way(a);
	a->stream = stream_open(fd);
	a->trips += !account_is_local(acc);
	a->turn = true;
	return 0;
}

/* Where TLS sessions are kept, and for whom: never a password of a proxy's. */
static void find_tickets(struct attempt *a, struct tls_config *config)
{
	const struct account *acc = a->account;
	const char *at = strrchr(acc->proxy, '@');

	buf_reset(&a->tickets);
	buf_reset(&a->ticket_for);
	if (acc->tls_resume)
		ticket_directory(&a->tickets);
	buf_addf(&a->ticket_for, "%zu:%s,%zu:%s,%s", strlen(acc->user),
		 acc->user, strlen(acc->authzid), acc->authzid,
		 at ? at : acc->proxy);
	config->ticket_dir = buf_cstr(&a->tickets);
	config->ticket_for = buf_cstr(&a->ticket_for);
	config->ticket_fresh = a->again;
}

/* The report's view of it; a session resumed before 1.3 saves a round trip. */
static void note_tls(struct attempt *a)
{
	const struct tls_info *tls = stream_tls(a->stream);
	struct buf line;

	a->tls = tls->version;
	a->resumed = tls->resumed;
	a->trips += strcmp(a->tls, "TLS1.3") && !a->resumed ? 2 : 1;
	if (!a->setup->trace)
		return;
	buf_init(&line, 1 << 10);
	buf_addf(&line, "%s%s", tls->cipher, a->resumed ?
		 ", session resumed" : "");
	a->setup->trace(a->setup->ctx, '*', buf_str(&line));
	buf_release(&line);
}

static void explain_foreign(const struct attempt *a, struct error *err)
{
	const struct relay *relay = relays_at(&a->relays);
	struct buf text;

	if (err->kind != ERROR_CERT || !relay->foreign ||
	    *a->account->tls_name || !strcmp(a->account->tls_trust, "tofu"))
		return;
	buf_init(&text, sizeof(err->text));
	buf_addf(&text, "; the SRV records of '%s' lead elsewhere, to '%s': if "
		 "that is right, set tls_name = %s", relay->domain,
		 relay->host, relay->host);
	error_add(err, buf_cstr(&text));
	buf_release(&text);
}

void connect_tls(struct attempt *a)
{
	const struct account *acc = a->account;
	const struct relay *relay = relays_at(&a->relays);
	struct tls_config config;
	struct verdict v;
	struct error err;

	proof_configure(a, relay, &config);
	find_tickets(a, &config);
	config.dane = acc->tls_dane;
	config.tlsa = a->dane;
	config.tlsa_until = connect_until(a, acc->timeout_tls);
	if (!stream_start_tls(a->stream, &config, connect_until(a, acc->timeout_tls),
			      &err)) {
		note_tls(a);
		return;
	}
	explain_foreign(a, &err);
	v = verdict_of_error(&err, STAGE_TLS);
	session_fail_at(&a->session, &v);
}

void connect_login(struct attempt *a)
{
	const struct account *acc = a->account;
	const struct relay *relay = relays_at(&a->relays);
	const struct tls_info *tls = stream_tls(a->stream);
	struct error err;

	if (secret_finish(a->source, connect_until(a, acc->timeout_command),
			  &a->secret, &err)) {
		a->source = NULL;
		session_give_up(&a->session, &err);
		return;
	}
	a->source = NULL;
	a->sasl_config = (struct sasl_config){
		.mechs = acc->auth, .user = acc->user, .authzid = acc->authzid,
		.host = relay->host, .port = relay->port,
		.secret = secret_str(&a->secret),
		.is_token = *acc->token_command || *acc->oauth2,
		.secure = tls || account_is_local(acc),
		.has_cert = (tls && *acc->tls_cert) || account_is_local(acc),
		.deadline = connect_until(a, acc->timeout_command),
	};
	if (tls) {
		a->sasl_config.exporter = buf_str(&tls->exporter);
		a->sasl_config.unique = buf_str(&tls->unique);
	}
	a->sasl = sasl_new(&a->sasl_config, &err);
	if (a->sasl)
		session_auth(&a->session, sasl_auth(a->sasl));
	else
		session_give_up(&a->session, &err);
}

bool connect_renew(struct attempt *a)
{
	const struct verdict *v = &a->session.verdict;
	bool refused = v->stage == STAGE_AUTH && (v->code == 535 ||
		(v->code >= 500 && a->sasl && *sasl_status(a->sasl)));

	/* One that came just now would fare no better a second time. */
	if (!refused || !*a->account->oauth2 || ways(a).fd >= 0 || *a->stale ||
	    a->secret.issued || !a->secret.n)
		return false;
	token_digest(secret_str(&a->secret), a->stale);
	if (a->setup->trace)
		a->setup->trace(a->setup->ctx, '*', STR("the relay refuses a "
				"token that should be good: renewing it"));
	return *a->stale;
}
