/*
 * A resolver for the tests of net/: names stand for lists of addresses, and
 * can be slow.  Addresses themselves are taken by the real getaddrinfo().
 */
#ifndef TESTS_NAMES_H
#define TESTS_NAMES_H

#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int result;
	unsigned delay;			/* ms */
	const char *addresses[4];
} names[] = {
	{ "one.test", 0, 0, { "127.0.0.1" } },
	{ "two.test", 0, 0, { "127.0.0.2", "127.0.0.1" } },
	{ "three.test", 0, 0, { "127.0.0.2", "127.0.0.3", "127.0.0.1" } },
	{ "both.test", 0, 0, { "::1", "127.0.0.1" } },
	{ "turns.test", 0, 0, { "::1", "::1", "127.0.0.3", "127.0.0.2" } },
	{ "slow.test", 0, 1000, { "127.0.0.1" } },
	{ "nxdomain.test", EAI_NONAME, 0, { 0 } },
	{ "empty.test", EAI_NODATA, 0, { 0 } },
	{ "servfail.test", EAI_AGAIN, 0, { 0 } },
	{ "broken.test", EAI_FAIL, 0, { 0 } },
	{ "system.test", EAI_SYSTEM, 0, { 0 } },
	{ "known.localhost", 0, 0, { "127.0.0.3" } },
	{ "unasked.localhost", EAI_AGAIN, 0, { 0 } },
};

static char names_asked[1000];	/* names looked up, a blank after each */

int getaddrinfo(const char *host, const char *port,
		const struct addrinfo *hints, struct addrinfo **out)
{
	__typeof__(getaddrinfo) *real = dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo literal = *hints;
	size_t i = 0;

	if (!host || hints->ai_flags & AI_NUMERICHOST)
		return real(host, port, hints, out);
	if (strlen(names_asked) + strlen(host) + 2 < sizeof(names_asked)) {
		strcat(names_asked, host);
		strcat(names_asked, " ");
	}
	while (i < sizeof(names) / sizeof(*names) &&
	       strcmp(host, names[i].name))
		i++;
	if (i == sizeof(names) / sizeof(*names))
		return EAI_NONAME;
	usleep(names[i].delay * 1000);
	literal.ai_flags |= AI_NUMERICHOST;
	for (size_t j = 0; j < 4 && names[i].addresses[j]; j++) {
		real(names[i].addresses[j], port, &literal, out);
		out = &(*out)->ai_next;
	}
	return names[i].result;
}

#endif
