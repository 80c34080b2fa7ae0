#include "spool/store.h"

#include "spool.h"

#include <sys/file.h>
#include <time.h>

#include "spool/state.h"

static struct error err;

static int count(void *ctx, const struct store_item *item, struct error *e)
{
	(void)item;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_odd(void *ctx, const struct store_item *item,
		     struct error *e)
{
	(void)e;
	*(int *)ctx += item->odd;
	return 0;
}

static void touch(const char *name)
{
	int fd = openat(spool.fd, name, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* ---- the directory ---- */

static enum error_kind try_open(const char *path, bool create)
{
	struct store s;
	int ret = store_open(&s, path, create, &err);

	store_close(&s);
	return ret ? err.kind : ERROR_NONE;
}

static void who_may_use_it(void **state)
{
	char path[128], other[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b//c/", spool_base);
	assert_int_equal(try_open(path, false), ERROR_NONE);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(try_open(path, true), ERROR_NONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/a", spool_base);
	stat(path, &st);
	assert_int_equal(st.st_mode & 07777, 0700);
	for (mode_t bit = 1; bit < 0100; bit <<= 1) {
		chmod(spool_path, 0700 | bit);
		assert_int_equal(try_open(spool_path, true), ERROR_PERM);
	}
	chmod(spool_path, 0700);
	assert_int_equal(try_open(spool_path, true), ERROR_NONE);
	/* A link, with a slash at its end as well. */
	snprintf(other, sizeof(other), "%s/link", spool_base);
	assert_int_equal(symlink(spool_path, other), 0);
	assert_int_equal(try_open(other, true), ERROR_PERM);
	strcat(other, "/");
	assert_int_equal(try_open(other, true), ERROR_PERM);
	assert_int_equal(try_open("/dev/null", true), ERROR_PERM);
	assert_int_equal(try_open("/proc/self/nowhere", true), ERROR_CREATE);
	snprintf(other, sizeof(other), "%s/file", spool_base);
	close(open(other, O_WRONLY | O_CREAT, 0600));
	strcat(other, "/spool");
	assert_int_not_equal(try_open(other, true), ERROR_NONE);
	if (!geteuid()) {
		assert_int_equal(chown(spool_path, 12345, -1), 0);
		assert_int_equal(try_open(spool_path, true), ERROR_PERM);
		assert_non_null(strstr(err.text, "12345"));
		assert_int_equal(chown(spool_path, 0, -1), 0);
	}
}

static void missing_is_empty(void **state)
{
	struct store_item item;
	struct store s;
	char id[STORE_ID_ROOM];
	int n = 0;

	(void)state;
	store_id(id);
	assert_int_equal(store_open(&s, "/nonexistent/spool", false, &err), 0);
	assert_int_equal(s.fd, -1);
	assert_int_equal(store_each(&s, count, &n, &err), 0);
	assert_int_equal(store_each_failed(&s, count, &n, &err), 0);
	assert_int_equal(store_sweep(&s, 0), 0);
	assert_false(store_look(&s, id, &item));
	assert_int_equal(n, 0);
	store_close(&s);
}

static void default_place(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	if (geteuid()) {
		setenv("XDG_STATE_HOME", "/some/state", 1);
		store_default(&b);
		assert_string_equal(buf_cstr(&b),
				    "/some/state/posthaste/spool");
		buf_reset(&b);
		setenv("XDG_STATE_HOME", "relative", 1);
		setenv("HOME", "/home/of", 1);
		store_default(&b);
		assert_string_equal(buf_cstr(&b), "/home/of/.local/state/"
				    "posthaste/spool");
	} else {
		setenv("XDG_STATE_HOME", "/some/state", 1);
		store_default(&b);
		assert_non_null(strstr(buf_cstr(&b), "/spool/posthaste"));
		assert_null(strstr(buf_cstr(&b), "/some/state"));
	}
	unsetenv("XDG_STATE_HOME");
	buf_release(&b);
}

/* ---- ids ---- */

static void ids(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
		{ "0123456789abcdef", true }, { "0123456789abcde", false },
		{ "0123456789ABCDEFxyzZ", true },
		{ "0123456789ABCDEFxyzZ0", false },
		{ "0123456789abcd/f", false }, { "0123456789abcd.f", false },
		{ "0123456789abcd\xc3\xa4", false }, { "", false },
	};
	char last[STORE_ID_ROOM] = "", id[STORE_ID_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (store_id_valid(str_of(rows[i].text)) != rows[i].valid)
			fail_msg("%s", rows[i].text);
	assert_false(store_id_valid((struct str){ "0123456789abcd\0f", 16 }));
	for (int i = 0; i < 2000; i++) {
		const struct timespec tick = { .tv_nsec = 2000 };

		store_id(id);
		assert_true(store_id_valid(str_of(id)));
		assert_true(strncmp(last, id, 9) <= 0);
		assert_true(strcmp(last + 9 * !!*last, id + 9));
		memcpy(last, id, sizeof(id));
		nanosleep(&tick, NULL);
	}
}

/* ---- listing, planning ---- */

static void listing(void **state)
{
	char id[STORE_ID_ROOM];
	int n = 0, odd = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		sample_queue(id);
	touch("t.0123456789abcdef");
	touch("s.0123456789abcdef");
	touch("m");
	touch("README");
	assert_int_equal(store_each(&spool, count, &n, &err), 0);
	assert_int_equal(n, 10);
	assert_int_equal(store_each(&spool, count_odd, &odd, &err), 0);
	assert_int_equal(odd, 0);
	/* Strange things under such a name are shown as that. */
	touch("m.x");
	assert_int_equal(mkfifoat(spool.fd, "m.0123456789abcdeF", 0600), 0);
	assert_int_equal(symlinkat("/etc/passwd", spool.fd,
				   "m.0123456789abcde0"), 0);
	assert_int_equal(mkdirat(spool.fd, "m.0123456789abcde1", 0700), 0);
	assert_int_equal(store_each(&spool, count_odd, &odd, &err), 0);
	assert_int_equal(odd, 4);
	assert_int_equal(store_quarantine(&spool, "m.x", &err), 0);
	assert_int_equal(store_quarantine(&spool, "m.0123456789abcdeF", &err),
			 0);
	assert_int_equal(store_quarantine(&spool, "m.0123456789abcde0", &err),
			 0);
	assert_int_equal(store_quarantine(&spool, "m.0123456789abcde1", &err),
			 0);
	assert_int_equal(store_quarantine(&spool, "m.gone", &err), -1);
	touch("../x");
	assert_int_equal(store_quarantine(&spool, "../x", &err), -1);
	assert_int_equal(faccessat(spool.fd, "../x", F_OK, 0), 0);
	unlinkat(spool.fd, "../x", 0);
	assert_int_equal(names("corrupt", "m."), 4);
	n = 0;
	assert_int_equal(store_each(&spool, count, &n, &err), 0);
	assert_int_equal(n, 10);
}

static int remove_each(void *ctx, const struct store_item *item,
		       struct error *e)
{
	++*(int *)ctx;
	return store_remove(&spool, item->id, e);
}

static int stop(void *ctx, const struct store_item *item, struct error *e)
{
	(void)item;
	(void)e;
	return ++*(int *)ctx == 3 ? 7 : 0;
}

static void many(void **state)
{
	enum { MANY = 20000 };
	struct timespec a, b;
	int n = 0;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		char name[STORE_NAME_ROOM], id[STORE_ID_ROOM];

		store_id(id);
		store_name(name, 'm', id);
		touch(name);
	}
	assert_int_equal(store_each(&spool, stop, &n, &err), 7);
	n = 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(store_each(&spool, count, &n, &err), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(n, MANY);
	assert_true(b.tv_sec - a.tv_sec < 3);
	n = 0;
	assert_int_equal(store_each(&spool, remove_each, &n, &err), 0);
	assert_int_equal(n, MANY);
	assert_int_equal(names("", "m."), 0);
}

static void planning(void **state)
{
	const struct retry_policy p = retry_default();
	char id[STORE_ID_ROOM];
	struct store_item item;
	int64_t now = time(NULL);

	(void)state;
	sample_queue(id);
	assert_true(store_look(&spool, id, &item));
	assert_true(store_due(&item, &p, now));
	assert_int_equal(store_plan(&spool, id, now + 600, &err), 0);
	assert_true(store_look(&spool, id, &item));
	assert_int_equal(item.due, now + 600);
	assert_false(store_due(&item, &p, now));
	assert_true(store_due(&item, &p, now + 600));
	/* However the clock was when it was planned: not for ten years. */
	assert_int_equal(store_plan(&spool, id, now + 315360000, &err), 0);
	assert_true(store_look(&spool, id, &item));
	assert_true(store_due(&item, &p, now));
	assert_int_equal(store_plan(&spool, id, STORE_HELD, &err), 0);
	assert_true(store_look(&spool, id, &item));
	assert_false(store_due(&item, &p, now));
	assert_false(store_due(&item, &p, now + 4000000000));
	assert_int_equal(store_plan(&spool, id, 0, &err), 0);
	assert_true(store_look(&spool, id, &item));
	assert_true(store_due(&item, &p, now));
	assert_int_equal(store_remove(&spool, id, &err), 0);
	assert_int_equal(store_sync(&spool, &err), 0);
	assert_false(store_look(&spool, id, &item));
	assert_int_equal(store_plan(&spool, id, 0, &err), -1);
	assert_int_equal(store_remove(&spool, id, &err), 0);
}

/* ---- sweeping, failed/ ---- */

static void sweeping(void **state)
{
	char id[STORE_ID_ROOM], name[STORE_NAME_ROOM];
	int64_t now = time(NULL);
	struct state st;
	int fd;

	(void)state;
	state_init(&st);
	sample_queue(id);
	assert_int_equal(state_save(&st, &spool, id, &err), 0);
	touch("t.0123456789abcdef");
	touch("t.0123456789abcdeF");
	touch("s.0123456789abcdef");
	touch("s.0123456789abcdef~");
	touch("t.notes");
	fd = openat(spool.fd, "t.0123456789abcdeF", O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(store_sweep(&spool, now), 1);
	assert_int_equal(names("", "s.0123456789abcdef"), 1);
	assert_int_equal(names("", "t."), 3);
	assert_int_equal(store_sweep(&spool, now + 2 * 24 * 3600), 2);
	assert_int_equal(names("", "t.0123456789abcdef"), 0);
	assert_int_equal(names("", "t.0123456789abcdeF"), 1);
	assert_int_equal(names("", "t.notes"), 1);
	close(fd);
	assert_int_equal(store_sweep(&spool, now + 2 * 24 * 3600), 1);
	store_name(name, 's', id);
	assert_int_equal(names("", name), 1);
	assert_int_equal(names("", "m."), 1);
	state_release(&st);
}

static void failing(void **state)
{
	char id[STORE_ID_ROOM];
	struct state st;
	int n = 0;

	(void)state;
	state_init(&st);
	assert_int_equal(store_each_failed(&spool, count, &n, &err), 0);
	sample_queue(id);
	assert_int_equal(state_save(&st, &spool, id, &err), 0);
	assert_int_equal(store_fail(&spool, id, &err), 0);
	assert_int_equal(names("", "m."), 0);
	assert_int_equal(names("", "s."), 0);
	assert_int_equal(names("failed", "s."), 1);
	assert_int_equal(store_each_failed(&spool, count, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_unfail(&spool, id, &err), 0);
	assert_int_equal(names("", "m."), 1);
	assert_int_equal(names("", "s."), 0);
	assert_int_equal(names("failed", ""), 0);
	assert_int_equal(store_unfail(&spool, id, &err), -1);
	assert_int_equal(store_fail(&spool, id, &err), 0);
	assert_int_equal(store_remove_failed(&spool, id, &err), 0);
	assert_int_equal(names("failed", ""), 0);
	/* Made when it is missing, refused when it is not ours alone. */
	assert_int_equal(unlinkat(spool.fd, "failed", AT_REMOVEDIR), 0);
	sample_queue(id);
	assert_int_equal(store_fail(&spool, id, &err), 0);
	assert_int_equal(fchmodat(spool.fd, "failed", 0777, 0), 0);
	sample_queue(id);
	assert_int_equal(store_fail(&spool, id, &err), -1);
	assert_int_equal(err.kind, ERROR_PERM);
	assert_int_equal(names("", "m."), 1);
	state_release(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(who_may_use_it), SPOOL_TEST(missing_is_empty),
		SPOOL_TEST(default_place), SPOOL_TEST(ids),
		SPOOL_TEST(listing), SPOOL_TEST(many), SPOOL_TEST(planning),
		SPOOL_TEST(sweeping), SPOOL_TEST(failing),
	};

	return cmocka_run_group_tests(tests, NULL, spool_end);
}
