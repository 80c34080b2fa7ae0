/* What --reply, --fault and --delay ask for. */
#ifndef RELAY_OVERRIDE_H
#define RELAY_OVERRIDE_H

#include "relay/relay.h"

/* 'VERB[%conn][#n[+]][@glob]=REPLY' into conf; 0 or -1. */
int override_add(struct config *conf, const char *text);
/* 'content[%conn][#n]:OCTETS:ACTION' into conf; 0 or -1. */
int fault_add(struct config *conf, const char *text);
/* 'VERB:MS' into conf; 0 or -1. */
int delay_add(struct config *conf, const char *text);

/* The override for the nth verb of a connection, or NULL.  First match wins. */
const struct override *override_find(const struct config *conf, const char *verb,
				     unsigned conn, unsigned nth, const char *arg);

void override_release(struct override *o);

#endif
