#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "relay/relay.h"

static void window(int fd, unsigned octets)
{
	int n = (int)octets;

	if (!octets)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &n, sizeof(n));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

static int listen_unix(struct listener *l, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path))
		return -1;
	memcpy(sun.sun_path, path, strlen(path) + 1);
	unlink(path);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&sun, sizeof(sun)) ||
	    listen(l->fd, 512))
		return -1;
	return 0;
}

/* Put the name with the port the system chose in place of what was asked. */
static int name_tcp(struct listener *l)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	char host[80];
	char port[16];

	if (getsockname(l->fd, (struct sockaddr *)&ss, &n) ||
	    getnameinfo((struct sockaddr *)&ss, n, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return -1;
	snprintf(l->name, sizeof(l->name),
		 ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

static int listen_tcp(struct listener *l, unsigned octets)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *ai;
	char *host = l->name;
	char *port = strrchr(l->name, ':');
	int on = 1;
	int ret;

	if (!port)
		return -1;
	*port++ = '\0';
	if (*host == '[' && port[-2] == ']') {
		host++;
		port[-2] = '\0';
	}
	if (getaddrinfo(host, port, &hints, &ai))
		return -1;
	l->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	window(l->fd, octets);
	ret = l->fd < 0 || bind(l->fd, ai->ai_addr, ai->ai_addrlen) ||
	      listen(l->fd, 512);
	freeaddrinfo(ai);
	return ret ? -1 : name_tcp(l);
}

int listen_all(struct config *conf)
{
	for (size_t i = 0; i < conf->nlisteners; i++) {
		struct listener *l = &conf->listeners[i];
		char asked[sizeof(l->name)];
		bool local = !strncmp(l->name, "unix:", 5);

		memcpy(asked, l->name, sizeof(asked));
		if (local ? listen_unix(l, l->name + 5) :
			    listen_tcp(l, conf->window)) {
			fprintf(stderr, "relay: cannot listen on '%s': %m\n",
				asked);
			return -1;
		}
		printf("listening %s\n", l->name);
	}
	printf("ready\n");
	fflush(stdout);
	return 0;
}
