#include "net/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/crc32c.h"

static char dir[] = "/tmp/test-ticket.XXXXXX";
static char name[TICKET_NAME];
static const char *test_case = "";

static void path_of(char *to, const char *base)
{
	snprintf(to, 200, "%s/a/b/%s", dir, base);
}

/* ---- the octets ---- */

static struct ticket sample(const char *session)
{
	struct ticket t;

	ticket_init(&t);
	t.judged = 1795000000;
	t.cert = (struct tls_cert){
		.subject = strdup("CN=mail.test"), .issuer = strdup("CN=CA"),
		.names = strdup("mail.test, 192.0.2.1"),
		.fingerprint = strdup("sha256:00"), .pin = strdup("sha256:AA="),
		.from = 1790000000, .until = 1800000000
	};
	buf_add(&t.session, str_of(session));
	return t;
}

static struct buf image(const char *session)
{
	struct ticket t = sample(session);
	struct buf b;

	buf_init(&b, TICKET_MAX);
	ticket_format(&b, &t);
	ticket_release(&t);
	return b;
}

/* Put the sum right. */
static void mend(struct buf *b)
{
	struct crc32c c;
	uint32_t sum;

	crc32c_init(&c);
	crc32c_add(&c, (struct str){ b->p, b->len - 4 });
	sum = crc32c_value(&c);
	for (int i = 0; i < 4; i++)
		b->p[b->len - 4 + i] = (char)(sum >> (24 - 8 * i));
}

static bool parses(struct str s)
{
	struct ticket t;
	bool ok;

	ticket_init(&t);
	ok = ticket_parse(&t, s);
	if (!ok) {			/* nothing is left of it */
		assert_int_equal(t.session.len, 0);
		assert_null(t.cert.subject);
	}
	ticket_release(&t);
	return ok;
}

static void test_round_trip(void **state)
{
	struct buf b = image("secret \1\2");
	struct ticket t;

	(void)state;
	ticket_init(&t);
	assert_true(ticket_parse(&t, buf_str(&b)));
	assert_int_equal(t.judged, 1795000000);
	assert_int_equal(t.cert.from, 1790000000);
	assert_int_equal(t.cert.until, 1800000000);
	assert_string_equal(t.cert.subject, "CN=mail.test");
	assert_string_equal(t.cert.issuer, "CN=CA");
	assert_string_equal(t.cert.names, "mail.test, 192.0.2.1");
	assert_string_equal(t.cert.fingerprint, "sha256:00");
	assert_string_equal(t.cert.pin, "sha256:AA=");
	assert_true(str_eq(buf_str(&t.session), str_of("secret \1\2")));
	ticket_release(&t);
	buf_release(&b);
}

static void test_cut_and_flipped(void **state)
{
	struct buf b = image("0123456789");

	(void)state;
	assert_true(parses(buf_str(&b)));
	for (size_t n = 0; n < b.len; n++) {
		assert_false(parses((struct str){ b.p, n }));
		for (unsigned bit = 0; bit < 8; bit++) {
			b.p[n] = (char)(b.p[n] ^ 1 << bit);
			assert_false(parses(buf_str(&b)));
			b.p[n] = (char)(b.p[n] ^ 1 << bit);
		}
	}
	buf_addch(&b, '\0');
	assert_false(parses(buf_str(&b)));
	buf_release(&b);
}

/*
 * A sum does not help against lengths that were wrong before it was made: the
 * parser has to stand any, so each octet is set to each of a few values.
 */
static void test_made(void **state)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct buf b = image("x");
	unsigned good = 0, bad = 0;

	(void)state;
	for (size_t n = 0; n < b.len - 4; n++)
		for (size_t i = 0; i < sizeof(values); i++) {
			char was = b.p[n];

			b.p[n] = (char)values[i];
			mend(&b);
			if (parses(buf_str(&b)))
				good++;
			else
				bad++;
			b.p[n] = was;
		}
	assert_true(good > 100 && bad > 100);
	buf_release(&b);
}

static void test_sizes(void **state)
{
	char *long_text = malloc(TICKET_MAX + 1);
	struct ticket t = sample("");
	struct buf b;

	(void)state;
	memset(long_text, 'x', TICKET_MAX);
	long_text[TICKET_MAX] = '\0';
	buf_init(&b, TICKET_MAX);
	ticket_format(&b, &t);		/* no session: nothing to resume */
	assert_false(parses(buf_str(&b)));
	buf_reset(&b);
	free(t.cert.names);
	t.cert.names = long_text;
	buf_addch(&t.session, 's');
	ticket_format(&b, &t);
	assert_true(b.over);
	ticket_release(&t);
	buf_release(&b);
}

/* ---- the name ---- */

static const struct {
	const char *what;
	size_t at;
} texts[] = {
	{ "host", offsetof(struct tls_config, host) },
	{ "domain", offsetof(struct tls_config, domain) },
	{ "priority", offsetof(struct tls_config, priority) },
	{ "trust", offsetof(struct tls_config, trust) },
	{ "known_as", offsetof(struct tls_config, known_as) },
	{ "pins", offsetof(struct tls_config, pins) },
	{ "fingerprints", offsetof(struct tls_config, fingerprints) },
	{ "crl", offsetof(struct tls_config, crl) },
	{ "cert", offsetof(struct tls_config, cert) },
	{ "key", offsetof(struct tls_config, key) },
	{ "for", offsetof(struct tls_config, ticket_for) },
};

static void differ(const struct tls_config *a, const struct tls_config *b)
{
	char one[TICKET_NAME], two[TICKET_NAME];

	ticket_name(one, a);
	ticket_name(two, b);
	if (!strcmp(one, two)) {
		fprintf(stderr, "%s: one name\n", test_case);
		fail();
	}
}

static void test_names(void **state)
{
	struct tls_config c = { .host = "mail.test", .trust = "system" }, d;
	char one[TICKET_NAME], two[TICKET_NAME];

	(void)state;
	ticket_name(one, &c);
	ticket_name(two, &c);
	assert_string_equal(one, two);
	assert_int_equal(strlen(one), TICKET_NAME - 1);
	assert_int_equal(strspn(one, "0123456789abcdef"), TICKET_NAME - 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		test_case = texts[i].what;
		d = c;
		*(const char **)(void *)((char *)&d + texts[i].at) = "else";
		differ(&c, &d);
	}
	d = c;
	d.dane = 1;
	test_case = "dane";
	differ(&c, &d);
	d = c;
	d.only_pins = true;
	test_case = "only pins";
	differ(&c, &d);
	test_case = "what is in which";
	c.pins = "a,1:b";
	c.fingerprints = "";
	d = c;
	d.pins = "a";
	d.fingerprints = "b";
	differ(&c, &d);
}

/* Each file that is named counts with its state. */
static void test_named_files(void **state)
{
	static const size_t at[] = {
		offsetof(struct tls_config, trust),
		offsetof(struct tls_config, crl),
		offsetof(struct tls_config, cert),
		offsetof(struct tls_config, key)
	};
	char file[200], before[TICKET_NAME], after[TICKET_NAME];
	const struct timespec old[2] = { { 1, 0 }, { 1, 0 } };

	(void)state;
	snprintf(file, sizeof(file), "%s/named", dir);
	for (size_t i = 0; i < 4; i++) {
		struct tls_config c = { .host = "mail.test", .trust = "" };
		int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);

		*(const char **)(void *)((char *)&c + at[i]) = file;
		ticket_name(before, &c);
		assert_int_equal(write(fd, "x", 1), 1);
		ticket_name(after, &c);
		assert_string_not_equal(before, after);
		futimens(fd, old);
		ticket_name(before, &c);
		assert_string_not_equal(before, after);
		close(fd);
		unlink(file);
		ticket_name(after, &c);
		assert_string_not_equal(before, after);
	}
}

/* ---- the directory ---- */

static bool loads(const char *in)
{
	struct ticket t;
	bool ok;

	ticket_init(&t);
	ok = ticket_load(&t, in, name);
	ticket_release(&t);
	return ok;
}

static void test_files(void **state)
{
	struct ticket t = sample("session");
	char in[200], file[200];
	struct stat st;

	(void)state;
	snprintf(in, sizeof(in), "%s/a/b", dir);
	path_of(file, name);
	assert_false(loads(in));
	ticket_save(&t, in, name);
	assert_int_equal(stat(in, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(loads(in));
	chmod(file, 0640);
	assert_false(loads(in));
	assert_int_equal(access(file, F_OK), -1);
	ticket_save(&t, in, name);
	chmod(in, 0750);
	assert_false(loads(in));
	ticket_remove(in, name);	/* not from there */
	assert_int_equal(access(file, F_OK), 0);
	chmod(in, 0700);
	assert_true(loads(in));
	ticket_remove(in, name);
	assert_false(loads(in));
	ticket_release(&t);
}

static void test_directory(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	setenv("HOME", "/home/x", 1);
	unsetenv("XDG_CACHE_HOME");
	ticket_directory(&b);
	assert_string_equal(buf_cstr(&b), "/home/x/.cache/posthaste/tls");
	buf_reset(&b);
	setenv("XDG_CACHE_HOME", "relative", 1);
	ticket_directory(&b);
	assert_string_equal(buf_cstr(&b), "/home/x/.cache/posthaste/tls");
	buf_reset(&b);
	setenv("XDG_CACHE_HOME", "/c", 1);
	ticket_directory(&b);
	assert_string_equal(buf_cstr(&b), "/c/posthaste/tls");
	buf_reset(&b);
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", "x", 1);
	ticket_directory(&b);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_and_flipped),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_named_files),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_directory),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	memset(name, 'a', TICKET_NAME - 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (int i = 0; i < 4; i++) {
		char path[200];
		static const char *const left[] = { "a/b/x", "a/b", "a", "" };

		snprintf(path, sizeof(path), "%s/%s", dir, left[i]);
		remove(path);
	}
	return failed;
}
