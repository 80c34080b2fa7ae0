#include "cmd/front.h"
#include "cmd/queue.h"
#include "cmd/queue_run.h"
#include "sys/guard.h"
#include "sys/intake.h"

#include <unistd.h>

static int run(const struct request *r)
{
	switch (r->mode) {
	case MODE_SUBMIT:
	case MODE_DRY_RUN:
		return front_submit(r);
	case MODE_SMTP_STDIO:
		return front_stdio(r);
	case MODE_VERIFY:
		return front_verify(r);
	case MODE_QUEUE_RUN:
		return front_queue_run(r);
	case MODE_QUEUE_LIST:
	case MODE_QUEUE_SHOW:
	case MODE_QUEUE_REMOVE:
	case MODE_QUEUE_HOLD:
	case MODE_QUEUE_RELEASE:
	case MODE_QUEUE_RETRY:
		return front_queue(r);
	case MODE_SERVERINFO:
		return front_serverinfo(r);
	case MODE_OAUTH2_LOGIN:
		return front_oauth2_login(r);
	case MODE_CHECK_CONFIG:
	case MODE_PRINT_CONFIG:
		return front_config(r);
	case MODE_NEWALIASES:	/* there is no alias database to rebuild */
	case MODE_NOTHING:
		return 0;
	default:
		return front_show(r);
	}
}

/* Who asked for a report gets one of a bad command line, too. */
static int refuse(const struct request *r, const struct error *err)
{
	struct envelope nobody;
	struct report report = {
		.message_id = "", .account = "", .relay = "", .tls = "",
		.mech = "", .queue_id = "", .env = &nobody, .error = err->text,
		.status = error_kind_status(err->kind),
	};

	envelope_init(&nobody);
	say_error(r, err);
	say_report(r, &report);
	envelope_release(&nobody);
	return report.status;
}

int main(int argc, char **argv)
{
	bool closed = guard_descriptors();
	const char *argv0 = argc ? argv[0] : "";
	struct request r;
	struct error err;
	int status;

	request_init(&r, argv0);
	r.stdin_closed = closed;
	guard_signals(r.name);
	guard_secrets();	/* nearly every mode reads a file that may have some */
	if (request_parse(&r, argc, argv, &err))
		status = refuse(&r, &err);
	else
		status = run(&r);
	/* Callers that still write die of SIGPIPE if we leave (CALLERS s0). */
	if (status && r.face == FACE_SENDMAIL && !isatty(0))
		intake_drain(0);
	request_release(&r);
	return status;
}
