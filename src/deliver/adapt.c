#include "deliver/adapt.h"

#include <stdlib.h>

#include "mail/idn.h"
#include "util/xalloc.h"

enum { PATH_MAX_OCTETS = 4096 };

/* A recipient whose address was written in ASCII for this relay. */
struct swap {
	size_t rcpt;
	const char *was;
	char *now;
};

static bool is_ascii(const char *addr)
{
	return !str_has_8bit(str_of(addr));
}

/* *to: the address with its domain in ASCII; caller frees. */
static int to_ascii(const char *addr, char **to, struct error *err)
{
	struct buf out;
	int r;

	buf_init(&out, PATH_MAX_OCTETS);
	r = idn_address(&out, str_of(addr), err);
	if (!r && str_has_8bit(buf_str(&out)))
		r = error_set(err, ERROR_DATA, "the address is not ASCII and "
			      "the relay does not offer SMTPUTF8");
	*to = r ? NULL : xstrdup(buf_cstr(&out));
	buf_release(&out);
	return r;
}

static int adapt_from(struct adapted *a, struct envelope *env,
		      struct error *err)
{
	a->from = env->from;
	if (is_ascii(env->from))
		return 0;
	if (to_ascii(env->from, &a->ascii_from, err))
		return error_wrap(err, "sender");
	env->from = a->ascii_from;
	return 0;
}

void adapt_rcpt(struct adapted *a, struct envelope *env, size_t i)
{
	struct swap swap = { .rcpt = i, .was = env->rcpt[i].addr };
	struct verdict v;
	struct error err;

	if (env->utf8 || !envelope_pending(env, i) || is_ascii(swap.was))
		return;
	if (to_ascii(swap.was, &swap.now, &err)) {
		v = verdict_of_error(&err, STAGE_LOCAL);
		envelope_settle_one(env, i, &v);
		return;
	}
	a->swap = xrealloc(a->swap, a->n_swap + 1, sizeof(*a->swap));
	a->swap[a->n_swap++] = swap;
	env->rcpt[i].addr = swap.now;
}

static int adapt_addresses(struct adapted *a, struct envelope *env,
			   const struct ehlo *ehlo, struct error *err)
{
	env->utf8 = false;
	if (ehlo->caps & CAP_SMTPUTF8) {
		env->utf8 = !is_ascii(env->from);
		for (size_t i = 0; i < env->n_rcpt && !env->utf8; i++)
			env->utf8 = envelope_pending(env, i) &&
				!is_ascii(env->rcpt[i].addr);
		return 0;
	}
	if (adapt_from(a, env, err))
		return -1;
	for (size_t i = 0; i < env->n_rcpt; i++)
		adapt_rcpt(a, env, i);
	return 0;
}

/* Binary if the relay and the message can, else as the relay needs it. */
static int adapt_content(struct adapted *a, const struct message *m,
			 const struct ehlo *ehlo, struct error *err)
{
	const unsigned binary = CAP_CHUNKING | CAP_BINARYMIME;
	bool changed = false;

	if (m->make_binary && (ehlo->caps & binary) == binary)
		return m->make_binary(m->ctx, &a->message, err);
	if (intake_recode(&a->recoded, m, ehlo->caps & CAP_8BITMIME, &changed,
			  err))
		return -1;
	if (changed)
		a->message = a->recoded.message;
	return 0;
}

int adapt_message(struct adapted *a, struct envelope *env,
		  const struct message *m, const struct ehlo *ehlo,
		  struct error *err)
{
	a->message = *m;
	if (adapt_content(a, m, ehlo, err))
		return -1;
	env->size = message_size(&a->message);
	return 0;
}

int adapt(struct adapted *a, struct envelope *env, const struct message *m,
	  const struct ehlo *ehlo, struct error *err)
{
	*a = (struct adapted){ .from = env->from };
	intake_init(&a->recoded);
	if (adapt_addresses(a, env, ehlo, err) ||
	    adapt_message(a, env, m, ehlo, err))
		return -1;
	if (a->message.binary)
		env->body = BODY_BINARY;
	else
		env->body = a->message.body_facts.eightbit ||
			str_has_8bit(buf_str(&a->message.head)) ?
			BODY_8BIT : BODY_7BIT;
	return 0;
}

/* What the content will be is not known: say the most the relay allows. */
int adapt_sender(struct adapted *a, struct envelope *env,
		 const struct ehlo *ehlo, struct error *err)
{
	*a = (struct adapted){ .from = env->from };
	intake_init(&a->recoded);
	env->body = ehlo->caps & CAP_8BITMIME ? BODY_8BIT : BODY_7BIT;
	env->utf8 = ehlo->caps & CAP_SMTPUTF8 &&
		(env->utf8 || !is_ascii(env->from));
	return env->utf8 ? 0 : adapt_from(a, env, err);
}

void adapt_release(struct adapted *a, struct envelope *env)
{
	env->from = a->from;
	for (size_t i = 0; i < a->n_swap; i++) {
		env->rcpt[a->swap[i].rcpt].addr = a->swap[i].was;
		free(a->swap[i].now);
	}
	free(a->swap);
	free(a->ascii_from);
	intake_release(&a->recoded);
}
