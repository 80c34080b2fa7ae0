/*
 * One connection: octets in and out, in clear or under TLS, with the record
 * of them and of flights.
 *
 * A flight is what a client sends without having been answered: it begins
 * with the first octet that arrives after the relay last wrote, and ends when
 * the relay writes again.  Counted on the wire, so that a TLS handshake's
 * turns count as what they cost.
 */
#ifndef RELAY_CONN_H
#define RELAY_CONN_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/relay.h"
#include "util/buf.h"
#include "util/str.h"

enum { CONN_IN = 256 * 1024, CONN_WIRE = 64 * 1024, CONN_LINE = 16 * 1024 };

struct conn {
	struct relay *relay;
	const struct config *conf;
	unsigned id;			/* from 1 */
	int fd;
	enum tls_mode mode;
	gnutls_session_t tls;		/* NULL: in clear */
	bool handshaking;
	bool wants_resume;		/* seen by --on-resume */
	char client[256];		/* subject of its certificate, or "" */
	char *in;			/* CONN_IN octets; in[start..end) is unread */
	size_t start, end;
	char *wire;			/* CONN_WIRE octets, before TLS */
	size_t wire_start, wire_end;
	int wait_ms;			/* of the read in progress; -1 for ever */
	struct buf out;			/* replies not yet written */
	size_t fill_max;		/* octets a read may take; 0 no limit */
	int raw_wire, raw_plain, raw_tls;	/* --raw files, or -1 */

	bool wrote;			/* since the last octet came */
	unsigned flight;		/* its number, from 1 */
	bool flight_tls;		/* it began in the handshake */
	uint64_t flight_bytes;
	struct buf flight_commands;	/* "MAIL","RCPT" */
	uint64_t bytes;			/* from the client, on the wire */

	const char *ended;		/* NULL while it lives */
	bool close_notify;		/* the client's was seen */
	bool quit;			/* QUIT was seen */
};

struct conn *conn_new(struct relay *r, int fd, unsigned id, enum tls_mode mode);
void conn_free(struct conn *c);			/* says goodbye, logs the end */

/*
 * Take more octets into c->in.  What waits in c->out is written first unless
 * there is input already; in the middle of content (eager = false) it is kept
 * back for a moment, since the client is not waiting for it.
 * 1, 0 at the end of file, -1 if the connection failed.
 */
int conn_fill(struct conn *c, bool eager);
int conn_flush(struct conn *c);			/* 0 or -1 */
int conn_write(struct conn *c, struct str s);	/* flush, then s at once */

/*
 * The next line with its line end, valid until the next conn_ call; what is
 * over CONN_LINE is returned cut, with *cut set.  1, 0 or -1 as conn_fill().
 */
int conn_line(struct conn *c, struct str *line, bool *cut);

size_t conn_unread(const struct conn *c);	/* octets in c->in */

void conn_command(struct conn *c, struct str verb);	/* note for the flight */
void conn_drain(struct conn *c, int ms);	/* read and record; -1 until EOF */

/* The ways to end it; each returns -1 and sets c->ended. */
int conn_end(struct conn *c, const char *how);
int conn_reset(struct conn *c);
int conn_act(struct conn *c, enum act act);	/* the acts that send nothing */

/* tls.c */
int tls_setup(struct relay *r);			/* credentials; 0 or -1 (said) */
void tls_release(struct relay *r);
int tls_handshake(struct conn *c);		/* 0 or -1; logs it */
/* resume.c: look for a kept session in the ClientHello; did that end it? */
void resume_watch(struct conn *c);
bool resume_act(struct conn *c);
/* The binding for RFC 5929/9266 "tls-unique" or "tls-exporter"; false if none. */
bool tls_binding(struct conn *c, bool exporter, gnutls_datum_t *out);

/* wire.c: the socket itself.  As recv(2) and send(2), with the records kept. */
ssize_t wire_recv(struct conn *c, void *p, size_t n);
int wire_send(struct conn *c, const void *p, size_t n);
bool wire_ready(struct conn *c);		/* input waits, at any level */
void flight_log(struct conn *c);

#endif
