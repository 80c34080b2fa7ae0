/*
 * HTTP CONNECT, RFC 9110 s9.3.6 and RFC 9112, with Basic credentials, RFC 7617.
 * Nothing that the proxy says is repeated in an error: it knows the password.
 */
#include <string.h>

#include "net/tunnel.h"
#include "util/base64.h"

/* Ways to log in, by their bit; the last is for what is not here. */
static const struct str schemes[] = {
	{ "Basic", 5 }, { "Digest", 6 }, { "NTLM", 4 }, { "Negotiate", 9 },
	{ "Bearer", 6 }, { "Kerberos", 8 }, { "others", 6 },
};
enum { BASIC = 1u << 0, SCHEMES = sizeof(schemes) / sizeof(*schemes) };

static void put(struct tunnel *t, const char *text)
{
	tunnel_put(t, str_of(text));
}

/* RFC 9112 s3.2.3: an IPv6 address stands in brackets. */
static void put_target(struct tunnel *t)
{
	bool bare = strchr(t->host, ':') && t->host[0] != '[';
	char port[8];
	size_t n = sizeof(port);
	unsigned rest = t->port;

	put(t, bare ? "[" : "");
	put(t, t->host);
	put(t, bare ? "]:" : ":");
	do
		port[--n] = (char)('0' + rest % 10);
	while (rest /= 10);
	tunnel_put(t, (struct str){ port + n, sizeof(port) - n });
}

/* RFC 7617 s2: USER:PASSWORD in base64. */
static void put_login(struct tunnel *t)
{
	struct buf plain, coded;

	buf_init(&plain, 2 * PROXY_CREDENTIAL_MAX + 2);
	buf_init(&coded, TUNNEL_OUT_MAX);
	/* All the room at once: growing would leave copies behind. */
	(void)buf_room(&plain, 2 * PROXY_CREDENTIAL_MAX + 2);
	(void)buf_room(&coded, TUNNEL_OUT_MAX);
	buf_add(&plain, t->proxy->user);
	buf_addch(&plain, ':');
	buf_add(&plain, t->proxy->password);
	base64_encode(&coded, buf_str(&plain));
	put(t, "Proxy-Authorization: Basic ");
	tunnel_put(t, buf_str(&coded));
	put(t, "\r\n");
	buf_wipe(&plain);
	buf_wipe(&coded);
	buf_release(&plain);
	buf_release(&coded);
}

void httpconnect_begin(struct tunnel *t)
{
	put(t, "CONNECT ");
	put_target(t);
	put(t, " HTTP/1.1\r\nHost: ");
	put_target(t);
	put(t, "\r\n");
	if (t->proxy->user.n)
		put_login(t);
	put(t, "\r\n");
	tunnel_say(t, TUNNEL_REQUEST);
}

/* ---- the answer ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 9110 s5.6.2. */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' ||
		    strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
			return false;
	return s.n;
}

/* "HTTP/1.x NNN", and then nothing or a blank and a reason. */
static void on_status(struct tunnel *t, struct str line)
{
	const char *p = line.p;

	if (line.n < 12 || memcmp(p, "HTTP/1.", 7) || !is_digit(p[7]) ||
	    p[8] != ' ' || p[9] < '1' || p[9] > '5' || !is_digit(p[10]) ||
	    !is_digit(p[11]) || (line.n > 12 && p[12] != ' ')) {
		tunnel_alien(t, (unsigned char)(line.n ? *p : 0xff), "HTTP/1.1");
		return;
	}
	t->code = (unsigned)(p[9] - '0') * 100 + (unsigned)(p[10] - '0') * 10 +
		  (unsigned)(p[11] - '0');
	if (t->code == 101)
		tunnel_fail(t, ERROR_PROTOCOL, "wants to switch to another "
			    "protocol (HTTP status 101)");
}

static unsigned scheme_of(struct str word)
{
	size_t i = 0;

	while (i < SCHEMES - 1 && !str_caseeq(word, schemes[i]))
		i++;
	return 1u << i;
}

/* Up to the next comma that is not within quotes. */
static struct str next_part(struct str *rest)
{
	struct str part = { rest->p, 0 };
	bool quoted = false;

	while (part.n < rest->n && (quoted || part.p[part.n] != ',')) {
		if (quoted && part.p[part.n] == '\\' && part.n + 1 < rest->n)
			part.n++;
		else if (part.p[part.n] == '"')
			quoted = !quoted;
		part.n++;
	}
	rest->p += part.n;
	rest->n -= part.n;
	if (rest->n) {
		rest->p++;
		rest->n--;
	}
	return str_trim(part);
}

/* Challenges and their parameters share one list: NAME=... is of the latter. */
static void on_challenges(struct tunnel *t, struct str value)
{
	while (value.n) {
		struct str rest = next_part(&value);
		struct str word = str_cut(&rest, ' ');

		if (is_token(word) && !str_starts(str_trim(rest), STR("=")))
			t->schemes |= scheme_of(word);
	}
}

static void on_field(struct tunnel *t, struct str line)
{
	struct str rest = line;
	struct str name = str_cut(&rest, ':');

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return;			/* goes on with the one before */
	if (name.n == line.n || !is_token(name))
		tunnel_fail(t, ERROR_PROTOCOL, "broke HTTP: a line of its "
			    "answer is no header field");
	else if (str_caseeq(name, STR("Proxy-Authenticate")))
		on_challenges(t, str_trim(rest));
}

/* By 407, or by 401: there are proxies that do not know the difference. */
static void refuse_login(struct tunnel *t)
{
	struct buf names;

	buf_init(&names, 200);
	for (size_t i = 0; i < SCHEMES; i++)
		if (t->schemes & 1u << i)
			buf_addf(&names, "%s%s", names.len ? ", " :
				 t->proxy->user.n ? "; it takes " : " by ",
				 schemes[i].p);
	if (t->schemes && !(t->schemes & BASIC))
		tunnel_fail(t, ERROR_AUTH, "wants another login%s: only Basic "
			    "is supported (HTTP status %u)", buf_cstr(&names),
			    t->code);
	else if (t->proxy->user.n)
		tunnel_fail(t, ERROR_AUTH, "refused the user or the password%s "
			    "(HTTP status %u)", buf_cstr(&names), t->code);
	else
		tunnel_fail(t, ERROR_AUTH, "wants a login%s: set proxy = "
			    "http://USER:PASSWORD@HOST:PORT (HTTP status %u)",
			    buf_cstr(&names), t->code);
	buf_release(&names);
}

/* Only what a request like this one can never get is not of the network. */
static void refuse(struct tunnel *t)
{
	static const struct {
		unsigned code;
		enum error_kind kind;
		const char *text;
	} known[] = {
		{ 400, ERROR_PROTOCOL, "it did not understand the request" },
		{ 403, ERROR_PERM, "its rules do not allow it" },
		{ 405, ERROR_PERM, "its rules do not allow CONNECT" },
		{ 404, ERROR_NET, "it does not find the host" },
		{ 408, ERROR_NET, "it timed out" },
		{ 429, ERROR_NET, "it is asked too often" },
		{ 501, ERROR_PROTOCOL, "it does not know CONNECT" },
		{ 502, ERROR_NET, "it cannot connect" },
		{ 503, ERROR_NET, "it cannot connect now" },
		{ 504, ERROR_NET, "it timed out" },
		{ 505, ERROR_PROTOCOL, "it does not know HTTP/1.1" },
	};
	enum error_kind kind = t->code < 500 ? ERROR_PROTOCOL : ERROR_NET;
	const char *text = "it failed";

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].code == t->code) {
			kind = known[i].kind;
			text = known[i].text;
		}
	tunnel_fail(t, kind, "connect to '%s' port %u: %s (HTTP status %u)",
		    t->host, t->port, text, t->code);
}

/* The blank line.  RFC 9110 s15.2: what is 1xx is not the answer yet. */
static void on_end(struct tunnel *t)
{
	if (t->code < 200)
		t->code = 0;
	else if (t->code < 300)
		t->want = TUNNEL_UP;
	else if (t->code == 407 || t->code == 401)
		refuse_login(t);
	else
		refuse(t);
}

static void on_line(struct tunnel *t)
{
	struct str line = buf_str(&t->line);

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (!t->code)
		on_status(t, line);
	else if (line.n)
		on_field(t, line);
	else
		on_end(t);
	buf_reset(&t->line);
}

/*
 * What cannot be the beginning of a status line ends it at once: whoever sends
 * something else may never send a line.
 */
static bool may_begin(const struct tunnel *t)
{
	size_t n = t->line.len;

	return t->code || n > 7 || !memcmp(t->line.p, "HTTP/1.", n);
}

void httpconnect_octet(struct tunnel *t, unsigned char c)
{
	if (++t->head > TUNNEL_HEAD_MAX ||
	    (c == '\n' && ++t->lines > TUNNEL_LINES_MAX)) {
		tunnel_fail(t, ERROR_PROTOCOL, "its answer has more than %d "
			    "lines or %d octets of header", TUNNEL_LINES_MAX,
			    TUNNEL_HEAD_MAX);
		return;
	}
	if (c == '\n') {
		on_line(t);
		return;
	}
	buf_addch(&t->line, (char)c);
	if (!may_begin(t))
		tunnel_alien(t, (unsigned char)t->line.p[0], "HTTP/1.1");
	else if (!c)
		tunnel_fail(t, ERROR_PROTOCOL, "broke HTTP: its answer has a "
			    "NUL in it");
}
