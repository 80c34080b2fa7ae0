#include "smtp/answer.h"

#include <string.h>

#include "util/utf8.h"

enum {
	TEXT_OCTETS = 400,	/* of a line's text; RFC 5321 allows 512 in all */
	ABOUT_MAX = 4096
};

static const char *const general[] = {
	"", "", "2.0.0", "", "4.0.0", "5.0.0"	/* by the code's first digit */
};

/* One line's text without the enhanced code it begins with. */
static struct str strip(struct str part, const char *enhanced)
{
	struct str rest = part;
	struct str word = str_cut(&rest, ' ');

	return str_trim(str_eq(word, str_of(enhanced)) ? rest : part);
}

static void escape(struct buf *out, struct str text, bool utf8)
{
	struct buf shown;

	buf_init(&shown, 8 * TEXT_OCTETS);
	if (text.n > TEXT_OCTETS)
		text.n = TEXT_OCTETS;
	utf8_escape(&shown, text);
	for (size_t i = 0; i < shown.len && i < TEXT_OCTETS; i++)
		buf_addch(out, utf8 || (unsigned char)shown.p[i] < 0x80 ?
			  shown.p[i] : '?');
	buf_release(&shown);
}

void answer_add(struct buf *out, int code, const char *enhanced,
		struct str text, bool utf8)
{
	if (!*enhanced)
		enhanced = general[code / 100];
	do {
		struct str part = strip(str_cut(&text, '\n'), enhanced);

		buf_addf(out, "%d%c%s", code, text.n ? '-' : ' ', enhanced);
		if (part.n)
			buf_addch(out, ' ');
		escape(out, part, utf8);
		buf_add(out, STR("\r\n"));
	} while (text.n);
}

/* A 451 that says where it happened, and by which code. */
static int defer(struct buf *out, const char *enhanced, const struct verdict *v,
		 bool utf8)
{
	struct buf text;

	buf_init(&text, ABOUT_MAX);
	buf_addf(&text, "%s: ", stage_name(v->stage));
	if (v->code)
		buf_addf(&text, "%d ", v->code);
	buf_add(&text, v->text);
	answer_add(out, 451, enhanced, buf_str(&text), utf8);
	buf_release(&text);
	return 451;
}

/* RFC 3463 s3.4, s3.5, s3.8: what kept the relay from us, or us from it. */
static const char *cause(const struct verdict *v)
{
	if (v->kind == ERROR_CONFIG || v->kind == ERROR_PERM)
		return "4.3.5";
	if (v->kind == ERROR_CERT || v->kind == ERROR_AUTH ||
	    v->stage == STAGE_AUTH || v->code / 100 == 5)
		return "4.7.0";
	if (v->stage == STAGE_CONNECT || v->stage == STAGE_GREETING)
		return "4.4.1";
	if (v->kind == ERROR_NET || v->kind == ERROR_HOST)
		return "4.4.2";
	return v->code ? "4.3.2" : "4.3.0";
}

int answer_verdict(struct buf *out, const struct verdict *v, bool utf8)
{
	bool of_message = v->stage >= STAGE_MAIL;
	bool permanent = v->outcome == OUTCOME_FAILED;

	if (v->outcome == OUTCOME_SENT) {
		answer_add(out, 250, v->enhanced, v->text, utf8);
		return 250;
	}
	if (of_message && v->code != 421 &&
	    (v->code / 100 == 4 || (v->code / 100 == 5 && permanent))) {
		answer_add(out, v->code, v->enhanced, v->text, utf8);
		return v->code;
	}
	if (permanent && !v->code && v->kind == ERROR_DATA) {
		answer_add(out, 554, "5.6.0", v->text, utf8);
		return 554;
	}
	return defer(out, cause(v), v, utf8);
}
