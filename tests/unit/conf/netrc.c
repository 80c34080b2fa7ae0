#include "conf/netrc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/option.h"

/* want: "login password"; NULL: nothing. */
static const struct {
	const char *name, *text, *host, *user, *want;
} rows[] = {
	{ "one line", "machine mx login u password p", "mx", "", "u p" },
	{ "host's case", "machine MX login u password p\n", "mx", "", "u p" },
	{ "lines", "machine mx\n\tlogin u\n\tpassword p\n", "mx", "", "u p" },
	{ "CRLF", "machine mx\r\nlogin u\r\npassword p\r\n", "mx", "", "u p" },
	{ "password first", "machine mx password p login u", "mx", "", "u p" },
	{ "second", "machine a login x password y\nmachine mx login u "
	  "password p", "mx", "", "u p" },
	{ "first of two", "machine mx login a password b machine mx login c "
	  "password d", "mx", "", "a b" },
	{ "by login", "machine mx login a password b machine mx login c "
	  "password d", "mx", "c", "c d" },
	{ "no such login", "machine mx login a password b", "mx", "c", NULL },
	{ "login matters in case", "machine mx login a password b", "mx", "A",
	  NULL },
	{ "other host", "machine mxx login a password b", "mx", "", NULL },
	{ "default", "machine a login b password c default login u password p",
	  "mx", "", "u p" },
	{ "before default", "machine mx login a password b default login u "
	  "password p", "mx", "", "a b" },
	{ "quoted", "machine mx login \"a b\" password \"c \\\"d\\\\ e\\tf\"",
	  "mx", "", "a b c \"d\\ e\tf" },
	{ "quoted keyword", "machine mx login \"password\" password p", "mx",
	  "", "password p" },
	{ "quoted in a keyword's place", "machine mx login u password p "
	  "\"password\" q", "mx", "", "u p" },
	{ "comment after a value", "machine mx login u # password q\n"
	  "password p", "mx", "", "u p" },
	{ "comment", "# machine mx login a password b\n  # x\n"
	  "machine mx login u password p", "mx", "", "u p" },
	{ "hash in password", "machine mx login u password #p;#", "mx", "",
	  "u #p;#" },
	{ "8-bit", "machine mx login u password \xc3\xa4", "mx", "",
	  "u \xc3\xa4" },
	{ "account", "machine mx login u account x password p", "mx", "",
	  "u p" },
	{ "macro", "machine mx login u macdef init\nmachine mx password no\n\n"
	  "password p", "mx", "", "u p" },
	{ "backslash and comma", "machine mx login u password a\\b,c\"d", "mx",
	  "", "u a\\b,c\"d" },
	{ "keywords in capitals", "MACHINE mx Login u PASSWORD p", "mx", "",
	  "u p" },
	{ "macro with CRLF", "machine mx login u\r\nmacdef init\r\n"
	  "password no\r\n\r\npassword p\r\n", "mx", "", "u p" },
	{ "macro to the end", "machine mx login u password p\nmacdef x\n"
	  "machine mx password no\n", "mx", "", "u p" },
	{ "a keyword as value", "machine machine login login password "
	  "password machine mx login u password default", "mx", "",
	  "u default" },
	{ "default ends the search for another login", "default login a "
	  "password b machine mx login u password p", "mx", "u", "u p" },
	{ "quoted host", "machine \"mx\" login u password p", "mx", "", "u p" },
	{ "IPv6", "machine ::1 login u password p", "::1", "", "u p" },
	{ "unknown words", "machine mx port 465 login u protocol x password p",
	  "mx", "", "u p" },
	{ "nothing in quotes", "machine mx login u password \"\"", "mx", "",
	  "u " },
	{ "no password", "machine mx login u\nmachine b password p", "mx", "",
	  NULL },
	{ "cut short", "machine mx login u password", "mx", "", NULL },
	{ "empty", "", "mx", "", NULL },
	{ "open quote", "machine mx login u password \"p", "mx", "", "u p" },
};

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf login, password;
		struct netrc_query q = {
			.host = rows[i].host, .user = rows[i].user,
			.login = &login, .password = &password,
		};
		char got[200];
		int found;

		buf_init(&login, 100);
		buf_init(&password, 100);
		found = netrc_find(str_of(rows[i].text), &q);
		snprintf(got, sizeof(got), "%s %s", buf_cstr(&login),
			 buf_cstr(&password));
		if (found != !!rows[i].want ||
		    (found && strcmp(got, rows[i].want)))
			fail_msg("%s: %d %s", rows[i].name, found, got);
		buf_release(&login);
		buf_release(&password);
	}
}

/* A password without a login is for any login. */
static void only_a_password(void **state)
{
	struct buf password;
	struct netrc_query q = { .host = "mx", .user = "u",
				 .password = &password };

	(void)state;
	buf_init(&password, 100);
	assert_int_equal(netrc_find(STR("machine mx password p"), &q), 1);
	assert_string_equal(buf_cstr(&password), "p");
	buf_release(&password);
}

static void too_long_is_not_cut(void **state)
{
	static char text[(64 << 10) + 40];
	struct buf password;
	struct netrc_query q = { .host = "mx", .user = "u",
				 .password = &password };

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		size_t n = (64 << 10) + extra;
		size_t at = (size_t)sprintf(text, "machine mx password ");

		memset(text + at, 'x', n);
		text[at + n] = '\n';
		buf_init(&password, sizeof(text));
		assert_int_equal(netrc_find((struct str){ text, at + n + 1 },
					    &q), 1);
		assert_int_equal(password.over, extra);
		buf_release(&password);
	}
}

static int fill(struct account *a, const char *path, mode_t mode,
		struct error *err)
{
	account_init(a);
	option_set(option_find(STR("host")), a, STR("mx"), err);
	option_set(option_find(STR("netrc")), a, str_of(path), err);
	if (mode)
		chmod(path, mode);
	return netrc_fill_user(a, err);
}

static void the_user_comes_from_it(void **state)
{
	char path[] = "/tmp/netrc-XXXXXX";
	int fd = mkstemp(path);
	struct error err = { 0 };
	struct account a;

	(void)state;
	assert_int_equal(dprintf(fd, "machine mx login u password p\n"), 30);
	close(fd);
	assert_int_equal(fill(&a, path, 0600, &err), 0);
	assert_string_equal(a.user, "u");
	account_release(&a);

	assert_int_equal(fill(&a, path, 0640, &err), -1);
	assert_int_equal(err.kind, ERROR_PERM);
	assert_non_null(strstr(err.text, "chmod 600"));
	account_release(&a);

	unlink(path);
	assert_int_equal(fill(&a, path, 0, &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "does not exist"));
	account_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(only_a_password),
		cmocka_unit_test(too_long_is_not_cut),
		cmocka_unit_test(the_user_comes_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
