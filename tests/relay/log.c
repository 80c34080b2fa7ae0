#include "relay/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/utf8.h"

void log_quote(struct buf *b, struct str s)
{
	unsigned long cp;

	buf_addch(b, '"');
	while (s.n) {
		size_t n = utf8_next(s, &cp);
		unsigned char c = (unsigned char)*s.p;

		if (c == '"' || c == '\\') {
			buf_addch(b, '\\');
			buf_addch(b, *s.p);
		} else if (!n || c < 0x20 || c == 0x7f) {
			buf_addf(b, "\\u%04x", c);
		} else {
			buf_add(b, (struct str){ s.p, n });
		}
		n = n ? n : 1;
		s.p += n;
		s.n -= n;
	}
	buf_addch(b, '"');
}

void log_begin(struct relay *r, struct buf *b, unsigned conn, const char *event)
{
	int64_t us = now_us() - r->started;

	buf_init(b, (size_t)64 << 20);
	buf_addf(b, "{\"event\":\"%s\",\"conn\":%u,\"time\":%lld.%03lld", event,
		 conn, (long long)(us / 1000), (long long)(us % 1000));
}

void log_str(struct buf *b, const char *key, struct str value)
{
	buf_addf(b, ",\"%s\":", key);
	log_quote(b, value);
}

void log_int(struct buf *b, const char *key, uint64_t value)
{
	buf_addf(b, ",\"%s\":%llu", key, (unsigned long long)value);
}

void log_bool(struct buf *b, const char *key, bool value)
{
	buf_addf(b, ",\"%s\":%s", key, value ? "true" : "false");
}

void log_end(struct relay *r, struct buf *b)
{
	size_t done = 0;

	buf_addz(b, "}\n");
	pthread_mutex_lock(&r->log_lock);
	while (r->log_fd >= 0 && done < b->len) {
		ssize_t n = write(r->log_fd, b->p + done, b->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fprintf(stderr, "relay: cannot write the log: %m\n");
			break;
		}
		done += (size_t)n;
	}
	pthread_mutex_unlock(&r->log_lock);
	buf_release(b);
}

void log_note(struct relay *r, unsigned conn, const char *event, const char *text)
{
	struct buf b;

	log_begin(r, &b, conn, event);
	log_str(&b, "text", str_of(text));
	log_end(r, &b);
}
