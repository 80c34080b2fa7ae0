#include "sys/aside.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sys/clock.h"
#include "util/xalloc.h"

/* Work that waits until it is let go of. */
struct job {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool may_end, released;
	int ran;
};

static void job_init(struct job *j)
{
	*j = (struct job){ .ran = 0 };
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->changed, NULL);
}

static void run(void *ctx)
{
	struct job *j = ctx;

	pthread_mutex_lock(&j->lock);
	while (!j->may_end)
		pthread_cond_wait(&j->changed, &j->lock);
	j->ran++;
	pthread_mutex_unlock(&j->lock);
}

static void release(void *ctx)
{
	struct job *j = ctx;

	pthread_mutex_lock(&j->lock);
	j->released = true;
	pthread_cond_signal(&j->changed);
	pthread_mutex_unlock(&j->lock);
}

static void let_go(struct job *j)
{
	pthread_mutex_lock(&j->lock);
	j->may_end = true;
	pthread_cond_signal(&j->changed);
	pthread_mutex_unlock(&j->lock);
}

static void in_time(void **state)
{
	struct job j;

	(void)state;
	job_init(&j);
	let_go(&j);
	assert_true(aside_wait(aside_start(&(struct aside_work){ run, release,
					   &j }), CLOCK_NEVER));
	assert_int_equal(j.ran, 1);
	assert_false(j.released);
}

/* Left behind, it ends by itself, and then releases what it worked on. */
static void left_behind(void **state)
{
	int64_t begun = clock_ms();
	struct job j;

	(void)state;
	job_init(&j);
	assert_false(aside_wait(aside_start(&(struct aside_work){ run, release,
					    &j }), begun + 50));
	assert_in_range(clock_ms() - begun, 50, 5000);
	let_go(&j);
	pthread_mutex_lock(&j.lock);
	while (!j.released)
		pthread_cond_wait(&j.changed, &j.lock);
	pthread_mutex_unlock(&j.lock);
	assert_int_equal(j.ran, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_time),
		cmocka_unit_test(left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
