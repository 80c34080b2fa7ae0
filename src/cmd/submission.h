/*
 * One message on its way out: what the caller asked for, the account, the
 * envelope, and the message made ready.  What the front ends that send have
 * in common.
 */
#ifndef CMD_SUBMISSION_H
#define CMD_SUBMISSION_H

#include <stdint.h>

#include "cmd/draft.h"
#include "cmd/front.h"
#include "conf/config.h"
#include "deliver/route.h"
#include "mail/complete.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "mail/roster.h"
#include "spool/store.h"
#include "sys/intake.h"
#include "util/buf.h"
#include "util/error.h"

/* Everything the envelope borrows lives here. */
struct submission {
	const struct request *r;
	struct config config;
	struct account *account;	/* borrowed from config */
	struct intake intake;
	struct draft draft;
	struct message *message;	/* intake's, or draft's */
	struct completion completion;
	struct roster roster;
	struct route route;
	struct buf mailname, login, full_name, sender, unique, id, known_file;
	struct envelope env;
	const char *notify;
	int spool_status;		/* why it could not be queued; 0 */
	char queue_id[STORE_ID_ROOM];	/* of the entry, or "" */
	int64_t started;
};

void submission_init(struct submission *s, const struct request *r);
void submission_release(struct submission *s);

/*
 * Everything that can be done, and go wrong, before there is a connection:
 * configuration, account, message, recipients, envelope.  0, or -1 with *err.
 */
int submission_prepare(struct submission *s, struct error *err);

/*
 * The same in steps, for who gets its messages by another way.
 * submission_open(): the configuration, and who we are.  submission_sender():
 * -f or the account decides who sends.  submission_clear(): forget a message,
 * for the next.  submission_finish(): intake's message is whole, sender and
 * account are known; make it complete.
 */
int submission_open(struct submission *s, struct error *err);
int submission_sender(struct submission *s, struct error *err);
void submission_clear(struct submission *s);
int submission_finish(struct submission *s, struct error *err);

#endif
