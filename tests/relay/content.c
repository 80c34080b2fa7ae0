/* The message: DATA (RFC 5321 s4.1.1.4) and BDAT (RFC 3030), kept and recorded. */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/log.h"
#include "relay/smtp.h"
#include "util/xalloc.h"

struct content {
	unsigned number;
	char *path;			/* "" if not stored */
	int fd;
	gnutls_hash_hd_t hash;
	bool hashing;
	bool bdat;
	bool dot_seen;
	uint64_t size;			/* octets of the message */
	uint64_t wire;			/* octets that carried it */
	uint64_t limit;			/* of SIZE; 0 none */
	const struct override *fault;	/* to come, or NULL */
};

static const struct override *fault_for(struct session *s)
{
	const struct config *conf = s->c->conf;

	for (size_t i = 0; i < conf->nfaults; i++) {
		const struct override *o = &conf->faults[i];

		if (o->conn && o->conn != s->c->id)
			continue;
		if (!o->nth || o->nth == s->contents ||
		    (o->onward && s->contents > o->nth))
			return o;
	}
	return NULL;
}

static void content_begin(struct session *s, bool bdat)
{
	struct relay *r = s->c->relay;
	struct content *ct = xcalloc(1, sizeof(*ct));
	struct str limit = STR("");
	char path[512] = "";

	s->contents++;
	ct->number = atomic_fetch_add(&r->messages, 1) + 1;
	ct->fd = -1;
	ct->bdat = bdat;
	ct->fault = fault_for(s);
	if (r->conf.store) {
		snprintf(path, sizeof(path), "%s/%u.eml", r->conf.store,
			 ct->number);
		ct->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			      0600);
		if (ct->fd < 0)
			fprintf(stderr, "relay: cannot create '%s': %m\n", path);
	}
	ct->path = xstrdup(path);
	ct->hashing = r->conf.digest &&
		      gnutls_hash_init(&ct->hash, GNUTLS_DIG_SHA256) >= 0;
	if (!cap_offered(s, "SIZE", &limit) ||
	    !str_u64(limit, UINT64_MAX, &ct->limit))
		ct->limit = 0;
	/* So that a fault finds the client not far ahead of it. */
	s->c->fill_max = ct->fault ? 4096 : 0;
	s->content = ct;
}

static void log_rcpts(struct session *s, struct buf *b)
{
	buf_addz(b, ",\"rcpts\":[");
	for (size_t i = 0; i < s->nrcpts; i++) {
		buf_addz(b, i ? ",{\"address\":" : "{\"address\":");
		log_quote(b, str_of(s->rcpts[i].address));
		log_str(b, "params", str_of(s->rcpts[i].params));
		log_int(b, "code", (uint64_t)s->rcpts[i].code);
		buf_addch(b, '}');
	}
	buf_addch(b, ']');
}

static void content_log(struct session *s, bool complete, int code)
{
	struct content *ct = s->content;
	unsigned char digest[32];
	struct buf b;

	log_begin(s->c->relay, &b, s->c->id, "message");
	log_int(&b, "number", ct->number);
	log_bool(&b, "complete", complete);
	log_bool(&b, "dot", ct->dot_seen);
	log_str(&b, "via", str_of(ct->bdat ? "BDAT" : "DATA"));
	log_int(&b, "chunks", s->chunks);
	log_int(&b, "code", (uint64_t)code);
	log_int(&b, "size", ct->size);
	log_str(&b, "file", str_of(ct->path));
	log_str(&b, "from", str_of(s->from ? s->from : ""));
	log_str(&b, "params", str_of(s->params ? s->params : ""));
	log_int(&b, "accepted", s->accepted);
	log_rcpts(s, &b);
	if (ct->hashing) {
		gnutls_hash_deinit(ct->hash, digest);
		ct->hashing = false;
		buf_addz(&b, ",\"sha256\":\"");
		for (size_t i = 0; i < sizeof(digest); i++)
			buf_addf(&b, "%02x", digest[i]);
		buf_addch(&b, '"');
	}
	log_end(s->c->relay, &b);
}

static void content_free(struct session *s)
{
	struct content *ct = s->content;

	if (ct->hashing)
		gnutls_hash_deinit(ct->hash, NULL);
	if (ct->fd >= 0)
		close(ct->fd);
	free(ct->path);
	free(ct);
	s->content = NULL;
	s->c->fill_max = 0;
}

void content_drop(struct session *s)
{
	if (!s->content)
		return;
	content_log(s, false, 0);
	content_free(s);
}

static void content_add(struct content *ct, const char *p, size_t n)
{
	ct->size += n;
	if (ct->hashing)
		gnutls_hash(ct->hash, p, n);
	while (ct->fd >= 0 && n) {
		ssize_t done = write(ct->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			fprintf(stderr, "relay: cannot write '%s': %m\n",
				ct->path);
			return;
		}
		p += done;
		n -= (size_t)done;
	}
}

/* -- undoing dot-stuffing ----------------------------------------------------- */

enum dot { DOT_MID, DOT_CR, DOT_BOL, DOT_DOT, DOT_DOTCR, DOT_END };

/* Text in the middle of a line up to a dot that begins one; how much it was. */
static size_t dot_text(enum dot *d, struct content *ct, const char *p, size_t n)
{
	const char *at = p;
	const char *end = p + n;
	const char *dot;

	while ((dot = memchr(at, '.', (size_t)(end - at)))) {
		if (dot - p >= 2 && dot[-1] == '\n' && dot[-2] == '\r')
			break;
		at = dot + 1;
	}
	n = dot ? (size_t)(dot - p) : n;
	content_add(ct, p, n);
	if (dot || (n >= 2 && p[n - 1] == '\n' && p[n - 2] == '\r'))
		*d = DOT_BOL;
	else
		*d = p[n - 1] == '\r' ? DOT_CR : DOT_MID;
	return n;
}

/* Take content from p; returns how much of it, less than n only at DOT_END. */
static size_t dot_feed(enum dot *d, struct content *ct, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && *d != DOT_END) {
		if (*d == DOT_BOL && p[i] == '.') {
			*d = DOT_DOT;
			i++;
		} else if (*d == DOT_DOT && p[i] == '\r') {
			*d = DOT_DOTCR;
			i++;
		} else if (*d == DOT_DOTCR && p[i] == '\n') {
			*d = DOT_END;
			i++;
		} else if (*d == DOT_CR && p[i] == '\n') {
			content_add(ct, p + i, 1);
			*d = DOT_BOL;
			i++;
		} else if (*d == DOT_DOTCR) {
			content_add(ct, "\r", 1);
			*d = DOT_CR;
		} else {
			i += dot_text(d, ct, p + i, n - i);
		}
	}
	return i;
}

/* -- receiving ------------------------------------------------------------------ */

/* Octets to take now: no more than n, and not past a fault. */
static size_t up_to_fault(const struct content *ct, size_t n)
{
	if (ct && ct->fault && ct->fault->at - ct->wire < n)
		return (size_t)(ct->fault->at - ct->wire);
	return n;
}

/* 0, or -1 if the fault was due and ended the connection. */
static int fault_check(struct session *s)
{
	struct content *ct = s->content;

	if (!ct || !ct->fault || ct->wire < ct->fault->at)
		return 0;
	buf_add(&s->c->out, ct->fault->text);
	log_note(s->c->relay, s->c->id, "act", "FAULT");
	return conn_act(s->c, ct->fault->act == ACT_REPLY ? ACT_CLOSE_AFTER :
							    ct->fault->act);
}

static int receive_dot(struct session *s)
{
	struct conn *c = s->c;
	struct content *ct = s->content;
	enum dot d = DOT_BOL;

	if (conn_flush(c))
		return -1;
	while (d != DOT_END) {
		size_t n;

		if (fault_check(s))
			return -1;
		if (!conn_unread(c) && conn_fill(c, false) <= 0)
			return -1;
		n = up_to_fault(ct, conn_unread(c));
		n = dot_feed(&d, ct, c->in + c->start, n);
		c->start += n;
		ct->wire += n;
	}
	ct->dot_seen = true;
	return 0;
}

/* A chunk; without a content it is thrown away. */
static int receive_chunk(struct session *s, uint64_t left)
{
	struct conn *c = s->c;
	struct content *ct = s->content;

	while (left) {
		size_t n;

		if (fault_check(s))
			return -1;
		if (!conn_unread(c) && conn_fill(c, false) <= 0)
			return -1;
		n = up_to_fault(ct, conn_unread(c));
		n = left < n ? (size_t)left : n;
		if (ct) {
			content_add(ct, c->in + c->start, n);
			ct->wire += n;
		}
		c->start += n;
		left -= n;
	}
	return fault_check(s);
}

/* -- the verdict ------------------------------------------------------------------ */

static int lmtp_verdicts(struct session *s, const char *text)
{
	for (size_t i = 0; i < s->nrcpts; i++)
		if (s->rcpts[i].code / 100 == 2 &&
		    answer(s, V_DOT, s->rcpts[i].address, text) < 0)
			return -1;
	return 0;
}

/* The message is complete: record it with the reply that o or code gives. */
static void content_settle(struct session *s, const struct override *o, int code)
{
	uint64_t given = 0;

	if (o && o->text.n >= 3)
		str_u64((struct str){ o->text.p, 3 }, 999, &given);
	content_log(s, true, o ? (int)given : code);
	content_free(s);
}

/* The message is complete: say what becomes of it. */
static int verdict(struct session *s)
{
	const struct content *ct = s->content;
	const char *from = s->from ? s->from : "";
	const struct override *o = answer_peek(s, V_DOT, from);
	char text[80];
	int code = 250;
	int ret;

	snprintf(text, sizeof(text), "250 2.0.0 queued as %u", ct->number);
	if (!s->accepted) {
		code = 554;
		snprintf(text, sizeof(text), "554 5.5.1 no valid recipients");
	} else if (ct->limit && ct->size > ct->limit) {
		code = 552;
		snprintf(text, sizeof(text), "552 5.3.4 message too big");
	}
	content_settle(s, o, code);
	if (s->c->conf->lmtp && s->accepted)
		ret = lmtp_verdicts(s, text);
	else
		ret = answer(s, V_DOT, from, text) < 0 ? -1 : 0;
	transaction_reset(s);
	return ret;
}

int data_run(struct session *s, struct str arg)
{
	const char *no = NULL;
	int code;

	(void)arg;
	if (!s->from)
		no = "503 5.5.1 MAIL first";
	else if (s->content)
		no = "503 5.5.1 BDAT has begun";
	else if (!s->accepted)
		no = s->nrcpts ? "554 5.5.1 no valid recipients" :
				 "503 5.5.1 RCPT first";
	code = answer(s, V_DATA, "", no ? no : "354 go ahead");
	if (code < 0)
		return -1;
	if (code / 100 != 3)
		return 0;
	content_begin(s, false);
	return receive_dot(s) ? -1 : verdict(s);
}

static bool bdat_parse(struct str arg, uint64_t *size, bool *last)
{
	struct str n = str_cut(&arg, ' ');

	arg = str_trim(arg);
	*last = str_caseeq(arg, STR("LAST"));
	return str_u64(n, UINT64_MAX, size) && (*last || !arg.n);
}

int bdat_run(struct session *s, struct str arg)
{
	const char *no = NULL;
	char text[64];
	uint64_t size;
	bool last;
	int code;

	if (!cap_offered(s, "CHUNKING", NULL))
		return answer(s, V_BDAT, "", "502 5.5.1 no BDAT here") < 0 ?
			-1 : 0;
	if (!bdat_parse(arg, &size, &last))
		return answer(s, V_BDAT, "", "501 5.5.4 BDAT size [LAST]") < 0 ?
			-1 : 0;
	if (!s->from)
		no = "503 5.5.1 MAIL first";
	else if (!s->accepted)
		no = s->nrcpts ? "554 5.5.1 no valid recipients" :
				 "503 5.5.1 RCPT first";
	else if (!s->content)
		content_begin(s, true);
	s->chunks++;
	if (receive_chunk(s, size))
		return -1;
	if (!no && last && !answer_peek(s, V_BDAT, ""))
		return verdict(s);
	snprintf(text, sizeof(text), "250 2.0.0 %llu octets",
		 (unsigned long long)size);
	if (!no && last)
		content_settle(s, answer_peek(s, V_BDAT, ""), 0);
	code = answer(s, V_BDAT, "", no ? no : text);
	if (code < 0)
		return -1;
	if (last || code / 100 != 2)
		transaction_reset(s);
	return 0;
}
