/*
 * What is left of a secret in this process's memory once it should be gone:
 * every page is looked through.  The secret itself is never a constant here
 * but made by a formula, so that only what the code under test keeps is found.
 */
#include "conf/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"
#include "sasl/sasl.h"
#include "smtp/session.h"
#include "sys/clock.h"
#include "sys/locked.h"
#include "util/base64.h"
#include "util/buf.h"

enum { LENGTH = 48, PIECE = 1 << 20, REGION_MAX = 256 << 20 };

static char dir[] = "/tmp/residue-XXXXXX";
static char path[64];

/* Octet i of the secret. */
static char octet(size_t i)
{
	return (char)('A' + (i * 7 + i / 5 * 3) % 26);
}

/* Octet i of what base64 makes of it, by itself: LENGTH is whole groups. */
static char octet64(size_t i)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t w = (uint32_t)octet(i / 4 * 3) << 16 |
		     (uint32_t)octet(i / 4 * 3 + 1) << 8 |
		     (uint32_t)octet(i / 4 * 3 + 2);

	return digits[w >> (18 - i % 4 * 6) & 63];
}

/*
 * From the 16th octet on: what free() puts over the first 16 does not make
 * a copy harmless.
 */
enum { FROM = 16, ENOUGH = 16 };

static bool is_at(const char *p, char (*f)(size_t))
{
	for (size_t i = 0; i < ENOUGH; i++)
		if (p[i] != f(FROM + i))
			return false;
	return true;
}

static size_t count_in(const char *p, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i + ENOUGH <= n; i++)
		found += is_at(p + i, octet) || is_at(p + i, octet64);
	return found;
}

/*
 * The address sanitizer keeps what was freed, and has terabytes that would have
 * to be looked through: with it the same is done without a look.
 */
extern void __asan_init(void) __attribute__((weak));

static bool blind(void)
{
	return __asan_init != NULL;
}

/* The stack below us has what functions left there that have returned. */
static size_t copies(void)
{
	char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	size_t found = 0;
	char line[512], mode[8];

	assert_true(piece != MAP_FAILED && mem >= 0 && maps);
	if (blind())
		goto out;
	while (fgets(line, sizeof(line), maps)) {
		assert_int_equal(sscanf(line, "%lx-%lx %7s", &from, &to, mode),
				 3);
		if (mode[0] != 'r' || mode[1] != 'w' || to - from > REGION_MAX)
			continue;
		for (; from < to; from += PIECE - LENGTH) {
			size_t want = to - from < PIECE ? to - from : PIECE;
			ssize_t n;

			/* Ours may be in one mapping with its neighbours. */
			if ((uintptr_t)piece < from + want &&
			    from < (uintptr_t)piece + PIECE)
				continue;
			n = pread(mem, piece, want, (off_t)from);
			if (n > 0)
				found += count_in(piece, (size_t)n);
		}
	}
out:
	fclose(maps);
	close(mem);
	munmap(piece, PIECE);
	return found;
}

static void add_secret(struct buf *b)
{
	for (size_t i = 0; i < LENGTH; i++)
		buf_addch(b, octet(i));
}

/* "before SECRET after", in a private file. */
static void write_file(const char *before, const char *after)
{
	struct buf text;
	int fd;

	locked_buf(&text, 4096);
	buf_addz(&text, before);
	add_secret(&text);
	buf_addz(&text, after);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text.p, text.len), text.len);
	close(fd);
	locked_buf_release(&text);
}

/* Memory that is not ours any more; the sanitizer would say so. */
__attribute__((no_sanitize("address"), noinline))
static void overwrite(volatile char *p, size_t n)
{
	while (n-- > FROM)
		p[n] = 'x';
}

/* Does it see one at all: locked, on the heap, freed, and as base64? */
static void the_search_finds(void **state)
{
	char *p;
	struct buf b;

	(void)state;
	if (blind())
		skip();
	assert_int_equal(copies(), 0);
	p = locked_alloc(LENGTH);
	for (size_t i = 0; i < LENGTH; i++)
		p[i] = octet(i);
	assert_int_equal(copies(), 1);
	locked_free(p, LENGTH);
	assert_int_equal(copies(), 0);
	buf_init(&b, 100);
	buf_room(&b, 100);
	for (size_t i = 0; i < LENGTH / 3 * 4; i++)
		buf_addch(&b, octet64(i));
	assert_int_equal(copies(), 1);
	/* Freed memory is looked at, too; what it was is wiped here. */
	b.len = 0;
	p = b.p;
	buf_release(&b);
	assert_int_equal(copies(), 1);
	overwrite(p, LENGTH / 3 * 4);
	assert_int_equal(copies(), 0);
}

static const char section[] = "[account work]\nhost = mx\nuser = u\n";

static void load(struct config *c, const char *key, const char *after)
{
	struct error err = { 0 };
	char before[200];

	snprintf(before, sizeof(before), "%s%s = \"", section, key);
	write_file(before, after);
	if (config_load(c, path, &err))
		fail_msg("%s", err.text);
}

/* One copy, in its own pages, from the file to the end of the settings. */
static void of_the_configuration(void **state)
{
	static const char *const keys[] = { "password", "tls_key_password" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t before = copies();
		struct config c;

		load(&c, keys[i], "\"\n");
		assert_int_equal(copies(), before + !blind());
		config_release(&c);
		assert_int_equal(copies(), before);
	}
}

static void of_a_configuration_with_errors(void **state)
{
	static const char *const after[] = {
		"\"; x\n[account work]\n",	"\nnonsense\n",
		"\"\npassword = again\n",	"\"\nunknown_key = x\n",
		"\"\nport = 99999\n",		"\" x\n", "\"\"\n", "\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		size_t before = copies();
		struct error err = { 0 };
		struct config c;

		write_file("[account work]\nhost = mx\npassword = \"",
			   after[i]);
		assert_int_equal(config_load(&c, path, &err), -1);
		config_release(&c);
		if (copies() != before)
			fail_msg("row %zu: %s", i, err.text);
	}
}

static void get(struct config *c, struct secret *s)
{
	const struct secret_ways ways = { .fd = -1 };
	struct error err = { 0 };
	struct secret_source *src;

	src = secret_begin(&c->accounts[0], SECRET_LOGIN, &ways, &err);
	if (!src || secret_finish(src, clock_after(10), s, &err))
		fail_msg("%s", err.text);
}

/* By a file, a command and netrc: where the file has it, or what follows. */
static void of_a_source(void **state)
{
	static const struct { const char *key, *before, *after; } rows[] = {
		{ "password_file", "", "\n" },
		{ "password_command", "", "\n" },
		{ "netrc", "machine mx login u password ", "\n" },
		{ "netrc", "machine x password y\n"
		  "machine mx login u password \"", "\"\nmachine z" },
	};
	char conf[80];

	(void)state;
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t before = copies();
		FILE *f = fopen(conf, "we");
		struct secret s = { 0 };
		struct error err = { 0 };
		struct config c;

		assert_non_null(f);
		fputs(section, f);
		fprintf(f, "%s = %s%s\n", rows[i].key,
			strstr(rows[i].key, "command") ? "cat " : "", path);
		fclose(f);
		write_file(rows[i].before, rows[i].after);
		assert_int_equal(config_load(&c, conf, &err), 0);
		get(&c, &s);
		if (copies() != before + !blind())
			fail_msg("row %zu: %zu copies", i, copies() - before);
		secret_release(&s);
		if (copies() != before)
			fail_msg("row %zu: it stays", i);
		config_release(&c);
	}
	unlink(conf);
}

static void say(struct session *s, const char *line)
{
	session_recv(s, str_of(line));
}

/* Up to the point where the relay has offered what it knows. */
static void log_in(struct session *s, const char *mech)
{
	char line[100];

	say(s, "220 mx\r\n");
	session_sent(s, session_output(s).n);
	snprintf(line, sizeof(line), "250-mx\r\n250 AUTH %s\r\n", mech);
	say(s, line);
}

/* The relay's first word to a client whose nonce is in what it said. */
static void scram_first(char line[200], struct str said)
{
	struct buf plain, text;
	const char *nonce;

	buf_init(&plain, 1000);
	buf_init(&text, 1000);
	said.p += strlen("AUTH SCRAM-SHA-256 ");
	said.n -= strlen("AUTH SCRAM-SHA-256 ") + 2;
	assert_int_equal(base64_decode(&plain, said), 0);
	nonce = strstr(buf_cstr(&plain), "r=");
	assert_non_null(nonce);
	buf_addf(&text, "%sxyz,s=c2FsdA==,i=4096", nonce);
	buf_reset(&plain);
	base64_encode(&plain, buf_str(&text));
	snprintf(line, 200, "334 %s\r\n", buf_cstr(&plain));
	buf_release(&plain);
	buf_release(&text);
}

static void of_a_login(void **state)
{
	static const struct { const char *mech, *challenge[4]; } rows[] = {
		{ "PLAIN", { NULL } },
		{ "LOGIN", { "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n",
			     NULL } },
		{ "CRAM-MD5", { "334 PDE3ODkzLjEzMjA2NzkxMjNAdG9zaGliYT4=\r\n",
				NULL } },
		/* Ours to be proved at least, whatever becomes of its. */
		{ "SCRAM-SHA-256", { "", NULL } },
		{ "DIGEST-MD5", { "334 cmVhbG09Im14Iixub25jZT0iT0E2TUc5dEVRR20y"
				  "aGgiLHFvcD0iYXV0aCIsYWxnb3JpdGhtPW1kNS1zZXNz"
				  "LGNoYXJzZXQ9dXRmLTg=\r\n", NULL } },
		{ "XOAUTH2", { NULL } },
		{ "OAUTHBEARER", { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct session_config sc = { .helo = "me", .auth = true };
		size_t before = copies();
		struct secret secret = { 0 };
		struct sasl_config config;
		struct error err = { 0 };
		struct session s;
		struct config c;
		struct sasl *sasl;
		size_t during;

		load(&c, "password", "\"\n");
		get(&c, &secret);
		config = (struct sasl_config){
			.mechs = rows[i].mech, .user = "u", .authzid = "",
			.host = "mx", .port = 25,
			.secret = secret_str(&secret), .secure = true,
			.is_token = strstr(rows[i].mech, "OAUTH") != NULL,
		};
		session_init(&s, &sc);
		log_in(&s, rows[i].mech);
		sasl = sasl_new(&config, &err);
		assert_non_null(sasl);
		assert_int_equal(session_want(&s), WANT_AUTH);
		session_auth(&s, sasl_auth(sasl));
		for (size_t k = 0; rows[i].challenge[k]; k++) {
			char first[200] = "";

			if (!*rows[i].challenge[k])
				scram_first(first, session_output(&s));
			session_sent(&s, session_output(&s).n);
			say(&s, *first ? first : rows[i].challenge[k]);
		}
		/* An answer, and not "*" or QUIT. */
		assert_true(session_output(&s).n > 20);
		session_sent(&s, session_output(&s).n);
		say(&s, "235 in\r\n");
		during = copies() - before;
		sasl_free(sasl);
		secret_release(&secret);
		config_release(&c);
		/* The session goes on, and may for long. */
		if (copies() != before)
			fail_msg("%s: %zu copies stay (%zu before)",
				 rows[i].mech, copies() - before, during);
		session_release(&s);
	}
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/file", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_finds),
		cmocka_unit_test(of_the_configuration),
		cmocka_unit_test(of_a_configuration_with_errors),
		cmocka_unit_test(of_a_source),
		cmocka_unit_test(of_a_login),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
