/*
 * OAuth 2 tokens in the desktop's keyring, by secret-tool: under the
 * attributes "service posthaste-oauth2, profile NAME".  For conf/token.
 */
#ifndef CONF_TOKENRING_H
#define CONF_TOKENRING_H

#include <stdbool.h>
#include <stdint.h>

#include "sys/process.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/str.h"

/* Start to look them up.  ERROR_CONFIG if there is no secret-tool. */
int tokenring_start(struct process *p, const char *name, struct error *err);

/*
 * Append what it found to out; *missing: there is nothing.  ERROR_NET: no
 * answer by the deadline (clock_ms()); ERROR_CONFIG: what secret-tool says.
 */
int tokenring_finish(struct process *p, struct buf *out, int64_t deadline,
		     bool *missing, struct error *err);

/*
 * Put text in the place of what is there.  ERROR_CONFIG, with what secret-tool
 * says; ERROR_NET.
 */
int tokenring_store(const char *name, struct str text, int64_t deadline,
		    struct error *err);

/* Would it keep something now?  Stores a word beside, and clears that. */
int tokenring_probe(const char *name, int64_t deadline, struct error *err);

#endif
