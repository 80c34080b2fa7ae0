/*
 * -bv: what would become of these recipients, without sending anything.
 */
#include "cmd/front.h"
#include "cmd/submission.h"

enum { STATUS_NO_USER = 67 };	/* sysexits(3): EX_NOUSER */

/* Add what one argument stands for. */
static int resolve(struct submission *s, const char *argument,
		   struct error *err)
{
	struct roster found;
	int ret;

	roster_init(&found);
	ret = roster_arg(&found, str_of(argument), buf_cstr(&s->mailname), err);
	if (!ret)
		ret = route_recipients(&s->route, &found, err);
	for (size_t i = 0; i < found.n && !ret; i++)
		ret = roster_add(&s->roster, str_of(roster_get(&found, i)),
				 err);
	roster_release(&found);
	return ret;
}

static int print(const struct submission *s, struct error *err)
{
	struct buf out;
	int ret = 0;

	buf_init(&out, 1 << 16);
	buf_addf(&out, "MAIL FROM:<%s>\n", buf_cstr(&s->sender));
	for (size_t i = 0; i < s->roster.n && !ret; i++) {
		buf_addf(&out, "RCPT TO:<%s>\n", roster_get(&s->roster, i));
		if (i + 1 < s->roster.n && out.len < out.max / 2)
			continue;
		ret = say_out(buf_str(&out), err);
		buf_reset(&out);
	}
	buf_release(&out);
	return ret;
}

static int verify(struct submission *s)
{
	const struct request *r = s->r;
	struct error err;

	if (!r->n_recipients) {
		error_set(&err, ERROR_USAGE, "-bv: name the recipients to "
			  "verify");
		return say_error(r, &err);
	}
	if (submission_open(s, &err) || submission_sender(s, &err))
		return say_error(r, &err);
	for (size_t i = 0; i < r->n_recipients; i++)
		if (resolve(s, r->recipients[i], &err))
			say_error(r, &err);
	if (!s->roster.n)
		return STATUS_NO_USER;
	return print(s, &err) ? say_error(r, &err) : 0;
}

int front_verify(const struct request *r)
{
	struct submission s;
	int status;

	submission_init(&s, r);
	status = verify(&s);
	submission_release(&s);
	return status;
}
