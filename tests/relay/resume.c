/*
 * --on-resume: a relay that cannot stand a client that wants to resume.
 */
#include <string.h>
#include <sys/socket.h>

#include "relay/conn.h"
#include "relay/log.h"

enum { PRE_SHARED_KEY = 41, SESSION_TICKET = 35 };

static int look(void *ctx, unsigned id, const unsigned char *data,
		unsigned size)
{
	struct conn *c = ctx;

	(void)data;
	if (id == PRE_SHARED_KEY || (id == SESSION_TICKET && size))
		c->wants_resume = true;
	return 0;
}

static int on_hello(gnutls_session_t session, unsigned type, unsigned post,
		    unsigned incoming, const gnutls_datum_t *msg)
{
	struct conn *c = gnutls_transport_get_ptr(session);
	const char *how = c->conf->on_resume;

	(void)type;
	(void)post;
	if (!incoming || gnutls_ext_raw_parse(c, look, msg,
				GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO) < 0)
		return 0;
	return c->wants_resume && strcmp(how, "late") ?
	       GNUTLS_E_ILLEGAL_PARAMETER : 0;
}

void resume_watch(struct conn *c)
{
	if (c->conf->on_resume)
		gnutls_handshake_set_hook_function(c->tls,
				GNUTLS_HANDSHAKE_CLIENT_HELLO,
				GNUTLS_HOOK_PRE, on_hello);
}

/* conn_act() would read under TLS, which there is none of yet. */
static void be_silent(struct conn *c)
{
	char octets[1024];

	while (recv(c->fd, octets, sizeof(octets), 0) > 0)
		;
	conn_end(c, "silent");
}

bool resume_act(struct conn *c)
{
	static const struct {
		const char *word;
		enum act act;
	} words[] = {
		{ "close", ACT_CLOSE }, { "late", ACT_CLOSE },
		{ "reset", ACT_RESET },
		{ "garbage", ACT_GARBAGE },
	};
	const char *how = c->conf->on_resume;

	if (!how || !c->wants_resume)
		return false;
	if (!strcmp(how, "silence")) {
		be_silent(c);
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(how, words[i].word)) {
			conn_act(c, words[i].act);
			return true;
		}
	return false;			/* alert: what is done anyway */
}
