/*
 * --oauth2-login: a person logs in at the provider of a profile, by the helper
 * program, which has the terminal then.
 */
#include <stdio.h>

#include "cmd/front.h"
#include "conf/bearer.h"
#include "conf/nearest.h"
#include "sys/locked.h"
#include "sys/process.h"

enum { LINE_MAX_OCTETS = 400, PATH_LIMIT = 4096 };

/* Who asks for a provider by its name is shown what to write. */
static int show_section(const struct request *r, const char *name)
{
	struct error err;
	char line[LINE_MAX_OCTETS];

	error_set(&err, ERROR_CONFIG, "the configuration has no section "
		  "[oauth2 %.64s]: register a program with the provider, which "
		  "gives it a client_id, and write", name);
	say_error(r, &err);
	snprintf(line, sizeof(line), "    [oauth2 %.64s]", name);
	say(r, line);
	say(r, "    client_id = ...");
	say(r, "    client_secret = ...     ; if the provider gives one");
	snprintf(line, sizeof(line), "and 'oauth2 = %.64s' into the [account "
		 "NAME] section; see posthaste(5)", name);
	say(r, line);
	return error_kind_status(err.kind);
}

static int unknown(const struct request *r, const struct config *c)
{
	struct nearest best = { 0 };
	struct error err;

	for (size_t i = 0; i < c->n_profiles; i++)
		nearest_try(&best, str_of(r->oauth2_login),
			    c->profiles[i].name);
	if (!best.name && profile_knows(str_of(r->oauth2_login)))
		return show_section(r, r->oauth2_login);
	if (best.name)
		error_set(&err, ERROR_USAGE, "--oauth2-login names the unknown "
			  "profile '%.64s': did you mean '%s'?",
			  r->oauth2_login, best.name);
	else
		error_set(&err, ERROR_USAGE, "--oauth2-login names the unknown "
			  "profile '%.64s': there is no section [oauth2 %.64s]",
			  r->oauth2_login, r->oauth2_login);
	return say_error(r, &err);
}

/* Whom the provider is to ask for: the user of an account with the profile. */
static const char *user_of(const struct config *c,
			   const struct oauth2_profile *p,
			   const struct account *preferred)
{
	if (preferred && preferred->profile == p)
		return preferred->user;
	for (size_t i = 0; i < c->n; i++)
		if (c->accounts[i].profile == p && *c->accounts[i].user)
			return c->accounts[i].user;
	return "";
}

/* Does not come back if all goes well: the helper's status is ours. */
static int become_helper(const struct request *r, const struct config *c,
			 const struct oauth2_profile *p, struct error *err)
{
	const struct account *a = r->account ? config_find(c, r->account) :
		NULL;
	struct process_input input = { .at = 3, .speaks = true };
	const char *argv[] = { NULL, "login", NULL, NULL };
	struct buf path, flow, text;
	int ret;

	buf_init(&path, PATH_LIMIT);
	buf_init(&flow, LINE_MAX_OCTETS);
	locked_buf(&text, PROFILE_TEXT_MAX);
	profile_write(p, user_of(c, p, a), &text);
	buf_addf(&flow, "--flow=%s", r->oauth2_flow);
	ret = text.over ? error_set(err, ERROR_CONFIG, "the profile [oauth2 "
				    "%s] is too long", p->name) :
	      bearer_helper(&path, err);
	if (!ret) {
		argv[0] = buf_cstr(&path);
		argv[2] = buf_cstr(&flow);
		input.text = buf_str(&text);
		ret = process_become(argv, &input, err);
	}
	locked_buf_release(&text);
	buf_release(&flow);
	buf_release(&path);
	return ret;
}

int front_oauth2_login(const struct request *r)
{
	struct oauth2_profile *p;
	struct config config;
	struct error err;
	int status;

	if (setup_config(&config, r, &err)) {
		status = say_error(r, &err);
	} else {
		p = config_profile(&config, r->oauth2_login);
		if (!p)
			status = unknown(r, &config);
		else if (profile_resolve(p, &err))
			status = say_error(r, &err);
		else if (become_helper(r, &config, p, &err))
			status = say_error(r, &err);
		else
			status = 0;
	}
	config_release(&config);
	return status;
}
