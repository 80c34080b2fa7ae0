/*
 * struct stream: a connected socket, plain or TLS, never blocking.
 *
 * Writing is two steps: stream_write() takes (and under TLS encrypts) all it
 * is given into a buffer; stream_flush() moves that to the kernel.  So one
 * flight is one write, and "sent" means that the kernel has it.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tls.h"
#include "util/error.h"
#include "util/str.h"

struct stream;

enum { STREAM_AGAIN = -2, STREAM_FAILED = -1 };

struct stream *stream_open(int fd);	/* takes fd over; stream_close() ends both */
void stream_close(struct stream *s);	/* sends what is buffered if it can at
					   once, close_notify likewise; NULL ok */

/*
 * Give up what is not sent yet: stream_close() then sends nothing more, so
 * that the relay does not see the end of what was not meant to end.
 */
void stream_cut(struct stream *s);

/* 0, or -1 with *err.  Never blocks; grows the buffer as needed. */
int stream_write(struct stream *s, struct str bytes, struct error *err);
/* 0: the kernel has everything; STREAM_AGAIN; STREAM_FAILED with *err. */
int stream_flush(struct stream *s, struct error *err);
/*
 * Octets read, 0 at the end of input (a TLS stream cut without close_notify
 * included), STREAM_AGAIN, or STREAM_FAILED with *err.
 */
ptrdiff_t stream_read(struct stream *s, void *to, size_t n, struct error *err);

/*
 * Wait until there may be something to read (or, if `writing`, room to write:
 * whichever comes first, so then try both).  Sends what is still buffered
 * meanwhile.  0, or -1 with ERROR_NET "timed out" at the deadline.  Returns at
 * once when TLS holds decrypted octets.
 */
int stream_wait(struct stream *s, bool writing, int64_t deadline,
		struct error *err);

/*
 * Handshake and verify, waiting no longer than the deadline.  Trust is loaded
 * after the first flight is out, in the shadow of the network.  Errors:
 * ERROR_CERT (names host and reason, with dates), ERROR_TLS (handshake), or
 * ERROR_NET (timed out, connection lost); with a hint when the peer talks
 * plain SMTP.  The stream must hold no unread input.
 */
int stream_start_tls(struct stream *s, const struct tls_config *config,
		     int64_t deadline, struct error *err);

/*
 * The relay has proved to be of use: keep its TLS session for a later process
 * once that can be done, at the latest on closing.
 */
void stream_keep(struct stream *s);
/*
 * Did it break, or was refused, while a kept session was offered, and not
 * merely time out?  Then it is worth trying once without (tls_soured).
 */
bool stream_soured(const struct stream *s);

const struct tls_info *stream_tls(const struct stream *s); /* NULL: plain */

#endif
