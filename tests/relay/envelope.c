/* MAIL and RCPT: RFC 5321 s4.1.1.2-3, with the parameters of extensions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/log.h"
#include "relay/smtp.h"
#include "util/xalloc.h"

/* A parameter is refused with 555 unless its keyword is offered. */
static const struct {
	const char *name;
	const char *cap;
	bool mail;
} params[] = {
	{ "SIZE", "SIZE", true },
	{ "BODY", "8BITMIME", true },
	{ "SMTPUTF8", "SMTPUTF8", true },
	{ "RET", "DSN", true },
	{ "ENVID", "DSN", true },
	{ "AUTH", "", true },
	{ "REQUIRETLS", "REQUIRETLS", true },
	{ "BY", "DELIVERBY", true },
	{ "HOLDFOR", "FUTURERELEASE", true },
	{ "HOLDUNTIL", "FUTURERELEASE", true },
	{ "MT-PRIORITY", "MT-PRIORITY", true },
	{ "NOTIFY", "DSN", false },
	{ "ORCPT", "DSN", false },
};

/* "KEYWORD:<address> rest": false if it is not that. */
static bool path(struct str arg, struct str keyword, struct str *address,
		 struct str *rest)
{
	bool quoted = false;
	size_t i;

	if (!str_casestarts(arg, keyword))
		return false;
	arg.p += keyword.n;
	arg.n -= keyword.n;
	for (i = 0; i < arg.n && (quoted || arg.p[i] != '>'); i++) {
		if (arg.p[i] == '"')
			quoted = !quoted;
		else if (arg.p[i] == '\\' && quoted)
			i++;
	}
	if (i >= arg.n)
		return false;
	*address = (struct str){ arg.p, i };
	*rest = (struct str){ arg.p + i + 1, arg.n - i - 1 };
	if (rest->n && *rest->p != ' ')
		return false;
	*rest = str_trim(*rest);
	return true;
}

static bool param_known(struct session *s, struct str key, bool mail)
{
	for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++) {
		if (params[i].mail != mail ||
		    !str_caseeq(key, str_of(params[i].name)))
			continue;
		return !*params[i].cap ? *s->c->conf->auth != '\0' :
		       cap_offered(s, params[i].cap, NULL);
	}
	return false;
}

static bool too_big(struct session *s, struct str value)
{
	struct str limit = STR("");
	uint64_t max;
	uint64_t size;

	return cap_offered(s, "SIZE", &limit) &&
	       str_u64(limit, UINT64_MAX, &max) && max &&
	       str_u64(value, UINT64_MAX, &size) && size > max;
}

/* NULL if the parameters are fine, else the reply. */
static const char *params_check(struct session *s, struct str rest, bool mail)
{
	while (rest.n) {
		struct str value = str_cut(&rest, ' ');
		struct str key = str_cut(&value, '=');

		if (!key.n)
			continue;
		if (!s->esmtp || !param_known(s, key, mail))
			return "555 5.5.4 parameter not recognised";
		if (mail && str_caseeq(key, STR("SIZE")) && too_big(s, value))
			return "552 5.3.4 message is bigger than I take";
	}
	return NULL;
}

static void log_path(struct session *s, const char *event, const char *address,
		     const char *rest, int code)
{
	struct buf b;

	log_begin(s->c->relay, &b, s->c->id, event);
	log_str(&b, "address", str_of(address));
	log_str(&b, "params", str_of(rest));
	log_int(&b, "code", code < 0 ? 0 : (uint64_t)code);
	log_end(s->c->relay, &b);
}

static const char *mail_allowed(struct session *s)
{
	const struct config *conf = s->c->conf;

	if (!s->greeted)
		return "503 5.5.1 greet me first";
	if (conf->require_tls && !s->c->tls)
		return "530 5.7.0 must issue a STARTTLS command first";
	if (conf->require_auth && !s->authed)
		return "530 5.7.0 authentication required";
	if (s->from)
		return "503 5.5.1 one sender is enough";
	return NULL;
}

int mail_run(struct session *s, struct str arg)
{
	struct str address = STR("");
	struct str rest = STR("");
	const char *no = mail_allowed(s);
	char *from;
	char *pars;
	int code;

	if (!path(arg, STR("FROM:<"), &address, &rest))
		no = "501 5.5.4 MAIL FROM:<address> it should be";
	else if (!no)
		no = params_check(s, rest, true);
	from = xstrndup(address.p, address.n);
	pars = xstrndup(rest.p, rest.n);
	code = answer(s, V_MAIL, from, no ? no : "250 2.1.0 sender ok");
	log_path(s, "mail", from, pars, code);
	if (code / 100 == 2) {
		transaction_reset(s);
		s->from = from;
		s->params = pars;
		return 0;
	}
	free(from);
	free(pars);
	return code < 0 ? -1 : 0;
}

static void rcpt_add(struct session *s, char *address, char *pars, int code)
{
	/* Room grows by doubling: at 0, 1, 2, 4, 8... */
	if (!(s->nrcpts & (s->nrcpts - 1)) || !s->nrcpts)
		s->rcpts = xrealloc(s->rcpts, s->nrcpts ? s->nrcpts * 2 : 1,
				    sizeof(*s->rcpts));
	s->rcpts[s->nrcpts++] = (struct rcpt){ address, pars, code };
	s->accepted += code / 100 == 2;
}

int rcpt_run(struct session *s, struct str arg)
{
	unsigned limit = s->c->conf->rcpt_limit;
	struct str address = STR("");
	struct str rest = STR("");
	const char *no = NULL;
	char *to;
	char *pars;
	int code;

	if (!s->from)
		no = "503 5.5.1 MAIL first";
	else if (s->content)
		no = "503 5.5.1 BDAT has begun";
	else if (!path(arg, STR("TO:<"), &address, &rest) || !address.n)
		no = "501 5.5.4 RCPT TO:<address> it should be";
	else if (limit && s->accepted >= limit)
		no = "452 4.5.3 too many recipients";
	else
		no = params_check(s, rest, false);
	to = xstrndup(address.p, address.n);
	pars = xstrndup(rest.p, rest.n);
	code = answer(s, V_RCPT, to, no ? no : "250 2.1.5 recipient ok");
	log_path(s, "rcpt", to, pars, code);
	if (code >= 0 && s->from) {
		rcpt_add(s, to, pars, code);
		return 0;
	}
	free(to);
	free(pars);
	return code < 0 ? -1 : 0;
}
