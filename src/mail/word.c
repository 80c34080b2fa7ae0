#include "mail/word.h"

#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

/* Octets of a word that holds one character at its worst. */
enum { WORD_LEAST = 24 };

/* Octets of a word of plain ASCII that are too many for a line. */
enum { WORD_LONG = 900 };

static const char base64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool word_needed(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '=' && s.p[i + 1] == '?')
			return true;
	return str_has_8bit(s) || str_has_ctl(s);
}

/* What Q leaves alone in a phrase, RFC 2047 s5 (3). */
static bool plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("!*+-/", c));
}

static size_t q_len(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += plain(s.p[i]) || s.p[i] == ' ' ? 1 : 3;
	return n;
}

static size_t b_len(struct str s)
{
	return (s.n + 2) / 3 * 4;
}

static void add_q(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (plain(s.p[i]))
			buf_addch(out, s.p[i]);
		else if (s.p[i] == ' ')
			buf_addch(out, '_');
		else
			buf_addf(out, "=%02X", (unsigned char)s.p[i]);
}

static void add_b(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i += 3) {
		unsigned long v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < s.n ?
				      (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_addch(out, i + k > s.n ? '=' :
				  base64[v >> (18 - 6 * k) & 63]);
	}
}

/* How one text is to be encoded. */
struct coding {
	const char *charset;
	char letter;		/* 'B' or 'Q' */
	size_t (*len)(struct str s);
	void (*add)(struct buf *out, struct str s);
};

static struct coding coding_of(struct str s)
{
	struct coding c = { utf8_valid(s) ? "UTF-8" : "unknown-8bit", 'Q',
			    q_len, add_q };

	if (b_len(s) < q_len(s)) {
		c.letter = 'B';
		c.len = b_len;
		c.add = add_b;
	}
	return c;
}

/* How much of s, in whole characters, takes at most `room` octets. */
static size_t fitting(const struct coding *c, struct str s, size_t room)
{
	size_t n = 0;

	while (n < s.n) {
		unsigned long cp;
		struct str rest = { s.p + n, s.n - n };
		size_t more = utf8_next(rest, &cp);

		more = more ? more : 1;
		if (c->len((struct str){ s.p, n + more }) > room)
			break;
		n += more;
	}
	return n;
}

void word_encode(struct buf *out, struct str s, size_t column)
{
	struct coding c = coding_of(s);
	size_t frame = strlen(c.charset) + 7;	/* =??Q??= */

	while (s.n) {
		size_t room = column < WORD_LINE_MAX ? WORD_LINE_MAX - column
						     : 0;
		size_t n;

		room = room < WORD_MAX ? room : WORD_MAX;
		n = room > frame ? fitting(&c, s, room - frame) : 0;
		if (n) {
			buf_addf(out, "=?%s?%c?", c.charset, c.letter);
			c.add(out, (struct str){ s.p, n });
			buf_addz(out, "?=");
			s.p += n;
			s.n -= n;
		}
		if (s.n)
			buf_addz(out, "\r\n ");
		column = 1;
	}
}

/* Append ASCII text, folding before a blank when the next word is too far. */
static size_t add_words(struct buf *out, struct str s, size_t column)
{
	while (s.n) {
		size_t n = 0;

		while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
			n++;
		if (n < s.n)
			while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
				n++;
		if (column > 1 && column + n > WORD_LINE_MAX &&
		    (*s.p == ' ' || *s.p == '\t') && n > 1) {
			buf_addz(out, "\r\n");
			column = 0;
		}
		buf_add(out, (struct str){ s.p, n });
		column += n;
		s.p += n;
		s.n -= n;
	}
	return column;
}

/*
 * Does the word of s at `at`, up to a blank, need encoding?  One that no fold
 * could make fit on a line does.  *n its length.
 */
static bool needy(struct str s, size_t at, size_t *n)
{
	struct str word = { s.p + at, 0 };

	while (at + word.n < s.n && word.p[word.n] != ' ' &&
	       word.p[word.n] != '\t')
		word.n++;
	*n = word.n;
	return word.n >= WORD_LONG || word_needed(word);
}

void word_text(struct buf *out, struct str s, size_t column)
{
	size_t first = s.n, last = 0, n, from = out->len;

	for (size_t at = 0; at < s.n; at += n + 1) {
		if (!needy(s, at, &n))
			continue;
		first = at < first ? at : first;
		last = at + n;
	}
	if (!last) {
		add_words(out, s, column);
		return;
	}
	column = add_words(out, (struct str){ s.p, first - (first > 0) },
			   column);
	if (first && column + 1 + WORD_LEAST <= WORD_LINE_MAX) {
		buf_addch(out, s.p[first - 1]);
		column++;
	} else if (first) {	/* the fold is the blank */
		buf_addz(out, "\r\n ");
		column = 1;
	}
	word_encode(out, (struct str){ s.p + first, last - first }, column);
	if (last == s.n)
		return;
	for (n = out->len; n > from && out->p[n - 1] != '\n'; n--)
		;
	column = n > from ? out->len - n : column + out->len - n;
	add_words(out, (struct str){ s.p + last, s.n - last }, column);
}

/* Atoms with single blanks between them, RFC 5322 s3.2.3. */
static bool atoms(struct str s)
{
	char before = ' ';

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == ' ' ? before == ' '
			     : !plain(c) && !strchr("#$%&'=?^_`{|}~", c))
			return false;
		before = c;
	}
	return before != ' ';
}

void word_phrase(struct buf *out, struct str s, size_t column)
{
	if (word_needed(s)) {
		word_encode(out, s, column);
		return;
	}
	if (atoms(s)) {
		buf_add(out, s);
		return;
	}
	buf_addch(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addch(out, '\\');
		buf_addch(out, s.p[i]);
	}
	buf_addch(out, '"');
}

static bool get_q(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '_') {
			buf_addch(out, ' ');
		} else if (s.p[i] != '=') {
			buf_addch(out, s.p[i]);
		} else {
			int octet = str_hex((struct str){ s.p + i + 1,
							  s.n - i - 1 });

			if (octet < 0)
				return false;
			buf_addch(out, (char)octet);
			i += 2;
		}
	}
	return true;
}

static bool get_b(struct buf *out, struct str s)
{
	unsigned long v = 0;
	unsigned bits = 0;

	while (s.n && s.p[s.n - 1] == '=')
		s.n--;
	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(base64, s.p[i]) : NULL;

		if (!at)
			return false;
		v = v << 6 | (unsigned long)(at - base64);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addch(out, (char)(v >> bits & 0xff));
		}
	}
	return true;
}

/* Decode the encoded word s begins with; its length, 0 if there is none. */
static size_t one_word(struct buf *out, struct str s)
{
	struct str rest = s, charset, letter, text;
	size_t len = out->len;
	bool ok;

	if (!str_starts(s, STR("=?")))
		return 0;
	rest.p += 2;
	rest.n -= 2;
	if (rest.n > 998)	/* no word is longer, nor worth looking for */
		rest.n = 998;
	charset = str_cut(&rest, '?');
	letter = str_cut(&rest, '?');
	text = str_cut(&rest, '?');
	if (!rest.n || *rest.p != '=' ||
	    (!str_caseeq(charset, STR("UTF-8")) &&
	     !str_caseeq(charset, STR("US-ASCII"))))
		return 0;
	ok = str_caseeq(letter, STR("B")) ? get_b(out, text) :
	     str_caseeq(letter, STR("Q")) && get_q(out, text);
	if (ok)
		return (size_t)(rest.p + 1 - s.p);
	out->len = len;
	return 0;
}

void word_decode(struct buf *out, struct str s)
{
	size_t blanks = 0;
	bool after_word = false;

	while (s.n) {
		size_t n = 0, len = out->len;

		if (strchr(" \t\r\n", *s.p) && *s.p) {
			if (*s.p == ' ' || *s.p == '\t') {
				buf_addch(out, *s.p);
				blanks++;
			}
			n = 1;
		} else {
			struct buf word;

			buf_init(&word, s.n);
			n = one_word(&word, s);
			if (n && after_word)
				out->len = len - blanks;
			after_word = n > 0;
			buf_add(out, n ? buf_str(&word)
				       : (struct str){ s.p, 1 });
			n = n ? n : 1;
			blanks = 0;
			buf_release(&word);
		}
		s.p += n;
		s.n -= n;
	}
}
