#include "cmd/flag.h"
#include "cmd/front.h"
#include "conf/option.h"
#include "deliver/proof.h"

enum { SHOW_MAX = 1 << 24 };

/*
 * For lint and the completions: each option's long name, whether it takes an
 * argument, and its values, as the tables have them.
 */
static void list_options(struct buf *out)
{
	for (size_t i = 0; i < flag_count(); i++) {
		const struct flag *f = flag_at(i);

		if (f->group == GROUP_HIDDEN)
			continue;
		if (f->letter)
			buf_addf(out, "-%c\n", f->letter);
		if (f->word)
			buf_addf(out, "--%s%s\n", f->word,
				 f->arg == ARG_REQUIRED ? "=" : "");
	}
	for (size_t i = 0; i < option_count(); i++) {
		if (flag_is_option(option_at(i))) {
			buf_addz(out, "--");
			flag_option_word(out, option_at(i));
			buf_addz(out, "=\n");
		}
		buf_addf(out, "%s\n", option_at(i)->key);
	}
}

int front_show(const struct request *r)
{
	struct error err;
	struct buf out;
	int status = 0;

	buf_init(&out, SHOW_MAX);
	if (r->mode == MODE_VERSION)
		buf_addz(&out, "posthaste " VERSION "\n");
	else if (r->mode == MODE_HELP)
		flag_help(&out);
	else if (r->mode == MODE_COMPLETIONS)
		list_options(&out);
	else if (status_explain(&out, r->explain))
		buf_addch(&out, '\n');
	else
		buf_addf(&out, "%d: posthaste never ends with this status\n",
			 r->explain);
	if (say_out(buf_str(&out), &err))
		status = say_error(r, &err);
	buf_release(&out);
	return status;
}

/* Beyond the text: certificates, keys and lists that are named. */
static int check_proofs(const struct config *c, struct error *err)
{
	for (size_t i = 0; i < c->n; i++)
		if (proof_check(&c->accounts[i], err))
			return -1;
	return 0;
}

int front_config(const struct request *r)
{
	struct config config;
	struct error err;
	struct buf out;
	int status = 0;

	buf_init(&out, SHOW_MAX);
	if (setup_config(&config, r, &err)) {
		status = say_error(r, &err);
	} else if (r->mode == MODE_CHECK_CONFIG) {
		if (config_check(&config, &err) || check_proofs(&config, &err))
			status = say_error(r, &err);
		else
			buf_addz(&out, "the configuration is good\n");
	} else if ((r->account || r->n_settings) &&
		   !setup_select(&config, r, "", &err)) {
		status = say_error(r, &err);
	} else {
		config_print(&config, &out);
	}
	if (!status && say_out(buf_str(&out), &err))
		status = say_error(r, &err);
	buf_release(&out);
	config_release(&config);
	return status;
}
