#include "net/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define LAX ":%VERIFY_ALLOW_SIGN_WITH_SHA1:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1"

static char dir[] = "/tmp/test-tls.XXXXXX";
static char ca_file[64], known_file[64];
static struct ident ca, good;
static const char *test_case = "";

static const struct ident_spec good_spec = {
	.cn = "mail.test", .dns = { "mail.test", "*.wild.test" },
	.ip = { 192, 0, 2, 1 }, .issuer = &ca
};

static struct tls_config config_for(const char *host)
{
	return (struct tls_config){
		.host = host, .trust = ca_file, .priority = "",
		.known_file = known_file, .known_as = "mail.test:465",
		.verify = true
	};
}

/* Move what each says to the other, `step` octets at a time. */
static int shake(struct tls *t, struct peer *p, size_t step, struct error *err)
{
	int r = tls_handshake(t, err);

	for (int idle = 0; idle < 3; idle++) {
		struct buf *out = tls_out(t);

		if (out->len) {
			buf_add(&p->in, buf_str(out));
			buf_reset(out);
			idle = 0;
		}
		peer_step(p);
		while (p->out.len && r >= 0) {
			size_t n = p->out.len < step ? p->out.len : step;

			tls_feed(t, (struct str){ p->out.p, n });
			buf_drop(&p->out, n);
			r = tls_handshake(t, err);
			idle = 0;
		}
		if (r < 0 || (r == 1 && p->up))
			break;
	}
	if (tls_out(t)->len) {
		buf_add(&p->in, buf_str(tls_out(t)));
		buf_reset(tls_out(t));
		peer_step(p);
	}
	return r;
}

static void check_text(const char *text, const char *needle)
{
	if (strstr(text, needle))
		return;
	fprintf(stderr, "%s: '%s' is not in '%s'\n", test_case, needle, text);
	fail();
}

/* ---- verification ---- */

static const struct row {
	const char *name, *host;
	struct ident_spec id;
	enum error_kind kind;
	const char *text[2];
} rows[] = {
	{ "good", "mail.test", { .cn = "x", .dns = { "mail.test" } }, 0, { 0 } },
	{ "case and final dot", "MAIL.Test.",
	  { .cn = "x", .dns = { "mail.test" } }, 0, { 0 } },
	{ "wildcard", "a.wild.test",
	  { .cn = "x", .dns = { "*.wild.test" } }, 0, { 0 } },
	{ "wildcard is one label", "a.b.wild.test",
	  { .cn = "x", .dns = { "*.wild.test" } }, ERROR_CERT,
	  { "it is for *.wild.test, not for 'a.b.wild.test'" } },
	{ "address", "192.0.2.1",
	  { .cn = "x", .ip = { 192, 0, 2, 1 } }, 0, { 0 } },
	{ "other address", "192.0.2.2",
	  { .cn = "x", .ip = { 192, 0, 2, 1 } }, ERROR_CERT,
	  { "it is for 192.0.2.1, not for '192.0.2.2'" } },
	{ "address as a dns name", "192.0.2.1",
	  { .cn = "x", .dns = { "192.0.2.1" } }, ERROR_CERT,
	  { "not for the address '192.0.2.1'" } },
	{ "v6 address in brackets", "[::1]",
	  { .cn = "x", .dns = { "mail.test" } }, ERROR_CERT,
	  { "not for the address '::1'" } },
	{ "wrong host", "mail.test",
	  { .cn = "mail.test", .dns = { "a.test", "b.test" } }, ERROR_CERT,
	  { "'mail.test' is not to be trusted",
	    "it is for a.test, b.test, not for 'mail.test'" } },
	{ "only a common name", "mail.test", { .cn = "mail.test" },
	  ERROR_CERT, { "no subject alternative name", "not 'mail.test'" } },
	{ "a common name beside an address", "mail.test",
	  { .cn = "mail.test", .ip = { 192, 0, 2, 1 } }, ERROR_CERT,
	  { "it is for 192.0.2.1, not for 'mail.test'" } },
	{ "NUL in the name", "mail.test",
	  { .cn = "x", .dns = { "mail.test\0.evil" }, .dns_len = 15 },
	  ERROR_CERT, { "not for 'mail.test'", "mail.test\\x00.evil" } },
	{ "expired", "mail.test",
	  { .cn = "x", .dns = { "mail.test" }, .from = -9, .until = -2 },
	  ERROR_CERT, { "'mail.test' is not to be trusted: it expired on 20",
			" UTC" } },
	{ "not yet valid", "mail.test",
	  { .cn = "x", .dns = { "mail.test" }, .from = 2, .until = 9 },
	  ERROR_CERT, { "it is not valid before 20", " UTC" } },
	{ "expired and the wrong host", "mail.test",
	  { .cn = "x", .dns = { "a.test" }, .from = -9, .until = -2 },
	  ERROR_CERT, { "it is for a.test, not for 'mail.test'; it expired" } },
	{ "SHA-1", "mail.test",
	  { .cn = "x", .dns = { "mail.test" }, .hash = GNUTLS_DIG_SHA1 },
	  ERROR_CERT, { "its signature is weak (ECDSA-SHA1)" } },
	{ "short RSA key", "mail.test",
	  { .cn = "x", .dns = { "mail.test" }, .rsa = 1024 },
	  ERROR_CERT, { "its RSA key is weak (1024 bits)" } },
	{ "for clients only", "mail.test",
	  { .cn = "x", .dns = { "mail.test" }, .client_only = true },
	  ERROR_CERT, { "not meant for a TLS server" } },
};

static void try_row(const struct row *r, const struct ident *issuer,
		    const char *version)
{
	struct ident_spec spec = r->id;
	struct tls_config c = config_for(r->host);
	struct error err = { 0 };
	char server[200];
	struct ident id;
	struct peer p;
	struct tls *t;
	int got;

	spec.issuer = issuer;
	id = ident_new(&spec);
	snprintf(server, sizeof(server), "%s%s", version, LAX);
	peer_init(&p, &id, server);
	t = tls_new(&c, &err);
	assert_non_null(t);
	got = shake(t, &p, 65536, &err);
	if (err.kind != r->kind || got != (r->kind ? -1 : 1)) {
		fprintf(stderr, "%s: %d, kind %d '%s'\n", r->name, got,
			err.kind, err.text);
		fail();
	}
	for (size_t i = 0; i < 2 && r->text[i]; i++)
		check_text(err.text, r->text[i]);
	if (r->kind)
		assert_string_equal(tls_info(t)->trouble, err.text);
	else
		assert_string_equal(tls_info(t)->trouble, "");
	/* A peer that is not trusted must not believe it is. */
	if (r->kind && p.up) {
		fprintf(stderr, "%s: the handshake was completed\n", r->name);
		fail();
	}
	tls_free(t);
	peer_release(&p);
	ident_free(&id);
}

static void test_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		test_case = rows[i].name;
		try_row(&rows[i], &ca, TLS13);
		try_row(&rows[i], &ca, TLS12);
	}
}

static void test_issuers(void **state)
{
	static const struct row self = {
		"self-signed", "mail.test",
		{ .cn = "mail.test", .dns = { "mail.test" } }, ERROR_CERT,
		{ "'mail.test' is not to be trusted: it is self-signed" }
	}, unknown = {
		"unknown CA", "mail.test",
		{ .cn = "mail.test", .dns = { "mail.test" } }, ERROR_CERT,
		{ "its issuer 'CN=Other CA' is not trusted" }
	};
	struct ident other = ident_new(&(struct ident_spec){
		.cn = "Other CA", .ca = true });

	(void)state;
	test_case = "self-signed";
	try_row(&self, NULL, TLS13);
	try_row(&self, NULL, TLS12);
	test_case = "unknown CA";
	try_row(&unknown, &other, TLS13);
	try_row(&unknown, &other, TLS12);
	ident_free(&other);
}

/* A certificate that takes several records, in pieces of any size. */
static void test_large(void **state)
{
	static const size_t steps[] = { 65536, 16384, 997 };
	struct ident large = ident_new(&(struct ident_spec){
		.cn = "x", .dns = { "mail.test" }, .more = 700,
		.issuer = &ca });

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct tls_config c = config_for("mail.test");
		struct error err = { 0 };
		struct peer p;
		struct tls *t = tls_new(&c, &err);

		test_case = "large";
		peer_init(&p, &large, i % 2 ? TLS12 : TLS13);
		assert_int_equal(shake(t, &p, steps[i / 2], &err), 1);
		assert_true(p.up);
		tls_free(t);
		peer_release(&p);
	}
	ident_free(&large);
}

/* With verify off all is completed, and the reason is kept. */
static void test_look(void **state)
{
	struct tls_config c = config_for("other.test");
	struct error err = { 0 };
	struct peer p;
	struct tls *t;
	const struct tls_info *i;

	(void)state;
	c.verify = false;
	c.trust = "/nonexistent/ca.pem";
	peer_init(&p, &good, TLS13);
	t = tls_new(&c, &err);
	assert_int_equal(shake(t, &p, 65536, &err), 1);
	i = tls_info(t);
	check_text(i->trouble, "not for 'other.test'");
	check_text(i->trouble, "cannot read CA file '/nonexistent/ca.pem'");
	assert_string_equal(i->version, "TLS1.3");
	check_text(i->cipher, "AES");
	assert_string_equal(i->cert.subject, "CN=mail.test");
	assert_string_equal(i->cert.issuer, "CN=Test CA");
	assert_string_equal(i->cert.names,
			    "mail.test, *.wild.test, 192.0.2.1");
	assert_int_equal(strlen(i->cert.fingerprint), 7 + 64);
	assert_int_equal(strlen(i->cert.pin), 7 + 44);
	assert_true(i->cert.from < i->cert.until);
	tls_free(t);
	peer_release(&p);
}

/* ---- what both ends know of the channel ---- */

static void same_binding(struct peer *p, gnutls_channel_binding_t kind,
			 const struct buf *ours)
{
	gnutls_datum_t d = { NULL, 0 };

	assert_int_equal(gnutls_session_channel_binding(p->session, kind, &d),
			 0);
	assert_true(d.size > 0);
	assert_int_equal(d.size, ours->len);
	assert_memory_equal(d.data, ours->p, d.size);
	gnutls_free(d.data);
}

static void test_bindings(void **state)
{
	static const char *const versions[] = { TLS13, TLS12 };
	struct tls_config c = config_for("mail.test");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct error err = { 0 };
		struct peer p;
		struct tls *t = tls_new(&c, &err);

		test_case = versions[i];
		peer_init(&p, &good, versions[i]);
		assert_int_equal(shake(t, &p, 1, &err), 1);
		assert_true(p.up);
		same_binding(&p, GNUTLS_CB_TLS_EXPORTER,
			     &tls_info(t)->exporter);
		if (i)
			same_binding(&p, GNUTLS_CB_TLS_UNIQUE,
				     &tls_info(t)->unique);
		else
			assert_int_equal(tls_info(t)->unique.len, 0);
		tls_free(t);
		peer_release(&p);
	}
}

/* ---- trust on first use ---- */

static int asked;
static bool answer, looking;

static bool ask(void *ctx, const char *as, const char *fingerprint)
{
	assert_ptr_equal(ctx, &asked);
	assert_string_equal(as, "mail.test:465");
	assert_memory_equal(fingerprint, "sha256:", 7);
	asked++;
	return answer;
}

static int meet(const struct ident *id, bool may_ask, struct error *err)
{
	struct tls_config c = config_for("mail.test");
	struct peer p;
	struct tls *t;
	int r;

	c.trust = "tofu";
	c.verify = !looking;
	c.ask = may_ask ? ask : NULL;
	c.ask_ctx = &asked;
	peer_init(&p, id, TLS13);
	t = tls_new(&c, err);
	r = shake(t, &p, 65536, err);
	tls_free(t);
	peer_release(&p);
	return r;
}

static void test_tofu(void **state)
{
	struct ident one = ident_new(&(struct ident_spec){
		.cn = "whoever", .from = -9, .until = -2 });
	struct ident two = ident_new(&(struct ident_spec){ .cn = "mail.test" });
	struct error err = { 0 };
	struct stat before, after;

	(void)state;
	test_case = "tofu";
	assert_int_equal(meet(&one, false, &err), -1);
	assert_int_equal(err.kind, ERROR_CERT);
	check_text(err.text, "not seen before: sha256:");
	check_text(err.text, known_file);
	answer = false;
	assert_int_equal(meet(&one, true, &err), -1);
	assert_int_equal(asked, 1);
	assert_int_equal(access(known_file, F_OK), -1);
	answer = true;
	looking = true;			/* which neither asks nor keeps */
	assert_int_equal(meet(&one, true, &err), 1);
	looking = false;
	assert_int_equal(asked, 1);
	assert_int_equal(access(known_file, F_OK), -1);
	assert_int_equal(meet(&one, true, &err), 1);
	assert_int_equal(asked, 2);
	assert_int_equal(meet(&one, true, &err), 1);
	assert_int_equal(meet(&one, false, &err), 1);
	assert_int_equal(asked, 2);
	assert_int_equal(stat(known_file, &before), 0);
	assert_int_equal(before.st_mode & 0777, 0600);
	assert_int_equal(meet(&two, true, &err), -1);
	assert_int_equal(asked, 2);
	assert_int_equal(err.kind, ERROR_CERT);
	check_text(err.text, "has changed: known is sha256:");
	check_text(err.text, ", this one is sha256:");
	assert_int_equal(stat(known_file, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
	unlink(known_file);
	ident_free(&one);
	ident_free(&two);
}

/* ---- peers that are no good ---- */

static void test_plain_peer(void **state)
{
	static const char greeting[] = "220 mail.test ESMTP\r\n";
	struct tls_config c = config_for("mail.test");

	(void)state;
	for (size_t cut = 0; cut < sizeof(greeting) - 1; cut++) {
		struct error err = { 0 };
		struct tls *t = tls_new(&c, &err);
		int r = tls_handshake(t, &err);

		assert_int_equal(r, 0);
		if (cut) {
			tls_feed(t, (struct str){ greeting, cut });
			r = tls_handshake(t, &err);
			assert_int_equal(r, cut < 3 ? 0 : -1);
		}
		if (!r) {
			tls_feed(t, str_of(greeting + cut));
			r = tls_handshake(t, &err);
		}
		assert_int_equal(r, -1);
		assert_int_equal(err.kind, ERROR_TLS);
		check_text(err.text, "try tls = starttls");
		if (!cut)
			check_text(err.text, "('220 mail.test ESMTP')");
		tls_free(t);
	}
}

static int fed(const char *bytes, size_t n, bool eof, struct error *err)
{
	struct tls_config c = config_for("mail.test");
	struct tls *t = tls_new(&c, err);
	int r = tls_handshake(t, err);

	assert_int_equal(r, 0);
	tls_feed(t, (struct str){ bytes, n });
	if (eof)
		tls_feed(t, STR(""));
	r = tls_handshake(t, err);
	tls_free(t);
	return r;
}

static void test_bad_peers(void **state)
{
	struct error err = { 0 };

	(void)state;
	test_case = "bad peer";
	assert_int_equal(fed("", 0, true, &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	check_text(err.text, "closed by 'mail.test' during the TLS handshake");
	assert_int_equal(fed("\x16\x03\x03\x01\x00\x02", 6, true, &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	assert_int_equal(fed("\x15\x03\x03\x00\x02\x02\x28", 7, false, &err),
			 -1);
	assert_int_equal(err.kind, ERROR_TLS);
	check_text(err.text, "alert 'Handshake failed'");
	assert_int_equal(fed("SSH-2.0-OpenSSH_9\r\n", 19, false, &err), -1);
	assert_int_equal(err.kind, ERROR_TLS);
	assert_int_equal(fed("\x16\x03\x03\x00\x04\x02\x00\x00\x00", 9, false,
			     &err), -1);
	assert_int_equal(err.kind, ERROR_TLS);
}

static void test_old_version(void **state)
{
	struct tls_config c = config_for("mail.test");
	struct error err = { 0 };
	struct peer p;
	struct tls *t = tls_new(&c, &err);

	(void)state;
	test_case = "TLS 1.0";
	peer_init(&p, &good, "NORMAL:-VERS-ALL:+VERS-TLS1.0:+SHA1");
	assert_int_equal(shake(t, &p, 65536, &err), -1);
	assert_int_equal(err.kind, ERROR_TLS);
	check_text(err.text, "'mail.test'");
	tls_free(t);
	peer_release(&p);
}

/* Whatever the priority string says, a peer without a certificate is none. */
static void test_anonymous(void **state)
{
	static const char anon[] =
		"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH";
	struct tls_config c = config_for("mail.test");
	struct error err = { 0 };
	struct peer p;
	struct tls *t;

	(void)state;
	test_case = "anonymous";
	c.priority = anon;
	t = tls_new(&c, &err);
	peer_init(&p, NULL, anon);
	assert_int_equal(shake(t, &p, 65536, &err), -1);
	assert_true(err.kind == ERROR_CERT || err.kind == ERROR_TLS);
	tls_free(t);
	peer_release(&p);
}

/* ---- configuration ---- */

static void test_config(void **state)
{
	struct tls_config c = config_for("mail.test");
	struct error err = { 0 };
	char empty[80];
	struct tls *t;
	FILE *f;

	(void)state;
	test_case = "config";
	c.priority = "NORMAL:+NONSENSE";
	assert_null(tls_new(&c, &err));
	assert_int_equal(err.kind, ERROR_CONFIG);
	check_text(err.text, "not understood at character 8: '+NONSENSE'");
	c.priority = "";
	c.trust = "/nonexistent/ca.pem";
	t = tls_new(&c, &err);
	assert_int_equal(tls_load_trust(t, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	check_text(err.text, "'/nonexistent/ca.pem': No such file");
	tls_free(t);
	snprintf(empty, sizeof(empty), "%s/empty", dir);
	f = fopen(empty, "w");
	fclose(f);
	c.trust = empty;
	t = tls_new(&c, &err);
	assert_int_equal(tls_load_trust(t, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	check_text(err.text, "has no certificate in it");
	tls_free(t);
	unlink(empty);
	c.trust = "system";
	t = tls_new(&c, &err);
	if (tls_load_trust(t, &err))
		check_text(err.text, "the system has no trusted CA");
	tls_free(t);
}

/* ---- application data ---- */

struct pair {
	struct peer p;
	struct tls *t;
};

static void pair_open(struct pair *x, const char *version)
{
	struct tls_config c = config_for("mail.test");
	struct error err = { 0 };

	peer_init(&x->p, &good, version);
	x->t = tls_new(&c, &err);
	assert_int_equal(shake(x->t, &x->p, 65536, &err), 1);
	assert_true(x->p.up);
}

static void pair_close(struct pair *x)
{
	tls_free(x->t);
	peer_release(&x->p);
}

static void to_client(struct pair *x)
{
	if (x->p.out.len)
		tls_feed(x->t, buf_str(&x->p.out));
	buf_reset(&x->p.out);
}

static void test_data(void **state)
{
	enum { SIZE = 300000 };
	static char sent[SIZE], got[SIZE];
	struct error err = { 0 };
	struct pair x;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		sent[i] = (char)(i * 7 + i / 256);
	pair_open(&x, TLS13);
	assert_int_equal(tls_write(x.t, (struct str){ sent, SIZE }, &err), 0);
	buf_add(&x.p.in, buf_str(tls_out(x.t)));
	while (n < SIZE) {
		ssize_t r = gnutls_record_recv(x.p.session, got + n, SIZE - n);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(sent, got, SIZE);

	assert_int_equal(gnutls_record_send(x.p.session, "hello", 5), 5);
	while (x.p.out.len > 1) {		/* all but the last octet */
		tls_feed(x.t, (struct str){ x.p.out.p, 1 });
		buf_drop(&x.p.out, 1);
		assert_int_equal(tls_read(x.t, got, 5, &err), TLS_AGAIN);
		assert_false(tls_pending(x.t));
	}
	to_client(&x);
	assert_true(tls_pending(x.t));
	assert_int_equal(tls_read(x.t, got, 2, &err), 2);
	assert_true(tls_pending(x.t));
	assert_int_equal(tls_read(x.t, got + 2, 9, &err), 3);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(tls_read(x.t, got, 9, &err), TLS_AGAIN);
	pair_close(&x);
}

static void test_end(void **state)
{
	struct error err = { 0 };
	struct pair x;
	char b[9];

	(void)state;
	for (int polite = 0; polite < 2; polite++) {
		pair_open(&x, polite ? TLS12 : TLS13);
		assert_int_equal(gnutls_record_send(x.p.session, "250", 3), 3);
		if (polite)
			gnutls_bye(x.p.session, GNUTLS_SHUT_WR);
		to_client(&x);
		if (!polite)		/* and a record that is cut */
			tls_feed(x.t, STR("\x17\x03\x03\x00\x40xyz"));
		tls_feed(x.t, STR(""));
		assert_int_equal(tls_read(x.t, b, 9, &err), 3);
		assert_int_equal(tls_read(x.t, b, 9, &err), 0);
		assert_int_equal(tls_read(x.t, b, 9, &err), 0);
		tls_bye(x.t);
		assert_true(tls_out(x.t)->len > 0);
		pair_close(&x);
	}
}

static void test_broken_data(void **state)
{
	struct error err = { 0 };
	struct pair x;
	char b[9];

	(void)state;
	pair_open(&x, TLS13);
	test_case = "alert";
	gnutls_alert_send(x.p.session, GNUTLS_AL_FATAL,
			  GNUTLS_A_ACCESS_DENIED);
	to_client(&x);
	assert_int_equal(tls_read(x.t, b, 9, &err), -1);
	assert_int_equal(err.kind, ERROR_TLS);
	check_text(err.text, "alert 'Access was denied'");
	pair_close(&x);

	pair_open(&x, TLS13);
	test_case = "flipped bit";
	assert_int_equal(gnutls_record_send(x.p.session, "hello", 5), 5);
	x.p.out.p[x.p.out.len - 1] ^= 1;
	to_client(&x);
	assert_int_equal(tls_read(x.t, b, 9, &err), -1);
	assert_int_equal(err.kind, ERROR_TLS);
	pair_close(&x);
}

/* A wish to renegotiate is declined, and the conversation goes on. */
static void test_renegotiation(void **state)
{
	struct error err = { 0 };
	struct pair x;
	char b[9];
	int r;

	(void)state;
	pair_open(&x, TLS12);
	assert_int_equal(gnutls_rehandshake(x.p.session), 0);
	to_client(&x);
	assert_int_equal(tls_read(x.t, b, 9, &err), TLS_AGAIN);
	buf_add(&x.p.in, buf_str(tls_out(x.t)));
	r = gnutls_handshake(x.p.session);
	assert_int_equal(r, GNUTLS_E_WARNING_ALERT_RECEIVED);
	assert_int_equal(gnutls_alert_get(x.p.session),
			 GNUTLS_A_NO_RENEGOTIATION);
	pair_close(&x);
}

/* Nor are answers piled up for a relay that asks without end. */
static void test_renegotiation_without_end(void **state)
{
	struct error err = { 0 };
	ptrdiff_t r = TLS_AGAIN;
	struct pair x;
	char b[9];
	int n = 0;

	(void)state;
	pair_open(&x, TLS12);
	for (; r == TLS_AGAIN && n < 100; n++) {
		assert_int_equal(gnutls_rehandshake(x.p.session), 0);
		to_client(&x);
		r = tls_read(x.t, b, 9, &err);
	}
	assert_int_equal(r, -1);
	assert_int_equal(err.kind, ERROR_TLS);
	check_text(err.text, "again and again");
	assert_true(tls_out(x.t)->len < 1000);
	pair_close(&x);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
	snprintf(known_file, sizeof(known_file), "%s/known", dir);
	ca = ident_new(&(struct ident_spec){ .cn = "Test CA", .ca = true });
	good = ident_new(&good_spec);
	ident_save(&ca, ca_file);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(ca_file);
	unlink(known_file);
	ident_free(&ca);
	ident_free(&good);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_issuers),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_tofu),
		cmocka_unit_test(test_plain_peer),
		cmocka_unit_test(test_bad_peers),
		cmocka_unit_test(test_old_version),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_broken_data),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_renegotiation_without_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
