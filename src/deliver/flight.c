#include "deliver/flight.h"

#include <stdbool.h>
#include <stdlib.h>

#include "util/xalloc.h"

/* A message that was begun and is not settled. */
struct sending {
	struct envelope *env;
	struct adapted adapted;
	bool again;		/* for those who were too many at once */
	struct sending *next;
};

struct flight {
	const struct flight_source *source;
	struct sending *first;
};

static void finish(struct flight *f, struct envelope *env)
{
	struct sending **at = &f->first;

	while (*at && (*at)->env != env)
		at = &(*at)->next;
	if (*at) {
		struct sending *done = *at;

		*at = done->next;
		adapt_release(&done->adapted, env);
		free(done);
	}
	f->source->settled(f->source->ctx, env);
}

static void on_settled(void *flight, struct envelope *env)
{
	struct flight *f = flight;

	if (!envelope_count(env, OUTCOME_PENDING)) {
		finish(f, env);
		return;
	}
	for (struct sending *s = f->first; s; s = s->next)
		s->again = s->again || s->env == env;
}

static struct sending *waiting(const struct flight *f)
{
	struct sending *s = f->first;

	while (s && !s->again)
		s = s->next;
	return s;
}

/* Some are left for whom the connection did not last. */
static void put_off(struct flight *f, struct verdict v)
{
	struct sending *s;

	v.outcome = OUTCOME_DEFERRED;
	while ((s = waiting(f))) {
		envelope_settle(s->env, &v);
		finish(f, s->env);
	}
}

static void begin(struct attempt *a, struct flight *f, struct envelope *env,
		  struct message *message)
{
	struct sending *s = xcalloc(1, sizeof(*s));
	struct verdict v;
	struct error err;

	s->env = env;
	s->next = f->first;
	f->first = s;
	if (!adapt(&s->adapted, env, message, &a->session.ehlo, &err)) {
		attempt_begin(a, env, &s->adapted.message);
		return;
	}
	v = verdict_of_error(&err, STAGE_LOCAL);
	envelope_settle(env, &v);
	finish(f, env);
}

int flight_run(struct attempt *a, const struct flight_source *source)
{
	struct flight f = { .source = source };
	struct message *message;

	a->settled = on_settled;
	a->settled_ctx = &f;
	while (attempt_ready(a)) {
		struct sending *again = waiting(&f);
		struct envelope *env;

		if (again) {
			again->again = false;
			attempt_begin(a, again->env, &again->adapted.message);
			continue;
		}
		env = source->next(source->ctx, &message);
		if (env)
			begin(a, &f, env, message);
		else if (session_in_flight(&a->session))
			session_await(&a->session);
		else
			break;
	}
	a->settled = NULL;
	put_off(&f, a->session.verdict);
	return attempt_alive(a) ? 0 : -1;
}
