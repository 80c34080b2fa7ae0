#include "cmd/apply.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "mail/xtext.h"
#include "util/str.h"
#include "util/xalloc.h"

int apply_account(struct request *r, const char *value, struct error *err)
{
	(void)err;
	r->account = value;
	return 0;
}

/* Each -bX; one that is not here is refused (CALLERS). */
static const struct {
	const char *value;
	enum mode mode;
} bmodes[] = {
	{ "m", MODE_SUBMIT }, { "s", MODE_SMTP_STDIO }, { "v", MODE_VERIFY },
	{ "i", MODE_NEWALIASES }, { "p", MODE_QUEUE_LIST },
	{ "h", MODE_NOTHING }, { "H", MODE_NOTHING },
};

int apply_bmode(struct request *r, const char *value, struct error *err)
{
	for (size_t i = 0; i < sizeof(bmodes) / sizeof(*bmodes); i++) {
		if (strcmp(value, bmodes[i].value) != 0)
			continue;
		/* -bm is what happens anyway, and undoes nothing. */
		if (bmodes[i].mode != MODE_SUBMIT)
			r->mode = bmodes[i].mode;
		return 0;
	}
	return error_set(err, ERROR_USAGE, "mode '-b%s' is not supported",
			 value);
}

int apply_check_config(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_CHECK_CONFIG;
	return 0;
}

int apply_completions(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_COMPLETIONS;
	return 0;
}

int apply_config(struct request *r, const char *value, struct error *err)
{
	(void)err;
	r->config = value;
	return 0;
}

int apply_debug(struct request *r, const char *value, struct error *err)
{
	(void)err;
	if (!strcmp(value, "0.1"))
		r->print_version = true;
	return 0;
}

/* RFC 2852 s4: seconds, then notify or return; relays may add trace. */
int apply_deliver_by(struct request *r, const char *value, struct error *err)
{
	struct str rest = str_of(value);
	struct str seconds = str_cut(&rest, ';');
	const char *mode = "R";
	uint64_t n;

	if (str_caseeq(rest, STR("N")))
		mode = "N";
	else if (rest.n && !str_caseeq(rest, STR("R")))
		return error_set(err, ERROR_USAGE, "--deliver-by='%s': after "
				 "';' comes N (notify) or R (return)", value);
	if (!str_u64(seconds, 999999999, &n) || !n)
		return error_set(err, ERROR_USAGE, "--deliver-by='%s': not a "
				 "number of seconds from 1 to 999999999", value);
	snprintf(r->deliver_by, sizeof(r->deliver_by), "%u;%s", (unsigned)n,
		 mode);
	return 0;
}

int apply_dry_run(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_DRY_RUN;
	return 0;
}

int apply_envid(struct request *r, const char *value, struct error *err)
{
	r->envid = value;
	return xtext_envid(str_of(value), err);
}

int apply_error_mode(struct request *r, const char *value, struct error *err)
{
	(void)err;
	if (!strcmp(value, "q"))
		r->quiet = true;
	return 0;
}

int apply_exit_status(struct request *r, const char *value, struct error *err)
{
	if (!strcmp(value, "reply"))
		r->scheme = STATUS_REPLY;
	else if (!strcmp(value, "sysexits"))
		r->scheme = STATUS_SYSEXITS;
	else
		return error_set(err, ERROR_USAGE, "--exit-status='%s': it is "
				 "reply or sysexits", value);
	return 0;
}

int apply_explain(struct request *r, const char *value, struct error *err)
{
	uint64_t n;

	if (!str_u64(str_of(value), 255, &n))
		return error_set(err, ERROR_USAGE, "--explain='%s': not an exit "
				 "status from 0 to 255", value);
	r->explain = (int)n;
	r->mode = MODE_EXPLAIN;
	return 0;
}

int apply_from(struct request *r, const char *value, struct error *err)
{
	(void)err;
	r->from = value;
	return 0;
}

int apply_from_name(struct request *r, const char *value, struct error *err)
{
	(void)err;
	r->full_name = value;
	return 0;
}

int apply_help(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_HELP;
	return 0;
}

/* RFC 4865 s4: at most nine digits of seconds. */
int apply_hold_for(struct request *r, const char *value, struct error *err)
{
	uint64_t n;

	if (!str_u64(str_of(value), 999999999, &n) || !n)
		return error_set(err, ERROR_USAGE, "--hold-for='%s': not a number "
				 "of seconds from 1 to 999999999", value);
	snprintf(r->hold, sizeof(r->hold), "HOLDFOR=%u", (unsigned)n);
	return 0;
}

/* "9999-99-99T99:99:99Z" or with "+99:99": RFC 3339, as RFC 4865 s4 wants. */
int apply_hold_until(struct request *r, const char *value, struct error *err)
{
	static const char *const shapes[] = {
		"9999-99-99T99:99:99Z", "9999-99-99T99:99:99+99:99",
		"9999-99-99T99:99:99-99:99"
	};
	size_t n = strlen(value);

	for (size_t i = 0; i < 3; i++) {
		size_t at = 0;

		while (at < n && shapes[i][at] && (shapes[i][at] == '9' ?
		       value[at] >= '0' && value[at] <= '9' :
		       value[at] == shapes[i][at]))
			at++;
		if (at < n || shapes[i][at])
			continue;
		snprintf(r->hold, sizeof(r->hold), "HOLDUNTIL=%s", value);
		return 0;
	}
	return error_set(err, ERROR_USAGE, "--hold-until='%s': not a time like "
			 "2030-01-31T08:00:00Z", value);
}

int apply_ignore(struct request *r, const char *value, struct error *err)
{
	(void)r;
	(void)value;
	(void)err;
	return 0;
}

int apply_ignore_dots(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->ignore_dots = true;
	return 0;
}

int apply_message(struct request *r, const char *value, struct error *err)
{
	(void)err;
	r->message = value;
	return 0;
}

int apply_newaliases(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_NEWALIASES;
	return 0;
}

int apply_notify(struct request *r, const char *value, struct error *err)
{
	return xtext_notify(str_of(value), &r->notify, err);
}

/* -oX: the letters that mean something; every other is ignored (CALLERS). */
int apply_oauth2_flow(struct request *r, const char *value, struct error *err)
{
	if (strcmp(value, "auto") && strcmp(value, "browser") &&
	    strcmp(value, "device"))
		return error_set(err, ERROR_USAGE, "--oauth2-flow='%s': it is "
				 "auto, browser or device", value);
	r->oauth2_flow = value;
	return 0;
}

int apply_oauth2_login(struct request *r, const char *value, struct error *err)
{
	(void)err;
	r->mode = MODE_OAUTH2_LOGIN;
	r->oauth2_login = value;
	return 0;
}

int apply_old_option(struct request *r, const char *value, struct error *err)
{
	if (value[0] == 'i')
		r->ignore_dots = true;
	if (value[0] == 'e')
		return apply_error_mode(r, value + 1, err);
	if (!strcmp(value, "dq"))
		r->queue_only = true;
	else if (!strncmp(value, "d", 1))
		r->queue_only = false;
	return 0;
}

int apply_long_option(struct request *r, const char *value, struct error *err)
{
	struct str rest = str_of(value);
	struct str name = str_trim(str_cut(&rest, '='));

	if (str_caseeq(name, STR("IgnoreDots")))
		r->ignore_dots = !str_casestarts(rest, STR("f")) &&
			!str_casestarts(rest, STR("n"));
	if (str_caseeq(name, STR("ErrorMode")) && rest.n)
		return apply_error_mode(r, rest.p, err);
	return 0;
}

int apply_password_fd(struct request *r, const char *value, struct error *err)
{
	uint64_t n;

	if (!str_u64(str_of(value), INT_MAX, &n))
		return error_set(err, ERROR_USAGE, "--password-fd='%s': not the "
				 "number of a descriptor", value);
	r->password_fd = (int)n;
	return 0;
}

int apply_print_config(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_PRINT_CONFIG;
	return 0;
}

int apply_priority(struct request *r, const char *value, struct error *err)
{
	const char *digit = *value == '-' || *value == '+' ? value + 1 : value;

	if (*digit < '0' || *digit > '9' || digit[1])
		return error_set(err, ERROR_USAGE, "--priority='%s': not a "
				 "number from -9 to 9", value);
	snprintf(r->priority, sizeof(r->priority), "%s%s",
		 *value == '-' && *digit != '0' ? "-" : "", digit);
	return 0;
}

int apply_progress(struct request *r, const char *value, struct error *err)
{
	if (!strcmp(value, "on"))
		r->progress = PROGRESS_ON;
	else if (!strcmp(value, "off"))
		r->progress = PROGRESS_OFF;
	else if (!strcmp(value, "auto"))
		r->progress = PROGRESS_AUTO;
	else
		return error_set(err, ERROR_USAGE, "--progress='%s': it is auto, "
				 "on or off", value);
	return 0;
}

int apply_queue_list(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_QUEUE_LIST;
	return 0;
}

/* One operation, but perhaps on several: the option is given for each. */
static int queue_id(struct request *r, enum mode mode, const char *id,
		    struct error *err)
{
	struct list *ids = &r->queue_ids;

	if (r->mode != mode && r->mode != MODE_SUBMIT)
		return error_set(err, ERROR_USAGE, "an option that names an "
				 "entry of the queue goes with no other such "
				 "option or mode");
	r->mode = mode;
	ids->item = xrealloc(ids->item, ids->n + 1, sizeof(*ids->item));
	ids->item[ids->n++] = id;
	return 0;
}

int apply_queue_show(struct request *r, const char *value, struct error *err)
{
	return queue_id(r, MODE_QUEUE_SHOW, value, err);
}

int apply_queue_remove(struct request *r, const char *value, struct error *err)
{
	return queue_id(r, MODE_QUEUE_REMOVE, value, err);
}

int apply_queue_hold(struct request *r, const char *value, struct error *err)
{
	return queue_id(r, MODE_QUEUE_HOLD, value, err);
}

int apply_queue_release(struct request *r, const char *value,
			struct error *err)
{
	return queue_id(r, MODE_QUEUE_RELEASE, value, err);
}

int apply_queue_retry(struct request *r, const char *value, struct error *err)
{
	return queue_id(r, MODE_QUEUE_RETRY, value, err);
}

/* "1d2h30m10s", or minutes without a letter, as sendmail has it. */
static bool parse_interval(const char *p, unsigned *seconds)
{
	static const struct {
		char letter;
		unsigned seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		      { 'w', 604800 }, { '\0', 60 } };
	uint64_t sum = 0;

	while (*p) {
		size_t digits = strspn(p, "0123456789");
		uint64_t n;
		size_t i = 0;

		if (!str_u64((struct str){ p, digits }, 1000000, &n))
			return false;
		p += digits;
		while (units[i].letter != *p && units[i].letter)
			i++;
		if (units[i].letter != *p)
			return false;
		sum += n * units[i].seconds;
		p += *p ? 1 : 0;
	}
	*seconds = (unsigned)sum;
	return sum && sum < 100000000;
}

/* -q, -qf, -qI -qR -qS, -q15m: all of them given add up. */
int apply_queue_run(struct request *r, const char *value, struct error *err)
{
	struct queue_args *q = &r->queue_run;

	r->mode = MODE_QUEUE_RUN;
	switch (*value) {
	case '\0': return 0;
	case 'I': q->id = value + 1; return 0;
	case 'R': q->rcpt = value + 1; return 0;
	case 'S': q->sender = value + 1; return 0;
	case 'f':
		if (!value[1]) {
			q->all = true;
			return 0;
		}
		break;
	case 'p':
		value++;
		break;
	}
	if (parse_interval(value, &q->interval))
		return 0;
	return error_set(err, ERROR_USAGE, "'-q%s': after -q comes f, I, R or S "
			 "with a text, or a time like 15m", value);
}

int apply_read_from(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->read_from = true;
	return 0;
}

int apply_read_recipients(struct request *r, const char *value,
			  struct error *err)
{
	(void)value;
	(void)err;
	r->read_recipients = true;
	return 0;
}

int apply_refuse(struct request *r, const char *value, struct error *err)
{
	(void)r;
	(void)value;
	return error_set(err, ERROR_USAGE, "this option is not supported");
}

int apply_report(struct request *r, const char *value, struct error *err)
{
	if (!strcmp(value, "json"))
		r->report = REPORT_JSON;
	else if (!strcmp(value, "text"))
		r->report = REPORT_TEXT;
	else if (!strcmp(value, "none"))
		r->report = REPORT_NONE;
	else
		return error_set(err, ERROR_USAGE, "--report='%s': it is text, "
				 "json or none", value);
	return 0;
}

int apply_require_tls(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->require_tls = true;
	return 0;
}

int apply_return(struct request *r, const char *value, struct error *err)
{
	return xtext_ret(str_of(value), &r->ret, err);
}

int apply_serverinfo(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_SERVERINFO;
	return 0;
}

int apply_set(struct request *r, const char *value, struct error *err)
{
	(void)err;
	r->settings = xrealloc(r->settings, r->n_settings + 1,
			       sizeof(*r->settings));
	r->settings[r->n_settings++] = (struct setting){ value, NULL };
	return 0;
}

int apply_verbose(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->verbose++;
	return 0;
}

int apply_version(struct request *r, const char *value, struct error *err)
{
	(void)value;
	(void)err;
	r->mode = MODE_VERSION;
	return 0;
}
