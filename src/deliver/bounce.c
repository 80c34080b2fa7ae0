#include "deliver/bounce.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/dsn.h"
#include "spool/enqueue.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/str.h"
#include "util/xalloc.h"

enum { HOUR = 3600, UNIQUE_OCTETS = 12 };

/* Who was told when: a line for each, "TIME SENDER", SENDER being a CRC. */
#define RATE_FILE "bounces"
enum { RATE_FILE_MAX = 1 << 20 };

void bounce_init(struct bounce *b, const struct store *s, const char *mailname)
{
	*b = (struct bounce){ .store = s, .mailname = mailname,
			      .sender_max = BOUNCE_SENDER_MAX,
			      .hour_max = BOUNCE_HOUR_MAX,
			      .return_max = BOUNCE_RETURN_MAX };
}

/* -- how many lately --------------------------------------------------------- */

struct rate {
	int fd;			/* locked; -1 if there is no such file */
	uint32_t sender;
	unsigned all, same;	/* in the last hour */
	struct buf text;	/* the lines of the last hour */
};

/* Domains and, mostly, local parts do not differ by case. */
static uint32_t sender_sum(const char *from)
{
	struct crc32c *c = xcalloc(1, sizeof(*c));
	uint32_t sum;

	crc32c_init(c);
	for (; *from; from++) {
		char low = ascii_lower(*from);

		crc32c_add(c, (struct str){ &low, 1 });
	}
	sum = crc32c_value(c);
	free(c);
	return sum;
}

static void count_line(struct rate *r, struct str line, int64_t now)
{
	struct str when = str_cut(&line, ' ');
	uint64_t time, sender;

	if (!str_u64(when, INT64_MAX, &time) ||
	    !str_u64(line, UINT32_MAX, &sender))
		return;
	/* What lies ahead is a clock's error, and must not last. */
	if ((int64_t)time > now || now - (int64_t)time >= HOUR)
		return;
	r->all++;
	r->same += sender == r->sender;
	buf_addf(&r->text, "%llu %llu\n", (unsigned long long)time,
		 (unsigned long long)sender);
}

static void rate_close(struct rate *r)
{
	if (r->fd >= 0)
		close(r->fd);
	buf_release(&r->text);
}

/* A file with another name elsewhere is nothing to write to. */
static bool is_own(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

/*
 * Without the file, or with one that makes no sense, nothing was told: a cap
 * against storms is no reason to withhold a bounce.
 */
static void rate_open(struct rate *r, const struct store *s, const char *from,
		      int64_t now)
{
	struct buf old;
	struct str rest;
	ssize_t n;

	*r = (struct rate){ .sender = sender_sum(from) };
	buf_init(&r->text, RATE_FILE_MAX);
	r->fd = openat(s->fd, RATE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW |
		       O_NONBLOCK | O_CLOEXEC, 0600);
	if (r->fd < 0 || !is_own(r->fd)) {
		rate_close(r);
		r->fd = -1;
		return;
	}
	while (flock(r->fd, LOCK_EX) && errno == EINTR)
		;
	buf_init(&old, RATE_FILE_MAX);
	while (old.len < RATE_FILE_MAX - 4096) {
		n = pread(r->fd, buf_room(&old, 4096), 4096, (off_t)old.len);
		if (n <= 0 && !(n < 0 && errno == EINTR))
			break;
		buf_grew(&old, n > 0 ? (size_t)n : 0);
	}
	rest = buf_str(&old);
	while (rest.n)
		count_line(r, str_cut(&rest, '\n'), now);
	buf_release(&old);
}

static bool rate_allows(const struct rate *r, const struct bounce *b)
{
	return r->all < b->hour_max && r->same < b->sender_max;
}

static void rate_count(struct rate *r, int64_t now)
{
	if (r->fd < 0)
		return;
	buf_addf(&r->text, "%llu %llu\n",
		 (unsigned long long)(now > 0 ? now : 0),
		 (unsigned long long)r->sender);
	/* What goes wrong here makes the count wrong, and nothing else. */
	if (pwrite(r->fd, r->text.p, r->text.len, 0) < 0 ||
	    ftruncate(r->fd, (off_t)r->text.len))
		return;
}

/* -- what is owed ------------------------------------------------------------ */

enum { HOLD_NOT, HOLD_UNTOLD, HOLD_RELAY };

/* One entry being settled. */
struct settling {
	const struct bounce *b;
	const struct bounce_attempt *a;
	struct entry *e;
	struct dsn_rcpt *owed;
	size_t n_owed, cap;
	size_t n[DSN_FAILED + 1];	/* of them, by action */
	char *hold;		/* by recipient: HOLD_X, why F is not written */
	bool left;		/* recipients that will be tried again */
};

/* Does NOTIFY (RFC 3461 s4.1) ask for it?  Without, all but success. */
static bool notify_asks(const char *notify, enum dsn_action action)
{
	static const char *const words[] = { "SUCCESS", "DELAY", "FAILURE" };
	struct str rest = str_of(notify);

	if (!rest.n)
		return action != DSN_RELAYED;
	while (rest.n)
		if (str_caseeq(str_trim(str_cut(&rest, ',')),
			       str_of(words[action])))
			return true;
	return false;
}

/* The last that was said of a recipient, today or before. */
static const struct verdict *last_word(const struct settling *s, size_t i)
{
	const struct verdict *v = envelope_verdict(&s->e->env, i);
	const struct verdict *before = NULL;

	if (v->outcome == OUTCOME_PENDING && s->a->state)
		before = state_reply(s->a->state, i);
	return before ? before : v;
}

static void owe(struct settling *s, size_t i, enum dsn_action action)
{
	const struct rcpt *r = &s->e->env.rcpt[i];
	const struct verdict *v = last_word(s, i);
	bool now = v == envelope_verdict(&s->e->env, i) &&
		v->outcome != OUTCOME_PENDING;
	const struct state *st = s->a->state;

	if (!notify_asks(r->notify, action) ||
	    (!*s->e->env.from && action != DSN_FAILED))
		return;
	if (s->n_owed == s->cap) {
		s->cap = 2 * s->cap + 8;
		s->owed = xrealloc(s->owed, s->cap, sizeof(*s->owed));
	}
	s->owed[s->n_owed++] = (struct dsn_rcpt){
		.action = action, .addr = r->addr, .orcpt = r->orcpt,
		/* Who said it before is not known. */
		.relay = now && v->stage != STAGE_LOCAL ? s->a->relay : "",
		.verdict = v,
		.last_attempt = now ? s->a->now : st ? st->past.last : 0,
		.retry_until = s->a->retry_until,
	};
	s->n[action]++;
	if (action == DSN_FAILED)
		s->hold[i] = HOLD_UNTOLD;
}

/*
 * Is a failure the message's own?  All that comes before MAIL, a login or TLS
 * that is missing, and broken protocol are the relay's: that can be mended.
 */
static bool is_final(const struct verdict *v)
{
	if (v->stage >= STAGE_CONNECT && v->stage <= STAGE_AUTH)
		return false;
	if (v->code)
		return v->code != 530;
	return v->stage == STAGE_LOCAL || v->kind == ERROR_DATA;
}

static void look_at(struct settling *s, size_t i)
{
	const struct verdict *v = envelope_verdict(&s->e->env, i);
	enum outcome o = v->outcome;
	char before = entry_status(s->e, i);

	if (o == OUTCOME_FAILED && before != FORMAT_FAILED && !is_final(v)) {
		o = OUTCOME_DEFERRED;
		s->hold[i] = HOLD_RELAY;
	}
	if (o == OUTCOME_SENT) {
		if (before != FORMAT_DELIVERED && !s->a->dsn)
			owe(s, i, DSN_RELAYED);
	} else if (o == OUTCOME_FAILED) {
		if (before != FORMAT_FAILED)
			owe(s, i, DSN_FAILED);
	} else if (s->a->expired) {
		owe(s, i, DSN_FAILED);
	} else {
		s->left = true;
		if (s->a->notice)
			owe(s, i, DSN_DELAYED);
	}
}

/* -- telling it -------------------------------------------------------------- */

static int commit(const struct settling *s, struct dsn_made *made,
		  char id[STORE_ID_ROOM], struct error *err)
{
	struct envelope env;
	struct enqueue_what what = { .env = &env, .message = &made->message,
				     .account = s->e->head.account,
				     .outcomes = 1u << OUTCOME_PENDING };
	int ret;

	envelope_init(&env);
	/* RFC 3461 s6.1: of a notification there is no notification. */
	envelope_add(&env, s->e->env.from, "NEVER", "");
	env.size = message_size(&made->message);
	env.body = made->message.body_facts.eightbit ? BODY_8BIT : BODY_7BIT;
	env.utf8 = made->utf8;
	ret = enqueue(s->b->store, &what, id, err);
	envelope_release(&env);
	return ret;
}

static int make_and_commit(const struct settling *s, char id[STORE_ID_ROOM],
			   struct error *err)
{
	struct dsn_made made;
	struct buf unique;
	int ret;

	buf_init(&unique, 2 * UNIQUE_OCTETS);
	entropy_hex(&unique, UNIQUE_OCTETS);
	ret = dsn_make(&made, &(struct dsn){
		.mailname = s->b->mailname, .to = s->e->env.from,
		.envid = s->e->env.envid, .ret = s->e->env.ret,
		.arrival = s->e->head.created, .now = s->a->now,
		.zone = clock_zone(s->a->now), .unique = buf_cstr(&unique),
		.original = &s->e->message, .return_max = s->b->return_max,
		.rcpt = s->owed, .n_rcpt = s->n_owed }, err);
	if (!ret)
		ret = commit(s, &made, id, err);
	dsn_release(&made);
	buf_release(&unique);
	return ret;
}

/* 0 if nothing is owed any more; else told->why. */
static int tell(const struct settling *s, struct bounce_told *told)
{
	struct rate rate;
	int ret;

	if (!s->n_owed)
		return 0;
	if (!*s->e->env.from)
		return error_set(&told->why, ERROR_DATA,
				 "the sender is the null path, to which "
				 "nothing is returned");
	rate_open(&rate, s->b->store, s->e->env.from, s->a->now);
	if (!rate_allows(&rate, s->b))
		ret = error_set(&told->why, ERROR_UNAVAILABLE,
				"%u notifications in the last hour (%u to this "
				"sender) are as many as the limits allow",
				rate.all, rate.same);
	else
		ret = make_and_commit(s, told->id, &told->why);
	if (ret) {
		*told->id = '\0';
	} else {
		rate_count(&rate, s->a->now);
		told->failed = s->n[DSN_FAILED];
		told->delayed = s->n[DSN_DELAYED];
		told->relayed = s->n[DSN_RELAYED];
	}
	rate_close(&rate);
	return ret;
}

/* -- the entry itself -------------------------------------------------------- */

/* Record what the attempt said, but leave pending who is on hold. */
static int record(struct settling *s, struct error *err)
{
	struct envelope *env = &s->e->env;
	uint32_t *said = xcalloc(env->n_rcpt + 1, sizeof(*said));
	int ret;

	for (size_t i = 0; i < env->n_rcpt; i++) {
		said[i] = env->rcpt[i].verdict;
		if (s->hold[i])
			env->rcpt[i].verdict = 0;
	}
	ret = entry_record(s->e, err);
	for (size_t i = 0; i < env->n_rcpt; i++)
		env->rcpt[i].verdict = said[i];
	free(said);
	return ret;
}

static int keep(const struct settling *s, enum bounce_end *end,
		struct error *err)
{
	if (store_fail(s->b->store, s->e->id, err))
		return -1;
	*end = BOUNCE_KEPT;
	return 0;
}

/* At least nobody gets the message, or the notification, twice. */
static void record_end(struct settling *s)
{
	struct error ignored;

	if (entry_record(s->e, &ignored))
		return;
	for (size_t i = 0; i < s->e->env.n_rcpt; i++)
		if (entry_status(s->e, i) != FORMAT_DELIVERED &&
		    entry_status(s->e, i) != FORMAT_FAILED)
			entry_mark(s->e, i, FORMAT_FAILED, &ignored);
}

/* All of it is settled. */
static int finish(struct settling *s, enum bounce_end *end, struct error *err)
{
	if (store_remove(s->b->store, s->e->id, err)) {
		record_end(s);
		return -1;
	}
	*end = BOUNCE_REMOVED;
	return 0;
}

static int settle(struct settling *s, enum bounce_end *end,
		  struct bounce_told *told, struct error *err)
{
	bool untold;

	/* With nobody left and nothing to tell, removal is the record. */
	if ((s->left || s->n_owed) && record(s, err))
		return -1;
	untold = tell(s, told) && s->n[DSN_FAILED];
	for (size_t i = 0; i < s->e->env.n_rcpt && !untold; i++)
		if (s->hold[i] == HOLD_UNTOLD)
			s->hold[i] = HOLD_NOT;
	*end = BOUNCE_REMAINS;
	if (s->left)
		return record(s, err);
	return untold ? keep(s, end, err) : finish(s, end, err);
}

int bounce_settle(const struct bounce *b, struct entry *e,
		  const struct bounce_attempt *a, enum bounce_end *end,
		  struct bounce_told *told, struct error *err)
{
	struct settling s = { .b = b, .a = a, .e = e };
	int ret;

	*told = (struct bounce_told){ .failed = 0 };
	s.hold = xcalloc(e->env.n_rcpt + 1, sizeof(*s.hold));
	for (size_t i = 0; i < e->env.n_rcpt; i++)
		look_at(&s, i);
	ret = settle(&s, end, told, err);
	free(s.hold);
	free(s.owed);
	return ret;
}
