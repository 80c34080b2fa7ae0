#include "mail/xtext.h"

#include "util/utf8.h"

static bool plain(char c)
{
	return c > ' ' && c <= '~' && c != '+' && c != '=';
}

void xtext_encode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (plain(s.p[i]))
			buf_addch(out, s.p[i]);
		else
			buf_addf(out, "+%02X", (unsigned char)s.p[i]);
}

/* The value of a hexadecimal digit, upper case as s4 wants it; else -1. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hexchar(struct str s, size_t at)
{
	return s.n - at > 2 && s.p[at] == '+' && digit(s.p[at + 1]) >= 0 &&
	       digit(s.p[at + 2]) >= 0;
}

bool xtext_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (hexchar(s, i))
			i += 2;
		else if (!plain(s.p[i]))
			return false;
	}
	return s.n > 0;
}

void xtext_decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!hexchar(s, i)) {
			buf_addch(out, s.p[i]);
			continue;
		}
		buf_addch(out, (char)(digit(s.p[i + 1]) * 16 +
				      digit(s.p[i + 2])));
		i += 2;
	}
}

/* What the caller gave, safe to show in an error. */
static int refuse(struct str s, const char *what, const char *wrong,
		  struct error *err)
{
	struct buf shown;

	buf_init(&shown, 400);
	utf8_escape(&shown, s);
	error_set(err, ERROR_USAGE, "%s '%s' %s", what,
		  shown.over ? "..." : buf_cstr(&shown), wrong);
	buf_release(&shown);
	return -1;
}

int xtext_envid(struct str s, struct error *err)
{
	if (s.n > XTEXT_ENVID_MAX)
		return refuse(s, "envelope id",
			      "is longer than 100 characters", err);
	if (!xtext_valid(s))
		return refuse(s, "envelope id",
			      "is not xtext; write a blank as +20", err);
	return 0;
}

enum { SUCCESS = 1, FAILURE = 2, DELAY = 4 };

/* Indexed by the bits above: one spelling and order for each set. */
static const char *const notify_text[] = {
	[SUCCESS] = "SUCCESS",
	[FAILURE] = "FAILURE",
	[SUCCESS | FAILURE] = "SUCCESS,FAILURE",
	[DELAY] = "DELAY",
	[SUCCESS | DELAY] = "SUCCESS,DELAY",
	[FAILURE | DELAY] = "FAILURE,DELAY",
	[SUCCESS | FAILURE | DELAY] = "SUCCESS,FAILURE,DELAY",
};

static unsigned notify_bit(struct str word)
{
	for (unsigned bit = SUCCESS; bit <= DELAY; bit <<= 1)
		if (str_caseeq(word, str_of(notify_text[bit])))
			return bit;
	return 0;
}

int xtext_notify(struct str s, const char **out, struct error *err)
{
	struct str rest = s;
	unsigned set = 0;

	if (str_caseeq(str_trim(s), STR("never"))) {
		*out = "NEVER";
		return 0;
	}
	do {
		unsigned bit = notify_bit(str_trim(str_cut(&rest, ',')));

		if (!bit)
			return refuse(s, "notification", "is neither never nor "
				      "a list of success, failure, delay", err);
		set |= bit;
	} while (rest.n);
	*out = notify_text[set];
	return 0;
}

int xtext_ret(struct str s, const char **out, struct error *err)
{
	if (str_caseeq(s, STR("full")))
		*out = "FULL";
	else if (str_caseeq(s, STR("hdrs")))
		*out = "HDRS";
	else
		return refuse(s, "what to return", "is neither full nor hdrs",
			      err);
	return 0;
}

void xtext_orcpt(struct buf *out, struct str addr)
{
	unsigned long cp;

	if (!str_has_8bit(addr)) {
		buf_addz(out, "rfc822;");
		xtext_encode(out, addr);
		return;
	}
	buf_addz(out, "utf-8;");
	while (addr.n) {
		size_t n = utf8_next(addr, &cp);

		if (n != 1 || !plain(*addr.p) || *addr.p == '\\')
			buf_addf(out, "\\x{%lX}",
				 n ? cp : (unsigned char)*addr.p);
		else
			buf_addch(out, *addr.p);
		n = n ? n : 1;
		addr.p += n;
		addr.n -= n;
	}
}
