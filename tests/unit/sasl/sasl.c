/*
 * The client against libgsasl's server in this process, and against relays
 * that follow a script instead of the rules.
 */
#include "sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>
#include <gsasl.h>

#include "util/base64.h"

#define PW "hunter22pencil"
#define UTF8_PW "p\xc3\xa4ssw\xc3\xb6rt \xe2\x82\xac"
#define EXPORTER "exporter-exporter-exporter-32-ex"
#define UNIQUE "unique-uniqu"

/* libgsasl draws its nonce here, which so can be the RFCs'. */
static const char *fixed_nonce;		/* base64 of 18 octets, or NULL */

ssize_t getrandom(void *p, size_t n, unsigned flags);

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	static unsigned char next;
	struct buf raw;

	(void)flags;
	if (!fixed_nonce || n > 18) {
		memset(p, ++next, n);
		return (ssize_t)n;
	}
	buf_init(&raw, 100);
	assert_int_equal(base64_decode(&raw, str_of(fixed_nonce)), 0);
	memcpy(p, raw.p, n);
	buf_release(&raw);
	return (ssize_t)n;
}

/* ---- a client, and what it said ---- */

struct client {
	struct sasl_config config;
	struct sasl *sasl;
	const struct auth *auth;
	struct buf out;		/* its last line, base64 */
	struct buf plain;	/* the same, decoded */
	const char *mech;
	bool initial;
	struct error err;
};

static void client_open(struct client *c, struct sasl_config config)
{
	*c = (struct client){ .config = config };
	if (!c->config.user)
		c->config.user = "alice";
	if (!c->config.authzid)
		c->config.authzid = "";
	if (!c->config.host)
		c->config.host = "mx.example.com";
	if (!c->config.secret.p)
		c->config.secret = STR(PW);
	c->config.port = 587;
	c->sasl = sasl_new(&c->config, &c->err);
	if (!c->sasl)
		fail_msg("%s", c->err.text);
	c->auth = sasl_auth(c->sasl);
	buf_init(&c->out, 100000);
	buf_init(&c->plain, 100000);
}

static void client_close(struct client *c)
{
	/* No error ever shows the secret. */
	if (c->config.secret.n && c->config.secret.n < sizeof(c->err.text))
		assert_null(memmem(c->err.text, strlen(c->err.text),
				   c->config.secret.p, c->config.secret.n));
	sasl_free(c->sasl);
	buf_release(&c->out);
	buf_release(&c->plain);
}

static void decode_out(struct client *c)
{
	buf_reset(&c->plain);
	assert_int_equal(base64_decode(&c->plain, buf_str(&c->out)), 0);
}

static int client_start(struct client *c, const char *offered)
{
	int ret = c->auth->start(c->auth->ctx, str_of(offered), &c->mech,
				 &c->initial, &c->out, &c->err);

	decode_out(c);
	return ret;
}

/* Answer challenge, which is base64 already. */
static int client_step64(struct client *c, struct str challenge)
{
	int ret;

	buf_reset(&c->out);
	ret = c->auth->step(c->auth->ctx, challenge, &c->out, &c->err);
	decode_out(c);
	return ret;
}

static int client_step(struct client *c, const char *challenge)
{
	struct buf coded;
	int ret;

	buf_init(&coded, 100000);
	base64_encode(&coded, str_of(challenge));
	ret = client_step64(c, buf_str(&coded));
	buf_release(&coded);
	return ret;
}

static int client_finish(struct client *c)
{
	return c->auth->finish(c->auth->ctx, &c->err);
}

static void expect_error(const struct client *c, enum error_kind kind,
			 const char *says)
{
	if (c->err.kind != kind || !strstr(c->err.text, says))
		print_error("error: %d '%s'\n", c->err.kind, c->err.text);
	assert_int_equal(c->err.kind, kind);
	assert_non_null(strstr(c->err.text, says));
}

static void check_masked(const struct client *c, const char *text,
			 const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_addz(&b, text);
	c->auth->mask(c->auth->ctx, &b);
	assert_string_equal(buf_cstr(&b), want);
	buf_release(&b);
}

/* ---- against libgsasl's server ---- */

struct game {
	const char *name, *mechs, *offered;
	const char *mech;		/* that must be taken */
	const char *pw, *server_pw;	/* NULL: PW */
	const char *authzid, *user;
	const char *exporter, *unique;		/* the client's bindings */
	const char *server_exporter, *server_unique;
	const char *realm;		/* the server's, DIGEST-MD5 */
	char flag;			/* GS2: 'n', 'y', 'p', or 0; 'y' may be
					   'n', for libgsasl 2.2.0 cannot */
	bool fails;			/* the server refuses */
};

static const struct game games[] = {
	{ .name = "SCRAM-SHA-256", .mechs = "auto",
	  .offered = "SCRAM-SHA-256 PLAIN", .mech = "SCRAM-SHA-256",
	  .flag = 'n' },
	{ .name = "SCRAM-SHA-256, wrong", .mechs = "auto", .pw = "wrong one",
	  .offered = "SCRAM-SHA-256", .mech = "SCRAM-SHA-256", .fails = true },
	{ .name = "SCRAM-SHA-1", .mechs = "scram", .offered = "SCRAM-SHA-1",
	  .mech = "SCRAM-SHA-1", .flag = 'n' },
	{ .name = "SCRAM-SHA-1, wrong", .mechs = "scram", .pw = "Hunter22pencil",
	  .offered = "SCRAM-SHA-1", .mech = "SCRAM-SHA-1", .fails = true },
	{ .name = "SCRAM, authzid", .mechs = "auto", .authzid = "bo,s=s",
	  .offered = "SCRAM-SHA-256 CRAM-MD5", .mech = "SCRAM-SHA-256" },
	{ .name = "SCRAM, odd user", .mechs = "auto", .user = "r=a,n=b",
	  .offered = "SCRAM-SHA-256", .mech = "SCRAM-SHA-256" },
	{ .name = "SCRAM, UTF-8", .mechs = "auto", .pw = UTF8_PW,
	  .server_pw = UTF8_PW, .user = "\xc3\xa4lice",
	  .offered = "SCRAM-SHA-256", .mech = "SCRAM-SHA-256" },
	{ .name = "SCRAM, prepared", .mechs = "auto", .pw = "\xe2\x85\xa8pw",
	  .server_pw = "IXpw",	/* RFC 4013: compatibility forms are one */
	  .offered = "SCRAM-SHA-256", .mech = "SCRAM-SHA-256" },

	{ .name = "256-PLUS, exporter", .mechs = "auto", .exporter = EXPORTER,
	  .server_exporter = EXPORTER, .mech = "SCRAM-SHA-256-PLUS",
	  .offered = "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", .flag = 'p' },
	{ .name = "256-PLUS, in the middle", .mechs = "auto",
	  .exporter = EXPORTER, .server_exporter = "another one of 32 octets....",
	  .offered = "SCRAM-SHA-256-PLUS", .mech = "SCRAM-SHA-256-PLUS",
	  .fails = true },
	{ .name = "1-PLUS, unique", .mechs = "auto", .unique = UNIQUE,
	  .server_unique = UNIQUE, .offered = "SCRAM-SHA-1-PLUS PLAIN",
	  .mech = "SCRAM-SHA-1-PLUS", .flag = 'p' },
	{ .name = "1-PLUS, in the middle", .mechs = "auto", .unique = UNIQUE,
	  .server_unique = "something el", .offered = "SCRAM-SHA-1-PLUS",
	  .mech = "SCRAM-SHA-1-PLUS", .fails = true },
	{ .name = "TLS 1.2 has both", .mechs = "auto", .unique = UNIQUE,
	  .exporter = EXPORTER, .server_unique = UNIQUE,
	  .offered = "SCRAM-SHA-256-PLUS", .mech = "SCRAM-SHA-256-PLUS",
	  .flag = 'p' },
	{ .name = "PLUS not wanted", .mechs = "SCRAM-SHA-256",
	  .exporter = EXPORTER, .server_exporter = EXPORTER,
	  .offered = "SCRAM-SHA-256-PLUS SCRAM-SHA-256",
	  .mech = "SCRAM-SHA-256", .flag = 'n' },
	{ .name = "PLUS not offered", .mechs = "auto", .exporter = EXPORTER,
	  .offered = "SCRAM-SHA-256", .mech = "SCRAM-SHA-256", .flag = 'y' },
	{ .name = "PLUS taken out of the offer", .mechs = "auto",
	  .exporter = EXPORTER, .server_exporter = EXPORTER,
	  .offered = "SCRAM-SHA-256", .mech = "SCRAM-SHA-256", .flag = 'y' },

	{ .name = "CRAM-MD5", .mechs = "auto", .offered = "CRAM-MD5",
	  .mech = "CRAM-MD5" },
	{ .name = "CRAM-MD5, wrong", .mechs = "auto", .offered = "CRAM-MD5",
	  .pw = "x", .mech = "CRAM-MD5", .fails = true },
	{ .name = "CRAM-MD5, UTF-8", .mechs = "auto", .offered = "CRAM-MD5",
	  .pw = UTF8_PW, .server_pw = UTF8_PW, .mech = "CRAM-MD5" },
	{ .name = "PLAIN", .mechs = "auto", .offered = "PLAIN LOGIN",
	  .mech = "PLAIN" },
	{ .name = "PLAIN, wrong", .mechs = "auto", .offered = "PLAIN",
	  .pw = "hunter22pencil ", .mech = "PLAIN", .fails = true },
	{ .name = "PLAIN, UTF-8", .mechs = "auto", .offered = "PLAIN",
	  .pw = UTF8_PW, .server_pw = UTF8_PW, .mech = "PLAIN" },
	{ .name = "PLAIN, authzid", .mechs = "auto", .offered = "PLAIN LOGIN",
	  .authzid = "boss", .mech = "PLAIN" },
	{ .name = "LOGIN", .mechs = "auto", .offered = "LOGIN",
	  .mech = "LOGIN" },
	{ .name = "LOGIN, wrong", .mechs = "auto", .offered = "LOGIN",
	  .pw = "#;\" x", .mech = "LOGIN", .fails = true },
	{ .name = "DIGEST-MD5", .mechs = "digest-md5", .mech = "DIGEST-MD5",
	  .offered = "DIGEST-MD5 PLAIN" },
	{ .name = "DIGEST-MD5, realm", .mechs = "DIGEST-MD5",
	  .offered = "DIGEST-MD5", .mech = "DIGEST-MD5", .realm = "a b.test" },
	{ .name = "DIGEST-MD5, authzid", .mechs = "DIGEST-MD5",
	  .offered = "DIGEST-MD5", .mech = "DIGEST-MD5", .authzid = "bo=s" },
	{ .name = "DIGEST-MD5, wrong", .mechs = "DIGEST-MD5", .pw = "x",
	  .offered = "DIGEST-MD5", .mech = "DIGEST-MD5", .fails = true },
	{ .name = "DIGEST-MD5, UTF-8", .mechs = "DIGEST-MD5", .pw = UTF8_PW,
	  .server_pw = UTF8_PW, .offered = "DIGEST-MD5",
	  .mech = "DIGEST-MD5" },
	{ .name = "EXTERNAL", .mechs = "auto", .pw = "", .mech = "EXTERNAL",
	  .offered = "PLAIN EXTERNAL" },
	{ .name = "EXTERNAL, authzid", .mechs = "EXTERNAL", .user = "",
	  .authzid = "boss", .mech = "EXTERNAL", .offered = "EXTERNAL" },
	{ .name = "ANONYMOUS", .mechs = "ANONYMOUS", .pw = "",
	  .mech = "ANONYMOUS", .offered = "ANONYMOUS" },
	{ .name = "LOGIN, marks", .mechs = "auto", .offered = "LOGIN",
	  .pw = "#;\" x", .server_pw = "#;\" x", .mech = "LOGIN" },
};

static int check_simple(const struct game *g, Gsasl_session *session)
{
	const char *user = gsasl_property_fast(session, GSASL_AUTHID);
	const char *pw = gsasl_property_fast(session, GSASL_PASSWORD);
	const char *authzid = gsasl_property_fast(session, GSASL_AUTHZID);

	assert_string_equal(user, g->user ? g->user : "alice");
	if (g->authzid)
		assert_string_equal(authzid, g->authzid);
	return strcmp(pw, g->server_pw ? g->server_pw : PW) ?
		GSASL_AUTHENTICATION_ERROR : GSASL_OK;
}

static int server_binding(Gsasl_session *session, Gsasl_property prop,
			  const char *raw)
{
	struct buf text;

	if (!raw)
		return GSASL_NO_CALLBACK;
	buf_init(&text, 100);
	base64_encode(&text, str_of(raw));
	gsasl_property_set(session, prop, buf_cstr(&text));
	buf_release(&text);
	return GSASL_OK;
}

static int server_knows(Gsasl *lib, Gsasl_session *session, Gsasl_property prop)
{
	const struct game *g = gsasl_callback_hook_get(lib);

	switch (prop) {
	case GSASL_PASSWORD:
		gsasl_property_set(session, prop,
				   g->server_pw ? g->server_pw : PW);
		return GSASL_OK;
	case GSASL_VALIDATE_SIMPLE:
		return check_simple(g, session);
	case GSASL_VALIDATE_EXTERNAL:
		return GSASL_OK;
	case GSASL_VALIDATE_ANONYMOUS:
		assert_string_equal(gsasl_property_fast(session,
			GSASL_ANONYMOUS_TOKEN), "alice");
		return GSASL_OK;
	case GSASL_SERVICE:
		gsasl_property_set(session, prop, "smtp");
		return GSASL_OK;
	case GSASL_HOSTNAME:
		gsasl_property_set(session, prop, "mx.example.com");
		return GSASL_OK;
	case GSASL_REALM:
		if (!g->realm)
			return GSASL_NO_CALLBACK;
		gsasl_property_set(session, prop, g->realm);
		return GSASL_OK;
	case GSASL_CB_TLS_EXPORTER:
		return server_binding(session, prop, g->server_exporter);
	case GSASL_CB_TLS_UNIQUE:
		return server_binding(session, prop, g->server_unique);
	default:
		return GSASL_NO_CALLBACK;
	}
}

/*
 * The server's side of RFC 4954: 334 as long as it has something to say, then
 * 235 (true) or 535 (false).
 */
static bool serve(struct client *c, Gsasl_session *server)
{
	for (int round = 0; round < 10; round++) {
		char *out = NULL;
		int rc = gsasl_step64(server, buf_cstr(&c->out), &out);
		bool over = rc == GSASL_OK && (!out || !*out);

		if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
			return false;
		if (!over && client_step64(c, str_of(out)))
			fail_msg("client: %s", c->err.text);
		gsasl_free(out);
		if (over)
			return true;
		if (rc == GSASL_OK) {
			assert_int_equal(c->out.len, 0);
			return true;
		}
	}
	fail_msg("no end");
	return false;
}

static void play(const struct game *g, Gsasl *lib)
{
	struct client c;
	Gsasl_session *server;
	bool yes, fails;

	client_open(&c, (struct sasl_config){
		.mechs = g->mechs, .user = g->user, .authzid = g->authzid,
		.secret = str_of(g->pw ? g->pw : PW), .secure = true,
		.has_cert = !strcmp(g->mech, "EXTERNAL"),
		.exporter = str_of(g->exporter ? g->exporter : ""),
		.unique = str_of(g->unique ? g->unique : "") });
	gsasl_callback_hook_set(lib, (void *)g);
	if (client_start(&c, g->offered))
		fail_msg("%s", c.err.text);
	assert_string_equal(c.mech, g->mech);
	if (!strcmp(g->mech, "LOGIN") || strstr(g->mech, "-MD5"))
		assert_false(c.initial);
	else
		assert_true(c.initial);
	if (g->flag && !(g->flag == 'y' && c.plain.p[0] == 'n'))
		assert_int_equal(c.plain.p[0], g->flag);
	fails = g->fails || (c.plain.p && c.plain.p[0] == 'y' &&
			     g->server_exporter);
	assert_int_equal(gsasl_server_start(lib, g->mech, &server), GSASL_OK);
	yes = serve(&c, server);
	assert_int_equal(yes, !fails);
	if (yes)
		assert_int_equal(client_finish(&c), 0);
	if (yes && g->authzid)
		assert_string_equal(gsasl_property_fast(server, GSASL_AUTHZID),
				    g->authzid);
	gsasl_finish(server);
	client_close(&c);
}

static void with_a_server(void **state)
{
	Gsasl *lib;

	(void)state;
	assert_int_equal(gsasl_init(&lib), GSASL_OK);
	gsasl_callback_set(lib, server_knows);
	for (size_t i = 0; i < sizeof(games) / sizeof(*games); i++) {
		print_message("game '%s'\n", games[i].name);
		play(&games[i], lib);
	}
	gsasl_done(lib);
}

/* ---- the RFCs' own examples ---- */

#define NONCE "fyko+d2lbbFgONRv9qkxdawL"
#define SERVER_1 NONCE "3rfcNHYJY1ZVvWVs7j"
/* The salt and the server's nonce of RFC 7677, but RFC 5802's client nonce:
   libgsasl's are 18 octets.  The proofs are from another implementation. */
#define SERVER_256 NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF"

static const struct {
	const char *mech, *user, *pw, *exporter;
	const char *line[6];		/* C, S, C, S... */
} scripts[] = {
	/* RFC 5802 s5 */
	{ "SCRAM-SHA-1", "user", "pencil", "", {
	  "n,,n=user,r=" NONCE,
	  "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096",
	  "c=biws,r=" SERVER_1 ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	  "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "" } },
	{ "SCRAM-SHA-256", "user", "pencil", "", {
	  "n,,n=user,r=" NONCE,
	  "r=" SERVER_256 ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	  "c=biws,r=" SERVER_256
	  ",p=Qz3h2QPidMsxwEwjBnilbm5GQ3Z43MwVsgUn6FiFiRo=",
	  "v=Horig+94Xo4+yxYiRBrKnmwDTFO1oNh2jQTQzW18QD8=", "" } },
	{ "SCRAM-SHA-256-PLUS", "user", "pencil",
	  "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", {
	  "p=tls-exporter,,n=user,r=" NONCE,
	  "r=" SERVER_256 ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	  "c=cD10bHMtZXhwb3J0ZXIsLEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaMDEyMzQ1"
	  ",r=" SERVER_256
	  ",p=iQ6OTb8R3p7cdA2aUkf68Y6T9LgVyn3M9L3pgbzfMLk=",
	  "v=tZETR1+4ysw88lGtfSr9X7VBKf8GdVptwtrshrgpm7Q=", "" } },
	/* RFC 2195 s2 */
	{ "CRAM-MD5", "tim", "tanstaaftanstaaf", "", { "",
	  "<1896.697170952@postoffice.reston.mci.net>",
	  "tim b913a602c7eda7a495b4e6e7334d3890" } },
	/* RFC 2831 s4, but for the service and our nonce; the proofs are
	   Python's */
	{ "DIGEST-MD5", "chris", "secret", "", { "",
	  "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\","
	  "qop=\"auth\",algorithm=md5-sess,charset=utf-8",
	  "username=\"chris\", realm=\"elwood.innosoft.com\", "
	  "nonce=\"OA6MG9tEQGm2hh\", cnonce=\"fyko+d2lbbFgONRv9qkxdQ==\", "
	  "nc=00000001, qop=auth, digest-uri=\"smtp/mx.example.com\", "
	  "response=b41f9f5f9fbeb746324a2b6317140557, charset=utf-8",
	  "rspauth=d26f52f111363ab170c32ec15caa2d6d", "" } },
	{ "LOGIN", "tim", "tanstaaftanstaaf", "", { "",
	  "Username:", "tim", "Password:", "tanstaaftanstaaf" } },
	{ "LOGIN", "tim", "tanstaaftanstaaf", "", { "",
	  "", "tim", "", "tanstaaftanstaaf" } },
};

static void examples(void **state)
{
	(void)state;
	fixed_nonce = NONCE;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		const char *const *line = scripts[i].line;
		struct client c;

		print_message("example %zu, %s\n", i, scripts[i].mech);
		client_open(&c, (struct sasl_config){
			.mechs = scripts[i].mech, .user = scripts[i].user,
			.secret = str_of(scripts[i].pw), .secure = true,
			.exporter = str_of(scripts[i].exporter) });
		assert_int_equal(client_start(&c, scripts[i].mech), 0);
		assert_string_equal(buf_cstr(&c.plain), line[0]);
		for (; line[1]; line += 2) {
			if (client_step(&c, line[1]))
				fail_msg("%s", c.err.text);
			assert_string_equal(buf_cstr(&c.plain), line[2]);
		}
		assert_int_equal(client_finish(&c), 0);
		client_close(&c);
	}
	fixed_nonce = NULL;
}

static void plain_is_three_fields(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, (struct sasl_config){ .mechs = "auto", .secure = true,
			.authzid = "boss" });
	assert_int_equal(client_start(&c, "PLAIN"), 0);
	assert_int_equal(c.plain.len, 4 + 1 + 5 + 1 + strlen(PW));
	assert_memory_equal(c.plain.p, "boss\0alice\0" PW, c.plain.len);
	client_close(&c);
}

/* ---- relays that break the rules ---- */

#define DIGEST "nonce=\"OA6MG9tEQGm2hh\",algorithm=md5-sess"
#define PROOF "rspauth=b1da9373dbf8641727845a3b477cc469"

/* The relay's lines are plain; "!" begins one that is not base64. */
static const struct {
	const char *name, *mech;
	const char *line[4];		/* challenges */
	enum error_kind kind;		/* of the last, or of finish() */
	const char *says;
} hostile[] = {
	{ "wrong signature", "SCRAM-SHA-1",
	  { "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096",
	    "v=rmF9pqV8S7suAoZWja4dJRkFsKR=" },
	  ERROR_AUTH, "did not prove that it knows the password" },
	{ "no signature", "SCRAM-SHA-1",
	  { "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096", "" },
	  ERROR_PROTOCOL, "signature" },
	{ "empty signature", "SCRAM-SHA-1",
	  { "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096", "v=" },
	  ERROR_PROTOCOL, "makes no sense" },
	{ "refusal in the last message", "SCRAM-SHA-1",
	  { "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096", "e=invalid-proof" },
	  ERROR_AUTH, "'invalid-proof'" },
	{ "235 at once", "SCRAM-SHA-256", { NULL },
	  ERROR_AUTH, "yes too early" },
	{ "235 before the signature", "SCRAM-SHA-256",
	  { "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096" },
	  ERROR_AUTH, "yes too early" },
	{ "one iteration", "SCRAM-SHA-256",
	  { "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=1" },
	  ERROR_AUTH, "iteration count 1 is below 4096" },
	{ "2^31 iterations", "SCRAM-SHA-256",
	  { "r=" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=2147483648" },
	  ERROR_AUTH, "iteration count 2147483648 is above" },
	{ "our own nonce", "SCRAM-SHA-256",
	  { "r=" NONCE ",s=QSXCR+Q6sek8bf92,i=4096" },
	  ERROR_AUTH, "nonce does not extend ours" },
	{ "another nonce", "SCRAM-SHA-256",
	  { "r=x" SERVER_1 ",s=QSXCR+Q6sek8bf92,i=4096" },
	  ERROR_AUTH, "nonce does not extend ours" },
	{ "salt is not base64", "SCRAM-SHA-256",
	  { "r=" SERVER_1 ",s=***,i=4096" }, ERROR_PROTOCOL, "no sense" },
	{ "empty first", "SCRAM-SHA-256", { "" }, ERROR_PROTOCOL, "nonce" },
	{ "challenge is not base64", "SCRAM-SHA-256", { "!Go ahead" },
	  ERROR_PROTOCOL, "not base64" },
	{ "LOGIN not base64", "LOGIN", { "!Username:" },
	  ERROR_PROTOCOL, "not base64" },
	{ "unpadded", "LOGIN", { "!VXNlcm5hbWU6AA" }, ERROR_PROTOCOL,
	  "not base64" },
	{ "after the end", "PLAIN", { "more?" }, ERROR_PROTOCOL,
	  "asks for more" },
	{ "LOGIN, thrice", "LOGIN", { "User:", "Password:", "Password:" },
	  ERROR_PROTOCOL, "asks for more" },
	{ "LOGIN, 235 at once", "LOGIN", { NULL }, ERROR_PROTOCOL,
	  "before it had seen all" },
	{ "LOGIN, 235 for a name", "LOGIN", { "User:" }, ERROR_PROTOCOL,
	  "before it had seen all" },
	{ "CRAM-MD5, empty", "CRAM-MD5", { "" }, ERROR_PROTOCOL, "empty" },
	{ "CRAM-MD5, 235 at once", "CRAM-MD5", { NULL }, ERROR_PROTOCOL,
	  "before it had seen all" },
	{ "DIGEST-MD5, 235 at once", "DIGEST-MD5", { NULL }, ERROR_AUTH,
	  "yes too early" },
	{ "DIGEST-MD5, 235 without proof", "DIGEST-MD5", { DIGEST },
	  ERROR_AUTH, "yes too early" },
	{ "DIGEST-MD5, wrong proof", "DIGEST-MD5",
	  { DIGEST, "rspauth=ea40f60335c427b5527b84dbabcdfffd" }, ERROR_AUTH,
	  "did not prove that it knows" },
	{ "DIGEST-MD5, no proof", "DIGEST-MD5", { DIGEST, "rspauth" },
	  ERROR_PROTOCOL, "no proof" },
	{ "DIGEST-MD5, empty", "DIGEST-MD5", { "" }, ERROR_PROTOCOL, "nonce" },
	{ "DIGEST-MD5, no value", "DIGEST-MD5", { "nonce" }, ERROR_PROTOCOL,
	  "no sense" },
	{ "DIGEST-MD5, privacy only", "DIGEST-MD5",
	  { DIGEST ",qop=\"auth-conf\"" }, ERROR_AUTH, "security layer" },
	{ "DIGEST-MD5, thrice", "DIGEST-MD5", { DIGEST, PROOF, "rspauth" },
	  ERROR_PROTOCOL, "asks for more" },
	{ "NTLM, empty", "NTLM", { "" }, ERROR_PROTOCOL, "too short" },
	{ "NTLM, garbage", "NTLM", { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	  ERROR_PROTOCOL, "no challenge" },
	{ "NTLM, 235 at once", "NTLM", { NULL }, ERROR_PROTOCOL,
	  "before it had seen all" },
	{ "EXTERNAL, asked again", "EXTERNAL", { "" }, ERROR_PROTOCOL,
	  "asks for more" },
	{ "ANONYMOUS, asked again", "ANONYMOUS", { "" }, ERROR_PROTOCOL,
	  "asks for more" },
	{ "CRAM-MD5, twice", "CRAM-MD5", { "<1@a>", "<2@a>" }, ERROR_PROTOCOL,
	  "asks for more" },
};

static int challenge(struct client *c, const char *line)
{
	if (*line == '!')
		return client_step64(c, str_of(line + 1));
	return client_step(c, line);
}

static void against_the_rules(void **state)
{
	(void)state;
	fixed_nonce = NONCE;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		const char *const *line = hostile[i].line;
		struct client c;
		int ret = 0;

		print_message("relay '%s'\n", hostile[i].name);
		client_open(&c, (struct sasl_config){
			.mechs = hostile[i].mech, .user = "user",
			.secure = true, .has_cert = true,
			.secret = STR("pencil") });
		assert_int_equal(client_start(&c, hostile[i].mech), 0);
		while (*line && !ret)
			ret = challenge(&c, *line++);
		assert_null(*line);
		if (!ret)
			ret = client_finish(&c);
		assert_int_equal(ret, -1);
		expect_error(&c, hostile[i].kind, hostile[i].says);
		client_close(&c);
	}
	fixed_nonce = NULL;
}

static void long_challenge(void **state)
{
	static char text[12292];
	struct client c;

	(void)state;
	memset(text, 'A', sizeof(text));
	client_open(&c, (struct sasl_config){ .mechs = "auto",
					      .secure = true });
	assert_int_equal(client_start(&c, "CRAM-MD5"), 0);
	assert_int_equal(client_step64(&c, (struct str){ text, 12292 }), -1);
	expect_error(&c, ERROR_PROTOCOL, "longer than 12288");
	assert_int_equal(client_step64(&c, (struct str){ text, 12288 }), 0);
	assert_int_equal(client_finish(&c), 0);
	client_close(&c);
}

static void blanks_around_a_challenge(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, (struct sasl_config){ .mechs = "auto",
					      .secure = true });
	assert_int_equal(client_start(&c, "LOGIN"), 0);
	assert_int_equal(client_step64(&c, STR(" VXNlcm5hbWU6 ")), 0);
	assert_int_equal(client_step64(&c, STR(" ")), 0);
	assert_string_equal(buf_cstr(&c.plain), PW);
	assert_int_equal(client_step64(&c, STR("VXNl cm5h")), -1);
	client_close(&c);
}

static void forbidden_characters(void **state)
{
	static const char *const bad[] = { "tab\tbed", "latin \xe4",
					   "right-to-left \xe2\x80\xae" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct client c;

		client_open(&c, (struct sasl_config){ .mechs = "auto",
			.secure = true, .secret = str_of(bad[i]) });
		assert_int_equal(client_start(&c, "CRAM-MD5"), 0);
		assert_int_equal(client_step(&c, "<1@a>"), -1);
		expect_error(&c, ERROR_AUTH, "SASLprep");
		client_close(&c);
		/* Where bytes are bytes it goes as it is. */
		client_open(&c, (struct sasl_config){ .mechs = "auto",
			.secure = true, .secret = str_of(bad[i]) });
		assert_int_equal(client_start(&c, "PLAIN"), 0);
		assert_memory_equal(c.plain.p + 7, bad[i], strlen(bad[i]));
		client_close(&c);
	}
}

/*
 * RFC 4013 s3 and more.  SCRAM and CRAM-MD5 prepare both; what PLAIN, LOGIN
 * and DIGEST-MD5 send is the relay's to prepare (RFC 4616 s2).
 */
static void prepared_names(void **state)
{
	static const struct {
		const char *user, *want;	/* NULL: forbidden */
	} names[] = {
		{ "I\xc2\xadX", "IX" }, { "user", "user" },
		{ "USER", "USER" }, { "\xc2\xaa", "a" },
		{ "\xe2\x85\xa8", "IX" },
		{ "a\xcc\x88", "\xc3\xa4" }, { "\xc3\xa4", "\xc3\xa4" },
		{ "a\xc2\xa0z", "a z" },
		{ "\xd8\xa7\x31", NULL },	/* right-to-left, then a digit */
		{ "a\xee\x80\x80", NULL },	/* private use */
		{ "a\xff", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char want[64];
		struct client c;
		int ret;

		client_open(&c, (struct sasl_config){ .mechs = "auto",
			.secure = true, .user = names[i].user });
		ret = client_start(&c, "SCRAM-SHA-256");
		assert_int_equal(ret, names[i].want ? 0 : -1);
		if (ret) {
			expect_error(&c, ERROR_AUTH, "SASLprep");
		} else {
			snprintf(want, sizeof(want), "n,,n=%s,r=",
				 names[i].want);
			assert_memory_equal(c.plain.p, want, strlen(want));
		}
		client_close(&c);

		client_open(&c, (struct sasl_config){ .mechs = "auto",
			.secure = true, .user = names[i].user });
		assert_int_equal(client_start(&c, "PLAIN"), 0);
		assert_memory_equal(c.plain.p + 1, names[i].user,
				    strlen(names[i].user) + 1);
		client_close(&c);

		client_open(&c, (struct sasl_config){ .mechs = "auto",
			.secure = true, .user = names[i].user });
		assert_int_equal(client_start(&c, "CRAM-MD5"), 0);
		ret = client_step(&c, "<1@a>");
		assert_int_equal(ret, names[i].want ? 0 : -1);
		if (!ret)
			assert_memory_equal(c.plain.p, names[i].want,
					    strlen(names[i].want));
		client_close(&c);
	}
}

/* The same password however it was typed. */
static void prepared_passwords(void **state)
{
	static const char *const same[][2] = {
		{ "I\xc2\xadX", "IX" }, { "\xe2\x85\xa8", "IX" },
		{ "pa\xcc\x88ss", "p\xc3\xa4ss" }, { "\xc2\xaa-pw", "a-pw" },
	};
	static const char *const first = "r=" SERVER_1
		",s=QSXCR+Q6sek8bf92,i=4096";

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct client c[2];

		for (int k = 0; k < 2; k++) {
			client_open(&c[k], (struct sasl_config){
				.mechs = "auto", .secure = true,
				.secret = str_of(same[i][k]) });
			fixed_nonce = NONCE;
			assert_int_equal(client_start(&c[k], "SCRAM-SHA-1"), 0);
			fixed_nonce = NULL;
			assert_int_equal(client_step(&c[k], first), 0);
		}
		assert_string_equal(buf_cstr(&c[0].plain),
				    buf_cstr(&c[1].plain));
		client_close(&c[0]);
		client_close(&c[1]);
	}
}

/* [MS-NLMP] 4.2.2: User, Password and the challenge of its examples. */
static void ntlm_responses(void **state)
{
	static const char lm[] = "\x98\xde\xf7\xb8\x7f\x88\xaa\x5d\xaf\xe2"
		"\xdf\x77\x96\x88\xa1\x72\xde\xf1\x1c\x7d\x5c\xcd\xef\x13";
	static const char nt[] = "\x67\xc4\x30\x11\xf3\x02\x98\xa2\xad\x35"
		"\xec\xe6\x4f\x16\x33\x1c\x44\xbd\xbe\xd9\x27\x84\x1f\x94";
	static const struct str relay = { "NTLMSSP\0\2\0\0\0"
		"\f\0\f\0\x38\0\0\0\x33\x82\2\2"
		"\1\x23\x45\x67\x89\xab\xcd\xef\0\0\0\0\0\0\0\0"
		"\0\0\0\0\0\0\0\0\6\0\x70\x17\0\0\0\x0f"
		"S\0e\0r\0v\0e\0r\0", 68 };
	static const struct {
		const char *user, *domain, *name;
	} users[] = {
		{ "User", "S\0e\0r\0v\0e\0r\0", "U\0s\0e\0r\0" },
		{ "Dom\\User", "D\0o\0m\0", "U\0s\0e\0r\0" },
		{ "User@Dom", "D\0o\0m\0", "U\0s\0e\0r\0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		size_t n = i ? 6 : 12;
		struct buf coded;
		struct client c;

		client_open(&c, (struct sasl_config){ .mechs = "ntlm",
			.secure = true, .user = users[i].user,
			.secret = STR("Password") });
		assert_int_equal(client_start(&c, "NTLM"), 0);
		assert_true(c.initial);
		assert_memory_equal(c.plain.p, "NTLMSSP\0\1\0\0\0", 12);
		buf_init(&coded, 1000);
		base64_encode(&coded, relay);
		assert_int_equal(client_step64(&c, buf_str(&coded)), 0);
		assert_memory_equal(c.plain.p, "NTLMSSP\0\3\0\0\0", 12);
		assert_non_null(memmem(c.plain.p, c.plain.len, lm, 24));
		assert_non_null(memmem(c.plain.p, c.plain.len, nt, 24));
		assert_non_null(memmem(c.plain.p, c.plain.len, users[i].domain,
				       n));
		assert_non_null(memmem(c.plain.p, c.plain.len, users[i].name,
				       8));
		assert_int_equal(client_finish(&c), 0);
		check_masked(&c, buf_cstr(&c.out), "[secret]");
		assert_int_equal(client_step64(&c, buf_str(&coded)), -1);
		buf_release(&coded);
		client_close(&c);
	}
}

static void cannot_be_said(void **state)
{
	static const struct {
		const char *mech, *user, *pw, *says;
	} bad[] = {
		{ "DIGEST-MD5", "a\"b", "x", "a quote" },
		{ "DIGEST-MD5", "a\\b", "x", "a backslash" },
		{ "NTLM", "\xc3\xa4lice", "x", "not ASCII" },
		{ "NTLM", "alice", UTF8_PW, "not ASCII" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct client c;

		client_open(&c, (struct sasl_config){ .mechs = bad[i].mech,
			.secure = true, .user = bad[i].user,
			.secret = str_of(bad[i].pw) });
		assert_int_equal(client_start(&c, bad[i].mech), -1);
		expect_error(&c, ERROR_AUTH, bad[i].says);
		client_close(&c);
	}
}

/* ---- tokens ---- */

static void xoauth2(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, (struct sasl_config){ .mechs = "auto", .secure = true,
			.secret = STR("ya29.vF9dft4qmT"), .is_token = true });
	assert_int_equal(client_start(&c, "PLAIN XOAUTH2"), 0);
	assert_string_equal(c.mech, "XOAUTH2");
	assert_true(c.initial);
	assert_string_equal(buf_cstr(&c.plain), "user=alice\001auth=Bearer "
			    "ya29.vF9dft4qmT\001\001");
	assert_int_equal(client_finish(&c), 0);
	assert_string_equal(sasl_status(c.sasl), "");

	assert_int_equal(client_step(&c, "{\"status\":\"401\",\"schemes\":"
				     "\"bearer\"}"), 0);
	assert_int_equal(c.out.len, 0);
	assert_string_equal(sasl_status(c.sasl), "401");
	assert_int_equal(client_finish(&c), -1);
	expect_error(&c, ERROR_PROTOCOL, "refused the token and then");
	assert_int_equal(client_step(&c, "{}"), -1);
	expect_error(&c, ERROR_PROTOCOL, "asks for more");
	client_close(&c);
}

static void oauthbearer(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, (struct sasl_config){ .mechs = "auto", .secure = true,
			.secret = STR("ya29.vF9dft4qmT"), .is_token = true });
	assert_int_equal(client_start(&c, "XOAUTH2 OAUTHBEARER"), 0);
	assert_string_equal(c.mech, "OAUTHBEARER");
	assert_string_equal(buf_cstr(&c.plain), "n,a=alice,\001"
			    "host=mx.example.com\001port=587\001"
			    "auth=Bearer ya29.vF9dft4qmT\001\001");
	/* A relay that repeats the token gets it blotted out. */
	assert_int_equal(client_step(&c, "{\"status\":\"x-ya29.vF9dft4qmT\"}"),
			 0);
	assert_string_equal(buf_cstr(&c.out), "AQ==");
	assert_string_equal(sasl_status(c.sasl), "x-[secret]");
	client_close(&c);
}

/* ---- the mask, of everything said ---- */

static void masks_what_was_said(void **state)
{
	struct client c;

	(void)state;
	fixed_nonce = NONCE;
	client_open(&c, (struct sasl_config){ .mechs = "auto", .secure = true,
			.user = "user", .secret = STR("pencil") });
	assert_int_equal(client_start(&c, "SCRAM-SHA-1"), 0);
	assert_int_equal(client_step(&c, "r=" SERVER_1
				     ",s=QSXCR+Q6sek8bf92,i=4096"), 0);
	check_masked(&c, "user: v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		     "user: [secret]");
	check_masked(&c, "my pencil", "my [secret]");
	check_masked(&c, buf_cstr(&c.out), "[secret]");
	client_close(&c);
	fixed_nonce = NULL;

	client_open(&c, (struct sasl_config){ .mechs = "auto", .secure = true,
			.user = "tim", .secret = STR("tanstaaftanstaaf") });
	assert_int_equal(client_start(&c, "CRAM-MD5"), 0);
	assert_int_equal(client_step(&c, scripts[3].line[1]), 0);
	check_masked(&c, "tim: b913a602c7eda7a495b4e6e7334d3890",
		     "tim: [secret]");
	client_close(&c);

	client_open(&c, (struct sasl_config){ .mechs = "DIGEST-MD5",
			.secure = true, .user = "long.name@example.com" });
	assert_int_equal(client_start(&c, "DIGEST-MD5"), 0);
	assert_int_equal(client_step(&c, DIGEST), 0);
	check_masked(&c, buf_cstr(&c.out), "[secret]");
	check_masked(&c, strstr(buf_cstr(&c.plain), "response="),
		     "response=[secret], charset=utf-8");
	check_masked(&c, "long.name@example.com", "long.name@example.com");
	client_close(&c);

	client_open(&c, (struct sasl_config){ .mechs = "auto", .secure = true,
			.user = "long.name@example.com" });
	assert_int_equal(client_start(&c, "LOGIN"), 0);
	assert_int_equal(client_step(&c, "Username:"), 0);
	/* The user's name is no secret. */
	check_masked(&c, "bG9uZy5uYW1lQGV4YW1wbGUuY29t",
		     "bG9uZy5uYW1lQGV4YW1wbGUuY29t");
	assert_int_equal(client_step(&c, "Password:"), 0);
	check_masked(&c, "aHVudGVyMjJwZW5jaWw= for long.name@example.com",
		     "[secret] for long.name@example.com");
	client_close(&c);
}

/* Nor does an error repeat what the relay repeats. */
static void masks_errors(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, (struct sasl_config){ .mechs = "auto",
					      .secure = true });
	assert_int_equal(client_start(&c, "SCRAM-SHA-256"), 0);
	assert_int_equal(client_step(&c, "e=not-" PW), -1);
	expect_error(&c, ERROR_AUTH, "refuses: 'not-[secret]'");
	client_close(&c);
	client_open(&c, (struct sasl_config){ .mechs = "auto",
					      .secure = true });
	assert_int_equal(client_start(&c, "X-" PW), -1);
	expect_error(&c, ERROR_AUTH, "offers 'X-[secret]'");
	client_close(&c);
}

/* ---- configurations, and starting again ---- */

static void bad_config(void **state)
{
	static const struct {
		const char *mechs, *user, *authzid;
		struct str secret;
		bool token;
		const char *says;
	} rows[] = {
		{ "auto", "", "", { "x", 1 }, false, "user" },
		{ "auto", "a\001b", "", { "x", 1 }, false, "control" },
		{ "auto", "a", "b\n", { "x", 1 }, false, "control" },
		{ "auto", "a", "", { "", 0 }, false, "password is empty" },
		{ "auto", "a", "", { "", 0 }, true, "token is empty" },
		{ "auto", "a", "", { "xyz\0q", 5 }, false, "NUL" },
		{ "auto", "a", "", { "xyz\001q", 5 }, true, "token" },
		{ "auto", "a", "", { "xyz\xe4q", 5 }, true, "token" },
		{ "EXTERNAL", "a", "", { "x", 1 }, false, "set tls_cert" },
		{ "EXTERNAL plain", "a", "", { "", 0 }, false,
		  "password is empty" },
		{ "plane", "a", "", { "x", 1 }, false, "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sasl_config c = {
			.mechs = rows[i].mechs, .user = rows[i].user,
			.authzid = rows[i].authzid, .host = "h",
			.secret = rows[i].secret, .is_token = rows[i].token,
		};
		struct error err = { ERROR_NONE, "" };

		assert_null(sasl_new(&c, &err));
		if (!strstr(err.text, rows[i].says))
			print_error("row %zu: %s\n", i, err.text);
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_non_null(strstr(err.text, rows[i].says));
	}
	sasl_free(NULL);
}

static void starts_again(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, (struct sasl_config){ .mechs = "auto",
					      .secure = true });
	assert_int_equal(client_start(&c, "SCRAM-SHA-256"), 0);
	assert_int_equal(client_step(&c, "e=other-error"), -1);
	buf_reset(&c.out);
	/* Back at the first message, with a nonce of now. */
	fixed_nonce = NONCE;
	assert_int_equal(client_start(&c, "SCRAM-SHA-1"), 0);
	fixed_nonce = NULL;
	assert_int_equal(client_step(&c, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), -1);
	expect_error(&c, ERROR_PROTOCOL, "first message");
	buf_reset(&c.out);
	assert_int_equal(client_start(&c, "PLAIN"), 0);
	assert_int_equal(client_finish(&c), 0);
	client_close(&c);
}

static void nothing_in_common(void **state)
{
	struct client c;

	(void)state;
	client_open(&c, (struct sasl_config){ .mechs = "scram",
					      .secure = true });
	assert_int_equal(client_start(&c, "LOGIN"), -1);
	expect_error(&c, ERROR_AUTH, "offers 'LOGIN', auth allows 'scram'");
	client_close(&c);
	client_open(&c, (struct sasl_config){ .mechs = "auto" });
	assert_int_equal(client_start(&c, "PLAIN"), -1);
	expect_error(&c, ERROR_AUTH, "without TLS");
	client_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_server),
		cmocka_unit_test(examples),
		cmocka_unit_test(plain_is_three_fields),
		cmocka_unit_test(against_the_rules),
		cmocka_unit_test(long_challenge),
		cmocka_unit_test(blanks_around_a_challenge),
		cmocka_unit_test(forbidden_characters),
		cmocka_unit_test(prepared_names),
		cmocka_unit_test(prepared_passwords),
		cmocka_unit_test(ntlm_responses),
		cmocka_unit_test(cannot_be_said),
		cmocka_unit_test(xoauth2),
		cmocka_unit_test(oauthbearer),
		cmocka_unit_test(masks_what_was_said),
		cmocka_unit_test(masks_errors),
		cmocka_unit_test(bad_config),
		cmocka_unit_test(starts_again),
		cmocka_unit_test(nothing_in_common),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
