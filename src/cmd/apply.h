/*
 * What each command-line option does to the request.  See struct flag.apply.
 */
#ifndef CMD_APPLY_H
#define CMD_APPLY_H

#include "cmd/request.h"

typedef int apply_fn(struct request *r, const char *value, struct error *err);

apply_fn apply_account, apply_bmode, apply_check_config,
	apply_completions, apply_config, apply_debug, apply_deliver_by,
	apply_dry_run, apply_envid, apply_error_mode, apply_exit_status,
	apply_explain, apply_from, apply_from_name, apply_help,
	apply_hold_for, apply_hold_until, apply_ignore, apply_ignore_dots,
	apply_message, apply_newaliases, apply_notify, apply_oauth2_flow,
	apply_oauth2_login, apply_old_option, apply_long_option, apply_password_fd, apply_print_config,
	apply_priority, apply_progress, apply_queue_hold, apply_queue_list,
	apply_queue_release, apply_queue_remove, apply_queue_retry,
	apply_queue_run, apply_queue_show, apply_read_from,
	apply_read_recipients, apply_refuse, apply_report, apply_require_tls,
	apply_return, apply_serverinfo, apply_set, apply_verbose,
	apply_version;

#endif
