/*
 * AUTH, RFC 4954: the mechanism speaks, the session carries.
 */
#include <assert.h>

#include "smtp/machine.h"

enum {
	AUTH_LINE_MAX = 510,		/* RFC 5321 s4.5.3.1.4, less CRLF */
	AUTH_ROUNDS_MAX = 10
};

/* A line of the SASL dialogue; its text is nobody's business. */
static void auth_line(struct session *s, struct str line)
{
	session_command(s, VERB_AUTH, 0, line, STR("[response]"));
}

/* Nothing is ever sent cut short. */
static int too_long(const struct session *s, struct error *err)
{
	return error_set(err, ERROR_AUTH, "a response of AUTH %s is over %d "
			 "octets", s->trying, COMMAND_MAX);
}

static int choose(struct session *s, bool *has_initial, struct error *err)
{
	if (s->auth->start(s->auth->ctx, buf_str(&s->ehlo.auth), &s->trying,
			   has_initial, &s->initial, err))
		return -1;
	return s->initial.over ? too_long(s, err) : 0;
}

void session_auth(struct session *s, const struct auth *auth)
{
	struct buf line, shown;
	bool has_initial = false;
	struct error err;

	assert(s->phase == PHASE_AUTH);
	s->auth = auth;
	s->phase = PHASE_TALK;
	s->epoch++;
	if (choose(s, &has_initial, &err)) {
		session_refuse(s, verdict_of_error(&err, STAGE_AUTH), err.kind);
		return;
	}
	buf_init(&line, COMMAND_MAX);
	buf_init(&shown, COMMAND_MAX);
	buf_addf(&line, "AUTH %s", s->trying);
	buf_add(&shown, buf_str(&line));
	if (has_initial && line.len + 1 + s->initial.len > AUTH_LINE_MAX) {
		s->initial_due = true;	/* too long for this command line */
	} else if (has_initial) {
		buf_addf(&line, " %s", s->initial.len ? s->initial.p : "=");
		buf_addz(&shown, " [response]");
	}
	session_command(s, VERB_AUTH, 0, buf_str(&line), buf_str(&shown));
	buf_wipe(&line);
	buf_release(&line);
	buf_release(&shown);
	if (!s->initial_due)
		buf_wipe(&s->initial);
}

/* Give the dialogue up as RFC 4954 s4 says, and stop once that is answered. */
static void auth_cancel(struct session *s, const struct error *err)
{
	s->auth_error = *err;
	session_command(s, VERB_CANCEL, 0, STR("*"), STR("*"));
}

static void on_challenge(struct session *s)
{
	struct buf response;
	struct error err;

	if (s->initial_due) {
		s->initial_due = false;
		auth_line(s, buf_str(&s->initial));
		buf_wipe(&s->initial);
		return;
	}
	if (++s->rounds > AUTH_ROUNDS_MAX) {
		error_set(&err, ERROR_PROTOCOL, "the relay asks for more than "
			  "%d rounds of AUTH %s", AUTH_ROUNDS_MAX, s->trying);
		auth_cancel(s, &err);
		return;
	}
	buf_init(&response, COMMAND_MAX);
	if (s->auth->step(s->auth->ctx, buf_str(&s->reply.text), &response,
			  &err)) {
		auth_cancel(s, &err);
	} else if (response.over) {
		too_long(s, &err);
		auth_cancel(s, &err);
	} else {
		auth_line(s, buf_str(&response));
	}
	buf_wipe(&response);
	buf_release(&response);
}

static void on_auth(struct session *s)
{
	struct error err;

	if (s->reply.code == 334) {
		on_challenge(s);
	} else if (session_class(s) == 3) {
		session_broken(s, STAGE_AUTH, "AUTH was answered with a "
			       "go-ahead other than 334");
	} else if (session_class(s) != 2) {
		session_refuse(s, session_said(s, STAGE_AUTH), ERROR_NONE);
	} else if (s->auth->finish(s->auth->ctx, &err)) {
		session_refuse(s, verdict_of_error(&err, STAGE_AUTH), err.kind);
	} else {
		s->mech = s->trying;
		s->phase = PHASE_NEXT;
	}
}

static void on_cancel(struct session *s)
{
	session_refuse(s, verdict_of_error(&s->auth_error, STAGE_AUTH),
		       s->auth_error.kind);
}

void login_reply(struct session *s, struct expect e)
{
	if (e.verb == VERB_CANCEL)
		on_cancel(s);
	else
		on_auth(s);
}
