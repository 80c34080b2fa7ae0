/*
 * Replies of a server (RFC 5321 s4.2, RFC 2034), and what a client behind us
 * is told of what a relay before us said.
 */
#ifndef SMTP_ANSWER_H
#define SMTP_ANSWER_H

#include <stdbool.h>

#include "mail/envelope.h"
#include "util/buf.h"
#include "util/str.h"

/*
 * Append a reply: a line for each of text's lines (LF between them), escaped
 * and no longer than a client takes.  enhanced "" is the class's general code;
 * where the text begins with it, it is not said twice.  utf8: the client may
 * be shown UTF-8, RFC 6531 s3.7.4.
 */
void answer_add(struct buf *out, int code, const char *enhanced,
		struct str text, bool utf8);

/*
 * Append the reply that passes a verdict on and return its code.  What the
 * relay said to the message goes as it is.  Trouble of the relay as such, or
 * ours, is 451 whatever its code: the client is to try again.
 */
int answer_verdict(struct buf *out, const struct verdict *v, bool utf8);

#endif
