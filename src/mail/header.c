#include "mail/header.h"

#include <string.h>

#include "mail/message.h"
#include "util/utf8.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct str from_to(const char *from, const char *to)
{
	return (struct str){ from, (size_t)(to - from) };
}

size_t header_name(struct str line)
{
	size_t n = 0, colon;

	while (n < line.n && line.p[n] > ' ' && line.p[n] <= '~' &&
	       line.p[n] != ':')
		n++;
	for (colon = n; colon < line.n && is_blank(line.p[colon]); colon++)
		;
	return colon < line.n && line.p[colon] == ':' ? n : 0;
}

/* The end of the line that begins at p, after its LF. */
static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : end;
}

bool header_next(struct str *rest, struct header_field *f)
{
	const char *end = rest->p + rest->n;
	const char *p;

	if (!rest->n)
		return false;
	for (p = line_end(rest->p, end); p < end && is_blank(*p);
	     p = line_end(p, end))
		;
	f->raw = from_to(rest->p, p);
	*rest = from_to(p, end);
	f->name = (struct str){ f->raw.p, header_name(f->raw) };
	f->value = f->raw;
	if (f->name.n)
		str_cut(&f->value, ':');
	if (f->value.n && f->value.p[f->value.n - 1] == '\n')
		f->value.n--;
	if (f->value.n && f->value.p[f->value.n - 1] == '\r')
		f->value.n--;
	return true;
}

void header_unfold(struct buf *out, struct str value)
{
	size_t from = out->len, n;
	struct str text;

	while (value.n) {
		struct str line = str_cut(&value, '\n');

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_add(out, line);
	}
	text = str_trim((struct str){ buf_str(out).p + from, out->len - from });
	n = text.n;
	if (out->len == from)
		return;
	memmove(out->p + from, text.p, n);
	out->len = from + n;
	out->p[out->len] = '\0';
}

bool header_find(struct str head, struct str name, struct header_field *f)
{
	while (header_next(&head, f))
		if (str_caseeq(f->name, name))
			return true;
	return false;
}

int header_check(struct str head, struct error *err)
{
	struct header_field f;
	size_t n = 0;

	while (header_next(&head, &f))
		if (++n > HEADER_FIELDS_MAX)
			return error_set(err, ERROR_DATA, "the header has more "
					 "than %d fields", HEADER_FIELDS_MAX);
	return 0;
}

static bool is_one_of(struct str name, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_caseeq(name, names[i]))
			return true;
	return false;
}

void header_remove(struct buf *head, const struct str *names, size_t n)
{
	struct str rest = buf_str(head);
	struct header_field f;
	size_t kept = 0;

	while (header_next(&rest, &f)) {
		if (is_one_of(f.name, names, n))
			continue;
		memmove(head->p + kept, f.raw.p, f.raw.n);
		kept += f.raw.n;
	}
	if (head->p)
		head->p[kept] = '\0';
	head->len = kept;
}

void header_append(struct buf *head, struct str name, struct str value)
{
	header_insert(head, head->len, name, value);
}

void header_insert(struct buf *head, size_t at, struct str name,
		   struct str value)
{
	size_t n = name.n + 2 + value.n + 2;
	char *end = buf_room(head, n), *p;

	if (!end)
		return;
	p = head->p + at;
	memmove(p + n, p, head->len - at);
	memcpy(p, name.p, name.n);
	p += name.n;
	memcpy(p, ": ", 2);
	p += 2;
	if (value.n)
		memcpy(p, value.p, value.n);
	memcpy(p + value.n, "\r\n", 2);
	buf_grew(head, n);
}

void header_replace(struct buf *head, struct str name, struct str value)
{
	struct str all = buf_str(head);
	struct header_field f;
	size_t at = head->len, len = head->len;

	if (header_find(all, name, &f))
		at = (size_t)(f.raw.p - head->p);
	header_remove(head, &name, 1);
	header_insert(head, at < len ? at : head->len, name, value);
}

/* One long line being folded. */
struct fold {
	struct str rest;	/* not yet written */
	size_t room;		/* octets left on the line being written */
	size_t run;		/* octets written since a blank or a comma */
};

/*
 * How much of f->rest, which is longer than the room, goes on this line.  The
 * first octet always does: a line of blanks alone would end the header.
 */
static size_t cut(struct fold *f)
{
	const char *p = f->rest.p;
	size_t comma = 0, n = f->room;

	for (size_t i = n; i > 1; i--) {
		if (is_blank(p[i]) && !is_blank(p[i - 1])) {
			f->run = 0;
			return i;
		}
		if (!comma && p[i - 1] == ',')
			comma = i;
	}
	if (comma) {
		f->run = 0;
		return comma;
	}
	while (n > f->room - 4 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n--;	/* not within a character */
	f->run += n;
	return n;
}

/* Several blanks in front become one, lest one line hold nothing else. */
static void squeeze(struct str *s)
{
	while (s->n > 1 && is_blank(s->p[0]) && is_blank(s->p[1])) {
		s->p++;
		s->n--;
	}
}

/* A line over the limit, its first `name` octets kept whole; false if it
 * cannot be. */
static bool fold_line(struct buf *out, struct str line, size_t name)
{
	struct fold f = { .room = MESSAGE_LINE_MAX - name };

	if (name > MESSAGE_LINE_MAX / 2)
		return false;
	buf_add(out, (struct str){ line.p, name });
	while (line.n > name && is_blank(line.p[line.n - 1]))
		line.n--;
	if (!line.n)
		return true;	/* blanks only: nothing is lost */
	f.rest = (struct str){ line.p + name, line.n - name };
	squeeze(&f.rest);
	while (f.rest.n > f.room) {
		size_t n = cut(&f);

		if (f.run > HEADER_RUN_MAX)
			return false;
		buf_add(out, (struct str){ f.rest.p, n });
		buf_addz(out, "\r\n");
		f.rest.p += n;
		f.rest.n -= n;
		squeeze(&f.rest);
		f.room = MESSAGE_LINE_MAX;
		if (!is_blank(*f.rest.p)) {
			buf_addch(out, ' ');
			f.room--;
		}
	}
	buf_add(out, f.rest);
	buf_addz(out, "\r\n");
	return true;
}

static struct str chomp(struct str line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool needs_fold(struct str head)
{
	while (head.n)
		if (chomp(str_cut(&head, '\n')).n > MESSAGE_LINE_MAX)
			return true;
	return false;
}

static bool fold_field(struct buf *out, const struct header_field *f)
{
	struct str rest = f->raw;
	size_t name = (size_t)(f->value.p - f->raw.p);

	while (rest.n) {
		struct str raw = rest;
		struct str line = chomp(str_cut(&rest, '\n'));

		raw.n -= rest.n;
		if (line.n <= MESSAGE_LINE_MAX)
			buf_add(out, raw);
		else if (!fold_line(out, line, name))
			return false;
		name = 0;
	}
	return true;
}

int header_fold(struct buf *head, struct error *err)
{
	struct str rest = buf_str(head);
	struct header_field f;
	struct buf out;

	if (!needs_fold(rest))
		return 0;
	buf_init(&out, head->max);
	while (header_next(&rest, &f)) {
		if (fold_field(&out, &f))
			continue;
		buf_release(&out);
		return error_set(err, ERROR_DATA, "header field '%.*s' has a "
				 "line too long to be folded",
				 (int)(f.name.n < 80 ? f.name.n : 80),
				 f.name.p);
	}
	if (out.over) {
		buf_release(&out);
		return error_set(err, ERROR_DATA, "the header is too long");
	}
	buf_release(head);
	*head = out;
	return 0;
}
