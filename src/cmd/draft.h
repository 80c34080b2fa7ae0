/*
 * struct draft: a message that is built from options and files, before and
 * after mail/compose has made a message of it.
 */
#ifndef CMD_DRAFT_H
#define CMD_DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/request.h"
#include "conf/account.h"
#include "mail/complete.h"
#include "mail/compose.h"
#include "mail/message.h"
#include "sys/content.h"
#include "util/buf.h"
#include "util/error.h"

struct draft {
	struct message message;		/* valid after draft_make() */

	/* Private from here on. */
	struct message binary;
	struct compose compose;
	struct composed plain_form, binary_form;
	struct content *content;	/* of each part */
	struct part *part;
	size_t n_part;
	struct str *header;
	char **text;			/* strings of ours that others borrow */
	size_t n_text;
	struct buf unique, mime_types;
	const struct completion *completion;
	const char *charset;
	bool made, made_binary;
};

void draft_init(struct draft *d);
void draft_release(struct draft *d);

/*
 * Read everything that the request names and build the message.  ERROR_USAGE
 * (standard input wanted twice...), ERROR_INPUT naming the file, ERROR_DATA
 * (limits, character sets, addresses).  Warnings are said.
 */
int draft_make(struct draft *d, const struct request *r,
	       const struct account *a, const char *mailname,
	       struct error *err);

/* The same completion as the message got is for its binary form. */
void draft_completed(struct draft *d, const struct completion *c);

#endif
