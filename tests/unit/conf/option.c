#include "conf/option.h"
#include "conf/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bases {
	struct account a;
	struct general g;
	struct queue_settings q;
	struct oauth2_profile o;
};

static void bases_init(struct bases *b)
{
	account_init(&b->a);
	general_init(&b->g);
	queue_settings_init(&b->q);
	profile_init(&b->o);
}

static void bases_release(struct bases *b)
{
	account_release(&b->a);
	general_release(&b->g);
	queue_settings_release(&b->q);
	profile_release(&b->o);
}

static void *base_of(struct bases *b, const struct option *o)
{
	if (o->flags & OPTION_GENERAL)
		return &b->g;
	if (o->flags & OPTION_OAUTH2)
		return &b->o;
	return o->flags & OPTION_QUEUE ? (void *)&b->q : (void *)&b->a;
}

/* Keys are unique, in file form, and every row has all it needs. */
static void rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);

		if (!o->help || !*o->help || !o->arg || !o->fallback)
			fail_msg("%s lacks help, arg or fallback", o->key);
		if (strspn(o->key, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
		    strlen(o->key))
			fail_msg("%s is no key", o->key);
		if (option_find(str_of(o->key)) != o)
			fail_msg("%s is there twice", o->key);
		if (o->type == OPTION_CHOICE && !o->choice)
			fail_msg("%s has no choice", o->key);
		if ((o->type == OPTION_COUNT || o->type == OPTION_SECONDS ||
		     o->type == OPTION_SIZE) && !o->max)
			fail_msg("%s has no maximum", o->key);
		if (strlen(o->help) > 66)
			fail_msg("%s: help is too long", o->key);
	}
}

static void defaults_are_valid(void **state)
{
	struct bases bases;

	(void)state;
	bases_init(&bases);
	for (size_t i = 0; i < option_count(); i++) {
		const struct option *o = option_at(i);
		void *base = base_of(&bases, o);
		struct error err = { 0 };
		struct buf b;

		buf_init(&b, 1000);
		assert_false(option_given(o, base));
		option_value(o, base, &b);
		if (!(o->type == OPTION_SIZE) &&
		    strcmp(buf_cstr(&b), o->fallback))
			fail_msg("%s: default is '%s'", o->key, buf_cstr(&b));
		if (*o->fallback &&
		    option_set(o, base, str_of(o->fallback), &err))
			fail_msg("%s: %s", o->key, err.text);
		buf_release(&b);
	}
	bases_release(&bases);
}

/*
 * key, text, and what it prints as; out NULL: refused with `says`.
 * Every key of the table must be here with a good value.
 */
#define B64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static const struct {
	const char *key, *in, *out, *says;
} rows[] = {
	{ "host", "smtp.example.org", "smtp.example.org", NULL },
	{ "host", "192.0.2.1", "192.0.2.1", NULL },
	{ "host", "2001:db8::1", "2001:db8::1", NULL },
	{ "host", "/run/a b.sock", "/run/a b.sock", NULL },
	{ "host", "b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.example", NULL },
	{ "host", "", NULL, "'host = ': may not be empty" },
	{ "host", "a b", NULL, "'host = a b': is not a host name" },
	{ "host", "mx:25", NULL, "'port'" },
	{ "host", "[::1]", NULL, "without brackets" },
	{ "host", "smtps://mx", NULL, "URL" },
	{ "host", "u@mx", NULL, "not a host name" },
	{ "host", "a\nb", NULL, "control byte" },
	{ "host", "SRV:example.org", "SRV:example.org", NULL },
	{ "host", "srv:b\xc3\xbc" "cher.example", "srv:b\xc3\xbc" "cher.example",
	  NULL },
	{ "host", "srv:", NULL, "names no domain" },
	{ "host", "srv:.", NULL, "names no domain" },
	{ "host", "srv:192.0.2.1", NULL, "names no domain" },
	{ "host", "srv:::1", NULL, "names no domain" },
	{ "host", "srv:a.example:465", NULL, "names no domain" },
	{ "host", "srv:a@b.example", NULL, "names no domain" },
	{ "host", "srv:/run/x", NULL, "names no domain" },
	{ "host", "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	  NULL, "too long for a socket" },
	{ "port", "1", "1", NULL },
	{ "port", "65535", "65535", NULL },
	{ "port", "65536", NULL, "out of range: 1 to 65535" },
	{ "port", "0", NULL, "out of range" },
	{ "port", "-1", NULL, "not a number" },
	{ "port", "smtp", NULL, "not a number" },
	{ "port", "", NULL, "not a number" },
	{ "port", "25 ", NULL, "not a number" },
	{ "port", "2k", NULL, "not a number" },
	{ "port", "99999999999999999999999", NULL, "not a number" },
	{ "protocol", "LMTP", "lmtp", NULL },
	{ "protocol", "pop3", NULL, "is none of smtp, lmtp" },
	{ "tls", "starttls", "starttls", NULL },
	{ "tls", "on", NULL, "is none of implicit, starttls, none" },
	{ "tls-trust", "/etc/ca.pem", "/etc/ca.pem", NULL },
	{ "tls_trust", "tofu", "tofu", NULL },
	{ "tls_trust", "~/ca.pem", "/home/t/ca.pem", NULL },
	{ "tls_trust", "~other/ca.pem", NULL, "write the whole path" },
	{ "tls_trust", "", NULL, "may not be empty" },
	{ "tls_name", "mx.example.org", "mx.example.org", NULL },
	{ "tls_name", "a b", NULL, "no blank" },
	{ "tls_priority", "NORMAL:-VERS-TLS1.2", "NORMAL:-VERS-TLS1.2", NULL },
	{ "auth", "SCRAM-SHA-256, plain", "SCRAM-SHA-256, plain", NULL },
	{ "auth", "none", "none", NULL },
	{ "auth", "none plain", NULL, "stands alone" },
	{ "auth", "auto, -rot13", NULL, "unknown SASL mechanism 'rot13'" },
	{ "auth", "-PLAIN", NULL, "no SASL mechanism is named" },
	{ "auth", "", NULL, "may not be empty" },
	{ "auth", ",", NULL, "may not be empty" },
	{ "auth", "PLAIN!", NULL, "list of mechanism names" },
	{ "auth", "plain rot13", NULL, "unknown SASL mechanism 'rot13'" },
	{ "auth", "scram, xoauth2", "scram, xoauth2", NULL },
	{ "auth", "auto, -LOGIN", "auto, -LOGIN", NULL },
	{ "auth", "DIGEST-MD5, NTLM", "DIGEST-MD5, NTLM", NULL },
	{ "auth", "GSSAPI, -", NULL, "unknown SASL mechanism ''" },
	{ "auth", "ABCDEFGHIJKLMNOPQRSTU", NULL, "not a mechanism's name" },
	{ "user", "alice@example.org", "alice@example.org", NULL },
	{ "user", "\xc3\xa4;#\"'", "\xc3\xa4;#\"'", NULL },
	{ "user", "a\tb", NULL, "control byte" },
	{ "authzid", "bob", "bob", NULL },
	{ "password", "s3;c#r\"t", "********", NULL },
	{ "password", "", "", NULL },
	{ "password_file", "/run/secret", "/run/secret", NULL },
	{ "password_command", "pass mail; true", "pass mail; true", NULL },
	{ "token_command", "oauth 'x'", "oauth 'x'", NULL },
	{ "netrc", "~/.netrc", "/home/t/.netrc", NULL },
	{ "from", "a@x, *@lists.example.org,b?@y", "a@x, *@lists.example.org,b?@y",
	  NULL },
	{ "from", "a@x,,b@y", NULL, "empty address" },
	{ "from", "Jo <a@x>", NULL, "bare addresses" },
	{ "from", "jo", NULL, "without a domain" },
	{ "from", "jo@", NULL, "is no address" },
	{ "from", "a@x, jo@b@c", NULL, "is no address" },
	{ "from", "a..b@c", NULL, "is no address" },
	{ "from", "@x", NULL, "is no address" },
	{ "from_name", "J\xc3\xb6rg, the 1st", "J\xc3\xb6rg, the 1st", NULL },
	{ "ignore_extensions", "CHUNKING, DSN", "CHUNKING, DSN", NULL },
	{ "helo", "me.example.org", "me.example.org", NULL },
	{ "helo", "[192.0.2.1]", "[192.0.2.1]", NULL },
	{ "helo", "[192.0.2.1", NULL, "without its ']'" },
	{ "helo", "[", NULL, "without its ']'" },
	{ "helo", "[]", NULL, "no address literal" },
	{ "helo", "[192.0.2.256]", NULL, "no address literal" },
	{ "helo", "[192.0.2.1]x", NULL, "without its ']'" },
	{ "helo", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", NULL },
	{ "helo", "[IPv6:fe80::1%eth0]", NULL, "no address literal" },
	{ "helo", "[IPv6:]", NULL, "no address literal" },
	{ "helo", "[IPv6:", NULL, "without its ']'" },
	{ "helo", "[IPv6:192.0.2.1]", NULL, "no address literal" },
	{ "helo", "[2001:db8::1]", NULL, "begins with '[IPv6:'" },
	{ "helo", "b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.example", NULL },
	{ "helo", "a\xff", NULL, "not a domain" },
	{ "helo", "a b", NULL, "printable ASCII" },
	{ "helo", "a@b", NULL, "not a domain" },
	{ "source", "192.0.2.7", "192.0.2.7", NULL },
	{ "dsn_notify", "never", "never", NULL },
	{ "dsn_notify", "success, FAILURE,delay", "success, FAILURE,delay", NULL },
	{ "dsn_notify", "never,delay", NULL, "is not never" },
	{ "dsn_notify", "delay,delay", NULL, "is not never" },
	{ "dsn_return", "hdrs", "hdrs", NULL },
	{ "dsn_return", "half", NULL, "not full or hdrs" },
	{ "timeout_connect", "1", "1", NULL },
	{ "timeout_connect", "0", NULL, "out of range: 1 to 1d" },
	{ "timeout_connect", "1s", "1", NULL },
	{ "timeout_connect", "1 s", NULL, "number of seconds" },
	{ "timeout_tls", "86400", "1d", NULL },
	{ "timeout_tls", "86401", NULL, "out of range" },
	{ "timeout_command", "300", "5m", NULL },
	{ "timeout_data", "180", "3m", NULL },
	{ "timeout_end", "601", "601", NULL },
	{ "deadline", "0", "0", NULL },
	{ "deadline", "7d", "7d", NULL },
	{ "queue", "never", "never", NULL },
	{ "queue", "Tempfail", "tempfail", NULL },
	{ "queue", "always", "always", NULL },
	{ "queue", "default", "default", NULL },
	{ "queue", "yes", NULL, "is none of default, never, tempfail, always" },
	{ "unknown", "hold", "hold", NULL },
	{ "log_format", "json", "json", NULL },
	{ "log_format", "xml", NULL, "is none of text, json" },
	{ "unknown", "bounce", NULL, "is none of retry, hold" },
	{ "flush_on_send", "no", "no", NULL },
	{ "max-messages-per-connection", "0", "0", NULL },
	{ "max_messages_per_connection", "1000001", NULL, "out of range" },
	{ "rate", "60", "60", NULL },
	{ "rate", "1m", NULL, "not a number" },
	{ "strict", "ON", "yes", NULL },
	{ "strict", "false", "no", NULL },
	{ "strict", "1", NULL, "not yes or no" },
	{ "all_or_nothing", "true", "yes", NULL },
	{ "max_message_size", "10M", "10M", NULL },
	{ "max_message_size", "1048577", "1048577", NULL },
	{ "max_message_size", "2048k", "2M", NULL },
	{ "max_message_size", "8589934591g", "8589934591G", NULL },
	{ "max_message_size", "8589934592G", NULL, "out of range" },
	{ "max_message_size", "M", NULL, "number of octets" },
	{ "max_message_size", "1.5M", NULL, "number of octets" },
	{ "max_attachments", "20", "20", NULL },
	{ "max_attachments", "10001", NULL, "out of range" },
	{ "max_attachment_size", "10M", "10M", NULL },
	{ "log", "none", "none", NULL },
	{ "log", "~/log", "/home/t/log", NULL },
	{ "default_account", "work", "work", NULL },
	{ "mailname", "host.example.net", "host.example.net", NULL },
	{ "mailname", "localhost", NULL, "means nothing" },
	{ "mailname", "LocalHost.localdomain", NULL, "means nothing" },
	{ "mailname", "a@b", NULL, "not a domain" },
	{ "ignore-dots", "yes", "yes", NULL },
	{ "local_domains", "a.example b.example, c", "a.example b.example, c",
	  NULL },
	{ "local_domains", "a, b@c", NULL, "not a domain" },
	{ "aliases", "~/aliases", "/home/t/aliases", NULL },
	{ "aliases_unsafe", "yes", "yes", NULL },
	{ "spool", "/var/spool/q", "/var/spool/q", NULL },
	{ "spool", "~/q", "/home/t/q", NULL },
	{ "retry", "10s 2m,1d", "10s 2m,1d", NULL },
	{ "retry", "", NULL, "may not be empty: at least one wait" },
	{ "retry", "1m, 25h", NULL, "out of range: 1 to 1d" },
	{ "retry", "1m, soon", NULL, "number of seconds" },
	{ "retry-max", "90m", "90m", NULL },
	{ "retry_max", "0", NULL, "out of range" },
	{ "jitter", "50", "50", NULL },
	{ "jitter", "51", NULL, "out of range: 0 to 50" },
	{ "jitter", "5%", NULL, "not a number" },
	{ "lifetime", "1s", "1", NULL },
	{ "lifetime", "365d", "365d", NULL },
	{ "lifetime", "366d", NULL, "out of range: 1 to 365d" },
	{ "lifetime", "0", NULL, "out of range" },
	{ "delay_notice", "0", "0", NULL },
	{ "delay_notice", "1d", "1d", NULL },
	{ "unknown_wait", "1h", "1h", NULL },
	{ "unknown_wait", "0m", NULL, "out of range" },
	{ "bounces_per_sender", "5", "5", NULL },
	{ "bounces_per_hour", "0", "0", NULL },
	{ "bounces_per_hour", "1000001", NULL, "out of range" },
	{ "bounce_return", "0", "0", NULL },
	{ "bounce_return", "1M", "1M", NULL },
	{ "tls_pin", "sha256//" B64 ", sha256:" B64, "sha256//" B64
	  ", sha256:" B64, NULL },
	{ "tls_pin", "sha256:x", NULL, "is not a list of pins" },
	{ "tls_pin", "sha256:" B64 " x", NULL, "is not a list of pins" },
	{ "tls_pin", "sha1:" B64, NULL, "too weak" },
	{ "tls_pin", HEX, NULL, "goes into tls_fingerprint" },
	{ "tls_fingerprint", HEX, HEX, NULL },
	{ "tls_fingerprint", "sha256:" HEX "," HEX, "sha256:" HEX "," HEX,
	  NULL },
	{ "tls_fingerprint", "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:"
	  "10:11:12:13", NULL, "too weak" },
	{ "tls_fingerprint", "sha256:" B64, NULL, "goes into tls_pin" },
	{ "tls_fingerprint", HEX "0", NULL, "64 hexadecimal digits" },
	{ "tls_cert", "pkcs11:object=a?module-path=/m",
	  "pkcs11:object=a?module-path=/m", NULL },
	{ "tls_cert", "pkcs11:object=a?module-path=/m&pin-value=1", NULL,
	  "'tls_cert = pkcs11:object=a': the PIN does not belong" },
	{ "tls_key", "pkcs11:a?pin-source=/x", NULL, "does not belong" },
	{ "tls_key", "/a?pin-value=1", "/a?pin-value=1", NULL },
	{ "tls_crl", "~/crl.pem", "/home/t/crl.pem", NULL },
	{ "tls_cert", "pkcs11:object=me", "pkcs11:object=me", NULL },
	{ "tls_key", "/key.pem", "/key.pem", NULL },
	{ "tls_key_password", "keyring", "keyring", NULL },
	{ "tls_key_password_file", "credential:pin", "credential:pin", NULL },
	{ "tls_key_password_command", "pass pin", "pass pin", NULL },
	{ "tls_resume", "no", "no", NULL },
	{ "tls_dane", "require", "require", NULL },
	{ "oauth2", "google", "google", NULL },
	{ "proxy", "socks5://localhost", "socks5://localhost", NULL },
	{ "fallback", "b, c", "b, c", NULL },
	{ "provider", "google", "google", NULL },
	{ "provider", "gogle", NULL, "is none of google, microsoft" },
	{ "client_id", "id", "id", NULL },
	{ "client_secret", "secret", "********", NULL },
	{ "scope", "a b", "a b", NULL },
	{ "issuer", "https://a.example", "https://a.example", NULL },
	{ "issuer", "http://a.example", NULL, "not an https:// URL" },
	{ "auth_endpoint", "http://localhost:1/a", "http://localhost:1/a",
	  NULL },
	{ "auth_endpoint", "http://localhost.evil/", NULL, "https://" },
	{ "token_endpoint", "http://127.0.0.1/t", "http://127.0.0.1/t", NULL },
	{ "device_endpoint", "http://[::1]:8/d", "http://[::1]:8/d", NULL },
	{ "device_endpoint", "https://", NULL, "not an https:// URL" },
	{ "redirect_uri", "http://localhost/", "http://localhost/", NULL },
	{ "redirect_port", "8080", "8080", NULL },
	{ "store", "keyring", "keyring", NULL },
	{ "ca_file", "/ca.pem", "/ca.pem", NULL },
};

static void check_row(size_t i, void *base, const struct option *o)
{
	struct error err = { 0 };
	struct buf b;
	int ret = option_set(o, base, str_of(rows[i].in), &err);

	buf_init(&b, 10000);
	option_value(o, base, &b);
	if (!rows[i].out) {
		if (!ret || !strstr(err.text, rows[i].says))
			fail_msg("%s = %s: %d %s", o->key, rows[i].in, ret,
				 err.text);
		if (option_given(o, base))
			fail_msg("%s = %s: is given", o->key, rows[i].in);
	} else {
		if (ret)
			fail_msg("%s = %s: %s", o->key, rows[i].in, err.text);
		if (strcmp(buf_cstr(&b), rows[i].out))
			fail_msg("%s = %s: is '%s'", o->key, rows[i].in,
				 buf_cstr(&b));
		if (!option_given(o, base))
			fail_msg("%s = %s: is not given", o->key, rows[i].in);
		/* What it prints sets the same. */
		if (option_set(o, base, buf_str(&b), &err))
			fail_msg("%s = %s: does not go back", o->key,
				 rows[i].in);
	}
	buf_release(&b);
}

static void each_row(void **state)
{
	bool seen[64 * GIVEN_WORDS] = { false };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct option *o = option_find(str_of(rows[i].key));
		struct bases bases;

		if (!o)
			fail_msg("%s is unknown", rows[i].key);
		bases_init(&bases);
		check_row(i, base_of(&bases, o), o);
		if (rows[i].out)
			seen[o - option_at(0)] = true;
		bases_release(&bases);
	}
	for (size_t i = 0; i < option_count(); i++)
		if (!seen[i])
			fail_msg("no row sets %s", option_at(i)->key);
}

static void printing_quotes(void **state)
{
	static const struct { const char *in, *out; } quoted[] = {
		{ "a b", "from_name = a b\n" },
		{ "", "from_name =\n" },
		{ "a;b", "from_name = \"a;b\"\n" },
		{ "a #b", "from_name = \"a #b\"\n" },
		{ "\"a\" b", "from_name = '\"a\" b'\n" },
		{ "'a'", "from_name = \"'a'\"\n" },
		{ "a ", "from_name = \"a \"\n" },
	};
	const struct option *o = option_find(STR("from_name"));

	(void)state;
	for (size_t i = 0; i < sizeof(quoted) / sizeof(*quoted); i++) {
		struct account a;
		struct error err;
		struct buf b;

		buf_init(&b, 1000);
		account_init(&a);
		assert_int_equal(option_set(o, &a, str_of(quoted[i].in), &err),
				 0);
		option_print(o, &a, &b);
		assert_string_equal(buf_cstr(&b), quoted[i].out);
		account_release(&a);
		buf_release(&b);
	}
}

/* `--set`: kind and part of the text. */
static void from_the_command_line(void **state)
{
	static const struct {
		const char *pair;
		enum error_kind kind;
		const char *says;
	} pairs[] = {
		{ "port=25", ERROR_NONE, "" },
		{ "Tls-Name = mx", ERROR_NONE, "" },
		{ "mailname=example.org", ERROR_NONE, "" },
		{ "user=a=b", ERROR_NONE, "" },
		{ "port", ERROR_USAGE, "KEY=VALUE" },
		{ "port=x", ERROR_USAGE, "'port = x': is not a number" },
		{ "password=hunter2", ERROR_USAGE, "--password-fd" },
		{ "prot=25", ERROR_USAGE, "did you mean 'port'" },
		{ "tls_turst=system", ERROR_USAGE, "did you mean 'tls_trust'" },
		{ "zzzzzzzz=1", ERROR_USAGE, "unknown setting 'zzzzzzzz'" },
		{ "\033[31m=1", ERROR_USAGE, "unknown setting '\\x1b[31m'" },
		{ "=1", ERROR_USAGE, "unknown setting ''" },
		{ "queue=always", ERROR_NONE, "" },
		{ "rate=5", ERROR_NONE, "" },
		{ "retry=1m", ERROR_USAGE, "the section [queue] of" },
		{ "Bounce-Return=1m", ERROR_USAGE, "'bounce_return' is not" },
	};
	struct account a;
	struct general g;

	(void)state;
	account_init(&a);
	general_init(&g);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct error err = { 0 };
		int ret = option_set_pair(&a, &g, pairs[i].pair, &err);

		if ((ret == 0) != (pairs[i].kind == ERROR_NONE) ||
		    err.kind != pairs[i].kind ||
		    !strstr(err.text, pairs[i].says) ||
		    strstr(err.text, "hunter2"))
			fail_msg("%s: %d %s", pairs[i].pair, err.kind,
				 err.text);
	}
	assert_int_equal(a.port, 25);
	assert_string_equal(a.tls_name, "mx");
	assert_string_equal(a.user, "a=b");
	assert_int_equal(a.queue, QUEUE_ALWAYS);
	assert_int_equal(a.rate, 5);
	assert_string_equal(g.mailname, "example.org");
	assert_string_equal(a.password, "");
	account_release(&a);
	general_release(&g);
}

static void a_bad_secret_is_not_shown(void **state)
{
	struct account a;
	struct error err;

	(void)state;
	account_init(&a);
	assert_int_equal(option_set(option_find(STR("password")), &a,
				    STR("hunter2\n"), &err), -1);
	assert_null(strstr(err.text, "hunter2"));
	assert_string_equal(err.text, "'password': has a control byte in it");
	account_release(&a);
}

static void merge_keeps_what_is_given(void **state)
{
	struct general user, system;
	struct error err;

	(void)state;
	general_init(&user);
	general_init(&system);
	option_set(option_find(STR("mailname")), &user, STR("u.example"), &err);
	option_set(option_find(STR("mailname")), &system, STR("s.example"),
		   &err);
	option_set(option_find(STR("ignore_dots")), &system, STR("yes"), &err);
	option_merge(&user, &system, OPTION_GENERAL);
	assert_string_equal(user.mailname, "u.example");
	assert_true(user.ignore_dots);
	assert_string_equal(user.default_account, "");
	general_release(&user);
	general_release(&system);
}

static void of_the_queue_too(void **state)
{
	struct queue_settings user, system;
	struct error err;

	(void)state;
	queue_settings_init(&user);
	queue_settings_init(&system);
	option_set(option_find(STR("lifetime")), &user, STR("1d"), &err);
	option_set(option_find(STR("lifetime")), &system, STR("2d"), &err);
	option_set(option_find(STR("spool")), &system, STR("/q"), &err);
	option_set(option_find(STR("bounce_return")), &system, STR("1k"), &err);
	option_merge(&user, &system, OPTION_QUEUE);
	assert_int_equal(user.lifetime, 86400);
	assert_string_equal(user.spool, "/q");
	assert_int_equal(user.bounce_return, 1024);
	assert_string_equal(user.retry, "1m, 5m, 15m, 30m, 1h");
	assert_int_equal(user.jitter, 10);
	queue_settings_release(&user);
	queue_settings_release(&system);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(defaults_are_valid),
		cmocka_unit_test(each_row),
		cmocka_unit_test(printing_quotes),
		cmocka_unit_test(from_the_command_line),
		cmocka_unit_test(a_bad_secret_is_not_shown),
		cmocka_unit_test(merge_keeps_what_is_given),
		cmocka_unit_test(of_the_queue_too),
	};

	setenv("HOME", "/home/t", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
