/*
 * Signals wait while an answer that was given is not kept yet: a refresh token
 * that is lost is a login that is lost.
 */
#ifndef OAUTH2_HELD_H
#define OAUTH2_HELD_H

#include <signal.h>
#include <stdbool.h>

#include "sys/dir.h"

struct held {
	bool is;
	sigset_t old;
};

static inline void held_begin(struct held *h)
{
	if (!h->is)
		h->is = !signals_hold(&h->old);
}

static inline void held_end(struct held *h)
{
	if (h->is)
		signals_release(&h->old);
	h->is = false;
}

#endif
