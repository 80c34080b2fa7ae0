#include "mail/message.h"

uint64_t message_size(const struct message *m)
{
	return m->head.len + 2 + m->body_len;
}
