/*
 * The log: one JSON object a line, written with one write(2), so that what
 * is logged is there when the client sees the reply.
 */
#ifndef RELAY_LOG_H
#define RELAY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/relay.h"
#include "util/buf.h"
#include "util/str.h"

/* Begin an event in b (initialised here), add members, then end it. */
void log_begin(struct relay *r, struct buf *b, unsigned conn, const char *event);
void log_str(struct buf *b, const char *key, struct str value);
void log_int(struct buf *b, const char *key, uint64_t value);
void log_bool(struct buf *b, const char *key, bool value);
void log_quote(struct buf *b, struct str value);	/* a JSON string */
void log_end(struct relay *r, struct buf *b);		/* writes and releases */

/* An event with one text member. */
void log_note(struct relay *r, unsigned conn, const char *event, const char *text);

#endif
