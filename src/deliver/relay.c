#include "deliver/relay.h"

#include <stdlib.h>

#include "conf/option.h"
#include "mail/idn.h"
#include "net/srv.h"
#include "util/buf.h"
#include "util/xalloc.h"

enum { HOST_OCTETS = 1 << 16 };

void relays_init(struct relays *r, const struct account *first,
		 struct account *const *further)
{
	*r = (struct relays){ .account = first, .further = further };
}

static void drop(const char *text)
{
	free((char *)(uintptr_t)text);
}

static void forget(struct relays *r)
{
	for (size_t i = 0; i < r->n; i++) {
		drop(r->list[i].host);
		drop(r->list[i].name);
		drop(r->list[i].known_as);
		drop(r->list[i].domain);
	}
	free(r->list);
	r->list = NULL;
	r->n = r->at = 0;
}

void relays_release(struct relays *r)
{
	forget(r);
}

const struct relay *relays_nth(const struct relays *r, size_t i)
{
	return i < r->n ? &r->list[i] : NULL;
}

const struct relay *relays_at(const struct relays *r)
{
	return relays_nth(r, r->at);
}

/* Take one more relay; its texts are copied, and the port put to its name. */
static void push(struct relays *r, struct relay relay)
{
	struct buf name;

	buf_init(&name, 2 * HOST_OCTETS);
	buf_addz(&name, relay.name);
	if (*relay.host != '/')
		buf_addf(&name, ":%u", relay.port);
	relay.host = xstrdup(relay.host);
	relay.domain = xstrdup(relay.domain);
	relay.name = xstrdup(buf_cstr(&name));
	buf_reset(&name);
	if (relay.foreign)
		buf_addf(&name, "%s/", relay.domain);
	buf_addz(&name, relay.name);
	relay.known_as = xstrdup(buf_cstr(&name));
	buf_release(&name);
	r->list = xrealloc(r->list, r->n + 1, sizeof(*r->list));
	r->list[r->n++] = relay;
}

static int find_host(struct relays *r, struct error *err)
{
	const struct account *a = r->account;
	struct buf host;
	int ret;

	buf_init(&host, HOST_OCTETS);
	ret = idn_domain(&host, str_of(a->host), err);
	if (!ret)
		push(r, (struct relay){ .host = buf_cstr(&host),
		     .name = a->host, .domain = "",
		     .port = account_port(a),
		     .tls = account_tls(a) });
	else
		error_wrap(err, "host '%s'", a->host);
	buf_release(&host);
	return ret;
}

/* Which records answer for the account's `tls`. */
static unsigned services(const struct account *a)
{
	if (!option_given(option_find(STR("tls")), a))
		return SRV_SUBMISSIONS | SRV_SUBMISSION;
	return account_tls(a) == ACCOUNT_TLS_IMPLICIT ? SRV_SUBMISSIONS :
		SRV_SUBMISSION;
}

/* What a record says of TLS cannot make it less than the account wants. */
static enum account_tls tls_for(const struct account *a,
				const struct srv_target *t)
{
	if (t->implicit)
		return ACCOUNT_TLS_IMPLICIT;
	return account_tls(a) == ACCOUNT_TLS_NONE ? ACCOUNT_TLS_NONE :
		ACCOUNT_TLS_STARTTLS;
}

/* In ASCII, and without the dot at its end: no certificate has one. */
static int domain_of(const struct account *a, struct buf *out,
		     struct error *err)
{
	struct str domain = str_of(account_host(a));

	if (domain.n > 1 && domain.p[domain.n - 1] == '.')
		domain.n--;
	return idn_domain(out, domain, err) ?
		error_wrap(err, "host '%s'", a->host) : 0;
}

static int find_srv(struct relays *r, int64_t deadline, struct error *err)
{
	const struct account *a = r->account;
	struct srv_query q = { .services = services(a), .deadline = deadline };
	struct srv_targets found;
	struct buf domain;
	int ret;

	buf_init(&domain, HOST_OCTETS);
	ret = domain_of(a, &domain, err);
	q.domain = buf_cstr(&domain);
	if (!ret)
		ret = srv_find(&q, &found, err);
	for (size_t i = 0; !ret && i < found.n; i++) {
		const struct srv_target *t = &found.at[i];

		push(r, (struct relay){ .host = t->host, .name = t->host,
		     .port = t->port, .tls = tls_for(a, t),
		     .domain = q.domain, .priority = t->priority,
		     .weight = t->weight,
		     .foreign = !srv_is_within(t->host, q.domain) });
	}
	buf_release(&domain);
	return ret;
}

int relays_find(struct relays *r, int64_t deadline, struct error *err)
{
	if (r->n)
		return 0;
	return account_is_srv(r->account) ? find_srv(r, deadline, err) :
		find_host(r, err);
}

/* Did it fail before the relay was anything but a host that is down? */
static bool unreached(const struct verdict *v)
{
	switch (v->stage) {
	case STAGE_CONNECT:
		return v->kind == ERROR_NET || v->kind == ERROR_HOST;
	case STAGE_TLS:
		return v->kind == ERROR_NET;
	case STAGE_GREETING:
		return v->code || v->kind == ERROR_NET;
	default:
		return false;
	}
}

bool relays_another(struct relays *r, const struct verdict *v)
{
	if (r->at + 1 >= r->n || !unreached(v))
		return false;
	r->at++;
	return true;
}

bool relays_fall_back(struct relays *r)
{
	if (!r->further || !*r->further)
		return false;
	forget(r);
	r->account = *r->further++;
	return true;
}

/* A relay's own word that it did not take the message for this recipient. */
static bool declined(const struct verdict *v)
{
	/* Whoever says 421 to one RCPT may have taken the one before. */
	return v->code >= 400 && (v->stage == STAGE_MAIL ||
		(v->stage == STAGE_RCPT && v->code != 421));
}

/* What went wrong here would go wrong with any relay. */
static bool ours(const struct verdict *v)
{
	return v->stage == STAGE_LOCAL && v->kind != ERROR_PROTOCOL &&
		v->kind != ERROR_NET;
}

bool relays_may_retry(const struct envelope *env)
{
	size_t deferred = 0;

	if (env->all_or_nothing && envelope_count(env, OUTCOME_FAILED))
		return false;
	for (size_t i = 0; i < env->n_rcpt; i++) {
		const struct verdict *v = envelope_verdict(env, i);

		if (v->stage == STAGE_CONTENT)
			return false;
		if (v->outcome == OUTCOME_FAILED)
			continue;
		if (v->outcome != OUTCOME_DEFERRED || ours(v) ||
		    (env->begun && !declined(v)))
			return false;
		deferred++;
	}
	return deferred;
}
