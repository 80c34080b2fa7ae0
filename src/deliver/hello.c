#include "deliver/hello.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "mail/idn.h"
#include "util/error.h"
#include "util/str.h"

/* A domain, and not what stands for the lack of one (sys/host.h). */
static bool is_whole(struct str name)
{
	const struct str none = STR(".localdomain");

	return memchr(name.p, '.', name.n) &&
	       (name.n < none.n ||
		!str_caseeq((struct str){ name.p + name.n - none.n, none.n },
			    none));
}

/* False, and out as it was, if fd has no address. */
static bool add_literal(struct buf *out, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t n = sizeof(a);
	char text[INET6_ADDRSTRLEN];

	if (fd < 0 || getsockname(fd, &a.any, &n))
		return false;
	if (a.any.sa_family == AF_INET &&
	    inet_ntop(AF_INET, &a.v4.sin_addr, text, sizeof(text)))
		buf_addf(out, "[%s]", text);
	/* Without its scope, which means nothing to others. */
	else if (a.any.sa_family == AF_INET6 &&
		 inet_ntop(AF_INET6, &a.v6.sin6_addr, text, sizeof(text)))
		buf_addf(out, "[IPv6:%s]", text);
	else
		return false;
	return true;
}

void hello_name(struct buf *out, const char *helo, const char *mailname,
		int fd)
{
	struct error ignored;

	if (*helo && !idn_domain(out, str_of(helo), &ignored))
		return;
	if (is_whole(str_of(mailname)) &&
	    !idn_domain(out, str_of(mailname), &ignored))
		return;
	if (add_literal(out, fd))
		return;
	if (idn_domain(out, str_of(mailname), &ignored))
		buf_addz(out, "unknown.localdomain");
}
