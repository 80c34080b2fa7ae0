#include "conf/tokenring.h"

#include <string.h>

#define SERVICE "posthaste-oauth2"
#define PROBE "posthaste-oauth2-probe"

enum { NOTHING_MAX = 4096 };	/* octets of output that nobody reads */

static int no_tool(struct error *err)
{
	if (err->kind != ERROR_CONFIG)
		return -1;
	return error_set(err, ERROR_CONFIG, "the keyring is asked by "
			 "'secret-tool', which is not installed: it is in "
			 "libsecret-tools or libsecret; or use store = file");
}

int tokenring_start(struct process *p, const char *name, struct error *err)
{
	const char *argv[] = { "secret-tool", "lookup", "service", SERVICE,
			       "profile", name, NULL };

	return process_start_argv(p, argv, err) ? no_tool(err) : 0;
}

static int explain(struct error *err)
{
	if (err->kind == ERROR_NET)
		return error_set(err, ERROR_NET, "the keyring gave no answer "
				 "in time: is it locked?");
	return error_wrap(err, "the keyring: secret-tool");
}

int tokenring_finish(struct process *p, struct buf *out, int64_t deadline,
		     bool *missing, struct error *err)
{
	struct error why = { 0 };

	*missing = false;
	if (!process_finish(p, out, deadline, &why))
		return 0;
	/* A reason is given for everything but "there is none". */
	*missing = !strcmp(why.text, "exited 1");
	if (*missing)
		return 0;
	*err = why;
	return explain(err);
}

static int run(const char *const *argv, struct str text, int64_t deadline,
	       struct error *err)
{
	const struct process_input input = { .text = text };
	struct process p;
	struct buf out;
	int ret;

	if (process_start_input(&p, argv, &input, err))
		return no_tool(err);
	buf_init(&out, NOTHING_MAX);
	ret = process_finish(&p, &out, deadline, err);
	buf_release(&out);
	return ret ? explain(err) : 0;
}

static int store(const char *service, const char *name, struct str text,
		 int64_t deadline, struct error *err)
{
	const char *argv[] = { "secret-tool", "store",
			       "--label=posthaste: OAuth 2 tokens", "service",
			       service, "profile", name, NULL };

	return run(argv, text, deadline, err);
}

int tokenring_store(const char *name, struct str text, int64_t deadline,
		    struct error *err)
{
	return store(SERVICE, name, text, deadline, err);
}

int tokenring_probe(const char *name, int64_t deadline, struct error *err)
{
	const char *argv[] = { "secret-tool", "clear", "service", PROBE,
			       "profile", name, NULL };

	return store(PROBE, name, STR("probe"), deadline, err) ||
	       run(argv, STR(""), deadline, err) ? -1 : 0;
}
