#include "deliver/bounce.h"

#include "spool/spool.h"

#include <sys/resource.h>

#include "sys/intake.h"
#include "util/buf.h"

enum { NOW = 1795294532, ALL = ENTRY_LOCK | ENTRY_CHECK | ENTRY_MESSAGE };

static struct error err;

/* An entry that was attempted. */
struct scene {
	struct sample sample;
	struct entry entry;
	struct bounce bounce;
	struct bounce_attempt attempt;
	enum bounce_end end;
	struct bounce_told told;
};

static const struct verdict sent = {
	.outcome = OUTCOME_SENT, .stage = STAGE_CONTENT, .code = 250,
	.enhanced = "2.0.0", .text = { "ok", 2 }
};
static const struct verdict no = {
	.outcome = OUTCOME_FAILED, .stage = STAGE_RCPT, .code = 550,
	.enhanced = "5.1.1", .text = { "5.1.1 nobody", 12 }
};
static const struct verdict later = {
	.outcome = OUTCOME_DEFERRED, .stage = STAGE_RCPT, .code = 450,
	.enhanced = "4.2.2", .text = { "4.2.2 full", 10 }
};
static const struct verdict unknown = {
	.outcome = OUTCOME_UNKNOWN, .stage = STAGE_CONTENT, .kind = ERROR_NET,
	.text = { "lost", 4 }
};

/*
 * What no relay says of a message: a login refused, TLS wanted, protocol
 * broken.  And what cannot be sent at all, and was not because of others.
 */
static const struct verdict login = {
	.outcome = OUTCOME_FAILED, .stage = STAGE_AUTH, .code = 535,
	.enhanced = "5.7.8", .text = { "5.7.8 no", 8 }
}, greeting = {
	.outcome = OUTCOME_FAILED, .stage = STAGE_CONNECT, .kind = ERROR_HOST,
	.text = { "no host", 7 }
}, need = {
	.outcome = OUTCOME_FAILED, .stage = STAGE_MAIL, .code = 530,
	.text = { "TLS", 3 }
}, broken = {
	.outcome = OUTCOME_FAILED, .stage = STAGE_DATA, .kind = ERROR_PROTOCOL,
	.text = { "odd", 3 }
}, data = {
	.outcome = OUTCOME_FAILED, .stage = STAGE_MAIL, .kind = ERROR_DATA,
	.text = { "8-bit", 5 }
}, others = {
	.outcome = OUTCOME_FAILED, .stage = STAGE_LOCAL,
	.text = { "another", 7 }
};

static const struct {
	char letter;
	const struct verdict *verdict;
} letters[] = {
	{ 'S', &sent }, { 'F', &no }, { 'L', &later }, { 'U', &unknown },
	{ 'A', &login }, { 'G', &greeting }, { 'N', &need }, { 'B', &broken },
	{ 'D', &data }, { 'O', &others },
};

/* A letter for each recipient; "." was not tried. */
static void attempt(struct scene *s, const char *outcomes)
{
	for (size_t i = 0; outcomes[i]; i++)
		for (size_t k = 0; k < sizeof(letters) / sizeof(*letters); k++)
			if (outcomes[i] == letters[k].letter)
				envelope_settle_one(&s->entry.env, i,
						    letters[k].verdict);
}

/* As the next run finds it; `id` is the entry's. */
static void open_again(struct scene *s, const char *id)
{
	entry_release(&s->entry);
	if (entry_open(&s->entry, &spool, id, ALL, &err) != ENTRY_OPEN)
		fail_msg("%s", err.text);
}

/* Queue a message to b@, c@, ... with this NOTIFY, and open it. */
static void begin(struct scene *s, const char *from, const char *notify,
		  const char *outcomes)
{
	static const char *const addr[] = { "b@example.org", "c@example.org",
					    "d@example.org" };
	char id[STORE_ID_ROOM];

	memset(s, 0, sizeof(*s));
	s->entry.fd = -1;
	sample_init(&s->sample);
	s->sample.env.n_rcpt = 0;
	s->sample.env.from = from;
	s->sample.env.envid = "env1";
	for (size_t i = 0; outcomes[i]; i++)
		envelope_add(&s->sample.env, addr[i], notify, "");
	if (enqueue(&spool, &s->sample.what, id, &err))
		fail_msg("%s", err.text);
	open_again(s, id);
	bounce_init(&s->bounce, &spool, "host.example");
	s->attempt = (struct bounce_attempt){ .relay = "smtp.example.net",
					      .now = NOW };
	attempt(s, outcomes);
}

static int settle(struct scene *s)
{
	return bounce_settle(&s->bounce, &s->entry, &s->attempt, &s->end,
			     &s->told, &err);
}

static void finish(struct scene *s)
{
	entry_release(&s->entry);
	sample_release(&s->sample);
}

/* The notification's text; its envelope is checked on the way. */
static void read_notice(struct scene *s, struct buf *text)
{
	struct entry e;
	size_t n;

	if (entry_open(&e, &spool, s->told.id, ALL, &err) != ENTRY_OPEN)
		fail_msg("%s", err.text);
	assert_string_equal(e.env.from, "");
	assert_int_equal(e.env.n_rcpt, 1);
	assert_string_equal(e.env.rcpt[0].addr, s->entry.env.from);
	assert_string_equal(e.env.rcpt[0].notify, "NEVER");
	assert_string_equal(e.env.ret, "");
	assert_string_equal(e.head.account, "work");
	n = (size_t)message_size(&e.message);
	assert_int_equal(n, e.env.size);
	assert_int_equal(intake_read(&e.message, 0, buf_room(text, n), n, &err),
			 0);
	buf_grew(text, n);
	entry_release(&e);
}

/* What the file says of each recipient, when it is there. */
static void statuses(struct scene *s, char out[8])
{
	struct entry e;

	memset(out, 0, 8);
	if (entry_open(&e, &spool, s->entry.id, s->end == BOUNCE_KEPT ?
		       ENTRY_FAILED : 0, &err) == ENTRY_OPEN)
		for (size_t i = 0; i < e.env.n_rcpt; i++)
			out[i] = entry_status(&e, i);
	entry_release(&e);
}

/* -- what is told, and what becomes of the entry ----------------------------- */

static const struct row {
	const char *name, *from, *notify, *outcomes;
	bool dsn, expired, notice;
	enum bounce_end end;
	const char *status;		/* of the file after it */
	size_t failed, delayed, relayed;
	enum error_kind why;
} rows[] = {
	{ "sent", "a@example.org", "", "SS", .end = BOUNCE_REMOVED, .status = "" },
	{ "one left", "a@example.org", "", "SL", .end = BOUNCE_REMAINS, .status = "DP" },
	{ "unknown", "a@example.org", "", "SU", .end = BOUNCE_REMAINS, .status = "DU" },
	{ "not tried", "a@example.org", "", "..", .end = BOUNCE_REMAINS, .status = "PP" },
	{ "failed", "a@example.org", "", "SFF", .end = BOUNCE_REMOVED, .status = "", .failed = 2 },
	{ "failed, one left", "a@example.org", "", "FL.", .end = BOUNCE_REMAINS, .status = "FPP",
	  .failed = 1 },
	{ "FAILURE", "a@example.org", "SUCCESS,failure", "F", .end = BOUNCE_REMOVED, .status = "",
	  .failed = 1 },
	{ "NEVER", "a@example.org", "NEVER", "FS", .end = BOUNCE_REMOVED, .status = "" },
	{ "NEVER, one left", "a@example.org", "NEVER", "FL", .end = BOUNCE_REMAINS, .status = "FP" },
	{ "NEVER, late", "a@example.org", "NEVER", "L", .notice = true, .end = BOUNCE_REMAINS,
	  .status = "P" },
	{ "NEVER, expired", "a@example.org", "NEVER", "L", .expired = true, .end = BOUNCE_REMOVED,
	  .status = "" },
	{ "DELAY only", "a@example.org", "DELAY", "F", .end = BOUNCE_REMOVED, .status = "" },
	{ "late", "a@example.org", "", "SL.", .notice = true, .end = BOUNCE_REMAINS, .status = "DPP",
	  .delayed = 2 },
	{ "late, DELAY", "a@example.org", "DELAY", "L", .notice = true, .end = BOUNCE_REMAINS,
	  .status = "P", .delayed = 1 },
	{ "late, FAILURE only", "a@example.org", "FAILURE", "L", .notice = true,
	  .end = BOUNCE_REMAINS, .status = "P" },
	{ "late and failed", "a@example.org", "", "LF", .notice = true, .end = BOUNCE_REMAINS,
	  .status = "PF", .failed = 1, .delayed = 1 },
	{ "expired", "a@example.org", "", "SL.", .expired = true, .end = BOUNCE_REMOVED, .status = "",
	  .failed = 2 },
	{ "expired, unknown", "a@example.org", "", "U", .expired = true, .end = BOUNCE_REMOVED,
	  .status = "", .failed = 1 },
	{ "success", "a@example.org", "SUCCESS", "SL", .end = BOUNCE_REMAINS, .status = "DP",
	  .relayed = 1 },
	{ "success of all", "a@example.org", "SUCCESS", "SS", .end = BOUNCE_REMOVED, .status = "",
	  .relayed = 2 },
	{ "success is the relay's", "a@example.org", "SUCCESS", "S", .dsn = true,
	  .end = BOUNCE_REMOVED, .status = "" },
	{ "failure is ours", "a@example.org", "FAILURE", "F", .dsn = true, .end = BOUNCE_REMOVED,
	  .status = "", .failed = 1 },
	{ "null path", "", "", "SF", .end = BOUNCE_KEPT, .status = "DP", .why = ERROR_DATA },
	{ "null path, one left", "", "", "FL", .end = BOUNCE_REMAINS, .status = "PP",
	  .why = ERROR_DATA },
	{ "null path, late", "", "", "L", .notice = true, .end = BOUNCE_REMAINS, .status = "P" },
	{ "null path, success", "", "SUCCESS", "S", .end = BOUNCE_REMOVED, .status = "" },
	{ "null path, expired", "", "", "L", .expired = true, .end = BOUNCE_KEPT, .status = "P",
	  .why = ERROR_DATA },
	{ "null path, NEVER", "", "NEVER", "F", .end = BOUNCE_REMOVED, .status = "" },
	{ "login", "a@example.org", "", "A", .end = BOUNCE_REMAINS, .status = "P" },
	{ "no host", "a@example.org", "", "G", .end = BOUNCE_REMAINS, .status = "P" },
	{ "530", "a@example.org", "", "NF", .end = BOUNCE_REMAINS, .status = "PF", .failed = 1 },
	{ "protocol", "a@example.org", "", "SB", .end = BOUNCE_REMAINS, .status = "DP" },
	{ "protocol, late", "a@example.org", "", "B", .notice = true, .end = BOUNCE_REMAINS,
	  .status = "P", .delayed = 1 },
	{ "login, expired", "a@example.org", "", "A", .expired = true, .end = BOUNCE_REMOVED,
	  .status = "", .failed = 1 },
	{ "cannot be sent", "a@example.org", "", "DO", .end = BOUNCE_REMOVED, .status = "",
	  .failed = 2 },
	{ "no address", "a b", "", "F", .end = BOUNCE_KEPT, .status = "P", .why = ERROR_DATA },
};

static void check_row(const struct row *row)
{
	bool told = row->failed || row->delayed || row->relayed;
	struct scene s;
	char status[8];

	begin(&s, row->from, row->notify, row->outcomes);
	s.attempt.dsn = row->dsn;
	s.attempt.expired = row->expired;
	s.attempt.notice = row->notice;
	if (settle(&s))
		fail_msg("%s: %s", row->name, err.text);
	statuses(&s, status);
	if (s.end != row->end || strcmp(status, row->status))
		fail_msg("%s: end %d, '%s'", row->name, (int)s.end, status);
	if (s.told.failed != row->failed || s.told.delayed != row->delayed ||
	    s.told.relayed != row->relayed || s.told.why.kind != row->why)
		fail_msg("%s: told %zu %zu %zu, %s", row->name, s.told.failed,
			 s.told.delayed, s.told.relayed,
			 s.told.why.kind ? s.told.why.text : "");
	if (row->why && !*row->from &&
	    !strstr(s.told.why.text, "the sender is the null path"))
		fail_msg("%s: %s", row->name, s.told.why.text);
	if (!*s.told.id == told ||
	    names("", "m.") != told + (row->end == BOUNCE_REMAINS) ||
	    names("failed", "m.") != (row->end == BOUNCE_KEPT))
		fail_msg("%s: id '%s', %d queued, %d failed", row->name,
			 s.told.id, names("", "m."), names("failed", "m."));
	finish(&s);
}

static void rows_settle(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check_row(&rows[i]);
		spool_down(state);
		assert_int_equal(spool_up(state), 0);
	}
}

static void text_says_it(void **state)
{
	struct scene s;
	struct buf text;

	(void)state;
	begin(&s, "a@example.org", "", "SF");
	assert_int_equal(settle(&s), 0);
	buf_init(&text, 1 << 16);
	read_notice(&s, &text);
	assert_non_null(strstr(buf_cstr(&text), "\r\nTo: a@example.org\r\n"));
	assert_non_null(strstr(buf_cstr(&text),
			       "\r\nOriginal-Envelope-Id: env1\r\n"));
	assert_non_null(strstr(buf_cstr(&text), "rfc822; c@example.org\r\n"
			       "Action: failed\r\nStatus: 5.1.1\r\n"
			       "Remote-MTA: dns; smtp.example.net\r\n"
			       "Diagnostic-Code: smtp; 550 5.1.1 nobody\r\n"
			       "Last-Attempt-Date: "));
	assert_non_null(strstr(buf_cstr(&text), sample_body));
	assert_null(strstr(buf_cstr(&text), "b@example.org"));
	buf_release(&text);
	finish(&s);
}

/* A recipient that was not tried this time: what was said before. */
static void earlier_words(void **state)
{
	char id[STORE_ID_ROOM];
	struct state st;
	struct scene s;
	struct buf text;

	(void)state;
	begin(&s, "a@example.org", "", "L");
	state_init(&st);
	state_take(&st, &s.entry.env);
	st.past.last = NOW - 3600;
	assert_int_equal(settle(&s), 0);
	assert_int_equal(s.end, BOUNCE_REMAINS);
	memcpy(id, s.entry.id, sizeof(id));
	open_again(&s, id);
	s.attempt.expired = true;
	s.attempt.state = &st;
	assert_int_equal(settle(&s), 0);
	assert_int_equal(s.end, BOUNCE_REMOVED);
	buf_init(&text, 1 << 16);
	read_notice(&s, &text);
	assert_non_null(strstr(buf_cstr(&text), "Status: 4.2.2\r\n"
			       "Diagnostic-Code: smtp; 450 4.2.2 full\r\n"));
	buf_release(&text);
	state_release(&st);
	finish(&s);
}

/* Whom a failure was told to is not told again, and success neither. */
static void told_once(void **state)
{
	char id[STORE_ID_ROOM];
	struct scene s;

	(void)state;
	begin(&s, "a@example.org", "SUCCESS,FAILURE", "SFL");
	assert_int_equal(settle(&s), 0);
	assert_int_equal(s.told.failed, 1);
	assert_int_equal(s.told.relayed, 1);
	memcpy(id, s.entry.id, sizeof(id));
	open_again(&s, id);
	attempt(&s, "..F");
	assert_int_equal(settle(&s), 0);
	assert_int_equal(s.told.failed, 1);
	assert_int_equal(s.told.relayed, 0);
	assert_int_equal(s.end, BOUNCE_REMOVED);
	finish(&s);
}

/* -- the cap ----------------------------------------------------------------- */

static enum bounce_end bounce_once(const char *from, int64_t now,
				   unsigned sender_max, unsigned hour_max)
{
	struct scene s;

	begin(&s, from, "", "F");
	s.bounce.sender_max = sender_max;
	s.bounce.hour_max = hour_max;
	s.attempt.now = now;
	assert_int_equal(settle(&s), 0);
	if (s.end == BOUNCE_KEPT) {
		assert_int_equal(s.told.why.kind, ERROR_UNAVAILABLE);
	}
	finish(&s);
	return s.end;
}

static void senders_are_capped(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(bounce_once("a@example.org", NOW + i, 3, 9),
				 BOUNCE_REMOVED);
	assert_int_equal(bounce_once("a@example.org", NOW + 3, 3, 9),
			 BOUNCE_KEPT);
	assert_int_equal(bounce_once("A@Example.org", NOW + 3, 3, 9),
			 BOUNCE_KEPT);
	assert_int_equal(bounce_once("b@example.org", NOW + 3, 3, 9),
			 BOUNCE_REMOVED);
	assert_int_equal(bounce_once("c@example.org", NOW + 3, 3, 4),
			 BOUNCE_KEPT);
	/* The first is an hour ago, then it is not. */
	assert_int_equal(bounce_once("a@example.org", NOW + 3599, 3, 9),
			 BOUNCE_KEPT);
	assert_int_equal(bounce_once("a@example.org", NOW + 3600, 3, 9),
			 BOUNCE_REMOVED);
	assert_int_equal(bounce_once("a@example.org", NOW + 3600, 3, 9),
			 BOUNCE_KEPT);
	/* A clock that went back does not count what lies ahead. */
	assert_int_equal(bounce_once("a@example.org", NOW - 99, 3, 9),
			 BOUNCE_REMOVED);
	assert_int_equal(bounce_once("a@example.org", NOW, 0, 9), BOUNCE_KEPT);
}

/* What is wrong with the file stops no bounce. */
static void odd_counts(void **state)
{
	char path[128], other[128];
	struct stat st;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/bounces", spool_path);
	snprintf(other, sizeof(other), "%s/other", spool_base);
	f = fopen(path, "w");
	fprintf(f, "%d\n\n%d x\nx 1\n-1 1\n99999999999999999999 1\n%d 12", NOW,
		NOW, NOW);
	fclose(f);
	assert_int_equal(bounce_once("a@example.org", NOW, 2, 2),
			 BOUNCE_REMOVED);
	assert_int_equal(bounce_once("a@example.org", NOW, 2, 2), BOUNCE_KEPT);
	unlink(path);
	mkdir(path, 0700);
	assert_int_equal(bounce_once("a@example.org", NOW, 1, 1),
			 BOUNCE_REMOVED);
	rmdir(path);
	f = fopen(other, "w");
	fclose(f);
	assert_int_equal(link(other, path), 0);
	assert_int_equal(bounce_once("a@example.org", NOW, 1, 1),
			 BOUNCE_REMOVED);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, 0);
	unlink(path);
	unlink(other);
}

/* A cap that is reached holds no recipient back that can be tried yet. */
static void capped_and_left(void **state)
{
	struct scene s;
	char status[8];

	(void)state;
	begin(&s, "a@example.org", "", "SFL");
	s.bounce.hour_max = 0;
	assert_int_equal(settle(&s), 0);
	statuses(&s, status);
	assert_string_equal(status, "DPP");
	assert_int_equal(s.end, BOUNCE_REMAINS);
	assert_int_equal(s.told.why.kind, ERROR_UNAVAILABLE);
	finish(&s);
	/* A notice that is not given keeps nobody's message. */
	begin(&s, "a@example.org", "SUCCESS", "S");
	s.bounce.hour_max = 0;
	assert_int_equal(settle(&s), 0);
	assert_int_equal(s.end, BOUNCE_REMOVED);
	finish(&s);
}

/* -- trouble ----------------------------------------------------------------- */

/* No room for a notification: the original stays, and can be queued again. */
static void full_disk(void **state)
{
	struct rlimit old, small = { .rlim_cur = 1000 };
	char id[STORE_ID_ROOM];
	struct scene s;
	char status[8];
	int ret;

	(void)state;
	begin(&s, "a@example.org", "", "SF");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ret = settle(&s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(ret, 0);
	assert_int_equal(s.end, BOUNCE_KEPT);
	assert_int_equal(s.told.why.kind, ERROR_SPACE);
	statuses(&s, status);
	assert_string_equal(status, "DP");
	assert_int_equal(names("", "m."), 0);
	assert_int_equal(names("", "t."), 0);
	assert_int_equal(names("failed", "m."), 1);
	memcpy(id, s.entry.id, sizeof(id));
	entry_release(&s.entry);
	assert_int_equal(entry_requeue(&spool, id, &err), 0);
	open_again(&s, id);
	assert_int_equal(envelope_count(&s.entry.env, OUTCOME_PENDING), 1);
	attempt(&s, ".F");
	assert_int_equal(settle(&s), 0);
	assert_int_equal(s.end, BOUNCE_REMOVED);
	assert_int_equal(s.told.failed, 1);
	finish(&s);
}

/* What cannot be written down is not told either: it is all done again. */
static void cannot_record(void **state)
{
	struct rlimit old, none = { .rlim_cur = 1 };
	struct scene s;
	int ret;

	(void)state;
	begin(&s, "a@example.org", "", "SF");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	ret = settle(&s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(ret, -1);
	assert_int_equal(names("", "m."), 1);
	assert_int_equal(names("failed", "m."), 0);
	assert_string_equal(s.told.id, "");
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(rows_settle),
		SPOOL_TEST(text_says_it),
		SPOOL_TEST(earlier_words),
		SPOOL_TEST(told_once),
		SPOOL_TEST(senders_are_capped),
		SPOOL_TEST(odd_counts),
		SPOOL_TEST(capped_and_left),
		SPOOL_TEST(full_disk),
		SPOOL_TEST(cannot_record),
	};

	return cmocka_run_group_tests(tests, NULL, spool_end);
}
