/* MB/s of input through scan. */
#include "mail/scan.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/xalloc.h"

enum { PIECE = 128 << 10, TOTAL = 512 << 20 };

static const struct {
	const char *name, *line;
} rows[] = {
	{ "LF text", "The quick brown fox jumps over the lazy dog, "
		     "and then writes a mail about it.\n" },
	{ "CRLF text", "The quick brown fox jumps over the lazy dog, "
		       "and then writes a mail about it.\r\n" },
	{ "8-bit", "Zw\xc3\xb6lf Boxk\xc3\xa4mpfer jagen Viktor quer "
		   "\xc3\xbc" "ber den gro\xc3\x9f" "en Sylter Deich.\n" },
	{ "tabs", "\tif\t(x)\ty\t=\tz;\n" },
	{ "base64", "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5"
		    "IGRvZywgYW5kIHRoZW4=\r\n" },
};

/* Whole lines, of many lengths unless they are base64, then the same cut. */
static size_t fill(char *piece, const char *line)
{
	size_t len = strlen(line), n = 0;

	for (size_t i = 0; n + len < PIECE; i++) {
		size_t skip = line[0] == 'V' ? 0 : i * 7919 % 31 % (len - 2);

		memcpy(piece + n, line + skip, len - skip);
		n += len - skip;
	}
	return n;
}

int main(void)
{
	char *piece = xrealloc(NULL, PIECE, 1);
	struct buf head, body;
	struct error err;

	buf_init(&head, MESSAGE_HEAD_MAX);
	buf_init(&body, 3 * PIECE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = fill(piece, rows[i].line), total = 0;
		struct timespec a, b;
		struct scan scan;

		scan_init(&scan, SCAN_DOT);
		if (scan_feed(&scan, STR("\n"), &head, &body, &err))
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &a);
		for (; total < TOTAL; total += n) {
			if (scan_feed(&scan, (struct str){ piece, n }, &head,
				      &body, &err))
				return 1;
			buf_reset(&body);
		}
		clock_gettime(CLOCK_MONOTONIC, &b);
		printf("scan, %s: %.0f MB/s\n", rows[i].name,
		       (double)total / 1e6 / ((double)(b.tv_sec - a.tv_sec) +
		       (double)(b.tv_nsec - a.tv_nsec) / 1e9));
	}
	return 0;
}
