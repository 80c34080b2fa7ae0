#include "sys/entropy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void entropy_hex(struct buf *out, size_t n)
{
	unsigned char byte;

	while (n) {
		ssize_t got = getrandom(&byte, 1, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1)
			abort();	/* no kernel we run on lacks it */
		buf_addf(out, "%02x", byte);
		n--;
	}
}
