#include "oauth2/browser.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oauth2/form.h"
#include "oauth2/held.h"
#include "oauth2/listener.h"
#include "oauth2/say.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/locked.h"

/* ---- the browser itself ---- */

static bool is_mac(void)
{
	struct utsname u;

	return !uname(&u) && !strcmp(u.sysname, "Darwin");
}

static bool has_variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

bool browser_display(void)
{
	return has_variable("DISPLAY") || has_variable("WAYLAND_DISPLAY") ||
	       is_mac();
}

/* In the child's child, which nobody waits for. */
static void become(const char *url)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	/* Its value is a command of the user's own, with arguments perhaps. */
	if (has_variable("BROWSER"))
		execl("/bin/sh", "sh", "-c", "exec $BROWSER \"$0\"", url,
		      (char *)NULL);
	else if (is_mac())
		execlp("open", "open", url, (char *)NULL);
	else
		execlp("xdg-open", "xdg-open", url, (char *)NULL);
	_exit(127);
}

static void show(const char *url)
{
	pid_t pid;

	if (!browser_display() || !isatty(0) || !isatty(2))
		return;
	pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			become(url);
		_exit(0);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

/* ---- the way there and back ---- */

static int wait_for(struct listener *l, const struct journey *j,
		    unsigned patience, struct redirect *r, struct error *err)
{
	struct awaited w = {
		.path = buf_cstr(&j->path),
		.state = buf_cstr(&j->state),
		.paste = isatty(0) ? 0 : -1,
	};

	say("to log in, open this address in a browser:");
	say_plain(buf_cstr(&j->url));
	if (l && w.paste >= 0)
		say("waiting for the browser; if it ends at a page that it "
		    "cannot show, paste that page's address here");
	else if (l)
		say("waiting for the browser, which must run on this host");
	else if (w.paste >= 0)
		say("the browser ends at a page that it may be unable to "
		    "show: paste that page's address here");
	else
		return error_set(err, ERROR_USAGE, "the redirect_uri is not "
				 "http on this host, so its address must be "
				 "pasted: run this on a terminal");
	show(buf_cstr(&j->url));
	return listener_wait(l, &w, clock_after(patience), r, err);
}

/* RFC 9207: has the answer come from who was asked? */
static int check_issuer(const struct client *c, const struct redirect *r,
			struct error *err)
{
	const char *issuer = c->profile->issuer;

	if (!*issuer || (!r->iss.len && !c->iss))
		return 0;
	if (str_eq(buf_str(&r->iss), str_of(issuer)))
		return 0;
	return error_set(err, ERROR_AUTH, "the answer is another issuer's than "
			 "'%s': somebody may have tampered with the login",
			 issuer);
}

static int check_answer(const struct client *c, const struct redirect *r,
			struct error *err)
{
	struct refusal no = { .status = 200, .plain = false };
	struct buf code;

	if (check_issuer(c, r, err))
		return -1;
	if (!r->error.len)
		return 0;
	buf_init(&code, sizeof(err->text));
	client_show(c, &code, buf_str(&r->error));
	if (code.len <= REFUSAL_CODE_MAX)
		memcpy(no.code, code.p, code.len);
	else
		memcpy(no.code, "error", 5);
	if (r->description.len && r->description.len <= REFUSAL_TEXT_MAX)
		memcpy(no.text, r->description.p, r->description.len);
	buf_release(&code);
	return client_refused(c, &no, "log you in", false, err);
}

static int redeem(struct client *c, const struct journey *j,
		  const struct redirect *r, struct held *held,
		  struct grant *g, struct error *err)
{
	struct refusal refusal;
	struct buf form;
	enum ask got;

	locked_buf(&form, CLIENT_FORM_MAX);
	form_add(&form, "grant_type", STR("authorization_code"));
	form_add(&form, "code", buf_str(&r->code));
	form_add(&form, "redirect_uri", buf_str(&j->redirect));
	form_add(&form, "code_verifier", buf_str(&j->verifier));
	held_begin(held);
	got = client_ask(c, buf_str(&form), g, &refusal, err);
	if (got == ASK_REFUSED)
		client_refused(c, &refusal, "give a token", false, err);
	locked_buf_release(&form);
	return got == ASK_GRANTED ? 0 : -1;
}

static int travel(struct client *c, struct journey *j, struct listener *l,
		  unsigned patience, struct held *held, struct grant *g,
		  struct error *err)
{
	size_t hidden = c->n_secrets;
	struct redirect r;
	int ret = -1;

	redirect_init(&r);
	if (!wait_for(l, j, patience, &r, err)) {
		client_hide(c, buf_str(&j->verifier));
		client_hide(c, buf_str(&r.code));
		if (!check_answer(c, &r, err))
			ret = redeem(c, j, &r, held, g, err);
	}
	c->n_secrets = hidden;
	redirect_release(&r);
	return ret;
}

int browser_login(struct client *c, unsigned patience, struct held *held,
		  struct grant *g, struct error *err)
{
	struct listener *l = NULL;
	struct journey j;
	unsigned port = 0;
	bool here = false;
	int ret = -1;

	journey_init(&j);
	entropy_hex(&j.state, 16);
	entropy_hex(&j.verifier, 32);
	if (journey_redirect(c, &here, &port, &j, err))
		goto out;
	if (here) {
		l = listener_open(port, err);
		if (!l)
			goto out;
		port = listener_port(l);
	}
	if (!journey_plan(c, port, &j, err))
		ret = travel(c, &j, l, patience, held, g, err);
out:
	listener_close(l);
	journey_release(&j);
	return ret;
}
