/* A spool of its own for each test program, and a message to put into it. */
#ifndef TESTS_UNIT_SPOOL_H
#define TESTS_UNIT_SPOOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/envelope.h"
#include "mail/message.h"
#include "spool/enqueue.h"
#include "spool/entry.h"
#include "spool/store.h"

static char spool_base[] = "/tmp/test-spool.XXXXXX";
static char spool_path[64];
static struct store spool;

struct sample {
	struct envelope env;
	struct message message;
	struct piece piece;
	struct enqueue_what what;
};

static const char sample_head[] = "From: a@example.org\r\nSubject: hello\r\n";
static const char sample_body[] = "one\r\n.\r\ntwo\r\n";

static inline void sample_init(struct sample *s)
{
	memset(s, 0, sizeof(*s));
	envelope_init(&s->env);
	s->env.from = "a@example.org";
	envelope_add(&s->env, "b@example.org", "", "");
	envelope_add(&s->env, "c@example.org", "FAILURE,DELAY",
		     "rfc822;c+2Bx@example.org");
	buf_init(&s->message.head, MESSAGE_HEAD_MAX);
	buf_addz(&s->message.head, sample_head);
	s->piece = piece_text(str_of(sample_body));
	s->message.piece = &s->piece;
	s->message.n_piece = 1;
	s->message.body_len = s->piece.len;
	s->message.body_facts = (struct facts){
		.size = s->piece.len, .lines = 3, .longest = 3,
		.longest_line = 1
	};
	s->what = (struct enqueue_what){ .env = &s->env,
		.message = &s->message, .account = "work",
		.outcomes = enqueue_unsettled() };
}

static inline void sample_release(struct sample *s)
{
	envelope_release(&s->env);
	buf_release(&s->message.head);
}

/* Queue the sample; its id. */
static inline void sample_queue(char id[STORE_ID_ROOM])
{
	struct error err = { 0 };
	struct sample s;

	sample_init(&s);
	if (enqueue(&spool, &s.what, id, &err))
		fail_msg("%s", err.text);
	sample_release(&s);
}

/* How many names in the spool (or a directory in it) begin so? */
static inline int names(const char *sub, const char *prefix)
{
	char path[128];
	const struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", spool_path, sub);
	d = opendir(path);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.' &&
		     !strncmp(e->d_name, prefix, strlen(prefix));
	if (d)
		closedir(d);
	return n;
}

static inline void wipe_dir(const char *path)
{
	const struct dirent *e;
	char inner[400];
	DIR *d = opendir(path);

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(inner, sizeof(inner), "%.120s/%.250s", path,
			 e->d_name);
		if (unlink(inner))
			wipe_dir(inner);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static inline int spool_up(void **state)
{
	struct error err;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
	if (!strcmp(spool_base + strlen(spool_base) - 6, "XXXXXX") &&
	    !mkdtemp(spool_base))
		return -1;
	snprintf(spool_path, sizeof(spool_path), "%s/spool", spool_base);
	return store_open(&spool, spool_path, true, &err);
}

static inline int spool_down(void **state)
{
	(void)state;
	store_close(&spool);
	umount2(spool_path, MNT_DETACH);	/* of a test that failed */
	wipe_dir(spool_path);
	rmdir(spool_base);
	mkdir(spool_base, 0700);
	return 0;
}

static inline int spool_end(void **state)
{
	(void)state;
	wipe_dir(spool_base);
	return 0;
}

#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, spool_up, spool_down)

#endif
