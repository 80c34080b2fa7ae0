#include "conf/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/option.h"

static void put(struct oauth2_profile *p, const char *key, const char *value)
{
	struct error err = { 0 };

	if (option_set(option_find(str_of(key)), p, str_of(value), &err))
		fail_msg("%s", err.text);
}

static void make(struct oauth2_profile *p, const char *name)
{
	profile_init(p);
	free(p->name);
	p->name = strdup(name);
	put(p, "client_id", "id-1");
}

static void knows(void **state)
{
	(void)state;
	assert_true(profile_knows(STR("google")));
	assert_true(profile_knows(STR("Microsoft")));
	assert_true(profile_knows(STR("yahoo")));
	assert_true(profile_knows(STR("fastmail")));
	assert_false(profile_knows(STR("goog")));
	assert_false(profile_knows(STR("")));
}

/* What is set (key, value), and what comes of it. */
static const struct {
	const char *name;
	const char *set[8];
	const char *provider, *auth, *token, *device, *scope;	/* or */
	const char *says;
} rows[] = {
	{ "google", { NULL }, "google",
	  "https://accounts.google.com/o/oauth2/v2/auth",
	  "https://oauth2.googleapis.com/token", "",
	  "https://mail.google.com/", NULL },
	{ "Google", { NULL }, "google",
	  "https://accounts.google.com/o/oauth2/v2/auth",
	  "https://oauth2.googleapis.com/token", "",
	  "https://mail.google.com/", NULL },
	{ "work", { "provider", "microsoft" }, "microsoft",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/token",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
	  "https://outlook.office.com/SMTP.Send offline_access", NULL },
	{ "y", { "provider", "yahoo", "scope", "mail-r mail-w" }, "yahoo",
	  "https://api.login.yahoo.com/oauth2/request_auth",
	  "https://api.login.yahoo.com/oauth2/get_token", "",
	  "mail-r mail-w", NULL },
	{ "f", { "provider", "fastmail" }, "fastmail",
	  "https://api.fastmail.com/oauth/authorize",
	  "https://api.fastmail.com/oauth/refresh", "",
	  "https://www.fastmail.com/dev/protocol-smtp offline_access", NULL },
	/* One endpoint of one's own, the others the provider's. */
	{ "m", { "provider", "microsoft", "token_endpoint", "https://t.example" },
	  "microsoft",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
	  "https://t.example",
	  "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
	  "https://outlook.office.com/SMTP.Send offline_access", NULL },
	/* An issuer's endpoints come from its metadata. */
	{ "m", { "provider", "microsoft", "issuer", "https://i.example" },
	  "microsoft", "", "", "",
	  "https://outlook.office.com/SMTP.Send offline_access", NULL },
	/* A name is a provider's only where nothing else is said. */
	{ "google", { "issuer", "https://i.example" }, "", "", "", "", "", NULL },
	{ "google", { "token_endpoint", "https://t.example", "auth_endpoint",
		      "https://a.example" },
	  "", "https://a.example", "https://t.example", "", "", NULL },
	{ "own", { "device_endpoint", "https://d.example",
		   "token_endpoint", "http://127.0.0.1:8/t" },
	  "", "", "http://127.0.0.1:8/t", "https://d.example", "", NULL },
	{ "own", { NULL }, "", "", "", "", "", "token_endpoint" },
	{ "own", { "auth_endpoint", "https://a.example" },
	  "", "", "", "", "", "token_endpoint" },
	{ "own", { "token_endpoint", "https://t.example" },
	  "", "", "", "", "", "auth_endpoint" },
	{ "google", { "client_id", "" }, "", "", "", "", "", "client_id" },
};

static void resolves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct oauth2_profile p;
		struct error err = { 0 };
		int ret;

		make(&p, rows[i].name);
		for (size_t k = 0; rows[i].set[k]; k += 2)
			put(&p, rows[i].set[k], rows[i].set[k + 1]);
		ret = profile_resolve(&p, &err);
		if (!ret)	/* once more changes nothing */
			ret = profile_resolve(&p, &err);
		if (rows[i].says) {
			assert_int_equal(ret, -1);
			assert_int_equal(err.kind, ERROR_CONFIG);
			assert_non_null(strstr(err.text, rows[i].says));
			assert_non_null(strstr(err.text, rows[i].name));
		} else {
			assert_int_equal(ret, 0);
			assert_string_equal(p.provider, rows[i].provider);
			assert_string_equal(p.auth_endpoint, rows[i].auth);
			assert_string_equal(p.token_endpoint, rows[i].token);
			assert_string_equal(p.device_endpoint, rows[i].device);
			assert_string_equal(p.scope, rows[i].scope);
		}
		profile_release(&p);
	}
}

static void write_full(struct buf *text)
{
	struct oauth2_profile p;
	struct error err = { 0 };

	make(&p, "work");
	put(&p, "provider", "microsoft");
	put(&p, "client_secret", "s~cret with blanks ");
	put(&p, "redirect_port", "8042");
	put(&p, "store", "keyring");
	put(&p, "ca_file", "/etc/ca file.pem");
	assert_int_equal(profile_resolve(&p, &err), 0);
	buf_init(text, PROFILE_TEXT_MAX);
	profile_write(&p, "alice@example.org", text);
	assert_false(text->over);
	profile_release(&p);
}

static void comes_back(void **state)
{
	struct oauth2_profile p;
	struct error err = { 0 };
	struct buf text, again;
	char *user;

	(void)state;
	write_full(&text);
	profile_init(&p);
	assert_int_equal(profile_read(&p, &user, buf_str(&text), &err), 0);
	assert_string_equal(user, "alice@example.org");
	assert_string_equal(p.name, "work");
	assert_string_equal(p.provider, "microsoft");
	assert_string_equal(p.client_id, "id-1");
	assert_string_equal(p.client_secret, "s~cret with blanks ");
	assert_string_equal(p.ca_file, "/etc/ca file.pem");
	assert_int_equal(p.redirect_port, 8042);
	assert_int_equal(p.store, STORE_KEYRING);
	buf_init(&again, PROFILE_TEXT_MAX);
	profile_write(&p, user, &again);
	assert_string_equal(buf_cstr(&again), buf_cstr(&text));
	free(user);
	profile_release(&p);
	buf_release(&again);
	buf_release(&text);
}

static void refuses(struct str text)
{
	struct oauth2_profile p;
	struct error err = { 0 };
	char *user;

	profile_init(&p);
	if (!profile_read(&p, &user, text, &err))
		fail_msg("taken: %.*s", (int)text.n, text.p);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_null(strstr(err.text, "hunter2"));
	free(user);
	profile_release(&p);
}

static void no_part_is_taken(void **state)
{
	struct buf text;

	(void)state;
	write_full(&text);
	for (size_t n = 0; n < text.len; n++)
		refuses((struct str){ text.p, n });
	buf_release(&text);
}

static void hostile(void **state)
{
	static const struct str bad[] = {
		STR("end\n"), STR("name\nend\n"), STR("name ../x\nend\n"),
		STR("name .x\nend\n"), STR("name a/b\nend\n"),
		STR("name a\nname b\nend\n"), STR("name a\n\nend\n"),
		STR("name a\nend\nscope x\nend\n"), STR("name a\nhost x\nend\n"),
		STR("name a\nscope x\nscope y\nend\n"),
		STR("name a\nscope x\0y\nend\n"), STR("name a\nscope x\ry\nend\n"),
		STR("name a\ntoken_endpoint http://t.example\nend\n"),
		STR("name a\ntoken_endpoint ftp://t.example\nend\n"),
		STR("name a\nredirect_port 65536\nend\n"),
		STR("name a\nstore nowhere\nend\n"),
		STR("name a\nclient_secret hunter2\x01\nend\n"),
		STR("name a\nuser \x7f\nend\n"), STR("name a\nuser a\nuser b\nend\n"),
		STR("name a\npassword hunter2\nend\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuses(bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows),
		cmocka_unit_test(resolves),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(no_part_is_taken),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
