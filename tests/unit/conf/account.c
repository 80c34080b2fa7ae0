#include "conf/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/option.h"

static void globs(void **state)
{
	static const struct { const char *glob, *text; bool match; } rows[] = {
		{ "a@x", "a@x", true },		{ "A@X", "a@x", true },
		{ "a@x", "a@xy", false },	{ "a@xy", "a@x", false },
		{ "*", "", true },		{ "*", "a@x", true },
		{ "*@x", "a@x", true },		{ "*@x", "@x", true },
		{ "*@x", "a@xx", false },	{ "*@*.x", "a@b.x", true },
		{ "*@*.x", "a@x", false },	{ "a*", "b", false },
		{ "a?c@x", "abc@x", true },	{ "a?c@x", "ac@x", false },
		{ "?", "", false },		{ "**", "ab", true },
		{ "*ab*ab", "abxabab", true },	{ "*ab*ab", "abxaba", false },
		{ "", "", true },		{ "", "a", false },
		{ "a+*@x", "a+b@x", true },	{ "[a]@x", "a@x", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (account_glob(str_of(rows[i].glob), str_of(rows[i].text)) !=
		    rows[i].match)
			fail_msg("%s against %s", rows[i].glob, rows[i].text);
}

static void put(struct account *a, const char *pair)
{
	struct error err = { 0 };
	struct str value = str_of(pair);
	struct str key = str_cut(&value, '=');

	if (*pair && option_set(option_find(key), a, value, &err))
		fail_msg("%s: %s", pair, err.text);
}

/* "a=b|c=d" */
static void put_all(struct account *a, const char *text)
{
	struct str rest = str_of(text);

	account_init(a);
	while (rest.n) {
		struct str pair = str_cut(&rest, '|');
		char copy[200];

		assert_true(pair.n < sizeof(copy));
		memcpy(copy, pair.p, pair.n);
		copy[pair.n] = '\0';
		put(a, copy);
	}
}

static void senders(void **state)
{
	static const struct { const char *from, *sender, *matches, *not; } rows[] = {
		{ "", "", NULL, "a@x" },
		{ "from=a@x, *@y", "a@x", "b@Y", "b@x" },
		{ "from=*@y , b@x,c@x", "b@x", "c@x", "" },
		{ "from=*@y,?@z", "", "q@z", "qq@z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct account a;

		put_all(&a, rows[i].from);
		if (!str_eq(account_sender(&a), str_of(rows[i].sender)))
			fail_msg("sender of %s", rows[i].from);
		if (rows[i].matches && !account_matches(&a, rows[i].matches))
			fail_msg("%s: %s", rows[i].from, rows[i].matches);
		if (account_matches(&a, rows[i].not))
			fail_msg("%s: %s", rows[i].from, rows[i].not);
		account_release(&a);
	}
}

#define PIN "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void only_pins(void **state)
{
	static const struct { const char *settings; bool only; } cases[] = {
		{ "host=mx", false },
		{ "host=mx|tls_pin=" PIN, true },
		{ "host=mx|tls_pin=" PIN "|tls_trust=system", false },
		{ "host=mx|tls_pin=" PIN "|tls_trust=tofu", false },
		{ "host=mx|tls_pin=" PIN "|tls_crl=/c", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct account a;

		put_all(&a, cases[i].settings);
		if (account_only_pins(&a) != cases[i].only)
			fail_msg("%s", cases[i].settings);
		account_release(&a);
	}
}

/* What is in force, and what does not fit together. */
static const struct {
	const char *settings;
	unsigned port;
	enum account_tls tls;
	bool auth;
	const char *says;	/* NULL: fits */
} rows[] = {
	{ "host=mx", 465, ACCOUNT_TLS_IMPLICIT, false, NULL },
	{ "", 465, ACCOUNT_TLS_IMPLICIT, false, "no 'host' is set" },
	{ "host=mx|tls=starttls", 587, ACCOUNT_TLS_STARTTLS, false, NULL },
	{ "host=mx|tls=none", 25, ACCOUNT_TLS_NONE, false, NULL },
	{ "host=mx|port=2525", 2525, ACCOUNT_TLS_IMPLICIT, false, NULL },
	{ "host=mx|protocol=lmtp", 24, ACCOUNT_TLS_IMPLICIT, false, NULL },
	{ "host=mx|protocol=lmtp|port=25", 25, ACCOUNT_TLS_IMPLICIT, false,
	  "must not be used on port 25" },
	{ "host=/run/s", 25, ACCOUNT_TLS_NONE, false, NULL },
	{ "host=/run/s|tls=starttls", 587, ACCOUNT_TLS_STARTTLS, false, NULL },
	{ "host=/run/s|tls=implicit", 465, ACCOUNT_TLS_IMPLICIT, false, NULL },
	{ "host=/run/s|user=u", 25, ACCOUNT_TLS_NONE, true, NULL },
	{ "host=mx|user=u", 465, ACCOUNT_TLS_IMPLICIT, true, NULL },
	{ "host=mx|user=u|auth=none", 465, ACCOUNT_TLS_IMPLICIT, false, NULL },
	{ "host=mx|auth=plain", 465, ACCOUNT_TLS_IMPLICIT, true, NULL },
	{ "host=mx|auth=plain|password=p", 465, ACCOUNT_TLS_IMPLICIT, true,
	  "no 'user'" },
	{ "host=mx|auth=none|password=p", 465, ACCOUNT_TLS_IMPLICIT, false,
	  NULL },
	{ "host=mx|tls=none|user=u", 25, ACCOUNT_TLS_NONE, true,
	  "show the password" },
	{ "host=127.0.0.1|tls=none|auth=plain", 25, ACCOUNT_TLS_NONE, true,
	  "show the password" },
	{ "host=mx|tls=none|user=u|auth=none", 25, ACCOUNT_TLS_NONE, false,
	  NULL },
	{ "host=mx|user=u|password=p|netrc=/n", 465, ACCOUNT_TLS_IMPLICIT,
	  true, "more than one of" },
	{ "host=mx|user=u|password_file=/p|token_command=c", 465,
	  ACCOUNT_TLS_IMPLICIT, true, "more than one of" },
	{ "host=mx|user=u|oauth2=p", 465, ACCOUNT_TLS_IMPLICIT, true, NULL },
	{ "host=mx|oauth2=p", 465, ACCOUNT_TLS_IMPLICIT, true, "no 'user'" },
	{ "host=mx|user=u|oauth2=p|token_command=c", 465,
	  ACCOUNT_TLS_IMPLICIT, true, "more than one of" },
	{ "host=mx|password_command=c", 465, ACCOUNT_TLS_IMPLICIT, false,
	  "no 'user'" },
	{ "host=mx|netrc=/n", 465, ACCOUNT_TLS_IMPLICIT, true, NULL },
	{ "host=mx|user=u|password_command=c", 465, ACCOUNT_TLS_IMPLICIT,
	  true, NULL },
	{ "host=mx|tls_cert=/c", 465, ACCOUNT_TLS_IMPLICIT, true, NULL },
	{ "host=mx|auth=auto, -EXTERNAL|tls_cert=/c", 465,
	  ACCOUNT_TLS_IMPLICIT, false, NULL },
	{ "host=mx|auth=external|tls_cert=/c", 465, ACCOUNT_TLS_IMPLICIT, true,
	  NULL },
	{ "host=mx|auth=external", 465, ACCOUNT_TLS_IMPLICIT, true,
	  "'tls_cert'" },
	{ "host=mx|auth=external, plain", 465, ACCOUNT_TLS_IMPLICIT, true,
	  NULL },
	{ "host=/run/s|auth=external", 25, ACCOUNT_TLS_NONE, true, NULL },
	{ "host=mx|tls_cert=/c|tls_key=/k", 465, ACCOUNT_TLS_IMPLICIT, true,
	  NULL },
	{ "host=mx|tls_key=/k", 465, ACCOUNT_TLS_IMPLICIT, false,
	  "'tls_key' without 'tls_cert'" },
	{ "host=mx|tls=none|tls_cert=/c", 25, ACCOUNT_TLS_NONE, true,
	  "'tls_cert' is shown in TLS only" },
	{ "host=/run/s|tls_crl=/c", 25, ACCOUNT_TLS_NONE, false,
	  "need TLS" },
	{ "host=mx|tls=none|tls_pin=" PIN, 25, ACCOUNT_TLS_NONE, false,
	  "need TLS" },
	{ "host=mx|tls_crl=/c", 465, ACCOUNT_TLS_IMPLICIT, false, NULL },
	{ "host=mx|tls_crl=/c|tls_trust=tofu", 465, ACCOUNT_TLS_IMPLICIT,
	  false, "nobody's list counts" },
};

static void in_force(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct account a;

		put_all(&a, rows[i].settings);
		if (account_port(&a) != rows[i].port)
			fail_msg("%s: port %u", rows[i].settings,
				 account_port(&a));
		if (account_tls(&a) != rows[i].tls)
			fail_msg("%s: tls", rows[i].settings);
		if (account_wants_auth(&a) != rows[i].auth)
			fail_msg("%s: auth", rows[i].settings);
		if ((account_check(&a, &err) == 0) != !rows[i].says ||
		    (rows[i].says && !strstr(err.text, rows[i].says)))
			fail_msg("%s: %s", rows[i].settings, err.text);
		account_release(&a);
	}
}

static void secrets_that_are_needed(void **state)
{
	static const struct { const char *auth, *user; bool needed; } needs[] = {
		{ "auto", "", false }, { "auto", "user=u", true },
		{ "external", "", false }, { "GSSAPI, external", "", false },
		{ "gssapi plain", "", true }, { "plain", "", true },
		{ "none", "user=u", false },
		{ "auto", "tls_cert=/c", false },
		{ "auto", "tls_cert=/c|user=u", false },
		{ "auto", "tls_cert=/c|user=u|password_command=p", true },
		{ "auto, -external", "tls_cert=/c|user=u", true },
		{ "external, plain", "tls_cert=/c", true },
		{ "anonymous", "user=u", false }, { "DIGEST-MD5", "", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(needs) / sizeof(*needs); i++) {
		struct account a;

		put_all(&a, needs[i].user);
		free(a.auth);	/* option_set() knows fewer mechanisms */
		a.auth = strdup(needs[i].auth);
		if (account_needs_secret(&a) != needs[i].needed)
			fail_msg("%s %s", needs[i].auth, needs[i].user);
		account_release(&a);
	}
}

static void when_to_queue(void **state)
{
	static const struct {
		const char *set;
		enum account_queue posthaste, sendmail;
	} whens[] = {
		{ "", QUEUE_NEVER, QUEUE_TEMPFAIL },
		{ "queue=default", QUEUE_NEVER, QUEUE_TEMPFAIL },
		{ "queue=never", QUEUE_NEVER, QUEUE_NEVER },
		{ "queue=tempfail", QUEUE_TEMPFAIL, QUEUE_TEMPFAIL },
		{ "queue=always", QUEUE_ALWAYS, QUEUE_ALWAYS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(whens) / sizeof(*whens); i++) {
		struct account a;

		account_init(&a);
		put(&a, whens[i].set);
		if (account_queue(&a, false) != whens[i].posthaste ||
		    account_queue(&a, true) != whens[i].sendmail)
			fail_msg("'%s'", whens[i].set);
		assert_int_equal(a.unknown, UNKNOWN_RETRY);
		assert_true(a.flush_on_send);
		assert_int_equal(a.max_messages, 1000);
		assert_int_equal(a.rate, 0);
		account_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs),
		cmocka_unit_test(senders),
		cmocka_unit_test(in_force),
		cmocka_unit_test(only_pins),
		cmocka_unit_test(secrets_that_are_needed),
		cmocka_unit_test(when_to_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
