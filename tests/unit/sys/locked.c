#include "sys/locked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Does the paragraph of /proc/self/smaps on p have this flag? */
static int has_flag(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	int ours = 0, has = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long first, last;

		if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
			ours = (uintptr_t)p >= first && (uintptr_t)p < last;
		else if (ours && !strncmp(line, "VmFlags:", 8))
			has = strstr(line, flag) != NULL;
	}
	fclose(f);
	return has;
}

static void pages_of_their_own(void **state)
{
	static const size_t sizes[] = { 1, 100, 4096, 5000, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t n = sizes[i];
		unsigned char *p = locked_alloc(n);

		assert_int_equal((uintptr_t)p % (uintptr_t)sysconf(_SC_PAGESIZE),
				 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(p[k], 0);
		memset(p, 'x', n);
		if (!has_flag(p, " dd"))
			fail_msg("%zu octets would be in a core dump", n);
		locked_free(p, n);
	}
	locked_free(NULL, 10);
}

static void no_memory_is_temporary(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		locked_alloc(SIZE_MAX / 2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 75);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_their_own),
		cmocka_unit_test(no_memory_is_temporary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
