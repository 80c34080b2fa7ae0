#include "mail/message.h"

#include "util/base64.h"

struct piece piece_text(struct str text)
{
	return (struct piece){ .kind = PIECE_PLAIN, .text = text, .fd = -1,
			       .len = text.n };
}

uint64_t piece_size(const struct piece *p)
{
	uint64_t lines = p->len / BASE64_LINE_IN;
	uint64_t rest = p->len % BASE64_LINE_IN;

	if (p->kind == PIECE_PLAIN)
		return p->len;
	return lines * BASE64_LINE_OUT + (rest ? (rest + 2) / 3 * 4 + 2 : 0);
}

uint64_t message_size(const struct message *m)
{
	return m->head.len + 2 + m->body_len;
}
