#include "oauth2/device.h"

#include <string.h>

#include "oauth2/form.h"
#include "oauth2/held.h"
#include "oauth2/object.h"
#include "oauth2/say.h"
#include "oauth2/url.h"
#include "sys/clock.h"
#include "sys/locked.h"
#include "util/utf8.h"

enum { CODE_MAX = 128, URI_MAX = 2048 };	/* octets */

static int wrong(struct error *err, const char *what)
{
	return error_set(err, ERROR_PROTOCOL, "the provider's answer is of no "
			 "use: %s", what);
}

/* What a person has to open must be an address, whoever said it. */
static bool is_address(struct str s)
{
	struct url url;

	return s.n <= URI_MAX && url_split(s, &url);
}

int device_read(struct device *d, struct str body, struct error *err)
{
	*d = (struct device){ .root = object_parse(body),
			      .interval = DEVICE_INTERVAL };
	if (!d->root)
		return wrong(err, "it is not a JSON object");
	if (!object_text(d->root, "device_code", &d->device_code) ||
	    !d->device_code.n || d->device_code.n > GRANT_TOKEN_MAX)
		return wrong(err, "it has no device_code");
	if (!object_text(d->root, "user_code", &d->user_code) ||
	    !d->user_code.n || d->user_code.n > CODE_MAX)
		return wrong(err, "it has no user_code");
	/* Google's has another name than the standard's. */
	if (!object_text(d->root, "verification_uri", &d->uri))
		object_text(d->root, "verification_url", &d->uri);
	if (!is_address(d->uri))
		return wrong(err, "its verification_uri is no address");
	object_text(d->root, "verification_uri_complete", &d->uri_complete);
	if (!is_address(d->uri_complete))
		d->uri_complete = STR("");
	if (object_number(d->root, "expires_in", INT64_MAX / 4,
			  &d->expires_in) != OBJECT_COUNT_OK || !d->expires_in)
		return wrong(err, "it does not say how long its code lives");
	if (object_number(d->root, "interval", INT64_MAX / 4,
			  &d->interval) == OBJECT_COUNT_BAD)
		return wrong(err, "its interval is no number");
	if (!d->interval)
		d->interval = 1;
	return 0;
}

void device_release(struct device *d)
{
	object_drop(d->root);
	*d = (struct device){ 0 };
}

static void show_line(struct str s)
{
	struct buf safe;

	buf_init(&safe, 4 * URI_MAX);
	utf8_escape(&safe, s);
	say_plain(buf_cstr(&safe));
	buf_release(&safe);
}

static void show(const struct device *d)
{
	say("to log in, open this address in a browser, on whatever device:");
	show_line(d->uri);
	say("and enter this code there:");
	show_line(d->user_code);
	if (d->uri_complete.n) {
		say("or open this one, which has the code in it:");
		show_line(d->uri_complete);
	}
}

/* ---- asking whether the person is done: s3.4, s3.5 ---- */

enum poll { POLL_GRANTED, POLL_AGAIN, POLL_FAILED };

static enum poll judge(struct client *c, const struct refusal *r,
		       int64_t *interval, struct error *err)
{
	if (!strcmp(r->code, "authorization_pending"))
		return POLL_AGAIN;
	if (!strcmp(r->code, "slow_down")) {
		*interval += DEVICE_SLOWER;
		return POLL_AGAIN;
	}
	if (!strcmp(r->code, "expired_token")) {
		error_set(err, ERROR_NET, "nobody entered the code in time");
		return POLL_FAILED;
	}
	client_refused(c, r, "log you in", false, err);
	if (refusal_kind(r) != ERROR_NET)
		return POLL_FAILED;
	*interval = r->retry_after > *interval ? r->retry_after :
		    *interval + DEVICE_SLOWER;
	return POLL_AGAIN;
}

static enum poll poll_once(struct client *c, struct str form,
			   int64_t *interval, struct grant *g,
			   struct error *err)
{
	struct refusal r;

	switch (client_ask(c, form, g, &r, err)) {
	case ASK_GRANTED:
		return POLL_GRANTED;
	case ASK_REFUSED:
		return judge(c, &r, interval, err);
	case ASK_FAILED:
		break;
	}
	/* A network that was away for a moment ends no login; but ask less. */
	if (err->kind != ERROR_NET)
		return POLL_FAILED;
	if (*interval < DEVICE_SLOW)
		*interval *= 2;
	return POLL_AGAIN;
}

static int poll_token(struct client *c, const struct device *d,
		      struct str form, unsigned patience, struct held *held,
		      struct grant *g, struct error *err)
{
	int64_t life = d->expires_in < DEVICE_LIFE_MAX ? d->expires_in :
		       DEVICE_LIFE_MAX;
	int64_t interval = d->interval;
	int64_t end;

	if (patience && patience < life)
		life = patience;
	end = clock_after((unsigned)life);
	for (;;) {
		int64_t next = interval < life ?
			clock_after((unsigned)interval) : end;

		clock_sleep(next < end ? next : end);
		if (clock_ms() >= end)
			return error_set(err, ERROR_NET,
					 "nobody entered the code in time");
		held_begin(held);
		switch (poll_once(c, form, &interval, g, err)) {
		case POLL_GRANTED:
			return 0;
		case POLL_FAILED:
			return -1;
		case POLL_AGAIN:
			held_end(held);
		}
	}
}

static int begin(struct client *c, struct device *d, struct error *err)
{
	struct http_answer a = { 0 };
	struct refusal r;
	struct buf form;
	int ret;

	locked_buf(&form, CLIENT_FORM_MAX);
	if (*c->profile->scope)
		form_add(&form, "scope", str_of(c->profile->scope));
	ret = client_post(c, c->device, buf_str(&form), &a, err);
	if (!ret && refusal_read(&r, a.status, buf_str(&a.body))) {
		r.retry_after = a.retry_after;
		ret = client_refused(c, &r, "begin the login", false, err);
	} else if (!ret) {
		ret = device_read(d, buf_str(&a.body), err);
	}
	http_answer_release(&a);
	locked_buf_release(&form);
	return ret;
}

int device_login(struct client *c, unsigned patience, struct held *held,
		 struct grant *g, struct error *err)
{
	size_t hidden = c->n_secrets;
	struct device d = { 0 };
	struct buf form;
	int ret = -1;

	locked_buf(&form, CLIENT_FORM_MAX);
	if (!begin(c, &d, err)) {
		client_hide(c, d.device_code);
		show(&d);
		form_add(&form, "grant_type", STR("urn:ietf:params:oauth:"
						  "grant-type:device_code"));
		form_add(&form, "device_code", d.device_code);
		ret = poll_token(c, &d, buf_str(&form), patience, held, g,
				 err);
	}
	c->n_secrets = hidden;
	device_release(&d);
	locked_buf_release(&form);
	return ret;
}
