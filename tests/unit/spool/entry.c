#include "spool/entry.h"

#include "spool.h"

#include <sys/file.h>
#include <sys/resource.h>

#include "sys/intake.h"
#include "util/xalloc.h"

enum { ALL = ENTRY_LOCK | ENTRY_CHECK | ENTRY_MESSAGE };

static struct error err;

static void path_of(char path[128], char kind, const char *id)
{
	char name[STORE_NAME_ROOM];

	store_name(name, kind, id);
	snprintf(path, 128, "%s/%s", spool_path, name);
}

static enum entry_result open_and_close(const char *id, unsigned flags)
{
	enum entry_result r;
	struct entry e;

	r = entry_open(&e, &spool, id, flags, &err);
	entry_release(&e);
	return r;
}

/* ---- round trips ---- */

static void same_message(const struct message *a, const struct message *b)
{
	uint64_t n = message_size(a);
	char *x = xrealloc(NULL, (size_t)n, 1), *y = xrealloc(NULL, (size_t)n, 1);

	assert_int_equal(n, message_size(b));
	assert_int_equal(intake_read(a, 0, x, (size_t)n, &err), 0);
	assert_int_equal(intake_read(b, 0, y, (size_t)n, &err), 0);
	assert_memory_equal(x, y, (size_t)n);
	assert_string_equal(buf_cstr(&a->head), buf_cstr(&b->head));
	assert_memory_equal(&a->body_facts, &b->body_facts,
			    sizeof(a->body_facts));
	free(x);
	free(y);
}

static void round_trip(void **state)
{
	char id[STORE_ID_ROOM];
	struct sample s;
	struct entry e;

	(void)state;
	sample_init(&s);
	s.env.ret = "HDRS";
	s.env.envid = "QQ+2B7";
	s.env.deliver_by = "3600;R";
	s.env.hold = "HOLDFOR=60";
	s.env.priority = "-3";
	s.env.body = BODY_8BIT;
	s.env.utf8 = s.env.all_or_nothing = s.env.require_tls = true;
	s.message.body_facts.eightbit = true;
	s.what.account = "my = own+account";
	envelope_add(&s.env, "\"odd one\"@ex\xc3\xa4mple.org", "NEVER", "");
	assert_int_equal(enqueue(&spool, &s.what, id, &err), 0);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_string_equal(e.head.account, s.what.account);
	assert_int_equal(e.head.uid, getuid());
	assert_true(e.head.created > 1000000000);
	assert_string_equal(e.env.from, s.env.from);
	assert_string_equal(e.env.ret, s.env.ret);
	assert_string_equal(e.env.envid, s.env.envid);
	assert_string_equal(e.env.deliver_by, s.env.deliver_by);
	assert_string_equal(e.env.hold, s.env.hold);
	assert_string_equal(e.env.priority, s.env.priority);
	assert_int_equal(e.env.body, BODY_8BIT);
	assert_true(e.env.utf8 && e.env.all_or_nothing && e.env.require_tls);
	assert_int_equal(e.env.size, message_size(&s.message));
	assert_int_equal(e.env.n_rcpt, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(e.env.rcpt[i].addr, s.env.rcpt[i].addr);
		assert_string_equal(e.env.rcpt[i].notify,
				    s.env.rcpt[i].notify);
		assert_string_equal(e.env.rcpt[i].orcpt, s.env.rcpt[i].orcpt);
		assert_int_equal(entry_status(&e, i), FORMAT_PENDING);
		assert_true(envelope_pending(&e.env, i));
	}
	same_message(&s.message, &e.message);
	entry_release(&e);
	sample_release(&s);
}

/* The null sender, no account, no header, no body, octets of all kinds. */
static void bare_and_binary(void **state)
{
	static const char octets[] = "\0\1\n\r\nend 0\nposthaste 1\n\n\n\xff";
	char id[STORE_ID_ROOM];
	struct sample s;
	struct entry e;

	(void)state;
	sample_init(&s);
	s.env.from = s.what.account = "";
	buf_reset(&s.message.head);
	s.piece = piece_text(STR(""));
	s.message.body_len = s.message.body_facts.size = 0;
	assert_int_equal(enqueue(&spool, &s.what, id, &err), 0);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_string_equal(e.env.from, "");
	assert_string_equal(e.head.account, "");
	same_message(&s.message, &e.message);
	entry_release(&e);
	s.piece = piece_text((struct str){ octets, sizeof(octets) - 1 });
	s.message.body_len = s.message.body_facts.size = s.piece.len;
	s.message.binary = true;
	assert_int_equal(enqueue(&spool, &s.what, id, &err), 0);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_true(e.message.binary);
	same_message(&s.message, &e.message);
	entry_release(&e);
	sample_release(&s);
}

static void status_round_trip(void **state)
{
	const struct verdict sent = { .outcome = OUTCOME_SENT, .code = 250 };
	const struct verdict lost = { .outcome = OUTCOME_UNKNOWN };
	const struct verdict later = { .outcome = OUTCOME_DEFERRED };
	const struct verdict no = { .outcome = OUTCOME_FAILED, .code = 550 };
	char id[STORE_ID_ROOM];
	struct sample s;
	struct entry e;

	(void)state;
	sample_init(&s);
	envelope_add(&s.env, "d@x", "", "");
	envelope_add(&s.env, "e@x", "", "");
	envelope_add(&s.env, "f@x", "", "");
	assert_int_equal(enqueue(&spool, &s.what, id, &err), 0);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	envelope_settle_one(&e.env, 0, &sent);
	envelope_settle_one(&e.env, 1, &lost);
	envelope_settle_one(&e.env, 2, &later);
	envelope_settle_one(&e.env, 3, &no);
	assert_int_equal(entry_record(&e, &err), 0);
	assert_int_equal(entry_count(&e, FORMAT_PENDING), 2);
	entry_release(&e);
	/* The checksum does not depend on them. */
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_int_equal(entry_status(&e, 0), FORMAT_DELIVERED);
	assert_int_equal(entry_status(&e, 1), FORMAT_UNKNOWN);
	assert_int_equal(entry_status(&e, 2), FORMAT_PENDING);
	assert_int_equal(entry_status(&e, 3), FORMAT_FAILED);
	assert_int_equal(entry_status(&e, 4), FORMAT_PENDING);
	assert_int_equal(envelope_verdict(&e.env, 0)->outcome, OUTCOME_SENT);
	assert_int_equal(envelope_verdict(&e.env, 3)->outcome, OUTCOME_FAILED);
	assert_true(envelope_pending(&e.env, 1));
	/* Tried again and deferred: pending. */
	envelope_settle_one(&e.env, 1, &later);
	assert_int_equal(entry_record(&e, &err), 0);
	assert_int_equal(entry_status(&e, 1), FORMAT_PENDING);
	assert_int_equal(entry_mark(&e, 4, FORMAT_FAILED, &err), 0);
	assert_int_equal(entry_count(&e, FORMAT_FAILED), 2);
	entry_release(&e);
	sample_release(&s);
}

/* A status is one octet in its place: it needs no space. */
static void records_on_a_full_disk(void **state)
{
	const struct verdict sent = { .outcome = OUTCOME_SENT };
	struct rlimit old, none;
	char id[STORE_ID_ROOM];
	struct entry e;
	int ret;

	(void)state;
	sample_queue(id);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	envelope_settle(&e.env, &sent);
	getrlimit(RLIMIT_FSIZE, &old);
	none = old;
	none.rlim_cur = 300;	/* past the statuses, before the end */
	setrlimit(RLIMIT_FSIZE, &none);
	ret = entry_record(&e, &err);
	ret |= store_plan(&spool, id, 5000, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(ret, 0);
	entry_release(&e);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_int_equal(entry_count(&e, FORMAT_DELIVERED), 2);
	entry_release(&e);
}

enum { MANY = 100000 };

static void queue_many(char id[STORE_ID_ROOM])
{
	static char addr[MANY][32];
	struct sample s;

	sample_init(&s);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(addr[i], 32, "recipient%zu@example.org", i);
		envelope_add(&s.env, addr[i], "FAILURE", "");
	}
	if (enqueue(&spool, &s.what, id, &err))
		memset(id, 0, STORE_ID_ROOM);
	sample_release(&s);
}

static void many_recipients(void **state)
{
	struct rusage before, after;
	char id[STORE_ID_ROOM];
	struct entry e;
	int through[2];

	(void)state;
	/* In a process of its own: its memory is not measured. */
	assert_int_equal(pipe(through), 0);
	if (!fork()) {
		queue_many(id);
		_exit(write(through[1], id, sizeof(id)) != sizeof(id));
	}
	assert_int_equal(read(through[0], id, sizeof(id)), sizeof(id));
	wait(NULL);
	close(through[0]);
	close(through[1]);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(e.env.n_rcpt, MANY + 2);
	assert_string_equal(e.env.rcpt[MANY + 1].addr,
			    "recipient99999@example.org");
	assert_int_equal(entry_mark(&e, MANY + 1, FORMAT_DELIVERED, &err), 0);
	if (after.ru_maxrss - before.ru_maxrss > 20 * 1024)
		fail_msg("%ld KiB more", after.ru_maxrss - before.ru_maxrss);
	entry_release(&e);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_int_equal(entry_count(&e, FORMAT_DELIVERED), 1);
	assert_int_equal(entry_status(&e, MANY + 1), FORMAT_DELIVERED);
	entry_release(&e);
}

/* ---- damage ---- */

static size_t slurp(const char *path, char *to, size_t room)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, to, room);

	close(fd);
	assert_true(n > 0 && (size_t)n < room);
	return (size_t)n;
}

static void put(const char *path, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static void every_truncation(void **state)
{
	char id[STORE_ID_ROOM], path[128], whole[4096];
	size_t n;

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	n = slurp(path, whole, sizeof(whole));
	for (size_t cut = 0; cut < n; cut++) {
		put(path, whole, cut);
		if (open_and_close(id, ALL) != ENTRY_CORRUPT)
			fail_msg("cut at %zu of %zu was taken", cut, n);
	}
	put(path, whole, n);
	assert_int_equal(open_and_close(id, ALL), ENTRY_OPEN);
	whole[n] = '\n';
	put(path, whole, n + 1);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
}

/*
 * Every flipped bit is noticed, but where a status becomes another status.
 */
static void every_bit(void **state)
{
	char id[STORE_ID_ROOM], path[128], whole[4096];
	size_t n, taken = 0;

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	n = slurp(path, whole, sizeof(whole));
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			enum entry_result r;

			whole[i] = (char)(whole[i] ^ 1 << bit);
			put(path, whole, n);
			r = open_and_close(id, ALL);
			taken += r == ENTRY_OPEN;
			if (r != ENTRY_CORRUPT && r != ENTRY_FUTURE)
				fail_msg("octet %zu bit %d: %d", i, bit, r);
			whole[i] = (char)(whole[i] ^ 1 << bit);
		}
	/* From P no other status is one bit away. */
	assert_int_equal(taken, 0);
}

/* Whole, but made by something that counts and measures otherwise. */
static void made_wrong(void **state)
{
	static const struct {
		const char *name, *header, *message;
		uint32_t rcpts;
		enum entry_result r;
	} rows[] = {
		{ "good", "F a head=3\nP b\n\n", "A\r\n\r\nx", 1, ENTRY_OPEN },
		{ "recipients", "F a head=3\nP b\n\n", "A\r\n\r\n", 2,
		  ENTRY_CORRUPT },
		{ "no blank line", "F a head=3\nP b\n\n", "A\r\nxx", 1,
		  ENTRY_CORRUPT },
		{ "no line end", "F a head=2\nP b\n\n", "AA\r\n", 1,
		  ENTRY_CORRUPT },
		{ "head too long", "F a head=4\nP b\n\n", "A\r\n\r\n", 1,
		  ENTRY_CORRUPT },
		{ "head of all", "F a head=18446744073709551615\nP b\n\n",
		  "A\r\n\r\n", 1, ENTRY_CORRUPT },
		{ "newer", "F a head=3 new=1\nP b\n\n", "A\r\n\r\n", 1,
		  ENTRY_FUTURE },
	};
	char id[STORE_ID_ROOM], path[128];

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct format_trailer t = { .rcpts = rows[i].rcpts };
		struct crc32c *c = xcalloc(1, sizeof(*c));
		bool in_line = false;
		struct buf b;

		buf_init(&b, 1000);
		buf_addf(&b, "posthaste 1 0 0 \n%s", rows[i].header);
		t.header = b.len;
		t.message = strlen(rows[i].message);
		crc32c_init(c);
		format_sum_header(c, buf_str(&b), &in_line);
		crc32c_add(c, str_of(rows[i].message));
		buf_addz(&b, rows[i].message);
		format_trailer(&b, &t, c);
		put(path, b.p, b.len);
		if (open_and_close(id, ALL) != rows[i].r)
			fail_msg("%s", rows[i].name);
		buf_release(&b);
		free(c);
	}
}

static void zeroed_blocks(void **state)
{
	char id[STORE_ID_ROOM], path[128], whole[4096];
	size_t n;

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	n = slurp(path, whole, sizeof(whole));
	memset(whole + n / 2, 0, n - n / 2);
	put(path, whole, n);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
	memset(whole, 0, n);
	put(path, whole, n);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
}

static void other_versions(void **state)
{
	char id[STORE_ID_ROOM], path[128];
	static const struct {
		const char *text;
		enum entry_result r;
	} rows[] = {
		{ "posthaste 2 anything\n", ENTRY_FUTURE },
		{ "posthaste 10 \n", ENTRY_FUTURE },
		{ "posthaste 0 0 0 \n", ENTRY_CORRUPT },
		{ "posthaste 01x 0 0 \n", ENTRY_CORRUPT },
		{ "posthaste -2 0 0 \n", ENTRY_CORRUPT },
		{ "posthaste 99999999999999999999 0 \n", ENTRY_CORRUPT },
		{ "posthaste 2", ENTRY_CORRUPT },
		{ "posthaste", ENTRY_CORRUPT },
		{ "Posthaste 2 \n", ENTRY_CORRUPT },
		{ "\n", ENTRY_CORRUPT },
	};

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put(path, rows[i].text, strlen(rows[i].text));
		if (open_and_close(id, ALL) != rows[i].r)
			fail_msg("%s", rows[i].text);
		assert_true(err.text[0]);
	}
}

/* ---- strangers ---- */

static void hard_link(void **state)
{
	char id[STORE_ID_ROOM], path[128], other[128], left[128];

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	snprintf(other, sizeof(other), "%s/elsewhere", spool_base);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
	assert_int_equal(open_and_close(id, 0), ENTRY_CORRUPT);
	unlink(other);
	/* But what a writer that died left is put in order. */
	path_of(left, 't', id);
	assert_int_equal(link(path, left), 0);
	assert_int_equal(open_and_close(id, 0), ENTRY_OPEN);
	assert_int_equal(access(left, F_OK), 0);
	assert_int_equal(open_and_close(id, ALL), ENTRY_OPEN);
	assert_int_equal(access(left, F_OK), -1);
	/* A third name is not. */
	assert_int_equal(link(path, left), 0);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
	unlink(left);
	/* A t. file of the same id that is another file is no excuse. */
	put(left, "x", 1);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
	unlink(other);
}

static void no_files(void **state)
{
	char id[STORE_ID_ROOM], path[128], real[128];

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	snprintf(real, sizeof(real), "%s/elsewhere", spool_base);
	rename(path, real);
	assert_int_equal(open_and_close(id, ALL), ENTRY_GONE);
	assert_int_equal(symlink(real, path), 0);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
	assert_int_equal(open_and_close(id, ENTRY_CHECK), ENTRY_CORRUPT);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
	assert_int_equal(open_and_close(id, 0), ENTRY_CORRUPT);
	rmdir(path);
	assert_int_equal(open_and_close("../../../etc/x", ALL), ENTRY_GONE);
	assert_int_equal(open_and_close("", ALL), ENTRY_GONE);
	unlink(real);
}

static void foreign_owner(void **state)
{
	char id[STORE_ID_ROOM], path[128];

	(void)state;
	if (geteuid())
		skip();
	sample_queue(id);
	path_of(path, 'm', id);
	assert_int_equal(chown(path, 12345, -1), 0);
	assert_int_equal(open_and_close(id, ALL), ENTRY_CORRUPT);
}

/* ---- locks ---- */

static void one_at_a_time(void **state)
{
	char id[STORE_ID_ROOM];
	struct entry e;
	int status;
	pid_t pid;

	(void)state;
	sample_queue(id);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	pid = fork();
	if (!pid) {
		int r = open_and_close(id, ALL) == ENTRY_BUSY &&
			open_and_close(id, ENTRY_CHECK) == ENTRY_OPEN;
		_exit(!r);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	entry_release(&e);
	/* Killed while it holds the lock: the lock goes with it. */
	pid = fork();
	if (!pid) {
		entry_open(&e, &spool, id, ALL, &err);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(open_and_close(id, ALL), ENTRY_OPEN);
}

/* What was opened before another was done with it is not delivered again. */
static void locked_too_late(void **state)
{
	char id[STORE_ID_ROOM], path[128], other[STORE_ID_ROOM], its[128];
	struct entry e;
	int status, go[2];
	pid_t pid;
	char c;

	(void)state;
	sample_queue(id);
	path_of(path, 'm', id);
	assert_int_equal(pipe(go), 0);
	/* Replaced under the same name: what is locked is what is there. */
	sample_queue(other);
	path_of(its, 'm', other);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	pid = fork();
	if (!pid) {
		close(go[1]);
		(void)!read(go[0], &c, 1);
		_exit(open_and_close(id, ALL) != ENTRY_GONE);
	}
	assert_int_equal(store_remove(&spool, id, &err), 0);
	close(go[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	entry_release(&e);
	close(go[0]);
}

/* ---- failed/ ---- */

static void requeue(void **state)
{
	char id[STORE_ID_ROOM];
	struct store_item item;
	struct entry e;

	(void)state;
	sample_queue(id);
	assert_int_equal(entry_requeue(&spool, id, &err), -1);
	assert_int_equal(err.kind, ERROR_INPUT);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_int_equal(entry_mark(&e, 0, FORMAT_DELIVERED, &err), 0);
	assert_int_equal(entry_mark(&e, 1, FORMAT_FAILED, &err), 0);
	assert_int_equal(store_plan(&spool, id, STORE_HELD, &err), 0);
	assert_int_equal(store_fail(&spool, id, &err), 0);
	entry_release(&e);
	assert_int_equal(open_and_close(id, ALL), ENTRY_GONE);
	assert_int_equal(names("failed", "m."), 1);
	assert_int_equal(open_and_close(id, ENTRY_FAILED | ENTRY_CHECK),
			 ENTRY_OPEN);
	assert_int_equal(entry_requeue(&spool, id, &err), 0);
	assert_int_equal(names("failed", ""), 0);
	assert_int_equal(entry_open(&e, &spool, id, ALL, &err), ENTRY_OPEN);
	assert_int_equal(entry_status(&e, 0), FORMAT_DELIVERED);
	assert_int_equal(entry_status(&e, 1), FORMAT_PENDING);
	entry_release(&e);
	assert_true(store_look(&spool, id, &item));
	assert_true(item.due != STORE_HELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(round_trip), SPOOL_TEST(bare_and_binary),
		SPOOL_TEST(status_round_trip),
		SPOOL_TEST(records_on_a_full_disk),
		SPOOL_TEST(many_recipients), SPOOL_TEST(every_truncation),
		SPOOL_TEST(every_bit), SPOOL_TEST(zeroed_blocks),
		SPOOL_TEST(made_wrong),
		SPOOL_TEST(other_versions), SPOOL_TEST(hard_link),
		SPOOL_TEST(no_files), SPOOL_TEST(foreign_owner),
		SPOOL_TEST(one_at_a_time), SPOOL_TEST(locked_too_late),
		SPOOL_TEST(requeue),
	};

	return cmocka_run_group_tests(tests, NULL, spool_end);
}
