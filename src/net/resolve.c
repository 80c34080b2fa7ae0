#include "net/resolve.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/aside.h"
#include "util/buf.h"
#include "util/str.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum { HOST_MAX = 255 };		/* octets, RFC 1035 s2.3.4 */

struct lookup {
	int result;			/* EAI_* */
	int error;			/* errno for EAI_SYSTEM */
	struct addrinfo *found;
	char port[8];
	char host[HOST_MAX + 1];
};

static int look_up(const char *host, const char *port, int flags,
		   struct addrinfo **found)
{
	/* Not AI_ADDRCONFIG: it hides loopback on hosts without a network,
	   and racing makes it needless. */
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP, .ai_flags = AI_NUMERICSERV | flags
	};

	*found = NULL;
	return getaddrinfo(host, port, &hints, found);
}

/* "localhost", or a name in it, RFC 6761 s6.3. */
static bool is_localhost(const char *host)
{
	const struct str name = STR("localhost");
	struct str s = str_of(host);

	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n > name.n && s.p[s.n - name.n - 1] == '.') {
		s.p += s.n - name.n;
		s.n = name.n;
	}
	return str_caseeq(s, name);
}

/*
 * The loopback addresses where neither /etc/hosts nor a name server has them:
 * in a container or a chroot, say.
 */
static int look_up_anyhow(const char *host, const char *port,
			  struct addrinfo **found)
{
	int result = look_up(host, port, 0, found);
	int error = errno;

	if (result && is_localhost(host) && !look_up(NULL, port, 0, found))
		result = 0;
	errno = error;
	return result;
}

static void lookup_free(void *ctx)
{
	struct lookup *l = ctx;

	if (l->found)
		freeaddrinfo(l->found);
	free(l);
}

static struct lookup *lookup_new(const char *host, const char *port)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	snprintf(l->host, sizeof(l->host), "%s", host);
	snprintf(l->port, sizeof(l->port), "%s", port);
	return l;
}

static void lookup_run(void *ctx)
{
	struct lookup *l = ctx;

	l->result = look_up_anyhow(l->host, l->port, &l->found);
	l->error = errno;
}

static int refuse(const char *host, int result, int error, struct error *err)
{
	switch (result) {
	case EAI_NONAME:
		return error_set(err, ERROR_HOST, "host '%s' does not exist",
				 host);
#ifdef EAI_NODATA
	case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
#endif
		return error_set(err, ERROR_HOST, "host '%s' has no address",
				 host);
	case EAI_AGAIN:
		return error_set(err, ERROR_NET, "resolving '%s': the name "
				 "servers have no answer now", host);
	case EAI_SYSTEM:
		return error_set(err, ERROR_NET, "resolving '%s': %s", host,
				 strerror(error));
	default:
		return error_set(err, ERROR_NET, "resolving '%s': %s", host,
				 gai_strerror(result));
	}
}

/* What has a colon is no name: no name server is to be asked for it. */
static int no_address(const char *host, struct error *err)
{
	const char *zone = strchr(host, '%');

	if (!zone)
		return error_set(err, ERROR_CONFIG, "'%s' is neither a host "
				 "name nor an address", host);
	return error_set(err, ERROR_CONFIG, "'%s': there is no interface '%s' "
			 "here, or what is before it is no link-local address",
			 host, zone + 1);
}

/* Names reach the resolver, its caches and modules: plain ASCII only. */
static int check(const char *host, struct error *err)
{
	size_t n = strlen(host);
	struct buf shown;

	if (!n)
		return error_set(err, ERROR_CONFIG, "no host to connect to");
	if (n > HOST_MAX)
		return error_set(err, ERROR_CONFIG, "host name of %zu octets: "
				 "at most %d can be", n, (int)HOST_MAX);
	for (size_t i = 0; i < n; i++)
		if (host[i] <= ' ' || host[i] > '~' || strchr("/[]", host[i])) {
			buf_init(&shown, (size_t)4 * HOST_MAX);
			utf8_escape(&shown, str_of(host));
			error_set(err, ERROR_CONFIG, "'%s' is not a host name",
				  buf_cstr(&shown));
			buf_release(&shown);
			return -1;
		}
	return strchr(host, ':') ? no_address(host, err) : 0;
}

bool resolve_literal(const char *host, unsigned port, struct addrinfo **out)
{
	size_t n = strlen(host);
	char plain[HOST_MAX + 1];
	char service[8];
	bool bracketed = n > 2 && host[0] == '[' && host[n - 1] == ']';

	if (!n || n > HOST_MAX)
		return false;
	snprintf(plain, sizeof(plain), "%.*s",
		 (int)(bracketed ? n - 2 : n), host + bracketed);
	if (bracketed && !strchr(plain, ':'))
		return false;
	snprintf(service, sizeof(service), "%u", port & 0xffff);
	return !look_up(plain, service, AI_NUMERICHOST, out);
}

int resolve(const char *host, unsigned port, int64_t deadline,
	    struct addrinfo **out, struct error *err)
{
	struct aside_work work;
	struct lookup *l;
	char service[8];
	int ret = 0;

	if (resolve_literal(host, port, out))
		return 0;
	if (check(host, err))
		return -1;
	snprintf(service, sizeof(service), "%u", port & 0xffff);
	l = lookup_new(host, service);
	work = (struct aside_work){ lookup_run, lookup_free, l };
	if (!aside_wait(aside_start(&work), deadline))
		return error_set(err, ERROR_NET, "resolving '%s' timed out",
				 host);
	if (l->result)
		ret = refuse(host, l->result, l->error, err);
	*out = l->found;
	l->found = NULL;
	lookup_free(l);
	return ret;
}
