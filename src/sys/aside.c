#include "sys/aside.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "sys/clock.h"
#include "util/xalloc.h"

enum { STACK_SIZE = 512 << 10 };	/* bytes; NSS and GSS modules are not modest */

/* Freed by whichever of the two threads lets go of it last. */
struct aside {
	struct aside_work work;
	pthread_mutex_t lock;
	pthread_cond_t ready;
	bool done;
	bool abandoned;
};

static struct aside *aside_new(const struct aside_work *work)
{
	struct aside *a = xcalloc(1, sizeof(*a));
	pthread_condattr_t attr;

	a->work = *work;
	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&a->ready, &attr);
	pthread_condattr_destroy(&attr);
	return a;
}

static void aside_free(struct aside *a)
{
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->ready);
	free(a);
}

static void *aside_run(void *ctx)
{
	struct aside *a = ctx;
	bool abandoned;

	a->work.run(a->work.ctx);
	pthread_mutex_lock(&a->lock);
	a->done = true;
	abandoned = a->abandoned;
	pthread_cond_signal(&a->ready);
	pthread_mutex_unlock(&a->lock);
	if (abandoned) {
		a->work.release(a->work.ctx);
		aside_free(a);
	}
	return NULL;
}

/* Begin it beside us.  Signals stay with the thread that expects them. */
static int begin(struct aside *a)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int r;

#ifdef M_ARENA_MAX
	/* Else glibc reserves 64 MiB of address space for the new thread. */
	mallopt(M_ARENA_MAX, 1);
#endif
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&thread, &attr, aside_run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

struct aside *aside_start(const struct aside_work *work)
{
	struct aside *a = aside_new(work);

	if (begin(a))
		aside_run(a);
	return a;
}

bool aside_wait(struct aside *a, int64_t deadline)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline / 1000),
		.tv_nsec = (long)(deadline % 1000) * 1000000
	};
	bool done;
	int r = 0;

	pthread_mutex_lock(&a->lock);
	while (!a->done && r != ETIMEDOUT) {
		if (deadline == CLOCK_NEVER)
			pthread_cond_wait(&a->ready, &a->lock);
		else
			r = pthread_cond_timedwait(&a->ready, &a->lock, &until);
	}
	done = a->done;
	a->abandoned = !done;
	pthread_mutex_unlock(&a->lock);
	if (done)
		aside_free(a);
	return done;
}
