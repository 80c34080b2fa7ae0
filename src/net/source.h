/*
 * Where connections come from: the setting `source`, an address of ours or an
 * interface, which stands for the addresses it has.
 */
#ifndef NET_SOURCE_H
#define NET_SOURCE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "util/error.h"

enum { SOURCE_MAX = 64 };	/* addresses of an interface that are looked at */

struct source {
	unsigned interface;	/* its index; 0: an address was given, or nothing */
	size_t n;		/* 0: nothing is bound */
	union source_address {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at[SOURCE_MAX];
};

/*
 * "" is nothing.  0, or -1: ERROR_CONFIG for what is neither an address nor an
 * interface, ERROR_NET for an interface that has no address now.
 */
int source_load(struct source *s, const char *text, struct error *err);

/*
 * The address to bind before connecting to `to`: of its family, and of its
 * scope (link-local or not) if there is one such.  NULL if there is none of
 * the family.
 */
const struct sockaddr *source_for(const struct source *s,
				  const struct sockaddr *to);

/*
 * A link-local address that was found without its interface is taken to be on
 * that of the source, if one is named.
 */
void source_scope(const struct source *s, struct sockaddr_in6 *to);

#endif
