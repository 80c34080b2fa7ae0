#include "conf/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/option.h"
#include "sys/clock.h"

static char dir[] = "/tmp/secret-XXXXXX";
static char file[64];

static void put(struct account *a, const char *key, const char *value)
{
	struct error err = { 0 };

	if (option_set(option_find(str_of(key)), a, str_of(value), &err))
		fail_msg("%s", err.text);
}

static void make(struct account *a, const char *key, const char *value)
{
	account_init(a);
	free(a->name);
	a->name = strdup("work");
	put(a, "host", "mx");
	put(a, "user", "u");
	if (key)
		put(a, key, value);
}

static void write_file(struct str text, mode_t mode)
{
	int fd;

	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int get(const struct account *a, int fd, unsigned seconds,
	       struct secret *out, struct error *err)
{
	struct secret_source *src = secret_begin(a, SECRET_LOGIN,
			&(struct secret_ways){ .fd = fd }, err);

	if (!src)
		return -1;
	return secret_finish(src, clock_after(seconds), out, err);
}

/* What a source gives, and the secret; want.p NULL: an error that says so. */
static const struct {
	const char *name;
	struct str gives, want;
	const char *says;
} rows[] = {
	{ "plain", STR("hunter2"), STR("hunter2"), NULL },
	{ "LF", STR("hunter2\n"), STR("hunter2"), NULL },
	{ "CRLF", STR("hunter2\r\n"), STR("hunter2"), NULL },
	{ "CR", STR("hunter2\r"), STR("hunter2\r"), NULL },
	{ "blanks", STR(" h 2 \n"), STR(" h 2 "), NULL },
	{ "punctuation", STR("a;b#c\"d'e\\f=%s$g`h\n"),
	  STR("a;b#c\"d'e\\f=%s$g`h"), NULL },
	{ "UTF-8", STR("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n"),
	  STR("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), NULL },
	{ "not UTF-8", STR("\xff\xfe\n"), STR("\xff\xfe"), NULL },
	{ "empty", { "", 0 }, { NULL, 0 }, "gives nothing" },
	{ "only a line end", STR("\r\n"), { NULL, 0 }, "gives nothing" },
	{ "NUL", STR("hunter2\0x\n"), { NULL, 0 }, "gives a NUL byte" },
	{ "two lines", STR("hunter2\nx\n"), { NULL, 0 }, "more than one line" },
	{ "two line ends", STR("hunter2\n\n"), { NULL, 0 },
	  "more than one line" },
};

static void judge(size_t i, const char *source, int ret,
		  const struct secret *s, const struct error *err)
{
	if ((ret == 0) != !!rows[i].want.p)
		fail_msg("%s by %s: %s", rows[i].name, source, err->text);
	if (!ret && !str_eq(secret_str(s), rows[i].want))
		fail_msg("%s by %s: wrong", rows[i].name, source);
	if (ret && (err->kind != ERROR_CONFIG ||
		    !strstr(err->text, rows[i].says) ||
		    strstr(err->text, "hunter2")))
		fail_msg("%s by %s: %s", rows[i].name, source, err->text);
}

static void each_row_by_each_source(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "cat '%s'", file);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		static const char *const sources[] = {
			"password_file", "password_command", "token_command",
			NULL
		};

		write_file(rows[i].gives, 0600);
		for (size_t k = 0; k < 4; k++) {
			struct secret s = { 0 };
			struct error err = { 0 };
			struct account a;
			int fd = sources[k] ? -1 : open(file, O_RDONLY);

			make(&a, sources[k], k ? command : file);
			judge(i, sources[k] ? sources[k] : "--password-fd",
			      get(&a, fd, 10, &s, &err), &s, &err);
			secret_release(&s);
			account_release(&a);
			if (fd >= 0)
				close(fd);
		}
	}
}

static void the_largest_and_one_more(void **state)
{
	static const struct { const char *command; bool good; } sizes[] = {
		{ "head -c 65536 /dev/zero | tr '\\0' x", true },
		{ "head -c 65536 /dev/zero | tr '\\0' x; echo", true },
		{ "head -c 65537 /dev/zero | tr '\\0' x", false },
		{ "head -c 65537 /dev/zero | tr '\\0' x; echo", false },
		{ "head -c 200000 /dev/zero | tr '\\0' x", false },
		{ "yes", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct secret s = { 0 };
		struct error err = { 0 };
		struct account a;
		int ret;

		make(&a, "password_command", sizes[i].command);
		ret = get(&a, -1, 10, &s, &err);
		if ((ret == 0) != sizes[i].good)
			fail_msg("%s: %d %s", sizes[i].command, ret, err.text);
		if (!ret)
			assert_int_equal(secret_str(&s).n, SECRET_MAX);
		else
			assert_non_null(strstr(err.text, "more than"));
		secret_release(&s);
		account_release(&a);
	}
}

static void commands_that_fail(void **state)
{
	static const struct {
		const char *command;
		enum error_kind kind;
		const char *says;
	} fails[] = {
		{ "echo hunter2; exit 3", ERROR_CONFIG,
		  "password_command of account 'work' exited 3" },
		{ "kill -9 $$", ERROR_CONFIG, "was killed by signal 9" },
		{ "exec 2>/dev/null; /nonexistent/program", ERROR_CONFIG,
		  "exited 127 (command not found)" },
		{ "echo hunter2; sleep 100", ERROR_NET,
		  "password_command of account 'work' gave no answer in time" },
		{ "exec >&-; sleep 100", ERROR_NET, "no answer in time" },
		{ "trap '' TERM INT; sleep 100 & wait", ERROR_NET,
		  "no answer in time" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fails) / sizeof(*fails); i++) {
		int64_t began = clock_ms();
		struct secret s = { 0 };
		struct error err = { 0 };
		struct account a;

		make(&a, "password_command", fails[i].command);
		assert_int_equal(get(&a, -1, 1, &s, &err), -1);
		if (err.kind != fails[i].kind ||
		    !strstr(err.text, fails[i].says) ||
		    strstr(err.text, "hunter2"))
			fail_msg("%s: %s", fails[i].command, err.text);
		assert_true(clock_ms() - began < 5000);
		account_release(&a);
	}
}

/* It must neither eat the message nor be held up by what it leaves running. */
static void what_a_command_gets(void **state)
{
	static const struct { const char *command, *want; } good[] = {
		{ "cat; echo pw", "pw" },
		{ "sleep 8 & echo pw", "pw" },
		{ "test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo pw", "pw" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		int64_t began = clock_ms();
		struct secret s = { 0 };
		struct error err = { 0 };
		struct account a;

		make(&a, "password_command", good[i].command);
		if (get(&a, -1, 10, &s, &err) ||
		    !str_eq(secret_str(&s), str_of(good[i].want)))
			fail_msg("%s: %s", good[i].command, err.text);
		assert_true(clock_ms() - began < 5000);
		secret_release(&s);
		account_release(&a);
	}
}

static void a_parent_may_ignore_sigchld(void **state)
{
	struct secret s = { 0 };
	struct error err = { 0 };
	struct account a;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	make(&a, "password_command", "exit 4");
	assert_int_equal(get(&a, -1, 10, &s, &err), -1);
	assert_non_null(strstr(err.text, "exited 4"));
	account_release(&a);
	signal(SIGCHLD, SIG_DFL);
}

static void a_source_may_be_given_up(void **state)
{
	struct error err = { 0 };
	struct account a;
	int64_t began = clock_ms();

	(void)state;
	secret_cancel(NULL);
	make(&a, "password_command", "sleep 100");
	secret_cancel(secret_begin(&a, SECRET_LOGIN,
			&(struct secret_ways){ .fd = -1 }, &err));
	assert_true(clock_ms() - began < 5000);
	account_release(&a);
}

static void a_silent_descriptor(void **state)
{
	struct secret s = { 0 };
	struct error err = { 0 };
	struct account a;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	make(&a, NULL, NULL);
	assert_int_equal(get(&a, fd[0], 1, &s, &err), -1);
	assert_int_equal(err.kind, ERROR_NET);
	close(fd[0]);
	close(fd[1]);
	assert_int_equal(get(&a, fd[0], 1, &s, &err), -1);
	assert_non_null(strstr(err.text, "--password-fd"));
	account_release(&a);
}

static void files_must_be_private(void **state)
{
	static const struct { mode_t mode; bool credential, good; } modes[] = {
		{ 0600, false, true },	{ 0400, false, true },
		{ 0440, false, false },	{ 0644, false, false },
		{ 0440, true, true },	{ 0444, true, false },
		{ 0460, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct secret s = { 0 };
		struct error err = { 0 };
		struct account a;
		int ret;

		setenv("CREDENTIALS_DIRECTORY",
		       modes[i].credential ? dir : "/run/credentials/x", 1);
		write_file(STR("pw"), modes[i].mode);
		make(&a, "password_file", file);
		ret = get(&a, -1, 1, &s, &err);
		if ((ret == 0) != modes[i].good ||
		    (ret && (err.kind != ERROR_PERM ||
			     !strstr(err.text, file))))
			fail_msg("%o: %s", modes[i].mode, err.text);
		secret_release(&s);
		account_release(&a);
	}
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void other_sources(void **state)
{
	struct secret s = { 0 };
	struct error err = { 0 };
	struct account a;

	(void)state;
	make(&a, "password", "p;#\xc3\xa4");
	assert_int_equal(get(&a, -1, 1, &s, &err), 0);
	assert_true(str_eq(secret_str(&s), STR("p;#\xc3\xa4")));
	secret_release(&s);
	account_release(&a);

	write_file(STR("machine mx login v password q\n"
		       "machine mx login u password p#;\n"), 0600);
	make(&a, "netrc", file);
	assert_int_equal(get(&a, -1, 1, &s, &err), 0);
	assert_true(str_eq(secret_str(&s), STR("p#;")));
	secret_release(&s);
	put(&a, "user", "w");
	assert_int_equal(get(&a, -1, 1, &s, &err), -1);
	assert_non_null(strstr(err.text, "no password for machine 'mx' login 'w'"));
	account_release(&a);

	make(&a, NULL, NULL);
	assert_int_equal(get(&a, -1, 1, &s, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "password_command"));
	free(a.auth);			/* option_set() would not take them yet */
	a.auth = strdup("external, GSSAPI");
	assert_int_equal(get(&a, -1, 1, &s, &err), 0);
	assert_int_equal(secret_str(&s).n, 0);
	secret_release(&s);
	put(&a, "password_file", "/nonexistent/x");
	assert_int_equal(get(&a, -1, 1, &s, &err), -1);
	assert_non_null(strstr(err.text, "does not exist"));
	account_release(&a);
	assert_int_equal(secret_str(&s).n, 0);
}

/* The key's settings are read as the login's are, and not for each other. */
static void the_password_of_a_key(void **state)
{
	static const char *const keys[] = {
		"tls_key_password_command", "tls_key_password_file",
		"tls_key_password"
	};

	(void)state;
	write_file(STR("key-pw\n"), 0600);
	for (size_t i = 0; i < 3; i++) {
		const char *values[] = { "echo key-pw", file, "key-pw" };
		const struct secret_ways ways = { .fd = 0 };	/* the login's */
		struct secret s = { 0 };
		struct error err = { 0 };
		struct secret_source *src;
		struct account a;

		make(&a, keys[i], values[i]);
		put(&a, "token_command", "echo login");
		assert_true(secret_is_set(&a, SECRET_KEY));
		src = secret_begin(&a, SECRET_KEY, &ways, &err);
		assert_non_null(src);
		assert_int_equal(secret_finish(src, clock_after(10), &s, &err),
				 0);
		assert_true(str_eq(secret_str(&s), STR("key-pw")));
		secret_release(&s);
		put(&a, keys[i], "");
		assert_false(secret_is_set(&a, SECRET_KEY));
		assert_true(secret_is_set(&a, SECRET_LOGIN));
		assert_null(secret_begin(&a, SECRET_KEY, &ways, &err));
		assert_non_null(strstr(err.text, "tls_key_password_command"));
		account_release(&a);
	}
}

static void credentials(void **state)
{
	static const struct {
		const char *value, *dir, *says;
	} refs[] = {
		{ "credential:pw", "", NULL },
		{ "credential:other", "", "LoadCredential=other:" },
		{ "credential:pw", NULL, "$CREDENTIALS_DIRECTORY is not set" },
		{ "credential:pw", "relative", "is not set" },
		{ "credential:pw", "/nonexistent", "LoadCredential=pw:" },
	};
	static const char *const bad[] = {
		"credential:", "credential:..", "credential:.",
		"credential:../pw", "credential:a/b", "credential:/etc/passwd",
		"credential:a:b",
	};

	(void)state;
	write_file(STR("pw\n"), 0440);
	for (size_t i = 0; i < sizeof(refs) / sizeof(*refs); i++) {
		struct secret s = { 0 };
		struct error err = { 0 };
		struct account a;
		int ret;

		if (refs[i].dir)
			setenv("CREDENTIALS_DIRECTORY",
			       *refs[i].dir ? refs[i].dir : dir, 1);
		else
			unsetenv("CREDENTIALS_DIRECTORY");
		make(&a, "password_file", refs[i].value);
		ret = get(&a, -1, 1, &s, &err);
		if ((ret == 0) != !refs[i].says ||
		    (ret && (err.kind != ERROR_CONFIG ||
			     !strstr(err.text, refs[i].says))))
			fail_msg("row %zu: %s", i, err.text);
		secret_release(&s);
		account_release(&a);
	}
	unsetenv("CREDENTIALS_DIRECTORY");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error err = { 0 };
		struct account a;

		make(&a, NULL, NULL);
		if (!option_set(option_find(STR("password_file")), &a,
				str_of(bad[i]), &err))
			fail_msg("%s is taken", bad[i]);
		account_release(&a);
	}
}

/* Nobody is asked who may not be, or is not there. */
static void no_prompt(void **state)
{
	struct secret s = { 0 };
	struct error err = { 0 };
	struct account a;

	(void)state;
	make(&a, "password", "prompt");
	assert_int_equal(get(&a, -1, 1, &s, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "nobody is asked here"));
	account_release(&a);
}

/* A secret-tool that does what the shell script says. */
static void put_tool(const char *script)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/secret-tool", dir);
	unlink(path);
	if (!script)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	dprintf(fd, "#!/bin/sh\n%s\n", script);
	close(fd);
}

static void keyring(void **state)
{
	static const struct {
		const char *script, *want, *bus, *says;
		enum error_kind kind;
	} tools[] = {
		{ "printf %s \"$*\"", "lookup host mx service smtp user u",
		  "x", NULL, 0 },
		{ "printf 'a\\nb'", NULL, "x", "more than one line",
		  ERROR_CONFIG },
		{ "exit 1", NULL, "x", "store it by \"secret-tool store "
		  "--label=posthaste host 'mx' service smtp user 'u'\"",
		  ERROR_CONFIG },
		{ "exit 1", NULL, "", "without a session bus", ERROR_CONFIG },
		{ "echo cannot do >&2; exit 1", NULL, "x",
		  "secret-tool: exited 1: cannot do", ERROR_CONFIG },
		{ "exec sleep 100", NULL, "x", "is it locked?", ERROR_NET },
		{ NULL, NULL, "x", "not installed: it is in libsecret-tools",
		  ERROR_CONFIG },
	};
	char path[200], old[4000];

	(void)state;
	snprintf(old, sizeof(old), "%s", getenv("PATH"));
	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		struct secret s = { 0 };
		struct error err = { 0 };
		struct account a;
		int ret;

		put_tool(tools[i].script);
		/* Without ours there must be no other. */
		snprintf(path, sizeof(path), "%s%s", dir,
			 tools[i].script ? ":/usr/bin:/bin" : "");
		setenv("PATH", path, 1);
		setenv("DBUS_SESSION_BUS_ADDRESS", tools[i].bus, 1);
		unsetenv("XDG_RUNTIME_DIR");
		make(&a, "password", "keyring");
		ret = get(&a, -1, 1, &s, &err);
		if ((ret == 0) != !!tools[i].want ||
		    (ret && (err.kind != tools[i].kind ||
			     !strstr(err.text, tools[i].says))))
			fail_msg("row %zu: %s", i, err.text);
		if (!ret)
			assert_true(str_eq(secret_str(&s),
					   str_of(tools[i].want)));
		secret_release(&s);
		account_release(&a);
	}
	setenv("PATH", old, 1);
}

/* What it is looked up by is one argument each, whatever is in it. */
static void keyring_of_a_key(void **state)
{
	struct secret s = { 0 };
	struct error err = { 0 };
	struct secret_source *src;
	char path[4200];
	struct account a;

	(void)state;
	put_tool("shift; for a; do printf '<%s>' \"$a\"; done");
	snprintf(path, sizeof(path), "%s:%s", dir, getenv("PATH"));
	setenv("PATH", path, 1);
	make(&a, "tls_key_password", "keyring");
	free(a.host);
	a.host = strdup("srv:example.org");
	put(&a, "user", "u v'$(id)");
	src = secret_begin(&a, SECRET_KEY, &(struct secret_ways){ .fd = -1 },
			   &err);
	assert_non_null(src);
	assert_int_equal(secret_finish(src, clock_after(10), &s, &err), 0);
	assert_true(str_eq(secret_str(&s), STR("<host><example.org><service>"
		"<smtp-key><user><u v'$(id)>")));
	secret_release(&s);
	put_tool("exit 1");
	src = secret_begin(&a, SECRET_KEY, &(struct secret_ways){ .fd = -1 },
			   &err);
	setenv("DBUS_SESSION_BUS_ADDRESS", "x", 1);
	assert_int_equal(secret_finish(src, clock_after(10), &s, &err), -1);
	assert_non_null(strstr(err.text, "user 'u v'\\''$(id)'"));
	account_release(&a);
	put_tool(NULL);
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/pw", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_by_each_source),
		cmocka_unit_test(the_largest_and_one_more),
		cmocka_unit_test(commands_that_fail),
		cmocka_unit_test(what_a_command_gets),
		cmocka_unit_test(a_parent_may_ignore_sigchld),
		cmocka_unit_test(a_source_may_be_given_up),
		cmocka_unit_test(a_silent_descriptor),
		cmocka_unit_test(files_must_be_private),
		cmocka_unit_test(other_sources),
		cmocka_unit_test(the_password_of_a_key),
		cmocka_unit_test(credentials),
		cmocka_unit_test(no_prompt),
		cmocka_unit_test(keyring),
		cmocka_unit_test(keyring_of_a_key),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
