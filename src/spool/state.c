#include "spool/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/xtext.h"
#include "spool/format.h"
#include "util/xalloc.h"

/*
 *	state 1 ATTEMPTS TRIES FIRST LAST WAITED TRIED NOTICED\n
 *	R FROM TO OUTCOME STAGE KIND CODE ENHANCED TEXT\n	(a run, TO not in it)
 *	end\n
 */
enum { FILE_MAX = 16 << 20 };		/* octets; past that without replies */

void state_init(struct state *st)
{
	*st = (struct state){ 0 };
	buf_init(&st->text, FILE_MAX);
}

void state_release(struct state *st)
{
	free(st->reply);
	buf_release(&st->text);
	state_init(st);
}

const struct verdict *state_reply(const struct state *st, size_t rcpt)
{
	size_t low = 0, high = st->n_reply;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (rcpt < st->reply[mid].from)
			high = mid;
		else if (rcpt >= st->reply[mid].to)
			low = mid + 1;
		else
			return &st->reply[mid].verdict;
	}
	return NULL;
}

/* ---- printing ---- */

static void print_first(const struct state *st, struct buf *out)
{
	const struct retry_past *p = &st->past;

	buf_addf(out, "state 1 %" PRIu32 " %" PRIu32 " %" PRId64 " %" PRId64
		 " %" PRIu64 " %" PRIu64 " %d\n", p->attempts, p->tries,
		 p->first, p->last, p->waited, p->tried, st->noticed);
}

/* Cut at a limit, and without what a queue file takes for damage. */
static void print_text(struct buf *out, struct str text)
{
	char clean[STATE_TEXT_MAX];
	size_t n = text.n < sizeof(clean) ? text.n : sizeof(clean);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		clean[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	xtext_encode(out, (struct str){ clean, n });
}

static bool is_enhanced(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return true;
}

static void print_run(struct buf *out, size_t from, size_t to,
		      const struct verdict *v)
{
	/* That it was queued says nothing of what became of it. */
	enum outcome o = v->outcome <= OUTCOME_UNKNOWN ? v->outcome :
			 OUTCOME_DEFERRED;

	buf_addf(out, "R %zu %zu %d %d %d %d ", from, to, (int)o,
		 (int)v->stage, (int)v->kind, v->code);
	if (is_enhanced(str_of(v->enhanced)))
		buf_addz(out, v->enhanced);
	buf_addch(out, ' ');
	print_text(out, v->text);
	buf_addch(out, '\n');
}

void state_print(const struct state *st, struct buf *out)
{
	print_first(st, out);
	for (size_t i = 0; i < st->n_reply; i++)
		print_run(out, st->reply[i].from, st->reply[i].to,
			  &st->reply[i].verdict);
	buf_addz(out, "end\n");
}

/* ---- parsing ---- */

/* Take a number, perhaps negative, up to the next blank or the line's end. */
static bool number(struct str *line, int64_t least, int64_t most, int64_t *out)
{
	struct str word = str_cut(line, ' ');
	bool minus = word.n && word.p[0] == '-';
	uint64_t u;

	if (minus) {
		word.p++;
		word.n--;
	}
	if (!str_u64(word, INT64_MAX, &u))
		return false;
	*out = minus ? -(int64_t)u : (int64_t)u;
	return *out >= least && *out <= most;
}

static bool parse_first(struct state *st, struct str line)
{
	const int64_t most = INT64_MAX / 4;
	struct retry_past *p = &st->past;
	int64_t attempts, tries, waited, tried, noticed;

	if (!str_starts(line, STR("state 1 ")))
		return false;
	line.p += 8;
	line.n -= 8;
	if (!number(&line, 0, UINT32_MAX, &attempts) ||
	    !number(&line, 0, attempts, &tries) ||
	    !number(&line, -most, most, &p->first) ||
	    !number(&line, -most, most, &p->last) ||
	    !number(&line, 0, most, &waited) ||
	    !number(&line, 0, waited, &tried) ||
	    !number(&line, 0, 1, &noticed) || line.n)
		return false;
	p->attempts = (uint32_t)attempts;
	p->tries = (uint32_t)tries;
	p->waited = (uint64_t)waited;
	p->tried = (uint64_t)tried;
	st->noticed = noticed;
	return true;
}

static bool parse_verdict(struct str line, struct verdict *v)
{
	int64_t outcome, stage, kind, code;
	struct str enhanced;

	if (!number(&line, 0, OUTCOME_UNKNOWN, &outcome) ||
	    !number(&line, 0, STAGE_QUIT, &stage) ||
	    !number(&line, 0, ERROR_KINDS - 1, &kind) ||
	    !number(&line, 0, 599, &code))
		return false;
	*v = (struct verdict){ .outcome = (enum outcome)outcome,
			       .stage = (enum stage)stage,
			       .kind = (enum error_kind)kind,
			       .code = (int)code };
	enhanced = str_cut(&line, ' ');
	if (enhanced.n >= sizeof(v->enhanced) || !is_enhanced(enhanced) ||
	    (code && code < 200))
		return false;
	memcpy(v->enhanced, enhanced.p, enhanced.n);
	/* The line end after it gives the room for the NUL. */
	if (!format_decode((char *)line.p, line.n))
		return false;
	v->text = str_of(line.p);
	return v->text.n <= STATE_TEXT_MAX;
}

static bool parse_run(struct state *st, struct str line, size_t n_rcpt)
{
	struct state_reply r;
	size_t least = st->n_reply ? st->reply[st->n_reply - 1].to : 0;
	int64_t from, to;

	if (!str_starts(line, STR("R ")))
		return false;
	line.p += 2;
	line.n -= 2;
	if (!number(&line, (int64_t)least, (int64_t)n_rcpt, &from) ||
	    !number(&line, from + 1, (int64_t)n_rcpt, &to) ||
	    !parse_verdict(line, &r.verdict))
		return false;
	r.from = (size_t)from;
	r.to = (size_t)to;
	/* Room doubles: whenever the count is a power of two. */
	if (!(st->n_reply & (st->n_reply - 1)))
		st->reply = xrealloc(st->reply, st->n_reply ?
				     2 * st->n_reply : 1, sizeof(r));
	st->reply[st->n_reply++] = r;
	return true;
}

static bool parse_all(struct state *st, size_t n_rcpt)
{
	struct str text = buf_str(&st->text);

	if (st->text.over || !text.n || text.p[text.n - 1] != '\n' ||
	    memchr(text.p, '\0', text.n) ||
	    !parse_first(st, str_cut(&text, '\n')))
		return false;
	while (text.n) {
		struct str line = str_cut(&text, '\n');

		if (str_eq(line, STR("end")))
			return !text.n;
		if (!parse_run(st, line, n_rcpt))
			return false;
	}
	return false;
}

/* What st->text says, or nothing. */
static bool parse(struct state *st, size_t n_rcpt)
{
	if (parse_all(st, n_rcpt))
		return true;
	state_release(st);
	return false;
}

bool state_parse(struct state *st, struct str text, size_t n_rcpt)
{
	state_release(st);
	buf_add(&st->text, text);
	return parse(st, n_rcpt);
}

/* ---- the file ---- */

static bool slurp(int fd, struct buf *out)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_size > FILE_MAX || !buf_room(out, (size_t)st.st_size))
		return false;
	while (out->len < (size_t)st.st_size) {
		ssize_t n = read(fd, out->p + out->len,
				 (size_t)st.st_size - out->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		buf_grew(out, (size_t)n);
	}
	return true;
}

void state_load(struct state *st, const struct store *s, const char *id,
		size_t n_rcpt)
{
	char name[STORE_NAME_ROOM];
	int fd;

	state_release(st);
	store_name(name, 's', id);
	fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		    O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (slurp(fd, &st->text))
		parse(st, n_rcpt);
	else
		state_release(st);
	close(fd);
}

static int write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

static int replace(const struct store *s, const char *id, struct str text,
		   struct error *err)
{
	char name[STORE_NAME_ROOM], tmp[STORE_NAME_ROOM + 1];
	int fd, ret;

	store_name(name, 's', id);
	snprintf(tmp, sizeof(tmp), "%s~", name);
	unlinkat(s->fd, tmp, 0);	/* a crash left it: the lock is ours */
	fd = openat(s->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
		    O_CLOEXEC, 0600);
	if (fd < 0)
		return store_error(s, "create", tmp, err);
	ret = write_all(fd, text) || renameat(s->fd, tmp, s->fd, name) ?
	      store_error(s, "write", tmp, err) : 0;
	if (ret)
		unlinkat(s->fd, tmp, 0);
	close(fd);
	return ret;
}

int state_save(const struct state *st, const struct store *s, const char *id,
	       struct error *err)
{
	struct buf out;
	int ret;

	buf_init(&out, FILE_MAX);
	state_print(st, &out);
	if (out.over) {
		buf_reset(&out);
		print_first(st, &out);
		buf_addz(&out, "end\n");
	}
	ret = replace(s, id, buf_str(&out), err);
	buf_release(&out);
	return ret;
}

/* ---- an attempt's verdicts ---- */

/* Was it said by anyone?  entry_open() settles without a word. */
static bool said(const struct verdict *v)
{
	return v->outcome != OUTCOME_PENDING && (v->code || v->text.n);
}

void state_take(struct state *st, const struct envelope *env)
{
	const struct verdict *run = NULL;
	struct state next;
	struct buf out;
	size_t from = 0;

	buf_init(&out, FILE_MAX);
	print_first(st, &out);
	for (size_t i = 0; i <= env->n_rcpt; i++) {
		const struct verdict *v = NULL;

		if (i < env->n_rcpt) {
			v = envelope_verdict(env, i);
			v = said(v) ? v : state_reply(st, i);
		}
		if (v == run)
			continue;
		if (run)
			print_run(&out, from, i, run);
		run = v;
		from = i;
	}
	buf_addz(&out, "end\n");
	state_init(&next);
	if (!state_parse(&next, buf_str(&out), env->n_rcpt)) {
		next.past = st->past;	/* it was more than fits */
		next.noticed = st->noticed;
	}
	buf_release(&out);
	state_release(st);
	*st = next;
}
