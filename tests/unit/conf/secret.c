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
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
