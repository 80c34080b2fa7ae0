/* Whatever a relay offers, what is kept of it is clean and within bounds. */
#include "smtp/ehlo.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct ehlo *e)
{
	struct str auth = buf_str(&e->auth);

	require(e->caps < CAP_PRIORITY << 1);
	require(auth.n <= 4096 && !str_has_ctl(auth));
	require(!auth.n || e->caps & CAP_AUTH);
	require(!e->size_max || e->caps & CAP_SIZE);
	require(!(e->rcpt_max || e->mail_max) || e->caps & CAP_LIMITS);
	require(!e->hold_max || e->caps & CAP_HOLD);
	require(!e->by_min || e->caps & CAP_DELIVERBY);
	while (auth.n)		/* one blank between names, none elsewhere */
		require(str_cut(&auth, ' ').n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct ehlo first, again;

	ehlo_init(&first);
	ehlo_init(&again);
	ehlo_parse(&first, text);
	check(&first);
	/* What was offered before is forgotten. */
	ehlo_parse(&again, STR("mx\nSTARTTLS\nAUTH X\nSIZE 7\nLIMITS RCPTMAX=7\n"
			       "FUTURERELEASE 7\nDELIVERBY 7"));
	ehlo_parse(&again, text);
	require(first.caps == again.caps && first.size_max == again.size_max &&
		first.rcpt_max == again.rcpt_max &&
		first.hold_max == again.hold_max &&
		first.by_min == again.by_min &&
		str_eq(buf_str(&first.auth), buf_str(&again.auth)));
	ehlo_release(&first);
	ehlo_release(&again);
	return 0;
}
