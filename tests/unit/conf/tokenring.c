#include "conf/tokenring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "sys/clock.h"

/* A directory that is the whole PATH, with a secret-tool to order. */
static char dir[] = "/tmp/tokenring-XXXXXX";
static char file[100];

static int set_up(void **state)
{
	char path[200];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", dir);
	snprintf(file, sizeof(file), "%s/secret-tool", dir);
	return setenv("PATH", path, 1);
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "/bin/rm -rf %s", dir);
	return system(command);
}

static void tool(const char *script)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\ncd %s\n%s\n", dir, script);
	fclose(f);
	assert_int_equal(chmod(file, 0700), 0);
}

static int look(struct buf *out, bool *missing, struct error *err)
{
	struct process p;

	if (tokenring_start(&p, "work", err))
		return -1;
	return tokenring_finish(&p, out, clock_after(1), missing, err);
}

static void finds(void **state)
{
	static const struct {
		const char *script;
		int ret;
		bool missing;
		enum error_kind kind;
		const char *gives;	/* or what the error says */
	} rows[] = {
		{ "echo \"$@\"", 0, false, ERROR_NONE,
		  "lookup service posthaste-oauth2 profile work\n" },
		{ "printf 'a\\nb'", 0, false, ERROR_NONE, "a\nb" },
		{ "exit 1", 0, true, ERROR_NONE, "" },
		{ "exit 2", -1, false, ERROR_CONFIG, "secret-tool: exited 2" },
		{ "echo no bus >&2; exit 1", -1, false, ERROR_CONFIG,
		  "no bus" },
		{ "kill -9 $$", -1, false, ERROR_CONFIG, "signal 9" },
		{ "sleep 20", -1, false, ERROR_NET, "is it locked" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct buf out;
		bool missing;
		int ret;

		tool(rows[i].script);
		buf_init(&out, 1000);
		ret = look(&out, &missing, &err);
		if (ret != rows[i].ret || missing != rows[i].missing ||
		    err.kind != rows[i].kind)
			fail_msg("%s: %d %s", rows[i].script, ret, err.text);
		if (!strstr(ret ? err.text : buf_cstr(&out), rows[i].gives))
			fail_msg("%s: %s", rows[i].script, ret ? err.text :
				 buf_cstr(&out));
		buf_release(&out);
	}
}

static void stores(void **state)
{
	struct error err = { 0 };
	struct buf out;
	bool missing;

	(void)state;
	buf_init(&out, 1000);
	tool("case $1 in store) echo \"$@\" >args; cat >kept;; "
	     "clear) echo \"$@\" >>args; rm kept;; lookup) cat args kept;; esac");
	assert_int_equal(tokenring_store("work", STR("hunter2\nend\n"),
					 clock_after(5), &err), 0);
	assert_int_equal(look(&out, &missing, &err), 0);
	assert_string_equal(buf_cstr(&out), "store --label=posthaste: OAuth 2 "
			    "tokens service posthaste-oauth2 profile work\n"
			    "hunter2\nend\n");
	buf_reset(&out);
	assert_int_equal(tokenring_probe("work", clock_after(5), &err), 0);
	tool("cat args");
	assert_int_equal(look(&out, &missing, &err), 0);
	assert_string_equal(buf_cstr(&out), "store --label=posthaste: OAuth 2 "
			    "tokens service posthaste-oauth2-probe profile "
			    "work\nclear service posthaste-oauth2-probe "
			    "profile work\n");
	tool("echo locked >&2; exit 1");
	assert_int_equal(tokenring_store("work", STR("x"), clock_after(5),
					 &err), -1);
	assert_non_null(strstr(err.text, "locked"));
	assert_int_equal(tokenring_probe("work", clock_after(5), &err), -1);
	buf_release(&out);
}

static void without_the_tool(void **state)
{
	struct error err = { 0 };
	struct process p;

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	assert_int_equal(tokenring_start(&p, "work", &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "store = file"));
	assert_int_equal(tokenring_store("work", STR("x"), clock_after(5),
					 &err), -1);
	assert_int_equal(err.kind, ERROR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(stores),
		cmocka_unit_test(without_the_tool),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
