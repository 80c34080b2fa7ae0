#include "net/source.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "net/resolve.h"

static size_t size_of(int family)
{
	if (family == AF_INET)
		return sizeof(struct sockaddr_in);
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;
}

static void add(struct source *s, const struct sockaddr *a)
{
	size_t n = size_of(a->sa_family);

	if (!n || s->n == SOURCE_MAX)
		return;
	memcpy(&s->at[s->n], a, n);
	s->at[s->n].v4.sin_port = 0;	/* in the same place in either */
	s->n++;
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) ==
	       offsetof(struct sockaddr_in6, sin6_port),
	       "add() clears the port of both");

static int add_interface(struct source *s, const char *name, struct error *err)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return error_set(err, ERROR_OS, "source '%s': cannot ask for "
				 "the interfaces: %s", name, strerror(errno));
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && !strcmp(i->ifa_name, name))
			add(s, i->ifa_addr);
	freeifaddrs(all);
	if (!s->n)
		return error_set(err, ERROR_NET, "source '%s': the interface "
				 "has no address now", name);
	return 0;
}

int source_load(struct source *s, const char *text, struct error *err)
{
	struct addrinfo *found;

	s->n = 0;
	s->interface = 0;
	if (!*text)
		return 0;
	s->interface = if_nametoindex(text);
	if (s->interface)
		return add_interface(s, text, err);
	if (resolve_literal(text, 0, &found)) {
		add(s, found->ai_addr);
		if (s->at[0].any.sa_family == AF_INET6)
			s->interface = s->at[0].v6.sin6_scope_id;
		freeaddrinfo(found);
		return 0;
	}
	return error_set(err, ERROR_CONFIG, "source '%s' is neither an address "
			 "nor an interface of this host", text);
}

static bool is_link_local(const struct sockaddr *a)
{
	const struct sockaddr_in6 *v6 = (const void *)a;

	return a->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
}

const struct sockaddr *source_for(const struct source *s,
				  const struct sockaddr *to)
{
	const struct sockaddr *best = NULL;

	for (size_t i = 0; i < s->n; i++) {
		const struct sockaddr *a = &s->at[i].any;

		if (a->sa_family != to->sa_family)
			continue;
		if (is_link_local(a) == is_link_local(to))
			return a;
		if (!best)
			best = a;
	}
	return best;
}

void source_scope(const struct source *s, struct sockaddr_in6 *to)
{
	if (IN6_IS_ADDR_LINKLOCAL(&to->sin6_addr) && !to->sin6_scope_id)
		to->sin6_scope_id = s->interface;
}
