#include "mail/status.h"

enum { REPLY_4YZ = 0, REPLY_5YZ = 160, REPLY_YZ_MAX = 59 };

/* CALLERS: what a sendmail's caller is told, by stage and code. */
static const struct {
	enum stage stage;
	int code;		/* 0: any 5yz */
	int status;
} fixed[] = {
	{ STAGE_AUTH,     0,   77 },
	{ STAGE_STARTTLS, 0,   76 },
	{ STAGE_MAIL,     501, 65 },
	{ STAGE_MAIL,     553, 65 },
	{ STAGE_RCPT,     550, 67 },
	{ STAGE_RCPT,     551, 67 },
	{ STAGE_RCPT,     553, 67 },
};

static int sysexits(const struct verdict *v)
{
	if (v->code < 500)
		return 75;
	if (v->code == 530)
		return 77;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (fixed[i].stage == v->stage &&
		    (!fixed[i].code || fixed[i].code == v->code))
			return fixed[i].status;
	if (v->stage == STAGE_RCPT &&
	    str_starts(str_of(v->enhanced), STR("5.1.")))
		return 67;
	return 69;
}

static int by_reply(const struct verdict *v)
{
	int yz = v->code % 100;

	if (v->code >= 500)
		return yz > REPLY_YZ_MAX ? 69 : REPLY_5YZ + yz;
	return !yz || yz > REPLY_YZ_MAX ? 75 : REPLY_4YZ + yz;
}

int status_of_verdict(enum status_scheme scheme, const struct verdict *v)
{
	if (v->outcome == OUTCOME_SENT || v->outcome == OUTCOME_QUEUED)
		return 0;
	if (v->outcome == OUTCOME_UNKNOWN)
		return 75;
	if (v->code >= 400 && scheme == STATUS_REPLY)
		return by_reply(v);
	if (v->kind)
		return error_kind_status(v->kind);
	/* A verdict without a reason would be a bug of ours: never 0. */
	return v->code >= 400 ? sysexits(v) : 70;
}

static int rank(const struct verdict *v)
{
	if (v->outcome == OUTCOME_SENT || v->outcome == OUTCOME_QUEUED)
		return 0;
	return (v->outcome == OUTCOME_FAILED ? 2 : 0) +
		(v->stage == STAGE_LOCAL ? 1 : 2);
}

size_t status_worst(const struct envelope *e)
{
	size_t worst = e->n_rcpt;
	int most = 0;

	for (size_t i = 0; i < e->n_rcpt; i++) {
		int r = rank(envelope_verdict(e, i));

		if (r > most) {
			most = r;
			worst = i;
		}
	}
	return worst;
}

int status_of_envelope(enum status_scheme scheme, const struct envelope *e)
{
	size_t worst = status_worst(e);

	if (worst == e->n_rcpt)
		return e->n_rcpt ? 0 : 64;
	return status_of_verdict(scheme, envelope_verdict(e, worst));
}

static const struct {
	int status;
	const char *text;
} meanings[] = {
	{ 0, "every recipient was accepted by the relay" },
	{ 64, "usage: the command line is wrong, or names no recipient" },
	{ 65, "the message or an address cannot be sent as it is" },
	{ 66, "an input file cannot be opened, or stdin is closed" },
	{ 67, "the relay refused a recipient's address" },
	{ 68, "the relay's host name does not exist" },
	{ 69, "the relay refused permanently, or a feature is not there" },
	{ 70, "internal error: please report it" },
	{ 71, "the operating system failed: processes or descriptors" },
	{ 73, "an output file or temporary file cannot be created" },
	{ 74, "reading or writing a local file failed" },
	{ 75, "temporary: network, timeout, no space, or the outcome is "
	  "unknown; try again" },
	{ 76, "the relay broke the protocol, TLS failed, or a required "
	  "extension is missing" },
	{ 77, "not permitted: login refused, certificate not trusted, or file "
	  "permissions too open" },
	{ 78, "the configuration is wrong, or a secret cannot be had" },
};

/* Reply codes worth a word of their own. */
static const struct {
	int code;
	const char *text;
} codes[] = {
	{ 421, "the relay is closing the connection; try again later" },
	{ 432, "a password transition is needed" },
	{ 450, "the mailbox is not available now; try again later" },
	{ 451, "the relay had a local error; try again later" },
	{ 452, "the relay has too little storage, or too many recipients" },
	{ 454, "TLS or the login is not available now; try again later" },
	{ 455, "the relay cannot honour the parameters now" },
	{ 500, "the relay does not know the command" },
	{ 501, "the relay found a syntax error in a parameter" },
	{ 502, "the relay does not implement the command" },
	{ 503, "the relay saw a bad sequence of commands" },
	{ 504, "the relay does not implement a parameter" },
	{ 521, "the host accepts no mail" },
	{ 523, "the message is too large for the recipient" },
	{ 530, "the relay wants a login (or TLS) first" },
	{ 534, "the login mechanism is too weak for the relay" },
	{ 535, "the relay refused the user name or password" },
	{ 538, "the login mechanism needs encryption" },
	{ 550, "the mailbox is not available, or policy refused it" },
	{ 551, "the user is not local to the relay" },
	{ 552, "the storage limit is exceeded: message or mailbox too large" },
	{ 553, "the mailbox name is not allowed" },
	{ 554, "the transaction failed, or the message was refused" },
	{ 555, "the relay does not know a MAIL or RCPT parameter" },
	{ 556, "the recipient's domain accepts no mail" },
};

static const char *code_text(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i].code == code)
			return codes[i].text;
	return code < 500 ? "temporary refusal; try again later" :
		"permanent refusal";
}

bool status_explain(struct buf *out, int status)
{
	int code = 0;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		if (meanings[i].status != status)
			continue;
		buf_addf(out, "%d: %s", status, meanings[i].text);
		return true;
	}
	if (status >= 1 && status <= REPLY_YZ_MAX)
		code = 400 + status;
	else if (status >= REPLY_5YZ && status <= REPLY_5YZ + REPLY_YZ_MAX)
		code = 500 + status - REPLY_5YZ;
	if (code)
		buf_addf(out, "%d: the relay replied %d: %s", status, code,
			 code_text(code));
	else if (status > 128 && status < 160)
		buf_addf(out, "%d: ended by signal %d; nothing was reported",
			 status, status - 128);
	return code || (status > 128 && status < 160);
}
