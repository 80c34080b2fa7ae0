/*
 * --serverinfo: what the relay shows before any login.
 */
#include <stdio.h>
#include <time.h>

#include "cmd/front.h"
#include "deliver/attempt.h"
#include "sys/clock.h"
#include "sys/host.h"
#include "util/utf8.h"

enum { INFO_MAX = 1 << 18 };

static void row(struct buf *out, const char *name, struct str value)
{
	buf_addf(out, "%-12s ", name);
	utf8_escape(out, value);
	buf_addch(out, '\n');
}

static void row_time(struct buf *out, const char *name, int64_t when)
{
	time_t t = (time_t)when;
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	row(out, name, str_of(text));
}

static void show_tls(struct buf *out, const struct tls_info *tls)
{
	row(out, "TLS", str_of(tls->version));
	row(out, "cipher", str_of(tls->cipher));
	row(out, "subject", str_of(tls->cert.subject));
	row(out, "issuer", str_of(tls->cert.issuer));
	row(out, "names", str_of(tls->cert.names));
	row_time(out, "valid from", tls->cert.from);
	row_time(out, "valid until", tls->cert.until);
	row(out, "fingerprint", str_of(tls->cert.fingerprint));
	row(out, "key pin", str_of(tls->cert.pin));
	if (*tls->trouble)
		row(out, "trust", str_of(tls->trouble));
	else
		row(out, "trust", STR("verified"));
}

/* What the SRV records say, in the order that it was tried in this time. */
static void show_srv(struct buf *out, const struct attempt *a)
{
	static const char *const tls[] = {
		[ACCOUNT_TLS_IMPLICIT] = "implicit",
		[ACCOUNT_TLS_STARTTLS] = "starttls",
		[ACCOUNT_TLS_NONE] = "none",
	};
	const struct relay *r;
	struct buf text;

	buf_init(&text, INFO_MAX);
	for (size_t i = 0; (r = relays_nth(&a->relays, i)); i++) {
		if (!*r->domain)
			continue;
		buf_reset(&text);
		buf_addf(&text, "%u %u %s %s", r->priority, r->weight, r->name,
			 tls[r->tls]);
		row(out, "SRV", buf_str(&text));
	}
	buf_release(&text);
}

static void show_ehlo(struct buf *out, const struct session *s)
{
	struct str text = buf_str(&s->hello);

	row(out, "greeting", buf_str(&s->greeting));
	row(out, "name", str_cut(&text, '\n'));
	while (text.n)
		row(out, "extension", str_cut(&text, '\n'));
	row(out, "mechanisms", s->ehlo.auth.len ? buf_str(&s->ehlo.auth) :
	    STR("none"));
}

static int look(const struct request *r, const struct account *account,
		const char *mailname, const char *known_file)
{
	struct attempt_setup setup = {
		.account = account,
		.mailname = mailname,
		.ways = { .fd = -1 },
		.look = true,
		.deadline = clock_after(account->deadline),
		.known_file = known_file,
		.trace = r->verbose ? say_trace : NULL,
		.ctx = (void *)(uintptr_t)r,
	};
	const struct tls_info *tls;
	struct attempt a;
	struct error err;
	struct buf out;
	int status = 0;

	buf_init(&out, INFO_MAX);
	if (attempt_open(&a, &setup)) {
		show_srv(&out, &a);
		(void)say_out(buf_str(&out), &err);
		buf_reset(&out);
		buf_addf(&out, "%s: ", attempt_relay(&a));
		report_verdict(&out, attempt_trouble(&a), "");
		error_set(&err, ERROR_NET, "%s", buf_cstr(&out));
		say_error(r, &err);
		status = status_of_verdict(r->scheme, attempt_trouble(&a));
	} else {
		tls = stream_tls(a.stream);
		show_srv(&out, &a);
		row(&out, "relay", buf_str(&a.relay));
		row(&out, "address", buf_str(&a.peer));
		if (tls)
			show_tls(&out, tls);
		else
			row(&out, "TLS", STR("none"));
		show_ehlo(&out, &a.session);
		if (say_out(buf_str(&out), &err))
			status = say_error(r, &err);
	}
	attempt_quit(&a);
	attempt_release(&a);
	buf_release(&out);
	return status;
}

int front_serverinfo(const struct request *r)
{
	struct config config;
	struct account *account;
	struct error err;
	struct buf mailname, known_file;
	int status;

	buf_init(&mailname, 1 << 12);
	buf_init(&known_file, 1 << 12);
	setup_known_file(&known_file);
	account = setup_account(&config, r, "", &err);
	host_mailname(config.general.mailname, &mailname);
	status = account ? look(r, account, buf_cstr(&mailname),
				buf_cstr(&known_file)) :
		say_error(r, &err);
	buf_release(&mailname);
	buf_release(&known_file);
	config_release(&config);
	return status;
}
