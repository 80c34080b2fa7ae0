#include "deliver/route.h"

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

#include "conf/aliasfile.h"

static char dir[] = "/tmp/route-XXXXXX";

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

/* A configuration whose aliases file has this text; NULL: it has none. */
static void load(struct config *c, const char *more, const char *aliases,
		 mode_t mode)
{
	static char text[2000];
	struct error err = { 0 };

	snprintf(text, sizeof(text), "[posthaste]\nmailname = h.example\n%s%s\n"
		 "%s", aliases ? "aliases = " : "",
		 aliases ? write_file("aliases", aliases, mode) : "", more);
	if (config_load(c, write_file("c", text, 0600), &err))
		fail_msg("%s", err.text);
}

/* want NULL: fails, and says so. */
static const struct {
	const char *name, *more, *aliases;
	mode_t mode;
	const char *in, *want, *says;
	enum error_kind kind;
} rows[] = {
	{ "nothing", "", NULL, 0, "a@x b@h.example", "a@x b@h.example", "", 0 },
	{ "section", "[aliases]\nb = c@x\n", NULL, 0, "a@x b@h.example",
	  "a@x c@x", "", 0 },
	{ "file", "", "b: c@x\n", 0644, "b@localhost", "c@x", "", 0 },
	{ "section before file", "[aliases]\nb = d@x\n", "b: c@x\nd: e@x\n",
	  0644, "b@localhost d@localhost", "d@x e@x", "", 0 },
	{ "across both", "[aliases]\nb = d\n", "d: e@x\n", 0644, "b@localhost",
	  "e@x", "", 0 },
	{ "rewriting after aliases", "[aliases]\nb = root\n[rewrite]\n"
	  "root = a@y\nb = never@y\n", NULL, 0, "b@localhost a@y", "a@y", "",
	  0 },
	{ "rewriting only", "[rewrite]\n@x = @y\n", NULL, 0, "b@x a@x b@y",
	  "b@y a@y", "", 0 },
	{ "local domains", "local_domains = l.x\n[aliases]\nb = c@x\n", NULL, 0,
	  "b@L.x", "c@x", "", 0 },
	{ "bad file, not needed", "", "nonsense\n", 0644, "a@x", "a@x", "", 0 },
	{ "bad file", "", "nonsense\n", 0644, "a@localhost", NULL,
	  "/aliases' line 1: 'nonsense'", ERROR_CONFIG },
	{ "open to all", "", "a: b@x\n", 0646, "a@localhost", NULL,
	  "everybody may write to it: run 'chmod o-w", ERROR_PERM },
	{ "a command", "", "a: |b\n", 0644, "a@localhost", NULL,
	  "a command is not supported", ERROR_UNAVAILABLE },
	{ "a list", "", "a: :include:/l\n", 0644, "a@localhost", NULL,
	  "aliases_unsafe = yes", ERROR_CONFIG },
	{ "nobody", "aliases_unsafe = yes\n", "a: :include:/dev/null, \n",
	  0644, "a@localhost", NULL, "leave nobody", ERROR_DATA },
};

static int route_row(size_t i, struct roster *to, struct error *err)
{
	struct str rest = str_of(rows[i].in);
	struct config c;
	struct route r;
	int ret;

	load(&c, rows[i].more, rows[i].aliases, rows[i].mode);
	while (rest.n)
		roster_add(to, str_cut(&rest, ' '), err);
	route_init(&r, &c, "h.example");
	ret = route_recipients(&r, to, err);
	config_release(&c);
	return ret;
}

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct error err = { 0 };
		struct roster to;
		struct buf got;
		int ret;

		roster_init(&to);
		buf_init(&got, 1000);
		ret = route_row(i, &to, &err);
		for (size_t k = 0; k < to.n; k++)
			buf_addf(&got, "%s%s", k ? " " : "",
				 roster_get(&to, k));
		if ((ret == 0) != !!rows[i].want ||
		    (!ret && strcmp(buf_cstr(&got), rows[i].want)))
			fail_msg("%s: %d %s %s", rows[i].name, ret, err.text,
				 buf_cstr(&got));
		if (ret && (err.kind != rows[i].kind ||
			    !strstr(err.text, rows[i].says)))
			fail_msg("%s: %d %s", rows[i].name, err.kind,
				 err.text);
		buf_release(&got);
		roster_release(&to);
	}
}

static void senders(void **state)
{
	struct config c;
	struct route r;
	struct buf out;

	(void)state;
	load(&c, "[rewrite]\nroot = a@y\n", NULL, 0);
	route_init(&r, &c, "h.example");
	buf_init(&out, 1000);
	route_sender(&r, STR(""), &out);
	assert_int_equal(out.len, 0);
	route_sender(&r, STR("root"), &out);
	assert_string_equal(buf_cstr(&out), "a@y");
	buf_reset(&out);
	route_sender(&r, STR("joe"), &out);
	assert_string_equal(buf_cstr(&out), "joe@h.example");
	buf_release(&out);
	config_release(&c);
}

/* The file is read once; its aliases serve later messages. */
static void again(void **state)
{
	struct error err = { 0 };
	struct roster to;
	struct config c;
	struct route r;

	(void)state;
	load(&c, "", "a: b@x\nc: d@x\n", 0644);
	route_init(&r, &c, "h.example");
	for (int i = 0; i < 2; i++) {
		roster_init(&to);
		roster_add(&to, STR("a@localhost"), &err);
		roster_add(&to, STR("b@x"), &err);
		assert_int_equal(route_recipients(&r, &to, &err), 0);
		assert_int_equal(to.n, 1);
		assert_string_equal(roster_get(&to, 0), "b@x");
		roster_release(&to);
		unlink(in_dir("aliases"));
	}
	roster_init(&to);
	assert_int_equal(route_recipients(&r, &to, &err), 0);
	roster_release(&to);
	config_release(&c);
}

/* What of lists depends on who owns them, and so on being root. */
static void lists(void **state)
{
	static const struct {
		const char *list;
		mode_t aliases, mode;
		uid_t owner;
		const char *says;	/* NULL: it is read */
	} files[] = {
		{ "b@x\n# c\nd@x\n", 0644, 0644, 0, NULL },
		{ "b@x\nd@x\n", 0644, 0664, 0, "nobody else may write" },
		{ "b@x\nd@x\n", 0644, 0646, 0, "nobody else may write" },
		{ "b@x\nd@x\n", 0644, 0644, 12345, "must belong to root" },
		{ "b@x\nd@x\n", 0664, 0644, 0, "aliases_unsafe" },
		{ "# none\n", 0644, 0644, 0, "leave nobody to send to" },
	};

	(void)state;
	if (getuid())
		skip();
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char text[300];
		struct error err = { 0 };
		struct roster to;
		struct config c;
		struct route r;
		int ret;

		write_file("list", files[i].list, files[i].mode);
		assert_int_equal(chown(in_dir("list"), files[i].owner, 0), 0);
		snprintf(text, sizeof(text), "a: :include:%s\n",
			 in_dir("list"));
		load(&c, "aliases_unsafe = yes\n", text, files[i].aliases);
		route_init(&r, &c, "h.example");
		roster_init(&to);
		roster_add(&to, STR("a@localhost"), &err);
		ret = route_recipients(&r, &to, &err);
		if ((ret == 0) != !files[i].says ||
		    (ret && !strstr(err.text, files[i].says)) ||
		    (!ret && to.n != 2))
			fail_msg("row %zu: %d %s", i, ret, err.text);
		roster_release(&to);
		config_release(&c);
	}
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(in_dir("c"));
	unlink(in_dir("aliases"));
	unlink(in_dir("list"));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row),
		cmocka_unit_test(senders),
		cmocka_unit_test(again),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
