#include "deliver/relay.h"

#include <stdlib.h>

#include "mail/idn.h"
#include "util/buf.h"
#include "util/xalloc.h"

enum { HOST_OCTETS = 1 << 16 };

void relays_init(struct relays *r, const struct account *first,
		 const struct account *const *further)
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

const struct relay *relays_at(const struct relays *r)
{
	return r->at < r->n ? &r->list[r->at] : NULL;
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

int relays_find(struct relays *r, int64_t deadline, struct error *err)
{
	(void)deadline;
	if (r->n)
		return 0;
	return find_host(r, err);
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
