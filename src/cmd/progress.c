#include "cmd/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "sys/clock.h"

enum { PATIENCE = 1000, INTERVAL = 250 };	/* ms */

void progress_init(struct progress_line *p, const struct request *r)
{
	*p = (struct progress_line){ .shown = false };
	if (r->progress == PROGRESS_AUTO)
		p->wanted = isatty(2) && !r->verbose && !r->quiet &&
			r->face == FACE_POSTHASTE;
	else
		p->wanted = r->progress == PROGRESS_ON;
}

void progress_show(void *progress_line, uint64_t done, uint64_t total)
{
	struct progress_line *p = progress_line;
	int64_t now;
	double seconds;

	if (!p->wanted)
		return;
	now = clock_ms();
	if (!p->started || !done) {
		p->started = now;
		p->next = now + PATIENCE;
	}
	if (now < p->next || !total)
		return;
	p->next = now + INTERVAL;
	p->shown = true;
	seconds = (double)(now - p->started) / 1e3;
	fprintf(stderr, "\r%3u%%  %.1f of %.1f MB  %.1f MB/s  ",
		(unsigned)(done * 100 / total), (double)done / 1e6,
		(double)total / 1e6, (double)done / 1e6 / seconds);
	fflush(stderr);
}

void progress_end(struct progress_line *p)
{
	if (p->shown)
		fprintf(stderr, "\r%60s\r", "");
	p->shown = false;
}
