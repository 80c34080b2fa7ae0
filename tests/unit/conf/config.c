#include "conf/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/config-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][200];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static const char *write_file(const char *name, const char *text, mode_t mode)
{
	const char *path = in_dir(name);
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* Parts of the message, all of which must be there; none: it is good. */
static const struct {
	const char *name, *text;
	enum error_kind kind;
	const char *says[3];
} rows[] = {
	{ "good", "[posthaste]\ndefault_account = work\n"
	  "[account work]\nhost = mx\n", ERROR_NONE, { 0 } },
	{ "empty", "", ERROR_NONE, { 0 } },
	{ "section case", "[PostHaste]\n[Account Work]\nhost = mx\n",
	  ERROR_NONE, { 0 } },
	{ "dash in key", "[account a]\nhost = mx\ntls-name = b\n", ERROR_NONE,
	  { 0 } },
	{ "unknown key", "[account a]\nhsot = mx\n", ERROR_CONFIG,
	  { "/c' line 2, [account a]:", "'hsot'", "mean 'host'" } },
	{ "unknown key, nothing near", "[account a]\nfoobarbaz = mx\n",
	  ERROR_CONFIG, { "unknown setting 'foobarbaz'" } },
	{ "queue", "[Queue]\nretry = 1m, 1h ; few\nlifetime = 2d\n"
	  "spool = ~/q\n", ERROR_NONE, { 0 } },
	{ "empty queue", "[queue]\n", ERROR_NONE, { 0 } },
	{ "bad value in queue", "[queue]\n\nretry = 1w\n", ERROR_CONFIG,
	  { "/c' line 3, [queue]: 'retry = 1w': is not a number of" } },
	{ "unknown key in queue", "[queue]\nretyr = 1m\n", ERROR_CONFIG,
	  { "line 2, [queue]:", "mean 'retry'" } },
	{ "account in queue", "[queue]\nqueue = always\n", ERROR_CONFIG,
	  { "'queue' belongs into an [account NAME]" } },
	{ "queue in account", "[account a]\nlifetime = 1d\n", ERROR_CONFIG,
	  { "'lifetime' belongs into the section [queue]" } },
	{ "queue in general", "[posthaste]\nspool = /q\n", ERROR_CONFIG,
	  { "'spool' belongs into the section [queue]" } },
	{ "general in queue", "[queue]\nmailname = x\n", ERROR_CONFIG,
	  { "'mailname' belongs into the section [posthaste]" } },
	{ "relative spool", "[queue]\nspool = q\n", ERROR_CONFIG,
	  { "a path begins with '/'" } },
	{ "two queues", "[queue]\n[queue]\n", ERROR_CONFIG, { "line 2" } },
	{ "nearly queue", "[queu]\n", ERROR_CONFIG,
	  { "did you mean [queue]" } },
	{ "account's queue", "[account a]\nqueue = tempfail\nunknown = hold\n"
	  "flush_on_send = no\nrate = 6\n", ERROR_NONE, { 0 } },
	{ "aliases", "[aliases]\nroot = a@x\na-b = c\na_b = d\n"
	  "j@x.org = '\"e f\"@x, \"|cmd\"'\n", ERROR_NONE, { 0 } },
	{ "alias twice", "[aliases]\nroot = a@x\nROOT = b\n", ERROR_CONFIG,
	  { "line 3, [aliases], 'ROOT': is set twice, first in line 2" } },
	{ "two catch-alls", "[aliases]\n* = a@x\ndefault = b\n",
	  ERROR_CONFIG, { "/c' line 3: '*': is an alias already, in '",
			  "/c' line 2" } },
	{ "alias of a domain", "[aliases]\n@x = a@x\n", ERROR_CONFIG,
	  { "line 2: bad address '@x'" } },
	{ "alias of nobody", "[aliases]\nroot =\n", ERROR_CONFIG,
	  { "line 2: 'root': the alias has no value" } },
	{ "alias with a blank", "[aliases]\nro ot = x\n", ERROR_CONFIG,
	  { "before '=' is not an address" } },
	{ "rewrite", "[rewrite]\nroot = a@x\n@old.x = @new.x\na@b = c@d\n",
	  ERROR_NONE, { 0 } },
	{ "rewrite to a list", "[rewrite]\nroot = a@x, b@x\n", ERROR_CONFIG,
	  { "line 2: 'a@x, b@x' is no bare address" } },
	{ "rewrite to a name", "[rewrite]\nroot = A <a@x>\n", ERROR_CONFIG,
	  { "'A <a@x>' is no bare address" } },
	{ "rewrite of dots", "[rewrite]\na..b = a@x\n", ERROR_CONFIG,
	  { "'a..b' is no local part" } },
	{ "relative aliases", "[posthaste]\naliases = aliases\n",
	  ERROR_CONFIG, { "a path begins with '/'" } },
	{ "local domains", "[posthaste]\nlocal_domains = a.x, b.x c.x\n",
	  ERROR_NONE, { 0 } },
	{ "bad local domain", "[posthaste]\nlocal_domains = a.x, b@x\n",
	  ERROR_CONFIG, { "is not a domain" } },
	{ "nearly aliases", "[aliasse]\n", ERROR_CONFIG,
	  { "did you mean [aliases]" } },
	{ "unknown section", "[posthast]\n", ERROR_CONFIG,
	  { "line 1", "did you mean [posthaste]" } },
	{ "msmtp's section", "[defaults]\n", ERROR_CONFIG,
	  { "[posthaste], [account NAME], [oauth2 NAME], [queue], [aliases] "
	    "and [rewrite]" } },
	{ "profile", "[oauth2 work]\nprovider = google\nclient_id = i\n"
	  "client_secret = \"s;#\"\nredirect_port = 0\nstore = keyring\n"
	  "scope = \"a b\"\n", ERROR_NONE, { 0 } },
	{ "profile without name", "[oauth2]\n", ERROR_CONFIG,
	  { "a profile needs a name" } },
	{ "profile in two words", "[oauth2 a b]\n", ERROR_CONFIG,
	  { "line 1, [oauth2 a b]", "one word" } },
	{ "profile elsewhere", "[oauth2 ../a]\n", ERROR_CONFIG,
	  { "begin with a dot" } },
	{ "two profiles", "[oauth2 a]\n[OAuth2 A]\n", ERROR_CONFIG,
	  { "line 2" } },
	{ "account in profile", "[oauth2 a]\nhost = x\n", ERROR_CONFIG,
	  { "'host' belongs into an [account NAME]" } },
	{ "profile in account", "[account a]\nclient_id = x\n", ERROR_CONFIG,
	  { "'client_id' belongs into an [oauth2 NAME]" } },
	{ "unknown provider", "[oauth2 a]\nprovider = gogle\n", ERROR_CONFIG,
	  { "line 2, [oauth2 a]", "google" } },
	{ "tokens in the clear", "[oauth2 a]\nissuer = http://x.example\n",
	  ERROR_CONFIG, { "https://" } },
	{ "nearly oauth2", "[oauth work]\n", ERROR_CONFIG,
	  { "did you mean [oauth2 NAME]" } },
	{ "unknown profile is for who uses it", "[account a]\noauth2 = x\n",
	  ERROR_NONE, { 0 } },
	{ "account without name", "[account]\nhost = mx\n", ERROR_CONFIG,
	  { "needs a name" } },
	{ "account in two words", "[account a b]\nhost = mx\n", ERROR_CONFIG,
	  { "one word" } },
	{ "odd name", "[account a/b]\nhost = mx\n", ERROR_CONFIG,
	  { "one word" } },
	{ "8-bit name", "[account b\xc3\xbcro]\nhost = mx\n", ERROR_NONE,
	  { 0 } },
	{ "general in account", "[account a]\nmailname = x\n", ERROR_CONFIG,
	  { "'mailname' belongs into the section [posthaste]" } },
	{ "account in general", "[posthaste]\nhost = x\n", ERROR_CONFIG,
	  { "'host' belongs into an [account NAME]" } },
	{ "bad value", "[account a]\nport = 70000\n", ERROR_CONFIG,
	  { "line 2, [account a]: 'port = 70000': is out of range" } },
	{ "relative path", "[account a]\npassword_file = secret\n",
	  ERROR_CONFIG, { "a path begins with '/'" } },
	{ "word for a path", "[account a]\ntls_trust = system\n", ERROR_NONE,
	  { 0 } },
	{ "duplicate", "[account a]\nhost = x\nhost = y\n", ERROR_CONFIG,
	  { "line 3, [account a], 'host': is set twice, first in line 2" } },
	{ "duplicate account", "[account a]\n[Account  A]\n", ERROR_CONFIG,
	  { "line 2" } },
	{ "cut value", "[account a]\npassword_command = a; b\n",
	  ERROR_CONFIG, { "line 2, [account a], 'password_command'",
			  "quotes" } },
	{ "secret in it", "[account a]\npassword = \"x;y#z\"\n", ERROR_NONE,
	  { 0 } },
};

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *path = write_file("c", rows[i].text, 0600);
		struct error err = { 0 };
		struct config c;
		int ret = config_load(&c, path, &err);

		if ((ret == 0) != (rows[i].kind == ERROR_NONE) ||
		    err.kind != rows[i].kind)
			fail_msg("%s: %d %s", rows[i].name, err.kind,
				 err.text);
		for (size_t k = 0; k < 3 && rows[i].says[k]; k++)
			if (!strstr(err.text, rows[i].says[k]))
				fail_msg("%s: %s", rows[i].name, err.text);
		config_release(&c);
	}
}

#define TWO "[account A1]\nhost = mx1\nfrom = a@x, *@lists.x\n" \
	    "[account b2]\nhost = mx2\nfrom = b@y\n"

/* name or sender in, account out; NULL: an error that says so. */
static const struct {
	const char *text, *name, *sender, *want, *says;
} choices[] = {
	{ TWO, "b2", "a@x", "b2", NULL },
	{ TWO, "a1", NULL, "A1", NULL },
	{ TWO, "A11", NULL, NULL, "did you mean 'A1'" },
	{ TWO, "zzzz", NULL, NULL, "there is A1, b2" },
	{ TWO, NULL, "B@Y", "b2", NULL },
	{ TWO, NULL, "q@lists.x", "A1", NULL },
	{ TWO, NULL, "c@z", NULL, "one of A1, b2" },
	{ TWO, NULL, "", NULL, "one of A1, b2" },
	{ TWO "[posthaste]\ndefault_account = B2\n", NULL, "c@z", "b2", NULL },
	{ TWO "[posthaste]\ndefault_account = b2\n", NULL, "a@x", "A1", NULL },
	{ TWO "[posthaste]\ndefault_account = b3\n", NULL, "c@z", NULL,
	  "default_account names the unknown account 'b3': did you mean 'b2'" },
	{ "[account a]\nhost = mx\n", NULL, "c@z", "a", NULL },
	{ "[account a]\nhost = mx\nfrom = *\n[account b]\nfrom = *\n", NULL,
	  "c@z", "a", NULL },
	{ "", NULL, NULL, NULL, "no account is configured: looked in '/tmp/" },
	{ "", "a", NULL, NULL, "no account is configured" },
};

static void selection(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		const char *path = write_file("c", choices[i].text, 0600);
		struct error err = { 0 };
		struct account *a;
		struct config c;

		assert_int_equal(config_load(&c, path, &err), 0);
		a = config_select(&c, choices[i].name, choices[i].sender,
				  &err);
		if (!a != !choices[i].want)
			fail_msg("row %zu: %s", i, err.text);
		if (a && strcmp(a->name, choices[i].want))
			fail_msg("row %zu: %s", i, a->name);
		if (!a && !strstr(err.text, choices[i].says))
			fail_msg("row %zu: %s", i, err.text);
		if (!a && err.kind != (choices[i].name && *choices[i].text ?
				       ERROR_USAGE : ERROR_CONFIG))
			fail_msg("row %zu: kind %d", i, err.kind);
		config_release(&c);
	}
}

static void the_users_file_is_over_the_systems(void **state)
{
	const char *user = write_file("u", "[posthaste]\nmailname = u.x\n"
				      "[queue]\nlifetime = 1d\n"
				      "[aliases]\nRoot = u@x\n[rewrite]\n"
				      "ROOT = u@x\n"
				      "[oauth2 p]\nclient_id = user\n"
				      "[account Work]\nhost = user\n"
				      "oauth2 = yahoo\n", 0600);
	const char *sys = write_file("s", "[posthaste]\nmailname = s.x\n"
				     "default_account = other\n"
				     "[queue]\nlifetime = 2d\nspool = /q\n"
				     "[aliases]\nroot = s@x\nops = s@y\n"
				     "[rewrite]\nroot = s@x\n@o = @s\n"
				     "[account work]\nhost = sys\nport = 9\n"
				     "[oauth2 P]\nclient_id = sys\n"
				     "[oauth2 yahoo]\nclient_id = y\n"
				     "[account other]\nhost = sys2\n"
				     "oauth2 = p\n", 0600);
	struct error err = { 0 };
	struct config c;

	(void)state;
	config_init(&c);
	assert_int_equal(config_add(&c, user, false, &err), 0);
	assert_int_equal(config_add(&c, in_dir("none"), false, &err), 0);
	assert_int_equal(config_add(&c, sys, false, &err), 0);
	assert_int_equal(c.n, 2);
	assert_string_equal(c.accounts[0].name, "Work");
	assert_string_equal(c.accounts[0].host, "user");
	assert_int_equal(c.accounts[0].port, 0);
	assert_string_equal(c.accounts[1].host, "sys2");
	assert_int_equal(c.n_profiles, 2);
	assert_string_equal(c.accounts[1].profile->client_id, "user");
	assert_string_equal(c.accounts[0].profile->client_id, "y");
	assert_string_equal(c.accounts[0].profile->scope, "mail-w");
	assert_string_equal(c.general.mailname, "u.x");
	assert_string_equal(c.general.default_account, "other");
	assert_int_equal(c.queue.lifetime, 86400);
	assert_string_equal(c.queue.spool, "/q");
	assert_int_equal(c.queue.retry_max, 4 * 3600);
	assert_int_equal(c.aliases.n, 2);
	assert_string_equal(c.aliases.at[0].value, "u@x");
	assert_string_equal(c.aliases.at[1].name, "ops");
	assert_int_equal(c.rewrite.n, 2);
	assert_string_equal(c.rewrite.rule[0].to, "u@x");
	assert_string_equal(c.rewrite.rule[1].from, "@o");
	config_release(&c);
}

static void load_as_user(const char *file, struct config *c, struct error *err,
			 int want)
{
	int got = config_load(c, file, err);

	if (got != want)
		fail_msg("%d %s", got, err->text);
}

static void where_the_users_file_is(void **state)
{
	struct error err = { 0 };
	struct config c;

	(void)state;
	mkdir(in_dir("x"), 0700);
	mkdir(in_dir("x/posthaste"), 0700);
	write_file("x/posthaste/config", "[account x]\nhost = mx\n", 0644);
	mkdir(in_dir(".config"), 0700);
	mkdir(in_dir(".config/posthaste"), 0700);
	write_file(".config/posthaste/config", "[account h]\nhost = mx\n",
		   0644);
	setenv("XDG_CONFIG_HOME", in_dir("x"), 1);
	setenv("HOME", dir, 1);
	load_as_user(NULL, &c, &err, 0);
	assert_string_equal(c.accounts[0].name, "x");
	config_release(&c);

	setenv("XDG_CONFIG_HOME", "relative", 1);
	load_as_user(NULL, &c, &err, 0);
	assert_string_equal(c.accounts[0].name, "h");
	config_release(&c);

	unsetenv("XDG_CONFIG_HOME");
	setenv("HOME", "/nonexistent", 1);
	load_as_user(NULL, &c, &err, 0);
	assert_int_equal(c.n, 0);
	assert_null(config_select(&c, NULL, NULL, &err));
	assert_non_null(strstr(err.text,
			       "/nonexistent/.config/posthaste/config"));
	assert_non_null(strstr(err.text, SYSCONFDIR "/posthaste/config"));
	config_release(&c);
}

/* ---- files that are not right ---- */

static void odd_files(void **state)
{
	static char big[CONFIG_MAX + 2];
	struct error err = { 0 };
	struct config c;

	(void)state;
	load_as_user(in_dir("none"), &c, &err, -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "does not exist"));
	config_release(&c);

	load_as_user(dir, &c, &err, -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "is a directory"));
	config_release(&c);

	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	load_as_user(in_dir("fifo"), &c, &err, -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "not a regular file"));
	config_release(&c);

	memset(big, '\n', CONFIG_MAX);
	load_as_user(write_file("big", big, 0600), &c, &err, 0);
	config_release(&c);
	big[CONFIG_MAX] = '\n';
	load_as_user(write_file("big", big, 0600), &c, &err, -1);
	assert_non_null(strstr(err.text, "larger than"));
	config_release(&c);
}

static void secrets_must_be_private(void **state)
{
	static const char with[] = "[account a]\nhost = mx\npassword = p\n";
	static const char client[] = "[oauth2 a]\nclient_secret = s\n";
	static const char public[] = "[oauth2 a]\nclient_id = i\n";
	static const char without[] = "[account a]\nhost = mx\n"
				      "password_command = c\n";
	static const struct {
		const char *text;
		mode_t mode;
		const char *says;
	} modes[] = {
		{ with, 0600, NULL },		{ with, 0400, NULL },
		{ with, 0640, "mode 640" },		{ with, 0604, "chmod 600" },
		{ with, 0620, "opens it" },	{ with, 0700, NULL },
		{ without, 0644, NULL },	{ without, 0664, NULL },
		{ without, 0666, "chmod o-w" },
		{ client, 0600, NULL },		{ client, 0640, "chmod 600" },
		{ public, 0644, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		const char *path = write_file("c", modes[i].text,
					      modes[i].mode);
		struct error err = { 0 };
		struct config c;
		int ret = config_load(&c, path, &err);

		if ((ret == 0) != !modes[i].says ||
		    (ret && (err.kind != ERROR_PERM ||
			     !strstr(err.text, modes[i].says))))
			fail_msg("%o: %s", modes[i].mode, err.text);
		config_release(&c);
	}
}

/* As somebody who is neither root nor, if `other`, the files' owner. */
static int as_nobody(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (getuid() == 0 && setuid(65534))
			_exit(99);
		_exit(f());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int denied(void)
{
	struct error err = { 0 };
	struct config c;

	if (!config_load(&c, in_dir("c"), &err) || err.kind != ERROR_PERM)
		return 1;
	if (!strstr(err.text, "exists but cannot be read by uid"))
		return 2;
	config_release(&c);
	return 0;
}

/* Somebody else's HOME, that of whoever started us: no error. */
static int foreign_home(void)
{
	struct error err = { 0 };
	struct config c;

	unsetenv("XDG_CONFIG_HOME");
	setenv("HOME", in_dir("closed"), 1);
	if (config_load(&c, NULL, &err))
		return getuid() == 65534 ? 1 : 0;
	config_release(&c);
	return 0;
}

static int not_ours(void)
{
	struct error err = { 0 };
	struct config c;

	if (!config_load(&c, in_dir("c"), &err))
		return 1;
	config_release(&c);
	return err.kind == ERROR_PERM && strstr(err.text, "chown") ? 0 : 2;
}

static void unreadable_is_not_missing(void **state)
{
	(void)state;
	chmod(dir, 0711);
	write_file("c", "[account a]\nhost = mx\n", 0000);
	assert_int_equal(as_nobody(denied), 0);
	mkdir(in_dir("closed"), 0700);
	mkdir(in_dir("closed/.config"), 0700);
	chmod(in_dir("closed"), getuid() ? 0000 : 0700);
	assert_int_equal(as_nobody(foreign_home), 0);
	if (getuid() == 0) {
		write_file("c", "[account a]\nhost=mx\npassword = p\n", 0644);
		assert_int_equal(chown(in_dir("c"), 12345, 12345), 0);
		assert_int_equal(as_nobody(not_ours), 0);
		write_file("c", "[account a]\nhost=mx\nuser=u\n"
			   "token_command = echo t\n", 0644);
		assert_int_equal(chown(in_dir("c"), 12345, 12345), 0);
		assert_int_equal(as_nobody(not_ours), 0);
	}
}

/* ---- check and print ---- */

static const struct { const char *text, *says; } checks[] = {
	{ TWO, NULL },
	{ "", "no account is configured" },
	{ TWO "[posthaste]\ndefault_account = c\n", "unknown account 'c'" },
	{ "[account a]\n", "account 'a': no 'host' is set" },
	{ "[account a]\nhost = mx\ntls = starttls\nport = 465\n",
	  "account 'a': on port 465" },
	{ "[account a]\nhost = mx\nport = 587\n", "on port 587" },
	{ "[account a]\nhost = mx\ntls_trust = /nonexistent/ca\n",
	  "account 'a': tls_trust '/nonexistent/ca' cannot be read" },
	{ "[account a]\nhost = mx\nuser = u\npassword_file = /nonexistent/p\n",
	  "'/nonexistent/p' does not exist" },
	{ "[account a]\nhost = mx\npassword_file = /etc/passwd\nuser = u\n",
	  "'/etc/passwd' holds a secret" },
	{ "[account a]\nhost = mx\nnetrc = /nonexistent/n\n",
	  "netrc file '/nonexistent/n'" },
	{ "[account a]\nhost = mx\nuser = u\npassword_command = exit 1\n",
	  NULL },
	{ "[account a]\nhost = mx\nuser = u\ntls = none\n", "'auth' with" },
	{ "[account a]\nhost = mx\nuser = u\noauth2 = yaho\n"
	  "[oauth2 yahoo]\nclient_id = i\n", "account 'a': oauth2 names the "
	  "unknown profile 'yaho': did you mean 'yahoo'" },
	{ "[account a]\nhost = mx\nuser = u\noauth2 = google\n",
	  "there is no section [oauth2 google]" },
	{ "[account a]\nhost = mx\nuser = u\noauth2 = google\n"
	  "[oauth2 google]\nscope = x\n",
	  "account 'a': the profile [oauth2 google] has no client_id" },
	{ "[account a]\nhost = mx\nuser = u\noauth2 = p\n[oauth2 p]\n"
	  "client_id = i\n", "no token_endpoint" },
	{ "[account a]\nhost = mx\nuser = u\noauth2 = google\n"
	  "[oauth2 google]\nclient_id = i\n", NULL },
	{ TWO "[oauth2 unused]\nclient_id = i\n", "[oauth2 unused] has no" },
	{ TWO "[aliases]\na = b\nb = c\nc = b\n", "line 10): goes round in a "
	  "circle: b -> c -> b" },
	{ TWO "[aliases]\na = b, a\n", NULL },
	{ TWO "[aliases]\na = b, <\n", "alias 'a' ('/tmp/" },
	{ TWO "[aliases]\na = |cmd\n", "a command is not supported" },
	{ TWO "[aliases]\na = :include:/etc/l\n", "a file of root's" },
	{ TWO "[aliases]\na@y.x = b\n", "domain is not local" },
	{ TWO "[aliases]\na@y.x = b\n[posthaste]\nlocal_domains = z Y.x\n",
	  NULL },
	{ TWO "[posthaste]\naliases = /nonexistent/aliases\n",
	  "the aliases file '/nonexistent/aliases' does not exist" },
	{ TWO "[posthaste]\naliases = /tmp\n", "is a directory" },
};

static void cross_checks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct error err = { 0 };
		struct config c;

		load_as_user(write_file("c", checks[i].text, 0600), &c, &err,
			     0);
		if ((config_check(&c, &err) == 0) != !checks[i].says ||
		    (checks[i].says && !strstr(err.text, checks[i].says)))
			fail_msg("row %zu: %s", i, err.text);
		config_release(&c);
	}
}

static void what_is_printed_loads(void **state)
{
	const char *path = write_file("c", "[posthaste]\nmailname = m.x\n"
		"[account a]\nhost = mx\npassword_command = \"a; b 'c'\"\n"
		"user = \"x #y\"\nmax_message_size = 10M\n[account b]\n"
		"password = hunter2\n[queue]\nretry = 1m\n"
		"delay_notice = 5400\n[aliases]\n* = '\"a b\"@x'\n"
		"root = \"'a;b\"\n[rewrite]\n@a = @b\n[oauth2 p]\n"
		"client_id = i\nclient_secret = hunter3\n", 0600);
	struct error err = { 0 };
	struct buf first, second;
	struct config c;

	(void)state;
	buf_init(&first, 65536);
	buf_init(&second, 65536);
	load_as_user(path, &c, &err, 0);
	config_print(&c, &first);
	config_release(&c);
	assert_null(strstr(buf_cstr(&first), "hunter"));
	assert_non_null(strstr(buf_cstr(&first), "\n\n[oauth2 p]\n"
			       "; provider =\nclient_id = i\n"
			       "client_secret = ********\n"));
	assert_non_null(strstr(buf_cstr(&first), "\npassword = ********\n"));
	assert_non_null(strstr(buf_cstr(&first),
			       "\npassword_command = \"a; b 'c'\"\n"));
	assert_non_null(strstr(buf_cstr(&first), "\n; tls = implicit\n"));
	assert_non_null(strstr(buf_cstr(&first), "\n; timeout_end = 10m\n"));
	assert_non_null(strstr(buf_cstr(&first), "\n\n[queue]\n; spool =\n"
			       "retry = 1m\n; retry_max = 4h\n"));
	assert_non_null(strstr(buf_cstr(&first), "\ndelay_notice = 90m\n"));
	assert_non_null(strstr(buf_cstr(&first), "\n\n[aliases]\n"
			       "* = '\"a b\"@x'\nroot = \"'a;b\"\n\n"
			       "[rewrite]\n@a = @b\n"));
	write_file("c", buf_cstr(&first), 0600);
	load_as_user(path, &c, &err, 0);
	config_print(&c, &second);
	config_release(&c);
	assert_string_equal(buf_cstr(&first), buf_cstr(&second));
	buf_release(&first);
	buf_release(&second);
}

static void an_account_from_options_only(void **state)
{
	struct config c;
	struct account *a;

	(void)state;
	config_init(&c);
	a = config_scratch(&c);
	assert_string_equal(a->name, "");
	assert_string_equal(a->auth, "auto");
	assert_int_equal(a->timeout_end, 600);
	assert_ptr_equal(a, &c.accounts[0]);
	config_release(&c);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {
		"c", "u", "s", "fifo", "big", "x/posthaste/config",
		"x/posthaste", "x", ".config/posthaste/config",
		".config/posthaste", ".config", "closed/.config", "closed",
	};

	(void)state;
	chmod(in_dir("closed"), 0700);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(in_dir(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(selection),
		cmocka_unit_test(the_users_file_is_over_the_systems),
		cmocka_unit_test(where_the_users_file_is),
		cmocka_unit_test(odd_files),
		cmocka_unit_test(secrets_must_be_private),
		cmocka_unit_test(unreadable_is_not_missing),
		cmocka_unit_test(cross_checks),
		cmocka_unit_test(what_is_printed_loads),
		cmocka_unit_test(an_account_from_options_only),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
