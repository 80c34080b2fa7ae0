#include "conf/profile.h"

#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/option.h"
#include "util/xalloc.h"

/*
 * What providers publish for programs that send mail.  Google's device flow
 * grants no scope for mail, and Yahoo and Fastmail have none, so there a
 * browser is needed.
 */
static const struct provider {
	const char *name;
	const char *auth_endpoint, *token_endpoint, *device_endpoint;
	const char *scope;
} providers[] = {
	{ "google", "https://accounts.google.com/o/oauth2/v2/auth",
	  "https://oauth2.googleapis.com/token", "",
	  "https://mail.google.com/" },
	{ "microsoft",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/token",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
	  "https://outlook.office.com/SMTP.Send offline_access" },
	{ "yahoo", "https://api.login.yahoo.com/oauth2/request_auth",
	  "https://api.login.yahoo.com/oauth2/get_token", "", "mail-w" },
	{ "fastmail", "https://api.fastmail.com/oauth/authorize",
	  "https://api.fastmail.com/oauth/refresh", "",
	  "https://www.fastmail.com/dev/protocol-smtp offline_access" },
};

void profile_init(struct oauth2_profile *p)
{
	*p = (struct oauth2_profile){ 0 };
	option_defaults(p, OPTION_OAUTH2);
}

void profile_release(struct oauth2_profile *p)
{
	option_release(p, OPTION_OAUTH2);
}

static const struct provider *find(struct str name)
{
	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++)
		if (str_caseeq(name, str_of(providers[i].name)))
			return &providers[i];
	return NULL;
}

bool profile_knows(struct str provider)
{
	return find(provider);
}

/* ---- what the section leaves open ---- */

static void fill(char **field, const char *with)
{
	if (**field)
		return;
	free(*field);
	*field = xstrdup(with);
}

static void fill_from(struct oauth2_profile *p, const struct provider *from)
{
	fill(&p->provider, from->name);
	fill(&p->scope, from->scope);
	if (*p->issuer)		/* who says so has endpoints of its own */
		return;
	fill(&p->auth_endpoint, from->auth_endpoint);
	fill(&p->token_endpoint, from->token_endpoint);
	fill(&p->device_endpoint, from->device_endpoint);
}

static int lacks(const struct oauth2_profile *p, struct error *err,
		 const char *what)
{
	return error_set(err, ERROR_CONFIG, "the profile [oauth2 %s] has no %s",
			 p->name, what);
}

int profile_resolve(struct oauth2_profile *p, struct error *err)
{
	const struct provider *from = find(str_of(p->provider));
	bool said = *p->provider || *p->issuer || *p->auth_endpoint ||
		    *p->token_endpoint || *p->device_endpoint;

	if (!from && !said)
		from = find(str_of(p->name));
	if (from)
		fill_from(p, from);
	if (!*p->token_endpoint && !*p->issuer)
		return lacks(p, err, "token_endpoint: set provider, issuer, "
			     "or the endpoints");
	if (!*p->auth_endpoint && !*p->device_endpoint && !*p->issuer)
		return lacks(p, err, "auth_endpoint, which a login begins at");
	if (!*p->client_id)
		return lacks(p, err, "client_id: register a program with the "
			     "provider to get one");
	return 0;
}

/* ---- as text, for the helper ---- */

static const char *text_of(const struct option *o,
			   const struct oauth2_profile *p)
{
	return *(char *const *)((const char *)p + o->at);
}

static void write_line(struct buf *out, const char *key, const char *value)
{
	if (*value)
		buf_addf(out, "%s %s\n", key, value);
}

void profile_write(const struct oauth2_profile *p, const char *user,
		   struct buf *out)
{
	struct buf value;

	/* At once, so that no copy of a secret is left behind by growing. */
	buf_room(out, PROFILE_TEXT_MAX);
	write_line(out, "name", p->name);
	write_line(out, "user", user);
	buf_init(&value, OPTION_TEXT_MAX);
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if (!(o->flags & OPTION_OAUTH2))
			continue;
		buf_reset(&value);
		if (!(o->flags & OPTION_SECRET))
			option_value(o, p, &value);
		write_line(out, o->key, o->flags & OPTION_SECRET ?
			   text_of(o, p) : buf_cstr(&value));
	}
	buf_release(&value);
	buf_addz(out, "end\n");
}

static int damaged(struct error *err)
{
	return error_set(err, ERROR_CONFIG, "what describes the profile is "
			 "not as it should be");
}

static int take_text(char **field, struct str value, struct error *err)
{
	if (**field || !value.n || value.n > OPTION_TEXT_MAX ||
	    str_has_ctl(value))
		return damaged(err);
	free(*field);
	*field = xstrndup(value.p, value.n);
	return 0;
}

static int take_line(struct oauth2_profile *p, char **user, struct str line,
		     struct error *err)
{
	struct str value = line;
	struct str key = str_cut(&value, ' ');
	const struct option *o;

	if (str_eq(key, STR("name")))
		return check_profile_name(value, err) ? -1 :
		       take_text(&p->name, value, err);
	if (str_eq(key, STR("user")))
		return take_text(user, value, err);
	o = option_find(key);
	if (!o || !(o->flags & OPTION_OAUTH2) || option_given(o, p))
		return damaged(err);
	return option_set(o, p, value, err);
}

int profile_read(struct oauth2_profile *p, char **user, struct str text,
		 struct error *err)
{
	*user = xstrdup("");
	while (text.n) {
		struct str line;

		if (!memchr(text.p, '\n', text.n))
			return damaged(err);
		line = str_cut(&text, '\n');
		if (str_eq(line, STR("end")))
			return text.n || !*p->name ? damaged(err) : 0;
		if (take_line(p, user, line, err))
			return -1;
	}
	return damaged(err);
}
