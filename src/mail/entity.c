#include "mail/entity.h"

#include <string.h>

#include "mail/header.h"
#include "util/buf.h"

enum { VALUE_MAX = 64 << 10 };		/* octets of a field looked at */

static const struct {
	struct str type;		/* all of it, or up to the "/" */
	enum entity_kind kind;
} types[] = {
	{ { "multipart/signed", 16 },           ENTITY_SEALED },
	{ { "multipart/encrypted", 19 },        ENTITY_SEALED },
	{ { "application/pkcs7-mime", 22 },     ENTITY_SEALED },
	{ { "application/x-pkcs7-mime", 24 },   ENTITY_SEALED },
	{ { "message/rfc822", 14 },             ENTITY_MESSAGE },
	{ { "message/global", 14 },             ENTITY_MESSAGE },
	{ { "message/partial", 15 },            ENTITY_FIXED },
	{ { "message/external-body", 21 },      ENTITY_FIXED },
	{ { "multipart/", 10 },                 ENTITY_MULTIPART },
};

static const struct {
	struct str name;
	enum entity_coding coding;
	bool eightbit;
} codings[] = {
	{ { "", 0 },                  CODING_NONE, false },
	{ { "7bit", 4 },              CODING_NONE, false },
	{ { "8bit", 4 },              CODING_NONE, true },
	{ { "binary", 6 },            CODING_NONE, true },
	{ { "quoted-printable", 16 }, CODING_QP, false },
	{ { "base64", 6 },            CODING_BASE64, false },
};

/* Skip blanks and comments, RFC 5322 s3.2.2. */
static void skip(struct str *s)
{
	int depth = 0;

	for (; s->n; s->p++, s->n--) {
		char c = *s->p;

		if (c == '\\' && depth && s->n > 1) {
			s->p++;
			s->n--;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && depth) {
			depth--;
		} else if (!depth && c != ' ' && c != '\t') {
			return;
		}
	}
}

/* Append a token, which is also returned, or what a quoted string says. */
static struct str word(struct str *s, struct buf *out)
{
	struct str token = { s->p, 0 };
	bool quoted = s->n && *s->p == '"';

	if (!quoted) {
		while (token.n < s->n && !memchr(" \t;=()\"", s->p[token.n], 7))
			token.n++;
		s->p += token.n;
		s->n -= token.n;
		buf_add(out, token);
		return token;
	}
	for (s->p++, s->n--; s->n && *s->p != '"'; s->p++, s->n--) {
		if (*s->p == '\\' && s->n > 1) {
			s->p++;
			s->n--;
		}
		buf_addch(out, *s->p);
	}
	if (s->n) {
		s->p++;
		s->n--;
	}
	return STR("");
}

/* Append the value of the parameter; s is what follows the type. */
static void find_param(struct str s, struct str name, struct buf *out)
{
	struct str attribute;

	for (;;) {
		skip(&s);
		while (s.n && *s.p != ';') {
			buf_reset(out);
			if (!word(&s, out).n && s.n && *s.p != ';') {
				s.p++;		/* out of place */
				s.n--;
			}
			skip(&s);
		}
		buf_reset(out);
		if (!s.n)
			return;
		s.p++;
		s.n--;
		skip(&s);
		attribute = word(&s, out);
		skip(&s);
		if (!s.n || *s.p != '=' || !str_caseeq(attribute, name))
			continue;
		buf_reset(out);
		s.p++;
		s.n--;
		skip(&s);
		word(&s, out);
		return;
	}
}

/* "text/plain" out of "text / plain; charset=x", without the blanks. */
static void read_type(struct buf *type, struct str *value)
{
	skip(value);
	while (value->n && *value->p != ';') {
		char c = *value->p++;

		value->n--;
		if (c != ' ' && c != '\t')
			buf_addch(type, ascii_lower(c));
		if (value->n && *value->p == '(')
			skip(value);
	}
}

static void content_type(struct entity *e, struct str value)
{
	struct buf type, boundary;

	buf_init(&type, VALUE_MAX);
	buf_init(&boundary, VALUE_MAX);
	e->kind = ENTITY_LEAF;
	read_type(&type, &value);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct str t = types[i].type;

		if (t.p[t.n - 1] == '/' ? str_starts(buf_str(&type), t) :
		    str_eq(buf_str(&type), t)) {
			e->kind = types[i].kind;
			break;
		}
	}
	e->digest = str_eq(buf_str(&type), STR("multipart/digest"));
	find_param(value, STR("boundary"), &boundary);
	if (boundary.len <= ENTITY_BOUNDARY_MAX)
		memcpy(e->boundary, buf_cstr(&boundary), boundary.len);
	buf_release(&type);
	buf_release(&boundary);
}

static void content_coding(struct entity *e, struct str value)
{
	struct str name;

	skip(&value);
	name = value;
	name.n = 0;
	while (name.n < value.n && !memchr(" \t;(", value.p[name.n], 4))
		name.n++;
	e->coding = CODING_OTHER;
	for (size_t i = 0; i < sizeof(codings) / sizeof(*codings); i++)
		if (str_caseeq(name, codings[i].name)) {
			e->coding = codings[i].coding;
			e->eightbit = codings[i].eightbit;
		}
}

void entity_read(struct entity *e, struct str head, bool in_digest)
{
	struct header_field f;
	struct buf value;

	*e = (struct entity){ .kind = in_digest ? ENTITY_MESSAGE :
						  ENTITY_LEAF };
	buf_init(&value, VALUE_MAX);
	if (header_find(head, STR("Content-Type"), &f)) {
		e->typed = true;
		header_unfold(&value, f.value);
		content_type(e, buf_str(&value));
	}
	buf_reset(&value);
	if (header_find(head, STR("Content-Transfer-Encoding"), &f)) {
		header_unfold(&value, f.value);
		content_coding(e, buf_str(&value));
	}
	buf_release(&value);
}
