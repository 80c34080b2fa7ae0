#include "util/xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void memory(void **state)
{
	char *p = xrealloc(NULL, 3, 5);

	(void)state;
	memset(p, 'a', 15);
	p = xrealloc(p, 100, 1);
	assert_memory_equal(p, "aaaaaaaaaaaaaaa", 15);
	free(p);
	p = xcalloc(7, 11);
	for (int i = 0; i < 77; i++)
		assert_int_equal(p[i], 0);
	free(p);
	/* Nothing is something, too: no NULL ever. */
	p = xrealloc(NULL, 0, 5);
	assert_non_null(p);
	p = xrealloc(p, 5, 0);
	assert_non_null(p);
	free(p);
	p = xcalloc(5, 0);
	assert_non_null(p);
	free(p);
}

static void copies(void **state)
{
	char *p = xstrndup("abc", 2);

	(void)state;
	assert_string_equal(p, "ab");
	free(p);
	p = xstrndup(NULL, 0);
	assert_string_equal(p, "");
	free(p);
	p = xstrndup("a\0b", 3);
	assert_memory_equal(p, "a\0b", 4);
	free(p);
	p = xstrdup("text");
	assert_string_equal(p, "text");
	free(p);
}

static void wiped(void **state)
{
	char p[] = "secret";

	(void)state;
	wipe(p, 0);
	assert_string_equal(p, "secret");
	wipe(p + 1, 3);
	assert_memory_equal(p, "s\0\0\0et", 7);
}

/* In a child, since it ends there; its stderr is read. */
static int dying(size_t n, size_t size, char *said, size_t room)
{
	int ends[2], status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], 2);
		(void)xrealloc(NULL, n, size);
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], said + len, room - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void no_memory_is_temporary(void **state)
{
	static const struct { const char *name; size_t n, size; } rows[] = {
		{ "overflow", SIZE_MAX / 2, 3 },
		{ "wraps to a little", SIZE_MAX / 16 + 2, 16 },
		{ "more than there is", SIZE_MAX / 4, 1 },
	};

	(void)state;
	/* The sanitizer's allocator must return NULL here as others do. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char said[4096];
		int status = dying(rows[i].n, rows[i].size, said, sizeof(said));

		if (!WIFEXITED(status) || WEXITSTATUS(status) != 75 ||
		    !strstr(said, "posthaste: out of memory; try again\n"))
			fail_msg("%s: %x '%s'", rows[i].name, status, said);
	}
}

/* Read by the address sanitizer; without it just a function. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory),
		cmocka_unit_test(copies),
		cmocka_unit_test(wiped),
		cmocka_unit_test(no_memory_is_temporary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
