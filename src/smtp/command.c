#include "smtp/command.h"

void command_mail(struct buf *line, const struct envelope *env,
		  const struct ehlo *ehlo)
{
	unsigned caps = ehlo->caps;
	bool binary = caps & CAP_BINARYMIME && caps & CAP_CHUNKING;

	buf_addf(line, "MAIL FROM:<%s>", env->from);
	if (caps & CAP_SIZE && env->size)
		buf_addf(line, " SIZE=%llu", (unsigned long long)env->size);
	if (binary && env->body == BODY_BINARY)
		buf_addz(line, " BODY=BINARYMIME");
	else if (caps & CAP_8BITMIME && env->body != BODY_7BIT)
		buf_addz(line, " BODY=8BITMIME");
	if (env->utf8)
		buf_addz(line, " SMTPUTF8");
	if (caps & CAP_DSN && *env->ret)
		buf_addf(line, " RET=%s", env->ret);
	if (caps & CAP_DSN && *env->envid)
		buf_addf(line, " ENVID=%s", env->envid);
	if (env->require_tls)
		buf_addz(line, " REQUIRETLS");
	if (*env->deliver_by)
		buf_addf(line, " BY=%s", env->deliver_by);
	if (*env->hold)
		buf_addf(line, " %s", env->hold);
	if (*env->priority)
		buf_addf(line, " MT-PRIORITY=%s", env->priority);
}

void command_rcpt(struct buf *line, const struct rcpt *rcpt,
		  const struct ehlo *ehlo)
{
	buf_addf(line, "RCPT TO:<%s>", rcpt->addr);
	if (ehlo->caps & CAP_DSN && *rcpt->notify)
		buf_addf(line, " NOTIFY=%s", rcpt->notify);
	if (ehlo->caps & CAP_DSN && *rcpt->orcpt)
		buf_addf(line, " ORCPT=%s", rcpt->orcpt);
}

static int need(const struct ehlo *ehlo, bool asked, enum ehlo_cap cap,
		struct error *err)
{
	if (!asked || ehlo->caps & cap)
		return 0;
	return error_set(err, ERROR_PROTOCOL, "the relay does not offer %s, "
			 "which was asked for", ehlo_keyword(cap));
}

int command_check(const struct envelope *env, const struct ehlo *ehlo,
		  bool secure, struct error *err)
{
	if (ehlo->caps & CAP_SIZE && ehlo->size_max &&
	    env->size > ehlo->size_max)
		return error_set(err, ERROR_DATA, "the message is %llu octets "
				 "and the relay takes %llu (5.3.4)",
				 (unsigned long long)env->size,
				 (unsigned long long)ehlo->size_max);
	if (env->utf8 && !(ehlo->caps & CAP_SMTPUTF8))
		return error_set(err, ERROR_DATA, "an address is not ASCII and "
				 "the relay does not offer SMTPUTF8");
	if (env->require_tls && !secure)
		return error_set(err, ERROR_PROTOCOL,
				 "REQUIRETLS was asked for and TLS is off");
	if (need(ehlo, env->require_tls, CAP_REQUIRETLS, err) ||
	    need(ehlo, *env->deliver_by, CAP_DELIVERBY, err) ||
	    need(ehlo, *env->hold, CAP_HOLD, err) ||
	    need(ehlo, *env->priority, CAP_PRIORITY, err))
		return -1;
	return 0;
}
