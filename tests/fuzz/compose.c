/*
 * Composing: whatever is given, the message that comes of it has no line that
 * is too long, no boundary but its own, exactly the size it says, and each
 * part's octets are in it.
 *
 * Input: "key value" lines for the fields, each part after a line that
 * begins with a "+": "+" and a letter for its role, "f" if it is a file, then
 * its fields, a line "=" and the content up to a line that is "+..." again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/compose.h"
#include "util/base64.h"

#define UNIQUE "00000000"

enum { PARTS = 8, HEADERS = 8, FILE_FD = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void scan(struct part *p)
{
	struct part_scan s;

	part_scan_init(&s, UNIQUE);
	for (size_t i = 0; i < p->text.n; i += 5)	/* cut it */
		part_scan_feed(&s, (struct str){ p->text.p + i,
			       p->text.n - i < 5 ? p->text.n - i : 5 });
	part_scan_end(&s);
	p->facts = s.facts;
	p->scanned = true;
}

static void begin_part(struct compose *c, struct part *part, struct str line)
{
	struct part *p = &part[c->n_part++];

	part_init(p, line.n > 1 ? (unsigned char)line.p[1] % 5 : 0);
	if (line.n > 2 && line.p[2] == 'f')
		p->fd = FILE_FD + (int)c->n_part - 1;
}

static void set(struct compose *c, struct str *header, struct part *p,
		struct str line)
{
	struct str value = { line.p + 1, line.n - 1 };

	switch (*line.p) {
	case 's': c->subject = value; break;
	case 't': c->to = value; break;
	case 'c': c->cc = value; break;
	case 'r': c->reply_to = value; break;
	case 'i': c->in_reply_to = value; break;
	case 'm': c->mime_types = value; break;
	case 'h':
		if (c->n_header < HEADERS)
			header[c->n_header++] = value;
		break;
	case 'N': if (p) p->name = value; break;
	case 'T': if (p) p->type = value; break;
	case 'C': if (p) p->cid = value; break;
	case 'S': if (p) p->charset = value; break;
	case 'M': if (p) p->method = value; break;
	default: break;
	}
}

/* Take the content of a part off the input. */
static void content(struct part *p, struct str *in)
{
	size_t n = 0;

	while (n < in->n && !(in->p[n] == '+' && n && in->p[n - 1] == '\n'))
		n++;
	p->text = (struct str){ in->p, n };
	in->p += n;
	in->n -= n;
	if (p->fd < 0)
		return;
	p->len = n;
	if (n % 4)
		scan(p);
}

static void read_input(struct compose *c, struct str *header,
		       struct part *part, struct str in)
{
	while (in.n) {
		struct part *p = c->n_part ? &part[c->n_part - 1] : NULL;
		struct str line = str_cut(&in, '\n');

		if (!line.n)
			continue;
		if (*line.p == '+' && c->n_part < PARTS)
			begin_part(c, part, line);
		else if (*line.p == '=' && p)
			content(p, &in);
		else
			set(c, header, p, line);
	}
}

static void render(struct buf *out, const struct composed *c,
		   const struct part *part)
{
	for (size_t i = 0; i < c->n_piece; i++) {
		const struct piece *p = &c->piece[i];
		struct str s = p->fd < 0 ? p->text : part[p->fd - FILE_FD].text;
		size_t before = out->len;

		must(s.n >= p->len);
		s.n = (size_t)p->len;
		while (p->kind == PIECE_BASE64 && s.n) {
			size_t n = s.n < BASE64_LINE_IN ? s.n : BASE64_LINE_IN;

			base64_encode(out, (struct str){ s.p, n });
			buf_addz(out, "\r\n");
			s.p += n;
			s.n -= n;
		}
		buf_add(out, s);
		must(out->len - before == piece_size(p));
	}
}

/* Lines end in CRLF, none is too long, and the last is ended. */
static void check_lines(struct str s, size_t max, bool *high)
{
	must(!s.n || s.p[s.n - 1] == '\n');
	while (s.n) {
		struct str line = str_cut(&s, '\n');

		must(line.n && line.p[line.n - 1] == '\r');
		must(!memchr(line.p, '\r', line.n - 1));
		must(!memchr(line.p, '\0', line.n));
		must(line.n - 1 <= max);
		*high = *high || str_has_8bit(line);
	}
}

/* As many boundary lines as parts and multiparts make, no more. */
static void check_boundaries(struct str body, size_t n_part)
{
	size_t closed = 0, opened = 0;

	for (size_t i = 0; i + 15 <= body.n; i++) {
		/* A name may hold one, but not where a line begins. */
		if (memcmp(body.p + i, "--=_" UNIQUE ".", 13) ||
		    (i && body.p[i - 1] != '\n' && body.p[i - 1] != '\r'))
			continue;
		must(body.p[i + 13] >= '1' && body.p[i + 13] <= '3');
		if (body.p[i + 14] == '-')
			closed++;
		else
			opened++;
	}
	must(closed <= 3);
	must(!closed ? !opened : opened == n_part + closed - 1);
}

static void try(const struct compose *c, bool binary)
{
	struct error err = { ERROR_NONE, "" };
	bool high = false, head_high = false;
	struct composed out;
	struct buf body;

	if (compose(c, binary, &out, &err)) {
		must(err.kind == ERROR_DATA && *err.text);
		must(!str_has_ctl(str_of(err.text)));
		composed_release(&out);
		return;
	}
	buf_init(&body, SIZE_MAX / 4);
	render(&body, &out, c->part);
	must(body.len == out.facts.size);
	check_lines(buf_str(&out.head), 998, &head_high);
	if (out.body != BODY_BINARY) {
		check_lines(buf_str(&body), 998, &high);
		must(out.body == BODY_8BIT || !high);
		must(out.facts.longest <= 998);
	}
	must(binary || out.body != BODY_BINARY);
	check_boundaries(buf_str(&body), c->n_part);
	for (const char *p = buf_cstr(&out.warnings); *p; p++)
		must((unsigned char)*p >= ' ' || *p == '\n');
	buf_release(&body);
	composed_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part part[PARTS];
	struct str header[HEADERS];
	struct compose c = { .header = header, .part = part, .unique = UNIQUE,
			     .mailname = "host.example" };

	read_input(&c, header, part, (struct str){ (const char *)data, size });
	try(&c, false);
	try(&c, true);
	return 0;
}
