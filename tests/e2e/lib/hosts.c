/*
 * A getaddrinfo() for tests, put before libc's by LD_PRELOAD.  FAKE_HOSTS is
 * "name=address,address;other=!NONAME": names that are not in it, addresses
 * included, go to the real one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

typedef int real_fn(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **);

static const char *find(const char *name)
{
	const char *at = getenv("FAKE_HOSTS");
	size_t n = strlen(name);

	while (at && *at) {
		if (!strncmp(at, name, n) && at[n] == '=')
			return at + n + 1;
		at = strchr(at, ';');
		at += at != NULL;
	}
	return NULL;
}

static int look_up(const char *list, const char *service,
		   const struct addrinfo *hints, struct addrinfo **res)
{
	real_fn *real = (real_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
	struct addrinfo want = { 0 };
	size_t n;
	int ret;

	if (hints)
		want = *hints;
	want.ai_flags |= AI_NUMERICHOST;
	want.ai_flags &= ~AI_ADDRCONFIG;
	*res = NULL;
	for (; *list && *list != ';'; list += n + (list[n] == ',')) {
		char one[64] = "";

		n = strcspn(list, ",;");
		memcpy(one, list, n < sizeof(one) ? n : sizeof(one) - 1);
		ret = real(one, service, &want, res);
		if (ret)
			return ret;
		while (*res)
			res = &(*res)->ai_next;
	}
	return 0;
}

int getaddrinfo(const char *name, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	real_fn *real = (real_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
	const char *list = name ? find(name) : NULL;

	if (!list || (hints && hints->ai_flags & AI_NUMERICHOST))
		return real(name, service, hints, res);
	if (!strncmp(list, "!NONAME", 7))
		return EAI_NONAME;
	if (!strncmp(list, "!AGAIN", 6))
		return EAI_AGAIN;
	return look_up(list, service, hints, res);
}
