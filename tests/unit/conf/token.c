#include "conf/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/clock.h"

static char home[] = "/tmp/token-XXXXXX";
static char dir[64], file[128], spare[128];
static struct oauth2_profile profile;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(home) || setenv("XDG_STATE_HOME", home, 1))
		return -1;
	snprintf(dir, sizeof(dir), "%s/posthaste/oauth2", home);
	snprintf(file, sizeof(file), "%s/work", dir);
	snprintf(spare, sizeof(spare), "%s/.work.new", dir);
	profile_init(&profile);
	free(profile.name);
	profile.name = strdup("work");
	return 0;
}

static int clean(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s/posthaste", home);
	return WEXITSTATUS(system(command));
}

static int tear_down(void **state)
{
	profile_release(&profile);
	return clean(state) || rmdir(home);
}

static struct token sample(const char *access, const char *refresh)
{
	return (struct token){
		.access = str_of(access), .refresh = str_of(refresh),
		.token_endpoint = STR("https://t.example/token"),
		.expires = 2000000000, .lifetime = 3600,
	};
}

/* ---- the text ---- */

static void comes_back(void **state)
{
	struct token t = sample("acc.ess==", "re/fresh"), back = { 0 };
	struct error err = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, TOKEN_TEXT_MAX);
	assert_int_equal(token_print(&t, &out, &err), 0);
	assert_int_equal(token_parse(&back, buf_str(&out), &err), 0);
	assert_true(str_eq(back.access, t.access));
	assert_true(str_eq(back.refresh, t.refresh));
	assert_true(str_eq(back.token_endpoint, t.token_endpoint));
	assert_int_equal(back.expires, t.expires);
	assert_int_equal(back.lifetime, t.lifetime);
	for (size_t n = 0; n < out.len; n++)
		assert_int_equal(token_parse(&back, (struct str){ out.p, n },
					     &err), -1);
	assert_int_equal(back.access.n, 0);
	buf_release(&out);
}

#define V1 "posthaste-token 1\n"

static void parses(void **state)
{
	static const struct {
		struct str text;
		bool good;
	} texts[] = {
		{ STR(V1 "end\n"), true },
		{ STR(V1 "access a\nend\n"), true },
		{ STR(V1 "later what ever\naccess a\nend\n"), true },
		{ STR(V1 "access a b\nend\n"), true },
		{ STR(""), false },
		{ STR("end\n"), false },
		{ STR("posthaste-token 2\nend\n"), false },
		{ STR(V1 "access\nend\n"), false },
		{ STR(V1 "access \nend\n"), false },
		{ STR(V1 "access a\naccess b\nend\n"), false },
		{ STR(V1 "expires 1\nexpires 2\nend\n"), false },
		{ STR(V1 "expires -1\nend\n"), false },
		{ STR(V1 "expires 9223372036854775807\nend\n"), false },
		{ STR(V1 "expires 99999999999999999999\nend\n"), false },
		{ STR(V1 "lifetime 2147483648\nend\n"), false },
		{ STR(V1 "lifetime x\nend\n"), false },
		{ STR(V1 "\nend\n"), false },
		{ STR(V1 "access a\0b\nend\n"), false },
		{ STR(V1 "access a\r\nend\n"), false },
		{ STR(V1 "end\nend\n"), false },
		{ STR(V1 "end\nx"), false },
		{ STR("{\"access_token\": \"a\"}\n"), false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct token t = { 0 };
		struct error err = { 0 };
		int ret = token_parse(&t, texts[i].text, &err);

		if (ret != (texts[i].good ? 0 : -1))
			fail_msg("text %zu gives %d", i, ret);
		if (ret)
			assert_int_equal(err.kind, ERROR_AUTH);
	}
}

static void prints_no_second_line(void **state)
{
	struct token t = sample("a\nrefresh x", "b");
	struct error err = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, TOKEN_TEXT_MAX);
	assert_int_equal(token_print(&t, &out, &err), -1);
	assert_int_equal(err.kind, ERROR_PROTOCOL);
	buf_release(&out);
	buf_init(&out, 20);
	t = sample("too long", "for this");
	assert_int_equal(token_print(&t, &out, &err), -1);
	buf_release(&out);
}

static void freshness(void **state)
{
	enum { NOW = 1000000 };
	static const struct {
		const char *access;
		int64_t expires, lifetime;
		bool fresh;
	} times[] = {
		{ "", NOW + 3600, 3600, false },
		{ "a", NOW + 3600, 3600, true },
		{ "a", NOW + 301, 3600, true },
		{ "a", NOW + 300, 3600, false },
		{ "a", NOW - 1, 3600, false },
		{ "a", NOW + 100, 1000, false },
		{ "a", NOW + 101, 1000, true },
		{ "a", NOW + 1, 1, true },
		{ "a", NOW, 1, false },
		{ "a", 0, 0, true },		/* not said */
		{ "a", 0, 3600, true },
		{ "a", NOW + 301, 0, true },
		{ "a", NOW + 300, 0, false },
		{ "a", NOW + 3600 + 301, 3600, false },	/* the clock went back */
		{ "a", NOW + 86400 * 365, 3600, false },
		{ "a", INT64_MAX / 2, 1 << 30, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct token t = { .access = str_of(times[i].access),
				   .expires = times[i].expires,
				   .lifetime = times[i].lifetime };

		if (token_is_fresh(&t, NOW) != times[i].fresh)
			fail_msg("row %zu", i);
	}
}

/* ---- the file ---- */

static int save(const char *access, const char *refresh, struct error *err)
{
	struct token t = sample(access, refresh);
	struct token_lock *l = token_lock(&profile, clock_after(5), err);
	int ret;

	if (!l)
		return -1;
	ret = token_reserve(l, err);
	if (!ret)
		ret = token_save(l, &t, err);
	token_unlock(l);
	return ret;
}

static int load(struct token *t, struct error *err)
{
	return token_load(t, &profile, clock_after(5), err);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void is_kept(void **state)
{
	struct error err = { 0 };
	struct stat st;
	struct token t;

	(void)state;
	assert_int_equal(load(&t, &err), 0);	/* no directory yet */
	assert_null(t.text);
	token_release(&t);
	assert_int_equal(save("a1", "r1", &err), 0);
	assert_int_equal(load(&t, &err), 0);
	assert_true(str_eq(t.access, STR("a1")));
	assert_true(str_eq(t.refresh, STR("r1")));
	token_release(&t);
	assert_int_equal(save("a2", "r2", &err), 0);
	assert_int_equal(load(&t, &err), 0);
	assert_true(str_eq(t.refresh, STR("r2")));
	token_release(&t);
	assert_int_equal(mode_of(dir), 0700);
	assert_int_equal(mode_of(file), 0600);
	assert_int_equal(lstat(spare, &st), -1);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(load(&t, &err), 0);
	assert_null(t.text);
}

static void put_file(const char *text, mode_t mode)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void load_fails(enum error_kind kind, const char *says)
{
	struct error err = { 0 };
	struct token t;

	assert_int_equal(load(&t, &err), -1);
	token_release(&t);
	if (err.kind != kind || !strstr(err.text, says))
		fail_msg("%d: %s", (int)err.kind, err.text);
	assert_null(strstr(err.text, "hunter2"));
}

static void hostile_files(void **state)
{
	struct error err = { 0 };
	char other[128];

	(void)state;
	assert_int_equal(save("hunter2", "hunter2", &err), 0);
	assert_int_equal(chmod(file, 0640), 0);
	load_fails(ERROR_PERM, "chmod 600");
	assert_int_equal(chmod(file, 0600), 0);
	if (!geteuid()) {
		assert_int_equal(chown(file, 12345, 12345), 0);
		load_fails(ERROR_PERM, "uid 12345");
		assert_int_equal(chown(file, 0, 0), 0);
	}
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(symlink(other, file), 0);
	load_fails(ERROR_PERM, "symbolic link");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	load_fails(ERROR_CONFIG, "no regular file");
	assert_int_equal(unlink(file), 0);
	put_file("hunter2", 0600);
	load_fails(ERROR_AUTH, "damaged");
	put_file("", 0600);
	load_fails(ERROR_AUTH, "damaged");
	put_file(V1 "access hunter2", 0600);
	load_fails(ERROR_AUTH, "damaged");
	assert_int_equal(truncate(file, TOKEN_TEXT_MAX + 1), 0);
	load_fails(ERROR_CONFIG, "larger");
	assert_int_equal(chmod(dir, 0750), 0);
	load_fails(ERROR_PERM, "chmod 700");
}

/* A damaged or open file does not hinder a login from replacing it. */
static void is_mended(void **state)
{
	struct error err = { 0 };
	struct token t;

	(void)state;
	assert_int_equal(save("a", "r", &err), 0);
	put_file("rubbish", 0666);
	assert_int_equal(save("b", "s", &err), 0);
	assert_int_equal(mode_of(file), 0600);
	assert_int_equal(load(&t, &err), 0);
	assert_true(str_eq(t.access, STR("b")));
	token_release(&t);
}

static void no_home(void **state)
{
	struct error err = { 0 };
	struct token t;

	(void)state;
	setenv("XDG_STATE_HOME", "", 1);
	setenv("HOME", "relative", 1);
	assert_int_equal(load(&t, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	token_release(&t);
	assert_null(token_lock(&profile, clock_after(5), &err));
	setenv("XDG_STATE_HOME", home, 1);
}

static void lock_is_waited_for(void **state)
{
	struct error err = { 0 };
	struct token_lock *l = token_lock(&profile, clock_after(5), &err);
	int64_t start = clock_ms();

	(void)state;
	assert_non_null(l);
	assert_null(token_lock(&profile, clock_ms() + 100, &err));
	assert_int_equal(err.kind, ERROR_NET);
	assert_non_null(strstr(err.text, "another process is renewing"));
	assert_in_range(clock_ms() - start, 100, 5000);
	token_unlock(l);
	l = token_lock(&profile, clock_ms(), &err);	/* free: no wait */
	assert_non_null(l);
	token_unlock(l);
}

static void leave(const char *text, size_t n)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s", spare);
	memcpy(strrchr(path, '.'), ".lock", sizeof(".lock"));
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	close(fd);
}

/* What one could not do is for those who waited, and for nobody later. */
static void failures_are_shared(void **state)
{
	struct error err = { 0 }, why = { 0 };
	int64_t before = clock_ms();
	struct token_lock *l = token_lock(&profile, clock_after(5), &err);
	char text[200];
	int n;

	(void)state;
	assert_false(token_has_failed(l, 0, &err));
	error_set(&why, ERROR_NET, "cannot ask: no answer");
	token_failed(l, &why);
	token_unlock(l);
	l = token_lock(&profile, clock_after(5), &err);
	assert_false(token_has_failed(l, clock_ms() + 1, &err));
	assert_true(token_has_failed(l, before, &err));
	assert_int_equal(err.kind, ERROR_NET);
	assert_string_equal(err.text, why.text);
	/* A shorter one leaves nothing of it. */
	error_set(&why, ERROR_AUTH, "no");
	token_failed(l, &why);
	assert_true(token_has_failed(l, before, &err));
	assert_string_equal(err.text, "no");
	n = snprintf(text, sizeof(text), "failed %lld %d gone\n",
		     (long long)before, (int)ERROR_NET);
	for (int i = 0; i <= n; i++) {
		leave(text, (size_t)i);
		assert_int_equal(token_has_failed(l, before, &err), i == n);
	}
	/* Of a time to come: a clock that began anew. */
	n = snprintf(text, sizeof(text), "failed %lld %d gone\n",
		     (long long)clock_ms() + 60000, (int)ERROR_NET);
	leave(text, (size_t)n);
	assert_false(token_has_failed(l, before, &err));
	n = snprintf(text, sizeof(text), "failed %lld %d a\033b\n",
		     (long long)before, (int)ERROR_NET);
	leave(text, (size_t)n);
	assert_false(token_has_failed(l, before, &err));
	token_unlock(l);
}

/* Whatever became of a save: the old or the new, whole; and no litter. */
static void old_or_new(const char *old, const char *new)
{
	struct error err = { 0 };
	struct token t;

	if (load(&t, &err))
		fail_msg("%s", err.text);
	assert_non_null(t.text);
	if (!str_eq(t.refresh, str_of(old)) && !str_eq(t.refresh, str_of(new)))
		fail_msg("neither '%s' nor '%s'", old, new);
	token_release(&t);
}

/* The disk gets full after the space was promised: it is kept. */
static void reserved_space_serves(void **state)
{
	struct rlimit was, none;
	struct error err = { 0 };
	struct token t = sample("a2", "r2");
	struct token_lock *l;
	static char large[TOKEN_TEXT_MAX - 400];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	memset(large, 'x', sizeof(large) - 1);
	t.access = str_of(large);
	assert_int_equal(save("a1", "r1", &err), 0);
	l = token_lock(&profile, clock_after(5), &err);
	assert_int_equal(token_reserve(l, &err), 0);
	assert_int_equal(token_save(l, &t, &err), 0);
	token_unlock(l);
	old_or_new("r2", "r2");
	/* And where none can be had, that is said before anybody is asked. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	none = was;
	none.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	l = token_lock(&profile, clock_after(5), &err);
	assert_int_equal(token_reserve(l, &err), -1);
	assert_int_equal(err.kind, ERROR_SPACE);
	token_unlock(l);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	old_or_new("r2", "r2");
	assert_int_equal(access(spare, F_OK), -1);
}

/* Killed at no matter what time: old or new, and the next one cleans up. */
static void killed_saves(void **state)
{
	struct error err = { 0 };
	char name[2][16] = { "r0", "" };

	(void)state;
	assert_int_equal(save("a0", "r0", &err), 0);
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		snprintf(name[1], sizeof(name[1]), "r%d", i + 1);
		if (!pid) {
			for (;;)
				save("a", name[1], &err);
		}
		usleep((useconds_t)(1500 + 131 * i));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		old_or_new(name[0], name[1]);
		if (save("a", name[1], &err))
			fail_msg("%s", err.text);
		memcpy(name[0], name[1], sizeof(name[0]));
	}
	assert_int_equal(access(spare, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(parses),
		cmocka_unit_test(prints_no_second_line),
		cmocka_unit_test(freshness),
		cmocka_unit_test_teardown(is_kept, clean),
		cmocka_unit_test_teardown(hostile_files, clean),
		cmocka_unit_test_teardown(is_mended, clean),
		cmocka_unit_test_teardown(no_home, clean),
		cmocka_unit_test_teardown(lock_is_waited_for, clean),
		cmocka_unit_test_teardown(failures_are_shared, clean),
		cmocka_unit_test_teardown(reserved_space_serves, clean),
		cmocka_unit_test_teardown(killed_saves, clean),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
