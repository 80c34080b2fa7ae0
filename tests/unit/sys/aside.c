#include "sys/aside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>

#include "sys/clock.h"

static bool no_threads;

int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*run)(void *), void *ctx)
{
	__typeof__(pthread_create) *real = dlsym(RTLD_NEXT, "pthread_create");

	return no_threads ? EAGAIN : real(thread, attr, run, ctx);
}

struct job {
	sem_t go, released;
	bool done, blocked;
};

static void run(void *ctx)
{
	struct job *j = ctx;
	sigset_t now;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	j->blocked = sigismember(&now, SIGTERM);
	sem_wait(&j->go);
	j->done = true;
}

static void release(void *ctx)
{
	sem_post(&((struct job *)ctx)->released);
}

static struct aside *start(struct job *j, unsigned go)
{
	*j = (struct job){ .done = false };
	sem_init(&j->go, 0, go);
	sem_init(&j->released, 0, 0);
	return aside_start(&(struct aside_work){ run, release, j });
}

static void in_time(void **state)
{
	struct job j;

	(void)state;
	assert_true(aside_wait(start(&j, 1), clock_ms() + 5000));
	assert_true(j.done && j.blocked);
	assert_int_equal(sem_trywait(&j.released), -1);
	assert_true(aside_wait(start(&j, 1), CLOCK_NEVER));
	assert_true(j.done);
}

/* Left behind, the thread is the one to clear up. */
static void too_late(void **state)
{
	int64_t begun = clock_ms();
	struct job j;

	(void)state;
	assert_false(aside_wait(start(&j, 0), begun + 50));
	assert_true(clock_ms() - begun < 3000);
	assert_false(j.done);
	sem_post(&j.go);
	while (sem_wait(&j.released))
		;
	assert_true(j.done);
}

static void without_threads(void **state)
{
	struct job j;

	(void)state;
	no_threads = true;
	assert_true(aside_wait(start(&j, 1), clock_ms() - 1));
	no_threads = false;
	assert_true(j.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_time),
		cmocka_unit_test(too_late),
		cmocka_unit_test(without_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
