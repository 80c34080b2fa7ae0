#include "sasl/mask.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/base64.h"
#include "util/xalloc.h"

/* The text, and a mark beside each octet that has to go. */
struct page {
	struct str text;
	unsigned char *gone;
};

static void strike(struct page *page, size_t at, size_t n)
{
	memset(page->gone + at, 1, n);
}

static struct str rest(const struct page *page, size_t at)
{
	return (struct str){ page->text.p + at, page->text.n - at };
}

/*
 * Octets at the start of s that stand for `secret`, each of them as it is or
 * as %XX, a blank also as "+"; 0 if they do not.
 */
static size_t match_plain(struct str s, struct str secret)
{
	size_t at = 0;

	for (size_t i = 0; i < secret.n; i++) {
		struct str left = { s.p + at, s.n - at };
		unsigned char want = (unsigned char)secret.p[i];

		if (!left.n)
			return 0;
		if (*left.p == '%' && left.n >= 3 &&
		    str_hex((struct str){ left.p + 1, 2 }) == want)
			at += 3;
		else if (*left.p == secret.p[i] ||
			 (*left.p == '+' && want == ' '))
			at++;
		else
			return 0;
	}
	return at;
}

static size_t match_hex(struct str s, struct str secret)
{
	if (s.n / 2 < secret.n)
		return 0;
	for (size_t i = 0; i < secret.n; i++)
		if (str_hex((struct str){ s.p + 2 * i, 2 }) !=
		    (unsigned char)secret.p[i])
			return 0;
	return 2 * secret.n;
}

static void strike_secret(struct page *page, struct str secret)
{
	for (size_t at = 0; at < page->text.n; at++) {
		struct str s = rest(page, at);

		strike(page, at, match_plain(s, secret));
		strike(page, at, match_hex(s, secret));
	}
}

/* The value of a base64 or base64url digit, or -1. */
static int digit64(char c)
{
	return base64_value(c == '-' ? '+' : c == '_' ? '/' : c);
}

/* The six bits of secret from bit `bit` on, all of which it must have. */
static int six_bits(struct str secret, size_t bit)
{
	size_t at = bit / 8;
	unsigned two = (unsigned)(unsigned char)secret.p[at] << 8;

	if (at + 1 < secret.n)
		two |= (unsigned char)secret.p[at + 1];
	return (int)(two >> (10 - bit % 8) & 63);
}

/*
 * Before the secret come any octets, `skew` of them modulo 3.  The digits at
 * either end then also hold bits of the neighbours, so they cannot be matched;
 * being partly the secret's they are struck all the same.
 */
static void strike_base64(struct page *page, struct str secret, size_t skew)
{
	size_t first = skew == 0 ? 0 : 6 - 2 * skew;	/* bit in secret */
	size_t digits = (8 * secret.n - first) / 6;
	bool tail = (8 * secret.n - first) % 6;

	if (digits < 4)
		return;
	for (size_t at = 0; at + digits <= page->text.n; at++) {
		const char *p = page->text.p;
		size_t from = at;
		size_t to = at;

		while (to - at < digits &&
		       digit64(p[to]) == six_bits(secret, first +
						  6 * (to - at)))
			to++;
		if (to - at < digits)
			continue;
		if (skew && from && digit64(p[from - 1]) >= 0)
			from--;
		if (tail && to < page->text.n && digit64(p[to]) >= 0)
			to++;
		while (to < page->text.n && p[to] == '=')
			to++;
		strike(page, from, to - from);
	}
}

static void strike_pieces(struct page *page, struct str line)
{
	size_t min = line.n < MASK_PIECE_MIN ? line.n : MASK_PIECE_MIN;

	if (min < MASK_SECRET_MIN)
		return;
	for (size_t at = 0; at + min <= page->text.n; at++)
		if (memmem(line.p, line.n, page->text.p + at, min))
			strike(page, at, min);
}

static void rewrite(struct buf *text, const struct page *page)
{
	struct buf clean;

	buf_init(&clean, text->max);
	for (size_t at = 0; at < page->text.n; ) {
		size_t from = at;
		bool gone = page->gone[at];

		while (at < page->text.n && page->gone[at] == gone)
			at++;
		buf_add(&clean, gone ? STR("[secret]") :
			(struct str){ page->text.p + from, at - from });
	}
	buf_wipe(text);
	buf_release(text);
	*text = clean;
}

static void strike_all(struct page *page, struct str secret, struct str sent)
{
	while (sent.n)
		strike_pieces(page, str_cut(&sent, '\n'));
	if (secret.n < MASK_SECRET_MIN)
		return;
	strike_secret(page, secret);
	for (size_t skew = 0; skew < 3; skew++)
		strike_base64(page, secret, skew);
}

/* The lines of a reply as one, for what goes on in the next. */
static void join(struct buf *out, struct str lines)
{
	buf_init(out, lines.n);
	buf_room(out, lines.n);
	while (lines.n)
		buf_add(out, str_cut(&lines, '\n'));
}

void mask_text(struct buf *text, struct str secret, struct str sent)
{
	struct page page = { buf_str(text), NULL }, joined;
	struct buf line;

	if (!page.text.n)
		return;
	join(&line, page.text);
	joined = (struct page){ buf_str(&line), xcalloc(line.len + 1, 1) };
	strike_all(&joined, secret, sent);
	if (memchr(joined.gone, 1, line.len)) {
		page.gone = xcalloc(page.text.n, 1);
		for (size_t i = 0, k = 0; i < page.text.n; i++)
			if (page.text.p[i] != '\n')
				page.gone[i] = joined.gone[k++];
		rewrite(text, &page);
		free(page.gone);
	}
	free(joined.gone);
	buf_wipe(&line);
	buf_release(&line);
}
