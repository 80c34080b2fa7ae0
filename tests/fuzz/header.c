/* Whatever the header: no Bcc is left, lines fit, and once is enough. */
#include "mail/header.h"

#include <stdint.h>
#include <stdlib.h>

#include "mail/complete.h"
#include "mail/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* The header block as reading a message leaves it. */
static void canonical(struct buf *head, struct str in)
{
	bool any = false;

	while (in.n) {
		struct str line = str_cut(&in, '\n');
		size_t from = head->len;
		struct str got;

		for (size_t i = 0; i < line.n; i++)
			if (line.p[i] && line.p[i] != '\r')
				buf_addch(head, line.p[i]);
		got = (struct str){ buf_str(head).p + from, head->len - from };
		if (!got.n || (*got.p == ' ' || *got.p == '\t' ? !any
							: !header_name(got))) {
			head->len = from;
			break;
		}
		buf_addz(head, "\r\n");
		any = true;
	}
}

/* Looked for in another way than the one that removes it. */
static bool line_names(struct str line, struct str name)
{
	if (!str_casestarts(line, name))
		return false;
	line.p += name.n;
	line.n -= name.n;
	line = str_trim(line);
	return line.n && *line.p == ':';
}

static void check_lines(struct str head)
{
	while (head.n) {
		struct str line = str_cut(&head, '\n');

		require(line.n && line.p[--line.n] == '\r');
		require(!line_names(line, STR("Bcc")));
		require(!line_names(line, STR("Resent-Bcc")));
		require(!line_names(line, STR("Return-Path")));
	}
}

static size_t longest(struct str head)
{
	size_t n = 0;

	while (head.n) {
		struct str line = str_cut(&head, '\n');

		n = line.n - 1 > n ? line.n - 1 : n;
	}
	return n;
}

static void check_edits(struct message *m)
{
	struct completion c = { .sender = "e@example.net", .login = "l@h",
		.name = "F", .mailname = "h", .unique = "0123456789abcdef" };
	struct buf id, before;
	struct header_field f;
	struct error err;

	buf_init(&id, MESSAGE_HEAD_MAX);
	buf_init(&before, 2 * MESSAGE_HEAD_MAX);
	if (!complete_message(m, &c, &id, &err)) {
		check_lines(buf_str(&m->head));
		require(header_find(buf_str(&m->head), STR("From"), &f));
		require(header_find(buf_str(&m->head), STR("Date"), &f));
		require(header_find(buf_str(&m->head), STR("Message-ID"), &f));
		require(id.len > 0);
		buf_add(&before, buf_str(&m->head));
		require(!complete_message(m, &c, &id, &err));
		require(str_eq(buf_str(&m->head), buf_str(&before)));
	}
	if (!header_fold(&m->head, &err)) {
		require(longest(buf_str(&m->head)) <= MESSAGE_LINE_MAX);
		buf_reset(&before);
		buf_add(&before, buf_str(&m->head));
		require(!header_fold(&m->head, &err));
		require(str_eq(buf_str(&m->head), buf_str(&before)));
	}
	buf_release(&id);
	buf_release(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m = { .n_piece = 0 };
	struct buf out;
	struct roster to;
	struct error err;
	bool found;

	buf_init(&m.head, MESSAGE_HEAD_MAX);
	canonical(&m.head, (struct str){ (const char *)data, size });
	roster_init(&to);
	if (!complete_recipients(buf_str(&m.head), "h", &to, &err))
		for (size_t i = 0; i < to.n; i++)
			require(*roster_get(&to, i));
	roster_release(&to);
	buf_init(&out, 4096);
	if (!complete_sender(buf_str(&m.head), &out, &found, &err))
		require(found || !out.len);
	buf_release(&out);
	check_edits(&m);
	buf_release(&m.head);
	return 0;
}
