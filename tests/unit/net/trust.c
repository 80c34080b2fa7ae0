/* Who is believed: pins, fingerprints, a domain's names, lists of the revoked. */
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
#define OTHER_PIN "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OTHER_PRINT "sha256:" \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char dir[] = "/tmp/test-trust.XXXXXX";
static char ca_file[64], narrow_file[64], known_file[64], crl_file[64];
static struct ident ca, narrow;
static char pin[80], print[80];		/* of the last relay met */

static struct tls_config config_for(const char *host)
{
	return (struct tls_config){
		.host = host, .trust = ca_file, .priority = "",
		.known_file = known_file, .known_as = "mail.test:465",
		.verify = true
	};
}

/* Meet a relay with this certificate; 1, or -1 with *err. */
static int meet(const struct tls_config *c, const struct ident *id,
		const char *version, struct error *err)
{
	struct peer p;
	struct tls *t = tls_new(c, err);
	int r;

	assert_non_null(t);
	peer_init(&p, id, version);
	r = tls_handshake(t, err);
	for (int i = 0; i < 8 && r >= 0; i++) {
		buf_add(&p.in, buf_str(tls_out(t)));
		buf_reset(tls_out(t));
		peer_step(&p);
		tls_feed(t, p.out.len ? buf_str(&p.out) : STR("") );
		if (!p.out.len)
			break;
		buf_reset(&p.out);
		r = tls_handshake(t, err);
	}
	if (r < 0)
		assert_false(p.up);
	snprintf(pin, sizeof(pin), "%s", tls_info(t)->cert.pin);
	snprintf(print, sizeof(print), "%s", tls_info(t)->cert.fingerprint);
	tls_free(t);
	peer_release(&p);
	return r;
}

static void check(const char *what, const struct tls_config *c,
		  const struct ident *id, const char *says)
{
	static const char *const versions[] = { TLS13, TLS12 };

	for (size_t i = 0; i < 2; i++) {
		struct error err = { 0 };
		int r = meet(c, id, versions[i], &err);

		if (r != (says ? -1 : 1) ||
		    (says && (err.kind != ERROR_CERT ||
			      !strstr(err.text, says))))
			fail_msg("%s: %d, kind %d '%s'", what, r, err.kind,
				 err.text);
	}
}

/* ---- pins ---- */

static void pins(void **state)
{
	struct ident self = ident_new(&(struct ident_spec){
		.cn = "whoever", .from = -9, .until = -2 });
	struct ident good = ident_new(&(struct ident_spec){
		.cn = "x", .dns = { "mail.test" }, .issuer = &ca });
	struct tls_config c = config_for("mail.test");
	struct error err = { 0 };
	char two[300], message[400];

	(void)state;
	assert_int_equal(meet(&c, &self, TLS13, &err), -1);
	c.only_pins = true;
	c.trust = "/nonexistent";
	c.pins = pin;
	check("the key", &c, &self, NULL);
	snprintf(two, sizeof(two), "%s, sha256//%s", OTHER_PIN, pin + 7);
	c.pins = two;
	check("one of two keys", &c, &self, NULL);
	c.pins = OTHER_PIN;
	snprintf(message, sizeof(message), "the key of 'mail.test' is not one "
		 "of tls_pin: expected is " OTHER_PIN ", but its key is %s and "
		 "its certificate %s", pin, print);
	check("another key", &c, &self, message);
	c.fingerprints = print;
	check("the certificate, but another key", &c, &self, "tls_pin");
	c.pins = "";
	check("the certificate", &c, &self, NULL);
	c.fingerprints = print + 7;
	check("the certificate in bare digits", &c, &self, NULL);
	c.fingerprints = OTHER_PRINT;
	check("another certificate", &c, &self, "is not one of "
	      "tls_fingerprint: expected is " OTHER_PRINT);
	c.pins = pin;
	check("the key, but another certificate", &c, &self,
	      "tls_fingerprint");
	/* What cannot be read matches nothing. */
	c.fingerprints = "";
	c.pins = "sha256:x";
	check("no pin at all", &c, &self, "tls_pin");
	/* An authority besides: both have to agree. */
	c = config_for("mail.test");
	c.pins = pin;
	check("the key, but no authority", &c, &self, "is self-signed");
	c.pins = OTHER_PIN;
	check("the authority, but another key", &c, &good, "tls_pin");
	c.pins = pin;			/* which is good's by now */
	check("both", &c, &good, NULL);
	ident_free(&self);
	ident_free(&good);
}

/* Looking goes on, and says what is wrong. */
static void looking(void **state)
{
	struct ident good = ident_new(&(struct ident_spec){
		.cn = "x", .dns = { "mail.test" }, .issuer = &ca });
	struct tls_config c = config_for("mail.test");
	struct error err = { 0 };
	struct peer p;
	struct tls *t;

	(void)state;
	c.verify = false;
	c.only_pins = true;
	c.pins = OTHER_PIN;
	peer_init(&p, &good, TLS12);
	t = tls_new(&c, &err);
	while (tls_handshake(t, &err) == 0) {
		buf_add(&p.in, buf_str(tls_out(t)));
		buf_reset(tls_out(t));
		peer_step(&p);
		tls_feed(t, buf_str(&p.out));
		buf_reset(&p.out);
	}
	assert_int_equal(err.kind, 0);
	assert_non_null(strstr(tls_info(t)->trouble, "tls_pin"));
	tls_free(t);
	peer_release(&p);
	ident_free(&good);
}

/* With trust on first use a pin is asked as well, and first. */
static void pins_and_tofu(void **state)
{
	struct ident self = ident_new(&(struct ident_spec){ .cn = "x" });
	struct tls_config c = config_for("mail.test");
	FILE *f;

	(void)state;
	c.trust = "tofu";
	check("unknown", &c, &self, "not seen before");
	f = fopen(known_file, "w");
	assert_non_null(f);
	fprintf(f, "mail.test:465 %s\n", print);
	fclose(f);
	chmod(known_file, 0600);
	check("known", &c, &self, NULL);
	c.pins = OTHER_PIN;
	check("known, but another key", &c, &self, "tls_pin");
	unlink(known_file);
	ident_free(&self);
}

/* ---- a domain's names ---- */

static void domains(void **state)
{
	static const struct {
		const char *host, *domain;
		struct ident_spec id;
		const char *says;
	} rows[] = {
		{ "mx.host.test", "d.test", { .dns = { "mx.host.test" } },
		  NULL },
		{ "mx.host.test", "d.test", { .dns = { "D.test" } }, NULL },
		{ "", "d.test", { .dns = { "d.test" } }, NULL },
		{ "", "d.test", { .dns = { "mx.host.test" } },
		  "it is for mx.host.test, not for 'd.test'" },
		{ "mx.host.test", "d.test", { .dns = { "e.test" } },
		  "it is for e.test, not for 'mx.host.test' or its domain "
		  "'d.test'" },
		{ "", "d.test", { .srv = "_submissions.d.test" }, NULL },
		{ "", "d.test", { .srv = "_submission.D.TEST" }, NULL },
		{ "", "d.test", { .srv = "_imaps.d.test" },
		  "it is for _imaps.d.test, not for 'd.test'" },
		{ "", "d.test", { .srv = "_submissions.x.d.test" }, "not for" },
		{ "", "d.test", { .srv = "_submissions.*" }, "not for" },
		{ "", "d.test", { .srv = "d.test" }, "not for" },
		{ "", "d.test", { .cn = "d.test" }, "it names no host" },
		/* An SRV name is no name of a host's. */
		{ "d.test", "", { .srv = "_submissions.d.test" }, "not for" },
		{ "mail.test", "", { .dns = { "d.test" } }, "not for" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ident_spec spec = rows[i].id;
		struct tls_config c = config_for(rows[i].host);
		struct ident id;

		spec.cn = spec.cn ? spec.cn : "x";
		spec.issuer = &ca;
		id = ident_new(&spec);
		c.domain = rows[i].domain;
		check(rows[i].host, &c, &id, rows[i].says);
		ident_free(&id);
	}
}

/* An authority for other domains does not get around that by an SRV name. */
static void narrow_srv(void **state)
{
	static const struct { const char *srv, *says; } rows[] = {
		{ "_submissions.d.test", "not for 'd.test'" },
		{ "_submissions.mine.test", NULL },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ident id = ident_new(&(struct ident_spec){
			.cn = "mine.test", .srv = rows[i].srv,
			.issuer = &narrow });
		struct tls_config c = config_for("");

		c.trust = narrow_file;
		c.domain = i ? "mine.test" : "d.test";
		check(rows[i].srv, &c, &id, rows[i].says);
		ident_free(&id);
	}
}

/* ---- lists ---- */

static void append_list(const struct ident *by, int from, int until,
			const struct ident *revoked)
{
	time_t now = time(NULL);
	gnutls_datum_t pem;
	gnutls_x509_crl_t crl;
	FILE *f = fopen(crl_file, "a");

	must(gnutls_x509_crl_init(&crl), "list");
	must(gnutls_x509_crl_set_version(crl, 2), "list");
	must(gnutls_x509_crl_set_this_update(crl, now + from * DAY), "list");
	must(gnutls_x509_crl_set_next_update(crl, now + until * DAY), "list");
	if (revoked)
		must(gnutls_x509_crl_set_crt(crl, revoked->crt, now - DAY),
		     "list");
	must(gnutls_x509_crl_sign2(crl, by->crt, by->key, GNUTLS_DIG_SHA256,
				   0), "list");
	must(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem), "list");
	assert_non_null(f);
	assert_int_equal(fwrite(pem.data, 1, pem.size, f), pem.size);
	fclose(f);
	gnutls_free(pem.data);
	gnutls_x509_crl_deinit(crl);
}

static void lists(void **state)
{
	struct ident id = ident_new(&(struct ident_spec){
		.cn = "x", .dns = { "mail.test" }, .issuer = &ca });
	struct ident other = ident_new(&(struct ident_spec){
		.cn = "y", .dns = { "mail.test" }, .issuer = &ca });
	struct ident self = ident_new(&(struct ident_spec){
		.cn = "Test CA", .ca = true });
	struct tls_config c = config_for("mail.test");

	(void)state;
	c.crl = crl_file;
	append_list(&ca, -9, -2, &other);
	check("only an old one", &c, &id, "is out of date since 20");
	append_list(&ca, -1, 9, NULL);
	check("an old one and a new one", &c, &id, NULL);
	check("revoked by the old one", &c, &other, "has been revoked (CRL '");
	append_list(&self, -1, 9, &id);
	check("revoked by an impostor", &c, &id, NULL);
	append_list(&ca, 2, 9, &id);
	check("revoked in the future", &c, &id, "has been revoked");
	unlink(crl_file);
	append_list(&ca, 2, 9, NULL);
	check("from the future", &c, &id, "is from the future, 20");
	unlink(crl_file);
	append_list(&narrow, -1, 9, NULL);
	check("somebody else's", &c, &id, "has no list of its issuer "
	      "'CN=Test CA'");
	unlink(crl_file);
	ident_free(&id);
	ident_free(&other);
	ident_free(&self);
}

/* ---- setting up ---- */

static int begin(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
	snprintf(narrow_file, sizeof(narrow_file), "%s/narrow.pem", dir);
	snprintf(known_file, sizeof(known_file), "%s/known", dir);
	snprintf(crl_file, sizeof(crl_file), "%s/list.crl", dir);
	ca = ident_new(&(struct ident_spec){ .cn = "Test CA", .ca = true });
	narrow = ident_new(&(struct ident_spec){
		.cn = "Narrow CA", .ca = true, .limit = "mine.test" });
	ident_save(&ca, ca_file);
	ident_save(&narrow, narrow_file);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ident_free(&ca);
	ident_free(&narrow);
	unlink(ca_file);
	unlink(narrow_file);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pins),
		cmocka_unit_test(looking),
		cmocka_unit_test(pins_and_tofu),
		cmocka_unit_test(domains),
		cmocka_unit_test(narrow_srv),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
