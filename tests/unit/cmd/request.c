#include "cmd/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/flag.h"
#include "conf/option.h"
#include "util/buf.h"
#include "util/xalloc.h"

enum { WORDS_MAX = 40 };

/* A command line cut at blanks; '' is an empty word, ~ stands for a blank. */
struct line {
	char *text;
	char *argv[WORDS_MAX + 1];
	int argc;
};

static void line_init(struct line *l, const char *text)
{
	bool between = true;

	*l = (struct line){ .text = xstrdup(text) };
	for (char *p = l->text; *p; p++) {
		if (*p == ' ') {
			*p = '\0';
			between = true;
			continue;
		}
		if (between) {
			assert_in_range(l->argc, 0, WORDS_MAX - 1);
			l->argv[l->argc++] = p;
		}
		between = false;
		if (*p == '~')
			*p = ' ';
	}
	for (int i = 0; i < l->argc; i++)
		if (!strcmp(l->argv[i], "''"))
			l->argv[i][0] = '\0';
}

static void say_text(struct buf *out, const char *name, const char *value)
{
	if (value)
		buf_addf(out, " %s<%s>", name, value);
}

static void say_flag(struct buf *out, const char *name, bool is)
{
	if (is)
		buf_addf(out, " %s", name);
}

static const char *set(const char *text)
{
	return *text ? text : NULL;
}

static void say_list(struct buf *out, const char *name, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		say_text(out, name, l->item[i]);
}

static void describe_compose(struct buf *out, const struct compose_args *c)
{
	say_flag(out, "compose", c->on);
	say_text(out, "subject", c->subject);
	say_text(out, "answers", c->in_reply_to);
	say_text(out, "charset", c->charset);
	say_text(out, "text", c->text);
	say_text(out, "html", c->html);
	say_text(out, "calendar", c->calendar);
	say_list(out, "to", &c->to);
	say_list(out, "cc", &c->cc);
	say_list(out, "bcc", &c->bcc);
	say_list(out, "reply-to", &c->reply_to);
	say_list(out, "header", &c->header);
	say_list(out, "attach", &c->attach);
	say_list(out, "inline", &c->inlined);
}

static void describe_run(struct buf *out, const struct queue_args *q)
{
	say_flag(out, "all", q->all);
	say_text(out, "id", set(q->id));
	say_text(out, "rcpt", set(q->rcpt));
	say_text(out, "sender", set(q->sender));
	if (q->interval)
		buf_addf(out, " every%u", q->interval);
}

/* What differs from a request without options, in words. */
static void describe(struct buf *out, const struct request *r)
{
	static const char *const modes[] = {
		[MODE_SUBMIT] = "", [MODE_DRY_RUN] = "dry",
		[MODE_SMTP_STDIO] = "stdio", [MODE_VERIFY] = "verify",
		[MODE_SERVERINFO] = "serverinfo", [MODE_CHECK_CONFIG] = "check",
		[MODE_PRINT_CONFIG] = "print", [MODE_EXPLAIN] = "explain",
		[MODE_NEWALIASES] = "newaliases", [MODE_NOTHING] = "nothing",
		[MODE_VERSION] = "version", [MODE_HELP] = "help",
		[MODE_COMPLETIONS] = "completions",
		[MODE_QUEUE_RUN] = "run", [MODE_QUEUE_LIST] = "list",
		[MODE_QUEUE_SHOW] = "show", [MODE_QUEUE_REMOVE] = "remove",
		[MODE_QUEUE_HOLD] = "hold-entry",
		[MODE_QUEUE_RELEASE] = "release", [MODE_QUEUE_RETRY] = "retry",
		[MODE_OAUTH2_LOGIN] = "oauth2-login",
	};
	static const char *const reports[] = { "", "text", "json" };
	static const char *const progress[] = { "", "progress", "no-progress" };
	enum status_scheme usual = r->face == FACE_SENDMAIL ?
		STATUS_SYSEXITS : STATUS_REPLY;

	say_flag(out, modes[r->mode], *modes[r->mode]);
	if (r->mode == MODE_EXPLAIN)
		buf_addf(out, "=%d", r->explain);
	say_text(out, "profile", r->oauth2_login);
	if (strcmp(r->oauth2_flow, "auto"))
		say_text(out, "flow", r->oauth2_flow);
	say_list(out, "entry", &r->queue_ids);
	describe_run(out, &r->queue_run);
	say_text(out, "f", r->from);
	say_text(out, "F", r->full_name);
	say_flag(out, "t", r->read_recipients);
	say_flag(out, "from-header", r->read_from);
	describe_compose(out, &r->compose);
	say_flag(out, "i", r->ignore_dots);
	say_text(out, "N", set(r->notify));
	say_text(out, "R", set(r->ret));
	say_text(out, "V", set(r->envid));
	say_flag(out, "requiretls", r->require_tls);
	say_text(out, "by", set(r->deliver_by));
	say_text(out, "hold", set(r->hold));
	say_text(out, "priority", set(r->priority));
	say_text(out, "message", r->message);
	say_text(out, "a", r->account);
	say_text(out, "C", r->config);
	for (size_t i = 0; i < r->n_settings; i++)
		if (r->settings[i].value)
			buf_addf(out, " set<%s|%s>", r->settings[i].key,
				 r->settings[i].value);
		else
			buf_addf(out, " set<%s>", r->settings[i].key);
	if (r->password_fd >= 0)
		buf_addf(out, " fd%d", r->password_fd);
	say_flag(out, reports[r->report], r->report);
	say_flag(out, progress[r->progress], r->progress);
	say_flag(out, r->scheme == STATUS_REPLY ? "reply" : "sysexits",
		 r->scheme != usual);
	for (unsigned i = 0; i < r->verbose; i++)
		say_flag(out, "v", true);
	say_flag(out, "quiet", r->quiet);
	say_flag(out, "odq", r->queue_only);
	say_flag(out, "shows-version", r->print_version);
	for (size_t i = 0; i < r->n_recipients; i++)
		say_text(out, "", r->recipients[i]);
}

/* Parse, and put into out what came of it: " f<a@b> t", or "64: why". */
static void outcome(struct buf *out, struct line *l)
{
	struct error err = { 0 };
	struct request r;

	request_init(&r, l->argv[0]);
	if (request_parse(&r, l->argc, l->argv, &err))
		buf_addf(out, "%d: %s", error_kind_status(err.kind), err.text);
	else
		describe(out, &r);
	request_release(&r);
}

struct row {
	const char *line;
	const char *want;	/* "64:...": begins so */
};

static void try_rows(const struct row *rows, size_t n)
{
	struct buf out;

	buf_init(&out, 10000);
	for (size_t i = 0; i < n; i++) {
		const char *want = rows[i].want;
		struct line l;
		bool same;

		line_init(&l, rows[i].line);
		outcome(&out, &l);
		same = *want >= '0' && *want <= '9' ?
			str_starts(buf_str(&out), str_of(want)) :
			!strcmp(buf_cstr(&out), want);
		if (!same)
			fail_msg("%s\n  gives '%s'\n  not   '%s'", rows[i].line,
				 buf_cstr(&out), want);
		buf_reset(&out);
		free(l.text);
	}
	buf_release(&out);
}

static const struct row sendmail_rows[] = {
	/* Sender: attached, separate, null, the last one wins. */
	{ "sendmail -f a@b c@d", " f<a@b> <c@d>" },
	{ "sendmail -fa@b c@d", " f<a@b> <c@d>" },
	{ "sendmail -r a@b c@d", " f<a@b> <c@d>" },
	{ "sendmail -ra@b c@d", " f<a@b> <c@d>" },
	{ "sendmail -f <> c@d", " f<<>> <c@d>" },
	{ "sendmail -f<> c@d", " f<<>> <c@d>" },
	{ "sendmail -f '' c@d", " f<> <c@d>" },
	{ "sendmail -f a@b -f x@y c@d", " f<x@y> <c@d>" },
	{ "sendmail -f -t c@d", " f<-t> <c@d>" },	/* as getopt(3) */
	{ "sendmail -f", "64: option '-f' needs an argument" },
	{ "sendmail -i -f", "64: option '-f' needs an argument" },
	{ "sendmail -F Doe,~Jane c@d", " F<Doe, Jane> <c@d>" },
	{ "sendmail -FCronDaemon c@d", " F<CronDaemon> <c@d>" },

	/* Bundles, and where options end. */
	{ "sendmail -t", " t" },
	{ "sendmail -ti", " t i" },
	{ "sendmail -it", " t i" },
	{ "sendmail -tv", " t v" },
	{ "sendmail -vvi", " i v v" },
	{ "sendmail -tifa@b", " f<a@b> t i" },
	{ "sendmail -tif a@b c@d", " f<a@b> t i <c@d>" },
	{ "sendmail -t -- -x@y -i", " t <-x@y> <-i>" },
	{ "sendmail -- --", " <-->" },
	{ "sendmail --", "" },
	{ "sendmail -i --", " i" },
	{ "sendmail", "" },
	{ "sendmail a@b,c@d e@f", " <a@b,c@d> <e@f>" },
	{ "sendmail a@b -i", "65: options go before recipients" },
	{ "sendmail a@b --", "65: options go before recipients" },
	{ "sendmail -i -", "65: options go before recipients" },

	/* A lone dot. */
	{ "sendmail -i a@b", " i <a@b>" },
	{ "sendmail -oi a@b", " i <a@b>" },
	{ "sendmail -oitrue a@b", " i <a@b>" },
	{ "sendmail -o i a@b", " i <a@b>" },
	{ "sendmail -OIgnoreDots a@b", " i <a@b>" },
	{ "sendmail -O IgnoreDots=true a@b", " i <a@b>" },
	{ "sendmail -O ignoredots=1 a@b", " i <a@b>" },
	{ "sendmail -i -OIgnoreDots=false a@b", " <a@b>" },
	{ "sendmail -OIgnoreDots=No a@b", " <a@b>" },

	/* DSN. */
	{ "sendmail -N failure,delay -R hdrs -V env1 a@b",
	  " N<FAILURE,DELAY> R<HDRS> V<env1> <a@b>" },
	{ "sendmail -Nnever -Rfull a@b", " N<NEVER> R<FULL> <a@b>" },
	{ "sendmail -Nbogus a@b", "64:" },
	{ "sendmail -N never,failure a@b", "64:" },
	{ "sendmail -Rbogus a@b", "64:" },
	{ "sendmail -V a=b a@b", "64:" },

	/* Modes. */
	{ "sendmail -bm a@b", " <a@b>" },
	{ "sendmail -b m a@b", " <a@b>" },
	{ "sendmail -bi", " newaliases" },
	{ "sendmail -I", " newaliases" },
	{ "sendmail -bh", " nothing" },
	{ "sendmail -bH", " nothing" },
	{ "sendmail -bd", "64: mode '-bd' is not supported" },
	{ "sendmail -bs -i", " stdio i" },
	{ "posthaste -bs", " stdio" },
	{ "sendmail -bs -bm", " stdio" },
	{ "sendmail -bv a@b", " verify <a@b>" },
	{ "sendmail -bD", "64:" },
	{ "sendmail -bl", "64:" },
	{ "sendmail -bt", "64:" },
	{ "sendmail -be", "64:" },
	{ "sendmail -bX", "64:" },
	{ "sendmail -bmm", "64:" },
	{ "sendmail -b", "64: option '-b' needs an argument" },

	/* Errors, delivery modes, versions. */
	{ "sendmail -eq a@b", " quiet <a@b>" },
	{ "sendmail -e q a@b", " quiet <a@b>" },
	{ "sendmail -oeq a@b", " quiet <a@b>" },
	{ "sendmail -oem a@b", " <a@b>" },
	{ "sendmail -em a@b", " <a@b>" },
	{ "sendmail -oexyz a@b", " <a@b>" },
	{ "sendmail -OErrorMode=q a@b", " quiet <a@b>" },
	{ "sendmail -OErrorMode=m a@b", " <a@b>" },
	{ "sendmail -odi a@b", " <a@b>" },
	{ "sendmail -odb a@b", " <a@b>" },
	{ "sendmail -odq a@b", " odq <a@b>" },
	{ "sendmail -odq -odi a@b", " <a@b>" },
	{ "sendmail -d0.1 a@b", " shows-version <a@b>" },
	{ "sendmail -d a@b", " <a@b>" },
	{ "sendmail -d0 -d0-99.100 a@b", " <a@b>" },
	{ "sendmail --version", " version" },
	{ "sendmail --help", " help" },
	{ "/usr/lib/sendmail --version", " version" },

	/* Taken and ignored, with values that stay out of the recipients. */
	{ "sendmail -Ac -Am a@b", " <a@b>" },
	{ "sendmail -A c a@b", " <a@b>" },
	{ "sendmail -B8BITMIME -B 7BIT -B nonsense a@b", " <a@b>" },
	{ "sendmail -h 5 -h5 -L tag -Ltag a@b", " <a@b>" },
	{ "sendmail -p esmtp:h -pesmtp a@b", " <a@b>" },
	{ "sendmail -X /dev/null -X/dev/null -XV a@b", " <a@b>" },
	{ "sendmail -ODeliveryMode=b -O DeliveryMode=b a@b", " <a@b>" },
	{ "sendmail -oA/etc/aliases -oQ/tmp -o7 -o8 -om -oo -oMrx a@b",
	  " <a@b>" },
	{ "sendmail -c -E -G -J -m -n -s -T -U -x a@b", " <a@b>" },
	{ "sendmail -cEGJmnsTUxi a@b", " i <a@b>" },
	{ "sendmail -Ac -B7BIT -G -h 5 -L tag -m -n -O DeliveryMode=b "
	  "-OErrorMode=m -oA/etc/aliases -oQ/tmp -o7 -om -oo -odb -oex -em "
	  "-p esmtp:h -U -x -c -s -d0 -X /dev/null -XV -i -- a@b", " i <a@b>" },
	{ "sendmail -o", "64: option '-o' needs an argument" },
	{ "sendmail -O", "64: option '-O' needs an argument" },
	{ "sendmail -X", "64: option '-X' needs an argument" },

	/* Refused: nothing named by a caller is opened or run. */
	{ "sendmail -C /etc/x a@b", "64: -C: this option is not supported" },
	{ "sendmail -C/etc/x a@b", "64: -C: this option is not supported" },
	{ "sendmail -D/tmp/x a@b", "64: -D: this option is not supported" },
	{ "sendmail -Mrx a@b", "64: -M:" },
	{ "sendmail -Qreason a@b", "64: -Q:" },
	{ "sendmail -Q a@b", "64: -Q:" },
	{ "sendmail -a work a@b", "64: unknown option '-a'" },
	{ "sendmail -Z a@b", "64: unknown option '-Z'" },
	{ "sendmail -tZ a@b", "64: unknown option 'Z'" },
	{ "sendmail -\xe9 a@b", "64: unknown option '-\\xe9'" },
	{ "sendmail --nonsense a@b", "64: under this name long options are "
	  "refused: '--nonsense'" },
	{ "sendmail --version a@b", "64: under this name" },
	{ "sendmail -i --help", "64: under this name" },
	{ "sendmail --host=evil a@b", "64: under this name" },
	{ "sendmail --config=/tmp/x", "64: under this name" },
	{ "sendmail --set=password_command=id a@b", "64: under this name" },
	{ "sendmail --list-options", "64: under this name" },
};

static void as_sendmail(void **state)
{
	(void)state;
	try_rows(sendmail_rows, sizeof(sendmail_rows) / sizeof(*sendmail_rows));
}

static const struct row posthaste_rows[] = {
	{ "posthaste", "" },
	{ "posthaste a@b", " <a@b>" },
	{ "posthaste a@b --tls=none", "64: options go before recipients" },
	{ "posthaste -- --tls=none", " <--tls=none>" },
	{ "posthaste -tifa@b", " f<a@b> t i" },

	/* Long options: "=" or the next word; whole names only. */
	{ "posthaste --from=a@b c@d", " f<a@b> <c@d>" },
	{ "posthaste --from a@b c@d", " f<a@b> <c@d>" },
	{ "posthaste --from= c@d", " f<> <c@d>" },
	{ "posthaste --from", "64: option '--from' needs an argument" },
	{ "posthaste --from-name=A=B", " F<A=B>" },
	{ "posthaste --read-recipients --ignore-dots", " t i" },
	{ "posthaste --read-recipients=yes", "64: option '--read-recipients' "
	  "takes no argument" },
	{ "posthaste --read-envelope-from", " from-header" },
	{ "posthaste --message=f", " message<f>" },
	{ "posthaste --dsn-notify=success --dsn-return=full --envid=e",
	  " N<SUCCESS> R<FULL> V<e>" },
	{ "posthaste --dsn-notify=often", "64:" },
	{ "posthaste --require-tls", " requiretls" },
	{ "posthaste -a work", " a<work>" },
	{ "posthaste --account=work", " a<work>" },
	{ "posthaste -C f", " C<f>" },
	{ "posthaste --config=f", " C<f>" },
	{ "posthaste --password-fd=3", " fd3" },
	{ "posthaste --password-fd=-1", "64: --password-fd='-1'" },
	{ "posthaste --password-fd=x", "64:" },
	{ "posthaste --password-fd=2147483648", "64:" },
	{ "posthaste --report=json", " json" },
	{ "posthaste --report=json --report=text", " text" },
	{ "posthaste --report=json --report=none", "" },
	{ "posthaste --report=xml", "64: --report='xml': it is text, json or "
	  "none" },
	{ "posthaste --exit-status=sysexits", " sysexits" },
	{ "posthaste --exit-status=sysexits --exit-status=reply", "" },
	{ "posthaste --exit-status=x", "64: --exit-status='x': it is reply or "
	  "sysexits" },
	{ "posthaste -v --verbose", " v v" },

	{ "posthaste --deliver-by=3600", " by<3600;R>" },
	{ "posthaste --deliver-by=1;n", " by<1;N>" },
	{ "posthaste --deliver-by=999999999;R", " by<999999999;R>" },
	{ "posthaste --deliver-by=0", "64: --deliver-by='0'" },
	{ "posthaste --deliver-by=1000000000", "64:" },
	{ "posthaste --deliver-by=-5", "64:" },
	{ "posthaste --deliver-by=5;X", "64:" },
	{ "posthaste --hold-for=60", " hold<HOLDFOR=60>" },
	{ "posthaste --hold-for=0", "64: --hold-for='0'" },
	{ "posthaste --hold-for=1000000000", "64:" },
	{ "posthaste --hold-until=2030-01-31T08:00:00Z",
	  " hold<HOLDUNTIL=2030-01-31T08:00:00Z>" },
	{ "posthaste --hold-until=2030-01-31T08:00:00+01:00",
	  " hold<HOLDUNTIL=2030-01-31T08:00:00+01:00>" },
	{ "posthaste --hold-until=2030-01-31T08:00:00-01:00",
	  " hold<HOLDUNTIL=2030-01-31T08:00:00-01:00>" },
	{ "posthaste --hold-until=2030-01-31T08:00:00", "64: --hold-until" },
	{ "posthaste --hold-until=2030-01-31T08:00:00Zx", "64:" },
	{ "posthaste --hold-until=tomorrow", "64:" },
	{ "posthaste --hold-until=", "64:" },
	{ "posthaste --priority=5", " priority<5>" },
	{ "posthaste --priority=+5", " priority<5>" },
	{ "posthaste --priority -9", " priority<-9>" },
	{ "posthaste --priority=-0", " priority<0>" },
	{ "posthaste --priority=10", "64: --priority='10'" },
	{ "posthaste --priority=", "64:" },
	{ "posthaste --priority=-", "64:" },
	{ "posthaste --priority=--5", "64:" },

	/* Account settings: by name, by --set, and not secrets. */
	{ "posthaste --host=h --port 25", " set<host|h> set<port|25>" },
	{ "posthaste --tls-trust=tofu", " set<tls_trust|tofu>" },
	{ "posthaste --tls_trust=tofu", " set<tls_trust|tofu>" },
	{ "posthaste --host=", " set<host|>" },
	{ "posthaste --host", "64: option '--host' needs an argument" },
	{ "posthaste --set=host=h --set port=25", " set<host=h> set<port=25>" },
	{ "posthaste --set", "64: option '--set' needs an argument" },
	{ "posthaste --strict a@b", " set<strict|yes> <a@b>" },
	{ "posthaste --strict=no a@b", " set<strict|no> <a@b>" },
	{ "posthaste --all-or-nothing a@b", " set<all_or_nothing|yes> <a@b>" },

	{ "posthaste --dry-run", " dry" },
	{ "posthaste --serverinfo", " serverinfo" },
	{ "posthaste --oauth2-login=work", " oauth2-login profile<work>" },
	{ "posthaste --oauth2-login work --oauth2-flow=device",
	  " oauth2-login profile<work> flow<device>" },
	{ "posthaste --oauth2-login", "64: option '--oauth2-login' needs an "
	  "argument" },
	{ "posthaste --oauth2-flow=x", "64: --oauth2-flow='x'" },
	{ "posthaste --check-config", " check" },
	{ "posthaste --print-config", " print" },
	{ "posthaste --explain=210", " explain=210" },
	{ "posthaste --explain 0", " explain=0" },
	{ "posthaste --explain=256", "64: --explain='256'" },
	{ "posthaste --explain=x", "64:" },
	{ "posthaste --version a@b", " version <a@b>" },
	{ "posthaste --help", " help" },
	{ "posthaste --list-options", " completions" },

	/* Not known, and what may have been meant. */
	{ "posthaste --acount=x", "64: unknown option '--acount'; did you mean "
	  "'--account'?" },
	{ "posthaste --tls-trsut=x", "64: unknown option '--tls-trsut'; did you "
	  "mean '--tls-trust'?" },
	{ "posthaste --zzzzzzz", "64: unknown option '--zzzzzzz'" },
	{ "posthaste --=x", "64: unknown option '--'" },
	{ "posthaste --\x1b[2J", "64: unknown option '--\\x1b[2J'" },
	{ "posthaste --mailname=x", "64: unknown option '--mailname'" },
	{ "posthaste -Z", "64: unknown option '-Z'" },
	{ "posthaste -Dx", "64: -D:" },

	/* Each of these asks for a message to be built. */
	{ "posthaste -s subject a@b", " compose subject<subject> <a@b>" },
	{ "posthaste -vssubject a@b", " compose subject<subject> v <a@b>" },
	{ "posthaste --subject= a@b", " compose subject<> <a@b>" },
	{ "posthaste --subject=a --subject=b", " compose subject<b>" },
	{ "posthaste --in-reply-to=<1@x>", " compose answers<<1@x>>" },
	{ "posthaste --text=f --html=g --calendar=h --charset=latin1",
	  " compose charset<latin1> text<f> html<g> calendar<h>" },
	{ "posthaste --to=a@b --to c@d,e@f --cc=g@h --bcc=i@j --reply-to=k@l",
	  " compose to<a@b> to<c@d,e@f> cc<g@h> bcc<i@j> reply-to<k@l>" },
	{ "posthaste --header=X:~y --header=Z:~z --attach=f;type=a/b "
	  "--attach=- --inline=g", " compose header<X: y> header<Z: z> "
	  "attach<f;type=a/b> attach<-> inline<g>" },
	{ "posthaste --attach", "64: option '--attach' needs an argument" },
	{ "posthaste -s", "64: option '-s' needs an argument" },
	{ "posthaste --progress=on", " progress" },
	{ "posthaste --progress=off", " no-progress" },
	{ "posthaste --progress=off --progress=auto", "" },
	{ "posthaste --progress=maybe", "64: --progress='maybe'" },

	/* Known, but not yet there. */
	{ "posthaste --tls-pin=x", " set<tls_pin|x>" },
	{ "posthaste --proxy=x", " set<proxy|x>" },
};

static void as_posthaste(void **state)
{
	(void)state;
	try_rows(posthaste_rows,
		 sizeof(posthaste_rows) / sizeof(*posthaste_rows));
}

static const struct row name_rows[] = {
	{ "/usr/sbin/sendmail -odq", " odq" },
	{ "/usr/lib/sendmail --host=h", "64: under this name" },
	{ "send-mail --host=h", "64: under this name" },
	{ "/usr/bin/newaliases", " newaliases" },
	{ "newaliases -i", " newaliases i" },
	{ "rmail a@b", " i <a@b>" },
	{ "/bin/rmail --host=h", "64: under this name" },
	{ "/usr/bin/posthaste --host=h", " set<host|h>" },
	{ "/opt/sendmail/mail --host=h", " set<host|h>" },
	{ "sendmail.posthaste --host=h", " set<host|h>" },
	{ "Sendmail --host=h", " set<host|h>" },
};

static void names(void **state)
{
	static const struct { const char *argv0; enum face face; } rows[] = {
		{ "sendmail", FACE_SENDMAIL },
		{ "/usr/sbin/sendmail", FACE_SENDMAIL },
		{ "/usr/lib/sendmail", FACE_SENDMAIL },
		{ "./send-mail", FACE_SENDMAIL },
		{ "mailq", FACE_SENDMAIL },
		{ "/usr/bin/newaliases", FACE_SENDMAIL },
		{ "rmail", FACE_SENDMAIL },
		{ "posthaste", FACE_POSTHASTE },
		{ "/usr/sbin/sendmail/posthaste", FACE_POSTHASTE },
		{ "sendmail2", FACE_POSTHASTE },
		{ "/sendmail/", FACE_POSTHASTE },
		{ "", FACE_POSTHASTE },
		{ NULL, FACE_POSTHASTE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool old = rows[i].face == FACE_SENDMAIL;
		struct request r;

		request_init(&r, rows[i].argv0);
		if (r.face != rows[i].face ||
		    strcmp(r.name, old ? "sendmail" : "posthaste") != 0 ||
		    r.scheme != (old ? STATUS_SYSEXITS : STATUS_REPLY))
			fail_msg("'%s'", rows[i].argv0);
		request_release(&r);
	}
}

static void names_that_ask(void **state)
{
	char *nothing[] = { NULL };
	struct error err = { 0 };
	struct request r;

	(void)state;
	try_rows(name_rows, sizeof(name_rows) / sizeof(*name_rows));
	/* Some call without even a name. */
	request_init(&r, "");
	assert_int_equal(request_parse(&r, 0, nothing, &err), 0);
	assert_int_equal(r.n_recipients, 0);
	request_release(&r);
}

static const struct row queue_rows[] = {
	{ "posthaste --queue-list", " list" },
	{ "posthaste -bp", " list" },
	{ "sendmail -bp", " list" },
	{ "mailq", " list" },
	{ "/usr/bin/mailq -v", " list v" },
	{ "mailq a@b", " list <a@b>" },
	{ "posthaste --queue-list=x", "64: option '--queue-list' takes no" },
	{ "posthaste --report=json --queue-list", " list json" },
	{ "posthaste --queue-show=1", " show entry<1>" },
	{ "posthaste --queue-show 1", " show entry<1>" },
	{ "posthaste --queue-remove=1 --queue-remove=2 a",
	  " remove entry<1> entry<2> <a>" },
	{ "posthaste --queue-hold=all", " hold-entry entry<all>" },
	{ "posthaste --queue-release=1", " release entry<1>" },
	{ "posthaste --queue-retry=1", " retry entry<1>" },
	{ "posthaste --queue-retry=", " retry entry<>" },
	{ "posthaste --queue-retry", "64: option '--queue-retry' needs" },
	{ "posthaste --queue-hold=1 --queue-retry=1", "64: an option that" },
	{ "posthaste --dry-run --queue-remove=1", "64: an option that" },
	{ "posthaste -q --queue-remove=1", "64: an option that" },
	{ "posthaste --queue-list --queue-remove=1", "64: an option that" },
	{ "sendmail --queue-remove=1", "64: under this name" },

	{ "sendmail -q", " run" },
	{ "posthaste --queue-run", " run" },
	{ "posthaste --queue-run=f", " run all" },
	{ "sendmail -q a@b", " run <a@b>" },
	{ "sendmail -qf", " run all" },
	{ "sendmail -q15m", " run every900" },
	{ "sendmail -q15", " run every900" },
	{ "sendmail -q1h30s", " run every3630" },
	{ "sendmail -qp2m", " run every120" },
	{ "sendmail -qI1 -qRb@c -qSa@b", " run id<1> rcpt<b@c> sender<a@b>" },
	{ "sendmail -q0", "64: '-q0'" },
	{ "sendmail -qx", "64: '-qx'" },
	{ "sendmail -q15x", "64: '-q15x'" },
	{ "sendmail -qff", "64: '-qff'" },
};

static void the_queue(void **state)
{
	(void)state;
	try_rows(queue_rows, sizeof(queue_rows) / sizeof(*queue_rows));
}

/* Each of these is 69 and says that it is not in this version. */
static void what_comes_later(void **state)
{
	static const char *const lines[] = {
		"posthaste --serve",
	};
	struct buf out;

	(void)state;
	buf_init(&out, 10000);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct line l;

		line_init(&l, lines[i]);
		outcome(&out, &l);
		if (!str_starts(buf_str(&out), STR("69: ")) ||
		    !strstr(buf_cstr(&out), "not in this version"))
			fail_msg("%s: %s", lines[i], buf_cstr(&out));
		buf_reset(&out);
		free(l.text);
	}
	buf_release(&out);
}

/* Every letter of the table as sendmail: it is taken or refused, and what it
   does not take as its value stays a recipient. */
static void every_letter(void **state)
{
	(void)state;
	for (size_t i = 0; i < flag_count(); i++) {
		const struct flag *f = flag_at(i);
		char option[] = { '-', f->letter, '\0' };
		char name[] = "sendmail", rcpt[] = "hdrs", last[] = "a@b";
		char *argv[] = { name, option, rcpt, last, NULL };
		struct error err = { 0 };
		struct request r;
		size_t left = f->arg == ARG_REQUIRED ? 1 : 2;

		if (!f->letter || !(f->faces & IN_SENDMAIL))
			continue;
		request_init(&r, name);
		if (request_parse(&r, 4, argv, &err)) {
			if (err.kind != ERROR_USAGE &&
			    err.kind != ERROR_UNAVAILABLE)
				fail_msg("-%c: %s", f->letter, err.text);
		} else if (r.n_recipients != left) {
			fail_msg("-%c leaves %zu", f->letter, r.n_recipients);
		}
		request_release(&r);
	}
}

/* A secret is never taken from argv, however it is given. */
static void secrets_are_refused(void **state)
{
	static const char *const lines[] = {
		"posthaste --password=hunter2", "posthaste --password hunter2",
		"posthaste --set=password=hunter2",
		"posthaste --set PASSWORD=hunter2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct account a = { 0 };
		struct general g = { 0 };
		struct error err = { 0 };
		struct request r;
		struct line l;
		int ret;

		option_defaults(&a, false);
		option_defaults(&g, true);
		line_init(&l, lines[i]);
		request_init(&r, "posthaste");
		ret = request_parse(&r, l.argc, l.argv, &err);
		if (!ret && r.settings[0].value)
			ret = option_set_arg(&a, &g, str_of(r.settings[0].key),
					     str_of(r.settings[0].value), &err);
		else if (!ret)
			ret = option_set_pair(&a, &g, r.settings[0].key, &err);
		if (!ret || err.kind != ERROR_USAGE ||
		    strstr(err.text, "hunter2") ||
		    !strstr(err.text, "password_command"))
			fail_msg("%s: %d '%s'", lines[i], ret, err.text);
		option_release(&a, false);
		option_release(&g, true);
		request_release(&r);
		free(l.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_sendmail),
		cmocka_unit_test(as_posthaste),
		cmocka_unit_test(names),
		cmocka_unit_test(names_that_ask),
		cmocka_unit_test(what_comes_later),
		cmocka_unit_test(the_queue),
		cmocka_unit_test(every_letter),
		cmocka_unit_test(secrets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
