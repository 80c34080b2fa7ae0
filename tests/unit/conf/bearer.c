#include "conf/bearer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/option.h"
#include "sys/clock.h"

static char home[] = "/tmp/bearer-XXXXXX";
static struct oauth2_profile profile;

static void put(const char *key, const char *value)
{
	struct error err = { 0 };

	if (option_set(option_find(str_of(key)), &profile, str_of(value),
		       &err))
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(home) || setenv("XDG_STATE_HOME", home, 1))
		return -1;
	profile_init(&profile);
	free(profile.name);
	profile.name = strdup("google");
	put("client_id", "id");
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	profile_release(&profile);
	snprintf(command, sizeof(command), "rm -rf %s", home);
	return WEXITSTATUS(system(command));
}

static void answers(void **state)
{
	static const struct {
		struct str line;
		const char *token;	/* NULL: an error, with */
		enum error_kind kind;
		const char *says;
	} rows[] = {
		{ STR("token a.b/c=="), "a.b/c==", ERROR_NONE, NULL },
		{ STR("token a b"), "a b", ERROR_NONE, NULL },
		{ STR("error auth run it again"), NULL, ERROR_AUTH,
		  "run it again" },
		{ STR("error net no way"), NULL, ERROR_NET, "no way" },
		{ STR("error perm x"), NULL, ERROR_PERM, "x" },
		{ STR("error io x"), NULL, ERROR_IO, "x" },
		{ STR("error space x"), NULL, ERROR_SPACE, "x" },
		{ STR("error os x"), NULL, ERROR_OS, "x" },
		{ STR("error config 100% %s"), NULL, ERROR_CONFIG, "100% %s" },
		{ STR("error later x"), NULL, ERROR_CONFIG, "understood" },
		{ STR("error auth"), NULL, ERROR_CONFIG, "understood" },
		{ STR("error"), NULL, ERROR_CONFIG, "understood" },
		{ STR("token"), NULL, ERROR_CONFIG, "understood" },
		{ STR("token "), NULL, ERROR_CONFIG, "understood" },
		{ STR("token hunter2\x1b[0m"), NULL, ERROR_CONFIG,
		  "understood" },
		{ STR("token hunter2\0"), NULL, ERROR_CONFIG, "understood" },
		{ STR("error net \x1b[31m"), NULL, ERROR_CONFIG, "understood" },
		{ STR("hunter2"), NULL, ERROR_CONFIG, "understood" },
		{ STR(""), NULL, ERROR_CONFIG, "understood" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct str token;
		int ret = bearer_answer(rows[i].line, &token, &err);

		if (ret != (rows[i].token ? 0 : -1))
			fail_msg("row %zu: %d", i, ret);
		if (!ret && !str_eq(token, str_of(rows[i].token)))
			fail_msg("row %zu: %.*s", i, (int)token.n, token.p);
		if (ret && (err.kind != rows[i].kind ||
			    !strstr(err.text, rows[i].says) ||
			    strstr(err.text, "hunter2")))
			fail_msg("row %zu: %d %s", i, err.kind, err.text);
	}
}

static void digest(void **state)
{
	char hex[TOKEN_DIGEST];

	(void)state;
	token_digest(STR("abc"), hex);		/* FIPS 180-2, B.1 */
	assert_string_equal(hex, "ba7816bf8f01cfea");
}

static void keep(int64_t expires)
{
	struct token t = { .access = STR("a1"), .refresh = STR("r1"),
			   .expires = expires, .lifetime = 3600 };
	struct error err = { 0 };
	struct token_lock *l = token_lock(&profile, clock_after(5), &err);

	assert_non_null(l);
	assert_int_equal(token_save(l, &t, &err), 0);
	token_unlock(l);
}

/* No helper is needed, and none is started. */
static void a_fresh_one_is_at_hand(void **state)
{
	struct error err = { 0 };
	struct bearer b;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	keep(clock_wall() + 3600);
	assert_int_equal(bearer_begin(&b, &profile, "u", "", &err), 0);
	assert_int_equal(b.helper.pid, 0);
	assert_int_equal(bearer_finish(&b, clock_ms(), &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "a1");
	assert_false(b.issued);
	bearer_release(&b);
	buf_release(&out);
}

static void fails(enum error_kind kind, const char *says)
{
	struct error err = { 0 };
	struct bearer b;

	assert_int_equal(bearer_begin(&b, &profile, "u", "", &err), -1);
	if (err.kind != kind || !strstr(err.text, says))
		fail_msg("%d %s", err.kind, err.text);
	bearer_release(&b);
}

static void who_has_to_log_in_is_told_how(void **state)
{
	char file[100], says[300];
	FILE *f;

	(void)state;
	free(profile.name);
	profile.name = strdup("none");
	put("provider", "google");
	snprintf(says, sizeof(says), "there is no token for the profile 'none' "
		 "in '%s/posthaste/oauth2/none' yet; run "
		 "posthaste --oauth2-login=none", home);
	fails(ERROR_AUTH, says);
	keep(clock_wall() + 3600);
	snprintf(file, sizeof(file), "%s/posthaste/oauth2/none", home);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs("posthaste-token 1\naccess hunter2", f);
	fclose(f);
	fails(ERROR_AUTH, "damaged; run posthaste --oauth2-login=none");
	put("client_id", "");
	fails(ERROR_CONFIG, "client_id");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(digest),
		cmocka_unit_test(a_fresh_one_is_at_hand),
		cmocka_unit_test(who_has_to_log_in_is_told_how),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
