#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/front.h"
#include "conf/netrc.h"
#include "conf/option.h"
#include "sys/host.h"
#include "sys/terminal.h"

enum { ANSWER_WAIT = 120 * 1000 };	/* ms; the relay waits as well */

int setup_config(struct config *c, const struct request *r, struct error *err)
{
	return config_load(c, r->config, err);
}

/* In whatever spelling the setting will be found by. */
static bool sets_host(const struct setting *s)
{
	struct str rest = str_of(s->key);
	struct str key = str_trim(str_cut(&rest, '='));

	return option_find(key) == option_find(STR("host"));
}

/*
 * --host without --account means a relay that no account describes: it must
 * not get the password of one that does.
 */
static bool is_scratch(const struct request *r)
{
	if (r->account)
		return false;
	for (size_t i = 0; i < r->n_settings; i++)
		if (sets_host(&r->settings[i]))
			return true;
	return false;
}

bool setup_is_fixed(const struct request *r)
{
	return r->account || is_scratch(r);
}

static int apply_setting(struct account *a, struct general *g,
			 const struct setting *s, struct error *err)
{
	if (!s->value)
		return option_set_pair(a, g, s->key, err);
	return option_set_arg(a, g, str_of(s->key), str_of(s->value), err);
}

static int make_ready(struct account *a, struct error *err)
{
	return netrc_fill_user(a, err) || account_check(a, err) ? -1 : 0;
}

struct account *setup_select(struct config *c, const struct request *r,
			     const char *sender, struct error *err)
{
	struct account *a = is_scratch(r) ? config_scratch(c) :
		config_select(c, r->account, sender, err);

	if (!a)
		return NULL;
	for (size_t i = 0; i < r->n_settings; i++)
		if (apply_setting(a, &c->general, &r->settings[i], err))
			return NULL;
	if (config_bind(c, a, err) || make_ready(a, err))
		return NULL;
	/* Better now than on the day that they are needed. */
	for (size_t i = 0; a->further && a->further[i]; i++)
		if (make_ready(a->further[i], err))
			return NULL;
	return a;
}

struct account *setup_account(struct config *c, const struct request *r,
			      const char *sender, struct error *err)
{
	if (setup_config(c, r, err))
		return NULL;
	return setup_select(c, r, sender, err);
}

void setup_known_file(struct buf *out)
{
	if (host_directory("XDG_STATE_HOME", "/.local/state", out))
		buf_addz(out, "/posthaste/known_relays");
}

/* The line typed, as far as there is room; false if nobody types any. */
static bool read_answer(int tty, char *to, size_t max)
{
	struct pollfd p = { .fd = tty, .events = POLLIN };
	ssize_t n;
	int r;

	do
		r = poll(&p, 1, ANSWER_WAIT);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return false;
	n = read(tty, to, max - 1);
	to[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* stdin is the message, so the terminal itself is asked. */
bool setup_ask(void *ctx, const char *known_as, const char *fingerprint)
{
	const struct request *r = ctx;
	char answer[16] = "";
	bool yes;
	int tty;

	if (r->face == FACE_SENDMAIL || !terminal_there())
		return false;
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0)
		return false;
	dprintf(tty, "The relay %s is not known yet.  Its certificate is\n"
		"  %s\nTrust it from now on? (yes/no) ", known_as, fingerprint);
	yes = read_answer(tty, answer, sizeof(answer)) &&
	      !strcmp(answer, "yes\n");
	close(tty);
	return yes;
}
