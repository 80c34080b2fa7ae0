/*
 * A line on the terminal that says how far an upload is.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/request.h"

struct progress_line {
	bool wanted;
	bool shown;		/* something stands on the terminal's line */
	int64_t started;	/* of the upload, clock_ms(); 0: not begun */
	int64_t next;		/* when it is to be shown again */
};

/* By --progress; auto is on a terminal, and not beside a transcript. */
void progress_init(struct progress_line *p, const struct request *r);

/*
 * `done` of `total` octets are on their way.  Shown when the upload has taken
 * more than a second, four times a second.  struct attempt_setup.progress.
 */
void progress_show(void *progress_line, uint64_t done, uint64_t total);

void progress_end(struct progress_line *p);	/* clear the line */

#endif
