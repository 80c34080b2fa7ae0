#include "spool/enqueue.h"

#include "spool.h"

#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "util/xalloc.h"

static struct error err;

static void leaves_one_file(void **state)
{
	char id[STORE_ID_ROOM];
	struct store_item item;

	(void)state;
	sample_queue(id);
	assert_true(store_id_valid(str_of(id)));
	assert_int_equal(names("", "m."), 1);
	assert_int_equal(names("", "t."), 0);
	assert_true(store_look(&spool, id, &item));
	assert_false(item.odd);
	assert_in_range(item.due, item.planned - 5, item.planned);
}

/* Nothing is visible before the commit, and the writer holds the lock. */
static void steps(void **state)
{
	char name[STORE_NAME_ROOM];
	struct store_item item;
	struct enqueue q;
	struct sample s;
	struct entry e;
	int fd;

	(void)state;
	sample_init(&s);
	s.what.due = 4000000000;
	assert_int_equal(enqueue_write(&q, &spool, &s.what, &err), 0);
	assert_int_equal(names("", "m."), 0);
	assert_int_equal(names("", "t."), 1);
	assert_int_equal(store_sweep(&spool, 5000000000), 0);
	store_name(name, 't', q.id);
	fd = openat(spool.fd, name, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), -1);
	close(fd);
	enqueue_release(&q);
	assert_int_equal(names("", "t."), 0);
	assert_int_equal(enqueue_write(&q, &spool, &s.what, &err), 0);
	assert_int_equal(enqueue_commit(&q, &err), 0);
	assert_int_equal(entry_open(&e, &spool, q.id, ENTRY_LOCK, &err),
			 ENTRY_OPEN);
	entry_release(&e);
	assert_true(store_look(&spool, q.id, &item));
	assert_int_equal(item.due, 4000000000);
	enqueue_release(&q);
	assert_int_equal(names("", "m."), 1);
	sample_release(&s);
}

static void takes_whom_it_is_told(void **state)
{
	const struct verdict sent = { .outcome = OUTCOME_SENT, .code = 250 };
	const struct verdict lost = { .outcome = OUTCOME_UNKNOWN };
	const struct verdict no = { .outcome = OUTCOME_FAILED, .code = 550 };
	char id[STORE_ID_ROOM];
	struct sample s;
	struct entry e;

	(void)state;
	sample_init(&s);
	envelope_add(&s.env, "d@x", "", "");
	envelope_add(&s.env, "e@x", "", "");
	envelope_settle_one(&s.env, 0, &sent);
	envelope_settle_one(&s.env, 1, &lost);
	envelope_settle_one(&s.env, 2, &no);
	assert_int_equal(enqueue(&spool, &s.what, id, &err), 0);
	assert_int_equal(entry_open(&e, &spool, id, 0, &err), ENTRY_OPEN);
	assert_int_equal(e.env.n_rcpt, 2);
	assert_string_equal(e.env.rcpt[0].addr, "c@example.org");
	assert_int_equal(entry_status(&e, 0), FORMAT_UNKNOWN);
	assert_int_equal(entry_status(&e, 1), FORMAT_PENDING);
	entry_release(&e);
	s.what.outcomes |= 1u << OUTCOME_FAILED | 1u << OUTCOME_SENT;
	assert_int_equal(enqueue(&spool, &s.what, id, &err), 0);
	assert_int_equal(entry_open(&e, &spool, id, 0, &err), ENTRY_OPEN);
	assert_int_equal(e.env.n_rcpt, 4);
	assert_int_equal(entry_status(&e, 0), FORMAT_DELIVERED);
	assert_int_equal(entry_status(&e, 2), FORMAT_FAILED);
	entry_release(&e);
	s.what.outcomes = 0;
	assert_int_equal(enqueue(&spool, &s.what, id, &err), -1);
	assert_int_equal(err.kind, ERROR_BUG);
	sample_release(&s);
}

static void refuses_injections(void **state)
{
	static const char *const bad[] = { "a@x\nP b@y", "a\r@x", "a\t@x",
					   "a\x7f@x" };
	char id[STORE_ID_ROOM], *huge = xcalloc(1, 5000);

	(void)state;
	memset(huge, 'x', 4999);
	for (size_t i = 0; i < 5; i++)
		for (int field = 0; field < 5; field++) {
			const char *text = i < 4 ? bad[i] : huge;
			struct sample s;

			sample_init(&s);
			if (field == 0)
				s.env.from = text;
			else if (field == 1)
				s.env.rcpt[1].addr = text;
			else if (field == 2)
				s.env.rcpt[0].orcpt = text;
			else if (field == 3)
				s.what.account = text;
			else
				s.env.envid = text;
			if (!enqueue(&spool, &s.what, id, &err))
				fail_msg("text %zu field %d", i, field);
			assert_int_equal(err.kind, ERROR_DATA);
			assert_int_equal(names("", "m."), 0);
			assert_int_equal(names("", "t."), 0);
			sample_release(&s);
		}
	free(huge);
}

static void too_many_recipients(void **state)
{
	char id[STORE_ID_ROOM], *addr = xcalloc(1, 4000);
	struct sample s;

	(void)state;
	memset(addr, 'x', 3999);
	sample_init(&s);
	for (int i = 0; i < 4300; i++)
		envelope_add(&s.env, addr, "", "");
	assert_int_equal(enqueue(&spool, &s.what, id, &err), -1);
	assert_int_equal(err.kind, ERROR_DATA);
	assert_int_equal(names("", "t."), 0);
	sample_release(&s);
	free(addr);
}

/* Wherever the space ends: nothing is left, and it is said to be space. */
static void full_at_every_octet(void **state)
{
	struct rlimit old, small;
	char id[STORE_ID_ROOM];
	rlim_t n;
	int ret = -1;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &old);
	for (n = 0; ret && n < 4096; n++) {
		struct sample s;

		sample_init(&s);
		small = old;
		small.rlim_cur = n;
		setrlimit(RLIMIT_FSIZE, &small);
		ret = enqueue(&spool, &s.what, id, &err);
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(names("", "t."), 0);
		assert_int_equal(names("", "m."), !ret);
		assert_true(!ret || err.kind == ERROR_SPACE);
		sample_release(&s);
	}
	assert_in_range(n, 200, 1000);
}

/* A file system of so many pages, filled by messages until it is full. */
static void full_disk(void **state)
{
	char options[64], id[STORE_ID_ROOM];
	static char body[20000];
	struct store s;

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = i % 50 == 48 ? '\r' : i % 50 == 49 ? '\n' : 'x';
	for (int pages = 1; pages < 12; pages++) {
		int ret = 0, queued = 0;

		snprintf(options, sizeof(options), "size=%d,mode=0700",
			 pages * 4096);
		if (mount("none", spool_path, "tmpfs", 0, options))
			skip();
		assert_int_equal(store_open(&s, spool_path, true, &err), 0);
		assert_true(s.in_memory);
		while (!ret) {
			struct sample it;

			sample_init(&it);
			it.piece = piece_text((struct str){ body,
					      sizeof(body) });
			it.message.body_len = sizeof(body);
			ret = enqueue(&s, &it.what, id, &err);
			queued += !ret;
			sample_release(&it);
		}
		assert_int_equal(err.kind, ERROR_SPACE);
		assert_int_equal(names("", "t."), 0);
		assert_int_equal(names("", "m."), queued);
		store_close(&s);
		assert_int_equal(umount(spool_path), 0);
	}
}

static void read_only(void **state)
{
	char id[STORE_ID_ROOM];
	struct sample s;
	struct store ro;
	int ret;

	(void)state;
	if (mount("none", spool_path, "tmpfs", MS_RDONLY, "mode=0700"))
		skip();
	sample_init(&s);
	assert_int_equal(store_open(&ro, spool_path, true, &err), 0);
	ret = enqueue(&ro, &s.what, id, &err);
	store_close(&ro);
	umount(spool_path);
	assert_int_equal(ret, -1);
	assert_int_equal(err.kind, ERROR_CREATE);
	assert_non_null(strstr(err.text, spool_path));
	sample_release(&s);
}

/* Signals that arrive during the commit are delivered after it. */
static void holds_signals(void **state)
{
	sigset_t old, now;
	struct enqueue q;
	struct sample s;

	(void)state;
	sample_init(&s);
	assert_int_equal(enqueue_write(&q, &spool, &s.what, &err), 0);
	sigprocmask(SIG_SETMASK, NULL, &old);
	assert_int_equal(enqueue_commit(&q, &err), 0);
	sigprocmask(SIG_SETMASK, NULL, &now);
	assert_int_equal(sigismember(&old, SIGTERM), 0);
	assert_int_equal(sigismember(&now, SIGTERM), 0);
	sample_release(&s);
}

/* A name that is taken by another file is not taken for ours. */
static void taken_name(void **state)
{
	char path[128], name[STORE_NAME_ROOM];
	struct enqueue q;
	struct sample s;

	(void)state;
	sample_init(&s);
	assert_int_equal(enqueue_write(&q, &spool, &s.what, &err), 0);
	store_name(name, 'm', q.id);
	snprintf(path, sizeof(path), "%s/%s", spool_path, name);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(enqueue_commit(&q, &err), -1);
	assert_int_equal(names("", "t."), 0);
	assert_int_equal(names("", "m."), 1);
	sample_release(&s);
}

static void twenty_at_once(void **state)
{
	enum { PROCESSES = 20, EACH = 20 };
	int status, good = 0;

	(void)state;
	for (int i = 0; i < PROCESSES; i++)
		if (!fork()) {
			char id[STORE_ID_ROOM];

			for (int n = 0; n < EACH; n++)
				sample_queue(id);
			_exit(0);
		}
	while (wait(&status) > 0)
		good += status == 0;
	assert_int_equal(good, PROCESSES);
	assert_int_equal(names("", "m."), PROCESSES * EACH);
	assert_int_equal(names("", "t."), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(leaves_one_file), SPOOL_TEST(steps),
		SPOOL_TEST(takes_whom_it_is_told),
		SPOOL_TEST(refuses_injections),
		SPOOL_TEST(too_many_recipients),
		SPOOL_TEST(full_at_every_octet), SPOOL_TEST(full_disk),
		SPOOL_TEST(read_only), SPOOL_TEST(holds_signals),
		SPOOL_TEST(taken_name), SPOOL_TEST(twenty_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, spool_end);
}
