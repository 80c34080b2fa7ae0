#include "net/srv.h"

#include <netinet/in.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/aside.h"
#include "sys/entropy.h"
#include "util/buf.h"
#include "util/str.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	MESSAGE_MAX = 64 << 10,		/* octets of an answer */
	RECORDS_MAX = 256,		/* of a service; further ones are left out */
	DOMAIN_MAX = 253		/* octets, RFC 1035 s2.3.4 as text */
};

static const struct service {
	enum srv_services bit;
	const char *label;
	bool implicit;
} services[] = {
	{ SRV_SUBMISSIONS, "_submissions._tcp", true },
	{ SRV_SUBMISSION, "_submission._tcp", false },
};

enum { SERVICES = sizeof(services) / sizeof(*services) };

/* One question, and what came of it. */
struct question {
	const struct service *service;
	char name[DNS_NAME_MAX + 1];
	enum dns_result result;
	struct dns_srv record[RECORDS_MAX];
	size_t n;
};

/* ---- order ---- */

static bool before(const struct srv_target *a, const struct srv_target *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->implicit && !b->implicit;
}

/* Stable, so that what the chance made of it depends on nothing else. */
static void sort(struct srv_target *t, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct srv_target moved = t[i];
		size_t to = i;

		for (; to && before(&moved, &t[to - 1]); to--)
			t[to] = t[to - 1];
		t[to] = moved;
	}
}

/*
 * RFC 2782: those without weight first, then the one at which the running sum
 * comes up to a number by chance.
 */
static size_t pick(const struct srv_target *t, size_t n,
		   uint32_t (*draw)(void *ctx, uint32_t max), void *ctx)
{
	uint32_t sum = 0, wanted, at = 0;

	for (size_t i = 0; i < n; i++)
		sum += t[i].weight;
	if (!sum)
		return draw(ctx, (uint32_t)n - 1);
	wanted = draw(ctx, sum);
	for (size_t i = 0; i < n && !wanted; i++)
		if (!t[i].weight)
			return i;
	for (size_t i = 0; i < n; i++) {
		at += t[i].weight;
		if (t[i].weight && at >= wanted)
			return i;
	}
	return 0;
}

static void shuffle(struct srv_target *t, size_t n,
		    uint32_t (*draw)(void *ctx, uint32_t max), void *ctx)
{
	for (; n > 1; t++, n--) {
		size_t i = pick(t, n, draw, ctx);
		struct srv_target chosen = t[i];

		memmove(t + 1, t, i * sizeof(*t));
		*t = chosen;
	}
}

void srv_order(struct srv_target *t, size_t n,
	       uint32_t (*draw)(void *ctx, uint32_t max), void *ctx)
{
	size_t end;

	sort(t, n);
	for (size_t i = 0; i < n; i = end) {
		end = i + 1;
		while (end < n && !before(&t[i], &t[end]))
			end++;
		shuffle(t + i, end - i, draw, ctx);
	}
}

/* ---- asking ---- */

static void ask(void *ctx)
{
	struct question *q = ctx;
	unsigned char *message = xrealloc(NULL, MESSAGE_MAX, 1);
	int n = res_query(q->name, C_IN, T_SRV, message, MESSAGE_MAX);

	if (n >= 0)
		q->result = dns_read_srv((struct str){ (char *)message,
				n < MESSAGE_MAX ? (size_t)n : MESSAGE_MAX },
				q->name, q->record, RECORDS_MAX, &q->n);
	else
		q->result = h_errno == HOST_NOT_FOUND || h_errno == NO_DATA ?
			DNS_NONE : DNS_FAILED;
	free(message);
}

static struct question *question_new(const struct service *s,
				     const char *domain)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->service = s;
	snprintf(q->name, sizeof(q->name), "%s.%s", s->label, domain);
	return q;
}

/* In place of what never came. */
static struct question *question_late(const struct service *s,
				      const char *domain)
{
	struct question *q = question_new(s, domain);

	q->result = DNS_FAILED;
	return q;
}

static void ask_all(const struct srv_query *query, const char *domain,
		    struct question *all[SERVICES])
{
	struct aside *aside[SERVICES] = { NULL };

	for (size_t i = 0; i < SERVICES; i++) {
		all[i] = NULL;
		if (!(query->services & services[i].bit))
			continue;
		all[i] = question_new(&services[i], domain);
		aside[i] = aside_start(&(struct aside_work){ ask, free,
				       all[i] });
	}
	for (size_t i = 0; i < SERVICES; i++)
		if (aside[i] && !aside_wait(aside[i], query->deadline))
			all[i] = question_late(&services[i], domain);
}

/* ---- the answers ---- */

static uint32_t chance(void *ctx, uint32_t max)
{
	struct buf hex;
	uint64_t n;

	(void)ctx;
	buf_init(&hex, 32);
	entropy_hex(&hex, 8);
	n = strtoull(buf_cstr(&hex), NULL, 16);
	buf_release(&hex);
	return (uint32_t)(n % ((uint64_t)max + 1));
}

/* All of one service's but the root, which means that there is none. */
static size_t take(const struct question *q, struct srv_target *to)
{
	size_t n = 0;

	for (size_t i = 0; q && i < q->n; i++) {
		const struct dns_srv *r = &q->record[i];

		if (!*r->target)
			continue;
		to[n] = (struct srv_target){ .port = r->port,
			.priority = r->priority, .weight = r->weight,
			.implicit = q->service->implicit };
		memcpy(to[n++].host, r->target, sizeof(r->target));
	}
	return n;
}

/* "_submissions._tcp.example.org and _submission._tcp.example.org" */
static void add_names(struct buf *out, struct question *all[SERVICES])
{
	for (size_t i = 0; i < SERVICES; i++)
		if (all[i])
			buf_addf(out, "%s%s", out->len ? " and " : "",
				 all[i]->name);
}

static int refuse(const char *domain, struct question *all[SERVICES],
		  struct error *err)
{
	bool failed = false, bad = false, root = false;
	struct buf names;

	buf_init(&names, (size_t)4 * DNS_NAME_MAX);
	add_names(&names, all);
	for (size_t i = 0; i < SERVICES; i++) {
		if (!all[i])
			continue;
		failed |= all[i]->result == DNS_FAILED;
		bad |= all[i]->result == DNS_BAD;
		root |= all[i]->n > 0;
	}
	if (bad)
		error_set(err, ERROR_NET, "the SRV records of %s: the name "
			  "servers' answer makes no sense", buf_cstr(&names));
	else if (failed)
		error_set(err, ERROR_NET, "the SRV records of %s: the name "
			  "servers have no answer now", buf_cstr(&names));
	else if (root)
		error_set(err, ERROR_HOST, "'%s' offers no mail submission, "
			  "say the SRV records of %s", domain,
			  buf_cstr(&names));
	else
		error_set(err, ERROR_HOST, "there are no SRV records for %s: "
			  "set host to the relay's name", buf_cstr(&names));
	buf_release(&names);
	return -1;
}

static int choose(const char *domain, struct question *all[SERVICES],
		  struct srv_targets *out, struct error *err)
{
	struct srv_target *t = xcalloc((size_t)SERVICES * RECORDS_MAX,
				       sizeof(*t));
	size_t n = 0;

	for (size_t i = 0; i < SERVICES; i++)
		n += take(all[i], t + n);
	srv_order(t, n, chance, NULL);
	out->n = n < SRV_TARGETS ? n : SRV_TARGETS;
	memcpy(out->at, t, out->n * sizeof(*t));
	free(t);
	return n ? 0 : refuse(domain, all, err);
}

/* Before the resolver sees it.  A dot at the end is dropped. */
static int check(const struct srv_query *q, char domain[DOMAIN_MAX + 1],
		 struct error *err)
{
	size_t n = strlen(q->domain);
	size_t most = DOMAIN_MAX - strlen(services[0].label) - 1;
	struct buf shown;

	if (n && q->domain[n - 1] == '.')
		n--;
	for (size_t i = 0; i < n; i++)
		if (q->domain[i] <= ' ' || q->domain[i] > '~' ||
		    strchr("/[]\\:", q->domain[i]))
			n = 0;
	if (n && n <= most) {
		snprintf(domain, DOMAIN_MAX + 1, "%.*s", (int)n, q->domain);
		return 0;
	}
	buf_init(&shown, (size_t)8 * DNS_NAME_MAX);
	utf8_escape(&shown, str_of(q->domain));
	error_set(err, ERROR_CONFIG, "'%.300s' is not a domain to look SRV "
		  "records up for", buf_cstr(&shown));
	buf_release(&shown);
	return -1;
}

int srv_find(const struct srv_query *query, struct srv_targets *out,
	     struct error *err)
{
	struct question *all[SERVICES];
	char domain[DOMAIN_MAX + 1];
	int ret;

	if (check(query, domain, err))
		return -1;
	ask_all(query, domain, all);
	ret = choose(domain, all, out, err);
	for (size_t i = 0; i < SERVICES; i++)
		free(all[i]);
	return ret;
}

bool srv_is_within(const char *host, const char *domain)
{
	struct str h = str_of(host), d = str_of(domain);

	h.n -= h.n && h.p[h.n - 1] == '.';
	d.n -= d.n && d.p[d.n - 1] == '.';
	if (h.n > d.n && h.p[h.n - d.n - 1] == '.') {
		h.p += h.n - d.n;
		h.n = d.n;
	}
	return d.n && str_caseeq(h, d);
}
