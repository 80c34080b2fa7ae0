#include "net/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

static char dir[] = "/tmp/test-identity.XXXXXX";
static char path_text[8][80];

/* DIR/name; eight at a time. */
static const char *path(const char *name)
{
	static unsigned next;
	char *p = path_text[next++ % 8];

	snprintf(p, sizeof(path_text[0]), "%s/%s", dir, name);
	return p;
}

static void put(const char *name, const char *text, size_t n, mode_t mode)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_key(const struct ident *id, const char *name,
		    const char *password, mode_t mode)
{
	char pem[4096];
	size_t n = sizeof(pem);

	must(gnutls_x509_privkey_export_pkcs8(id->key, GNUTLS_X509_FMT_PEM,
		password, password ? GNUTLS_PKCS_PBES2_AES_256 :
		GNUTLS_PKCS_PLAIN, pem, &n), "key");
	put(name, pem, n, mode);
}

static void put_both(const struct ident *id, const char *name, mode_t mode)
{
	char pem[8192];
	size_t n = sizeof(pem);
	size_t m;

	must(gnutls_x509_crt_export(id->crt, GNUTLS_X509_FMT_PEM, pem, &n),
	     "certificate");
	m = sizeof(pem) - n;
	must(gnutls_x509_privkey_export_pkcs8(id->key, GNUTLS_X509_FMT_PEM,
		NULL, GNUTLS_PKCS_PLAIN, pem + n, &m), "key");
	put(name, pem, n + m, mode);
}

static const char *password;		/* NULL: there is none */
static int asked;

static int unlock(void *ctx, char *to, size_t max, struct error *err)
{
	assert_ptr_equal(ctx, &asked);
	assert_int_equal(max, IDENTITY_SECRET_MAX);
	asked++;
	if (!password)
		return error_set(err, ERROR_CONFIG, "nobody knows");
	snprintf(to, max, "%s", password);
	return 0;
}

static const struct row {
	const char *cert, *key;
	const char *password;
	int asked;
	enum error_kind kind;
	const char *says;
} rows[] = {
	{ "a.pem", "a.key", NULL, 0, 0, NULL },
	{ "both.pem", "", NULL, 0, 0, NULL },
	{ "chain.pem", "a.key", NULL, 0, 0, NULL },
	{ "a.pem", "a.enc", "sesame", 1, 0, NULL },
	{ "a.pem", "a.enc", "Sesame", 1, ERROR_AUTH, "the password of '" },
	{ "a.pem", "a.enc", "", 1, ERROR_AUTH, "the password of '" },
	{ "a.pem", "a.enc", NULL, 1, ERROR_CONFIG,
	  "a.enc' is encrypted: nobody knows" },
	{ "a.pem", "b.key", NULL, 0, ERROR_CONFIG, "is not that of the "
	  "certificate" },
	{ "a.pem", "open.key", NULL, 0, ERROR_PERM, "chmod 600" },
	{ "openboth.pem", "", NULL, 0, ERROR_PERM, "chmod 600" },
	{ "a.pem", "", NULL, 0, ERROR_CONFIG, "has no private key in it (PEM)"
	  ": set tls_key" },
	{ "a.key", "a.key", NULL, 0, ERROR_CONFIG, "no certificate in it" },
	{ "missing", "a.key", NULL, 0, ERROR_CONFIG, "tls_cert: '" },
	{ "a.pem", "missing", NULL, 0, ERROR_CONFIG, "does not exist" },
	{ "empty", "a.key", NULL, 0, ERROR_CONFIG, "no certificate in it" },
	{ "a.pem", "empty", NULL, 0, ERROR_CONFIG, "no private key in it" },
	{ "junk", "a.key", NULL, 0, ERROR_CONFIG, "tls_cert: '" },
	{ "a.pem", "junk.key", NULL, 0, ERROR_CONFIG, "tls_key: '" },
	{ "a.pem", "junk.enc", "x", 1, ERROR_AUTH, "the password of '" },
	{ "backwards.pem", "a.key", NULL, 0, ERROR_CONFIG, "first" },
	{ ".", "a.key", NULL, 0, ERROR_CONFIG, "is a directory" },
};

static struct identity *load(const struct row *r, bool locked,
			     struct error *err)
{
	struct identity_config c = {
		.cert = path(r->cert), .key = *r->key ? path(r->key) : "",
		.unlock = locked ? NULL : unlock, .ctx = &asked
	};

	asked = 0;
	password = r->password;
	return identity_new(&c, err);
}

static void files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct error err = { 0 };
		struct identity *id = load(r, false, &err);

		if (!id != !!r->says || err.kind != r->kind ||
		    (r->says && !strstr(err.text, r->says)))
			fail_msg("%s, %s: kind %d '%s'", r->cert, r->key,
				 err.kind, err.text);
		if (asked != r->asked)
			fail_msg("%s, %s: asked %d", r->cert, r->key, asked);
		identity_free(id);
	}
}

/* Without a way to a password all is checked that needs none. */
static void locked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		bool good = !r->says || r->asked;
		struct error err = { 0 };
		struct identity *id = load(r, true, &err);

		if (!id != !good || err.kind != (good ? 0 : r->kind))
			fail_msg("%s, %s: kind %d '%s'", r->cert, r->key,
				 err.kind, err.text);
		assert_int_equal(asked, 0);
		identity_free(id);
	}
}

/* No cut of a file is loaded, and none does harm. */
static void cuts(void **state)
{
	static const struct row r = { "a.pem", "cut", NULL, 0, 0, NULL };
	char pem[4096];
	int fd = open(path("a.key"), O_RDONLY);
	ssize_t n = read(fd, pem, sizeof(pem));

	(void)state;
	close(fd);
	assert_true(n > 100);
	n -= (ssize_t)strlen("\n-----END PRIVATE KEY-----\n");
	for (ssize_t i = 0; i < n; i += 3) {
		struct error err = { 0 };
		struct identity *id;

		put("cut", pem, (size_t)i, 0600);
		id = load(&r, false, &err);
		if (id)
			fail_msg("%zd octets of a key were enough", i);
		assert_int_equal(err.kind, ERROR_CONFIG);
	}
}

static int begin(void **state)
{
	struct ident ca, a, b;
	char pem[8192], more[4096];
	size_t n = sizeof(pem), m = sizeof(more);

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	ca = ident_new(&(struct ident_spec){ .cn = "CA", .ca = true });
	a = ident_new(&(struct ident_spec){ .cn = "a", .issuer = &ca });
	b = ident_new(&(struct ident_spec){ .cn = "b" });
	ident_save(&a, path("a.pem"));
	put_key(&a, "a.key", NULL, 0600);
	put_key(&a, "open.key", NULL, 0644);
	put_key(&a, "a.enc", "sesame", 0644);
	put_key(&b, "b.key", NULL, 0600);
	put_both(&a, "both.pem", 0600);
	put_both(&a, "openboth.pem", 0640);
	must(gnutls_x509_crt_export(a.crt, GNUTLS_X509_FMT_PEM, pem, &n), "a");
	must(gnutls_x509_crt_export(ca.crt, GNUTLS_X509_FMT_PEM, more, &m),
	     "ca");
	memcpy(pem + n, more, m);
	put("chain.pem", pem, n + m, 0644);
	memmove(pem + m, pem, n);
	memcpy(pem, more, m);
	put("backwards.pem", pem, n + m, 0644);
	put("empty", "", 0, 0600);
	put("junk", "\0\xff-----BEGIN", 12, 0600);
	put("junk.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END PRIVATE KEY-----\n", 59, 0600);
	put("junk.enc", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
	    "-----END ENCRYPTED PRIVATE KEY-----\n", 79, 0600);
	ident_free(&ca);
	ident_free(&a);
	ident_free(&b);
	return 0;
}

static int end(void **state)
{
	static const char *const names[] = {
		"a.pem", "a.key", "open.key", "a.enc", "b.key", "both.pem",
		"openboth.pem", "chain.pem", "backwards.pem", "empty", "junk",
		"junk.key", "junk.enc", "cut"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(path(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(locked),
		cmocka_unit_test(cuts),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
